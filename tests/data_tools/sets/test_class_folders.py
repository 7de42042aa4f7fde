"""Class folders of any names and shapes: what is a class, what goes together, what is left out, what the audit says."""

import json
import os

import numpy as np
import pytest

from assignments.__main__ import main
from data_tools.errors import KitError
from data_tools.files import places
from data_tools.sets.class_audit import audit_classes, format_classes
from data_tools.sets.class_folders import find_classes, read_class_folders
from tests.data_tools.sets.test_audit import recompressed
from tests.data_tools.small_set import encoded, write_folder, write_zip


def pictures(*folders, count=6, first=0):
    """{name: content} of so many different pictures in each folder."""
    return {f"{folder}/{n}.jpg": encoded(first + 100 * place + n)
            for place, folder in enumerate(folders) for n in range(count)}


@pytest.mark.parametrize("folders, classes", [
    (("猫 和 狗", "a:b", "100 %"), ("100 %", "a:b", "猫 和 狗")),
    (("all/cats", "all/dogs"), ("cats", "dogs")),
    (("train/cats", "train/dogs", "val/cats", "val/dogs"), ("cats", "dogs")),
    (("Anna/monday", "Anna/friday", "Bela/monday"), ("Anna", "Bela")),
    (("people/Anna/monday", "people/Bela/monday"), ("Anna", "Bela")),
    (("animals/cats", "plants/oaks"), ("cats", "oaks")),
    (("test/Anna/monday", "train/Bela/monday"), ("Anna", "Bela"))],
    ids=["names", "below-one", "splits", "sessions", "sessions-below-one", "kinds", "splits-of-sessions"])
def test_what_is_a_class(tmp_path, folders, classes):
    folder = write_folder(tmp_path / "data", pictures(*folders))
    images, found, notes = find_classes(folder)
    assert found == classes and len(images) == 6 * len(folders)
    for name, label in zip(images.names, images.labels):
        assert classes[label] in name.split("/")
    assert any("divided anew" in note for note in notes) == any(f.startswith(("train", "test")) for f in folders)


def test_what_is_no_image_of_a_class_is_left_out_and_said(tmp_path):
    files = {**pictures("cats", "dogs"), "poster.png": encoded(900, kind="PNG"), "cats/Thumbs.db": b"\0" * 20,
             "dogs/notes.txt": b"x", "cats/.ipynb_checkpoints/0-checkpoint.jpg": encoded(0), "dogs/.DS_Store": b"x",
             "__MACOSX/cats/._0.jpg": b"x", "birds.zip": b"PK"}
    images, classes, notes = find_classes(write_folder(tmp_path / "data", files))
    assert classes == ("cats", "dogs") and len(images) == 12
    assert any("1 image(s) lie in no class folder and are left out: poster.png" in note for note in notes)
    assert any("not read: birds.zip" in note for note in notes)


def test_folders_whose_names_are_no_utf8_and_escapes(tmp_path):
    folder = write_folder(tmp_path / "data", pictures("dogs", "\x1b[2Jcats"))
    odd = os.fsencode(folder) + b"/\xc3\xa8"
    os.mkdir(odd)
    for n in range(6):
        with open(odd + b"/\xcd\xbc\xff%d.jpg" % n, "wb") as file:
            file.write(encoded(700 + n))
    os.rename(odd, os.fsencode(folder) + b"/\xb9\xb7")
    found = read_class_folders(folder)
    assert set(found.classes) == {"dogs", r"\x1b[2Jcats", r"\xb9\xb7"}
    assert "\x1b" not in format_classes(audit_classes(folder))


def test_a_zip_for_each_class(tmp_path):
    (tmp_path / "data").mkdir()
    for place, name in enumerate(("cats", "dogs")):
        write_zip(tmp_path / "data" / f"{name}.zip", {f"{n}.jpg": encoded(100 * place + n) for n in range(6)})
    assert find_classes(tmp_path / "data")[1] == ("cats", "dogs")


@pytest.fixture
def copies(tmp_path):
    """Two classes of 12 pictures; of eight cats there is a recompressed copy; a dog lies among the cats; one picture is
    damaged."""
    files = pictures("cats", "dogs", count=12)
    files |= {f"cats/copy-{n}.jpg": recompressed(files[f"cats/{n}.jpg"]) for n in range(8)}
    files["cats/dog.png"] = files["dogs/3.jpg"]
    files["dogs/damaged.jpg"] = encoded(950)[:200]
    return write_folder(tmp_path / "data", files)


def test_near_duplicates_stand_on_one_side(copies):
    for seed in range(4):
        found = read_class_folders(copies, seed=seed)
        side = {name: split for split in ("training", "validation", "test") for name in getattr(found, split).names}
        assert all(side[f"cats/{n}.jpg"] == side[f"cats/copy-{n}.jpg"] for n in range(8))
        assert side["cats/dog.png"] == side["dogs/3.jpg"] and len(side) == 34
        assert {0, 1} == set(found.validation.labels) == set(found.test.labels)
    assert any("9 image(s) nearly repeat" in note for note in found.notes)


def test_the_hashes_are_kept_until_a_file_changes(copies, monkeypatch):
    before = set(places.cache("hashes").glob("*"))
    first = read_class_folders(copies)
    monkeypatch.setattr("data_tools.sets.near_duplicates.perceptual_hash", None)
    assert read_class_folders(copies).test.names == first.test.names
    (kept,) = set(places.cache("hashes").glob("*")) - before
    monkeypatch.undo()
    kept.write_bytes(b"damaged")
    assert read_class_folders(copies).test.names == first.test.names
    os.utime(copies / "cats" / "0.jpg", (1, 1))
    read_class_folders(copies)
    assert len(set(places.cache("hashes").glob("*")) - before) == 2


def test_the_audit_tells_damage_copies_and_pictures_of_two_classes(copies, tmp_path, capfd):
    assert main(["data", "audit", str(copies), "--json", str(tmp_path / "audit.json")]) == 0
    said, report = capfd.readouterr().out, json.loads((tmp_path / "audit.json").read_text(encoding="utf-8"))
    assert report["per_class"] == {"cats": 21, "dogs": 13} and len(report["alike"]) == 9
    assert report["several_classes"] == [["cats/dog.png", "dogs/3.jpg"]] and "cats/dog.png ~ dogs/3.jpg" in said
    assert [entry["name"] for entry in report["undecodable"]] == ["dogs/damaged.jpg"]
    assert report["wrong_suffix"] == [{"name": "cats/dog.png", "content": "JPEG"}]
    assert sum(sum(split.values()) for split in report["divided"].values()) == 34
    assert "nearly the same (up to 6 of 64 bits differ), of one class: 8" in said


@pytest.mark.parametrize("files, message", [
    (pictures("cats"), "holds 1 class folder"), (pictures("cats", "dogs", count=4), "class cats has 4 different"),
    ({"1.jpg": encoded(1)}, "holds no class folder"), ({"x.txt": b"x"}, "holds no image")])
def test_too_little_gets_one_message(tmp_path, files, message):
    with pytest.raises(KitError, match=message):
        read_class_folders(write_folder(tmp_path / "data", files))


def test_an_audit_of_what_cannot_be_divided_says_why(tmp_path):
    report = audit_classes(write_folder(tmp_path / "data", pictures("cats", "dogs", count=3)))
    assert "cannot be divided for training: " in format_classes(report) and "3 different" in report["divided"]
    assert np.sum(list(report["per_class"].values())) == 6
