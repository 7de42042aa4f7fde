"""Packed records: the pixels of the packed store, resumed after a kill, found when damaged, readable by any program."""

import json
import os
import time
from multiprocessing.reduction import ForkingPickler
from pathlib import Path

import numpy as np
import pytest

from assignments.__main__ import main
from data_tools.batches.loader import make_loader
from data_tools.errors import KitError
from data_tools.files.atomic import file_sha256
from data_tools.files.image_set import ImageSet, decode
from data_tools.files.places import PROJECT_ROOT
from data_tools.files.sources import open_source
from data_tools.packed import records
from data_tools.packed.records import RecordStore, pack
from data_tools.packed.store import PackedStore, resize
from data_tools.packed.tfrecord import frame, read_examples, record_spans
from tests.data_tools.processes import python
from tests.data_tools.small_set import encoded, files, image_set, write_folder, write_zip

ROOT = PROJECT_ROOT


@pytest.fixture
def images(tmp_path) -> ImageSet:
    return image_set(write_folder(tmp_path / "data", files()))


@pytest.mark.parametrize("encoding", ["raw", "png"])
@pytest.mark.parametrize("crop", [None, "centre"])
def test_holds_the_pixels_and_the_fingerprint_of_a_packed_store(images, tmp_path, encoding, crop):
    folder = pack(images, 16, tmp_path / "out", crop=crop, shard=3, encoding=encoding, progress=False)
    assert sorted(path.name for path in folder.iterdir()) == [
        "manifest.json", *(f"shard-0000{i}-of-00003.tfrecord" for i in range(3))]
    store = RecordStore.read(folder, check=True)
    other = PackedStore.open(images, 16, tmp_path / "cache", crop=crop, progress=False)
    assert np.array_equal(store.images, other.images) and store.images.shape == other.images.shape
    assert store.images.dtype == np.uint8 and len(store) == len(store.images) == 7 and store.size == 16
    for name in ("names", "hashes", "fingerprint", "unreadable"):
        assert getattr(store, name) == getattr(other, name)
    assert np.array_equal(store.labels, other.labels) and store.labels.dtype == np.int64


def test_images_are_indexed_as_an_array_is(images, tmp_path):
    store = RecordStore.open(images, 8, tmp_path / "out", progress=False)
    whole = np.asarray(store.images)
    for item in (2, -1, np.int64(3), slice(1, 6, 2), [5, 0, 0], np.array([3]), np.array([[1, 2], [6, 0]]),
                 whole[:, 0, 0, 0] > 90, slice(0, 0)):
        assert np.array_equal(store.images[item], whole[item])
    for item in (7, [0, 7], (0, 1)):
        with pytest.raises(IndexError):
            store.images[item]


def test_records_have_the_documented_fields(images, tmp_path):
    folder = pack(images, 8, tmp_path / "out", progress=False, encoding="png")
    first, *others = read_examples(folder / "shard-00000-of-00001.tfrecord")
    pixels, = first.pop("image/encoded")
    assert np.array_equal(decode(pixels), RecordStore.read(folder).images[0]) and len(others) == 6
    assert first == {"image/format": [b"png"], "image/height": [8], "image/width": [8], "image/channels": [3],
                     "image/class/label": [-1], "image/filename": [b"a/000.png"],
                     "image/sha256": [file_sha256(tmp_path / "data" / "a" / "000.png").encode()]}
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["classes"] == {"-1": 3, "0": 2, "1": 2} and manifest["images"] == 7 and manifest["complete"] is True
    entry = manifest["shards"]["shard-00000-of-00001.tfrecord"]
    shard = folder / "shard-00000-of-00001.tfrecord"
    assert (entry["images"], entry["bytes"], entry["sha256"]) == (7, shard.stat().st_size, file_sha256(shard))
    assert manifest["bytes"] == entry["bytes"] and manifest["size"] == 8 and manifest["seconds"] > 0


def test_attributes_are_labels_too(images, tmp_path):
    attributes = np.random.default_rng(0).integers(0, 2, (7, 40)).astype(np.uint8)
    many = ImageSet("training", images.source, images.names, attributes)
    store = RecordStore.open(many, 8, tmp_path / "out", progress=False)
    assert np.array_equal(store.labels, attributes) and store.labels.dtype == np.uint8
    assert store.fingerprint == PackedStore.open(many, 8, tmp_path / "cache", progress=False).fingerprint


