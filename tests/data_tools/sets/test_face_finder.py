"""Faces found in drawn scenes, followed through frames, and framed as CelebA frames them."""

import cv2
import numpy as np
import pytest

from data_tools.drawing.face_drawing import draw_face
from data_tools.errors import KitError
from data_tools.files.atomic import file_sha256
from data_tools.files.download import ARCHIVES
from data_tools.sets.celeba import find_celeba
from data_tools.sets.face_finder import LANDMARKS, FaceFinder, FaceTracker, align_to_celeba

PEOPLE = (("Young", "No_Beard", "Brown_Hair"), ("Male", "Goatee", "Black_Hair"), ("Smiling", "No_Beard", "Blond_Hair"))
YUNET = "weights/face_detection_yunet_2023mar.onnx"


def person(number: int, width: int) -> np.ndarray:
    return draw_face(np.random.default_rng(number), PEOPLE[number % 3], (width, round(width * 218 / 178)))


def scene(people, height: int = 480, width: int = 640) -> np.ndarray:
    """people: (number, width, x, y) of each."""
    picture = np.full((height, width, 3), (126, 134, 142), np.uint8)
    for number, size, x, y in people:
        face = person(number, size)
        picture[y:y + face.shape[0], x:x + face.shape[1]] = face
    return picture


def centres(faces) -> np.ndarray:
    return np.array(sorted((f.box[0] + f.box[2] / 2, f.box[1] + f.box[3] / 2) for f in faces))


def test_every_face_of_a_picture_is_found_the_largest_first():
    people = [(0, 178, 20, 30), (1, 220, 390, 10), (2, 150, 225, 250)]
    faces = FaceFinder()(scene(people))
    assert len(faces) == 3
    expected = sorted((x + size / 2, y + 0.56 * size * 218 / 178) for _, size, x, y in people)
    assert np.abs(centres(faces) - expected).max() < 15
    sizes = [face.box[2] for face in faces]
    assert sizes == sorted(sizes, reverse=True) and faces[0].box[0] > 390


