"""The drawn glasses: the Kaggle set's layout, shares as planned, planted faces recorded and seen in the pictures."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from assignments.__main__ import main
from data_tools.drawing import glasses_sample
from data_tools.drawing.glasses_sample import Face, draw_glasses, draw_picture, plan_faces
from data_tools.errors import KitError
from data_tools.files.image_set import decode
from data_tools.packed.store import resize
from data_tools.sets import glasses
from data_tools.sets.glasses import find_glasses, find_or_draw

COUNT, SEED = 60, 3


def fingerprint(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> Path:
    return draw_glasses(tmp_path_factory.mktemp("drawn") / "set", count=COUNT, seed=SEED)


def test_layout_is_the_kaggle_sets_and_is_read_as_drawn(drawn):
    assert sorted(path.name for path in drawn.iterdir()) == [
        "DRAWN.txt", "faces-spring-2020", "planted.csv", "test.csv", "train.csv"]
    notice = (drawn / "DRAWN.txt").read_text(encoding="utf-8")
    assert notice.startswith("Drawn stand-in for Glasses") and "不是照片" in notice
    assert (drawn / "train.csv").read_text().split("\n")[0] == "id,glasses"
    assert (drawn / "test.csv").read_text() == "id\n61\n62\n63\n64\n"
    data = find_glasses(drawn)
    assert data.origin == "drawn" and data.notes == ()
    assert sum(map(len, (data.training, data.validation, data.test))) == COUNT and len(data.unlabelled) == 4
    assert (data.training.sizes() == 128).all()
    planted = {face.number: "uncertain" if face.seen < 1 else "wrong label" for face in plan_faces(COUNT, SEED)
               if face.seen < 1 or face.label not in (-1, face.glasses)}
    assert data.planted == {f"faces-spring-2020/faces-spring-2020/face-{number}.png": kind for number,
                            kind in planted.items()}
    assert sorted(data.planted.values()) == ["uncertain"] * 3 + ["wrong label"] * 2


def test_shares_of_the_default_set():
    faces = plan_faces(1500, 0)
    labelled, others = faces[:1500], faces[1500:]
    assert [face.number for face in faces] == list(range(1, 1601)) and {face.label for face in others} == {-1}
    assert np.mean([face.label for face in labelled]) == pytest.approx(0.635, abs=0.001)
    wrong = [face for face in labelled if face.label != face.glasses]
    uncertain = [face for face in labelled if face.seen < 1]
    assert len(wrong) == 60 and sum(face.glasses for face in wrong) == 30 and not set(wrong) & set(uncertain)
    assert len(uncertain) == 75 and all(0.35 <= face.seen <= 0.6 for face in uncertain)
    assert 0.5 < np.mean([face.glasses for face in uncertain]) < 0.77 and sum(face.seen < 1 for face in others) == 5
    assert plan_faces(1500, 0) == faces != plan_faces(1500, 1)


def test_same_seed_same_bytes_and_a_complete_set_is_reused(drawn, tmp_path):
    again = draw_glasses(tmp_path / "set", count=COUNT, seed=SEED)
    assert fingerprint(again) == fingerprint(drawn)
    first = again / "faces-spring-2020/faces-spring-2020/face-1.png"
    written = first.stat().st_mtime_ns
    draw_glasses(tmp_path / "set", count=COUNT, seed=SEED)
    assert first.stat().st_mtime_ns == written


def test_glasses_are_seen_and_an_uncertain_face_stands_between():
    for number in range(1, 7):
        without, with_them, half = (decode(draw_picture(SEED, Face(number, glasses, int(glasses), seen))).astype(int)
                                    for glasses, seen in ((False, 1.0), (True, 1.0), (True, 0.5)))
        assert np.array_equal(without[110:], with_them[110:])  # the same person: nothing below the face differs
        difference = np.abs(with_them - without).sum(axis=2)
        assert (difference > 40).sum() > 60  # pixels of the frames
        assert np.abs(half - (with_them + without) / 2).max() <= 1
        small = [resize(picture.astype(np.uint8), 32).astype(int) for picture in (without, with_them)]
        assert np.abs(small[0] - small[1]).max() > 20  # still there at the document's resolution


def test_from_the_command_line_and_as_the_last_resort(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("KIT_SAMPLES", str(tmp_path))
    monkeypatch.setattr(glasses_sample, "draw_picture", lambda seed, face: b"\x89PNG\r\n\x1a\n")
    assert main(["data", "sample", "glasses", "--count", "60"]) == 0
    assert capsys.readouterr().out.rstrip().endswith(str(tmp_path / "drawn-glasses"))
    data = find_or_draw("sample")
    assert data.path == str(tmp_path / "drawn-glasses") and len(data.planted) == 140 and len(data.unlabelled) == 100
    monkeypatch.delenv("GLASSES_DATA", raising=False)
    monkeypatch.setattr(glasses.FINDER, "places", (f"{tmp_path}/*glasses*",))
    assert find_glasses() is None and find_or_draw().path == data.path
    assert find_or_draw().notes[0].startswith("no images with and without glasses found: DRAWN pictures are used; name "
                                              "real ones")
    assert main(["data", "sample", "glasses", str(tmp_path / "other"), "--count", "5"]) == 2
    assert "count of 60 to" in capsys.readouterr().err
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    with pytest.raises(KitError, match="left alone"):
        draw_glasses(tmp_path / "mine", count=60)


def test_an_interrupted_drawing_leaves_nothing(tmp_path, monkeypatch):
    def interrupted(seed, face):
        if face.number == 30:
            raise KeyboardInterrupt
        return b"drawn"

    monkeypatch.setattr(glasses_sample, "draw_picture", interrupted)
    with pytest.raises(KeyboardInterrupt):
        draw_glasses(tmp_path / "set", count=60)
    assert [path.name for path in tmp_path.iterdir() if not path.name.endswith(".lock")] == []
