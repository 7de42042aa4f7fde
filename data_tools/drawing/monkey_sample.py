"""A drawn stand-in for the 10 Monkey Species set, for machines without it: ten "species" that differ finely, as
the real ones do (face, cap, mane, ears, tail, pattern of the fur), in the real set's folders and file names,
from code and a seed alone. What a species looks like stands in the table SPECIES; the strokes are in
monkey_drawing and monkey_scenery."""

from pathlib import Path

import cv2
import numpy as np

from data_tools.drawing.brush import Brush
from data_tools.drawing.drawn_set import write_drawn_set
from data_tools.drawing.monkey_drawing import BLACK, POSES, WHITE, Species, draw_monkey
from data_tools.drawing.monkey_scenery import draw_background, draw_foreground, draw_support, photograph
from data_tools.errors import KitError

DRAWING_VERSION = 1  # raise it when the pictures change: older drawn sets are then drawn anew
SPLITS = ("training", "validation")
# fmt: off
POSE_SHARES = {
    "portrait": 0.24, "sitting": 0.22, "perched": 0.18, "walking": 0.13, "resting": 0.13, "climbing": 0.10,
}
DRAWING_SIDE = (340, 500)  # the longer side is drawn at its own size within these limits, then resized

SPECIES = (
    Species("mantled_howler", "alouatta_palliata", back=(46, 38, 36), belly=(52, 42, 38),
            shoulders=(44, 36, 34), flanks=(150, 108, 62), limbs=((42, 35, 34), (38, 32, 32)),
            tail=((46, 38, 34), (36, 32, 32)), head=(48, 38, 34), cap=(58, 44, 36), skin=(74, 66, 66),
            muzzle=(88, 78, 76), ears=(62, 54, 54), face=(0.56, 0.66), ear_size=0.2,
            muzzle_size=(0.42, 0.34), whiskers=(66, 48, 38), fur=0.36, build=1.15, tail_length=4.4,
            tail_width=0.24, tail_curl=0.9),
    Species("patas_monkey", "erythrocebus_patas", back=(184, 106, 54), belly=(226, 212, 188),
            shoulders=(196, 122, 70), flanks=(192, 116, 62), limbs=((190, 116, 66), (232, 222, 204)),
            tail=((186, 112, 60), (222, 196, 160)), head=(206, 184, 152), cap=(178, 80, 36),
            skin=(96, 86, 86), muzzle=(112, 100, 98), ears=(120, 92, 80), face=(0.58, 0.68), brows=BLACK,
            whiskers=WHITE, build=0.82, legs=1.3, tail_length=4.2, tail_width=0.17),
    Species("bald_uakari", "cacajao_calvus", back=(172, 108, 56), belly=(178, 112, 60),
            shoulders=(190, 128, 72), flanks=(166, 98, 48), limbs=((162, 94, 46), (150, 82, 42)),
            tail=((168, 104, 54), (160, 96, 50)), head=(184, 120, 66), cap=(184, 108, 84),
            skin=(206, 66, 62), muzzle=(216, 92, 84), ears=(200, 74, 66), face=(0.7, 0.98), bald=True,
            muzzle_size=(0.36, 0.3), fur=0.46, build=1.2, tail_length=1.0, tail_width=0.3),
    Species("japanese_macaque", "macaca_fuscata", back=(158, 144, 120), belly=(190, 180, 160),
            shoulders=(168, 154, 130), flanks=(160, 144, 118), limbs=((158, 142, 118), (140, 126, 106)),
            tail=((158, 144, 120), (150, 134, 110)), head=(172, 158, 132), cap=(152, 138, 112),
            skin=(216, 126, 114), muzzle=(220, 142, 128), ears=(206, 136, 122), face=(0.54, 0.7),
            ear_size=0.18, mane=(1.22, (186, 174, 150)), fur=0.36, build=1.2, tail_length=0.9,
            tail_width=0.26, muzzle_size=(0.34, 0.32)),
    Species("pygmy_marmoset", "cebuella_pygmea", back=(150, 122, 74), belly=(190, 156, 98),
            shoulders=(176, 140, 82), flanks=(140, 114, 72), limbs=((176, 138, 78), (200, 152, 80)),
            tail=((146, 122, 80), (92, 80, 62)), head=(160, 130, 82), cap=(140, 114, 72),
            skin=(190, 146, 116), muzzle=(222, 190, 164), ears=(170, 128, 100), face=(0.56, 0.56),
            ear_size=0.12, mane=(1.34, (168, 132, 76)), muzzle_size=(0.26, 0.22),
            eyes=(0.14, (84, 50, 26)), fur=0.34, grizzle=0.26, build=0.86, legs=0.8, tail_length=3.6,
            tail_width=0.24, tail_curl=0.3),
    Species("white_headed_capuchin", "cebus_capucinus", back=(48, 42, 42), belly=(66, 56, 52),
            shoulders=(234, 220, 190), flanks=(50, 44, 44), limbs=((52, 45, 45), (38, 34, 34)),
            tail=((48, 42, 42), (40, 36, 36)), head=(238, 226, 200), cap=(44, 38, 38),
            skin=(226, 180, 160), muzzle=(222, 172, 152), ears=(214, 168, 150), face=(0.56, 0.66),
            fur=0.26, build=0.92, tail_length=4.2, tail_width=0.2, tail_curl=1.1),
    Species("silvery_marmoset", "mico_argentatus", back=(206, 204, 198), belly=(226, 222, 214),
            shoulders=(230, 228, 222), flanks=(212, 210, 202), limbs=((214, 211, 204), (206, 196, 178)),
            tail=((62, 56, 54), (38, 34, 34)), head=(230, 227, 220), cap=(226, 223, 216),
            skin=(226, 132, 106), muzzle=(230, 146, 120), ears=(222, 116, 92), face=(0.58, 0.64),
            ear_size=0.42, muzzle_size=(0.28, 0.24), fur=0.26, build=0.86, legs=0.85, tail_length=4.0,
            tail_width=0.18),
    Species("common_squirrel_monkey", "saimiri_sciureus", back=(156, 142, 86), belly=(222, 206, 166),
            shoulders=(160, 146, 96), flanks=(164, 148, 92), limbs=((164, 150, 98), (222, 156, 58)),
            tail=((150, 138, 92), (34, 31, 31)), head=(150, 140, 100), cap=(82, 78, 66),
            skin=(226, 200, 180), muzzle=(52, 44, 44), ears=(214, 176, 156), face=(0.6, 0.6),
            eye_mask=WHITE, muzzle_size=(0.32, 0.27), ear_tufts=(228, 218, 196), ear_size=0.22, fur=0.2,
            build=0.78, tail_length=4.4, tail_width=0.17),
    Species("black_headed_night_monkey", "aotus_nigriceps", back=(126, 116, 106), belly=(214, 138, 66),
            shoulders=(132, 122, 110), flanks=(138, 122, 106), limbs=((128, 118, 108), (112, 98, 86)),
            tail=((168, 104, 60), (40, 34, 32)), head=(120, 112, 104), cap=(56, 52, 50),
            skin=(178, 164, 150), muzzle=(190, 164, 146), ears=(120, 104, 96), face=(0.66, 0.62),
            eyes=(0.23, (168, 92, 34)), ear_size=0.13, brows=WHITE, stripes=BLACK,
            muzzle_size=(0.25, 0.22), fur=0.28, tail_length=3.8, tail_width=0.27),
    Species("nilgiri_langur", "trachypithecus_johnii", back=(42, 40, 46), belly=(52, 48, 52),
            shoulders=(60, 52, 48), flanks=(44, 42, 47), limbs=((42, 40, 46), (36, 34, 38)),
            tail=((44, 42, 46), (48, 46, 50)), head=(158, 126, 84), cap=(146, 112, 72),
            skin=(54, 50, 54), muzzle=(66, 60, 64), ears=(50, 46, 50), face=(0.52, 0.68), ear_size=0.16,
            mane=(1.1, (168, 134, 90)), fur=0.32, build=0.86, legs=1.2, tail_length=5.0,
            tail_width=0.17),
)
# fmt: on


