"""`exercises`: writes a folder once, names works that have none, and the whole way from it to a grade."""

import csv
import sys

import pytest

from assignments.__main__ import main
from assignments.common.exercises import exercises_of, has_exercises
from assignments.common.works import work_names


@pytest.mark.skipif(sys.platform != "linux", reason="a student's code runs on Linux only")
def test_from_the_folder_to_the_grade(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["exercises", "monkey_species", "--out", "ann", "--solution"]) == 0
    assert "ann/classifier.py" in capsys.readouterr().out
    assert main(["submit", "monkey_species", "--exercises", "ann", "-o", "class/ann.zip"]) == 0
    assert "100 / 100" in capsys.readouterr().out
    assert main(["grade", "class", "--out", "grades"]) == 0
    with open("grades/grades.csv", newline="") as file:
        assert [(row["student_id"], float(row["score"])) for row in csv.DictReader(file)] == [("ann", 100)]


def test_nothing_is_overwritten_and_unknown_names_are_told(tmp_path, capsys):
    assert main(["exercises", "backprop", "--out", str(tmp_path), "--lang", "zh"]) == 0
    assert main(["exercises", "backprop", "--out", str(tmp_path)]) == 2
    assert "is not overwritten" in capsys.readouterr().err
    assert main(["exercises", "nowhere", "--out", str(tmp_path)]) == 2
    assert "nowhere has no exercises; those that have: backprop" in capsys.readouterr().err


def test_every_work_is_told_by_the_names_of_its_files():
    works = ("backprop", "face_attributes", "glasses", "monkey_species", "swift_srgan")
    declared = [exercises_of(name) for name in works]
    files = [file for each in declared for file in each.files]
    assert len(set(files)) == len(files) and not set(files) & set(sys.stdlib_module_names)
    assert {each.work for each in declared} == {name for name in work_names() if has_exercises(name)}
    assert all(sum(row.points for row in each.exercises) == 100 for each in declared)
