"""Exercises through the front door: submit writes the zip, grade takes a class, the autograder says --trust itself."""

import csv
import json
import os
import platform
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from assignments.__main__ import main
from assignments.backprop import student
from assignments.commands.autograder.build import build_autograder
from data_tools.files.places import PROJECT_ROOT

if sys.platform != "linux":
    pytest.skip("a student's code runs on Linux only", allow_module_level=True)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """{"solved", "opened"}: what a good student and one who has not begun would hand in."""
    place = tmp_path_factory.mktemp("exercises")
    student.write_student(place / "solved", solution=True)
    student.write_student(place / "opened")
    return {name: place / name for name in ("solved", "opened")}


def test_what_is_handed_in_is_the_named_files_alone(folders, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["submit", "backprop", "--exercises", str(folders["solved"]), "-o", "ann.zip"]) == 0
    said = capsys.readouterr().out
    assert "100 / 100" in said and "not your grade" in said
    with zipfile.ZipFile("ann.zip") as archive:
        assert archive.namelist() == ["backprop.py", "descent.py", "practice.py", "autograd.py", "hints.json"]
        assert json.loads(archive.read("hints.json")) == {}
    first = Path("ann.zip").read_bytes()
    assert main(["submit", "backprop", "--exercises", str(folders["solved"]), "-o", "ann.zip", "--lang", "zh"]) == 0
    assert Path("ann.zip").read_bytes() == first and "这不是成绩" in capsys.readouterr().out


@pytest.mark.parametrize("name, text, words", [
    ("backprop", "import os\n", "would not be run: backprop.py, line 1: it uses os"),
    ("descent", None, "descent.py missing"), ("practice", "\xff", "UTF-8")])
def test_what_would_not_be_run_is_not_handed_in(name, text, words, folders, tmp_path, capsys):
    for file in student.MODULES:
        (tmp_path / f"{file}.py").write_bytes((folders["solved"] / f"{file}.py").read_bytes())
    file = tmp_path / f"{name}.py"
    file.unlink() if text is None else file.write_bytes(text.encode("latin-1"))
    assert main(["submit", "backprop", "--exercises", str(tmp_path), "-o", str(tmp_path / "a.zip")]) == 2
    assert words in capsys.readouterr().err and not (tmp_path / "a.zip").exists()


def test_a_hint_that_was_asked_for_travels_along_and_costs_what_the_teacher_wishes(folders, tmp_path, capsys):
    work, handed = tmp_path / "work", tmp_path / "class"
    shutil.copytree(folders["solved"], work)
    subprocess.run([sys.executable, work / "check.py", "--hint", "softmax"], check=True, capture_output=True)
    handed.mkdir()
    assert main(["submit", "backprop", "--exercises", str(work), "-o", str(handed / "ann.zip")]) == 0
    assert "hints asked for: softmax" in capsys.readouterr().out
    (work / "hints.json").unlink()
    assert main(["submit", "backprop", "--exercises", str(work), "-o", str(handed / "ben.zip")]) == 0
    (work / "hints.json").write_text("[" * 9999)  # damaged, which says as little
    assert main(["submit", "backprop", "--exercises", str(work), "-o", str(handed / "cid.zip")]) == 0
    for percent, ann in ((50, 97), (0, 100)):  # softmax is worth 6 points
        assert main(["grade", str(handed), "--out", str(tmp_path / "out"), "--hint-cost", str(percent)]) == 0
        with open(tmp_path / "out" / "grades.csv", newline="") as file:
            rows = {row["student_id"]: row for row in csv.DictReader(file)}
        assert {name: float(row["score"]) for name, row in rows.items()} == {"ann": ann, "ben": 100, "cid": 100}
        assert rows["ann"]["notes"] == "hints asked for: softmax"
        assert [("there is no hints.json" in rows[name]["notes"]) for name in ("ben", "cid")] == [percent > 0] * 2
    assert main(["grade", str(handed), "--out", str(tmp_path / "out"), "--hint-cost", "101"]) == 2
    assert "expected 0 to 100 percent" in capsys.readouterr().err


def test_works_without_exercises_say_so(tmp_path, capsys):
    assert main(["submit", "nowhere", "--exercises", str(tmp_path)]) == 2
    assert "nowhere has no exercises; those that have: backprop" in capsys.readouterr().err


def test_a_class_is_graded_and_goes_on_with_the_same_numbers(folders, tmp_path, capsys):
    inside = tmp_path / "class"
    inside.mkdir()
    for name, folder in (("ann", folders["solved"]), ("ben", folders["opened"])):
        target = inside / name
        target.mkdir()
        for file in folder.iterdir():
            (target / file.name).write_bytes(file.read_bytes())
    (inside / "ben" / "__pycache__").mkdir()
    out = tmp_path / "out"
    assert main(["grade", str(inside), "--out", str(out), "--per-student"]) == 0
    with open(out / "grades.csv", newline="") as file:
        rows = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}
    assert rows == {"ann": 100, "ben": 0}
    seed, kept = (out / "exercises-seed.txt").read_text(), (out / "grades" / "ann.json").stat().st_mtime_ns
    assert main(["grade", str(inside), "--out", str(out), "--per-student"]) == 0
    assert (out / "exercises-seed.txt").read_text() == seed
    assert (out / "grades" / "ann.json").stat().st_mtime_ns == kept  # not graded again
    results = json.loads((out / "gradescope" / "ann.json").read_text())
    assert results["score"] == 100 and len(results["tests"]) == len(student.read_exercises())
    assert "student code is shut in by" in capsys.readouterr().out
    with open(out / "grades.csv", newline="") as file:
        assert not any("shut in" in " ".join(row.values()) for row in csv.DictReader(file))


