"""`grade` as a teacher calls it: single runs, zips, a class with bad ones in it; outputs; the teacher's own
mistakes."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from assignments.__main__ import main
from assignments.commands.grade import EACH, FOLDER, MEMORY, found_in, shares
from data_tools.errors import KitError
from reports.grading.class_folder import handed_in
from tests.reports.grading.bad import EXPECTED, make_bad
from tests.reports.grading.bad_zips import zip_run

ROOT = FOLDER.parent
SOME_BAD = ("pickle", "path-escape", "result-edited", "not-finite")  # all kinds: tests/reports/grading


def kit(*words, folder=None):
    """`python -m assignments WORDS` from another folder than the project's."""
    return subprocess.run([sys.executable, "-m", "assignments", *map(str, words)], capture_output=True, text=True,
                          timeout=200,
                          cwd=folder or ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})


@pytest.fixture(scope="module")
def graded(backprop_run, tmp_path_factory):
    """(folder of outputs, what was printed) of a class: a run folder, a zip and bad ones."""
    base = tmp_path_factory.mktemp("class")
    handed_in = base / "handed-in"
    handed_in.mkdir()
    shutil.copytree(backprop_run, handed_in / "ann")
    zip_run(backprop_run, handed_in / "bob.zip", "bob/")
    for kind in SOME_BAD:
        made = make_bad(kind, backprop_run, base / kind, base / "canary")
        shutil.move(made, handed_in / f"{kind}{made.suffix}")
    (handed_in / "report.pdf").write_text("not a submission")
    for name in ("notes.txt", "class.csv", ".secret", ".DS_Store"):
        (handed_in / name).write_text("the teacher's")
    words = ["grade", handed_in, "--assignment", "backprop", "--out", base / "out", "--junit", base / "j" / "junit.xml",
             "--csv", base / "g.csv", "--jobs", 2]
    done = kit(*words, folder=base)
    assert (done.returncode, done.stderr) == (0, "")
    assert not (base / "canary").exists()
    return base, done.stdout, words


def test_good_and_bad_ones_are_told_apart(graded):
    base, said, _ = graded
    grades = {path.stem: json.loads(path.read_text())["grade"] for path in (base / "out" / "grades").glob("*.json")}
    assert grades["report"]["problems"][0]["kind"] == "other-format"  # what is no submission is named, too
    assert set(grades) == {"ann", "bob", "report", *SOME_BAD}
    assert said.count("left out, as no submissions: .secret, class.csv, notes.txt\n") == 1  # the teacher's own
    for name in ("ann", "bob"):
        assert grades[name]["verdict"] == "reproduced" and grades[name]["problems"] == []
        assert {line["id"]: line["points"] for line in grades[name]["criteria"]}["reproduced"] == 6
    for kind in SOME_BAD:
        problem, verdict = EXPECTED[kind]
        assert grades[kind]["verdict"] == verdict and problem in [found["kind"] for found in grades[kind]["problems"]]
        assert grades[kind]["score"] < grades["ann"]["score"]
        assert kind in said
    assert "7 graded" in said and "Traceback" not in said


