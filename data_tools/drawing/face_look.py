"""What one drawn face is: its attributes, its colours and sizes, and the two tools that draw it, a brush for edges and
a shade map for soft light. Lengths are pixels of CelebA's 178x218 frame, origin between the eyes, y down."""

from dataclasses import dataclass
from typing import overload

import cv2
import numpy as np

from data_tools.drawing.brush import Brush

FRAME = (178, 218)  # width, height
MIDDLE = (89.0, 111.0)  # of the eyes, in the frame, as in CelebA
EYE_X = 19.5  # half the distance of the eyes
SKINS = ((232, 198, 174), (224, 184, 154), (210, 164, 130), (192, 142, 106), (160, 112, 80), (126, 86, 62))
SKIN_SHARES = (0.24, 0.26, 0.2, 0.14, 0.1, 0.06)
HAIRS = {"Black_Hair": (34, 29, 30), "Blond_Hair": (224, 188, 116), "Brown_Hair": (112, 72, 42),
         "Gray_Hair": (176, 176, 180)}
OTHER_HAIRS = ((138, 56, 36), (104, 38, 44), (160, 82, 44))  # red and copper: none of the four named colours
IRISES = ((74, 48, 30), (96, 66, 38), (62, 92, 116), (78, 106, 74), (104, 122, 138))
MAP_SCALE = 0.4  # pixels of the shade map per pixel of the frame


class Shade:
    """Soft light and shadow over a picture: a small map of factors, multiplied into the picture at once."""

    def __init__(self, brush: Brush, zoom: float):
        """brush: of the face, on the picture; zoom: pixels of the picture per pixel of the frame."""
        height, width = brush.picture.shape[:2]
        self.ratio = MAP_SCALE / zoom
        rows, columns = max(1, round(height * self.ratio)), max(1, round(width * self.ratio))
        self.factors = np.ones((rows, columns, 3), np.float32)
        self.matrix = brush.matrix * self.ratio

    def soft(self, outlines: list[np.ndarray], factor, blur: float, hold: np.ndarray | None = None) -> None:
        """Multiply by `factor` (one or RGB) inside outlines (N, 2) whose edges are `blur` pixels of the frame soft.

        hold: an outline outside of which nothing changes.
        """
        mask = self._filled(*outlines)
        mask = cv2.GaussianBlur(mask, (0, 0), max(0.3, blur * MAP_SCALE), borderType=cv2.BORDER_REPLICATE)
        if hold is not None:
            mask = cv2.bitwise_and(mask, self._filled(hold))
        change = (np.broadcast_to(factor, 3) - 1).astype(np.float32) / 255
        self.factors *= mask[..., None] * change + 1

    def _filled(self, *outlines: np.ndarray) -> np.ndarray:
        mask = np.zeros(self.factors.shape[:2], np.uint8)
        brush = Brush(mask, np.random.default_rng(0), self.matrix)  # nothing random is drawn
        for outline in outlines:
            brush.fill(outline, (255, 255, 255))
        return mask

    def onto(self, picture: np.ndarray) -> None:
        """Multiply the picture (H, W, 3) uint8 in place."""
        height, width = picture.shape[:2]
        factors = cv2.resize(self.factors, (width, height), interpolation=cv2.INTER_LINEAR)
        cv2.multiply(picture, factors, picture, dtype=cv2.CV_8U)


@dataclass
class Look:
    """One face, ready to be drawn. What is random comes from the seed alone, part by part, so that the same face with
    one attribute more differs by that attribute alone."""

    has: frozenset[str]  # names of the attributes that are present
    seed: int
    brush: Brush  # of the head: tilted, scaled, moved
    features: Brush  # the same, turned sideways a little
    yaw: float  # how far
    shade: Shade
    skin: np.ndarray
    hair: np.ndarray
    half: float  # half-width of the head at the cheeks
    chin: float  # y of the chin
    jaw: float  # 2 is an ellipse, more is squarer
    top: float = -58.0  # y of the bare crown

    def rng(self, part: int) -> np.random.Generator:
        """The generator of one part of the face."""
        return np.random.default_rng((self.seed, part))

    @overload
    def edge(self, y: float) -> float: ...

    @overload
    def edge(self, y: np.ndarray) -> np.ndarray: ...

    def edge(self, y):
        """Half-width of the head at heights y: an ellipse above the cheeks, a jaw below."""
        y = np.asarray(y, np.float64)
        above = np.sqrt(np.clip(1 - ((y - 4) / (self.top - 4)) ** 2, 0, 1))
        along = np.clip((y - 4) / (self.chin - 4), 0, 1)
        return self.half * np.where(y < 4, above, (1 - along ** self.jaw) ** 0.5)

    def outline(self, grow: float = 0.0, first: float | None = None, last: float | None = None) -> np.ndarray:
        """The head's closed outline (N, 2), `grow` pixels larger, between two heights (all of it without)."""
        first, last = self.top if first is None else first, self.chin if last is None else last
        y = (first + last) / 2 - (last - first) / 2 * np.cos(np.linspace(0, np.pi, 28))
        half = self.edge(y) + grow
        y = np.where(y > 4, y + grow * (y - 4) / (self.chin - 4), y + grow * (y - 4) / (4 - self.top))
        return np.concatenate([np.stack([-half, y], 1), np.stack([half, y], 1)[::-1]])


def make_look(picture: np.ndarray, seed: int, has: frozenset[str]) -> Look:
    """Sizes and colours of the face number `seed` with these attributes, to be drawn on `picture` (H, W, 3)."""
    rng = np.random.default_rng((seed, 0))
    height, width = picture.shape[:2]
    zoom = max(width / FRAME[0], height / FRAME[1])
    tilt, size, shift, yaw = rng.normal(0, 0.035), rng.normal(1, 0.02), rng.normal(0, 1.2, 2), rng.normal(0, 1.6)
    tone, hair_choice = SKINS[rng.choice(len(SKINS), p=SKIN_SHARES)], rng.integers(len(OTHER_HAIRS))
    build, tint, hair_tint = rng.normal(0, 1.0, 3), rng.normal(1, 0.015, 3), rng.normal(1, 0.05)
    male, chubby, oval = "Male" in has, "Chubby" in has, "Oval_Face" in has
    colour = next((value for name, value in HAIRS.items() if name in has), OTHER_HAIRS[hair_choice])
    skin = np.array(tone, np.float64)
    if "Pale_Skin" in has:
        skin = 0.2 * skin + 0.8 * np.array((250, 232, 224))
    else:
        skin = skin * tint
    middle = np.array([width, height]) / 2 - 0.5 + zoom * (np.array(MIDDLE) + 0.5 - np.array(FRAME) / 2 + shift)
    turn = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]]) * zoom * size
    brush = Brush(picture, rng, np.column_stack([turn, middle]))
    yaw = float(np.clip(yaw, -3.5, 3.5))
    return Look(
        has, seed, brush, brush.within((yaw, 0)), yaw, Shade(brush, zoom), np.clip(skin, 0, 255),
        np.clip(np.multiply(colour, hair_tint), 0, 255),
        half=46 + build[0] + 2 * male + 6 * chubby - 5 * oval,
        chin=66 + build[1] + 3 * male + 1.5 * chubby + 5 * oval,
        jaw=2.15 + 0.45 * male + 0.9 * chubby - 0.15 * oval)
