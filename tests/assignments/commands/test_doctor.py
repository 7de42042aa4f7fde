"""`doctor` as a user calls it, in a process of its own among data of every kind."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from assignments.__main__ import main
from assignments.commands import doctor
from assignments.common import health
from assignments.common.works import work_of
from data_tools.files.places import PROJECT_ROOT
from paddle_models.trainer.settings import read_presets
from tests.data_tools.small_set import encoded, monkey_files, write_folder


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """(folder, {what: what doctor says of it}, all it says). The monkeys are drawn, the glasses do not fit together,
    CelebA's place is not there.
    """
    folder = tmp_path_factory.mktemp("doctor")
    write_folder(folder / "some", monkey_files() | {"DRAWN.txt": b"Drawn stand-in for a test"})
    write_folder(folder / "glasses", {"train.csv": b"id,glasses\n1,1\n", "face-1.png": encoded(1, kind="PNG")})
    write_folder(folder / "data/super-resolution/T91", {"a.png": encoded(2, kind="PNG")})
    places = {"MONKEY_DATA": "some", "GLASSES_DATA": "glasses", "CELEBA_DATA": "nowhere", "HOME": ".",
              "KIT_CACHE": "new/cache",
              "KIT_RUNS": "runs"}
    settings = {name: str((folder / place).resolve()) for name, place in places.items()}
    environment = {name: value for name, value in os.environ.items() if name != "SUPER_RESOLUTION_DATA"}
    done = subprocess.run([sys.executable, "-m", "assignments", "doctor"], cwd=folder, capture_output=True, text=True,
                          timeout=120, env={**environment, **settings, "PYTHONPATH": str(PROJECT_ROOT)})
    assert (done.returncode, done.stderr) == (0, "")
    assert {line[:9].strip() for line in done.stdout.splitlines()} <= {"OK", "warning", ""}
    whole = done.stdout.replace("\n" + " " * 26, " ")  # lines as wide as a terminal
    return folder, {line[9:26].strip(): line[26:] for line in whole.splitlines()}, whole


def test_the_data_of_every_work_are_shown_with_what_they_are(said):
    folder, lines, text = said
    assert lines["monkey images"] == "some (drawn)"
    assert lines["CelebA"].startswith(f"unusable: no data at {folder / 'nowhere'}")
    assert lines["glasses"].startswith(f"unusable: the glasses data at {folder / 'glasses'}")
    assert "super-resolution T91: data/super-resolution (real)\n" in text
    assert "super-resolution DIV2K_train: none: --data PATH" in text


def test_cores_memory_and_room_are_shown(said):
    folder, lines, _ = said
    assert 1 <= int(lines["cores"]) <= os.cpu_count() and float(lines["memory"].split(" GB")[0]) > 0
    assert lines["KIT_CACHE"].startswith("new/cache, ") and " GB free" in lines["KIT_CACHE"]
    assert lines["KIT_RUNS"].startswith("runs, ") and not (folder / "runs").exists()
    assert "free" in lines["/dev/shm"] or lines["/dev/shm"] == "absent"


def test_sets_are_those_that_presets_look_for():
    presets = read_presets(PROJECT_ROOT / "assignments" / "swift_srgan" / "presets.yaml").values()
    searching = [preset["settings"] for preset in presets if "data" not in preset["settings"]]
    wanted = {settings.get("train_sets", ["DIV2K_train"])[0] for settings in searching}
    assert {f"super-resolution {name}:" for name in wanted} == set(work_of("swift_srgan").searched())


def installed(monkeypatch, **versions):
    """As if these packages had these versions, "" for absent."""
    known = health.installed_version
    for module in (health, doctor):
        monkeypatch.setattr(module, "installed_version",
                            lambda name: versions.get(name.replace("-", "_"), known(name)))


@pytest.mark.parametrize("versions, level, words", [
    ({"numpy": "2.9.0"}, "FAILURE", "2.9.0, wanted "), ({"safetensors": ""}, "FAILURE", "absent: pip install"),
    ({"paddlepaddle": "3.3.1", "paddlepaddle_gpu": "2.6.2"}, "FAILURE", "both the CPU and the GPU wheel"),
    ({"paddlepaddle": "", "paddlepaddle_gpu": ""}, "FAILURE", "absent: pip install"),
    ({"paddlepaddle": "4.0.0", "paddlepaddle_gpu": ""}, "warning", "4.0.0: tried were"),
    ({"tqdm": "9.0"}, "warning", "9.0, wanted"), ({"mypy": ""}, "warning", "absent")])
def test_what_is_installed_wrongly_is_named_and_a_run_that_would_fail_is_refused(monkeypatch, capfd, versions, level,
                                                                                 words):
    installed(monkeypatch, **versions)
    found = [finding for finding in health.packages() if finding.level != "OK"]
    assert len(found) == 1 and (found[0].level, words in found[0].text) == (level, True)
    monkeypatch.setattr(doctor, "started", lambda: None)
    assert doctor.examine() == (level == "FAILURE")
    said = capfd.readouterr().out
    assert words in said and "\nOK       cores" in said  # the other checks are made all the same
    if level == "FAILURE":
        assert main(["run", "glasses", "--preset", "smoke"]) == 2 and words in capfd.readouterr().err
    else:
        health.refuse_unfit()


def test_a_disk_without_room_or_rights_and_a_check_that_fails(monkeypatch, tmp_path, capfd):
    monkeypatch.setenv("KIT_RUNS", str(tmp_path))
    usage = SimpleNamespace(total=10**12, used=10**12, free=10**8)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: usage)
    assert {finding.level for finding in doctor.disks()} == {"FAILURE"}
    usage.free = 3 * 2**30
    assert {finding.level for finding in doctor.disks()} == {"warning"}
    monkeypatch.setattr(doctor.os, "access", lambda *_: False)
    assert all("nobody may write there" in finding.text for finding in doctor.disks())
    ended = SimpleNamespace(returncode=1, communicate=lambda timeout: ("", "a\nno library"))
    assert "no library: install Paddle anew" in doctor.computed(ended)[0].text

    def broken():
        raise OSError("libGL is missing")

    assert doctor._tell(broken) and "FAILURE  broken           OSError: libGL is missing" in capfd.readouterr().out
