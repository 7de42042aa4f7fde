"""The numbers behind a figure: what its lines, points, bars and matrices were drawn from, one row for each point.

Columns are called as the axes are, in the figure's language; `series` is the name in the legend, `panel` the title or
number of the axes, low and high are the ends of an error bar or a band. Pictures, diagrams and contours have none; what
belongs to pictures is told by who draws them: tell(figure, {"file": names, "label": labels}).
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from data_tools.files.atomic import write_atomically
from reports.tables import csv_cell

Columns = Mapping[str, Any]  # {name: values}, all equally long
PANEL, SERIES, NAME, LOW, HIGH = "panel", "series", "name", "low", "high"
MOST_CELLS = 100_000  # of a matrix; more is a picture
_told: WeakKeyDictionary[Any, Columns] = WeakKeyDictionary()


def tell(drawn: Any, columns: Columns) -> None:
    """The numbers of a figure or axes, in place of those that its artists show; of a line, columns more."""
    _told[drawn] = columns


def write_numbers(figure, folder: Path, name: str) -> list[Path]:
    """`name`.csv in `folder`; nothing for a figure without numbers."""
    header, lines = table_of(figure)
    if not lines:
        return []
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows([map(csv_cell, header), *(map(_cell, line) for line in lines)])
    file = Path(folder) / f"{name}.csv"
    write_atomically(file, stream.getvalue().encode("utf-8"))
    return [file]


def table_of(figure) -> tuple[list[str], list[list[Any]]]:
    """(names of the columns, lines) of a figure whose layout is settled; a cell that a line lacks is None."""
    blocks: list[tuple[Columns, Columns]] = [({}, _told[part]) for part in (figure, *figure.subfigs) if part in _told]
    panels = [(axes, found) for axes in figure.axes if (found := list(_blocks(axes)))]
    titles = [_one_line(axes.get_title() or axes.get_title(loc="left")) for axes, _ in panels]
    for number, (title, (_, found)) in enumerate(zip(titles, panels), 1):
        panel = "" if len(panels) == 1 else title if title and titles.count(title) == 1 else str(number)
        blocks += [({PANEL: panel}, block) for block in found]
    lines: list[dict[str, Any]] = [{**same, **dict(zip(columns, values))} for same, columns in blocks
                                   for values in zip(*columns.values())]
    names = dict.fromkeys((PANEL, SERIES, *(name for line in lines for name in line)))
    header = [name for name in names if name not in (PANEL, SERIES) or any(line.get(name) for line in lines)]
    return header, [[line.get(name) for name in header] for line in lines]


def _cell(value: Any) -> Any:
    """A number with ten digits, of float32 with all that it has, nothing for NaN; other cells as in all tables."""
    if isinstance(value, (float, np.floating)):
        return "" if np.isnan(value) else str(value) if isinstance(value, np.float32) else f"{value:.10g}"
    return value if value is None or _is_number(str(value)) else csv_cell(str(value))


def _one_line(text: Any) -> str:
    return " ".join(str(text).split())


# ---- one axes


def _blocks(axes) -> Iterator[Columns]:
    """The numbers of each thing drawn in the axes; those of axes without ticks are a picture's or a diagram's."""
    if axes in _told:
        yield _told[axes]
    elif axes.axison:
        place = _Place(axes)
        bars = [container for container in axes.containers if hasattr(container, "datavalues")]
        of_bars = [bar.errorbar for bar in bars if bar.errorbar is not None]
        errors = [container for container in axes.containers if hasattr(container, "has_yerr")
                  and container not in of_bars]
        parts = [part for container in (*errors, *of_bars) for part in container.get_children()]
        yield from (_bars(place, container) for container in bars)
        yield from (_error_bars(place, container) for container in errors)
        yield from _lines(place, [line for line in axes.lines if line not in parts and line.get_visible()])
        yield from _collections(place, [drawn for drawn in axes.collections if drawn not in parts])
        yield from _matrices(place)


class _Place:
    """Names of the two axes, and of the categories that stand along them in place of numbers."""

    def __init__(self, axes) -> None:
        self.axes = axes
        self.shared = {which: [axes, *getattr(axes, f"get_shared_{which}_axes")().get_siblings(axes)] for which in "xy"}
        self.ticks = {which: next(filter(None, (_categories(getattr(one, f"{which}axis"))
                                                for one in self.shared[which])), None) for which in "xy"}
        self.names = {which: self._name(which) for which in "xy"}
        if self.names["x"] == self.names["y"]:
            self.names = {which: f"{name} ({which})" for which, name in self.names.items()}

    def _name(self, which: str) -> str:
        """Of an axis: its label, or that of one that it is shared with; a value beside words has that of the panel."""
        labels = [_one_line(getattr(one, f"get_{which}label")()) for one in self.shared[which]]
        panel = _one_line(self.axes.get_title()) if any(self.ticks.values()) else ""
        return next(filter(None, labels), NAME if self.ticks[which] else panel or which)

    def columns(self, x: Any, y: Any, label: Any = "", **more: Any) -> Columns:
        """Points with what their axes call them, categories first."""
        found = {self.names[which]: self._said(which, values) for which, values in (("x", x), ("y", y))}
        order = sorted(found, key=lambda name: self.ticks["x" if name == self.names["x"] else "y"] is None)
        return {SERIES: [_said(label)] * len(x), **{name: found[name] for name in order}, **more}

    def _said(self, which: str, values: Any) -> Any:
        ticks = self.ticks[which]
        if ticks is None:
            return values
        places = np.array(list(ticks))
        return [value if isinstance(value, str) else ticks[places[np.abs(places - float(value)).argmin()]]
                for value in values]


def _said(label: Any) -> str:
    """A name in the legend; "" where there is none."""
    return "" if str(label).startswith("_") else _one_line(label)


def _categories(axis) -> dict[float, str] | None:
    """{place: word} where the ticks of an axis are words, None where they are numbers."""
    from matplotlib.category import StrCategoryLocator
    from matplotlib.ticker import FixedLocator

    if not isinstance(axis.get_major_locator(), (FixedLocator, StrCategoryLocator)):
        return None
    found = {float(place): _one_line(label.get_text()) for place, label in zip(axis.get_ticklocs(),
                                                                               axis.get_ticklabels())}
    return None if all(map(_is_number, found.values())) else found


def _is_number(text: str) -> bool:
    try:
        return not text or float(text.replace(",", "").rstrip(" %")) is not None
    except ValueError:
        return False


def _bars(place: _Place, container) -> Columns:
    upright = container.orientation == "vertical"
    middles = [patch.get_x() + patch.get_width() / 2 if upright else patch.get_y() + patch.get_height() / 2
               for patch in container.patches]
    values = list(container.datavalues)
    ends = _ends(container.errorbar, len(values)) if container.errorbar is not None else {}
    points = (middles, values) if upright else (values, middles)
    return place.columns(*points, container.get_label(), **ends)


def _error_bars(place: _Place, container) -> Columns:
    line = container.lines[0]
    x, y = line.get_xdata(orig=True), line.get_ydata(orig=True)
    return place.columns(x, y, container.get_label(), **_ends(container, len(x)))


def _ends(container, count: int) -> dict[str, Any]:
    """Low and high ends of the bars along the one direction that they have."""
    segments = [segment for drawn in container.lines[2] for segment in drawn.get_segments()]
    if len(segments) != count or container.has_xerr and container.has_yerr:
        return {}
    along = 1 if container.has_yerr else 0
    ends = [segment[:, along] if len(segment) else [float("nan")] for segment in segments]  # one without a length
    return {LOW: [min(end) for end in ends], HIGH: [max(end) for end in ends]}


def _lines(place: _Place, lines: Sequence[Any]) -> Iterator[Columns]:
    """Lines and points. One that has no label has that of the line that looks like it; beside lines with a label the
    others are decoration."""
    named = {_look(line): line.get_label() for line in lines if not line.get_label().startswith("_")}
    drawn = [line for line in lines if _of_data(line) == (True, True)
             and (not named or _look(line) in named)]
    for number, line in enumerate(drawn, 1):
        label = named.get(_look(line), str(number) if len(drawn) > 1 else "")
        yield place.columns(line.get_xdata(orig=True), line.get_ydata(orig=True), label, **_told.get(line, {}))
    for line in lines:  # one level across the axes
        if not line.get_label().startswith("_") and sum(_of_data(line)) == 1:
            which = _of_data(line).index(True)
            yield {SERIES: [_said(line.get_label())], place.names["xy"[which]]: [line.get_data()[which][0]]}


def _of_data(line) -> tuple[bool, bool]:
    """Whether a line's x and y are data, and not shares of its axes."""
    return tuple(line.get_transform().contains_branch_seperately(line.axes.transData))


