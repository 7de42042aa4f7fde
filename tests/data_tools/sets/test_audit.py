"""The audit finds what was put there: copies, recompressed copies, damage, wrong suffixes."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from data_tools.errors import KitError
from data_tools.files.image_set import decode
from data_tools.sets.audit import audit, format_audit, hamming, leaked_names, perceptual_hash
from data_tools.sets.monkeys import find_monkeys
from tests.data_tools.small_set import encoded, monkey_files, write_folder


def recompressed(content: bytes) -> bytes:
    file = io.BytesIO()
    image = Image.open(io.BytesIO(content))
    image.resize((image.width * 2, image.height * 2)).save(file, "JPEG", quality=60)
    return file.getvalue()


@pytest.fixture
def folder(tmp_path):
    files = monkey_files()
    files["validation/n3/n3000.jpg"] = files["training/n3/n3001.jpg"]
    files["validation/n5/n5000.jpg"] = recompressed(files["training/n5/n5002.jpg"])
    files["training/n1/n1002.jpg"] = files["training/n1/n1001.jpg"]
    files["training/n9/n9151jpg"] = encoded(7)
    files["training/n0/n0000.jpg"] = encoded(5)[:200]
    return write_folder(tmp_path, files)


def test_finds_what_is_there(folder):
    report = json.loads(json.dumps(audit(folder)))
    assert report["splits"]["training"]["images"] == 31 and report["splits"]["validation"]["images"] == 10
    assert report["splits"]["training"]["per_class"]["species_9"] == 4
    assert [e["name"] for e in report["splits"]["training"]["undecodable"]] == ["training/n0/n0000.jpg"]
    assert report["splits"]["training"]["wrong_suffix"] == [
        {"name": "training/n9/n9151jpg", "content": "JPEG"}
    ]
    assert report["splits"]["training"]["sizes"]["largest"] == [40, 30]
    assert report["identical_within"] == [
        {"split": "training", "names": ["training/n1/n1001.jpg", "training/n1/n1002.jpg"]}]
    assert report["identical_across"] == [
        {"training": ["training/n3/n3001.jpg"], "validation": ["validation/n3/n3000.jpg"]}]
    assert [(p["training"], p["validation"]) for p in report["near_across"]] == [
        ("training/n5/n5002.jpg", "validation/n5/n5000.jpg")]
    assert report["leaked"] == {"identical": ["validation/n3/n3000.jpg"], "near": ["validation/n5/n5000.jpg"]}


def test_text_names_the_finds(folder):
    text = format_audit(audit(folder))
    for part in (
        "(subset)",
        "species_9",
        "training/n0/n0000.jpg",
        "n9151jpg: in truth JPEG",
        "1 identical, 1 more",
        "training/n5/n5002.jpg ~ validation/n5/n5000.jpg",
    ):
        assert part in text
    everything = format_audit(
        audit(folder, near=64), most=260
    )  # 30 readable x 10 images, less one exact copy
    assert "and 39 more" in everything


def test_leaked_names(folder):
    data = find_monkeys(folder)
    assert leaked_names(data.training, data.validation) == (
        ["validation/n3/n3000.jpg"],
        ["validation/n5/n5000.jpg"],
    )


def test_sizes_come_from_the_headers(folder):
    sizes = find_monkeys(folder).validation.sizes()
    assert sizes.shape == (10, 2) and sizes[0].tolist() == [40, 30] and sizes[5].tolist() == [80, 60]


def test_perceptual_hash_keeps_close_what_looks_alike():
    image = decode(encoded(1, (200, 150)))
    same = decode(recompressed(encoded(1, (200, 150))))
    other = decode(encoded(2, (200, 150)))
    codes = np.array([perceptual_hash(x) for x in (image, same, other)])
    distance = hamming(codes, codes)
    assert distance[0, 1] <= 4 and distance[0, 2] >= 16 and (distance == distance.T).all()


def test_hamming_counts_bits():
    values = np.random.default_rng(0).integers(0, 2**64, 9, dtype=np.uint64)
    expected = [[bin(int(a) ^ int(b)).count("1") for b in values[:4]] for a in values]
    assert hamming(values, values[:4]).tolist() == expected


def test_nothing_to_audit_is_an_error(tmp_path):
    with pytest.raises(KitError, match="no 10 Monkey Species set"):
        audit(tmp_path)


@pytest.mark.realdata
def test_real_set(realdata):
    report = audit(realdata / "10-monkey-species")
    assert all(not split["undecodable"] for split in report["splits"].values())
    pairs = report["near_across"]
    assert 20 <= len(pairs) <= 60
    assert all(
        p["training"].split("/")[1] == p["validation"].split("/")[1] for p in pairs
    )  # same species: true copies
