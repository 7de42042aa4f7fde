"""Every figure and table of the Swift-SRGAN report, redrawn from a run folder; nothing is trained and nothing drawn by
hand.

python assignments/swift_srgan/figures.py [--run DIR] [--speed DIR] [--out DIR] [--lang en|zh] [--only 3 training]
"""

import argparse
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from assignments.swift_srgan import figures_document as document
from assignments.swift_srgan import figures_results as results
from assignments.swift_srgan.figures_results import read_speed
from assignments.swift_srgan.paper import FRAMES, NAMES, SRGAN_PARAMETERS, TABLE_III
from assignments.swift_srgan.speed import FILE, QUICK, table_iii
from reports import tables
from reports.figures import plots, style
from reports.figures.figure_script import Entry, FigureScript
from reports.figures.style import Labels
from reports.run_reader import Run, latest_beside_runs, look_up
from reports.tables import PlainTable

ASSIGNMENT = Path(__file__).resolve().parent.name


@dataclass(frozen=True)
class SwiftRun(Run):
    """A run, and the measurement of speed.py that stands beside it; None where none has been made yet."""

    speed: dict[str, Any] | None = None


def open_run(path: Path, arguments: argparse.Namespace | None = None) -> SwiftRun:
    """The run in `path` with the times that --speed names, else the newest ones, those of `speed.py --quick` last."""
    folder = (arguments.speed if arguments else None) or latest_beside_runs(ASSIGNMENT, FILE, quick=False)
    return SwiftRun(Path(path), ASSIGNMENT, read_speed(folder) if folder else None)


def options(parser: argparse.ArgumentParser) -> None:
    """What this figures.py understands beyond the others."""
    parser.add_argument("--speed", type=Path,
                        help="folder that speed.py wrote (default: the newest full one, else a quick one)")


@dataclass(frozen=True)
class SpeedEntry(Entry):
    """A figure of the times; where there are none, it shows which command measures them."""

    def make(self, run: SwiftRun, t: Labels):
        """The finished matplotlib Figure."""
        t, speed = t.of(self.words()), run.speed
        if speed is None:
            figure = style.page(t, t("title"), 1.2)
            plots.gap(figure.subplots(), t, results.SPEED_COMMAND)
            return figure
        notes = (*self.notes(run, t), t.choose(*QUICK)) if speed["quick"] else tuple(self.notes(run, t))
        height = self.height(run) if callable(self.height) else self.height
        figure = style.page(t, t("title"), height, False, notes)
        self.draw(figure, {**speed, "psnr": results.measured_psnr(run, t)}, t)
        return figure


def height_of_table_3(run: SwiftRun) -> float:
    """Inches that the rows of Table III need."""
    return 0.3 + 0.19 * (1 + len(run.speed["rows"]))


@dataclass(frozen=True)
class TableEntry(Entry):
    """A table as a figure, as high as its rows."""

    def make(self, run: SwiftRun, t: Labels):
        """The finished matplotlib Figure."""
        t = t.of(self.words())
        header, *rows = results.wrapped(self.draw(run, t.language), t)
        lines = sum(plots.table_lines([header, *rows]))
        figure = style.page(t, t("title"), 0.21 * lines, run.origin == "drawn", tuple(self.notes(run, t)))
        plots.table(figure.subplots(), header, rows, 7)
        return figure


FIGURES = [
    Entry("1", document.figure_1, document.height_of_1),
    Entry("2", document.figure_2, 7.2, shows_data=False),
    Entry("3", document.figure_3, document.height_of_3),
    TableEntry("table-1", results.table_1, 1.0),
    TableEntry("table-2", results.table_2, 2.0),
    SpeedEntry("table-3", results.table_3, height_of_table_3, shows_data=False),
    Entry("training", results.training, 2.5),
    SpeedEntry("speed", results.speed_psnr, 2.8, shows_data=False),
]


def speed_table(run: SwiftRun, language: str = "en") -> PlainTable:
    """Table III with every column; the paper's alone where nothing was measured."""
    if run.speed is not None:
        return table_iii(run.speed, language == "zh")
    table = table_iii({"device": results.SPEED_COMMAND, "rows": []}, language == "zh")
    rows = [{"size": FRAMES[height][0], "network": NAMES[model], "paper_ms": ms,
             "paper_ratio": ms / TABLE_III[height, "swift_srgan"]} for (height, model), ms in TABLE_III.items()]
    return replace(table, rows=rows)


def values(run: SwiftRun) -> dict[str, Any]:
    """What the claims' result keys can name: tables.run_values; under "sets" the means over the test sets, under
    "speed" the ms per frame and ratios of the faster way, under "derived" what follows from the files."""
    found: dict[str, Any] = {}
    for row in (run.speed or {"rows": ()})["rows"]:
        best = found.setdefault(f"{row['model']}_{row['height']}", row["median_ms"])
        found[f"{row['model']}_{row['height']}"] = min(best, row["median_ms"])
    for height in (270, 540):
        times = [found.get(f"{model}_{height}") for model in ("srgan", "swift_srgan")]
        if all(times):
            found[f"ratio_{height}"] = times[0] / times[1]
    if found.get("swift_srgan_270"):
        found["frames_per_second"] = 1000 / found["swift_srgan_270"]
    sets = {name: {key: {"value": value, "n": row["n"]} for key, value in row.items() if key != "n"}
            for name, row in results.judged_sets(run).items()}
    images = {row["part"]: row["images"] for row in results.table_1_rows(run)}
    crop, scale = run.setting("crop"), run.setting("scale", 4)
    derived = {"images": images, "low_side": crop / scale if type(crop) is int and scale in (2, 4, 8) else None}
    parameters = look_up(run.result, "parameters.generator")
    if isinstance(parameters, int) and not isinstance(parameters, bool):
        derived["smaller"] = SRGAN_PARAMETERS / parameters if parameters > 0 else None
    return {**tables.run_values(run), "speed": found, "sets": sets, "derived": derived}


SCRIPT = FigureScript(__file__, FIGURES,
                      more_tables={"table_i": results.table_1, "table_ii": results.table_2, "table_iii": speed_table},
                      values=values, options=options, open_run=open_run)
measured, draw, main = SCRIPT.measured, SCRIPT.draw, SCRIPT.command(__doc__)

if __name__ == "__main__":
    sys.exit(main())
