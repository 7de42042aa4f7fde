"""Plots that several assignments share. Each draws into the axes or figure it is given and returns nothing.

Meaning never rests on colour alone: lines also differ in style, points in marker, right and wrong in sign and frame.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from reports.figures import numbers
from reports.figures.style import BLUE, CYCLE, GREEN, GREY, INK, ORANGE, PALE, Labels

LINE_STYLES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
MARKERS = ("o", "s", "^", "D", "v")
FEW_POINTS = 25  # up to here a curve also shows its points
TABLE_ROOM, TABLE_GAP = 0.97, 0.018  # of a table: its share of the figure's width; the gap between columns, of its own

Series = tuple[str, np.ndarray, np.ndarray]  # label, x, y


def curves(axes, series: Sequence[Series], xlabel: str, ylabel: str, first_style: int = 0) -> None:
    """Lines over x, one style each, with a legend when there are several."""
    for number, (label, x, y) in enumerate(series, first_style):
        look = (number + number // 5) % 5  # a sixth line has the first one's colour, but not its style
        axes.plot(x, y, color=CYCLE[number % 5], linestyle=LINE_STYLES[look], label=label,
                  marker=MARKERS[look] if len(x) <= FEW_POINTS else None)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    if len(series) > 1:
        axes.legend()


def faint_curve(axes, x: np.ndarray, y: np.ndarray, label: str) -> None:
    """A thin grey line behind the others: single steps behind their mean."""
    axes.plot(x, y, color="#9DB7C9", linewidth=0.7, label=label, zorder=1)


def bands(axes, x: np.ndarray, means: np.ndarray, spreads: np.ndarray, labels: Sequence[str]) -> None:
    """Lines (K, T) with a shaded band of one spread to either side."""
    for number, (mean, spread, label) in enumerate(zip(means, spreads, labels)):
        axes.fill_between(x, mean - spread, mean + spread, color=CYCLE[number % 5], alpha=0.15, linewidth=0)
        line, = axes.plot(x, mean, color=CYCLE[number % 5], linestyle=LINE_STYLES[number % 5], label=label)
        if np.any(spread):
            numbers.tell(line, {numbers.LOW: mean - spread, numbers.HIGH: mean + spread})


def mark_point(axes, x: float, y: float, text: str) -> None:
    """A ringed point, explained in the legend, which finds its own free place."""
    axes.plot([x], [y], linestyle="none", marker="o", markersize=9, markerfacecolor="none", markeredgecolor=INK,
              zorder=5, label=text)
    axes.legend()


def whole_numbers(axis, most: int = 8) -> None:
    """Ticks at whole numbers only: epochs, counts; not many more than `most`."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(integer=True, nbins=most, min_n_ticks=1))


def percent(axis) -> None:
    """Show shares 0..1 as percentages."""
    from matplotlib.ticker import FuncFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.10g} %"))


def logarithmic(axes, which: str = "xy", ticks: int = 6) -> None:
    """Make the axes in `which` logarithmic, with at most `ticks` plain labels such as 0.01, 1, 1e-6: matplotlib's own
    need math text, without which figures are drawn. A scale too short for two powers of ten has labels between them."""
    from matplotlib.ticker import FuncFormatter, LogLocator

    def between(axis, value: float) -> str:
        low, high = sorted(axis.get_view_interval())
        shown = high < 4 * low or high < 100 * low and f"{value:e}"[0] in "25"
        return plain_number(value) if shown else ""

    for letter in which:
        getattr(axes, f"set_{letter}scale")("log")
        axis = getattr(axes, f"{letter}axis")
        axis.set_major_locator(LogLocator(numticks=ticks))
        axis.set_major_formatter(FuncFormatter(lambda value, _: plain_number(value)))
        axis.set_minor_formatter(FuncFormatter(lambda value, _, axis=axis: between(axis, value)))


def plain_number(value: float) -> str:
    """0.001 to 100,000 written out, other powers of ten as 1e-6."""
    if 0.0009 < value < 200_000:
        return f"{value:,.10g}"
    mantissa, _, power = f"{value:e}".partition("e")
    return f"{float(mantissa):g}e{int(power)}"


def bars(axes, names: Sequence[str], groups: dict[str, np.ndarray], xlabel: str) -> None:
    """Horizontal bars, one group of bars per name, each with its value at its end."""
    thickness = 0.8 / len(groups)
    longest = max(float(np.max(values)) for values in groups.values())
    for number, (label, values) in enumerate(groups.items()):
        y = np.arange(len(names)) + (number - (len(groups) - 1) / 2) * thickness
        axes.barh(y, values, height=thickness * 0.92, color=CYCLE[number], label=label, hatch=("", "////")[number % 2],
                  edgecolor="white", linewidth=0)
        for position, value in zip(y, values):
            axes.text(value + longest * 0.01, position, f"{value:g}", va="center", fontsize=7)
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel=xlabel, xlim=(0, longest * 1.1))
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    if len(groups) > 1:
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(groups))


