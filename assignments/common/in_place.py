"""A student's function of a notebook, tried in place on the public example of its exercise."""

import importlib
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from assignments.common.exercises import has_exercises
from data_tools.errors import KitError


def try_in_place(work: str, function: Callable[..., Any], language: str) -> str:
    """What is wrong with a function that has the name of an exercise, one line; "" where the public example passes.

    It runs in this process: it is the student's own.
    """
    if not has_exercises(work):
        raise KitError(f"{work} has no exercises")
    name = getattr(function, "__name__", "")
    attempt = _of_rows(work, name) if "example" in exercise_row(work, name) else _of_check(work, name)
    try:
        return attempt(function, language)
    except NotImplementedError:
        return "尚未填写" if language == "zh" else "not filled in yet"
    except Exception as error:  # whatever a student's function does is shown to the student
        return f"{type(error).__name__}: {error}"


def exercise_row(work: str, name: str) -> dict[str, Any]:
    """What exercises.yaml says of an exercise; KitError where there is none of that name."""
    from assignments.common.exercise_rows import read_exercises

    rows = {row["name"]: row for row in read_exercises(work)["exercises"]}
    if name not in rows:
        raise KitError(f"{name or 'that'} is no exercise of {work}; there are {', '.join(rows)}")
    return rows[name]


def _of_rows(work: str, name: str) -> Callable[[Callable[..., Any], str], str]:
    from assignments.common.exercise_rows import answer_of, public_case
    from assignments.common.exercises import exercises_of
    from assignments.common.student_check import Wrong, compare, parts

    row, declared = exercise_row(work, name), exercises_of(work)
    assert declared is not None
    driver = next(each.driver for each in declared.exercises if each.name == name)

    def attempt(function: Callable[..., Any], language: str) -> str:
        case, expected = public_case(work, row, driver)
        try:
            compare(answer_of(work, driver, row["file"], (name, function))(*case), parts(expected))
        except Wrong as error:
            return error.said[language]
        return ""

    return attempt


def _of_check(work: str, name: str) -> Callable[[Callable[..., Any], str], str]:
    checks = importlib.import_module(f"assignments.{work}.public")
    check = getattr(checks, f"check_{name}")

    def attempt(function: Callable[..., Any], language: str) -> str:
        try:
            check(SimpleNamespace(**{name: function}))
        except checks.Wrong as error:
            return error.said[language]
        return ""

    return attempt
