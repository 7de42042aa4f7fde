"""Detailed pictures drawn by code for super-resolution: edges at every angle, letters, gratings, bricks, leaves, hair,
rings and faces. Drawn at twice the size and averaged, so that edges are as soft as a lens makes them."""

import string

import cv2
import numpy as np

from data_tools.drawing.celeba_sample import draw_labels
from data_tools.drawing.face_drawing import draw_face

LETTERS = string.ascii_letters + string.digits
FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX, cv2.FONT_HERSHEY_TRIPLEX,
         cv2.FONT_HERSHEY_SCRIPT_COMPLEX)
SUPERSAMPLED = 2
FACE_SHARE = 0.4  # of the pictures have a framed face
FACES = 10_000  # different ones


def draw_texture(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    """One picture (height, width, 3) uint8 RGB: a textured ground and two to five textured things on it."""
    rows, columns = SUPERSAMPLED * height, SUPERSAMPLED * width
    picture = _fill(rng, rows, columns)
    for _ in range(rng.integers(2, 6)):
        _paste(picture, _fill(rng, rows, columns), _mask(rng, rows, columns), rng)
    if rng.random() < FACE_SHARE:
        _hang_portrait(picture, rng)
    return _photograph(picture, rng, width, height)


def _fill(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """A texture over the whole picture, half the time seen at an angle; (rows, columns, 3) uint8."""
    texture = FILLS[rng.integers(len(FILLS))](rng, rows, columns)
    if rng.random() < 0.5:
        return texture
    corners = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32)
    tilted = corners + rng.uniform(0, 0.3, (4, 2)) * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (columns, rows)
    matrix = cv2.getPerspectiveTransform(corners, tilted.astype(np.float32))
    return cv2.warpPerspective(texture, matrix, (columns, rows), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT)


def _colour(rng: np.random.Generator, low: int = 20, high: int = 235) -> np.ndarray:
    """RGB of middling saturation, float (3,)."""
    grey = rng.uniform(low, high)
    return np.clip(grey + rng.normal(0, 32, 3), 0, 255)


def _mix(weight: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Two colours by a weight (rows, columns) in 0..1, uint8."""
    return (first + weight[..., None].astype(np.float32) * (second - first).astype(np.float32)).astype(np.uint8)


def _noise(rng: np.random.Generator, rows: int, columns: int, finest: int) -> np.ndarray:
    """Noise of all sizes from the whole picture to `finest` pixels, (rows, columns) float32, about -1..1."""
    total, size, strength = np.zeros((rows, columns), np.float32), max(rows, columns), 1.0
    while size >= finest:
        grid = rng.standard_normal((rows // size + 2, columns // size + 2)).astype(np.float32)
        total += strength * cv2.resize(grid, (columns, rows), interpolation=cv2.INTER_CUBIC)
        size, strength = size // 2, strength * 0.6
    return total / 2


def _clouds(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    weight = np.clip(0.5 + 0.5 * _noise(rng, rows, columns, int(rng.integers(3, 24))), 0, 1)
    return _mix(weight, _colour(rng), _colour(rng))


def _grating(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Stripes of 5 to 40 pixels, straight or bent, with hard or soft edges."""
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    angle, period = rng.uniform(0, np.pi), rng.uniform(5, 40)
    bend = rng.choice((0.0, 1.0)) * rng.uniform(0.5, 3) * _noise(rng, rows, columns, 64)
    wave = np.sin(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / period + 2 * bend)
    return _mix(np.clip(0.5 + rng.uniform(0.5, 3) * wave, 0, 1), _colour(rng), _colour(rng))


def _rings(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Circles about one point, closer together towards the outside or evenly."""
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    distance = np.hypot(x - rng.uniform(0, columns), y - rng.uniform(0, rows))
    phase = distance / rng.uniform(5, 30) if rng.random() < 0.5 else distance**2 / rng.uniform(2500, 12000)
    return _mix(np.clip(0.5 + 1.5 * np.sin(phase), 0, 1), _colour(rng), _colour(rng))


def _bricks(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Bricks, tiles or windows: rectangles in rows, each of its own tone, some with a lighter edge."""
    picture = np.full((rows, columns, 3), _colour(rng), np.uint8)
    stone, spread = _colour(rng), rng.uniform(3, 30)
    high, wide, gap = int(rng.integers(10, 60)), int(rng.integers(14, 110)), int(rng.integers(2, 7))
    shift, framed = rng.choice((0.0, 0.5)), rng.random() < 0.5
    for row, top in enumerate(range(-high, rows, high + gap)):
        for left in range(-wide - int(shift * wide * (row % 2)), columns, wide + gap):
            tone = np.clip(stone + rng.normal(0, spread), 0, 255)
            cv2.rectangle(picture, (left, top), (left + wide, top + high), tone.tolist(), -1)
            if framed:
                cv2.line(picture, (left, top), (left + wide, top), np.clip(tone + 50, 0, 255).tolist(), 2)
    return picture


def _leaves(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Leaves over one another, the ones on top lighter, each with its rib."""
    picture = np.full((rows, columns, 3), _colour(rng, 10, 60), np.uint8)
    green, size = _colour(rng, 60, 160) * (0.8, 1.1, 0.6), rng.uniform(8, 36)
    count = min(2500, int(3 * rows * columns / size**2))
    centres = rng.uniform(0, 1, (count, 2)) * (columns, rows)
    for i, (centre, angle, length) in enumerate(zip(centres, rng.uniform(0, 360, count),
                                                    rng.normal(size, size / 4, count))):
        tone = np.clip(green * (0.5 + 0.8 * i / count) * rng.normal(1, 0.12), 0, 255).tolist()
        axes = (max(3, int(length)), max(2, int(0.4 * length)))
        cv2.ellipse(picture, centre.astype(int).tolist(), axes, angle, 0, 360, tone, -1, cv2.LINE_AA)
        along = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))]) * axes[0] * 0.8
        ends = [(centre + sign * along).astype(int).tolist() for sign in (-1, 1)]
        cv2.line(picture, *ends, np.clip(np.array(tone) * 1.35, 0, 255).tolist(), 1, cv2.LINE_AA)
    return picture


def _hair(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Fine strokes that follow a slowly turning direction."""
    tone = _colour(rng, 40, 200)
    picture = np.full((rows, columns, 3), tone * 0.7, np.uint8)
    flow, main = _noise(rng, rows, columns, 90), rng.uniform(0, 2 * np.pi)
    count = int(rows * columns / rng.uniform(60, 160))
    starts = (rng.uniform(0, 1, (count, 2)) * (columns, rows)).astype(int)
    turn = main + 1.2 * flow[starts[:, 1], starts[:, 0]] + rng.normal(0, 0.12, count)
    ends = (starts + np.stack([np.cos(turn), np.sin(turn)], 1) * rng.uniform(10, 34, (count, 1))).astype(int)
    colours = np.clip(tone * rng.normal(1, 0.25, (count, 1)), 0, 255)
    for start, end, colour in zip(starts.tolist(), ends.tolist(), colours.tolist()):
        cv2.line(picture, start, end, colour, 1, cv2.LINE_AA)
    return picture


def _page(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Lines of letters on paper, of several sizes."""
    dark = rng.random() < 0.75
    paper, ink = (_colour(rng, 190, 245), _colour(rng, 5, 60)) if dark else (_colour(rng, 5, 60),
                                                                             _colour(rng, 190, 245))
    picture, top = np.full((rows, columns, 3), paper, np.uint8), 0
    while top < rows:
        size, font = rng.uniform(0.5, 2.2), FONTS[rng.integers(len(FONTS))]
        top += int(26 * size) + 8
        words = "".join(rng.choice(list(LETTERS + "    "), 60))
        cv2.putText(picture, words, (int(rng.integers(0, 30)), top), font, size, ink.tolist(), int(rng.integers(1, 4)),
                    cv2.LINE_AA)
    return picture


FILLS = (_clouds, _grating, _rings, _bricks, _leaves, _hair, _page)


def _mask(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """One thing's outline, (rows, columns) uint8, 0 or 255: an ellipse, a polygon or a blob."""
    mask, centre = np.zeros((rows, columns), np.uint8), rng.uniform(0.1, 0.9, 2) * (columns, rows)
    reach = rng.uniform(0.15, 0.45) * min(rows, columns)
    kind = rng.integers(3)
    if kind == 0:
        axes = (int(reach), int(reach * rng.uniform(0.4, 1)))
        cv2.ellipse(mask, centre.astype(int).tolist(), axes, rng.uniform(0, 180), 0, 360, 255, -1)
        return mask
    turns = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 8) if kind == 1 else 40))
    radius = reach * (rng.uniform(0.6, 1.2, len(turns)) if kind == 1
                      else 1 + 0.25 * np.sin(3 * turns + rng.uniform(0, 6)))
    outline = centre + np.stack([np.cos(turns), np.sin(turns)], 1) * radius[:, None]
    cv2.fillPoly(mask, [outline.astype(np.int32)], 255)
    return mask


def _paste(picture: np.ndarray, texture: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> None:
    """Put the texture where the mask is, with a shadow beside it, in place."""
    shadow = cv2.GaussianBlur(np.roll(mask, (8, 6), axis=(0, 1)), (0, 0), 9).astype(np.float32)[..., None] / 255
    np.copyto(picture, (picture * (1 - rng.uniform(0.2, 0.6) * shadow)).astype(np.uint8))
    np.copyto(picture, texture, where=mask[..., None] > 0)


def _hang_portrait(picture: np.ndarray, rng: np.random.Generator) -> None:
    """A framed face somewhere, in place."""
    rows, columns = picture.shape[:2]
    height = int(rng.uniform(0.4, 0.7) * rows)
    width = min(int(height * 0.8), columns - 20)
    top, left = int(rng.integers(8, rows - height - 7)), int(rng.integers(8, columns - width - 7))
    face = draw_face(rng, draw_labels(int(rng.integers(2**31)), int(rng.integers(1, FACES))), (width, height))
    cv2.rectangle(picture, (left - 8, top - 8), (left + width + 7, top + height + 7), _colour(rng).tolist(), -1)
    picture[top:top + height, left:left + width] = face


def _photograph(picture: np.ndarray, rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    """Light from one side, the lens, a little noise."""
    y, x = np.linspace(-1, 1, 12, dtype=np.float32)[:, None], np.linspace(-1, 1, 12, dtype=np.float32)[None]
    right, down = rng.normal(0, 0.12, 2)
    light = cv2.resize((1 + right * x + down * y).astype(np.float32), (width, height))[..., None]
    small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    small = cv2.GaussianBlur(small * light, (0, 0), rng.uniform(0.3, 0.6)) + rng.normal(0, 1.0, (height, width, 1))
    return np.clip(np.rint(small), 0, 255).astype(np.uint8)
