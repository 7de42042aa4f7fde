"""Boxes and arrows, laid out by code: boxes fit their text, columns and rows share the space that is left."""

from collections.abc import Sequence
from dataclasses import dataclass

from reports.figures.style import BLUE, GREY, INK, ORANGE, PALE

KINDS = {  # fill and edge of a box; "text" has none
    "data": ("#FDF1E3", ORANGE), "step": (PALE, GREY), "network": ("#DCEBF7", BLUE), "result": ("#E2F3EC", "#009E73"),
    "sum": ("white", INK), "text": ("white", "none"),
}
GAP = 0.1  # inches between boxes, of which there should be so much
PADDING = 0.085  # inches between text and edge of its box


@dataclass(frozen=True)
class Box:
    """A box of the grid: text, row and column (from the top left, fractions allowed) and kind (a key of KINDS).

    A wide box stands over the middle of its column and does not widen it; other boxes must share that column.
    """

    text: str
    row: float
    column: float
    kind: str = "step"
    wide: bool = False


@dataclass(frozen=True)
class Arrow:
    """From one box to another.

    route: "straight", "-|" (first sideways), "|-" (first up or down), "over" (above the row) or "z" (down, sideways in
    the gap between rows, down).
    """

    start: str
    end: str
    label: str = ""
    route: str = "straight"


def diagram(axes, boxes: dict[str, Box], arrows: Sequence[Arrow],
            panels: Sequence[tuple[str, Sequence[str]]] = (), size: float = 8, head: float = 0.05) -> None:
    """Draw the boxes, the arrows between them and shaded panels (title, names of boxes) behind them.

    `head` inches stay free above the first row. Box texts keep their size, so the figure must be large enough.
    """
    from matplotlib.patches import Circle, FancyBboxPatch, Patch

    axes.set_axis_off()
    width, height = _inches(axes)
    axes.set(xlim=(0, width), ylim=(height, 0))
    drawn = {name: axes.text(0, 0, box.text, fontsize=size, ha="center", va="center", zorder=4, linespacing=1.25,
                             color=GREY if box.kind == "text" else INK) for name, box in boxes.items()}
    extents = {name: _text_size(axes, text) for name, text in drawn.items()}
    places, narrow, low = _places(boxes, extents, width, height, head)
    page = axes.get_figure()
    page.narrow, page.low = page.narrow or narrow, page.low or low
    for title, members in panels:
        _panel(axes, title, [places[name] for name in members], width)
    for name, (x, y, w, h) in places.items():
        fill, edge = KINDS[boxes[name].kind]
        drawn[name].set_position((x, y))
        if boxes[name].kind == "sum":
            shape: Patch = Circle((x, y), h / 2, facecolor=fill, edgecolor=edge, zorder=3)
        else:
            shape = FancyBboxPatch((x - w / 2, y - h / 2), w, h, boxstyle="round,pad=0,rounding_size=0.06",
                                   facecolor=fill, edgecolor=edge, linewidth=0.9, zorder=3)
        axes.add_patch(shape)
    for arrow in arrows:
        _arrow(axes, places[arrow.start], places[arrow.end], arrow, size, boxes[arrow.end].kind != "text")


def _inches(axes) -> tuple[float, float]:
    """Width and height of the axes once the layout is settled."""
    figure = axes.get_figure()
    figure.draw_without_rendering()
    box = axes.get_window_extent()
    return box.width / figure.dpi, box.height / figure.dpi


def _text_size(axes, text) -> tuple[float, float]:
    figure = axes.get_figure()
    box = text.get_window_extent(figure.canvas.get_renderer())
    return box.width / figure.dpi + 2 * PADDING, box.height / figure.dpi + 2 * PADDING


