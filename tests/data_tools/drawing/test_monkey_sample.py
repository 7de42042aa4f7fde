"""The drawn stand-in: the real set's layout, the same bytes for the same seed anywhere, whole or absent."""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data_tools.drawing import monkey_sample
from data_tools.drawing.monkey_sample import SPECIES, draw_monkeys, draw_picture
from data_tools.errors import KitError
from data_tools.files.places import PROJECT_ROOT
from data_tools.sets.monkeys import find_monkeys

ROOT = PROJECT_ROOT


def fingerprint(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> Path:
    return draw_monkeys(
        tmp_path_factory.mktemp("drawn") / "set", 3, training_per_class=2, validation_per_class=1
    )


def test_layout_is_the_real_one_and_is_read_as_drawn(drawn):
    assert sorted(path.name for path in drawn.iterdir()) == [
        "DRAWN.txt",
        "monkey_labels.txt",
        "training",
        "validation",
    ]
    assert (drawn / "training/n0/n0001.jpg").is_file() and (drawn / "validation/n9/n900.jpg").is_file()
    data = find_monkeys(drawn)
    assert data.origin == "drawn" and data.classes == tuple(species.label for species in SPECIES)
    assert (len(data.training), len(data.validation)) == (20, 10)
    assert np.bincount(data.training.labels).tolist() == [2] * 10


def test_notice_says_in_both_languages_what_the_pictures_are(drawn):
    notice = (drawn / "DRAWN.txt").read_text(encoding="utf-8")
    assert notice.startswith("Drawn stand-in") and "not photographs" in notice.splitlines()[0]
    assert "不是照片" in notice


def test_labels_file_counts_what_is_there(drawn):
    header, *lines = (drawn / "monkey_labels.txt").read_text(encoding="utf-8").splitlines()
    columns = ["Label", "Latin Name", "Common Name", "Train Images", "Validation Images"]
    assert [column.strip() for column in header.split(",")] == columns
    for number, line in enumerate(lines):
        label, latin, common, training, validation = (cell.strip() for cell in line.split(","))
        assert (label, latin, common) == (f"n{number}", SPECIES[number].latin, SPECIES[number].label)
        assert int(training) == len(list((drawn / "training" / label).iterdir()))
        assert int(validation) == len(list((drawn / "validation" / label).iterdir()))
    assert len(lines) == 10


def test_every_picture_decodes_and_sizes_vary(drawn):
    sizes = []
    for path in drawn.rglob("*.jpg"):
        with Image.open(path) as picture:
            assert picture.format == "JPEG" and picture.mode == "RGB"
            assert np.asarray(picture).std() > 5
            sizes.append(picture.size)
    sides = np.array(sizes)
    aspects = sides[:, 0] / sides[:, 1]
    assert len(sizes) == 30 and len(set(sizes)) > 25
    assert sides.min() >= 150 and sides.max() <= 700 and np.ptp(sides.max(axis=1)) > 200
    assert ((aspects >= 1) & (aspects <= 2)).mean() > 0.6


def test_another_process_draws_the_same_bytes(drawn, tmp_path):
    code = (
        "import sys; from pathlib import Path; from data_tools.drawing.monkey_sample import draw_monkeys; "
        "draw_monkeys(Path(sys.argv[1]), 3, training_per_class=2, validation_per_class=1)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "set"], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    assert fingerprint(tmp_path / "set") == fingerprint(drawn)


def test_a_picture_depends_on_seed_split_label_and_index_alone(drawn):
    picture = (drawn / "training/n4/n4001.jpg").read_bytes()
    assert draw_picture(3, 0, 4, 1) == picture
    others = [
        draw_picture(4, 0, 4, 1),
        draw_picture(3, 1, 4, 1),
        draw_picture(3, 0, 5, 1),
        draw_picture(3, 0, 4, 0),
    ]
    assert len({picture, *others}) == 5


def test_a_complete_set_is_reused_and_another_one_replaces_it(tmp_path):
    folder, first = tmp_path / "set", tmp_path / "set" / "training/n0/n0000.jpg"
    counts = {"training_per_class": 1, "validation_per_class": 1}
    draw_monkeys(folder, seed=0, **counts)
    before, written = fingerprint(folder), first.stat().st_mtime_ns
    draw_monkeys(folder, seed=0, **counts)
    assert first.stat().st_mtime_ns == written
    first.unlink()  # no longer complete: drawn again
    draw_monkeys(folder, seed=0, **counts)
    assert fingerprint(folder) == before
    draw_monkeys(folder, seed=1, **counts)
    assert fingerprint(folder).keys() == before.keys() and fingerprint(folder) != before


def test_an_interrupted_drawing_leaves_nothing(tmp_path, monkeypatch):
    def interrupted(seed, split, label, index):
        if label == 1:
            raise KeyboardInterrupt
        return draw_picture(seed, split, label, index)

    monkeypatch.setattr(monkey_sample, "draw_picture", interrupted)
    with pytest.raises(KeyboardInterrupt):
        draw_monkeys(tmp_path / "set", training_per_class=1, validation_per_class=1)
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []


def test_what_is_not_a_drawn_set_is_left_alone(tmp_path):
    (tmp_path / "holiday.jpg").write_bytes(b"mine")
    with pytest.raises(KitError, match="not a drawn set"):
        draw_monkeys(tmp_path)
    assert (tmp_path / "holiday.jpg").read_bytes() == b"mine"


@pytest.mark.parametrize("wrong", [{"training_per_class": 0}, {"validation_per_class": -1}, {"seed": -1}])
def test_senseless_numbers_are_named(tmp_path, wrong):
    with pytest.raises(KitError, match=str(next(iter(wrong.values())))):
        draw_monkeys(tmp_path / "set", **wrong)
    assert not (tmp_path / "set").exists()


def test_progress_goes_to_standard_output(tmp_path, capsys):
    draw_monkeys(tmp_path / "set", training_per_class=1, validation_per_class=1, progress=True)
    shown = capsys.readouterr()
    assert shown.out.startswith("drawing 20 monkeys\n") and shown.err == ""  # further lines where it takes long
