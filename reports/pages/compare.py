"""Runs side by side: settings that differ, metrics, curves in one figure."""

import csv
import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data_tools.errors import KitError
from data_tools.files.atomic import write_atomically
from data_tools.language import language, said, spoken
from reports import tables
from reports.figures import plots, style
from reports.run_reader import Run, flat_settings
from reports.text_table import fitted_table

MOST_RUNS, MOST_CURVES, MOST_METRICS, MOST_KEYS = 10, 6, 40, 200
FACTS = ("best_epoch", "epochs", "steps", "seconds", "images_per_second", "peak_memory_mb", "parameters")
FIRST = ("val/", "train/", "loss/")  # curves in this order
TITLES = {"settings": "Settings that differ", "metrics": "Metrics"}
Table = list[list[str]]  # the first line is the header


def compare_runs(paths: Sequence[Path], out: Path | None) -> str:
    """The comparison as text for a terminal; with `out` also curves.png, .svg, .pdf, compare.md, settings.csv,
    metrics.csv.

    The first run is the one that the others are compared with.
    """
    if not 2 <= len(paths) <= MOST_RUNS:
        raise KitError(f"compare takes 2 to {MOST_RUNS} run folders, not {len(paths)}")
    runs = [_open(Path(path)) for path in paths]
    names = run_names(runs)
    found = {"settings": settings_table(runs, names), "metrics": metrics_table(runs, names)}
    lines = [said(f"{name}: {tables.clean(run.config.get('assignment'))}, "
                  f"preset {tables.clean(run.config.get('preset'))}, data {tables.clean(run.origin)}")
             for name, run in zip(names, runs)]
    works = sorted({tables.clean(run.config.get("assignment")) for run in runs})
    if len(works) > 1:
        lines.append(said(f"runs of different works ({', '.join(works)}): their numbers do not compare"))
    text = [spoken(line) for line in lines]
    for key, table in found.items():
        shown = fitted_table(table, "l" * len(table[0])) if len(table) > 1 else [said("none")]
        text += ["", said(TITLES[key]), *shown]
    if out is not None:
        _write(runs, names, lines, found, Path(out))
    return "\n".join(text)


def run_names(runs: Sequence[Run]) -> list[str]:
    """A short name for each run: its folder's, with the parent's, or a number where these are the same."""
    names = [tables.clean(run.path.resolve().name, 40) for run in runs]
    if len(set(names)) < len(names):
        names = [tables.clean("/".join(run.path.resolve().parts[-2:]), 60) for run in runs]
    if len(set(names)) < len(names):
        names = [f"{number} {name}" for number, name in enumerate(names, 1)]
    return names


def settings_table(runs: Sequence[Run], names: Sequence[str]) -> Table:
    """The settings that are not the same in all runs; "-" where a run has no such setting."""
    settings = [{"assignment": str(run.config.get("assignment"))[:60], "preset": str(run.config.get("preset"))[:60],
                 **flat_settings(run)} for run in runs]
    keys = dict.fromkeys(key for values in settings for key in values)
    rows = [[key, *(values.get(key, tables.NONE) for values in settings)] for key in keys]
    return [[said("setting"), *names], *(row for row in rows if len(set(row[1:])) > 1)]


def metrics_table(runs: Sequence[Run], names: Sequence[str]) -> Table:
    """Metrics with 95 % interval and n, and the plain facts of result.json; differences from the first run in
    brackets."""
    rows = []
    results = [_metrics(run) for run in runs]
    for key in list(dict.fromkeys(key for values in results for key in values))[:MOST_METRICS]:
        row, first = [key], results[0].get(key, (None,))[0]
        for number, values in enumerate(results):
            value, low, high, n = values.get(key, (None,) * 4)
            cell = _shown(value)
            if number and value is not None and first is not None and value != first:
                cell += f" ({'+' if value > first else '-'}{_shown(abs(value - first))})"
            if low is not None and high is not None:
                cell += f" [{_shown(low)} .. {_shown(high)}]"
            row.append(cell if n is None else f"{cell} n={n}")
        rows.append(row)
    return [[said("metric"), *names], *rows]


