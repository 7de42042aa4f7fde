"""Boxes and attributes drawn into a picture: text stays inside the picture and off other faces where there is room."""

from collections.abc import Sequence

import cv2
import numpy as np

MOST_LINES = 8  # attributes shown per face
FONT = cv2.FONT_HERSHEY_SIMPLEX
TEXT_HEIGHT = 1 / 40  # of the picture's height
SMALLEST_TEXT, LARGEST_TEXT = 9, 28  # pixels
COLOURS = ((80, 200, 120), (90, 170, 250), (250, 180, 60), (230, 110, 150), (170, 130, 240), (70, 210, 210))
SHADE = 0.35  # of its light that is left behind text

Box = tuple[int, int, int, int]  # x, y, width, height


def lines(probabilities: np.ndarray, names: Sequence[str], threshold: float) -> list[str]:
    """The attributes whose probability reaches the threshold, likeliest first, as "Wavy Hair 93 %"."""
    order = [i for i in np.argsort(-probabilities, kind="stable")[:MOST_LINES] if probabilities[i] >= threshold]
    return [f"{names[i].replace('_', ' ')} {100 * probabilities[i]:.0f} %" for i in order]


def annotate(picture: np.ndarray, boxes: Sequence[Sequence[float]], texts: Sequence[Sequence[str]]) -> np.ndarray:
    """A copy of an RGB picture (H, W, 3) uint8 with a box and its lines for each face; lines that do not fit are left
    out."""
    drawn = picture.copy()
    height, width = picture.shape[:2]
    text_height = float(np.clip(TEXT_HEIGHT * height, SMALLEST_TEXT, LARGEST_TEXT))
    whole = [_inside(box, width, height) for box in boxes]
    taken = list(whole)
    for number, (box, text) in enumerate(zip(whole, texts)):
        colour = COLOURS[number % len(COLOURS)]
        x, y, w, h = box
        cv2.rectangle(drawn, (x, y), (x + w - 1, y + h - 1), colour, max(1, round(text_height / 8)), cv2.LINE_AA)
        panel = _place(box, text, text_height, width, height, taken)
        if panel is not None:
            _write(drawn, panel, text, text_height, colour)
            taken.append(panel)
    return drawn


def _inside(box: Sequence[float], width: int, height: int) -> Box:
    """The part of a box that lies in the picture, at least one pixel."""
    left, top = (int(np.clip(round(v), 0, n - 1)) for v, n in zip(box[:2], (width, height)))
    right, bottom = (int(np.clip(round(a + b), 1, n)) for a, b, n in zip(box[:2], box[2:], (width, height)))
    return left, top, max(1, right - left), max(1, bottom - top)


def _scale(text_height: float) -> float:
    return cv2.getFontScaleFromHeight(FONT, max(1, round(text_height * 0.72)))


def _place(box: Box, text: Sequence[str], text_height: float, width: int, height: int,
           taken: Sequence[Box]) -> Box | None:
    """Where the lines go: right, left, below, above or on the face, wherever least is covered; None where they do not
    fit."""
    if not text:
        return None
    pad, step = max(2, round(text_height / 4)), round(text_height * 1.25)
    w = max(cv2.getTextSize(line, FONT, _scale(text_height), 1)[0][0] for line in text) + 2 * pad
    h = min(len(text), (height - 2 * pad) // step) * step + 2 * pad
    if w > width or h <= 2 * pad:
        return None
    x, y, face_width, face_height = box
    wishes = [(x + face_width + pad, y), (x - w - pad, y), (x, y + face_height + pad), (x, y - h - pad),
              (x, y + face_height - h)]
    panels = [(min(max(0, left), width - w), min(max(0, top), height - h), w, h) for left, top in wishes]
    return min(panels, key=lambda panel: sum(_overlap(panel, other) for other in taken))


def _overlap(a: Box, b: Box) -> int:
    """Pixels that two boxes share."""
    across = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    down = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    return max(0, across) * max(0, down)


def _write(drawn: np.ndarray, panel: Box, text: Sequence[str], text_height: float,
           colour: tuple[int, int, int]) -> None:
    x, y, w, h = panel
    pad, step = max(2, round(text_height / 4)), round(text_height * 1.25)
    region = drawn[y:y + h, x:x + w]
    region[:] = cv2.convertScaleAbs(region, alpha=SHADE)
    cv2.line(drawn, (x, y), (x, y + h - 1), colour, 2)
    for number, line in enumerate(text[:(h - 2 * pad) // step]):
        place = (x + pad, y + pad + number * step + round(text_height * 0.95))
        cv2.putText(drawn, line, place, FONT, _scale(text_height), (255, 255, 255), 1, cv2.LINE_AA)
