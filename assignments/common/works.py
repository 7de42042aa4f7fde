"""The list of the works: every folder of assignments/ with a run.py is one, and nothing else names them."""

import ast
import importlib
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from assignments.common.interpreter import check
from data_tools.errors import KitError
from data_tools.files.places import PROJECT_ROOT
from data_tools.files.plain_yaml import read_yaml
from data_tools.language import language

if TYPE_CHECKING:
    from assignments.common.work import Work

FOLDER = PROJECT_ROOT / "assignments"
PRESETS, ABOUT = "presets.yaml", "about.yaml"


def work_names() -> list[str]:
    """Their folders, in the order of the alphabet."""
    return sorted(file.parent.name for file in FOLDER.glob("*/run.py"))


def work_of(name: str) -> "Work":
    """The work of a folder; KitError that names file and line where it cannot be taken."""
    from assignments.common.work import Work

    if name not in work_names():
        raise KitError(f"{name}: there is no such work; there are {', '.join(work_names())}")
    check()
    file = FOLDER / name / "run.py"
    if not (FOLDER / name / PRESETS).is_file():
        raise KitError(f"{_short(FOLDER / name / PRESETS)} is missing: a work needs a preset \"sample\" at least; "
                       "`python -m assignments new` writes one to begin from")
    try:
        module = importlib.import_module(f"assignments.{name}.run")
    except KitError:
        raise
    except Exception as error:  # whatever a teacher's file may hold
        raise KitError(f"{_where(error, file)}: {type(error).__name__}: {error}") from None
    work = getattr(module, "WORK", None)
    if not isinstance(work, Work):
        raise KitError(f"{_short(file)}:1: it has no WORK = ...(), an instance of a subclass of Work")
    return work


def summary(name: str) -> str:
    """What a work is in a line: the first of the docstring of its folder, else of its run.py; nothing is imported. In
    Chinese the title of its about.yaml, where it has one."""
    if language() == "zh" and (FOLDER / name / ABOUT).is_file():
        return str(read_yaml(FOLDER / name / ABOUT)["title"]["zh"])
    for file in ("__init__.py", "run.py"):
        path = FOLDER / name / file
        try:
            text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"), str(path))) if path.is_file() else ""
        except (SyntaxError, ValueError) as error:
            raise KitError(f"{_where(error, path)}: {getattr(error, 'msg', error)}") from None
        if text:
            first = " ".join(text.split("\n\n")[0].split())
            return first.rpartition(": python ")[0] or first
    return name


def _where(error: BaseException, file: Path) -> str:
    """file:line of a mistake: the innermost line of the work's own folder."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_short(Path(error.filename))}:{error.lineno}"
    own = [frame for frame in traceback.extract_tb(error.__traceback__)
           if Path(frame.filename).parent == file.parent]
    return f"{_short(Path(own[-1].filename))}:{own[-1].lineno}" if own else _short(file)


def _short(file: Path) -> str:
    return str(file.relative_to(PROJECT_ROOT)) if file.is_relative_to(PROJECT_ROOT) else str(file)
