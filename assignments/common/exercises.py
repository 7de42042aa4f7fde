"""Exercises of works: what a work declares in exercises.py beside its run.py (EXERCISES), found by name or by files."""

import importlib
import secrets
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assignments.common.works import FOLDER, work_names
from data_tools.errors import KitError

if TYPE_CHECKING:
    from reports.grading.exercises import Exercises
    from reports.grading.limits import Limits

SEED = "exercises-seed.txt"  # in the grader's --out: the class is graded with the same numbers when it goes on


def has_exercises(name: str) -> bool:
    """Whether a work declares exercises; nothing is imported."""
    return (FOLDER / name / "exercises.py").is_file()


def exercises_of(name: str, settings: Mapping[str, Any] | None = None) -> "Exercises | None":
    """The exercises of a work with the grader's settings (seed, per_student, trust); None where it has none."""
    if not has_exercises(name):
        return None
    return replace(importlib.import_module(f"assignments.{name}.exercises").EXERCISES, **(settings or {}))


def named_by_files(path: Path, limits: "Limits") -> str | None:
    """The work whose exercises a submission holds, None where it holds none."""
    from reports.grading.exercises import holds_exercises

    return next((name for name in work_names() if (found := exercises_of(name)) is not None
                 and holds_exercises(path, found, limits)), None)


def exercise_files() -> set[str]:
    """Names of the files that students write, of all works."""
    declared = (exercises_of(name) for name in work_names())
    return {f"{file}.py" for found in declared if found is not None for file in found.files}


def hint_cost(percent: float) -> float:
    """What a teacher wants a hint to cost; KitError for what is no share of the points."""
    if not 0 <= percent <= 100:
        raise KitError(f"--hint-cost {percent:g}: expected 0 to 100 percent")
    return percent


def kept_seed(out: Path, given: int | None) -> int:
    """The seed that is given, else the one that `out` keeps, else a new one, which is kept there."""
    from data_tools.files.atomic import write_atomically

    file = out / SEED
    if given is None and file.is_file():
        try:
            return int(file.read_text())
        except (OSError, ValueError):
            raise KitError(f"{file} holds no number; delete it, and another seed is drawn") from None
    seed = secrets.randbits(31) if given is None else given
    if seed < 0:
        raise KitError(f"--seed {seed}: give 0 or more")
    write_atomically(file, f"{seed}\n".encode())
    return seed
