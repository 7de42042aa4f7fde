"""Boxes and attributes drawn into a picture: text stays inside the picture and off other faces where there is room. In
a group each box has a number, and the list stands beside the picture."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

MOST_LINES = 8  # attributes shown per face
GROUP = 4  # faces from which a picture is one of a group
LIST_TEXT = 1 / 90  # height of the list's text over the picture's longest side
LIST_COLUMN, LIST_COLUMNS = 34, 3  # width of a column in heights of its text; most columns beside a picture
LEAST_NUMBER = 8  # pixels; the text of a number in a group
PAPER, INK = (250, 250, 250), (30, 30, 30)
TEXT_HEIGHT = 1 / 40  # of the picture's height
SMALLEST_TEXT, LARGEST_TEXT = 9, 28  # pixels
COLOURS = ((80, 200, 120), (90, 170, 250), (250, 180, 60), (230, 110, 150), (170, 130, 240), (70, 210, 210))
SHADE = 0.35  # of its light that is left behind text

Box = tuple[int, int, int, int]  # x, y, width, height


def lines(probabilities: np.ndarray, names: Sequence[str], threshold: float) -> list[str]:
    """The attributes whose probability reaches the threshold, likeliest first, as "Wavy Hair 93 %"."""
    order = [i for i in np.argsort(-probabilities, kind="stable")[:MOST_LINES] if probabilities[i] >= threshold]
    return [f"{names[i].replace('_', ' ')} {100 * probabilities[i]:.0f} %" for i in order]


def annotate(picture: np.ndarray, boxes: Sequence[Sequence[float]], texts: Sequence[Sequence[str]],
             font: Path | None = None) -> np.ndarray:
    """A copy of an RGB picture (H, W, 3) uint8 with a box and its lines for each face; lines that do not fit are left
    out. font: a file; None: one with Latin letters."""
    drawn = picture.copy()
    height, width = picture.shape[:2]
    text_height = float(np.clip(TEXT_HEIGHT * height, SMALLEST_TEXT, LARGEST_TEXT))
    whole = [_inside(box, width, height) for box in boxes]
    taken = list(whole)
    for number, (box, text) in enumerate(zip(whole, texts)):
        colour = COLOURS[number % len(COLOURS)]
        x, y, w, h = box
        cv2.rectangle(drawn, (x, y), (x + w - 1, y + h - 1), colour, max(1, round(text_height / 8)), cv2.LINE_AA)
        panel = _place(box, text, text_height, width, height, taken, font)
        if panel is not None:
            _write(drawn, panel, text, text_height, colour, font)
            taken.append(panel)
    return drawn


def annotate_group(picture: np.ndarray, boxes: Sequence[Sequence[float]], texts: Sequence[Sequence[str]],
                   font: Path | None = None) -> np.ndarray:
    """A larger RGB picture: the given one with a numbered box for each face, and the list of what they are beside it.

    Numbers are the faces' places in `boxes`, from 0 on.
    """
    height, width = picture.shape[:2]
    size = int(np.clip(round(LIST_TEXT * max(height, width)), SMALLEST_TEXT, LARGEST_TEXT))
    step, column = round(1.4 * size), LIST_COLUMN * size
    rows = max(1, (height - size) // step, -(-len(boxes) // LIST_COLUMNS))
    columns = -(-len(boxes) // rows)
    page = Image.new("RGB", (width + columns * column, max(height, rows * step + size)), PAPER)
    page.paste(Image.fromarray(picture), (0, 0))
    draw, letters = ImageDraw.Draw(page), _letters(size, font)
    for number, (box, text) in enumerate(zip(boxes, texts)):
        colour = _numbered(draw, number, _inside(box, width, height), size, font)
        left, top = width + number // rows * column + size // 2, size // 2 + number % rows * step
        draw.rectangle((left, top + size // 4, left + size // 2, top + size), fill=colour)
        draw.text((left + size, top), _entry(number, text, letters, column - 2 * size), font=letters, fill=INK)
    return np.array(page)


def number_boxes(picture: np.ndarray, boxes: Sequence[Sequence[float]], share: float = LIST_TEXT) -> np.ndarray:
    """A copy of the RGB picture with a numbered box for each face, as in a group, and no list. share: height of the
    numbers over the picture's longest side."""
    height, width = picture.shape[:2]
    page = Image.fromarray(picture)
    draw, size = ImageDraw.Draw(page), max(SMALLEST_TEXT, round(share * max(height, width)))
    for number, box in enumerate(boxes):
        _numbered(draw, number, _inside(box, width, height), size, None)
    return np.array(page)


def _numbered(draw: ImageDraw.ImageDraw, number: int, box: Box, size: int, font: Path | None) -> tuple:
    """Draw a box with its number; returns its colour."""
    x, y, w, h = box
    colour = COLOURS[number % len(COLOURS)]
    draw.rectangle((x, y, x + w - 1, y + h - 1), outline=colour, width=max(1, round(size / 8)))
    _number(draw, number, box, size, colour, font)
    return colour


def _number(draw: ImageDraw.ImageDraw, number: int, box: Box, size: int, colour: tuple, font: Path | None) -> None:
    """The number above a box, or in its corner where there is no room above."""
    x, y, _, h = box
    high = int(np.clip(h // 3, LEAST_NUMBER, size))
    letters = _letters(high, font)
    wide = round(letters.getlength(str(number))) + 3
    top = y - high - 2 if y >= high + 2 else y
    draw.rectangle((x, top, x + wide, top + high + 1), fill=colour)
    draw.text((x + 2, top), str(number), font=letters, fill=INK)


def _entry(number: int, text: Sequence[str], letters, width: float) -> str:
    """A line of the list, as many attributes as fit."""
    line = f"{number}  "
    for place, word in enumerate(text):
        longer = line + (", " if place else "") + word
        if letters.getlength(longer) > width:
            break
        line = longer
    return line if text else line + "-"


@lru_cache(maxsize=32)
def _letters(height: int, font: Path | None):
    return ImageFont.truetype(str(font), height) if font else ImageFont.load_default(height)


def _inside(box: Sequence[float], width: int, height: int) -> Box:
    """The part of a box that lies in the picture, at least one pixel."""
    left, top = (int(np.clip(round(v), 0, n - 1)) for v, n in zip(box[:2], (width, height)))
    right, bottom = (int(np.clip(round(a + b), 1, n)) for a, b, n in zip(box[:2], box[2:], (width, height)))
    return left, top, max(1, right - left), max(1, bottom - top)


def _place(box: Box, text: Sequence[str], text_height: float, width: int, height: int,
           taken: Sequence[Box], font: Path | None = None) -> Box | None:
    """Where the lines go: right, left, below, above or on the face, wherever least is covered; None where they do not
    fit."""
    if not text:
        return None
    pad, step = max(2, round(text_height / 4)), round(text_height * 1.25)
    w = max(round(_letters(round(text_height), font).getlength(line)) for line in text) + 2 * pad
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
           colour: tuple[int, int, int], font: Path | None) -> None:
    x, y, w, h = panel
    pad, step = max(2, round(text_height / 4)), round(text_height * 1.25)
    region = Image.fromarray(cv2.convertScaleAbs(drawn[y:y + h, x:x + w], alpha=SHADE))
    draw = ImageDraw.Draw(region)
    draw.line((0, 0, 0, h), fill=colour, width=2)
    for number, line in enumerate(text[:(h - 2 * pad) // step]):
        draw.text((pad, pad + number * step), line, font=_letters(round(text_height), font), fill=(255, 255, 255))
    drawn[y:y + h, x:x + w] = np.asarray(region)
