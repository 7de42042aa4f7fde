"""What goes wrong on the grader's side is told to the grader: no submission loses points or keeps such a grade."""

import csv
import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from assignments.__main__ import main
from data_tools.drawing.drawn_set import MARK, write_drawn_set
from data_tools.errors import BadFile, KitError
from data_tools.files.places import PROJECT_ROOT
from reports.grading.class_run import _own_trouble, grade_class
from reports.grading.grade_one import _problem
from reports.grading.limits import Limits
from reports.grading.scratch import scratch_folder
from reports.grading.verdict import PROBLEMS, is_graders
from reports.grading.zygote import OWN_TROUBLE, _fate
from tests.reports.grading.test_jail import offspring
from tests.reports.grading.toy import make_toy_run

WORKS = "tests.reports.grading.toy:works"
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


@forks
def test_a_judging_process_that_is_killed_from_outside_costs_no_points_and_is_judged_again(tmp_path):
    runs = {"late": make_toy_run(tmp_path / "late", sleep=1)}
    out = tmp_path / "out"

    def kill() -> None:
        deadline, before = time.monotonic() + 60, set()
        while time.monotonic() < deadline:
            # forked from it, and for longer than a program that importing Paddle starts is a copy of it
            forked = {child for zygote in offspring(os.getpid()) for child in offspring(zygote)
                      if command(child) and command(child) == command(zygote)}
            for child in forked & before:
                os.kill(child, signal.SIGKILL)
                return
            before = forked
            time.sleep(0.3)

    killer = threading.Thread(target=kill)
    killer.start()
    made = grade_class(runs, out, WORKS, {}, assignment="toy", jobs=1, progress=False)[0]
    killer.join()
    assert made.kinds == ["grader-ended"] and made.unjudged
    row = next(csv.DictReader((out / "grades.csv").open()))
    assert (row["raw_score"], row["score"], row["max_score"]) == ("", "", "100")
    assert not (out / "gradescope" / "late.json").exists()  # which would need a score
    kept = json.loads((out / "grades" / "late.json").read_text())
    again = grade_class(runs, out, WORKS, {}, assignment="toy", jobs=1, progress=False, limits=Limits(seconds=2))[0]
    assert kept["grade"]["criteria"] and again.kinds == ["timeout"]


def command(pid: int) -> str:
    return subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True).stdout


@pytest.mark.parametrize("number, kind", [(errno.ENOSPC, "grader-disk"), (errno.EROFS, "grader-disk"),
                                          (errno.EACCES, "grader-disk"), (errno.EFBIG, "disk")])
def test_whose_disk_it_was(number, kind):
    assert _problem(OSError(number, os.strerror(number), "/some/place"), "bad-file").kind == kind
    assert _problem(BadFile("grader-data", "x"), "bad-file").kind == "grader-data"
    if hasattr(os, "fork"):
        assert _fate(OWN_TROUBLE << 8, Limits())[0] == "grader-disk"


def test_the_graders_kinds_are_those_that_say_so():
    assert {kind for kind in PROBLEMS if is_graders(kind)} == {
        "grader-data", "grader-disk", "grader-ended", "grader-rubric"}


def test_an_error_of_the_system_in_the_grader_itself_is_one_message():
    with pytest.raises(KitError, match="grading stopped: No space left on device, /x. What was graded is kept"):
        with _own_trouble():
            raise OSError(errno.ENOSPC, "No space left on device", "/x")


@forks
def test_the_scratch_folder_of_a_killed_grader_is_removed_by_the_next(tmp_path, monkeypatch):
    code = (f"import sys; sys.path.insert(0, {str(PROJECT_ROOT)!r})\n"
            "from reports.grading.scratch import scratch_folder\n"
            "with scratch_folder() as folder:\n    (folder / 'large').write_bytes(bytes(1 << 20))\n"
            "    print(folder, flush=True)\n    input()\n")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                          env={**os.environ, "TMPDIR": str(tmp_path)}) as process:
        left = process.stdout.readline().strip()
        with scratch_folder() as mine:
            assert os.path.isfile(f"{left}/large") and mine.is_dir()  # its maker is there
        process.kill()
    (tmp_path / "grading-of-somebody").mkdir()  # nothing that says it is a scratch folder
    with scratch_folder() as mine:
        assert {path.name for path in tmp_path.iterdir()} == {mine.name, "grading-of-somebody"}
    assert {path.name for path in tmp_path.iterdir()} == {"grading-of-somebody"}


def test_a_complete_drawn_set_is_read_without_a_lock(tmp_path, monkeypatch, capsys):
    def draw():
        return write_drawn_set(tmp_path / "set", f"{MARK} of a test", {"a.png": (1,)}, lambda _: b"x", {}, "dots",
                               "1 kB", progress=True)

    draw()
    assert "drawing 1 dots\n" in capsys.readouterr().out  # a line and no bar, where nobody looks
    monkeypatch.setattr("data_tools.drawing.drawn_set.locked", lambda *_: pytest.fail("a lock wants a writable place"))
    assert draw() == tmp_path / "set"


@pytest.mark.parametrize("name, claims, wanted", [("monkey_species", "real", True), ("glasses", "subset", True),
                                                  ("swift_srgan", "subset", False),
                                                  ("monkey_species", "drawn", False)])
def test_forgotten_data_are_told_before_anything_is_graded(name, claims, wanted, tmp_path, monkeypatch, capsys):
    for student, origin in (("ann", claims), ("bob", "drawn")):
        run = tmp_path / "class" / student
        run.mkdir(parents=True)
        (run / "config.yaml").write_text(f"assignment: {name}\n")
        (run / "result.json").write_text(json.dumps({"assignment": name, "origin": origin}))
    monkeypatch.setattr("assignments.commands.grade.draw", lambda _: (_ for _ in ()).throw(KitError("it would begin")))
    assert main(["grade", str(tmp_path / "class"), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and not (tmp_path / "out").exists()
    if wanted:
        assert f"1 of 2 submissions say that they are runs of {name} on real data (ann)" in said
        assert f"add --data {name}=PATH" in said
    else:
        assert "it would begin" in said
    assert main(["grade", str(run), "--data", f"{name}=sample", "--out", str(tmp_path / "out")]) == 2
    assert "it would begin" in capsys.readouterr().err


def test_a_class_of_one_work_has_only_its_data_drawn(tmp_path, monkeypatch):
    for student, said in (("ann", "assignment: glasses\n"), ("bob", "'assignment': 'glasses'\r\n"), ("cid", "{")):
        (tmp_path / "class" / student).mkdir(parents=True)
        (tmp_path / "class" / student / "config.yaml").write_text(said)
    drawn = []
    monkeypatch.setattr("assignments.commands.grade.draw", lambda data: drawn.append(data) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["grade", str(tmp_path / "class"), "--out", str(tmp_path / "out")])
    assert drawn == [{"glasses": "sample"}]
