"""A face drawn by code from CelebA's 40 attributes, at any size: everything is in pixels of CelebA's 178x218 frame,
with the eyes where CelebA's alignment puts them."""

from collections.abc import Collection

import cv2
import numpy as np

from data_tools.drawing import face_hair, face_parts
from data_tools.drawing.attributes import ATTRIBUTES
from data_tools.drawing.face_look import FRAME, make_look

BACKGROUNDS = ((196, 204, 214), (92, 106, 128), (172, 150, 128), (60, 62, 68), (128, 150, 118), (214, 198, 180),
               (148, 60, 64), (70, 110, 140))
BLUR = 2.6  # pixels of the frame, for Blurry


def draw_face(rng: np.random.Generator, attributes: Collection[str], size: tuple[int, int] = FRAME) -> np.ndarray:
    """Draw one face with exactly these attributes (names of ATTRIBUTES that are present).

    size: (width, height) in pixels; the frame is cut in the middle where the proportions differ. Returns (height,
    width, 3) uint8 RGB. One number is taken from `rng`: the same number and other attributes give the same person, pose
    and light with those attributes changed. ValueError for an unknown name.
    """
    has = frozenset(attributes)
    if has - set(ATTRIBUTES):
        raise ValueError(f"unknown attributes: {', '.join(sorted(has - set(ATTRIBUTES)))}")
    width, height = size
    seed = int(rng.integers(2**31))
    picture = _background(seed, width, height)
    look = make_look(picture, seed, has)
    face_hair.draw_back_hair(look)
    face_hair.draw_clothes(look)
    face_parts.draw_head(look)
    face_parts.shade_skin(look)
    look.shade.onto(picture)
    face_parts.draw_skin_marks(look)
    face_parts.draw_nose(look)
    face_parts.draw_eyes(look)
    face_parts.draw_mouth(look)
    face_parts.draw_beard(look)
    face_hair.draw_hair(look)
    face_parts.draw_brows(look)
    face_hair.draw_earrings(look)
    face_hair.draw_glasses(look)
    face_hair.draw_hat(look)
    return _photograph(picture, seed, "Blurry" in has)


def _background(seed: int, width: int, height: int) -> np.ndarray:
    """A wall or a garden out of focus, (height, width, 3) uint8."""
    rng = np.random.default_rng((seed, 20))
    colour = np.array(BACKGROUNDS[rng.integers(len(BACKGROUNDS))]) * rng.uniform(0.75, 1.15)
    blots = colour + rng.uniform(4, 26) * rng.standard_normal((7, 6, 1)) + 5 * rng.standard_normal((7, 6, 3))
    blots = np.clip(blots, 0, 255).astype(np.uint8)
    return cv2.resize(blots, (width, height), interpolation=cv2.INTER_CUBIC)


def _photograph(picture: np.ndarray, seed: int, blurry: bool) -> np.ndarray:
    """Light from one side, exposure, colour cast, lens and noise."""
    rng = np.random.default_rng((seed, 21))
    height, width = picture.shape[:2]
    zoom = max(width / FRAME[0], height / FRAME[1])
    y, x = np.linspace(-1, 1, 12, dtype=np.float32)[:, None], np.linspace(-1, 1, 12, dtype=np.float32)[None]
    right, down = rng.normal(0, (0.09, 0.05))
    light = (1 + right * x + down * y - 0.08 * (x * x + y * y))[..., None]
    light = light * (np.exp(rng.normal(0, 0.09)) * rng.normal(1, 0.02, 3))
    light = cv2.resize(light.astype(np.float32), (width, height))
    picture = cv2.multiply(picture, light, dtype=cv2.CV_8U)
    sigma = zoom * BLUR if blurry else zoom ** 0.5 * rng.uniform(0.35, 0.6)
    picture = cv2.GaussianBlur(picture, (0, 0), sigma)
    noise = rng.integers(0, 7, (height, width), np.uint8)
    return cv2.addWeighted(picture, 1, cv2.merge([noise] * 3), 1, -3)