def test_same_bytes_from_folder_and_zip_and_any_number_of_processes(tmp_path):
    sets = [image_set(write_folder(tmp_path / "data", files(20))),
            image_set(write_zip(tmp_path / "data.zip", files(20)))]
    folders = [pack(images, 16, tmp_path / f"out{processes}", shard=4, processes=processes, progress=False)
               for images, processes in zip(sets, (1, 3))]
    first, second = ({path.name: path.read_bytes() for path in folder.glob("*.tfrecord")} for folder in folders)
    assert first == second and len(first) == 5
    assert RecordStore.read(folders[0]).fingerprint == RecordStore.read(folders[1]).fingerprint


def test_warm_records_are_reused_and_a_changed_source_packs_anew(images, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    first = RecordStore.open(images, 16)
    assert Path(first.path).is_relative_to(tmp_path / "cache" / "records")
    assert "packing training at 16: 7 images" in capsys.readouterr().out
    assert RecordStore.open(images, 16).path == first.path and capsys.readouterr().out == ""
    (tmp_path / "data" / "a" / "002.png").write_bytes(encoded(99))
    second = RecordStore.open(image_set(tmp_path / "data"), 16)
    assert "packing" in capsys.readouterr().out
    assert second.fingerprint != first.fingerprint and not np.array_equal(second.images[1], first.images[1])


def test_records_packed_by_hand_are_opened_whatever_their_encoding(images, tmp_path, capsys):
    folder = pack(images, 16, tmp_path / "out", shard=2, encoding="png", progress=False)
    store = RecordStore.open(images, 16, tmp_path / "out")
    assert capsys.readouterr().out == "" and len(store.shards) == 4 and store.path == str(folder)
    pack(images, 16, tmp_path / "out", shard=5, progress=False)  # other settings replace it
    assert len(list(folder.glob("*.tfrecord"))) == 2 and RecordStore.read(folder).encoding == "raw"


def test_unreadable_images_are_all_named_or_left_out_on_request(tmp_path):
    bad = {"a/000.png": b"", "b/003.png": encoded(3)[:200], "b/005.png": b"no image"}
    images = image_set(write_folder(tmp_path / "data", files() | bad))
    with pytest.raises(KitError, match="3 of 7 .*--skip_unreadable true|3 of 7") as caught:
        RecordStore.open(images, 16, tmp_path / "out", progress=False)
    text = str(caught.value)
    assert all(name in text
               for name in bad) and text.index("a/000.png") < text.index("b/003.png") < text.index("b/005.png")
    with pytest.raises(KitError, match="interrupted"):
        RecordStore.read(tmp_path / "out" / "training-16")
    store = RecordStore.open(images, 16, tmp_path / "out", skip_unreadable=True, progress=False)
    other = PackedStore.open(images, 16, tmp_path / "cache", skip_unreadable=True, progress=False)
    assert set(store.unreadable) == set(bad) and store.names == other.names and store.fingerprint == other.fingerprint
    with pytest.raises(KitError, match="3 of 7"):  # records without them do not hide them later
        RecordStore.open(images, 16, tmp_path / "out", progress=False)
    assert RecordStore.read(tmp_path / "out" / "training-16").fingerprint == store.fingerprint  # and stay whole


def test_workers_get_the_place_and_read_the_same_batches(images, tmp_path):
    store = RecordStore.open(images, 64, tmp_path / "out", progress=False)
    assert len(ForkingPickler.dumps(store)) < 5_000
    here, there = (list(make_loader(store, 3, shuffle=True, seed=1, epoch=2, workers=workers)) for workers in (0, 1))
    assert len(here) == 3 and all(np.array_equal(a["image"], b["image"]) for a, b in zip(here, there))
    sent = ForkingPickler.dumps(store)
    os.truncate(tmp_path / "out" / "training-64" / "shard-00000-of-00001.tfrecord", 100)
    with pytest.raises(KitError, match="gone or changed"):
        ForkingPickler.loads(sent)


@pytest.mark.parametrize("change", ["images", "encoding"])
def test_workers_do_not_read_what_another_run_has_packed_meanwhile(images, tmp_path, change):
    first = pack(images, 16, tmp_path / "out", encoding="raw" if change == "images" else "png", progress=False)
    sent = ForkingPickler.dumps(RecordStore.read(first))
    assert len(ForkingPickler.loads(sent)) == 7
    if change == "images":
        (tmp_path / "data" / "a" / "002.png").write_bytes(encoded(99))
    pack(image_set(tmp_path / "data"), 16, tmp_path / "out", progress=False)
    with pytest.raises(KitError, match="gone or changed: its manifest describes another pack"):
        ForkingPickler.loads(sent)


MANY = """
import resource, sys
from multiprocessing.reduction import ForkingPickler
from data_tools.errors import KitError
from data_tools.packed.records import RecordStore
resource.setrlimit(resource.RLIMIT_NOFILE, (32, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
store = RecordStore.read(sys.argv[1])
sent = ForkingPickler.dumps(store)
print(len(store.images[:]))
del store
resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))
for again in (lambda: RecordStore.read(sys.argv[1]), lambda: ForkingPickler.loads(sent)):
    try:
        again()
    except KitError as error:
        print(error)
"""


def test_more_shards_than_open_files(tmp_path):
    pytest.importorskip("resource")
    images = image_set(write_folder(tmp_path / "data", files(40)))
    folder = pack(images, 4, tmp_path / "out", shard=1, processes=1, progress=False)
    done = python(["-c", MANY, str(folder)], cwd=ROOT)
    count, here, worker = done.stdout.splitlines()
    assert count == "40" and done.stderr == ""
    assert "40 shards, more files than one process may hold open" in here and here.endswith("with a larger --shard")
    assert worker == here


@pytest.mark.parametrize("damage", ["a pixel", "another file", "shorter", "absent", "length"])
def test_a_damaged_shard_is_found_and_packed_again(images, tmp_path, damage):
    folder = pack(images, 16, tmp_path / "out", shard=3, progress=False)
    whole = np.asarray(RecordStore.read(folder).images)
    shard = folder / "shard-00001-of-00003.tfrecord"
    content, untouched = shard.read_bytes(), (folder / "shard-00000-of-00003.tfrecord").stat().st_mtime_ns
    changed = {"a pixel": content[:200] + bytes([content[200] ^ 1]) + content[201:], "shorter": content[:-1],
               "length": bytes([content[0] ^ 1]) + content[1:],
               "another file": (folder / "shard-00000-of-00003.tfrecord").read_bytes()[:len(content)]}.get(damage)
    shard.unlink() if changed is None else shard.write_bytes(changed)
    with pytest.raises(KitError, match="shard-00001-of-00003.tfrecord"):
        RecordStore.read(folder, check=True)
    pack(images, 16, tmp_path / "out", shard=3, progress=False)
    assert np.array_equal(RecordStore.read(folder, check=True).images, whole)
    assert (folder / "shard-00000-of-00003.tfrecord").stat().st_mtime_ns == untouched


def test_open_packs_again_what_read_refuses(images, tmp_path):
    folder = pack(images, 16, tmp_path / "out", shard=3, progress=False)
    whole = np.asarray(RecordStore.read(folder).images)
    (folder / "shard-00002-of-00003.tfrecord").write_bytes(b"")
    assert np.array_equal(RecordStore.open(images, 16, tmp_path / "out", progress=False).images, whole)
    (folder / "manifest.json").write_text("[]")
    assert np.array_equal(RecordStore.open(images, 16, tmp_path / "out", progress=False).images, whole)


def test_a_flipped_bit_in_the_text_of_a_hash_is_found_and_packed_again(images, tmp_path):
    folder = pack(images, 16, tmp_path / "out", progress=False)
    whole = RecordStore.read(folder)
    shard = folder / "shard-00000-of-00001.tfrecord"
    content, at = bytearray(shard.read_bytes()), shard.read_bytes().index(whole.hashes[2].encode())
    content[at] ^= 128
    shard.write_bytes(content)
    with pytest.raises(KitError, match="not those that its manifest describes"):
        RecordStore.read(folder)
    store = RecordStore.open(images, 16, tmp_path / "out", progress=False)
    assert store.hashes == whole.hashes and np.array_equal(store.images, whole.images)


def test_every_record_is_read_as_if_it_stood_alone(tmp_path):
    """Records of one length and one layout are parsed once; one of another kind among them is found all the same."""
    names = [f"{'ab'[i % 2]}/{'long-' * (i % 3)}{i}.png" for i in range(12)]
    source = open_source(write_folder(tmp_path / "data", {name: encoded(i) for i, name in enumerate(names)}))
    images = ImageSet("training", source, tuple(names), np.array([0, 1, 1, -1, 0, 300, 301, 1, 0, 127, 128, 2]))
    folder = pack(images, 8, tmp_path / "out", progress=False)
    store = RecordStore.read(folder, check=True)
    assert store.names == images.names and np.array_equal(store.labels, images.labels)
    assert np.array_equal(store.images, [resize(images.decode(row), 8) for row in range(12)])
    shard = folder / "shard-00000-of-00001.tfrecord"
    content = shard.read_bytes()
    spans = list(record_spans(content, "shard"))
    for old, new, words in ((b"raw", b"png", "'png'"), (b"image/class/label", b"image/class/other", "label is absent"),
                            (b"image/filename", b"image/filenome", "image/filename is absent")):
        records = [content[slice(*span)] for span in spans]
        records[8] = records[8].replace(old, new)
        shard.write_bytes(b"".join(map(frame, records)))
        with pytest.raises(KitError, match=f"record at byte {spans[8][0] - 12:,}: .*{words}"):
            RecordStore.read(folder)


@pytest.mark.parametrize("change, problem", [
    ({"format": "other"}, "another program"), ({"size": 10**9}, "another program"), ({"size": 17}, "is not 17x17"),
    ({"encoding": "png"}, "png"), ({"attributes": 2}, "2 attributes"), ({"shards": {}}, "no whole row"),
    ({"shards": {"../../x.tfrecord": {}}}, "another program"), ({"fingerprint": "0"}, "not those"),
    ({"complete": 1}, "another"),
    ({"crop": "centre"}, "not those"), ({"images": "7"}, "another program"),
])
def test_a_manifest_is_not_trusted(images, tmp_path, change, problem):
    folder = pack(images, 16, tmp_path / "out", progress=False)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | change))
    with pytest.raises(KitError, match=problem):
        RecordStore.read(folder)


