"""A drawn stand-in for DIV2K and its like, for machines without them: pictures from code with detail to restore."""

from pathlib import Path

import cv2
import numpy as np

from data_tools.drawing.drawn_set import write_drawn_set
from data_tools.drawing.texture_drawing import draw_texture
from data_tools.errors import KitError

DRAWING_VERSION = 1  # raise it when the pictures change: older drawn sets are then drawn anew
COUNT = 60  # training pictures; some 10 seconds on one core
TEST_SHARE = 6  # one test picture for so many training pictures
SPLITS = ("train", "test")
SIDES = (208, 384)  # pixels


def draw_textures(folder: str | Path, count: int = COUNT, seed: int = 0, progress: bool = False) -> Path:
    """Draw `count` training pictures into folder/train and a sixth as many (at least 2) into folder/test; PNG, RGB, 208
    to 384 pixels a side. Returns the folder; a complete set of the same parameters is reused.

    DRAWN.txt says that these are no photographs. Every picture depends on the seed and its own place alone, so the same
    seed gives the same bytes. Raises KitError where count is below 1, the seed is negative, the folder holds anything
    else, or the disk is full.
    """
    if count < 1 or seed < 0:
        raise KitError(f"cannot draw {count} pictures with seed {seed}: give a count of at least 1 and a seed of at "
                       f"least 0")
    counts = (count, max(2, count // TEST_SHARE))
    pictures = {f"{split}/{split}{index:04d}.png": (seed, number, index)
                for number, split in enumerate(SPLITS) for index in range(counts[number])}
    return write_drawn_set(folder, _notice(seed, counts), pictures, draw_picture, {}, "textures",
                           "the default set needs 15 MB", progress)


def draw_picture(seed: int, split: int, index: int) -> bytes:
    """One PNG; split 0 is training, 1 test; index counts from 0."""
    rng = np.random.default_rng((seed, split, index))
    width, height = (int(side) for side in rng.integers(SIDES[0], SIDES[1] + 1, 2))
    _, encoded = cv2.imencode(".png", draw_texture(rng, width, height)[..., ::-1])
    return encoded.tobytes()


def _notice(seed: int, counts: tuple[int, int]) -> str:
    return (
        "Drawn stand-in for photographs of super-resolution: drawn by code, these pictures are not photographs.\n"
        "Everything runs on them without DIV2K, Flickr2K or Set5; a PSNR on them says nothing about photographs.\n"
        "本数据集是超分辨率照片集的替代样本：图片全部由程序绘制，不是照片。\n"
        "仅用于在没有真实数据时运行全部流程；其 PSNR 不代表真实照片上的结果。\n"
        f"seed {seed}, {counts[0]} training and {counts[1]} test pictures, drawing version {DRAWING_VERSION}\n"
    )