def draw_monkeys(
    folder: Path,
    seed: int = 0,
    training_per_class: int = 30,
    validation_per_class: int = 10,
    progress: bool = False,
) -> Path:
    """Draw the stand-in set into `folder` and return it; a complete set of the same parameters is reused.

    Writes training/n0/n0000.jpg ..., validation/n0/n000.jpg ..., monkey_labels.txt and DRAWN.txt, which says
    that these are no photographs. Every picture depends on the seed and its own place alone, so the same seed
    gives the same bytes. The set is drawn beside the folder and renamed, so an interrupted drawing leaves
    nothing half. Raises KitError where a count is below 1, the seed is negative, the folder holds anything
    else, or the disk is full.
    """
    counts = (training_per_class, validation_per_class)
    if min(counts) < 1 or seed < 0:
        raise KitError(
            f"cannot draw {counts[0]} training and {counts[1]} validation pictures per class with "
            f"seed {seed}: give counts of at least 1 and a seed of at least 0"
        )
    return write_drawn_set(
        folder, _notice(seed, counts), _names(counts), lambda *place: draw_picture(seed, *place),
        {"monkey_labels.txt": _labels_text(counts).encode()}, "monkeys", "the default set needs 20 MB", progress,
    )


def draw_picture(seed: int, split: int, label: int, index: int) -> bytes:
    """One JPEG, 150 to 700 pixels a side; split 0 is training, 1 validation; label and index count from 0."""
    rng = np.random.default_rng((seed, split, label, index))
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(82, 94))]
    _, encoded = cv2.imencode(".jpg", _draw(rng, SPECIES[label])[..., ::-1], quality)
    return encoded.tobytes()


