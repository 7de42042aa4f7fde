"""A student's function of a notebook, tried in place on the public example of its exercise."""

import copy
import importlib
from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from assignments.common.exercises import has_exercises
from data_tools.errors import KitError

if TYPE_CHECKING:
    from reports.grading.exercises import Exercise, Exercises


def try_in_place(work: str, function: Callable[..., Any], language: str) -> str:
    """What is wrong with a function that has the name of an exercise, one line; "" where the public example passes.

    It runs in this process: it is the student's own.
    """
    if not has_exercises(work):
        raise KitError(f"{work} has no exercises")
    from assignments.common.student_check import said

    name = getattr(function, "__name__", "")
    attempt = _of_rows(work, name) if "example" in exercise_row(work, name) else _of_check(work, name)
    try:
        wrong = attempt(function, language)
        known = wrong and _known_mistake(work, name, function, language)
        return said("colon", language).join(filter(None, [known, wrong]))
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


def _declared(work: str, name: str) -> tuple["Exercises", "Exercise"]:
    from assignments.common.exercises import exercises_of

    found = exercises_of(work)
    assert found is not None
    return found, next(each for each in found.exercises if each.name == name)


def _known_mistake(work: str, name: str, function: Callable[..., Any], language: str) -> str:
    """As known_mistake of student_check.py, of a function in this process."""
    from assignments.common.exercise_rows import answer_of, tried_case, wrong_answers
    from reports.grading.mistakes import in_words, parts

    row, (declared, each) = exercise_row(work, name), _declared(work, name)
    if each.judge:
        return ""
    driver, case, expected = tried_case(work, row, each)
    own = wrong_answers(row, each, declared.texts, case, language)
    try:
        found = answer_of(work, driver, row["file"], (name, function))(*copy.deepcopy(case))
    except Exception:  # the public check has told already what is wrong with it
        return ""
    return in_words(found, parts(expected) or [], case, own, language)


def _of_rows(work: str, name: str) -> Callable[[Callable[..., Any], str], str]:
    from assignments.common.exercise_rows import answer_of, public_case
    from assignments.common.student_check import Wrong, compare, parts

    row, driver = exercise_row(work, name), _declared(work, name)[1].driver

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
