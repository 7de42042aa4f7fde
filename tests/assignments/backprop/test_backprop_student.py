"""The student's version: bodies out, score 0, full marks with the reference, and each function graded on its own."""

import ast
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from assignments.backprop import student
from data_tools.errors import KitError

SCRIPT = Path(student.__file__)
EXERCISES = student.read_exercises()


def make(folder, *words):
    return subprocess.run([sys.executable, str(SCRIPT), "--out", str(folder), *words], capture_output=True, text=True)


def grade(folder, *words):
    return subprocess.run([sys.executable, str(folder / "grade.py"), *words], capture_output=True, text=True,
                          encoding="utf-8",
                          cwd=folder.parent)


def load(name, file):
    """A module from a file, under a name of its own."""
    spec = importlib.util.spec_from_file_location(name, file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def grader():
    return load("grader_of_the_kit", SCRIPT.with_name("grade.py"))


def test_a_hundred_points_in_functions_that_exist(grader):
    assert sum(row["points"] for row in EXERCISES) == 100
    for row in EXERCISES:
        assert row["en"] and row["zh"] and row["formula"] and row["hint_en"] and row["hint_zh"]
        assert callable(getattr(grader, f"check_{row['name']}"))
        tree = ast.parse((student.SOLVED / f"{row['file']}.py").read_text(encoding="utf-8"))
        assert row["name"] in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_before_it_is_filled_in_and_after(tmp_path):
    folder = tmp_path / "work"
    assert make(folder).returncode == 0
    before = grade(folder, "--json", "score.json")
    assert before.returncode == 1 and before.stderr == ""
    assert before.stdout.splitlines()[-1] == "Score: 0 / 100" and before.stdout.count("not filled in yet") == len(
        EXERCISES)
    result = json.loads((tmp_path / "score.json").read_text())
    assert result["score"] == 0 and sum(test["max_score"] for test in result["tests"]) == 100

    for name in student.MODULES:  # the student finishes
        (folder / f"{name}.py").write_bytes((student.SOLVED / f"{name}.py").read_bytes())
    after = grade(folder)
    assert (after.returncode, after.stderr) == (0, "") and after.stdout.splitlines()[-1] == "Score: 100 / 100"


def test_the_solution_for_teachers_in_chinese(tmp_path):
    assert make(tmp_path / "solution", "--solution", "--lang", "zh").returncode == 0
    done = grade(tmp_path / "solution", "--only", "softmax", "adam")
    assert done.returncode == 0 and done.stdout.splitlines()[-1] == "得分: 16 / 16"


@pytest.mark.parametrize("row", EXERCISES, ids=lambda row: row["name"])
def test_each_check_grades_exactly_its_function(row, grader, tmp_path):
    source = (student.SOLVED / f"{row['file']}.py").read_text(encoding="utf-8")
    file = tmp_path / f"{row['file']}.py"
    file.write_text(student.take_out(source, [row]), encoding="utf-8")
    module = load(f"without_{row['name']}", file)
    for other in EXERCISES:
        if other["file"] != row["file"]:
            continue
        check = getattr(grader, f"check_{other['name']}")
        if other is row:
            with pytest.raises(NotImplementedError, match=row["name"]):
                check(module)
        else:
            check(module)


@pytest.mark.parametrize("name, before, after, words", [
    ("softmax", "z - z.max(axis=-1, keepdims=True)", "z", "overflow"),
    ("hidden_delta", "(delta @ w.T) * slope", "delta @ w.T", "expected"),
    ("squared_error", ".sum(axis=-1)", ".sum()", "shape ()"),
    ("numerical_gradient", "up, down = w.copy(), w.copy()", "up, down = w, w.copy()", "w was changed"),
    ("momentum", "return w + state[\"v\"]", "return w - state[\"v\"]", "three steps"),
    ("adam", "1.0 - beta1 ** state[\"t\"]", "1.0", "three steps"),
    ("mini_batches", "rng.permutation(n)", "np.arange(n)", "not random"),
    ("cross_entropy_delta", "return o - t", "return None", "nothing is returned"),
    ("sgd", "return w - lr * gradient", "import sys; sys.exit(0)", "SystemExit"),
    ("sigmoid", "return np.where(z >= 0, 1.0, e) / (1.0 + e)", "import os; os._exit(0)", "no answer")])
def test_mistakes_cost_their_own_points_and_are_explained(tmp_path, name, before, after, words):
    folder = tmp_path / "work"
    student.write_student(folder, solution=True)
    row = next(row for row in EXERCISES if row["name"] == name)
    file = folder / f"{row['file']}.py"
    source = file.read_text(encoding="utf-8")
    start = source.index(f"def {name}(")
    place = source.index(before, start)
    file.write_text(source[:place] + after + source[place + len(before):], encoding="utf-8")
    done = grade(folder, "--only", name, "sigmoid_slope" if row["file"] == "backprop" else "rmsprop")
    assert done.returncode == 1 and done.stderr == ""
    lines = [line for line in done.stdout.splitlines() if f" {name} " in line]
    assert len(lines) == 1 and " 0 / " in lines[0] and words in lines[0], done.stdout
    assert done.stdout.splitlines()[-1].startswith(f"Score: {3 if row['file'] == 'backprop' else 4} / ")


def test_a_syntax_error_is_located(tmp_path):
    student.write_student(tmp_path, solution=True)
    (tmp_path / "descent.py").write_text("def sgd(:\n", encoding="utf-8")
    done = grade(tmp_path, "--only", "sgd", "softmax")
    assert "descent.py, line 1" in done.stdout and done.stdout.splitlines()[-1] == "Score: 8 / 10"


def test_what_is_taken_out_and_what_stays():
    source = (student.SOLVED / "descent.py").read_text(encoding="utf-8")
    rows = [row for row in EXERCISES if row["file"] == "descent"]
    for language in ("en", "zh"):
        opened = ast.parse(student.take_out(source, rows, language))
        originals = {node.name: node for node in ast.parse(source).body
                     if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
        for node in opened.body:
            if not isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                continue
            row = next((row for row in rows if row["name"] == node.name), None)
            if row is None:
                assert ast.dump(node) == ast.dump(originals[node.name])
                continue
            assert ast.dump(node.args) == ast.dump(originals[node.name].args) and len(node.body) == 2
            text = " ".join(ast.get_docstring(node).split())
            assert " ".join(row["formula"].split()[:4]) in text and ast.get_docstring(originals[node.name])[:20] in text


def test_nothing_is_overwritten_and_wrong_names_are_told(tmp_path):
    student.write_student(tmp_path)
    done = make(tmp_path)
    assert done.returncode == 2 and "is not overwritten" in done.stderr and done.stderr.count("\n") == 1
    with pytest.raises(KitError, match="no function nowhere"):
        student.take_out("def f():\n    pass\n", [{"name": "nowhere"}])
    with pytest.raises(KitError, match="no docstring"):
        student.take_out("def f():\n    pass\n", [{"name": "f"}])
    unknown = grade(tmp_path, "--only", "sofmax")
    assert unknown.returncode == 2 and "no exercise sofmax" in unknown.stderr
    (tmp_path / "exercises.json").write_text("{")
    assert grade(tmp_path).returncode == 2
