"""Packages that the kit needs and this Python lacks, installed with one line: for notebooks, which have no shell."""

import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version

from data_tools.errors import KitError
from data_tools.files.places import PROJECT_ROOT

REQUIREMENTS = ("requirements.txt", "requirements-common.txt")
PADDLES = ("paddlepaddle", "paddlepaddle-gpu")  # one stands for the other, which it would overwrite
NOT_FOR_NOTEBOOKS = ("pytest", "hypothesis", "pytest-timeout", "pytest-xdist", "ruff", "mypy")


def missing() -> list[str]:
    """Requirements of the kit that are not installed here at all; another version than the wanted is left alone."""
    from packaging.requirements import InvalidRequirement, Requirement

    found = []
    for name in REQUIREMENTS:
        for line in (PROJECT_ROOT / name).read_text(encoding="utf-8").splitlines():
            try:
                wanted = Requirement(line.partition("#")[0].strip())
            except InvalidRequirement:  # an option, a comment, nothing
                continue
            names = PADDLES if wanted.name in PADDLES else (wanted.name,)
            needed = wanted.name not in NOT_FOR_NOTEBOOKS and (wanted.marker is None or wanted.marker.evaluate())
            if needed and not any(map(_is_installed, names)):
                wanted.marker = None
                found.append(str(wanted))
    return found


def install_missing() -> None:
    """Install them by pip, with a line before; KitError with its last words where it fails."""
    wanted = missing()
    if not wanted:
        return
    print(f"installing {', '.join(wanted)} (once)", flush=True)
    done = subprocess.run([sys.executable, "-m", "pip", "install", "-q", *wanted], capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["pip said nothing"])[-1]
        raise KitError(f"pip could not install them: {last}; install them by hand: pip install -r requirements.txt")


def _is_installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True
