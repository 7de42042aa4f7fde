"""`new`: the folder of a work of one's own, which runs, draws, reports, submits and grades at once."""

import argparse
import keyword
import re
import shutil
from pathlib import Path
from typing import Any

from assignments.common.command_line import add_command, speaks
from assignments.common.works import FOLDER
from data_tools.errors import KitError
from data_tools.language import show

TEMPLATES = Path(__file__).with_name("templates")
FILL_IN = "FILL IN"  # marks the places


def add_to(commands: Any) -> None:
    """The command and its options."""
    command = add_command(commands, "new", new)
    command.add_argument("name", help="of the folder: letters, digits and _, as my_work")
    command.add_argument("--like", choices=kinds(), default="classifier",
                         help="classifier: arrays of your own; regression: numbers instead of classes; images: any "
                              "folder of class folders (default: classifier)")
    speaks(command)


def kinds() -> list[str]:
    """Names of the templates."""
    return sorted(path.parent.name for path in TEMPLATES.glob("*/run.py"))


def new(arguments: argparse.Namespace) -> int:
    """Write the folder of a work of your own, which runs, draws, submits and grades at once; you fill it in."""
    folder = write_work(arguments.name, arguments.like)
    show(f"written to {folder}:")
    for file in sorted(folder.iterdir()):
        places = file.read_text(encoding="utf-8").count(FILL_IN)
        show(f"  {file.name}" + (f", {places} places to fill in, marked {FILL_IN}" if places else ""))
    if arguments.like == "images":
        show("look at your images, then run with --data FOLDER\n    python -m assignments data audit FOLDER")
    show(f"try it, then figures, report, submit; see CONTRIBUTING.md\n    python -m assignments run {arguments.name}")
    return 0


def write_work(name: str, like: str = "classifier") -> Path:
    """assignments/NAME from a template; KitError for a name that is none, or that is taken."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise KitError(f"{name!r}: a work's name is that of a folder and a module: small letters, digits and _, a "
                       "letter first")
    folder = FOLDER / name
    if folder.exists():
        raise KitError(f"{folder} is there already; choose another name, or delete it")
    folder.mkdir()
    for source in (TEMPLATES / "assignments.py", *sorted((TEMPLATES / like).iterdir())):
        if source.is_file():
            text = source.read_text(encoding="utf-8").replace("__NAME__", name)
            (folder / source.name).write_text(text, encoding="utf-8")
    shutil.rmtree(folder / "__pycache__", ignore_errors=True)
    return folder
