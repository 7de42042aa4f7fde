"""Headlines as pictures: a card for each work, and one slide of 16:9 with those of all works.

Each shows the document's value and the measured one with its 95 % interval on one axis, and says what the data are. On
drawn data the two are not comparable: the document's value then stands in words only.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from reports import tables
from reports.figures import style
from reports.figures.figure_script import suffix
from reports.figures.style import BLUE, GREEN, GREY, INK, ORANGE, Labels
from reports.figures.words import lines_of
from reports.pages.report import SLIDE_FORMATS, Work, words

CARD = 4.6                 # inches: width of a card
SLIDE = (40 / 3, 7.5)      # inches, as a slide of the usual programs
KINDS = {"real": GREEN, "subset": ORANGE, "drawn": ORANGE}  # colours, as on the page
SIZES = (1, 0.9, 0.8, 0.7, 0.6, 0.5)  # of a text that finds no room
GAP = 0.06                 # inches between lines of text
Texts = dict[str, str]     # of words.yaml, by key


def with_headlines(works: Sequence[Work], folder: Path, language: str) -> tuple[list[Work], Path | None]:
    """The works with their headlines in words and as cards, NAME/headline.svg in `folder`, and the slide there,
    overview.png beside overview.svg. Without a font for the language nothing is drawn.
    """
    t, w = style.start(language), words(language)
    works = [replace(work, said=said(work, w)) for work in works]
    if t.language != language:
        return works, None
    end = suffix(language)
    cards = [style.save(card(work, t, w), folder / work.name, "headline" + end, ("svg",))[0] for work in works]
    slide = style.save(overview(works, t, w), folder, "overview" + end, SLIDE_FORMATS)[-1]
    return [replace(work, card=file) for work, file in zip(works, cards)], slide


def card(work: Work, t: Labels, w: Texts):
    """A matplotlib Figure of one headline, as high as its texts."""
    figure, axes = _sheet(CARD, CARD)
    row, left, width = work.headline_row, 0.15, CARD - 0.3
    y = 0.12
    if row:
        y = _put(axes, left, y, t.plain(row.title, 120), width, 11, 2, fontweight="bold")
    y = _values(axes, work, t, w, left, y + GAP, width, 1)
    if _marks(work):
        y = _number_line(axes, work, left + 0.25, CARD - 0.4, y + 0.2, 1)
    y = _kind(axes, work, t, w, left, y + 0.12, width, 1)
    figure.set_size_inches(CARD, y + 0.12)
    axes.set_ylim(y + 0.12, 0)
    return figure


def overview(works: Sequence[Work], t: Labels, w: Texts):
    """A matplotlib Figure of all headlines, one below the other, in the shape of a slide."""
    figure, axes = _sheet(*SLIDE)
    _put(axes, 0.5, 0.3, w["overview"], 12.3, 24, fontweight="bold")
    _legend(axes, w)
    top = 1.35
    high = min((SLIDE[1] - top - 0.1) / max(len(works), 1), 1.5)
    scale = min(1.0, high / 1.15)
    for number, work in enumerate(works):
        y = top + number * high
        axes.plot([0.5, SLIDE[0] - 0.5], [y, y], color="#D9DFE4", linewidth=0.8)
        row, start = work.headline_row, y + 0.13 * scale
        below = _put(axes, 0.5, start, t.plain(work.title, 120), 4.2, 15 * scale, 2, fontweight="bold")
        if row:
            _put(axes, 0.5, below + GAP, t.plain(row.title, 120), 4.2, 12 * scale, 2, color=GREY)
        if _marks(work):
            _number_line(axes, work, 5.1, 8.6, y + 0.3 * scale, 1.3 * scale)
        _kind(axes, work, t, w, 5.0, y + 0.75 * scale, 3.9, 1.1 * scale)
        _values(axes, work, t, w, 9.1, start, 3.8, 1.1 * scale)
    return figure


def said(work: Work, w: Texts) -> str:
    """The card in one line of words."""
    row = work.headline_row
    parts = [*([row.title] if row else []), *(text for text, _ in _lines(work, w)), _kind_of(work, w)]
    return "; ".join(part for part in parts if part)


# ---- what a headline says


def _lines(work: Work, w: Texts) -> list[tuple[str, str]]:
    """(text, what it is) of the lines below the quantity: measured, interval, document."""
    row = work.headline_row
    if not row:
        return []
    _, document, value, interval, n, *_ = work.headline.cells
    lines = [(f"{w['measured']}{w['colon']}{value}", "measured")] if work.has_run else []
    about = [*([f"{w['interval']} {interval}"] if interval != tables.NONE else []),
             *([f"n = {n}"] if n != tables.NONE and row.value is not None else [])]
    lines += [(w["comma"].join(about), "interval")] if about else []
    if document != tables.NONE:
        lines.append((f"{w['document']}{w['colon']}{document}{w['not_comparable'] if work.apart else ''}", "document"))
    return lines


def _kind_of(work: Work, w: Texts) -> str:
    """What the data are, and the preset."""
    if not work.has_run:
        return w["damaged"] if work.gap else w["no_run"]
    return f"{w[work.origin]}{w['comma']}{w['preset'].lower()} {work.context.preset}"


def _marks(work: Work) -> dict[str, float]:
    """The values that stand on the axis, by what they are; {} where there is none."""
    row = work.headline_row
    if not row:
        return {}
    found = {"value": row.value, "low": row.low, "high": row.high, "document": None if work.apart else row.document}
    return {key: round(value, row.digits) for key, value in found.items() if value is not None}


# ---- drawing, in inches from the upper left corner


def _sheet(width: float, height: float):
    """A figure and its axes, in which a place is given in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=100)
    FigureCanvasAgg(figure)  # no display is ever asked for
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    return figure, axes


