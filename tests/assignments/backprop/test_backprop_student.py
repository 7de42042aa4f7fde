"""The student's version: bodies out, no formula in a docstring, both languages, hints when asked for, a check that is
not the grade."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from assignments.backprop import student
from assignments.common import student_folder
from assignments.common.exercise_rows import read_exercises
from assignments.common.student_folder import named, take_out
from data_tools.errors import KitError

SCRIPT = Path(student.__file__)
EXERCISES = student.read_exercises()


def make(folder, *words):
    return subprocess.run([sys.executable, str(SCRIPT), "--out", str(folder), *words], capture_output=True, text=True)


def check(folder, *words):
    return subprocess.run([sys.executable, str(folder / "check.py"), *words], capture_output=True, text=True,
                          encoding="utf-8", cwd=folder.parent)


def test_a_hundred_points_in_functions_that_exist():
    assert sum(row["points"] for row in EXERCISES) == 100
    for row in EXERCISES:
        assert all(row[key] for key in ("en", "zh", "doc_en", "doc_zh", "formula", "hint_en", "hint_zh"))
        tree = ast.parse((student.SOLVED / f"{row['file']}.py").read_text(encoding="utf-8"))
        assert row["name"] in dict(named(tree))


def test_before_it_is_filled_in_and_after(tmp_path):
    folder = tmp_path / "work"
    assert make(folder).returncode == 0
    before = check(folder)
    assert before.returncode == 1 and before.stderr == ""
    assert before.stdout.splitlines()[-2:] == ["Public check: 0 / 100", student_folder.WORDS["en"]["note"]]
    assert before.stdout.count("not filled in yet") == len(EXERCISES)
    student.write_student(tmp_path / "solved", solution=True)
    for name in student.MODULES:  # the student finishes
        (folder / f"{name}.py").write_bytes((tmp_path / "solved" / f"{name}.py").read_bytes())
    after = check(folder)
    assert (after.returncode, after.stderr) == (0, "") and "Public check: 100 / 100" in after.stdout


def test_all_that_a_student_reads_is_there_in_chinese(tmp_path):
    assert make(tmp_path, "--lang", "zh").returncode == 0
    for name in student.MODULES:
        tree = ast.parse((tmp_path / f"{name}.py").read_text(encoding="utf-8"))
        for place, node in named(tree):
            text = ast.get_docstring(node)
            assert text is None or re.search("[\u4e00-\u9fff]", text), f"{name}.{place}: {text}"
    done = check(tmp_path, "--only", "softmax", "adam")
    assert done.returncode == 1 and "公开检查：0 / 12" in done.stdout and done.stdout.count("尚未填写") == 2
    hint = check(tmp_path, "--hint", "softmax")
    assert hint.returncode == 0 and hint.stdout.startswith("公式") and "减去最大值" in hint.stdout
    assert "hints.json" in hint.stdout and list(json.loads((tmp_path / "hints.json").read_text())) == ["softmax"]
    (tmp_path / "hints.json").write_text("{")
    damaged = check(tmp_path, "--hint", "adam")  # no hint that is not written down
    assert damaged.returncode == 2 and damaged.stdout == "" and "hints.json cannot be written" in damaged.stderr


def test_no_docstring_gives_a_formula_away():
    for language in ("en", "zh"):
        for name in student.MODULES:
            rows = [row for row in EXERCISES if row["file"] == name]
            opened = take_out((student.SOLVED / f"{name}.py").read_text(encoding="utf-8"), rows, language,
                                      read_exercises("backprop")["texts"], name, "assignments.backprop.by_hand.")
            places = dict(named(ast.parse(opened)))
            for row in rows:
                node, text = places[row["name"]], ast.get_docstring(places[row["name"]])
                assert len(node.body) == 2 and ast.unparse(node.body[1]).startswith("raise NotImplementedError")
                wanted = " ".join(row[f"doc_{language}"].split())
                assert " ".join(text.split()) == wanted and row["formula"] not in text
                assert len(row["formula"].split(" = ")[-1]) < 5 or row["formula"].split(" = ")[-1] not in text
                assert len(row[f"hint_{language}"]) < 25 or row[f"hint_{language}"] not in opened
            assert "assignments." not in opened


@pytest.mark.parametrize("name, before, after, words", [
    ("softmax", "z - z.max(axis=-1, keepdims=True)", "z", "overflow"),
    ("hidden_delta", "(delta @ w.T) * slope", "delta @ w.T", "expected"),
    ("squared_error", ".sum(axis=-1)", ".sum()", "shape ()"),
    ("numerical_gradient", "up, down = w.copy(), w.copy()", "up, down = w, w.copy()", "w was changed"),
    ("adam", "1.0 - beta1 ** state[\"t\"]", "1.0", "three steps"),
    ("mini_batches", "rng.permutation(n)", "np.arange(n)", "not random"),
    ("cross_entropy_delta", "return o - t", "return None", "nothing is returned"),
    ("sgd", "return w - lr * gradient", "import sys; sys.exit(0)", "SystemExit"),
    ("Network.gradients", " / len(x)", "", "twice"),
    ("dl_dw32", "h[:, 2]", "h[:, 1]", "expected -0.225"),
    ("train_digits", "32, 30, rng", "32, 0, rng", "expected 95 %"),
    ("sigmoid", "return np.where(z >= 0, 1.0, e) / (1.0 + e)", "import os; os._exit(0)", "no answer")])
def test_mistakes_cost_their_own_points_and_are_explained(tmp_path, name, before, after, words):
    folder = tmp_path / "work"
    student.write_student(folder, solution=True)
    row = next(row for row in EXERCISES if row["name"] == name)
    file = folder / f"{row['file']}.py"
    source = file.read_text(encoding="utf-8")
    place = source.index(before, source.index(f"def {name.split('.')[-1]}("))
    file.write_text(source[:place] + after + source[place + len(before):], encoding="utf-8")
    done = check(folder, "--only", name, "sigmoid_slope")
    assert done.returncode == 1 and done.stderr == ""
    [line] = [line for line in done.stdout.splitlines() if f" {name} " in line]
    assert " 0 / " in line and words in line, done.stdout
    assert "Public check: 2 / " in done.stdout


def test_what_keeps_a_file_from_being_run_is_said_before_it_is_handed_in(tmp_path):
    student.write_student(tmp_path, solution=True)
    with open(tmp_path / "descent.py", "a", encoding="utf-8") as file:
        file.write("\nimport os\nnp.isclose = None\n")
    done = check(tmp_path, "--only", "sgd")
    assert done.returncode == 1 and "it uses os, which reaches outside" in done.stdout
    assert "it changes np.isclose, which is not its own" in done.stdout


def test_a_syntax_error_is_located(tmp_path):
    student.write_student(tmp_path, solution=True)
    (tmp_path / "descent.py").write_text("def sgd(:\n", encoding="utf-8")
    done = check(tmp_path, "--only", "sgd", "softmax")
    assert "descent.py, line 1" in done.stdout and "Public check: 6 / 8" in done.stdout


def test_nothing_is_overwritten_and_wrong_names_are_told(tmp_path):
    student.write_student(tmp_path)
    done = make(tmp_path)
    assert done.returncode == 2 and "is not overwritten" in done.stderr and done.stderr.count("\n") == 1
    with pytest.raises(KitError, match="no function nowhere"):
        take_out("def f():\n    pass\n", [{"name": "nowhere"}])
    unknown = check(tmp_path, "--only", "sofmax")
    assert unknown.returncode == 2 and "no exercise sofmax" in unknown.stderr
    (tmp_path / "exercises.json").write_text("{")
    assert check(tmp_path).returncode == 2
