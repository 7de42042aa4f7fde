"""A small brush for pictures drawn by code: outlines, smooth skin and fur, in units that a matrix turns into
pixels. Everything with volume (a torso, a leg, a tail, a head) is one shape, the `Strip`: an axis with a
half-width at every point of it. Fur is many short strokes that start on a strip, follow it and are lighter on
the side of the light."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

Colour = tuple[int, int, int]  # RGB, 0..255
Numbers = Sequence[float] | np.ndarray  # a few in a row: a colour, a point, widths along a strip
FIXED_POINT = 4  # binary digits of a pixel that OpenCV draws to
LIGHT = np.array([-0.45, -0.9])  # where the light comes from, in pixel directions (y points down)
SHADES = (0.60, 0.78, 0.94, 1.08, 1.24)  # brightnesses of hairs; the dark ones are drawn first
# A circle as a strip: (place on the axis, half-width) of 32 points.
ROUND = np.array([(along, max(1 - along * along, 1e-4) ** 0.5) for along in np.linspace(-1, 1, 32)])

CIRCLE = np.array([(np.cos(turn), np.sin(turn)) for turn in np.linspace(0, 2 * np.pi, 32, endpoint=False)])


@dataclass(frozen=True)
class Strip:
    """An axis (N, 2) with half-widths (N,); y points down, the positive side is on a walker's right."""

    axis: np.ndarray
    half: np.ndarray

    @cached_property
    def tangent(self) -> np.ndarray:
        ends = np.concatenate([self.axis[:1], self.axis, self.axis[-1:]])
        step = ends[2:] - ends[:-2]
        return step / np.maximum(np.linalg.norm(step, axis=1, keepdims=True), 1e-6)

    @cached_property
    def normal(self) -> np.ndarray:
        return np.stack([-self.tangent[:, 1], self.tangent[:, 0]], axis=1)

    def outline(self, low: float = -1.0, high: float = 1.0) -> np.ndarray:
        """The closed polygon (2N, 2) between two fractions of the half-width."""
        across = self.half[:, None] * self.normal
        return np.concatenate([self.axis + low * across, (self.axis + high * across)[::-1]])

    def part(self, first: float, last: float) -> "Strip":
        """The piece between two fractions of the length."""
        count = len(self.axis)
        start, stop = int(first * count), max(int(np.ceil(last * count)) + 1, int(first * count) + 2)
        return Strip(self.axis[start:stop], self.half[start:stop])


def limb(points: Sequence[Numbers] | np.ndarray, widths: Numbers, cap: float = 0.12, count: int = 24) -> Strip:
    """A Bezier curve over control points (K, 2) with half-widths; `cap` is the rounded share at each end."""
    along = np.linspace(0.0, 1.0, count)
    level = np.repeat(np.asarray(points, dtype=np.float64)[None], count, axis=0)  # (count, K, 2)
    while level.shape[1] > 1:  # de Casteljau
        level = level[:, :-1] * (1 - along)[:, None, None] + level[:, 1:] * along[:, None, None]
    return Strip(level[:, 0], np.interp(along, np.linspace(0, 1, len(widths)), widths) * _rounded(along, cap))


def ellipse(centre: Numbers, radii: Numbers, angle: float = 0.0) -> Strip:
    """An ellipse with radii (across, along); its axis points down, then is turned by `angle` radians."""
    down = radii[1] * np.array([-np.sin(angle), np.cos(angle)])
    return Strip(centre + ROUND[:, :1] * down, radii[0] * ROUND[:, 1])


def oval(centre: Numbers, radii: Numbers, angle: float = 0.0) -> np.ndarray:
    """The outline (32, 2) of the same ellipse, several times quicker."""
    across, along = CIRCLE[:, :1] * radii[0], CIRCLE[:, 1:] * radii[1]
    cos, sin = np.cos(angle), np.sin(angle)
    return centre + across * (cos, sin) + along * (-sin, cos)


def _rounded(along: np.ndarray, cap: float) -> np.ndarray:
    inward = np.minimum(np.minimum(along, 1 - along) / cap, 1.0)
    return np.sqrt(np.maximum(1 - (1 - inward) ** 2, 1e-4))


