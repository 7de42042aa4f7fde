"""A class: every bad kind among good ones, several at a time; it resumes, and leaves its outputs when it is stopped."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from data_tools.errors import KitError
from data_tools.files.places import PROJECT_ROOT
from reports.grading.class_run import _file_names, content_hash, grade_class, name_submissions
from reports.grading.limits import Limits
from tests.reports.grading.bad import EXPECTED, make_bad
from tests.reports.grading.bad_zips import zip_run
from tests.reports.grading.toy import make_toy_run

WORKS = "tests.reports.grading.toy:works"
OUTPUTS = {"grades", "gradescope", "grades.csv", "verdicts.csv", "junit.xml", "table.txt", "table.md", "table.html",
           "counts.json", "same.csv"}


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> Path:
    return make_toy_run(tmp_path_factory.mktemp("toy") / "good")


def test_a_class_with_one_of_each_bad_kind(good, tmp_path, capfd):
    paths = {f"student-{kind}": make_bad(kind, good, tmp_path / kind) for kind in EXPECTED}
    paths |= {f"good-{number}": zip_run(good, tmp_path / f"good-{number}.zip") for number in range(5)}
    paths["=cmd|' /C calc'!A0"] = zip_run(good, tmp_path / "formula.zip")
    out = tmp_path / "out"
    grades = grade_class(paths, out, WORKS, {}, assignment="toy", limits=Limits(seconds=60), jobs=2)
    shown = capfd.readouterr()
    assert shown.err == "" and shown.out.startswith(f"grading {len(paths)} of {len(paths)} submissions\n")
    assert [grade.name for grade in grades] == list(paths)
    for grade in grades:
        problem, verdict = EXPECTED.get(grade.name.removeprefix("student-"), ("", "reproduced"))
        assert (grade.verdict, grade.kinds[:1]) == (verdict, [problem] if problem else []), grade
    assert {path.name for path in out.iterdir()} == OUTPUTS
    assert len(list((out / "grades").iterdir())) == len(list((out / "gradescope").iterdir())) == len(paths)
    rows = list(csv.DictReader((out / "grades.csv").open()))
    assert [row["student_id"] for row in rows][-2:] == ["good-4", "'=cmd|' /C calc'!A0"]
    counts = json.loads((out / "counts.json").read_text())
    assert counts["graded"] == len(paths) and counts["problems"]["pickle"] == 4
    before = {path: path.stat().st_mtime_ns for path in (out / "grades").iterdir()}
    assert grade_class(paths, out, WORKS, {}, assignment="toy", limits=Limits(seconds=60), jobs=2,
                       progress=False) == grades
    assert {path: path.stat().st_mtime_ns for path in before} == before and capfd.readouterr() == ("", "")


def test_only_what_has_changed_and_what_the_graders_data_kept_from_being_judged_is_graded_again(good, tmp_path):
    runs = {name: Path(shutil.copytree(good, tmp_path / name)) for name in ("a", "b")}
    runs["unlucky"] = make_toy_run(tmp_path / "unlucky", full=1)  # its judge says that the grader's disk is full
    out = tmp_path / "out"

    def times() -> dict[str, int]:
        return {name: (out / "grades" / f"{name}.json").stat().st_mtime_ns for name in runs}

    def call(**options) -> list[str]:
        return [grade.verdict for grade in grade_class(runs, out, WORKS, options, jobs=1, progress=False)]

    assert call() == ["reproduced", "reproduced", "incomplete"]
    result = json.loads((runs["b"] / "result.json").read_text())
    (runs["b"] / "result.json").write_text(json.dumps({**result, "steps": 99}))
    before = times()
    assert call() == ["reproduced", "edited after the run", "incomplete"]
    assert {name for name, time in times().items() if time != before[name]} == {"b", "unlucky"}
    (out / "grades" / "a.json").write_text("{half")
    before = times()
    assert call(origin="drawn") == ["incomplete"] * 3  # other data and half a file: both are graded again
    assert times()["b"] != before["b"]
    assert json.loads((out / "grades" / "a.json").read_text())["grade"]["origin"] == "drawn"


@pytest.mark.skipif(sys.platform == "win32", reason="no signals here")
def test_what_is_done_is_written_when_the_class_is_stopped(good, tmp_path):
    paths = [zip_run(good, tmp_path / "good.zip"), make_toy_run(tmp_path / "sleeper", sleep=1)]
    out = tmp_path / "out"
    code = (f"import sys; sys.path.insert(0, {str(PROJECT_ROOT)!r})\nfrom pathlib import Path\n"
            "from reports.grading.class_run import grade_class, name_submissions\n"
            f"grade_class(name_submissions({[str(path) for path in paths]!r}), Path({str(out)!r}), {WORKS!r}, {{}}, "
            f"jobs=1)\n")
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
                          env=environment) as process:
        deadline = time.monotonic() + 120
        while not (out / "grades" / "good.json").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        error = process.stderr.read()
    assert process.returncode != 0 and "KeyboardInterrupt" in error
    assert {path.name for path in out.iterdir()} == OUTPUTS
    assert [row["student_id"] for row in csv.DictReader((out / "grades.csv").open())] == ["good"]
    assert not list(tmp_path.glob("grading-*"))  # the scratch folder is gone


def test_earlier_outputs_stay_where_grading_cannot_begin(tmp_path):
    (tmp_path / "grades.csv").write_text("kept")
    with pytest.raises(KitError):
        grade_class({"a": tmp_path}, tmp_path, WORKS, {"rubric": {"assignment": ""}}, progress=False)
    assert (tmp_path / "grades.csv").read_text() == "kept"


def test_names(tmp_path):
    for name in ("x/run", "y/run", "z"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "w.zip").touch()
    assert list(name_submissions([tmp_path / "x/run", tmp_path / "w.zip"])) == ["run", "w"]
    assert list(name_submissions([tmp_path / "x/run", tmp_path / "y/run", tmp_path / "y/run"])) == ["x/run", "y/run"]
    with pytest.raises(KitError, match="none: there is no such submission"):
        name_submissions([tmp_path / "none"])


def test_no_name_gives_the_file_of_another(tmp_path):
    made = _file_names(["bob smith"])["bob smith"]
    names = ["bob smith", made, "bob_smith", "Bob_Smith", "../bob", "a" * 300, "a" * 301, "学生", "."]
    files = _file_names(names)
    assert files["bob smith"] == made and len({file.casefold() for file in files.values()}) == len(names)
    assert all(Path(file).name == file and len(file.encode()) < 250 for file in files.values())


def test_the_hash_of_a_submission_follows_its_content(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "a").write_text("1")
    first = content_hash(tmp_path / "run")
    assert content_hash(tmp_path / "run") == first
    (tmp_path / "run" / "a").write_text("22")
    assert content_hash(tmp_path / "run") != first
    about = (tmp_path / "run" / "a").stat()
    first = content_hash(tmp_path / "run")
    (tmp_path / "run" / "a").write_text("33")
    os.utime(tmp_path / "run" / "a", ns=(about.st_atime_ns, about.st_mtime_ns))  # as unpacking a zip of `submit` does
    assert content_hash(tmp_path / "run") != first
    (tmp_path / "run" / "a").rename(tmp_path / "run" / "b")
    assert content_hash(tmp_path / "run") != first
    (tmp_path / "file").write_bytes(b"1")
    (tmp_path / "same").write_bytes(b"1")
    assert content_hash(tmp_path / "file") == content_hash(tmp_path / "same") != content_hash(tmp_path / "none")
