"""A drawn stand-in for CelebA, for machines without it: faces from code (face_drawing) in CelebA's own layout and label
files, with its 40 attributes as rare and as entangled as they are there."""

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from data_tools.drawing.attributes import ATTRIBUTES
from data_tools.drawing.drawn_set import write_drawn_set
from data_tools.drawing.face_drawing import draw_face
from data_tools.errors import KitError

DRAWING_VERSION = 1  # raise it when the pictures change: older drawn sets are then drawn anew
FOLDER = "img_align_celeba"
SHARES = (0.8, 0.1)  # of training and validation, as in CelebA; the rest is the test split
COUNT = 2000  # some 15 seconds on one core
MOST = 999_999  # six digits


class Prior(NamedTuple):
    """How often an attribute is present among women and among men.

    Two numbers are for when the attribute `after` is absent and present. It is never present together with one of
    `never`, and the numbers count the faces where it could be.
    """

    women: tuple[float, ...]
    men: tuple[float, ...]
    after: str | None = None
    never: tuple[str, ...] = ()


UNDER_HAT = ("Wearing_Hat", "Bald")
# Counted on 30,000 faces of CelebA and rounded; drawn in this order. `never` keeps out what contradicts itself or could
# not be seen.
# fmt: off
PRIORS = {
    "Male": Prior((0.42,), (0.42,)),
    "Young": Prior((0.87,), (0.63,)),
    "Wearing_Hat": Prior((0.03,), (0.08,)),
    "Bald": Prior((0.0, 0.0), (0.12, 0.02), "Young", ("Wearing_Hat",)),
    "Receding_Hairline": Prior((0.05, 0.06), (0.24, 0.05), "Young", UNDER_HAT),
    "Bangs": Prior((0.21,), (0.1,), None, (*UNDER_HAT, "Receding_Hairline")),
    "Gray_Hair": Prior((0.07, 0.0), (0.23, 0.0), "Young", ("Bald",)),
    "Black_Hair": Prior((0.2,), (0.35,), None, ("Bald", "Gray_Hair")),
    "Blond_Hair": Prior((0.3,), (0.03,), None, ("Bald", "Gray_Hair", "Black_Hair")),
    "Brown_Hair": Prior((0.41,), (0.25,), None, ("Bald", "Gray_Hair", "Black_Hair", "Blond_Hair")),
    "Straight_Hair": Prior((0.18,), (0.27,), None, UNDER_HAT),
    "Wavy_Hair": Prior((0.54,), (0.21,), None, (*UNDER_HAT, "Straight_Hair")),
    "Chubby": Prior((0.04, 0.01), (0.25, 0.05), "Young"),
    "Double_Chin": Prior((0.01, 0.38), (0.04, 0.51), "Chubby"),
    "Oval_Face": Prior((0.34,), (0.23,)),
    "Smiling": Prior((0.54,), (0.39,)),
    "Mouth_Slightly_Open": Prior((0.24, 0.77), (0.21, 0.74), "Smiling"),
    "High_Cheekbones": Prior((0.15, 0.9), (0.1, 0.65), "Smiling"),
    "Wearing_Lipstick": Prior((0.73, 0.81), (0.0, 0.01), "Young"),
    "Heavy_Makeup": Prior((0.07, 0.8), (0.0, 0.25), "Wearing_Lipstick"),
    "Rosy_Cheeks": Prior((0.01, 0.15), (0.0, 0.0), "Heavy_Makeup"),
    "Arched_Eyebrows": Prior((0.23, 0.5), (0.05, 0.0), "Heavy_Makeup"),
    "Pale_Skin": Prior((0.06,), (0.02,)),
    "Attractive": Prior((0.33, 0.72), (0.07, 0.39), "Young"),
    "Bags_Under_Eyes": Prior((0.18, 0.09), (0.46, 0.28), "Young"),
    "Big_Nose": Prior((0.08, 0.33), (0.31, 0.62), "Bags_Under_Eyes"),
    "Pointy_Nose": Prior((0.35,), (0.16,)),
    "Bushy_Eyebrows": Prior((0.07,), (0.24,)),
    "Eyeglasses": Prior((0.07, 0.02), (0.22, 0.07), "Young"),
    "Narrow_Eyes": Prior((0.1, 0.13), (0.09, 0.17), "Smiling"),
    "Big_Lips": Prior((0.29,), (0.15,)),
    "Wearing_Earrings": Prior((0.19, 0.34), (0.01, 0.14), "Wearing_Lipstick"),
    "Wearing_Necklace": Prior((0.17, 0.25), (0.02, 0.17), "Wearing_Earrings"),
    "Wearing_Necktie": Prior((0.0, 0.0), (0.3, 0.11), "Young", ("Wearing_Necklace",)),
    "5_o_Clock_Shadow": Prior((0.0,), (0.26,)),
    "Goatee": Prior((0.0,), (0.15,)),
    "Mustache": Prior((0.0, 0.0), (0.04, 0.4), "Goatee"),
    "Sideburns": Prior((0.0, 0.0), (0.06, 0.54), "Goatee"),
    "No_Beard": Prior((1.0,), (0.91,), None, ("5_o_Clock_Shadow", "Goatee", "Mustache", "Sideburns")),
    "Blurry": Prior((0.05,), (0.06,)),
}
# fmt: on


