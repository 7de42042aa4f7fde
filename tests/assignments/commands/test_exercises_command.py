"""`exercises`: writes a folder once, names works that have none, and the whole way from it to a grade."""

import csv
import sys

import pytest

from assignments.__main__ import main


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
