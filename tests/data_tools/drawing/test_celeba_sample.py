"""The drawn stand-in for CelebA: its layout, its labels seen in the pictures, the same bytes for the same seed."""

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from assignments.__main__ import main
from data_tools.drawing import celeba_sample
from data_tools.drawing.attributes import ATTRIBUTES
from data_tools.drawing.celeba_sample import PRIORS, draw_celeba, draw_labels, draw_picture
from data_tools.drawing.face_drawing import draw_face
from data_tools.errors import KitError
from data_tools.sets import celeba
from data_tools.sets.celeba import IMAGE_SIZE, find_celeba, find_or_draw
from data_tools.sets.samples import draw_sample


def fingerprint(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> Path:
    return draw_celeba(tmp_path_factory.mktemp("drawn") / "set", count=40, seed=3)


def test_layout_is_celebas_own_and_is_read_as_drawn(drawn):
    assert sorted(path.name for path in drawn.iterdir()) == [
        "DRAWN.txt", "img_align_celeba", "list_attr_celeba.txt", "list_eval_partition.txt"]
    count, names, first, *_ = (drawn / "list_attr_celeba.txt").read_text().split("\n")
    assert count == "40" and names == " ".join(ATTRIBUTES) + " "
    assert len(first) == len("000001.jpg") + 40 * 3 and set(first[10:].split()) == {"-1", "1"}
    assert (drawn / "list_eval_partition.txt").read_text().split("\n")[0] == "000001.jpg 0"
    notice = (drawn / "DRAWN.txt").read_text(encoding="utf-8")
    assert notice.startswith("Drawn stand-in for CelebA") and "不是照片" in notice
    data = find_celeba(drawn)
    assert data.origin == "drawn"
    assert [len(images) for images in (data.training, data.validation, data.test)] == [32, 4, 4]
    assert (data.training.sizes() == IMAGE_SIZE).all()
    for index in range(32):
        has = [ATTRIBUTES[i] for i in np.flatnonzero(data.training.labels[index])]
        assert set(has) == draw_labels(3, index + 1)


def test_same_seed_same_bytes_and_a_complete_set_is_reused(drawn, tmp_path):
    again = draw_celeba(tmp_path / "set", count=40, seed=3)
    assert fingerprint(again) == fingerprint(drawn)
    first = again / "img_align_celeba/000001.jpg"
    written = first.stat().st_mtime_ns
    draw_celeba(tmp_path / "set", count=40, seed=3)
    assert first.stat().st_mtime_ns == written
    assert draw_picture(3, 1) == first.read_bytes() not in (draw_picture(4, 1), draw_picture(3, 2))
    draw_celeba(tmp_path / "set", count=10, seed=3)
    assert len(list(first.parent.iterdir())) == 10


def test_an_interrupted_drawing_leaves_nothing_and_other_files_are_left_alone(tmp_path, monkeypatch):
    def interrupted(seed, number):
        if number == 5:
            raise KeyboardInterrupt
        return draw_picture(seed, number)

    monkeypatch.setattr(celeba_sample, "draw_picture", interrupted)
    with pytest.raises(KeyboardInterrupt):
        draw_celeba(tmp_path / "set", count=10)
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []
    (tmp_path / "mine.jpg").write_bytes(b"mine")
    with pytest.raises(KitError, match="not a drawn set"):
        draw_celeba(tmp_path, count=10)


@pytest.mark.parametrize("wrong", [{"count": 9}, {"count": 1_000_000}, {"seed": -1}])
def test_senseless_numbers_are_named(tmp_path, wrong):
    with pytest.raises(KitError, match=str(next(iter(wrong.values())))):
        draw_celeba(tmp_path / "set", **wrong)


def test_the_set_is_drawn_by_name_and_found_as_sample(tmp_path, monkeypatch):
    monkeypatch.setenv("KIT_SAMPLES", str(tmp_path))
    monkeypatch.setattr(celeba_sample, "draw_celeba", lambda folder, **_: draw_celeba(folder, count=10))
    data = find_or_draw("sample")
    assert data.path == str(tmp_path / "drawn-celeba/img_align_celeba") and len(data.training) == 8
    monkeypatch.delenv("CELEBA_DATA", raising=False)
    monkeypatch.setattr(celeba.FINDER, "places", (f"{tmp_path}/*celeb*",))
    assert find_celeba() is None and find_or_draw().path == data.path
    assert find_or_draw().notes[0].startswith("no CelebA found: DRAWN pictures are used; name real ones with --data "
                                              "PATH")
    assert draw_sample("celeba", count=10, progress=False) == tmp_path / "drawn-celeba"
    with pytest.raises(KitError, match="known are monkeys, celeba"):
        draw_sample("cats")
    with pytest.raises(KitError, match="--count 5"):
        draw_sample("monkeys", count=5)


def test_the_command_line_draws_either_set(tmp_path, capsys):
    assert main(["data", "sample", "celeba", str(tmp_path / "faces"), "--count", "10", "--seed", "2"]) == 0
    assert str(tmp_path / "faces") in capsys.readouterr().out
    assert (tmp_path / "faces/img_align_celeba/000010.jpg").read_bytes() == draw_picture(2, 10)
    assert main(["data", "sample", str(tmp_path / "m"), "--count", "3"]) == 2  # a folder alone means the monkeys
    assert "the drawn monkeys" in capsys.readouterr().err


# ---- the labels


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    return np.array([[name in has for name in ATTRIBUTES] for has in (draw_labels(1, i) for i in range(6000))])


def column(labels: np.ndarray, name: str) -> np.ndarray:
    return labels[:, ATTRIBUTES.index(name)]


def test_attributes_are_as_rare_as_in_celeba(labels):
    # Of all 202,599 images, from the public attribute file.
    known = {"5_o_Clock_Shadow": 0.111, "Attractive": 0.513, "Bald": 0.022, "Bangs": 0.152, "Big_Nose": 0.235,
             "Black_Hair": 0.239, "Blond_Hair": 0.148, "Blurry": 0.051, "Double_Chin": 0.047, "Eyeglasses": 0.065,
             "Gray_Hair": 0.042, "Heavy_Makeup": 0.387, "High_Cheekbones": 0.455, "Male": 0.417, "Mustache": 0.042,
             "No_Beard": 0.835, "Pale_Skin": 0.043, "Rosy_Cheeks": 0.066, "Sideburns": 0.057, "Smiling": 0.482,
             "Wavy_Hair": 0.320, "Wearing_Hat": 0.048, "Wearing_Lipstick": 0.472, "Wearing_Necktie": 0.073,
             "Young": 0.774}
    for name, share in known.items():
        assert abs(column(labels, name).mean() - share) < max(0.25 * share, 0.02), name
    assert (labels.mean(0) > 0.01).all() and set(PRIORS) == set(ATTRIBUTES)


def test_labels_do_not_contradict_each_other(labels):
    hair = sum(column(labels, f"{name}_Hair").astype(int) for name in ("Black", "Blond", "Brown", "Gray"))
    assert hair.max() == 1
    for one, others in {"Bald": ("Bangs", "Wavy_Hair", "Black_Hair"), "Straight_Hair": ("Wavy_Hair",),
                        "No_Beard": ("Goatee", "Mustache", "Sideburns", "5_o_Clock_Shadow")}.items():
        for other in others:
            assert not (column(labels, one) & column(labels, other)).any(), (one, other)
    assert not (column(labels, "Goatee") & ~column(labels, "Male")).any()
    for one, other in (("Wearing_Lipstick", "Heavy_Makeup"), ("Smiling", "High_Cheekbones")):
        assert np.corrcoef(column(labels, one), column(labels, other))[0, 1] > 0.5


# ---- the pictures

# Where in the frame of 178x218 an attribute shows: left, top, right, bottom; and in what company it is tried.
ALL, HEAD, HAIR, CROWN = (0, 0, 178, 218), (25, 35, 155, 212), (15, 32, 163, 212), (30, 30, 148, 118)
EYES, JAW, MOUTH = (46, 82, 132, 128), (30, 86, 148, 200), (66, 140, 112, 168)
REGIONS = {
    "5_o_Clock_Shadow": JAW, "Arched_Eyebrows": EYES, "Attractive": (40, 70, 138, 172), "Bags_Under_Eyes": EYES,
    "Bald": CROWN, "Bangs": CROWN, "Big_Lips": MOUTH, "Big_Nose": (66, 98, 110, 148), "Black_Hair": HAIR,
    "Blond_Hair": HAIR, "Blurry": ALL, "Brown_Hair": HAIR, "Bushy_Eyebrows": EYES, "Chubby": ALL,
    "Double_Chin": (45, 155, 133, 200), "Eyeglasses": (32, 90, 146, 134), "Goatee": JAW, "Gray_Hair": HAIR,
    "Heavy_Makeup": (44, 88, 134, 155), "High_Cheekbones": (40, 105, 138, 162), "Male": ALL,
    "Mouth_Slightly_Open": MOUTH, "Mustache": JAW, "Narrow_Eyes": EYES, "No_Beard": JAW, "Oval_Face": ALL,
    "Pale_Skin": HEAD, "Pointy_Nose": (66, 98, 110, 150), "Receding_Hairline": CROWN,
    "Rosy_Cheeks": (40, 110, 138, 158),
    "Sideburns": JAW, "Smiling": (44, 118, 134, 170), "Straight_Hair": HAIR, "Wavy_Hair": ALL,
    "Wearing_Earrings": (22, 120, 156, 160), "Wearing_Hat": (8, 20, 170, 104), "Wearing_Lipstick": MOUTH,
    "Wearing_Necklace": (50, 165, 128, 210), "Wearing_Necktie": ALL, "Young": (40, 64, 138, 174),
}
BEARDS = {"5_o_Clock_Shadow", "Goatee", "Mustache", "Sideburns"}


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_every_attribute_changes_its_region_and_little_else(name):
    others = {"No_Beard", "Young", "Brown_Hair"} - {name}
    if name in BEARDS | {"No_Beard", "Wearing_Necktie", "Bald", "Receding_Hairline"}:
        others.add("Male")
    if name in BEARDS:
        others.remove("No_Beard")
    if name in ("Black_Hair", "Blond_Hair", "Gray_Hair", "Bald"):
        others.remove("Brown_Hair")
    left, top, right, bottom = REGIONS[name]
    for seed in (0, 1):
        present, absent = (draw_face(np.random.default_rng(seed), has).astype(int) for has in (others | {name}, others))
        change = np.abs(present - absent).mean(axis=2)
        region = change[top:bottom, left:right]
        assert region.sum() > 0.75 * change.sum(), f"{region.sum() / change.sum():.2f} of the change is in its region"
        assert np.sort(region.ravel())[-60:].mean() > 12, "no 60 pixels change visibly"


def test_a_face_is_the_same_person_at_any_size():
    has = {"Male", "Smiling", "Eyeglasses", "Black_Hair", "No_Beard"}
    small = draw_face(np.random.default_rng(5), has)
    assert small.shape == (218, 178, 3) and small.dtype == np.uint8
    large = draw_face(np.random.default_rng(5), has, (1024, 1024))
    assert large.shape == (1024, 1024, 3)
    shrunk = cv2.resize(large, (178, 178), interpolation=cv2.INTER_AREA)
    middle = small[20:198]
    assert np.corrcoef(shrunk[30:160, 30:148].ravel(), middle[30:160, 30:148].ravel())[0, 1] > 0.93
    assert draw_face(np.random.default_rng(5), has, (32, 40)).shape == (40, 32, 3)
    with pytest.raises(ValueError, match="Eye_Patch"):
        draw_face(np.random.default_rng(5), {"Eye_Patch"})


def test_most_faces_are_found_by_opencv_where_celeba_has_them(drawn):
    finder = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")
    images, middles = find_celeba(drawn).training, []
    for index in range(len(images)):
        faces = finder.detectMultiScale(cv2.cvtColor(images.decode(index), cv2.COLOR_RGB2GRAY), 1.1, 3)
        middles += [(x + w / 2, y + h / 2) for x, y, w, h in faces[:1]]
    assert len(middles) >= 0.8 * len(images)  # 96 % of 200
    assert np.abs(np.median(middles, axis=0) - (89, 118)).max() < 12
