"""Packing into records by programs that are killed, meet each other or run out of disk."""

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from data_tools.errors import KitError
from data_tools.files.places import PROJECT_ROOT
from data_tools.packed.records import RecordStore
from data_tools.packed.store import resize
from tests.data_tools.processes import descendants, program, python, wait_until
from tests.data_tools.small_set import encoded, files, image_set, write_folder

ROOT = PROJECT_ROOT

PACK = """
import sys
sys.path[:0] = [{root!r}]
from pathlib import Path
from tests.data_tools.packed.test_records import image_set
from data_tools.packed.records import pack
{before}
from data_tools.errors import KitError
try:
    pack(image_set(Path({data!r})), 48, {out!r}, shard=2, processes={processes})
except KitError as error:
    print(f"KitError: {{error}}")
assert "paddle" not in sys.modules
"""


def slow_set(tmp_path: Path, count: int = 24) -> Path:
    """Large pictures, so that a pack lasts some seconds."""
    same = encoded(1, (900, 900), "PNG")
    return write_folder(tmp_path / "data", {f"{i:03}.png": same for i in range(count)})


def packing_program(tmp_path: Path, before: str = "", processes: int = 2) -> str:
    return PACK.format(root=str(ROOT), data=str(tmp_path / "data"), out=str(tmp_path / "out"), before=before,
                       processes=processes)


@pytest.mark.parametrize("killed", ["all", "one worker"])
def test_a_killed_pack_goes_on_where_it_was(tmp_path, capsys, killed):
    images, folder = image_set(slow_set(tmp_path)), tmp_path / "out" / "training-48"

    def finished() -> dict[str, int]:
        entries = json.loads((folder / "manifest.json").read_text())["shards"] if (
            folder / "manifest.json").exists() else {}
        return {name: (folder / name).stat().st_mtime_ns for name in entries}

    with program(packing_program(tmp_path)) as process:
        wait_until(lambda: len(finished()) >= 2)
        workers = descendants(process.pid)
        assert len(workers) == 2
        os.kill(process.pid if killed == "all" else min(workers), signal.SIGKILL)
        out, errors = process.communicate(timeout=60)
        if killed == "one worker":
            assert "a packing process ended unexpectedly" in out and errors == "" and process.returncode == 0
        wait_until(lambda: not workers & descendants(1))  # none outlives the parent
    kept = finished()
    assert 2 <= len(kept) < 12
    with pytest.raises(KitError, match="interrupted"):
        RecordStore.read(folder)
    capsys.readouterr()
    store = RecordStore.open(images, 48, tmp_path / "out")
    said = int(capsys.readouterr().out.split("images, ")[1].split()[0])
    assert said == 2 * len(kept) and {name: (folder / name).stat().st_mtime_ns for name in kept} == kept
    assert len(store) == 24 and len(store.shards) == 12 and not list(folder.glob(".*"))
    assert store.names == images.names and (np.asarray(store.images) == resize(images.decode(0), 48)).all()
    RecordStore.read(folder, check=True)


def test_two_packs_at_once_end_with_one(tmp_path):
    write_folder(tmp_path / "data", files(30))
    with program(packing_program(tmp_path)) as first, program(packing_program(tmp_path)) as second:
        outputs = [process.communicate(timeout=60) for process in (first, second)]
    assert [errors for _, errors in outputs] == ["", ""] and sum("packing" in out for out, _ in outputs) == 1
    assert len(RecordStore.read(tmp_path / "out" / "training-48", check=True)) == 30


@pytest.mark.parametrize("processes", [1, 2])
def test_full_disk_is_a_clear_error_and_the_pack_goes_on(tmp_path, processes):
    write_folder(tmp_path / "data", files(6))
    # A limit on the size of files, which the packing processes inherit, fails the write as a full disk does.
    limit = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); " \
            "resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, 9_000))"
    ended = python(["-c", packing_program(tmp_path, limit, processes)])
    assert "KitError" in ended.stdout and "make room" in ended.stdout and ended.stderr == ""
    assert not list((tmp_path / "out").glob("*/*.tfrecord")) and not list((tmp_path / "out").glob("*/.*.tmp"))
    assert len(RecordStore.open(image_set(tmp_path / "data"), 48, tmp_path / "out", progress=False)) == 6