def test_the_autograder_trusts_its_container_and_grades_exercises(folders, tmp_path):
    build_autograder("backprop", tmp_path / "autograder.zip")
    root = tmp_path / "autograder"
    with zipfile.ZipFile(tmp_path / "autograder.zip") as archive:
        archive.extractall(root / "source")
    assert "exercises='--trust --hint-cost 0'\n" in (root / "source" / "settings.sh").read_text()
    (root / "submission").mkdir()
    for name in student.MODULES:
        (root / "submission" / f"{name}.py").write_bytes((folders["solved"] / f"{name}.py").read_bytes())
    environment = {**os.environ, "AUTOGRADER_ROOT": str(root), "KIT_PYTHON": sys.executable, "PYTHONPATH": ""}
    done = subprocess.run(["bash", str(root / "source" / "run_autograder")], env=environment, capture_output=True,
                          text=True, cwd=PROJECT_ROOT)
    results = json.loads((root / "results" / "results.json").read_text())
    assert results["score"] == 100 and results["extra_data"]["verdict"] == "graded", done.stdout + done.stderr


NOTHING_SHUTS_IN = """
import ctypes, runpy, struct, sys
from reports.grading import kernel
rules = [(0x20, 0, 0, 0)]
for number in (444, 272, 317):  # Landlock, unshare, seccomp
    rules += [(0x15, 0, 1, number), (0x06, 0, 0, kernel.REFUSED)]
rules += [(0x15, 0, 3, 157), (0x20, 0, 0, 16), (0x15, 0, 1, kernel.SECCOMP), (0x06, 0, 0, kernel.REFUSED)]  # by prctl
rules += [(0x06, 0, 0, kernel.ALLOWED)]
program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *rule) for rule in rules))
pointer = ctypes.create_string_buffer(struct.pack("=HxxxxxxQ", len(rules), ctypes.addressof(program)))
kernel.control(kernel.NO_NEW_PRIVILEGES, 1)
kernel.control(kernel.SECCOMP, 2, ctypes.addressof(pointer))
runpy.run_module("assignments", run_name="__main__", alter_sys=True)
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="system calls have other numbers here")
def test_where_nothing_shuts_code_in_it_is_not_run_unless_it_is_trusted(folders, tmp_path):
    def grade(handed, *words):
        command = [sys.executable, "-c", NOTHING_SHUTS_IN, "grade", handed, "--out", tmp_path / "out", *words]
        return subprocess.run(list(map(str, command)), cwd=PROJECT_ROOT, capture_output=True, text=True,
                              env={**os.environ, "PATH": "/nowhere", "PYTHONPATH": str(PROJECT_ROOT)})  # no bubblewrap

    done = grade(folders["solved"])
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
    assert "1 of 1 could not be judged, by no fault of theirs" in done.stderr
    assert "this system cannot keep network and files and processes of a student's code apart" in done.stderr
    assert "install bubblewrap, or say --trust" in done.stderr
    assert done.stdout.count("notice: runs are judged without what would shut their process in (Landlock: ") == 1
    with open(tmp_path / "out" / "grades.csv", newline="") as file:
        assert [row["score"] for row in csv.DictReader(file)] == [""]
    trusted = grade(folders["solved"], "--trust")
    assert trusted.returncode == 0 and "100 / 100" in trusted.stdout, trusted.stderr
    assert "NOT kept apart, and trusted: network, files, processes" in trusted.stdout


def test_a_folder_of_a_learning_platform_is_one_submission(folders, tmp_path):
    own = tmp_path / "class" / "Ann Lee_20412_assignsubmission_file_"
    own.mkdir(parents=True)
    for name in student.MODULES:
        (own / f"{name}.py").write_bytes((folders["solved"] / f"{name}.py").read_bytes())
    (tmp_path / "class" / "Ben Ray_20413_assignsubmission_file_").mkdir()
    (tmp_path / "class" / "Ben Ray_20413_assignsubmission_file_" / "backprop.py").write_text("import subprocess\n")
    assert main(["grade", str(tmp_path / "class"), "--out", str(tmp_path / "out"), "--seed", "7"]) == 0
    with open(tmp_path / "out" / "grades.csv", newline="") as file:
        rows = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}
    assert sorted(rows.values()) == [0, 100] and len(rows) == 2
    assert (tmp_path / "out" / "exercises-seed.txt").read_text() == "7\n"
    assert "it uses subprocess" in (tmp_path / "out" / "table.txt").read_text()