class Brush:
    """Draws on an RGB uint8 picture (H, W, 3) in place; `matrix` (2, 3) takes units to pixels."""

    def __init__(
        self,
        picture: np.ndarray,
        rng: np.random.Generator,
        matrix: np.ndarray | None = None,
        tint: np.ndarray | float = 1.0,
    ):
        self.picture, self.rng, self.tint = picture, rng, tint
        self.matrix = np.eye(2, 3) if matrix is None else matrix
        self.scale = float(np.sqrt(abs(np.linalg.det(self.matrix[:, :2]))))  # pixels per unit

    def within(
        self, origin: Numbers, scale: Numbers = (1.0, 1.0), angle: float = 0.0
    ) -> "Brush":
        """A brush with its origin at `origin` of this one, stretched by `scale` (x, y), turned by `angle`."""
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * np.asarray(scale)
        linear = self.matrix[:, :2] @ turn
        offset = self.matrix[:, :2] @ np.asarray(origin, dtype=np.float64) + self.matrix[:, 2]
        return Brush(self.picture, self.rng, np.column_stack([linear, offset]), self.tint)

    def fill(self, outline: np.ndarray, colour: Numbers) -> None:
        cv2.fillPoly(self.picture, [self._fixed(outline)], self._ink(colour), cv2.LINE_AA, FIXED_POINT)

    def line(self, points: np.ndarray, colour: Numbers, width: float) -> None:
        cv2.polylines(
            self.picture,
            [self._fixed(points)],
            False,
            self._ink(colour),
            max(1, round(width * self.scale)),
            cv2.LINE_AA,
            FIXED_POINT,
        )

    def strands(self, strands: np.ndarray, colour: Numbers, width: float) -> None:
        """Many lines (K, N, 2) of one colour and width at once."""
        cv2.polylines(
            self.picture,
            list(self._fixed(strands)),
            False,
            self._ink(colour),
            max(1, round(width * self.scale)),
            cv2.LINE_AA,
            FIXED_POINT,
        )

    def skin(self, part: Strip, colour: Numbers, steps: int = 4) -> None:
        """A bare, softly rounded surface: ever smaller and lighter copies, drawn towards the light."""
        centre = part.axis.mean(axis=0)
        outline = part.outline() - centre
        for step in range(steps):
            shift = 0.09 * step * np.sqrt(np.abs(outline).max()) * np.array([0.0, -0.35])
            self.fill(centre + shift + outline * (1 - 0.17 * step), np.multiply(colour, 0.82 + 0.085 * step))

    def fur(self, part: Strip, coat, length: float, out: bool = False, grizzle: float = 0.1) -> None:
        """Fur on a strip.

        coat: colours (along, across, 3) from the strip's start to its end and from its left to its right;
        (along, 3) or (3,) will do; length: of a hair in units; out: hairs stand away from the middle instead
        of following the axis; grizzle: how much the hairs differ in brightness.
        """
        coat = np.asarray(coat, dtype=np.float64)
        if coat.ndim < 3:
            coat = coat.reshape(-1, 1, 3)
        self._undercoat(part, coat)
        base, direction, side, cell = self._hairs(part, coat.shape[:2], length, out)
        if not len(base):
            return
        jitter = self.rng.normal(size=(len(base), 2))
        tip = base + length * self.rng.uniform(0.5, 1.0, (len(base), 1)) * (direction + 0.25 * jitter)
        strokes = self._fixed(np.stack([base, tip], axis=1).reshape(-1, 2)).reshape(-1, 2, 2)
        lit = 0.97 + 0.26 * side @ LIGHT + grizzle * self.rng.normal(size=len(base))
        shade = np.abs(lit[:, None] - np.array(SHADES)).argmin(axis=1)
        inks = (np.array(SHADES)[:, None, None] * coat.reshape(-1, 3)).reshape(-1, 3)  # dark to light
        group = shade * (len(inks) // len(SHADES)) + cell
        width = max(1, round(0.02 * self.scale))
        for value in np.unique(group):
            cv2.polylines(
                self.picture,
                list(strokes[group == value]),
                False,
                self._ink(inks[value]),
                width,
                cv2.LINE_AA,
                FIXED_POINT,
            )

    def _undercoat(self, part: Strip, coat: np.ndarray) -> None:
        rows, columns = coat.shape[:2]
        for row in range(rows):
            piece = part.part(row / rows, (row + 1) / rows)
            for column in range(columns):
                self.fill(
                    piece.outline(2 * column / columns - 1, 2 * (column + 1) / columns - 1),
                    coat[row, column] * 0.8,
                )

    def _hairs(self, part: Strip, grid: tuple[int, int], length: float, out: bool):
        """Roots (n, 2), directions (n, 2), pixel-space facing (n, 2) and cell of the colour grid (n,)."""
        rng, (rows, columns) = self.rng, grid
        step = np.linalg.norm(np.diff(part.axis, axis=0), axis=1).sum() / len(part.axis)
        area = 2 * part.half.sum() * step * self.scale**2
        count = int(min(2200, 1.35 * area / max(2.0, length * self.scale)))
        where = rng.choice(len(part.axis), count, p=part.half / part.half.sum())
        across = rng.uniform(-1, 1, count)
        normal, tangent = part.normal[where], part.tangent[where]
        start = part.axis[where] + rng.uniform(-step, step, (count, 1)) * tangent
        base = start + (across * part.half[where])[:, None] * normal
        along = where / (len(part.axis) - 1)
        outward = (
            across[:, None] * normal + (2 * along - 1)[:, None] * tangent if out else across[:, None] * normal
        )
        direction = outward if out else tangent + 0.5 * outward
        direction = direction / np.maximum(np.linalg.norm(direction, axis=1, keepdims=True), 1e-6)
        row = np.clip(along * rows + rng.normal(0, 0.18, count), 0, rows - 1e-6).astype(int)
        column = np.clip((across + 1) / 2 * columns + rng.normal(0, 0.15, count), 0, columns - 1e-6).astype(
            int
        )
        return base, direction, outward @ self.matrix[:, :2].T / self.scale, row * columns + column

    def _fixed(self, points: np.ndarray) -> np.ndarray:
        pixels = np.asarray(points) @ self.matrix[:, :2].T + self.matrix[:, 2]
        return np.round(pixels * 2**FIXED_POINT).astype(np.int32)

    def _ink(self, colour: Numbers) -> tuple[float, ...]:
        return tuple(min(max(round(value), 0), 255) for value in np.multiply(colour, self.tint).tolist())


def cloud(rng: np.random.Generator, height: int, width: int, grain: int = 4, octaves: int = 3) -> np.ndarray:
    """Smooth noise (height, width) float32, mean about 0, spread about 1, `grain` blots along a side."""
    total = np.zeros((height // 4 + 1, width // 4 + 1), np.float32)
    for octave in range(octaves):
        cells = grain * 2**octave
        coarse = rng.standard_normal((cells, cells), dtype=np.float32)
        total += cv2.resize(coarse, total.shape[::-1], interpolation=cv2.INTER_CUBIC) * 0.6**octave
    return cv2.resize(total, (width, height), interpolation=cv2.INTER_LINEAR)
