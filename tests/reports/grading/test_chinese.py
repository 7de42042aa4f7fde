"""Every sentence that the grader says of a submission is there in Chinese, and outputs in Chinese hold them."""

import ast
import re
from dataclasses import replace
from pathlib import Path

import pytest

from data_tools.files.places import PROJECT_ROOT
from reports.grading import hints, likeness, source_rules
from reports.grading.chinese import chinese
from reports.grading.chinese import sentences as graders_sentences
from reports.grading.class_folder import DAY, Handed, Student
from reports.grading.class_page import html_page
from reports.grading.grade_one import grade
from reports.grading.grades_csv import grades_csv
from reports.grading.gradescope import results
from reports.grading.limits import Limits
from reports.grading.table import details, table
from tests.reports.grading.bad import EXPECTED, make_bad
from tests.reports.grading.toy import make_toy_run, works

IDEOGRAPH = re.compile("[\u4e00-\u9fff]")
SPEAKERS = ("reports/grading/consistency.py", "reports/grading/grade_one.py", "reports/grading/submission.py",
            "reports/grading/unpack.py", "reports/grading/seal.py", "reports/grading/exercises.py",
            "reports/run_reader.py", "data_tools/files/plain_yaml.py", "paddle_models/weights/files.py",
            "assignments/common/judging.py", "assignments/backprop/judge.py", "assignments/swift_srgan/run.py")
CALLS = ("BadFile", "Problem", "_contradiction", "_refuse", "append")


def template(node: ast.AST) -> str:
    """A literal text, or one with {} for what is put in; empty for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    parts = node.values if isinstance(node, ast.JoinedStr) else ()
    return "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in parts)


def sentences(file: str) -> list[str]:
    """What a file says of submissions: texts of at least two words."""
    tree = ast.parse((PROJECT_ROOT / file).read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args
             and getattr(node.func, "id", getattr(node.func, "attr", "")) in CALLS]
    found = [template(node.args[-1]) for node in calls]
    return [text for text in found if re.search(r"[a-z]{2} [a-z]{2}", text)]


@pytest.mark.parametrize("file", SPEAKERS)
def test_every_sentence_has_a_translation(file):
    wanted = sentences(file)
    assert wanted
    missing = [text for text in wanted if not IDEOGRAPH.search(chinese(text.replace("{}", "X1")))]
    assert not missing, f"chinese.yaml lacks: {missing}"


def test_every_note_has_a_translation():
    late = Handed(Student(late=True), 5 * DAY, ["a.pdf"], DAY, 0.1)
    pairs = likeness.notes_of([("ann", f"other{number}", number / 100, False) for number in (0, 1, 50)] * 3)
    notes = [*late.notes, *Handed(Student(late=True)).notes, *hints.note_of(["softmax"], 0), *hints.note_of(None, 5),
             *pairs["ann"], likeness.OF_KIT.format("x"), likeness.OF_PACKAGE.format("y")]
    assert len(notes) == 13 and all(IDEOGRAPH.search(chinese(note)) for note in notes), notes


def test_translations_keep_what_changes_from_case_to_case():
    for pattern, translation in graders_sentences().patterns:
        groups = [f"G{number}" for number in range(pattern.groups)]
        assert all(group in translation.format(*groups) for group in groups), translation
    assert chinese("nothing like it") == "nothing like it"
    assert chinese("li.rar is a RAR archive, which is not read; hand in the zip that `python -m assignments submit` "
                   "writes of a run").startswith("li.rar 是 RAR 压缩包，无法读取；请提交")
    [(english, translated)] = source_rules.remarks("descent", "import os\n")
    assert chinese(english) == translated


@pytest.mark.parametrize("kind", [kind for kind, (problem, _) in EXPECTED.items() if problem])
def test_what_is_wrong_is_told_in_chinese(kind, tmp_path):
    (tmp_path / "scratch").mkdir()
    path = make_bad(kind, make_toy_run(tmp_path / "good"), tmp_path / "bad", tmp_path / "canary")
    made = grade(path, works(), tmp_path / "scratch", Limits(), "toy")
    told = {problem["message"] for problem in made.problems}
    foreign = {"damaged-zip", "yaml-number"}  # the words of Python's own readers stand after the kit's
    assert kind in foreign or all(IDEOGRAPH.search(chinese(text)) for text in told), told


def test_all_outputs_of_a_grade_are_in_the_wanted_language(tmp_path):
    (tmp_path / "scratch").mkdir()
    made = grade(Path(make_bad("pickle", make_toy_run(tmp_path / "good"), tmp_path / "bad")), works(),
                 tmp_path / "scratch", Limits(), "toy")
    made = replace(made, notes=["2 days late", "hints asked for: softmax"])
    for text in (table([made], "zh"), html_page([made], "zh"), details(made, "zh"), results(made, "zh")["output"]):
        assert "未载入" in text and "was not loaded" not in text
    for text in (html_page([made], "zh"), details(made, "zh"), results(made, "zh")["output"],
                 grades_csv([made], language="zh")):
        assert "迟交 2 天" in text and "看过的提示：softmax" in text and "days late" not in text
    assert "2 days late | hints asked for: softmax" in grades_csv([made]) and "was not loaded" in table([made])