def class_photograph(columns: int = 10, rows: int = 4, width: int = 44) -> np.ndarray:
    """Faces whose box by the cascade is a sixty-fourth of the longest side."""
    people = [(number, width, 20 + number % columns * 158, 30 + number // columns * 240)
              for number in range(columns * rows)]
    return scene(people, 1000, 1600)


def test_small_faces_of_a_group_are_found_by_default_in_bounded_pictures():
    picture = class_photograph()
    assert 38 <= len(FaceFinder()(picture)) <= 42 and len(FaceFinder(smallest=1 / 24)(picture)) == 0
    assert [FaceFinder(smallest=share).side for share in (0.01, 0.002, 0.2)] == [2560, 5120, 1280]
    assert len(FaceTracker(smallest=1 / 80)(picture)) > 30 > len(FaceTracker()(picture)) == 0


@pytest.mark.realdata
def test_yunet_finds_every_small_face_and_a_very_large_one(realdata):
    finder = FaceFinder(realdata / YUNET)
    assert len(finder(class_photograph())) == 40
    (face,) = finder(scene([(0, 1800, 100, 100)], 2400, 2000))
    assert 700 < face.box[2] < 1300
    archive = ARCHIVES["yunet"]
    assert file_sha256(realdata / YUNET) == archive.sha256 and (realdata / YUNET).stat().st_size == archive.size


RAMP = np.tile(np.arange(256, dtype=np.uint8)[None, :, None], (256, 1, 3))


@pytest.mark.parametrize("picture", [np.zeros((480, 640, 3), np.uint8), np.full((7, 300, 3), 90, np.uint8),
                                     np.zeros((1, 1, 3), np.uint8), RAMP])
def test_a_picture_without_a_face_gives_an_empty_list(picture):
    assert FaceFinder()(picture) == [] and FaceTracker()(picture) == []


@pytest.mark.parametrize("width", [120, 178, 520])
def test_the_cascades_box_is_framed_like_celeba(width):
    original = person(0, 178)
    (face,) = FaceFinder()(scene([(0, width, 60, 30)], 760, 640))
    crop = align_to_celeba(scene([(0, width, 60, 30)], 760, 640), face.box)
    assert crop.shape == (218, 178, 3) and crop.dtype == np.uint8
    grey, pattern = (cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (crop, original))
    scores = {}
    for zoom in np.arange(0.8, 1.25, 0.05):  # where in the crop is the face of the original, and how large?
        part = cv2.resize(pattern[80:170, 45:135], None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
        _, best, _, place = cv2.minMaxLoc(cv2.matchTemplate(grey, part, cv2.TM_CCOEFF_NORMED))
        scores[best] = (zoom, place[0] + part.shape[1] / 2 - 90, place[1] + part.shape[0] / 2 - 125)
    zoom, dx, dy = scores[max(scores)]
    assert 0.87 < zoom < 1.13 and abs(dx) < 9 and abs(dy) < 9


@pytest.mark.parametrize("angle, zoom", [(0, 1.0), (25, 2.4), (-70, 0.4)])
def test_landmarks_turn_a_face_upright(angle, zoom):
    frame = person(2, 178)
    turn = cv2.getRotationMatrix2D((89, 109), angle, zoom)
    turn[:, 2] += (300 - 89, 300 - 109)
    picture = cv2.warpAffine(frame, turn, (600, 600), flags=cv2.INTER_CUBIC)
    points = np.array(LANDMARKS) @ turn[:, :2].T + turn[:, 2]
    crop = align_to_celeba(picture, (0, 0, 1, 1), points)
    middle = np.s_[40:180, 30:150]
    error = np.abs(crop[middle].astype(int) - frame[middle]).mean()
    moved = np.abs(np.roll(frame, 4, axis=1)[middle].astype(int) - frame[middle]).mean()
    assert error < moved / 2


def test_a_box_at_the_border_repeats_the_border():
    crop = align_to_celeba(np.full((100, 100, 3), 77, np.uint8), (80, 80, 60, 60))
    assert (crop == 77).all()


def test_the_tracker_follows_a_moving_face_and_loses_one_that_is_gone():
    tracker, empty = FaceTracker(every=3), scene([])
    for step in range(7):
        x, y = 40 + 12 * step, 60 + 4 * step
        (face,) = tracker(scene([(0, 220, x, y)]))
        assert np.abs(centres([face])[0] - (x + 110, y + 0.56 * 269)).max() < 20, step
    assert tracker(empty) == [] and tracker(empty) == []
    found = [len(tracker(scene([(1, 220, 200, 60)]))) for _ in range(3)]
    assert found[-1] == 1  # at the next search at the latest


def test_a_wrong_yunet_file_is_named(tmp_path):
    with pytest.raises(KitError, match="there is no such file"):
        FaceFinder(tmp_path / "absent.onnx")
    (tmp_path / "text.onnx").write_text("no network")
    with pytest.raises(KitError, match=r"text\.onnx cannot be read as an ONNX network"):
        FaceFinder(tmp_path / "text.onnx")


@pytest.mark.realdata
def test_yunet_finds_drawn_faces_with_their_landmarks(realdata):
    (face,) = FaceFinder(realdata / YUNET)(scene([(2, 178, 200, 100)], 500, 531))
    assert np.abs(face.landmarks - (np.array(LANDMARKS) + (200, 100))).max() < 12
    assert len(FaceFinder(realdata / YUNET)(scene([(0, 178, 20, 30), (1, 220, 390, 10)]))) == 2
    assert FaceFinder(realdata / YUNET)(np.full((50, 70, 3), 90, np.uint8)) == []


@pytest.mark.realdata
@pytest.mark.parametrize("yunet", [None, YUNET])
def test_real_photographs_come_back_into_their_framing(realdata, yunet):
    finder, images = FaceFinder(yunet and realdata / yunet), find_celeba(realdata / "celeba").validation
    found = 0
    for index in range(0, 40):
        original = images.decode(index)
        wide = cv2.copyMakeBorder(cv2.resize(original, None, fx=1.6, fy=1.6), 50, 50, 80, 80, cv2.BORDER_REPLICATE)
        for face in finder(wide)[:1]:
            crop = align_to_celeba(wide, face.box, face.landmarks)
            shift, _ = cv2.phaseCorrelate(*(np.float64(cv2.cvtColor(p, cv2.COLOR_RGB2GRAY)) for p in (original, crop)))
            found += np.hypot(*shift) < 12
    assert found >= 32