def sizes(axes, widths: np.ndarray, heights: np.ndarray, limit: float, xlabel: str, ylabel: str, square: float,
          square_label: str) -> None:
    """Image sizes as points, with lines of aspect ratio 1:1 and 2:1, named at their ends outside the plot, and the
    square that most sizes stay in."""
    for ratio, label, style in ((1, "1:1", "-"), (2, "2:1", "--"), (0.5, "1:2", "--")):
        axes.plot([0, limit], [0, limit / ratio], color=GREY, linewidth=0.8, linestyle=style, zorder=1)
        look = {"xytext": (4, 0), "ha": "left", "va": "center"} if ratio > 1 else \
            {"xytext": (0, 3), "ha": "center", "va": "bottom"}
        axes.annotate(label, (limit * min(1, ratio), limit / max(1, ratio)), textcoords="offset points", color=GREY,
                      fontsize=7.5, annotation_clip=False, **look)
    axes.plot([0, square, square], [square, square, 0], color=ORANGE, linewidth=1.2, linestyle="-.", label=square_label)
    axes.plot(widths, heights, linestyle="none", marker="o", markersize=3.2, color=BLUE, alpha=0.45, markeredgewidth=0)
    numbers.tell(axes, {xlabel: widths, ylabel: heights})
    axes.set(xlabel=xlabel, ylabel=ylabel, xlim=(0, limit), ylim=(0, limit), aspect="equal")
    axes.legend(loc="upper left", bbox_to_anchor=(1.03, 1.0))


def show_image(axes, image: np.ndarray, title: str = "", frame: bool | None = None, size: float = 7.5) -> None:
    """uint8 RGB (H, W, 3) without axes; frame True = thin solid green, False = thick dashed orange, None = no frame."""
    from matplotlib.patches import Rectangle

    axes.imshow(image)
    axes.set_axis_off()
    axes.set_title(title, fontsize=size, pad=3, linespacing=1.15)
    if frame is not None:
        right = {"edgecolor": GREEN, "linewidth": 1.5}
        look: dict[str, Any] = right if frame else {"edgecolor": ORANGE, "linewidth": 3, "linestyle": (0, (3, 1.5))}
        axes.add_patch(Rectangle((0, 0), 1, 1, transform=axes.transAxes, fill=False, clip_on=False, **look))


def gap(axes, t: Labels, command: str) -> None:
    """Says that there is nothing to show yet, and which command makes it."""
    from matplotlib.patches import FancyBboxPatch

    axes.set_axis_off()
    axes.add_patch(FancyBboxPatch((0.02, 0.05), 0.96, 0.9, boxstyle="round,pad=0,rounding_size=0.02",
                                  transform=axes.transAxes, facecolor="#FAFAFA", edgecolor=GREY, linestyle="--"))
    axes.text(0.5, 0.62, t("nothing_yet"), transform=axes.transAxes, ha="center", va="center", fontsize=9.5)
    axes.text(0.5, 0.36, command, transform=axes.transAxes, ha="center", va="center", fontsize=8.5, fontweight="bold")


def badge(axes, text: str) -> None:
    """A short text in the lower left corner of an image."""
    axes.text(0.03, 0.03, text, transform=axes.transAxes, ha="left", va="bottom", fontsize=7,
              bbox={"boxstyle": "square,pad=0.2", "facecolor": "white", "edgecolor": "none", "alpha": 0.85})