def _look(line) -> tuple[Any, ...]:
    return line.get_color(), line.get_linestyle(), line.get_marker()


def _collections(place: _Place, collections: Sequence[Any]) -> Iterator[Columns]:
    """Scattered points, and lines that rise from one level like bars."""
    from matplotlib.collections import LineCollection, PathCollection

    for drawn in collections:
        if type(drawn) is PathCollection:
            x, y = np.ma.filled(np.ma.asarray(drawn.get_offsets(), dtype=float), np.nan).T
            yield place.columns(x, y, drawn.get_label())
        elif type(drawn) is LineCollection:
            ends = [(segment[0], segment[-1]) for segment in drawn.get_segments() if len(segment) == 2]
            for along in (0, 1):
                if ends and all(start[along] == ends[0][0][along] and start[1 - along] == end[1 - along]
                                for start, end in ends):
                    x, y = np.array([end for _, end in ends]).T
                    yield place.columns(x, y, drawn.get_label())


def _matrices(place: _Place) -> Iterator[Columns]:
    """Arrays of one value a cell between ticks; an RGB array is a picture."""
    for image in place.axes.images:
        values = np.ma.filled(np.ma.asarray(image.get_array()), 0)
        if values.ndim == 2 and values.size <= MOST_CELLS and all(
                len(axis.get_ticklocs()) for axis in (place.axes.xaxis, place.axes.yaxis)):
            y, x = (places.ravel() for places in np.indices(values.shape))
            yield place.columns(x, y, image.get_label(), value=values.ravel())
