"""The packed store: same pixels as decoding, rebuilt when sources change, safe with two builders or a full disk."""

import hashlib
import json
import os
import subprocess
import sys
import tracemalloc
from multiprocessing.reduction import ForkingPickler
from pathlib import Path

import cv2
import numpy as np
import pytest

from data_tools.errors import KitError
from data_tools.files.image_set import DECODE_VERSION, ImageSet
from data_tools.files.places import PROJECT_ROOT
from data_tools.files.sources import open_source
from data_tools.packed.record_packing import source_state
from data_tools.packed.store import PackedStore
from tests.data_tools.small_set import encoded, write_folder, write_zip

ROOT = PROJECT_ROOT


def files(count: int = 5) -> dict[str, bytes]:
    return {f"n0/{i}.jpg": encoded(i) for i in range(count)}


def image_set(path: Path) -> ImageSet:
    source = open_source(path)
    names = tuple(source.names())
    return ImageSet("training", source, names, np.arange(len(names)))


def test_holds_each_image_resized(tmp_path):
    images = image_set(write_folder(tmp_path / "data", files()))
    store = PackedStore.open(images, 16, tmp_path / "cache")
    assert store.images.shape == (5, 16, 16, 3) and store.images.dtype == np.uint8 and len(store) == 5
    assert np.array_equal(
        store.images[3], cv2.resize(images.decode(3), (16, 16), interpolation=cv2.INTER_AREA)
    )
    assert store.names == images.names and store.labels.tolist() == [0, 1, 2, 3, 4] and store.unreadable == ()
    larger = PackedStore.open(images, 64, tmp_path / "cache")
    assert np.array_equal(
        larger.images[1], cv2.resize(images.decode(1), (64, 64), interpolation=cv2.INTER_LINEAR)
    )


def test_fingerprint_is_that_of_the_content_not_of_the_place(tmp_path):
    folder, archive = write_folder(tmp_path / "data", files()), write_zip(tmp_path / "data.zip", files())
    first, second = (PackedStore.open(image_set(path), 16, tmp_path / "cache") for path in (folder, archive))
    assert first.fingerprint == second.fingerprint
    assert first.fingerprint != PackedStore.open(image_set(folder), 8, tmp_path / "cache").fingerprint


def test_warm_store_is_reused_and_a_changed_source_rebuilds_it(tmp_path, capsys):
    folder = write_folder(tmp_path / "data", files())
    first = PackedStore.open(image_set(folder), 16, tmp_path / "cache")
    capsys.readouterr()
    PackedStore.open(image_set(folder), 16, tmp_path / "cache")
    assert capsys.readouterr().out == ""
    (folder / "n0" / "2.jpg").write_bytes(encoded(99))
    second = PackedStore.open(image_set(folder), 16, tmp_path / "cache")
    assert "packing 5 training images" in capsys.readouterr().out
    assert second.fingerprint != first.fingerprint and not np.array_equal(second.images[2], first.images[2])
    assert len(list((tmp_path / "cache").glob("*.u8"))) == 1  # the stale pixels are gone


@pytest.mark.parametrize("damage", ["short pixels", "no JSON", "other JSON"])
def test_damaged_store_is_rebuilt(tmp_path, damage):
    images = image_set(write_folder(tmp_path / "data", files()))
    whole = np.array(PackedStore.open(images, 16, tmp_path / "cache").images)
    if damage == "short pixels":
        os.truncate(next((tmp_path / "cache").glob("*.u8")), 100)
    else:
        next((tmp_path / "cache").glob("*.json")).write_text("{" if damage == "no JSON" else "[1]")
    assert np.array_equal(PackedStore.open(images, 16, tmp_path / "cache").images, whole)


def test_unreadable_images_are_all_named_or_left_out_on_request(tmp_path):
    folder = write_folder(tmp_path / "data", files() | {"n0/0.jpg": b"", "n0/3.jpg": encoded(3)[:200]})
    images = image_set(folder)
    with pytest.raises(KitError, match="--skip_unreadable true") as caught:
        PackedStore.open(images, 16, tmp_path / "cache")
    assert (
        "2 of 5" in str(caught.value) and "n0/0.jpg" in str(caught.value) and "n0/3.jpg" in str(caught.value)
    )
    assert not list((tmp_path / "cache").glob("*.u8")) and not list((tmp_path / "cache").glob(".*tmp"))
    store = PackedStore.open(images, 16, tmp_path / "cache", skip_unreadable=True)
    assert store.unreadable == ("n0/0.jpg", "n0/3.jpg") and store.labels.tolist() == [1, 2, 4]
    assert np.array_equal(
        store.images[1], PackedStore.open(images.subset([2]), 16, tmp_path / "cache").images[0]
    )
    with pytest.raises(KitError, match="2 of 5"):  # a store without them does not hide them later
        PackedStore.open(images, 16, tmp_path / "cache")


def test_a_worker_is_sent_the_place_and_not_the_pixels(tmp_path):
    store = PackedStore.open(image_set(write_folder(tmp_path / "data", files())), 128, tmp_path / "cache")
    sent = ForkingPickler.dumps(store)
    assert len(sent) < 5_000 and np.array_equal(ForkingPickler.loads(sent).images, store.images)