def image_grid(figure, images: Sequence[np.ndarray], titles: Sequence[str], columns: int,
               frames: Sequence[bool] | None = None, size: float = 7.5) -> list:
    """Images in rows of `columns`, fewer where the page is narrow, each under its title. Returns the axes."""
    from reports.figures.layout import PICTURE

    page, usual = figure.figure, columns
    columns = page.columns(usual, PICTURE)
    rows = -(-len(images) // columns)
    page.grow(rows * usual / (-(-len(images) // usual) * columns))
    all_axes = figure.add_gridspec(rows, columns).subplots(squeeze=False).ravel()
    for number, axes in enumerate(all_axes):
        if number < len(images):
            show_image(axes, images[number], titles[number], frames[number] if frames is not None else None, size)
        else:
            axes.set_axis_off()
    return list(all_axes[:len(images)])


def heat_overlay(axes, image: np.ndarray, heat: np.ndarray, title: str = "") -> None:
    """Heat (h, w) in 0..1 over an image (H, W, 3): colour, opacity and a contour at half height say the same thing."""
    height, width = image.shape[:2]
    grey = np.repeat(image.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    show_image(axes, grey, title)
    heat = np.clip(_enlarge(heat, height, width), 0, 1)
    axes.imshow(heat, cmap="inferno", vmin=0, vmax=1, alpha=heat * 0.75)
    if heat.min() < 0.5 < heat.max():
        axes.contour(heat, levels=[0.5], colors="white", linewidths=1)


def _enlarge(heat: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bilinear enlargement (h, w) -> (height, width), pixel centres aligned."""
    rows, columns = ((np.arange(n) + 0.5) * m / n - 0.5 for n, m in zip((height, width), heat.shape))
    tall = np.stack([np.interp(rows, np.arange(heat.shape[0]), column) for column in heat.T], axis=1)
    return np.stack([np.interp(columns, np.arange(heat.shape[1]), row) for row in tall])


def confusion_matrix(axes, counts: np.ndarray, names: Sequence[str], xlabel: str, ylabel: str) -> None:
    """Counts (C, C), row = true class; shaded by the share of the row, every count that is not 0 written."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    numbers.tell(axes, {ylabel: np.repeat(names, len(names)), xlabel: np.tile(names, len(names)),
                        "count": counts.ravel(), "share": shares.ravel()})
    for row, column in zip(*np.nonzero(counts)):
        axes.text(column, row, str(counts[row, column]), ha="center", va="center", fontsize=8,
                  color="white" if shares[row, column] > 0.55 else INK)
    axes.set_xticks(range(len(names)), names, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    for edge in np.arange(len(names) + 1) - 0.5:
        axes.axhline(edge, color="white", linewidth=1)
        axes.axvline(edge, color="white", linewidth=1)


def intervals(axes, names: Sequence[str], groups: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]],
              xlabel: str) -> None:
    """Points with intervals, one row per name: {label: (values, lows, highs)}, NaN where there is no value."""
    for number, (label, (values, lows, highs)) in enumerate(groups.items()):
        y = np.arange(len(names)) + (number - (len(groups) - 1) / 2) * 0.3
        spread = np.clip([values - lows, highs - values], 0, None)
        axes.errorbar(values, y, xerr=spread, fmt=MARKERS[number], color=CYCLE[number], label=label, capsize=2,
                      elinewidth=1, markersize=4.5)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set(xlabel=xlabel)
    if len(groups) > 1:
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(groups))


def table(axes, header: Sequence[str], rows: Sequence[Sequence[str]], size: float = 8) -> None:
    """A ruled table that fills the axes, which are as wide as the figure: columns as wide as their cells need, the rest
    of the room shared between them, and letters smaller than `size` points where there is too little of it. Rows are as
    high as the lines of their cells."""
    from reports.figures.layout import LETTERS

    called = [name if name and header.count(name) == 1 else f"column {number} {name}".strip()
              for number, name in enumerate(header, 1)]
    numbers.tell(axes, dict(zip(called, zip(*rows))))
    ends = np.cumsum([0, *table_lines([header, *rows])])
    axes.set_axis_off()
    axes.set(xlim=(0, 1), ylim=(ends[-1], 0))
    cells = [[axes.text(0, (top + end) / 2 + 0.02, cell, va="center", ha="left", fontsize=size, linespacing=1.3,
                        fontweight="normal" if top else "bold") for cell in row]
             for top, end, row in zip(ends, ends[1:], [header, *rows])]
    widths = np.array([max(cell.get_window_extent().width for cell in column) for column in zip(*cells)])
    widths /= TABLE_ROOM * axes.figure.bbox.width
    scale = min(1.0, (1 - TABLE_GAP * len(widths)) / widths.sum())
    axes.figure.narrow = axes.figure.narrow or scale * size < LETTERS
    share = scale * widths + (1 - scale * widths.sum()) / len(widths)
    for row in cells:
        for cell, x in zip(row, np.cumsum(share) - share + TABLE_GAP / 2):
            cell.set(x=x, fontsize=scale * size)
    for top, end in zip(ends[2::2], ends[3::2]):
        axes.axhspan(top, end, color=PALE, alpha=0.6, linewidth=0)
    for y, width in ((0, 1.2), (ends[1], 0.7), (ends[-1], 1.2)):
        axes.axhline(y, color=INK, linewidth=width, clip_on=False)


def table_lines(rows: Sequence[Sequence[str]]) -> list[int]:
    """How many lines each row of a table needs."""
    return [max(cell.count("\n") for cell in row) + 1 for row in rows]
