"""`doctor` as a user calls it, in a process of its own among data of every kind."""

import os
import subprocess
import sys

import pytest

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
    return folder, {line[:17].strip(): line[17:] for line in done.stdout.splitlines()}, done.stdout


def test_the_data_of_every_work_are_shown_with_what_they_are(said):
    folder, lines, text = said
    assert lines["monkey images"] == f"{folder / 'some'} (drawn)"
    assert lines["CelebA"].startswith(f"unusable: no data at {folder / 'nowhere'}")
    assert lines["glasses"].startswith(f"unusable: the glasses data at {folder / 'glasses'}")
    assert "super-resolution T91: data/super-resolution (real)\n" in text
    assert "super-resolution DIV2K_train: none: --data PATH" in text


def test_cores_memory_and_room_are_shown(said):
    folder, lines, _ = said
    assert 1 <= int(lines["cores"]) <= os.cpu_count() and float(lines["memory"].split(" GB")[0]) > 0
    assert lines["KIT_CACHE"].startswith(f"{folder / 'new/cache'}, ") and lines["KIT_CACHE"].endswith(" GB free")
    assert lines["KIT_RUNS"].startswith(f"{folder / 'runs'}, ") and not (folder / "runs").exists()
    assert "free" in lines["/dev/shm"] or lines["/dev/shm"] == "absent"


def test_sets_are_those_that_presets_look_for():
    presets = read_presets(PROJECT_ROOT / "assignments" / "swift_srgan" / "presets.yaml").values()
    searching = [preset["settings"] for preset in presets if "data" not in preset["settings"]]
    wanted = {settings.get("train_sets", ["DIV2K_train"])[0] for settings in searching}
    assert {f"super-resolution {name}:" for name in wanted} == set(work_of("swift_srgan").searched())