def test_the_outputs_are_where_they_were_wanted(graded):
    base, _, _ = graded
    with open(base / "g.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 7 and (base / "g.csv").read_bytes() == (base / "out" / "grades.csv").read_bytes()
    suite = ElementTree.parse(base / "j" / "junit.xml").getroot()
    assert len(list(suite.iter("testcase"))) >= 6
    assert json.loads((base / "out" / "gradescope" / "ann.json").read_text())["tests"]


def test_what_is_graded_is_not_graded_again(graded):
    base, _, words = graded
    before = {path: path.stat().st_mtime_ns for path in (base / "out" / "grades").glob("*.json")}
    again = kit(*words, folder=base)
    assert again.returncode == 0, again.stderr
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_a_class_that_is_stopped_goes_on(backprop_run, tmp_path):
    handed_in = tmp_path / "handed-in"
    for number in range(3):
        shutil.copytree(backprop_run, handed_in / f"s{number}")
    words = ["grade", handed_in, "--assignment", "backprop", "--out", tmp_path / "out", "--jobs", 1]
    command = [sys.executable, "-m", "assignments", *map(str, words)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 100
        while not list((tmp_path / "out").glob("grades/*.json")) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        said, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and "the same command goes on" in said and errors == "", errors
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "grades").glob("*.json")}
    assert 0 < len(before) < 3
    with open(tmp_path / "out" / "grades.csv", newline="") as file:
        assert len(list(csv.DictReader(file))) == len(before)
    done = kit(*words)
    assert done.returncode == 0 and "3 graded: 3 as claimed" in done.stdout, done.stderr
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_one_submission_with_the_teachers_rubric(backprop_run, tmp_path):
    rubric = (FOLDER / "backprop" / "rubric.yaml").read_text(encoding="utf-8")
    for new, old in (("points: 86", "points: 30"),  # as rubrics were written before there were scales
                     ("from: baseline, at_least: 0.95", "at_least: 0.95, partial: [{at_least: 0.9, points: 20}]")):
        rubric = rubric.replace(new, old)
    (tmp_path / "mine.yaml").write_text(rubric, encoding="utf-8")
    done = kit("grade", backprop_run, "--rubric", tmp_path / "mine.yaml", "--gradescope", tmp_path / "results.json",
               "--out", tmp_path / "out", "--lang", "zh", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert [test["max_score"] for test in results["tests"]] == [10, 10, 10, 10, 30, 30]
    assert results["tests"][0]["name"] == "文件齐全且可读" and "文件齐全且可读" in done.stdout
    assert results["score"] == pytest.approx(sum(test["score"] for test in results["tests"]))


@pytest.mark.parametrize("words, said", [
    (["nowhere"], "nowhere: there is nothing of that name to grade"),
    ([], "nothing to grade"),
    (["here", "--rubric", "absent.yaml"], "absent.yaml cannot be read"),
    (["here", "--rubric", "wrong.yaml"], "did you mean reproduced?"),
    (["here", "--data", "monkeys=x"], "expected NAME=PATH"),
    (["here", "--assignment", "monkey_species", "--data", "monkey_species=/nonexistent"], "/nonexistent"),
    (["here", "--assignment", "backprop", "--data", "backprop=x", "--gradescope", "old.json"], "leave out --data"),
    (["here", "--assignment", "backprop", "--data", "backprop=sample"], "leave out --data backprop=sample"),
    (["--prepare", "--assignment", "backprop", "--data", "backprop=sample"], "leave out --data backprop=sample"),
    (["here", "there", "--assignment", "backprop", "--gradescope", "r.json"], "--gradescope takes one submission"),
    (["here", "--time", "-1", "--assignment", "backprop"], "limit seconds"),
    (["here", "--jobs", "0"], "--jobs 0: give 1 or more"),
    (["here", "--jobs", "9"], "leaves 166 MB for each of 9"),
])
def test_the_teachers_own_mistakes_get_one_message(words, said, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    (tmp_path / "wrong.yaml").write_text("assignment: backprop\ncriteria:\n"
                                         "  - {id: a, kind: reproducde, points: 1, title: {en: a, zh: a}}\n")
    (tmp_path / "old.json").write_text("the results of another submission")
    assert main(["grade", *words]) == 2
    assert (tmp_path / "old.json").exists() == ("old.json" not in words)
    errors = capfd.readouterr().err
    assert said in errors and "Traceback" not in errors and len(errors.splitlines()) == 1


def test_all_that_are_judged_at_a_time_share_the_memory():
    jobs, megabytes = shares(MEMORY, None)
    assert megabytes >= EACH and jobs * megabytes <= MEMORY <= 1600  # the kit itself takes the rest of 2 GB
    assert shares(3000, 3) == (3, 1000) and shares(600, None) == (1, 600)


def test_help_answers_at_once():
    done = kit("grade", "--help")
    assert done.returncode == 0 and "--gradescope" in done.stdout
    heavy = "any(name in sys.modules for name in ('paddle', 'numpy', 'yaml'))"
    code = f"import sys, assignments.__main__ as kit; kit._parser(); sys.exit({heavy})"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_submissions_are_found_in_folders(backprop_run, tmp_path):
    (tmp_path / "one" / "sub").mkdir(parents=True)
    (tmp_path / "one" / "sub" / "config.yaml").touch()
    assert found_in(tmp_path / "one") == ([tmp_path / "one"], [])  # a run in a folder of its own
    assert found_in(backprop_run) == ([backprop_run], [])
    few = tmp_path / "few"
    (few / "a").mkdir(parents=True)
    (few / "b.zip").touch()
    (few / ".hidden").mkdir()
    (few / "list.csv").touch()
    (few / "Ann_7_assignsubmission_file_work.txt").touch()  # a student's, says the platform
    ann = few / "Ann_7_assignsubmission_file_work.txt"
    assert found_in(few) == ([ann, few / "a", few / "b.zip"], [".hidden", "list.csv"])
    assert found_in(few, out=few / "a")[0] == [ann, few / "b.zip"]
    assert found_in(few, single=True) == ([few], [])
    (few / "a").rmdir()
    ann.unlink()
    assert found_in(few, single=True) == ([few / "b.zip"], [])
    (few / "c").symlink_to(tmp_path / "one")
    assert few / "c" in found_in(few)[0]
    (few / "b.zip").unlink()
    (few / "c").unlink()
    (few / "dan").mkdir()
    (few / "dan" / "config.yaml").touch()
    assert found_in(few) == ([few / "dan"], [".hidden", "list.csv"])  # a class of one keeps its student's name
    (few / "grades").mkdir()
    assert handed_in(sorted(few.iterdir()), few / "grades") == ([few / "dan"], [".hidden", "list.csv"])  # FOLDER/*
    empty = tmp_path / "empty"
    empty.mkdir()
    assert found_in(empty) == ([empty], [])
    with pytest.raises(KitError, match="nothing of that name"):
        found_in(Path("absent"))
