"""Every figure of the facial attribute report, redrawn from a run folder; nothing is trained and nothing drawn by hand.

python assignments/face_attributes/figures.py [--run DIR] [--ablation DIR] [--out DIR] [--lang en|zh] [--only 2 regions]
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assignments.face_attributes import attribute_table, claims
from assignments.face_attributes import figures_ablation as ablations
from assignments.face_attributes import figures_document as document
from assignments.face_attributes import figures_results as results
from assignments.face_attributes.ablation import FILE
from assignments.face_attributes.figures_ablation import Ablation, read_ablation
from reports.figures import most_wrong, style
from reports.figures.figure_script import Entry, FigureScript
from reports.figures.style import Labels
from reports.run_reader import Run, latest_beside_runs, peek

ASSIGNMENT = Path(__file__).resolve().parent.name


@dataclass(frozen=True)
class FaceRun(Run):
    """A run, and the ablation that stands beside it; None where none has been made yet."""

    ablation: Ablation | None = None


def open_run(path: Path, arguments: argparse.Namespace | None = None) -> FaceRun:
    """The run in `path` with the ablation that --ablation names, else the newest one, those on its kind of data
    first."""
    origin = peek(Path(path) / "result.json", "origin")
    folder = (arguments.ablation if arguments else None) or latest_beside_runs(ASSIGNMENT, FILE, origin=origin)
    return FaceRun(Path(path), ASSIGNMENT, read_ablation(folder) if folder else None)


def options(parser: argparse.ArgumentParser) -> None:
    """What this figures.py understands beyond the others."""
    parser.add_argument("--ablation", type=Path,
                        help="folder that ablation.py wrote (default: the newest on the run's kind of data, else the "
                             "newest)")


@dataclass(frozen=True)
class AblationEntry(Entry):
    """A figure that reads the ablation instead of the run; where there is none, it shows which command makes one."""

    def make(self, run: FaceRun, t: Labels):
        """The finished matplotlib Figure."""
        t, ablation = t.of(self.words()), run.ablation
        if ablation is None:
            figure = style.page(t, t("title"), 1.2)
        else:
            height = self.height(run) if callable(self.height) else self.height
            figure = style.page(t, t("title"), height, ablation.origin == "drawn", (t("note"),))
        self.draw(figure, ablation, t)
        return figure


def height_of_ablation(run: FaceRun) -> float:
    """Inches that a row for each variant needs."""
    return 0.19 * (1 + len(run.ablation.variants))


FIGURES = [
    Entry("1", document.figure_1, 4.5),
    Entry("2", document.figure_2, 4.3, shows_data=False),
    Entry("3", document.figure_3, 6.6, shows_data=False),
    Entry("frequencies", document.frequencies, 6.2),
    Entry("training", results.training, 2.7),
    Entry("accuracy", results.attribute_accuracy, 7.6),
    Entry("regions", results.region_measures, 2.6),
    Entry("predictions", results.some_predictions, results.height_of_predictions),
    most_wrong.entry(results.most_wrong),
    AblationEntry("ablation", ablations.ablation, height_of_ablation),
    AblationEntry("latency", ablations.latency, 2.8),
]


def values(run: FaceRun) -> dict[str, Any]:
    """What the claims' result keys can name; the ablation only where its data are of the run's kind."""
    return claims.values(run, run.ablation if run.ablation and run.ablation.origin == run.origin else None)


SCRIPT = FigureScript(__file__, FIGURES, more_tables={"attributes": attribute_table.table},
                      others={"images": results.write_images}, values=values, options=options, open_run=open_run)
measured, draw, main = SCRIPT.measured, SCRIPT.draw, SCRIPT.command(__doc__)

if __name__ == "__main__":
    sys.exit(main())