def _values(axes, work: Work, t: Labels, w: Texts, x: float, y: float, width: float, scale: float) -> float:
    """The lines of a headline from (x, y) down, each value behind its mark; returns where they end."""
    sizes = {"measured": 13, "interval": 10, "document": 11}
    on_axis = _marks(work)
    for text, what in _lines(work, w):
        size, colour = sizes[what] * scale, _colour(work.origin) if what == "measured" else INK
        middle = y + 0.6 * size / 72
        if what == "measured" and "value" in on_axis:
            _dot(axes, x + 0.08, middle, work.origin, scale)
        if what == "document" and "document" in on_axis:
            _diamond(axes, x + 0.08, middle, scale)
        y = GAP * scale + _put(axes, x + 0.25, y, t.plain(text, 200), width - 0.25, size, 2, color=colour,
                               fontweight="bold" if what == "measured" else "normal")
    return y


def _kind(axes, work: Work, t: Labels, w: Texts, x: float, y: float, width: float, scale: float) -> float:
    """The kind of data in a frame of its colour; returns where it ends."""
    colour = KINDS.get(work.origin, GREY) if work.has_run else GREY
    frame = {"boxstyle": "square,pad=0.3", "facecolor": "#FFF3D6" if colour == ORANGE else "white",
             "edgecolor": colour, "linewidth": 0.9}
    text = t.plain(_kind_of(work, w), 120)
    return 0.05 + _put(axes, x + 0.05, y + 0.04, text, width - 0.1, 10 * scale, 2, bbox=frame)


