"""The exercises of a work: texts in exercises.yaml, solved functions in by_hand/, wrong ones in exercises.py.

A work's exercises.py calls declare() with a line per function: what is drawn, and what students get wrong in it.
Points, files, public examples, words and the order come from exercises.yaml; the reference is the function of by_hand/.
"""

import copy
import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from assignments.common import exercise_drivers
from assignments.common.works import FOLDER
from data_tools.errors import KitError

if TYPE_CHECKING:
    from reports.grading.exercises import Exercise, Exercises
    from reports.grading.mistakes import Parts

Draw = Callable[[np.random.Generator], list[Any]]


@dataclass(frozen=True)
class Drawn:
    """Of one function: draw gives its arguments, special those of the special case; mistakes are wrong versions of it,
    by the names that exercises.yaml has words for.

    driver: the function of exercise_drivers.py, or of the work's drivers.py, that calls it.
    """

    draw: Draw
    mistakes: Mapping[str, Callable[..., Any]]
    special: Draw | None = None
    driver: str = "call"
    tolerance: float = 1e-8


def read_exercises(work: str) -> dict[str, Any]:
    """exercises.yaml of a work: title, exercises (with their numbers from 1) and texts of what is given."""
    import yaml

    file = FOLDER / work / "exercises.yaml"
    try:
        read = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise KitError(f"{file} cannot be read: {' '.join(str(error).split())[:200]}") from None
    read["exercises"] = [{"number": number, **row} for number, row in enumerate(read["exercises"], 1)]
    return read


def arguments(row: Mapping[str, Any]) -> list[Any]:
    """Of a row's public example: lists of numbers become arrays, of floats where one is, lists of words stay;
    {random: shape, seed: n} is an array of that shape, {list: [...]} a list of arrays."""
    return [_argument(item) for item in row["example"]]


def _argument(item: Any) -> Any:
    if isinstance(item, dict) and "list" in item:
        return [_argument(each) for each in item["list"]]
    if isinstance(item, dict):
        return np.round(np.random.default_rng(item["seed"]).normal(0, 1, item["random"]), 3)
    return np.array(item) if isinstance(item, list) and not _has_words(item) else item


def _has_words(item: Any) -> bool:
    return isinstance(item, str) or isinstance(item, list) and any(_has_words(each) for each in item)


def driver_text(work: str) -> str:
    """The module that calls students' functions: the common drivers, then the work's own."""
    own = FOLDER / work / "drivers.py"
    files = [Path(exercise_drivers.__file__), *([own] if own.is_file() else [])]
    return "\n\n".join(file.read_text(encoding="utf-8") for file in files)


def public_case(work: str, row: Mapping[str, Any], driver: str) -> tuple[list[Any], Any]:
    """(what the driver gets in the public example of a row, the answer to it)."""
    case = [row["file"], row["name"], *arguments(row)]
    return case, answer_of(work, driver, row["file"])(*case)


def tried_case(work: str, row: Mapping[str, Any], each: "Exercise") -> tuple[str, list[Any], Any]:
    """(driver, what it gets, the answer) by which a student's own check tells mistakes: the public example, else
    numbers drawn for it alone (a grader's have fewer words of seed)."""
    if "example" in row:
        return each.driver, *public_case(work, row, each.driver)
    assert each.reference is not None
    case = each.draw(np.random.default_rng([1, 1, 1, 1, row["number"]]))
    answer = each.reference(*copy.deepcopy(case))
    return (each.driver, case, answer) if each.driver else ("call", [row["file"], row["name"], *case], answer)


def wrong_answers(row: Mapping[str, Any], each: "Exercise", texts: Mapping[str, tuple[str, str]], case: Sequence[Any],
                  language: str) -> dict[str, "Parts"]:
    """{what students get wrong, in words: the answer of that to a case of tried_case}."""
    from reports.grading.mistakes import parts

    given = case if each.driver else case[2:]
    with np.errstate(all="ignore"):
        return {texts[key][language == "zh"]: parts(make(*copy.deepcopy(given))) or []
                for key, make in each.mistakes.items()}