def _places(boxes, extents, width, height, head):
    """Centre, width and height of each box; boxes of a column are equally wide, boxes of a row equally high. And
    whether there is too little room between columns, and between rows."""
    columns = sorted({box.column for box in boxes.values() if not box.wide})
    rows = sorted({box.row for box in boxes.values()})
    wide = {c: max(extents[n][0] for n, b in boxes.items() if b.column == c and not b.wide) for c in columns}
    high = {r: max(extents[n][1] for n, b in boxes.items() if b.row == r) for r in rows}
    x, beside = _spread(columns, wide, width, 0.12, 0.12)
    y, below = _spread(rows, high, height, head, 0.15)
    places = {}
    for name, box in boxes.items():
        alone = box.kind in ("sum", "text")
        w = extents[name][0] if alone or box.wide else wide[box.column]
        h = extents[name][1] if alone else high[box.row]
        places[name] = (x[box.column], y[box.row], w, h)
    return places, beside < GAP, below < GAP


def _spread(keys, lengths, whole, before, after):
    """Centres along one direction, and the equal gaps: what `before`, `after` and the boxes leave of `whole`."""
    gap = (whole - before - after - sum(lengths.values())) / max(1, len(keys) - 1)
    centres, edge = {}, before
    for key in keys:
        centres[key] = edge + lengths[key] / 2
        edge += lengths[key] + gap
    return centres, gap


def _panel(axes, title, places, width) -> None:
    from matplotlib.patches import FancyBboxPatch

    top = min(y - h / 2 for _, y, _, h in places) - 0.3
    bottom = max(y + h / 2 for _, y, _, h in places) + 0.12
    axes.add_patch(FancyBboxPatch((0.03, top), width - 0.06, bottom - top, boxstyle="round,pad=0,rounding_size=0.08",
                                  facecolor="#FAFAFA", edgecolor="#CFCFCF", linewidth=0.8, linestyle="--", zorder=0))
    axes.text(0.12, top + 0.05, title, ha="left", va="top", fontsize=8.5, fontweight="bold", zorder=1)


def _arrow(axes, start, end, arrow: Arrow, size: float, pointed: bool) -> None:
    points, label_at = _route(start, end, arrow.route)
    xs, ys = zip(*points)
    axes.plot(xs, ys, color=INK, linewidth=1, solid_joinstyle="round", solid_capstyle="butt", zorder=2)
    if pointed:
        axes.annotate("", points[-1], xytext=points[-2], zorder=2, arrowprops={
            "arrowstyle": "-|>,head_length=0.35,head_width=0.16", "color": INK, "linewidth": 1, "shrinkA": 0,
            "shrinkB": 0})
    if arrow.label:
        axes.text(*label_at, arrow.label, fontsize=size - 1, color=GREY, ha="center", va="center", zorder=3,
                  bbox={"boxstyle": "square,pad=0.1", "facecolor": "#FAFAFA", "edgecolor": "none"})


def _route(start, end, route: str):
    """Corner points of an arrow from box to box and the place of its label."""
    (x0, y0, w0, h0), (x1, y1, w1, h1) = start, end
    side = 1 if x1 > x0 else -1
    if route == "over":
        above = min(y0 - h0 / 2, y1 - h1 / 2) - 0.14
        return [(x0, y0 - h0 / 2), (x0, above), (x1, above), (x1, y1 - h1 / 2)], ((x0 + x1) / 2, above)
    if route == "-|":
        return [(x0 + side * w0 / 2, y0), (x1, y0), (x1, y1 - h1 / 2)], ((x0 + x1) / 2, y0)
    if route == "|-":
        return [(x0, y0 + h0 / 2), (x0, y1), (x1 + side * -w1 / 2, y1)], ((x0 + x1) / 2, y1)
    if route == "z":
        middle = (y0 + h0 / 2 + y1 - h1 / 2) / 2
        return [(x0, y0 + h0 / 2), (x0, middle), (x1, middle), (x1, y1 - h1 / 2)], ((x0 + x1) / 2, middle)
    if abs(y0 - y1) < 1e-6:
        points = [(x0 + side * w0 / 2, y0), (x1 - side * w1 / 2, y1)]
    else:
        down = 1 if y1 > y0 else -1
        points = [(x0, y0 + down * h0 / 2), (x1, y1 - down * h1 / 2)]
    (a, b), (c, d) = points
    return points, ((a + c) / 2, (b + d) / 2)
