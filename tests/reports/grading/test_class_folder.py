"""Class folders as learning platforms give them: every file has a row, of the right student, and the last counts."""

import csv
import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from assignments.commands.grade import found_in
from data_tools.errors import KitError
from reports.grading.class_folder import DAY, due_date, one_each, student_of, with_due
from reports.grading.class_run import grade_class, name_submissions
from reports.grading.limits import Limits
from reports.grading.submission import peek
from tests.reports.grading.bad_zips import zip_run
from tests.reports.grading.toy import make_toy_run

WORKS = "tests.reports.grading.toy:works"


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> Path:
    return make_toy_run(tmp_path_factory.mktemp("toy") / "good")


def grades_of(folder: Path, out: Path, due: str = "", percent: float = 0.0):
    """{student_id: (grade, row of grades.csv)} of a class folder, as the command makes them."""
    handed = one_each(found_in(folder, out=out)[0])
    if due:
        with_due(handed, due, percent)
    named = name_submissions(list(handed))
    grades = grade_class(named, out, WORKS, {}, assignment="toy", limits=Limits(seconds=60), jobs=2, progress=False,
                         handed={name: handed[path] for name, path in zip(named, handed)})
    with open(out / "grades.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {grade.name: (grade, row) for grade, row in zip(grades, rows)}


def tar_run(run: Path, to: Path, top: str = "", mode: str = "w:gz") -> Path:
    with tarfile.open(to, mode) as archive:
        for file in sorted(path for path in run.rglob("*") if path.is_file()):
            archive.add(file, f"{top}{file.relative_to(run)}")
    return to


def test_every_file_of_a_flat_folder_has_a_row(good, tmp_path):
    folder = tmp_path / "class"
    folder.mkdir()
    zip_run(good, folder / "张三.zip")
    zip_run(good, folder / "ann.zip")
    zip_run(good, folder / "ann" / "deep.zip", "a/b/c/") if (folder / "ann").mkdir() is None else None
    zip_run(good, folder / ".hidden.zip")
    tar_run(good, folder / "zhao.tar.gz", "some/where/")
    (folder / "li.rar").write_bytes(b"Rar!\x1a\x07\x01\x00" + bytes(200))
    (folder / "wang.7z").write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(200))
    (folder / "wu.ipynb").write_text("{}")
    (folder / ".DS_Store").write_bytes(b"\x00")
    with zipfile.ZipFile(folder / "nested.zip", "w") as outer:
        inner = io.BytesIO(zip_run(good, tmp_path / "inner.zip", "run/").read_bytes())
        outer.writestr("my work/backprop.zip", inner.getvalue())
    found = grades_of(folder, folder / "grading")
    assert set(found) == {"张三", "ann", "ann.zip", ".hidden", "zhao", "li", "wang", "wu", "nested"}
    for name in ("张三", "ann", "ann.zip", ".hidden", "zhao", "nested"):
        assert found[name][0].verdict == "reproduced", found[name][0]
    for name, kind in (("li", "a RAR archive"), ("wang", "a 7z archive"), ("wu", "of the kind .ipynb")):
        assert found[name][0].kinds == ["other-format"] and kind in found[name][0].problems[0]["message"]
        assert "hand in the zip that" in found[name][0].problems[0]["message"]
        assert "请提交" in found[name][0].criteria[0].message["zh"] and found[name][1]["raw_score"] == "0"
    assert set(grades_of(folder, folder / "grading")) == set(found)  # the folder of grades is no student


def test_the_folders_of_moodle_and_the_names_of_canvas(good, tmp_path):
    folder = tmp_path / "class"
    for student, hour in (("Zhang San_20412", 1), ("Li Si_20413", 30)):
        place = folder / f"{student}_assignsubmission_file_"
        place.mkdir(parents=True)
        file = zip_run(good, place / "backprop.zip")
        (place / "report.pdf").write_bytes(b"%PDF-1.5")
        os.utime(file, (due_date("2026-05-31") + 3600 * hour,) * 2)
        os.utime(place / "report.pdf", (due_date("2026-05-30"),) * 2)
    (folder / "wangwu_LATE_1234_567890_backprop.zip").write_bytes(b"PK damaged")
    zip_run(good, folder / "wangwu_1234_567891_backprop-1.zip")
    for file in folder.glob("wangwu*"):
        os.utime(file, (due_date("2026-05-30"),) * 2)
    found = grades_of(folder, tmp_path / "out", "2026-05-31", 10)
    assert set(found) == {"20412", "20413", "1234"}
    row = found["20412"][1]
    assert (row["first_name"], row["last_name"], row["duedate"]) == ("Zhang", "San", "2026-06-01 00:00:00")
    assert (row["raw_score"], row["late_submission_penalty"], row["score"]) == ("100", "10", "90")
    assert found["20413"][1]["score"] == "80" and "2 days late" in found["20413"][0].notes
    grade, row = found["1234"]
    assert grade.verdict == "reproduced" and (row["last_name"], row["score"]) == ("wangwu", "100")
    assert "left out: wangwu_LATE_1234_567890_backprop.zip" in " ".join(grade.notes)
    assert "left out: report.pdf" in " ".join(found["20412"][0].notes)


def test_times_and_names_are_read():
    assert due_date("2026-05-31") - due_date("2026-05-31 00:00") == DAY
    assert student_of(Path("Ann Lee_7_assignsubmission_file_run.zip")).id == "7"
    assert student_of(Path("ann_7.zip")).id == student_of(Path("run_best.zip")).id == ""
    with pytest.raises(KitError, match="--due soon: expected a date"):
        due_date("soon")
    with pytest.raises(KitError, match="--late 200"):
        with_due({}, "2026-05-31", 200)


def test_a_tar_is_as_little_trusted_as_a_zip(good, tmp_path):
    assert peek(tar_run(good, tmp_path / "a.tar", "x/", "w"), ["toy"], Limits())[0] == "toy"
    with tarfile.open(tmp_path / "link.tar.gz", "w:gz") as archive:
        info = tarfile.TarInfo("config.yaml")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(info)
    with tarfile.open(tmp_path / "climb.tar.gz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("../config.yaml"))
    with tarfile.open(tmp_path / "bomb.tar.gz", "w:gz") as archive:
        info = tarfile.TarInfo("predictions.npz")
        info.size = 60 << 20
        archive.addfile(info, io.BytesIO(bytes(60 << 20)))
    (tmp_path / "half.tar.gz").write_bytes(tar_run(good, tmp_path / "b.tar.gz").read_bytes()[:700])
    names = {tmp_path / f"{kind}.tar.gz": kind for kind in ("link", "climb", "bomb", "half")}
    grades = grade_class({kind: path for path, kind in names.items()}, tmp_path / "out", WORKS, {}, assignment="toy",
                         jobs=1, progress=False)
    assert {grade.name: grade.kinds[0] for grade in grades} == {
        "link": "symlink", "climb": "path-escape", "bomb": "zip-bomb", "half": "damaged-zip"}