def _draw(rng: np.random.Generator, species: Species) -> np.ndarray:
    width, height = _size(rng)
    longest = max(width, height)
    ratio = float(np.clip(longest, *DRAWING_SIDE)) / longest
    picture = draw_background(rng, round(height * ratio), round(width * ratio))
    pose = POSES[rng.choice(list(POSE_SHARES), p=list(POSE_SHARES.values()))]
    brush = _frame(picture, rng, pose.view)
    draw_support(brush, pose.support)
    brush.tint = rng.normal(1.0, 0.09) * rng.normal(1.0, 0.03, 3)  # no two animals are of quite one colour
    draw_monkey(brush, species, pose)
    draw_foreground(picture, rng)
    return photograph(picture, rng, width, height)


def _size(rng: np.random.Generator) -> tuple[int, int]:
    """Width and height as in the document's section 2.1.2: small to large, mostly between 1:1 and 2:1."""
    aspect = rng.uniform(1.0, 1.6) if rng.random() < 0.75 else rng.uniform(0.7, 2.1)
    longest = rng.uniform(240, 700)
    width, height = (longest, longest / aspect) if aspect >= 1 else (longest * aspect, longest)
    return max(150, round(width)), max(150, round(height))


def _frame(picture: np.ndarray, rng: np.random.Generator, view) -> Brush:
    """A brush in the animal's units whose view about fills the picture; half the animals look right."""
    height, width = picture.shape[:2]
    left, top, right, bottom = view
    zoom = rng.uniform(0.88, 1.15) * min(width / (right - left), height / (bottom - top))
    mirror = rng.choice((-1, 1))
    middle = np.array([(left + right) / 2, (top + bottom) / 2]) + rng.normal(0, 0.25, 2)
    linear = np.diag([mirror * zoom, zoom])
    offset = np.array([width, height]) / 2 - linear @ middle
    return Brush(picture, rng, np.column_stack([linear, offset]))


def _names(counts: tuple[int, int]) -> dict[str, tuple[int, int, int]]:
    """File name inside the set -> (split, label, index), numbered as the real set is."""
    return {
        f"{SPLITS[split]}/n{label}/n{label}{index:0{3 - split}d}.jpg": (split, label, index)
        for split in range(2)
        for label in range(len(SPECIES))
        for index in range(counts[split])
    }


def _labels_text(counts: tuple[int, int]) -> str:
    lines = [f"Label,  {'Latin Name':<20} , {'Common Name':<29} , Train Images , Validation Images"]
    lines += [
        f"n{label}   , {species.latin:<21} , {species.label:<29} , {counts[0]:<12} , {counts[1]}"
        for label, species in enumerate(SPECIES)
    ]
    return "".join(line + "\r\n" for line in lines)


def _notice(seed: int, counts: tuple[int, int]) -> str:
    return (
        "Drawn stand-in for the 10 Monkey Species set: drawn by code, these pictures are not photographs.\n"
        "They have the real set's folders, names and labels, so that everything runs without it;\n"
        "an accuracy on them says nothing about real monkeys.\n"
        "本数据集是“10 Monkey Species”的替代样本：图片全部由程序绘制，不是照片。\n"
        "目录、文件名和标签与真实数据集一致，仅用于在没有真实数据时运行全部流程；其准确率不代表真实猴子图片上的准确率。\n"
        f"seed {seed}, {counts[0]} training and {counts[1]} validation pictures per class, "
        f"drawing version {DRAWING_VERSION}\n"
    )
