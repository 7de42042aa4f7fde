"""Where the texts of a drawn figure lie, and what of them a reader could not read: cut, touching, over another plot."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from unittest import mock

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.transforms import Bbox

LETTER_GAP = 0.7  # of the letters' size: nearer side by side, two texts read as one; signs alone do not
LINE_SLACK = 0.13  # of a text's height: room for ascenders and descenders that most letters do not fill
LEAST_SIZE = 5.5  # points
BORDER = 1.0  # pixels by which rounding may move a text over an edge
LEAST_HEIGHT = 0.75  # of the room between heading and foot, that plots reach over
MOST_HIDDEN = 0.08  # of a line's length below a legend


@dataclass(frozen=True)
class Written:
    """A text that was drawn, and the corners (4, 2) of what it takes up, in pixels, turned as it is."""

    text: Text
    corners: np.ndarray

    @property
    def words(self) -> str:
        """What it says."""
        return self.text.get_text()

    @property
    def size(self) -> float:
        """Of its letters, in points."""
        return self.text.get_fontsize()

    @property
    def box(self) -> Bbox:
        """The upright box around it."""
        return Bbox([self.corners.min(axis=0), self.corners.max(axis=0)])


def written(figure) -> list[Written]:
    """Draws the figure; every text that the renderer was given."""
    found, draw = [], Text.draw

    def noted(text, renderer, *more, **others):
        if text.get_visible() and text.get_text().strip():
            found.append(text)
        return draw(text, renderer, *more, **others)

    with mock.patch.object(Text, "draw", noted):
        figure.canvas.draw()
    return [Written(text, _corners(text)) for text in dict.fromkeys(found)]


def _corners(text) -> np.ndarray:
    """Corners in pixels; the upright box around a turned text has the same middle as the text."""
    middle = np.mean(text.get_window_extent().get_points(), axis=0)
    angle = text.get_rotation()
    text.set_rotation(0)
    box = text.get_window_extent()
    text.set_rotation(angle)
    x, y = np.array([box.width, box.height]) / 2
    turn = np.deg2rad(angle)
    along, up = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    return np.array([middle + a * x * along + b * y * up for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))])


def _grown(one: Written, figure) -> np.ndarray:
    """Its corners with half the gap that letters need at both ends, without the slack of its lines."""
    a, b, c, d = one.corners
    along, up = b - a, d - a
    gap = LETTER_GAP * one.size * figure.dpi / 72 if len(one.words) > 1 else 0
    end = along / max(np.hypot(*along), 1e-9) * gap / 2
    slack = LINE_SLACK * up / (1 + one.words.count("\n"))
    return np.array([a - end + slack, b + end + slack, c + end - slack, d - end - slack])


def overlap(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two rectangles (4, 2), turned as they like, have a place in common: no side of either parts them."""
    for shape in (one, other):
        for side in (shape[1] - shape[0], shape[3] - shape[0]):
            p, q = one @ side, other @ side
            if p.max() <= q.min() or q.max() <= p.min():
                return False
    return True


def faults(figure) -> Iterator[str]:
    """What a reader would stumble over, each in a line."""
    texts = written(figure)
    page = figure.bbox.padded(BORDER)
    for text in texts:
        if not _inside(text.box, page):
            yield f"{text.words!r} leaves the figure"
        if text.size < LEAST_SIZE:
            yield f"{text.words!r} has letters of {text.size:.1f} points"
    grown = [_grown(text, figure) for text in texts]
    for (one, a), (other, b) in combinations(zip(texts, grown), 2):
        if one.box.padded(8).overlaps(other.box) and overlap(a, b):
            yield f"{one.words!r} touches {other.words!r}"
    for axes in figure.axes:
        if axes.axison or axes.images:
            yield from _frame_faults(axes, texts)
        yield from _scale_faults(axes, {written.text for written in texts})
        yield from _legend_faults(axes)
    yield from _room_faults(figure)


def _inside(box: Bbox, around: Bbox) -> bool:
    return around.x0 <= box.x0 and box.x1 <= around.x1 and around.y0 <= box.y0 and box.y1 <= around.y1


def _frame_faults(axes, texts: list[Written]) -> Iterator[str]:
    """Texts that lie across the edge of a plot, or on a plot that is not theirs."""
    inner, outer = axes.bbox.padded(-BORDER), axes.bbox.padded(BORDER)
    own = set(axes.texts)
    for text in texts:
        box = text.box
        if not box.overlaps(inner):
            continue
        if text.text.axes is not axes:
            yield f"{text.words!r} lies on another plot"
        elif text.text in own and not _inside(box, outer):
            yield f"{text.words!r} lies across the edge of its plot"


def _scale_faults(axes, drawn: set[Text]) -> Iterator[str]:
    """Scales that cannot be read off: fewer than two numbers."""
    for axis in (axes.xaxis, axes.yaxis):
        labels = {*axis.get_majorticklabels(), *axis.get_minorticklabels()} & drawn
        if labels and len(labels) < 2:
            yield f"a scale with one number ({axis.get_label_text()})"


def _legend_faults(axes) -> Iterator[str]:
    """Points, bars and good parts of lines that a legend hides."""
    legend = axes.get_legend()
    if legend is None:
        return
    box = legend.get_window_extent()
    for line in axes.lines:
        if len(line.get_xydata()) == 2 and line.get_label().startswith("_"):
            continue  # a rule across the plot
        points = line.get_transform().transform(line.get_xydata())
        hidden = _hidden(points if line.get_linestyle() == "None" else _steps(points), axes, box)
        if hidden > (0 if line.get_linestyle() == "None" else MOST_HIDDEN):
            yield f"the legend hides {100 * hidden:.0f} % of {line.get_label()!r}"
    for bars in [part for part in axes.collections if isinstance(part, LineCollection)]:
        paths = [bars.get_transform().transform(path.vertices) for path in bars.get_paths()]
        if any(_hidden(_steps(path), axes, box) for path in paths):
            yield "the legend hides a bar of an interval"
    if any(bar.get_window_extent().padded(-1).overlaps(box) for group in axes.containers for bar in group
           if isinstance(bar, Rectangle)):
        yield "the legend hides a bar"


def _steps(points: np.ndarray) -> np.ndarray:
    """Places along the line through the points (N, 2), NaN where it has a gap."""
    pairs = list(zip(points, points[1:]))
    return np.concatenate([np.linspace(a, b, 20) for a, b in pairs]) if pairs else points


def _hidden(places: np.ndarray, axes, box: Bbox) -> float:
    """Share of the places in view that lie in the box."""
    inside = axes.bbox.padded(BORDER)
    seen = places[((places >= inside.p0) & (places <= inside.p1)).all(axis=1)]
    return float(((seen > box.p0) & (seen < box.p1)).all(axis=1).mean()) if len(seen) else 0.0


def _room_faults(figure) -> Iterator[str]:
    """Room that nothing fills."""
    boxes = [box for axes in figure.axes if (box := axes.get_tightbbox()) is not None]
    if not boxes:
        return
    heading, *notes = [text.get_window_extent() for text in figure.texts]
    top, bottom = heading.y0, max([note.y1 for note in notes], default=0)
    share = Bbox.union(boxes).height / (top - bottom)
    if share < LEAST_HEIGHT:
        yield f"the plots fill {100 * share:.0f} % of the height"