def declare(work: str, functions: Mapping[str, Drawn]) -> "Exercises":
    """All exercises of a work, for the grader; KitError where exercises.yaml and `functions` are not of the same."""
    from reports.grading.exercises import Exercises

    rows = read_exercises(work)["exercises"]
    if {row["name"] for row in rows} != set(functions):
        raise KitError(f"{FOLDER / work / 'exercises.yaml'} and exercises.py beside it name other functions")
    found, texts = declared(work, functions)
    files = tuple(dict.fromkeys(row["file"] for row in rows))
    return Exercises(work, tuple(found), files, driver_text(work), texts,
                     {row["name"]: {"en": row["en"], "zh": row["zh"]} for row in rows}, solved_texts(work, files))


def declared(work: str, functions: Mapping[str, Drawn]) -> tuple[list["Exercise"], dict[str, tuple[str, str]]]:
    """(the exercises of these functions in the order of exercises.yaml, the words for their mistakes)."""
    from reports.grading.exercises import Exercise

    rows = [row for row in read_exercises(work)["exercises"] if row["name"] in functions]
    told = {f"{row['name']}, {key}" for row in rows for key in row["mistakes"]}
    made = {f"{name}, {key}" for name, drawn in functions.items() for key in drawn.mistakes}
    told |= {f"{row['name']}, the special case" for row in rows if "special" in row}
    made |= {f"{name}, the special case" for name, drawn in functions.items() if drawn.special}
    if told != made:
        raise KitError(f"{FOLDER / work / 'exercises.yaml'} or exercises.py beside it lacks {min(told ^ made)}")
    found, texts = [], dict[str, tuple[str, str]]()
    for row in rows:
        drawn, name, file = functions[row["name"]], row["name"], row["file"]
        texts.update({f"{name}-{key}": (english, chinese) for key, (english, chinese) in row["mistakes"].items()})
        texts.update(special_text(row))
        found.append(Exercise(
            name, file, row["points"], partial(_with_names, file, name, drawn.draw),
            answer_of(work, drawn.driver, file), drawn.driver,
            drawn.special and partial(_with_names, file, name, drawn.special),
            {f"{name}-{key}": answer_of(work, drawn.driver, file, (name, wrong))
             for key, wrong in drawn.mistakes.items()},
            public_case(work, row, drawn.driver)[1], tolerance=drawn.tolerance))
    return found, texts


def solved_texts(work: str, files: Sequence[str]) -> dict[str, str]:
    """{file: text} of by_hand/."""
    return {file: (FOLDER / work / "by_hand" / f"{file}.py").read_text(encoding="utf-8") for file in files}


def special_text(row: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """What is said where a function of a row that has a special case is wrong there alone, by its key."""
    from reports.grading.mistakes import TEXTS

    english, chinese = TEXTS["special"]
    return {f"{row['name']}-special": (f"{english}: {row['special'][0]}", f"{chinese}：{row['special'][1]}")} if (
        "special" in row) else {}


def _with_names(file: str, name: str, draw: Draw, rng: np.random.Generator) -> list[Any]:
    return [file, name, *draw(rng)]


def answer_of(work: str, driver: str, file: str,
              wrong: tuple[str, Callable[..., Any]] | None = None) -> Callable[..., Any]:
    """A call of the driver with the solved module, one of its functions replaced by another, right or wrong."""
    def answer(*case: Any) -> Any:
        solved = vars(importlib.import_module(f"assignments.{work}.by_hand.{file}"))
        module = SimpleNamespace(**{**solved, **(_replaced(solved, *wrong) if wrong else {})})
        called = getattr(exercise_drivers, driver, None) or getattr(
            importlib.import_module(f"assignments.{work}.drivers"), driver)
        with np.errstate(all="ignore"):
            return called({file: module}, *case)

    return answer


def _replaced(solved: Mapping[str, Any], name: str, wrong: Callable[..., Any]) -> dict[str, Any]:
    """The function, or the class with another method, under its name."""
    owner, _, method = name.rpartition(".")
    return {owner: type(owner, (solved[owner],), {method: wrong})} if owner else {name: wrong}
