"""A page: heading, plot and foot, laid out anew for the width that is asked for.

Letters keep their size, whatever the width. Height follows the width; panels and pictures that would get too narrow
beside each other come below each other, and the page grows by them; so does one whose texts would touch. What cannot be
narrower without that (a diagram, a table) is drawn as narrow as it can be. Matplotlib is imported here: import it late.
"""

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.transforms import Bbox, ScaledTranslation

from reports.figures.words import lines_of

USUAL = 6.3                    # inches: the text width of an A4 page, for which the figures are made
PANEL, PICTURE = 2.0, 1.2      # inches from which a panel, and a picture with its title, are wide enough
LETTERS, LOW = 5.5, 1.2        # points of the smallest letters of a table; inches of the lowest panel
EDGE, HEAD, FOOT = 0.08, 0.32, 0.04  # inches: left of the texts, of a heading of one line, below
LINE = {10: 0.17, 7: 0.14, 7.5: 0.13}  # inches of a line of heading, note, caption
WIDER, HIGHER = 1.15, 1.3      # steps in which room is sought
TOUCHING = (0, 1, 2)           # pixels within two texts, at which they are found to overlap
TIGHT = 1.0                    # of the height of slanting texts, by which they are to keep apart
CAPTION = {"boxstyle": "square,pad=0.25", "facecolor": "#FFF3D6", "edgecolor": "#D55E00", "linewidth": 0.8}