def _number_line(axes, work: Work, left: float, right: float, y: float, scale: float) -> float:
    """An axis from `left` to `right` with the marks of a headline; returns where its numbers end."""
    marks, row = _marks(work), work.headline_row
    ticks = _ticks(list(marks.values()), percent=row is not None and row.unit == "%")

    def place(value: float) -> float:
        return left + (value - ticks[0]) / (ticks[-1] - ticks[0]) * (right - left)

    axes.plot([left, right], [y, y], color=GREY, linewidth=1)
    for tick in ticks:
        axes.plot([place(tick)] * 2, [y, y + 0.05 * scale], color=GREY, linewidth=1)
        axes.text(place(tick), y + 0.08 * scale, f"{tick:.10g}", ha="center", va="top", fontsize=8.5 * scale,
                  color=GREY)
    if "low" in marks and "high" in marks:
        axes.plot([place(marks["low"]), place(marks["high"])], [y, y], color=_colour(work.origin), linewidth=7 * scale,
                  alpha=0.35, solid_capstyle="butt")
    if "document" in marks:
        _diamond(axes, place(marks["document"]), y, scale)
    if "value" in marks:
        _dot(axes, place(marks["value"]), y, work.origin, scale)
    return y + 0.25 * scale


def _ticks(values: Sequence[float], percent: bool) -> list[float]:
    """Numbers of an axis on which the values lie with room at both ends; shares stay between 0 and 100 %."""
    from matplotlib.ticker import MaxNLocator

    low, high = min(values), max(values)
    room = 0.2 * (high - low) or 0.1 * abs(high) or 1.0
    is_share = percent and low >= 0 and high <= 100
    low, high = (max(low - room, 0.0), min(high + room, 100.0)) if is_share else (low - room, high + room)
    count = 4 if max(len(f"{value:.10g}") for value in values) < 8 else 2  # long numbers need room
    return [float(f"{tick:.12g}") for tick in MaxNLocator(count, steps=[1, 2, 5, 10]).tick_values(low, high)
            if not is_share or 0 <= tick <= 100]


def _legend(axes, w: Texts) -> None:
    """What the marks of the slide mean."""
    x = 0.58
    for mark, text in ((lambda x: _dot(axes, x, 1.08, "real", 1.2), f"{w['measured']}{w['comma']}{w['bar']}"),
                       (lambda x: _diamond(axes, x, 1.08, 1.2), w["document"])):
        mark(x)
        axes.text(x + 0.17, 1.08, text, va="center_baseline", fontsize=12, color=INK)
        x += 0.6 + _width(axes, text, 12)


def _colour(origin: str) -> str:
    """Of the marks of a measured value, by the origin of the data."""
    return ORANGE if origin == "drawn" else BLUE


def _dot(axes, x: float, y: float, origin: str, scale: float) -> None:
    """The mark of a measured value: hollow on drawn data."""
    axes.plot([x], [y], "o", markersize=7 * scale, color=_colour(origin), markeredgewidth=1.6 * scale,
              markerfacecolor="white" if origin == "drawn" else _colour(origin))


def _diamond(axes, x: float, y: float, scale: float) -> None:
    """The mark of the document's value."""
    axes.plot([x], [y], "D", markersize=9 * scale, color=INK, markerfacecolor="none", markeredgewidth=1.5 * scale)


def _put(axes, x: float, y: float, text: str, width: float, size: float, lines: int = 1, **look) -> float:
    """Text from (x, y) down, broken to `width` inches, smaller where it needs more than `lines`; returns where it
    ends."""
    weight = look.get("fontweight", "normal")

    def lines_at(points: float) -> list[str]:
        return lines_of(text, lambda line: _width(axes, line, points, weight) <= width, within=True)

    for share in SIZES:
        parts = lines_at(size * share)
        if len(parts) <= lines:
            break
    axes.text(x, y, "\n".join(parts), va="top", fontsize=size * share, linespacing=1.2, **look)
    return y + len(parts) * size * share * 1.25 / 72


def _width(axes, text: str, size: float, weight: str = "normal") -> float:
    """Of a text, in inches."""
    from matplotlib.font_manager import FontProperties

    renderer = axes.figure.canvas.get_renderer()
    return renderer.get_text_width_height_descent(text, FontProperties(size=size, weight=weight),
                                                  False)[0] / axes.figure.dpi
