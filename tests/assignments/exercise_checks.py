"""What every work's exercises are checked by: before and after, in both languages, mistakes told by name, texts."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import numpy as np

from assignments.common.exercise_rows import read_exercises, tried_case, wrong_answers
from assignments.common.exercises import exercises_of
from assignments.common.student_folder import named, write_folder
from reports.grading.exercises import Exercise, grade_exercises
from reports.grading.mistakes import in_words, of_answer, parts, same

CHINESE = re.compile("[\u4e00-\u9fff]")


def grade(work: str, folder: Path):
    return grade_exercises(folder, exercises_of(work, {"seed": 3, "trust": True}), "ann")


def check(folder: Path, *words: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, str(folder / "check.py"), *words], capture_output=True, text=True,
                          encoding="utf-8")


def nothing_before_and_all_after(work: str, folder: Path, language: str) -> None:
    """A student's version scores 0 before and 100 with the solution; so says the public check (a part of it before, all
    of it after, in Chinese)."""
    write_folder(work, folder / "before", language)
    write_folder(work, folder / "after", language, solution=True)
    for name, points in (("before", 0), ("after", 100)):
        made = grade(work, folder / name)
        assert (made.score, made.max_score) == (points, 100), [line.message for line in made.criteria]
    first = [row["name"] for row in read_exercises(work)["exercises"]][:2]
    done = check(folder / "before", "--only", *first)
    assert done.returncode == 1 and done.stdout.count("尚未填写" if language == "zh" else "not filled in yet") == 2
    if language == "zh":
        done = check(folder / "after")
        assert (done.returncode, done.stderr) == (0, "") and "公开检查：100 / 100" in done.stdout, done.stdout
    if language == "zh":
        for file in exercises_of(work).files:
            for place, node in named(ast.parse((folder / "before" / f"{file}.py").read_text(encoding="utf-8"))):
                text = ast.get_docstring(node)
                assert text is None or CHINESE.search(text), f"{file}.{place}: {text}"


def mistakes_are_told_by_name(work: str) -> None:
    """Those of all functions."""
    for number, each in enumerate(exercises_of(work).exercises):
        told_by_name(each, number)


def told_by_name(each: Exercise, number: int) -> None:
    """At least four mistakes, each of them told as what it is, none of them right."""
    assert len(each.mistakes) >= 4, each.name
    rng = np.random.default_rng([3, number])
    told = set()
    for case in [each.draw(rng) for _ in range(each.cases)]:
        right = parts(each.reference(*case))
        own = {key: parts(make(*case)) or [] for key, make in each.mistakes.items()}
        for found in own.values():
            if not same(found, right, each.tolerance):
                value = found[0] if len(found) == 1 else found
                told.add(of_answer(value, right, case, each.public, own, each.tolerance))
    assert told == set(each.mistakes), f"{each.name}: {set(each.mistakes) ^ told} cannot be told apart"


def own_checks_catch_and_name_mistakes(work: str) -> None:
    """By the public example of an exercise, or the numbers of its own check: no mistake passes, each has its answer."""
    declared = exercises_of(work)
    for row in read_exercises(work)["exercises"]:
        each = next(each for each in declared.exercises if each.name == row["name"])
        if not each.judge:
            _, case, answer = tried_case(work, row, each)
            wrong = wrong_answers(row, each, declared.texts, case, "en")
            assert len(wrong) == len(each.mistakes)
            for text, own in wrong.items():
                value = own[0] if len(own) == 1 else own
                assert in_words(value, parts(answer), case, wrong, "en") == text, row["name"]
        assert bool(each.special) == ("special" in row) == (f"{each.name}-special" in declared.texts)


def texts_are_whole_and_give_nothing_away(work: str) -> None:
    """Both languages, 100 points; no statement holds its formula, no hint stands in the student's file."""
    rows, texts = read_exercises(work)["exercises"], exercises_of(work).texts  # which imports the solutions
    assert sum(row["points"] for row in rows) == 100 and len(rows) >= 8
    for row in rows:
        source = (Path(sys.modules[f"assignments.{work}.by_hand.{row['file']}"].__file__)).read_text(encoding="utf-8")
        body = ast.unparse(dict(named(ast.parse(source)))[row["name"]].body[1:])
        for language in ("en", "zh"):
            doc, hint = row[f"doc_{language}"], row[f"hint_{language}"]
            assert row[language] and doc and hint and bool(CHINESE.search(doc + hint)) == (language == "zh")
            assert row["formula"] not in doc and hint not in doc
            assert not any(len(line) > 20 and line.strip() in hint + doc for line in body.splitlines()), row["name"]
    for english, chinese in texts.values():
        assert english and CHINESE.search(chinese) and not CHINESE.search(english)
