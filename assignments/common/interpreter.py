"""The right Python: the one that has what the kit needs."""

import importlib.util
import sys
from pathlib import Path

from data_tools.errors import KitError
from data_tools.files.places import PROJECT_ROOT

OURS = ("assignments", "data_tools", "paddle_models", "reports")
NEEDED = ("jsonargparse", "yaml", "numpy", "cv2", "paddle")  # a sign of all the others; Paddle may be either wheel


def check() -> None:
    """KitError where this Python lacks what every command needs."""
    for name in NEEDED:
        if name not in sys.modules and importlib.util.find_spec(name) is None:
            raise KitError(which_python(name))


def which_python(missing: str) -> str:
    """What to do where this Python lacks the module `missing`."""
    own = PROJECT_ROOT / ".venv"
    if (own / "bin" / "python").exists() and own.resolve() != Path(sys.prefix).resolve():
        return f"this Python has no {missing}; use .venv/bin/python"
    return f"this Python has no {missing}; the kit brings it: make install"