BUILD = """
import sys, numpy as np
sys.path[:0] = [{root!r}]
from data_tools.packed.store import PackedStore
from tests.data_tools.packed.test_packed import image_set
from pathlib import Path
{before}
store = PackedStore.open(image_set(Path({data!r})), 32, {cache!r})
print(store.fingerprint, int(store.images.sum()))
"""


def build_elsewhere(tmp_path: Path, before: str = "") -> subprocess.Popen:
    code = BUILD.format(
        root=str(ROOT), data=str(tmp_path / "data"), cache=str(tmp_path / "cache"), before=before
    )
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_two_processes_that_build_at_once_end_with_one_store(tmp_path):
    write_folder(tmp_path / "data", files(60))
    outputs = [process.communicate(timeout=120) for process in [build_elsewhere(tmp_path) for _ in range(2)]]
    assert [errors for _, errors in outputs] == ["", ""]
    assert outputs[0][0].splitlines()[-1] == outputs[1][0].splitlines()[-1]
    assert sum("packing" in out for out, _ in outputs) == 1
    assert len(list((tmp_path / "cache").glob("*.u8"))) == 1


def test_full_disk_is_a_clear_error_and_leaves_nothing_behind(tmp_path):
    write_folder(tmp_path / "data", files(60))
    # A limit on the size of files fails the write as a full disk does.
    limit = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); " \
            "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))"
    _, errors = build_elsewhere(tmp_path, limit).communicate(timeout=120)
    assert "KitError" in errors and "make room" in errors and "SIGBUS" not in errors
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] in ([], [".lock"])
    store = PackedStore.open(image_set(tmp_path / "data"), 32, tmp_path / "cache")
    assert len(store) == 60


def test_opening_a_warm_store_decodes_nothing(tmp_path):
    images = image_set(write_folder(tmp_path / "data", files()))
    whole = np.array(PackedStore.open(images, 8, tmp_path / "cache").images)
    for path in (tmp_path / "data" / "n0").iterdir():  # nothing that could be decoded, of the same size and time
        about = path.stat()
        path.write_bytes(bytes(about.st_size))
        os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert np.array_equal(PackedStore.open(images, 8, tmp_path / "cache").images, whole)


def test_the_state_of_many_images_takes_little_memory_and_stays_what_it_was(tmp_path):
    source = open_source(write_folder(tmp_path / "data", files(1)))
    images = ImageSet("many", source, tuple(source.names()) * 20_000, np.zeros(20_000, np.int64))
    source_state(images)
    tracemalloc.start()
    try:
        state, most = source_state(images), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    whole = json.dumps([DECODE_VERSION, images.names, [source.stamp(name) for name in images.names]]).encode()
    assert state == hashlib.sha256(whole + b"int64 (20000,)" + bytes(8 * 20_000)).hexdigest()
    assert most < 3_000_000, most


def test_what_the_disk_cannot_hold_is_refused_before_decoding(tmp_path, capsys):
    images = image_set(write_folder(tmp_path / "data", files()))
    with pytest.raises(KitError, match=r"1,500,000,000\.0 MB and [\d,.]+ MB are free; make room there or name another"):
        PackedStore.open(images, 10**7, tmp_path / "cache")
    assert capsys.readouterr().out == ""


@pytest.mark.skipif(sys.platform != "linux", reason="file names are text there")
def test_names_that_are_not_utf_8(tmp_path):
    images = image_set(write_folder(tmp_path / "data", {os.fsdecode(b"n0/\xe9.jpg"): encoded(1)}))
    assert PackedStore.open(images, 8, tmp_path / "cache").names == images.names == ("n0/\udce9.jpg",)


def test_the_name_of_a_set_is_no_pattern(tmp_path):
    folder = write_folder(tmp_path / "data", files())
    for seed in (1, 2):
        (folder / "n0" / "2.jpg").write_bytes(encoded(90 + seed))
        images = image_set(folder)
        PackedStore.open(ImageSet("photos [raw]", images.source, images.names, images.labels), 8, tmp_path / "cache")
        pixels, = (tmp_path / "cache").glob("*.u8")
        (tmp_path / "cache" / f".{pixels.name}.1.tmp").write_bytes(b"of a killed build")
    assert len(list((tmp_path / "cache").glob(".*.tmp"))) == 1  # the first is gone


def test_an_epoch_maps_a_bounded_part_of_the_store(tmp_path, monkeypatch):
    def mapped() -> int:
        return int(next(line for line in Path("/proc/self/status").read_text().splitlines()
                        if line.startswith("RssFile")).split()[1]) * 1024

    if not Path("/proc/self/status").is_file():
        pytest.skip("needs /proc")
    same = encoded(1)
    images = image_set(write_folder(tmp_path / "data", {f"{i:04}.jpg": same for i in range(600)}))
    store = PackedStore.open(images, 128, tmp_path / "cache", progress=False)  # 29 MB of pixels
    monkeypatch.setattr("data_tools.packed.store.MOST_MAPPED", 2**20)
    before, most = mapped(), 0
    for start in range(0, 600, 20):
        batch = store.images[np.arange(start, start + 20)]
        most = max(most, mapped() - before)
    assert type(batch) is np.ndarray and np.array_equal(batch, np.asarray(store.images)[-20:])
    assert most < 12 * 2**20
