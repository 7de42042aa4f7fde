"""Weights that came with the kit, in paddle_models/pretrained."""

from pathlib import Path

from data_tools.errors import KitError
from data_tools.files.places import PROJECT_ROOT

FOLDER = PROJECT_ROOT / "paddle_models" / "pretrained"


def newest(assignment: str, of: str, then: str) -> Path:
    """The weights of an assignment, the last by name as a clone keeps no times; KitError where none came along.

    of: what they belong to, in words. then: what the error advises to do with weights that one trains oneself.
    """
    found = sorted(FOLDER.glob(f"{assignment}*.safetensors"))
    if not found:
        raise KitError(f"no weights of {of} came with this copy of the kit. Train some (`python -m assignments run "
                       f"{assignment} "
                       f"--preset best`){then}")
    return found[-1]
