"""A drawn stand-in for the glasses set: faces from code (face_drawing) with and without glasses in the layout of the
Kaggle set. As there, some faces are uncertain and some labels are wrong; here planted.csv says which."""

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from data_tools.drawing.celeba_sample import draw_labels
from data_tools.drawing.drawn_set import write_drawn_set
from data_tools.drawing.face_drawing import draw_face
from data_tools.errors import KitError

DRAWING_VERSION = 1  # raise it when the pictures change: older drawn sets are then drawn anew
FOLDER = "faces-spring-2020/faces-spring-2020"  # doubled, as the Kaggle archive unpacks
COUNT = 1500  # labelled faces; some 15 seconds on two cores
UNLABELLED = 15  # labelled faces for each one without a label
FEWEST, MOST = 60, 999_999
SIZE = 128  # pixels: enough for the largest network of the experiments
GLASSES_SHARE = 0.635  # of the labels, as in the document
UNCERTAIN_SHARE, WRONG_SHARE = 0.05, 0.04
FADED = (0.35, 0.6)  # how much of the glasses is seen of an uncertain face
ATTRIBUTE = "Eyeglasses"


class Face(NamedTuple):
    """One picture: whether there are glasses, what train.csv says, and what of the glasses is seen (1: all)."""

    number: int
    glasses: bool
    label: int
    seen: float


def draw_glasses(folder: str | Path, count: int = COUNT, seed: int = 0, progress: bool = False) -> Path:
    """Draw `count` labelled faces and a fifteenth as many without labels; a complete set of these parameters is reused.

    Writes faces-spring-2020/faces-spring-2020/face-1.png ... (128x128), train.csv (id,glasses), test.csv (id),
    planted.csv (id,kind: "uncertain" or "wrong label") and DRAWN.txt, which says that these are no photographs. The
    same seed and count give the same bytes; an interrupted drawing leaves nothing half. Raises KitError where the count
    is below 60, the seed is negative, the folder holds anything else, or the disk is full.
    """
    if not FEWEST <= count <= MOST or seed < 0:
        raise KitError(f"cannot draw {count} faces with seed {seed}: give a count of {FEWEST} to {MOST:,} and a seed "
                       "of at least 0")
    faces = plan_faces(count, seed)
    labelled, others = faces[:count], faces[count:]
    kinds = {face.number: "uncertain" if face.seen < 1 else "wrong label" for face in faces
             if face.seen < 1 or (face.number <= count and face.label != face.glasses)}
    texts = {"train.csv": _csv("id,glasses", ((face.number, face.label) for face in labelled)),
             "test.csv": _csv("id", ((face.number,) for face in others)),
             "planted.csv": _csv("id,kind", kinds.items())}
    pictures = {f"{FOLDER}/face-{face.number}.png": (seed, face) for face in faces}
    return write_drawn_set(folder, _notice(seed, count), pictures, draw_picture, texts,
                           "faces with and without glasses",
                           f"{count:,} faces need {count * 40 // 1000 + 1:,} MB", progress, threads=2)


def plan_faces(count: int, seed: int) -> list[Face]:
    """The labelled faces, numbered from 1, then those without labels (label -1), with exact shares of everything.

    As many labels are wrong of faces with glasses as of faces without, so the labels keep their share. An uncertain
    face, labelled as if with glasses or without, shows glasses half faded in either way: nobody can tell.
    """
    rng = np.random.default_rng((seed, count))
    faces: list[Face] = []
    for number, labelled in ((count, True), (count // UNLABELLED, False)):
        has = rng.permutation(np.arange(number) < round(GLASSES_SHARE * number))
        first, order = len(faces) + 1, rng.permutation(number)
        uncertain, rest = np.split(order, [round(UNCERTAIN_SHARE * number)])
        half = round(WRONG_SHARE * number / 2) if labelled else 0
        wrong = {*rest[has[rest]][:half].tolist(), *rest[~has[rest]][:half].tolist()}
        seen = np.ones(number)
        seen[uncertain] = rng.uniform(*FADED, len(uncertain))
        faces += [Face(first + i, bool(has[i]), int(has[i] ^ (i in wrong)) if labelled else -1, float(seen[i]))
                  for i in range(number)]
    return faces


def draw_picture(seed: int, face: Face) -> bytes:
    """One PNG of 128x128."""
    person = draw_labels(seed, face.number) - {ATTRIBUTE}

    def draw(glasses: bool) -> np.ndarray:
        rng = np.random.default_rng((seed, face.number, 2))  # the same person, pose and light
        return draw_face(rng, person | {ATTRIBUTE} if glasses else person, (SIZE, SIZE))

    if face.seen < 1:
        picture = cv2.addWeighted(draw(True), face.seen, draw(False), 1 - face.seen, 0)
    else:
        picture = draw(face.glasses)
    return cv2.imencode(".png", picture[..., ::-1], (cv2.IMWRITE_PNG_COMPRESSION, 3))[1].tobytes()


def _csv(header: str, rows) -> bytes:
    return "".join(f"{line}\n" for line in (header, *(",".join(map(str, row)) for row in rows))).encode()


def _notice(seed: int, count: int) -> str:
    return (
        "Drawn stand-in for Glasses or No Glasses: drawn by code, these pictures are not photographs and show nobody.\n"
        "They have the set's layout and share of glasses; "
        "planted.csv lists the faces that are uncertain and the labels\n"
        "that are wrong on purpose. An accuracy on them says nothing about real faces.\n"
        "本数据集是 Glasses or No Glasses 的替代样本：图片全部由程序绘制，不是照片，也不是任何真实的人。\n"
        "目录与眼镜比例与原数据集一致；planted.csv 列出故意画得不确定的图片和故意标错的标签；"
        "其准确率不代表真实人脸上的准确率。\n"
        f"seed {seed}, {count} faces, drawing version {DRAWING_VERSION}\n"
    )