def test_wrong_requests_and_foreign_folders(images, tmp_path):
    for request in ({"size": 0}, {"size": 5000}, {"encoding": "jpeg"}, {"shard": 0}, {"processes": 0}, {"crop": "top"}):
        with pytest.raises(KitError, match="cannot pack"):
            pack(images, **{"size": 16, "folder": tmp_path / "out", **request})
    with pytest.raises(KitError, match="no images"):
        pack(images.subset([]), 16, tmp_path / "out")
    with pytest.raises(KitError, match="no manifest.json"):
        RecordStore.read(tmp_path / "data")
    mine = tmp_path / "out" / "training-16"
    write_folder(mine, {"thesis.txt": b"mine"})
    with pytest.raises(KitError, match="something else .thesis.txt"):
        pack(images, 16, tmp_path / "out", progress=False)
    assert [path.name for path in mine.iterdir()] == ["thesis.txt"]


def test_an_epoch_maps_a_bounded_part_of_the_records(tmp_path, monkeypatch):
    def mapped() -> int:
        return int(next(line for line in Path("/proc/self/status").read_text().splitlines()
                        if line.startswith("RssFile")).split()[1]) * 1024

    if not Path("/proc/self/status").is_file():
        pytest.skip("needs /proc")
    same = encoded(1)
    images = image_set(write_folder(tmp_path / "data", {f"{i:04}.jpg": same for i in range(400)}))
    # 20 MB of pixels
    store = RecordStore.read(pack(images, 128, tmp_path / "out", shard=100, processes=1, progress=False))
    monkeypatch.setattr(records, "MOST_MAPPED", 2**20)
    store.images[np.arange(100)]
    before, most = mapped(), 0
    for start in range(0, 400, 20):
        store.images[np.arange(start, start + 20)]
        most = max(most, mapped() - before)
    assert most < 8 * 2**20