class Page(Figure):
    """A figure with a heading, small notes at its foot and a caption in a box, "" for none; `plot` inches high between
    them, which constrained layout fills.

    narrow, low: whether what was drawn found too little room to the side, or up and down.
    """

    def __init__(self, width: float, plot: float, heading: str, notes: Sequence[str], caption: str,
                 colour: str) -> None:
        super().__init__(figsize=(width, plot), dpi=100)
        self._canvas = FigureCanvasAgg(self)  # no display is ever asked for
        self._engine = ConstrainedLayoutEngine(w_pad=0.04, h_pad=0.04)
        self.set_layout_engine(self._engine)
        self.width, self.plot, self.narrow, self.low = width, plot, False, False
        self._stacked: list[Sequence] = []
        self._head = self._text(heading, 10, fontweight="bold")
        self._notes = [self._text(note, 7, color=colour) for note in notes]
        self._caption = self._text(caption, 7.5, bbox=CAPTION) if caption else None
        self.grow(1)

    def grow(self, factor: float) -> None:
        """Make the plot higher; heading and foot stay as high as they are."""
        self.plot *= factor
        head = HEAD + self._height(self._head, more=True)
        box = self._height(self._caption) + 0.11 if self._caption else 0
        foot = FOOT + sum(map(self._height, self._notes)) + box
        whole = head + self.plot + foot
        self.set_size_inches(self.width, whole)
        self._engine.set(rect=(0.005, foot / whole, 0.99, self.plot / whole))
        self._head.set_position((EDGE / self.width, 1 - 0.07 / whole))
        y = foot - 0.02
        for note in self._notes:
            note.set_position((EDGE / self.width, y / whole))
            y -= self._height(note)
        if self._caption:
            self._caption.set_position((EDGE / self.width, (y - 0.06) / whole))

    def columns(self, count: int, least: float = PANEL) -> int:
        """How many of `count` panels, which stand side by side on a usual page, find room beside each other: as wide as
        there, or `least` inches."""
        return max(1, min(count, int(self.width / min(USUAL / count, least) + 1e-6)))

    def subplots(self, nrows: int = 1, ncols: int = 1, *, squeeze: bool = True, **options):
        """As Figure.subplots; panels of one row come below each other where they find no room, each as wide for its
        height as it would be in the row."""
        ratios = options.get("width_ratios") or (1,)
        columns = ncols if nrows > 1 or min(ratios) < 0.4 * max(ratios) else self.columns(ncols)
        if columns == ncols:
            return super().subplots(nrows, ncols, squeeze=squeeze, **options)
        rows = -(-ncols // columns)
        self.grow(rows * ncols / columns)
        grid = super().subplots(rows, columns, squeeze=False, **{**options, "width_ratios": None}).ravel()
        for axes in grid[ncols:]:
            axes.remove()
        self._stacked.append(grid[:ncols])
        return grid[:ncols] if squeeze else grid[None, :ncols]

    def finish(self) -> None:
        """What is known once all is drawn: panels that came below each other say what their shared axis is, and on a
        narrow page a legend beside its axes goes below them."""
        for first, *others in self._stacked:
            for axes in others:
                if axes.get_shared_y_axes().joined(first, axes) and not axes.get_ylabel():
                    axes.set_ylabel(first.get_ylabel())
        self._stacked.clear()
        if self.width < 0.8 * USUAL:
            for axes in self.axes:
                self._legend_below(axes)

    def _legend_below(self, axes) -> None:
        """A legend beside its axes goes below them, and the page grows by it."""
        legend, renderer = axes.get_legend(), self._canvas.get_renderer()
        if legend is None or axes.transAxes.inverted().transform(legend.get_bbox_to_anchor().p0)[0] < 1:
            return
        depth = 0.05 + (axes.bbox.y0 - axes.xaxis.get_tightbbox(renderer).y0) / self.dpi
        below = axes.legend(legend.legend_handles, [text.get_text() for text in legend.get_texts()], loc="upper left",
                            fontsize=legend.get_texts()[0].get_fontsize(), borderaxespad=0, bbox_to_anchor=(0, 0),
                            bbox_transform=axes.transAxes + ScaledTranslation(0, -depth, self.dpi_scale_trans))
        self.grow(1 + below.get_window_extent(renderer).height / self.dpi / self.plot)

    def _text(self, text: str, size: float, **look):
        """A text at the left edge, in as many lines as it needs."""
        drawn = self.text(0, 0, "", ha="left", va="top", fontsize=size, **look)

        def fits(line: str) -> bool:
            drawn.set_text(line)
            return drawn.get_window_extent().width <= (self.width - EDGE - 0.02) * self.dpi

        drawn.set_text(text if fits(text) else "\n".join(lines_of(text, fits)))
        return drawn

    def _height(self, text, more: bool = False) -> float:
        """Inches of a text's lines; more: without the first."""
        return LINE[text.get_fontsize()] * (text.get_text().count("\n") + (not more))


def fitted(make: Callable[[float, float], Page], width: float) -> Page:
    """The page that make(width, height for that width) draws, of the narrowest width from the one that is asked for and
    the least height at which no more texts touch than on a usual page."""
    if width >= USUAL:
        return make(width, 1)
    usual = make(USUAL, 1)
    most, lowest = faults(usual), min(LOW, lowest_panel(usual))
    while width < USUAL:
        for height in (1, HIGHER, USUAL / width, HIGHER * USUAL / width):
            page = make(width, height)
            if page.narrow:
                break
            if faults(page) <= most and lowest_panel(page) >= lowest and not page.low:
                return page
        width *= WIDER
    return usual


def lowest_panel(page: Page) -> float:
    """Inches of the lowest axes with ticks, once the layout is settled."""
    return min((axes.get_window_extent().height / page.dpi for axes in page.axes if axes.axison and not axes.images),
               default=LOW)


def faults(page: Page) -> int:
    """How many texts leave the page or lie on another; one that lies deep in another counts more than once."""
    page.finish()
    width, height = page.bbox.size
    seen = Texts(width, height, page.dpi)
    page.draw(seen)
    left = sum(box.x0 < 0 or box.y0 < 0 or box.x1 > width + 1 or box.y1 > height + 1 for box in seen.boxes)
    slanting = sum(abs(one - other) < TIGHT * size for (one, size), (other, _) in combinations(seen.slanting, 2))
    return left + slanting + sum(one.overlaps(other) for within in TOUCHING for one, other in combinations(
        [box.padded(-within) for box in seen.boxes], 2))


class Texts(RendererAgg):
    """Draws a figure, and keeps where its texts are, in pixels from the top left: boxes of those that are level or
    upright, and (how far across, height) of the slanting ones, such as names below a matrix."""

    def __init__(self, width: float, height: float, dpi: float) -> None:
        super().__init__(width, height, dpi)
        self.boxes: list[Bbox] = []
        self.slanting: list[tuple[float, float]] = []

    def draw_text(self, gc, x, y, s, prop, angle, ismath=False, mtext=None) -> None:
        """Note the place of a line of text."""
        width, height, below = self.get_text_width_height_descent(s, prop, ismath)
        if s.strip() and angle % 360 == 0:
            self.boxes.append(Bbox([[x, y - height + below], [x + width, y + below]]))
        elif s.strip() and angle % 360 == 90:
            self.boxes.append(Bbox([[x - height + below, y - width], [x + below, y]]))
        elif s.strip():
            self.slanting.append((x * np.sin(np.deg2rad(angle)) + y * np.cos(np.deg2rad(angle)), height))
