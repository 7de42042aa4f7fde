"""Where a drawn monkey sits: backgrounds, the branch or ground under it, leaves and bars before it, and the
light and lens that the picture is taken with."""

import cv2
import numpy as np

from data_tools.drawing.brush import Brush, cloud, limb

GREENS = ((46, 92, 38), (78, 128, 48), (112, 152, 62), (36, 70, 44), (140, 168, 84), (88, 108, 40))
BARKS = ((112, 88, 66), (140, 124, 104), (84, 70, 58), (160, 130, 92))
LEAF = limb([(0, 0), (0.5, 0.12), (1, 0)], (0.02, 0.2, 0.16, 0.0), cap=0.02, count=10)  # one unit long
BACKGROUNDS = ("foliage", "sky", "rock", "snow", "savanna", "wall", "dark")


def draw_background(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A picture (height, width, 3) uint8 RGB without an animal: one of BACKGROUNDS, as the generator says."""
    kind = BACKGROUNDS[rng.integers(len(BACKGROUNDS))]
    top, bottom, rough, leaves = {
        "foliage": ((70, 104, 52), (44, 66, 34), 26, 70),
        "sky": ((142, 176, 212), (202, 212, 214), 10, 14),
        "rock": ((136, 130, 122), (98, 92, 86), 24, 6),
        "snow": ((158, 170, 182), (214, 219, 226), 9, 4),
        "savanna": ((186, 176, 120), (148, 124, 70), 16, 10),
        "wall": ((172, 154, 132), (140, 120, 102), 7, 0),
        "dark": ((34, 36, 34), (20, 18, 18), 9, 12),
    }[kind]
    tone = rng.normal(1.0, 0.035, 3) * rng.normal(1.0, 0.1)
    rows, columns = height // 2, width // 2  # it will be blurred, so half the size will do
    ramp = np.linspace(0, 1, rows)[:, None, None]
    picture = (np.array(top) * (1 - ramp) + np.array(bottom) * ramp) * tone
    picture = picture + rough * cloud(rng, rows, columns)[..., None]
    picture = np.clip(picture, 0, 255).astype(np.uint8)
    _scatter_leaves(picture, rng, leaves, size=0.11)
    picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(1.0, 2.5))  # the camera looks at the animal
    picture = cv2.resize(picture, (width, height))
    if kind in ("foliage", "dark", "sky"):
        _scatter_leaves(picture, rng, leaves // 4, size=0.08)
    if kind == "wall":
        _draw_planks(picture, rng)
    if kind in ("savanna", "foliage"):
        _draw_grass(picture, rng, (164, 146, 82) if kind == "savanna" else (84, 120, 52))
    return picture


def draw_support(brush: Brush, support: str) -> None:
    """What the animal sits on, walks on or holds, in the units of the animal."""
    rng = brush.rng
    bark = np.array(BARKS[rng.integers(len(BARKS))])
    if support == "ground":
        colour = np.array([(120, 104, 76), (96, 112, 62), (150, 144, 136)][rng.integers(3)])
        edge = limb([(-16, 5.4), (-5, 4.9 + rng.normal(0, 0.3)), (5, 4.9), (16, 5.4)], (2.2, 2.2), cap=0.02)
        brush.fur(edge, [[colour * 0.8, colour, colour * 1.1]], 0.25, grizzle=0.12)
    elif support == "branch":
        slope = rng.normal(0, 0.5)
        branch = limb([(-14, 2.7 - slope), (0, 2.5), (14, 2.7 + slope)], (0.35, 0.5, 0.4))
        brush.fur(branch, bark, 0.3, grizzle=0.16)
        for x, rise in ((-4.5, -3.5), (4.8, -2.8)):
            twig = limb([(x, 2.6), (x * 1.2, 2.6 + rise / 2), (x * 1.15, 2.6 + 2 * rise)], (0.25, 0.15, 0.08))
            brush.fur(twig, bark, 0.25)
    elif support == "trunk":
        lean = rng.normal(0, 0.6)
        trunk = limb([(-2.4 + lean, -9), (-2.3, 1), (-2.4 - lean, 11)], (0.7, 0.8, 0.9))
        brush.fur(trunk, bark, 0.35, grizzle=0.16)


def draw_foreground(picture: np.ndarray, rng: np.random.Generator) -> None:
    """In a third of the pictures something stands before the animal: a spray of leaves, or bars."""
    height, width = picture.shape[:2]
    chance = rng.random()
    if chance < 0.3:
        edge = rng.integers(0, 2, 2) * (width, height) * 0.9 + (0.05 * width, 0.05 * height)
        _scatter_leaves(picture, rng, 12, size=0.2, around=edge, spread=0.18)
    elif chance < 0.38:
        brush = Brush(picture, rng)
        grey = np.array([96, 98, 100]) * rng.uniform(0.5, 1.6)
        gap = width * rng.uniform(0.2, 0.3)
        for x in np.arange(rng.uniform(0, gap), width, gap):
            brush.line(np.array([(x, 0), (x, height)]), grey * 0.7, width * 0.014)
            brush.line(np.array([(x - 1, 0), (x - 1, height)]), grey, width * 0.006)


def photograph(picture: np.ndarray, rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    """Uneven and tinted light, vignette, blur, noise and the final size in pixels. RGB uint8 in and out."""
    rows, columns = picture.shape[:2]
    sigma = rng.uniform(0.0, 0.9)
    if sigma > 0.35:
        picture = cv2.GaussianBlur(picture, (0, 0), sigma)
    y = np.linspace(-1, 1, rows, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, columns, dtype=np.float32)[None]
    right, down = rng.normal(0, 0.1, 2).astype(np.float32)
    vignette, dapple, noise = rng.uniform((0, 0, 1), (0.16, 0.09, 5)).astype(np.float32)
    light = 1 + right * x + down * y - vignette * (x * x + y * y)
    light *= 1 + dapple * cloud(rng, rows, columns, grain=5, octaves=2)
    exposure = np.float32(np.exp(rng.normal(-0.04, 0.14)) * rng.normal(1, 0.03, 3))
    lit = picture * (light[..., None] * exposure)
    lit += noise * rng.standard_normal((rows, columns, 1), dtype=np.float32)
    lit -= 0.55 * np.maximum(lit - 200, 0)  # highlights fade, they do not clip
    shrinks = width < columns
    return cv2.resize(
        cv2.convertScaleAbs(np.maximum(lit, 0, out=lit)),
        (width, height),
        interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC,
    )


def _scatter_leaves(
    picture: np.ndarray, rng: np.random.Generator, count: int, size: float, around=None, spread: float = 0.5
) -> None:
    """Leaves of about `size` of the picture's longer side, everywhere or around one point (x, y)."""
    height, width = picture.shape[:2]
    brush, longest = Brush(picture, rng), max(height, width)
    for _ in range(count):
        place = rng.uniform(0, (width, height)) if around is None else rng.normal(around, spread * longest)
        green = np.array(GREENS[rng.integers(len(GREENS))]) * rng.uniform(0.7, 1.3)
        long, bulge = size * longest * rng.uniform(0.5, 1.3), rng.choice((-1, 1)) * rng.uniform(0.7, 1.4)
        leaf = brush.within(place, (long, long * bulge), rng.uniform(0, 2 * np.pi))
        leaf.fill(LEAF.outline(-1, 0), green)
        leaf.fill(LEAF.outline(0, 1), green * 0.82)
        leaf.line(LEAF.axis, green * 1.2, 0.0)


def _draw_planks(picture: np.ndarray, rng: np.random.Generator) -> None:
    height, width = picture.shape[:2]
    brush, step = Brush(picture, rng), height / rng.integers(4, 8)
    for y in np.arange(rng.uniform(0, step), height, step):
        brush.line(np.array([(0, y), (width, y)]), (96, 82, 70), 2)
        brush.line(np.array([(0, y + 3), (width, y + 3)]), (196, 178, 156), 1)


def _draw_grass(picture: np.ndarray, rng: np.random.Generator, colour) -> None:
    height, width = picture.shape[:2]
    brush = Brush(picture, rng)
    for _ in range(60):
        x, tall = rng.uniform(0, width), height * rng.uniform(0.1, 0.35)
        middle, tip = x + rng.normal(0, (6, 22))
        blade = np.array([(x, height), (middle, height - tall / 2), (tip, height - tall)])
        brush.line(blade, np.multiply(colour, rng.uniform(0.6, 1.3)), 1.6)