def test_reading_is_many_times_faster_than_decoding(tmp_path):
    same = encoded(1, (500, 500), "PNG")
    images = image_set(write_folder(tmp_path / "data", {f"{i}.png": same for i in range(32)}))
    store = RecordStore.open(images, 32, tmp_path / "out", progress=False)
    begin = time.perf_counter()
    for row in range(32):
        images.decode(row)
    decoding = time.perf_counter() - begin
    reading = []
    for _ in range(5):
        begin = time.perf_counter()
        for start in range(0, 32, 16):
            store.images[np.arange(start, start + 16)]
        reading.append(time.perf_counter() - begin)
    assert decoding > 20 * min(reading)  # some 500 times on a quiet machine


@pytest.mark.compat
def test_the_command_line_packs_any_folder_and_says_what_it_brings(tmp_path, capsys):
    data = write_folder(tmp_path / "data", files())
    arguments = ["data", "pack", str(data), str(tmp_path / "out"), "--size", "8", "16", "--shard", "4", "--crop",
                 "centre"]
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert "8x8: 7 images in 2 files" in out and "times as fast" in out and "labels: 0 a, 1 b" in out
    store = RecordStore.read(tmp_path / "out" / "images-16", check=True)
    assert store.labels.tolist() == [0, 0, 0, 0, 1, 1, 1] and store.names[0] == "a/000.png"
    assert main(arguments) == 0 and "packing" not in capsys.readouterr().out.replace("packed", "")
    assert main([*arguments, "--split", "test"]) == 2 and "no split test" in capsys.readouterr().err
    assert main(["data", "pack", str(tmp_path / "nowhere"), str(tmp_path / "out")]) == 2
    assert "does not exist" in capsys.readouterr().err
