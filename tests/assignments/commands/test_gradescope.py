"""The autograder zip, tried in a clean folder as Gradescope lays it out."""

import json
import os
import shutil
import stat
import subprocess
import sys
import zipfile

import pytest

from assignments.commands.autograder.build import FOLDERS, INSTALLED_BY, SCRIPTS, build_autograder
from data_tools.errors import KitError
from data_tools.files.places import PROJECT_ROOT
from reports.grading.likeness import fingerprints
from tests.assignments.graded_runs import write_data


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The autograder of backprop."""
    out = tmp_path_factory.mktemp("built") / "autograder.zip"
    build_autograder("backprop", out)
    return out


@pytest.fixture
def autograder(built, tmp_path):
    """/autograder after Gradescope has built the image: source/ unpacked, run_autograder copied, setup.sh run."""
    root = tmp_path / "autograder"
    for folder in ("source", "submission", "results"):
        (root / folder).mkdir(parents=True)
    with zipfile.ZipFile(built) as archive:
        for info in archive.infolist():
            path = root / "source" / archive.extract(info, root / "source")
            path.chmod(info.external_attr >> 16 & 0o777)
    shutil.copy(root / "source" / "run_autograder", root)
    return root


def run(script, root, python=sys.executable):
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("KIT_", "PYTHONPATH"))}
    return subprocess.run([str(script)], cwd=root, capture_output=True, text=True, timeout=200,
                          env={**environment, "AUTOGRADER_ROOT": str(root), "KIT_PYTHON": str(python)})


def results(root):
    return json.loads((root / "results" / "results.json").read_text(encoding="utf-8"))


def test_the_zip_holds_the_scripts_and_the_kit_and_nothing_else(built, tmp_path):
    with zipfile.ZipFile(built) as archive:
        members = {info.filename: info for info in archive.infolist()}
        for script in SCRIPTS:
            content = archive.read(script)
            assert content.startswith(b"#!/usr/bin/env bash\n") and b"\r" not in content
            assert members[script].external_attr >> 16 == stat.S_IFREG | 0o755
        known = json.loads(archive.read("reports/grading/known_weights.json"))  # their fingerprints, and no weights
    tops = {name.split("/")[0] for name in members}
    assert tops == {*FOLDERS, *SCRIPTS, *INSTALLED_BY, "rubric.yaml", "settings.sh",
                    *(path.name for path in PROJECT_ROOT.glob("requirements*.txt"))}
    assert not any("__pycache__" in name or name.endswith((".safetensors", ".npz")) for name in members)
    assert known == fingerprints() and "swift_srgan_x4_pixel" in known and any("lite0" in name for name in known)
    assert built.stat().st_size < 5_000_000
    build_autograder("backprop", tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == built.read_bytes()


def test_a_submission_is_graded_where_gradescope_puts_it(autograder, backprop_run):
    setup = run(autograder / "source" / "setup.sh", autograder)
    assert setup.returncode == 0, setup.stderr
    shutil.copytree(backprop_run, autograder / "submission", dirs_exist_ok=True)
    graded = run(autograder / "run_autograder", autograder)
    assert graded.returncode == 0 and graded.stderr == "", graded.stderr
    found = results(autograder)
    assert found["extra_data"]["verdict"] == "reproduced" and found["score"] >= 70
    assert [test["max_score"] for test in found["tests"]] == [2, 2, 2, 2, 6, 86]
    for path in (autograder / "submission").rglob("*"):
        path.unlink() if path.is_file() else None
    nothing = run(autograder / "run_autograder", autograder)
    assert nothing.returncode == 0, nothing.stderr
    assert results(autograder)["score"] == 0 and results(autograder)["extra_data"]["problems"] == ["not-a-run"]


def test_results_are_written_even_when_the_autograder_fails(autograder):
    failed = run(autograder / "run_autograder", autograder, python="/nonexistent/python")
    assert failed.returncode == 0
    assert results(autograder)["score"] == 0 and "tell your teacher" in results(autograder)["output"]
    shutil.rmtree(autograder / "source")
    run(autograder / "run_autograder", autograder)
    assert results(autograder)["score"] == 0


def test_setup_fails_loudly(autograder):
    (autograder / "source" / "rubric.yaml").write_text("assignment: backprop\n")
    (autograder / "source" / "settings.sh").write_text("python=/nonexistent/python assignment=backprop data=\n")
    assert run(autograder / "source" / "setup.sh", autograder).returncode != 0


def test_mistakes_are_told_when_it_is_built(tmp_path):
    with pytest.raises(KitError, match="ends in .zip"):
        build_autograder("backprop", tmp_path / "autograder.tar")
    (tmp_path / "rubric.yaml").write_text("assignment: glasses\ncriteria:\n"
                                         "  - {id: a, kind: whole, points: 1, title: {en: a, zh: a}}\n")
    with pytest.raises(KitError, match="a rubric of glasses, not of backprop"):
        build_autograder("backprop", tmp_path / "autograder.zip", rubric=tmp_path / "rubric.yaml")


@pytest.mark.parametrize("name, data, said", [
    ("glasses", "/typo", "--data /typo: there is no such folder or file; give a path, or the word sample"),
    ("glasses", "celeba:/somewhere", "there is no such folder or file"),
    ("glasses", "photographs", "or the word sample"),
    ("swift_srgan", "phtographs", "or the word photographs or sample"), ("backprop", "sample", "leave --data out"),
    ("backprop", ".", "leave --data out")])
def test_data_that_gradescope_would_not_find_are_refused(name, data, said, tmp_path):
    with pytest.raises(KitError, match=said):
        build_autograder(name, tmp_path / "autograder.zip", data)
    assert not list(tmp_path.iterdir())


def test_data_that_grading_could_not_use_are_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.txt").write_text("hello")
    write_data("face_attributes", tmp_path / "celeba")
    for name, place in (("glasses", "empty"), ("glasses", "text.txt"), ("glasses", "celeba"),
                        ("monkey_species", "celeba")):
        with pytest.raises(KitError, match=place):
            build_autograder(name, tmp_path / "autograder.zip", str(tmp_path / place))
    assert not list(tmp_path.glob("*.zip"))


def test_the_graders_data_go_into_the_zip(tmp_path, monkeypatch, capsys):
    data = tmp_path / "set"
    write_data("monkey_species", data)
    (data / "training" / "a.bin").write_bytes(b"x" * 100)
    build_autograder("monkey_species", tmp_path / "autograder.zip", str(data))
    assert f"{data} goes into the zip" in capsys.readouterr().out
    with zipfile.ZipFile(tmp_path / "autograder.zip") as archive:
        assert archive.read("grader_data/set/training/a.bin") == b"x" * 100
        assert b"data=grader_data/set" in archive.read("settings.sh")
        assert b"0.94" in archive.read("rubric.yaml")  # of real data
    monkeypatch.setattr("assignments.commands.autograder.build.LARGEST", 99)
    with pytest.raises(KitError, match="Gradescope takes zip files of"):
        build_autograder("monkey_species", tmp_path / "b.zip", str(data))