def draw_celeba(folder: str | Path, count: int = COUNT, seed: int = 0, progress: bool = False) -> Path:
    """Draw the stand-in set into `folder` and return it; a complete set of the same parameters is reused.

    Writes img_align_celeba/000001.jpg ... (178x218), list_attr_celeba.txt, list_eval_partition.txt (eight tenths
    training, one validation, one test) and DRAWN.txt, which says that these are no photographs. Every picture depends
    on the seed and its own number alone, so the same seed gives the same bytes. An interrupted drawing leaves nothing
    half. Raises KitError where the count is below 10, the seed is negative, the folder holds anything else, or the disk
    is full.
    """
    if not 10 <= count <= MOST or seed < 0:
        raise KitError(f"cannot draw {count} faces with seed {seed}: give a count of 10 to {MOST:,} and a seed of at "
                       "least 0")
    return write_drawn_set(
        folder, _notice(seed, count),
        {f"{FOLDER}/{number:06}.jpg": (seed, number) for number in range(1, count + 1)}, draw_picture,
        {"list_attr_celeba.txt": _attributes_text(seed, count), "list_eval_partition.txt": _partition_text(count)},
        "faces", f"{count:,} faces need {count * 10 // 1000 + 1:,} MB", progress, threads=1)


def draw_labels(seed: int, number: int) -> frozenset[str]:
    """The attributes that face `number` has, as frequent and as related as PRIORS says."""
    chances = np.random.default_rng((seed, number, 0)).random(len(PRIORS))
    present: set[str] = set()
    for (name, prior), chance in zip(PRIORS.items(), chances.tolist()):
        rates = prior.men if "Male" in present else prior.women
        if chance < rates[len(rates) > 1 and prior.after in present] and present.isdisjoint(prior.never):
            present.add(name)
    return frozenset(present)


def draw_picture(seed: int, number: int) -> bytes:
    """One JPEG of 178x218; numbers count from 1."""
    rng = np.random.default_rng((seed, number, 1))
    picture = draw_face(rng, draw_labels(seed, number))
    _, encoded = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(82, 94))])
    return encoded.tobytes()


def _attributes_text(seed: int, count: int) -> bytes:
    """As published: the count, the names, and values right-aligned to two places."""
    lines = [str(count), " ".join(ATTRIBUTES) + " "]
    for number in range(1, count + 1):
        has = draw_labels(seed, number)
        lines.append(f"{number:06}.jpg" + "".join("  1" if name in has else " -1" for name in ATTRIBUTES))
    return "".join(line + "\n" for line in lines).encode()


def _partition_text(count: int) -> bytes:
    first, second = (round(sum(SHARES[:k]) * count) for k in (1, 2))
    return "".join(f"{number:06}.jpg {(number > first) + (number > second)}\n"
                   for number in range(1, count + 1)).encode()


def _notice(seed: int, count: int) -> str:
    return (
        "Drawn stand-in for CelebA: drawn by code, these pictures are not photographs and show nobody.\n"
        "They have CelebA's layout, label files and rare attributes, so that everything runs without it;\n"
        "an accuracy on them says nothing about real faces.\n"
        "本数据集是 CelebA 的替代样本：图片全部由程序绘制，不是照片，也不是任何真实的人。\n"
        "目录、标签文件和属性比例与 CelebA 一致，仅用于在没有真实数据时运行全部流程；"
        "其准确率不代表真实人脸上的准确率。\n"
        f"seed {seed}, {count} faces, drawing version {DRAWING_VERSION}\n"
    )