def draw_curves(runs: Sequence[Run], names: Sequence[str], t: style.Labels):
    """The curves that runs logged, overlaid: a matplotlib Figure, or None where no run logged any."""
    curves = _curves(runs)
    if not curves:
        return None
    columns = min(2, len(curves))
    rows = -(-len(curves) // columns)
    figure = style.page(t, "Curves", 2.3 * rows + 0.25 * len(runs))
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, (kind, key) in zip(grid, curves):
        x_key = "epoch" if kind == "epoch" else "step"
        series = []
        for name, run in zip(names, runs):
            x, y = run.series(kind, x_key, key)
            series.append((t.plain(name), x + (kind == "epoch"), y))
        plots.curves(axes, series, x_key, t.plain(key))
        axes.get_legend().remove()
        plots.whole_numbers(axes.xaxis)
    for axes in grid[len(curves):]:
        axes.set_axis_off()
    figure.legend(*grid[0].get_legend_handles_labels(), loc="outside lower center", ncols=1)
    return figure


def _open(path: Path) -> Run:
    run = Run(path, "NAME")
    for name in ("config.yaml", "result.json"):
        if not (path / name).is_file():
            raise KitError(f"{path} is not the folder of a finished run: {name} is missing")
    return run


def _metrics(run: Run) -> dict[str, tables.Measured]:
    """(value, low, high, n) by name: metrics first, then the facts; only numbers."""
    metrics = run.result.get("metrics")
    found = {tables.clean(key, 60): tables.measured_value(value) for key, value in metrics.items()} \
        if isinstance(metrics, dict) else {}
    facts = {key: tables.measured_value(run.result.get(key)) for key in FACTS}
    return {key: value for key, value in {**found, **facts}.items() if value[0] is not None}


def _curves(runs: Sequence[Run]) -> list[tuple[str, str]]:
    """(kind of row, key) of the curves to draw: those that most runs have first, epochs before steps, validation
    first."""
    having: Counter[tuple[str, str]] = Counter()
    for run in runs:
        keys: dict[tuple[str, str], None] = {}
        for row in run.metrics:
            if row.get("kind") in ("epoch", "step") and len(keys) < MOST_KEYS:
                keys.update({(row["kind"], key): None for key in row if key.startswith(FIRST)})
        having.update(keys.keys())

    def order(curve: tuple[str, str]) -> tuple[Any, ...]:
        kind, key = curve
        return -having[curve], kind == "step", next(place for place,
                                                    start in enumerate(FIRST) if key.startswith(start)), key

    return sorted(having, key=order)[:MOST_CURVES]


def _shown(value: Any) -> str:
    if value is None:
        return tables.NONE
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def _write(runs: Sequence[Run], names: Sequence[str], lines: Sequence[str], found: dict[str, Table], out: Path) -> None:
    """Figure, Markdown and CSV."""
    t = style.start(language())
    figure = draw_curves(runs, names, t)
    page = [f"# {said('Runs side by side')}", "", *(f"- {tables.markdown(line)}" for line in lines)]
    for key, table in found.items():
        page += ["", f"## {said(TITLES[key])}", "",
                 *(tables.markdown_table(table, "l" * len(table[0])) if len(table) > 1 else [said("none")])]
    _csv(out / "settings.csv", [[cell if cell != tables.NONE else None for cell in line] for line in found["settings"]])
    values = [(key, name, *measured) for name, run in zip(names, runs) for key, measured in _metrics(run).items()]
    _csv(out / "metrics.csv", [("metric", "run", "value", "low", "high", "n"), *values])
    if figure is not None:
        style.save(figure, out, "curves")
        page += ["", "![Curves](curves.png)"]
    write_atomically(out / "compare.md", ("\n".join(page) + "\n").encode("utf-8"))


def _csv(file: Path, lines: Sequence[Sequence[Any]]) -> None:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows([tables.csv_cell(cell) for cell in line] for line in lines)
    write_atomically(file, stream.getvalue().encode("utf-8"))
