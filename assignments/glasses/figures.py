"""Every figure and table of the glasses report, redrawn from a run folder; nothing is trained and nothing drawn by
hand.

python assignments/glasses/figures.py [--run DIR] [--experiments DIR] [--label_errors DIR] [--out DIR] [--lang en|zh]
[--only 4 models]
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assignments.glasses import figures_document as document
from assignments.glasses import figures_experiments as experiments
from assignments.glasses import figures_results as results
from assignments.glasses.figures_experiments import COMMANDS, Experiments, Suspects, label_name
from reports import tables
from reports.figures import most_wrong, plots, style
from reports.figures.figure_script import Entry, FigureScript
from reports.figures.style import Labels
from reports.figures.words import words_beside
from reports.run_reader import Run, latest_beside_runs, peek
from reports.tables import PlainTable

ASSIGNMENT = Path(__file__).resolve().parent.name
WORDS = words_beside(__file__, "shared")
FULL = 0.995  # training accuracy that is 1.00 in two digits


@dataclass(frozen=True)
class GlassesRun(Run):
    """A run, with the experiments and the suspected labels that stand beside it; None where none have been made yet."""

    experiments: Experiments | None = None
    suspects: Suspects | None = None


def open_run(path: Path, arguments: argparse.Namespace | None = None) -> GlassesRun:
    """The run in `path` with what --experiments and --label_errors name, else the newest ones, those on its kind of
    data first."""
    origin = peek(Path(path) / "result.json", "origin")
    made, doubted = (getattr(arguments, kind, None)
                     or latest_beside_runs(f"{ASSIGNMENT}_{kind}", experiments.FILE, origin=origin)
                     for kind in COMMANDS)
    return GlassesRun(Path(path), ASSIGNMENT, experiments.read_experiments(made) if made else None,
                      experiments.read_suspects(doubted) if doubted else None)


def options(parser: argparse.ArgumentParser) -> None:
    """What this figures.py understands beyond the others."""
    for kind in COMMANDS:
        parser.add_argument(f"--{kind}", type=Path,
                            help=f"folder that {kind}.py wrote (default: the newest on the run's kind of data, else "
                                 f"the newest)")


@dataclass(frozen=True)
class ExperimentEntry(Entry):
    """A figure of one of the experiments; where it was not made, it shows which command makes it."""

    experiment: str = ""

    def make(self, run: GlassesRun, t: Labels):
        """The finished matplotlib Figure."""
        t, found = t.of(self.words()), run.experiments.of(self.experiment) if run.experiments else {}
        if not found:
            figure = style.page(t, t("title"), 1.2)
            plots.gap(figure.subplots(), t, COMMANDS["experiments"])
            return figure
        figure = style.page(t, t("title"), self.height, run.experiments.origin == "drawn", (t("note"),))
        self.draw(figure, found, t)
        return figure


@dataclass(frozen=True)
class SuspectsEntry(Entry):
    """A figure of the suspected labels; where none were sought, or none found, it says so."""

    def make(self, run: GlassesRun, t: Labels):
        """The finished matplotlib Figure."""
        t, suspects = t.of(self.words()), run.suspects
        if suspects is None:
            figure = style.page(t, t("title"), 1.2)
            plots.gap(figure.subplots(), t, COMMANDS["label_errors"])
            return figure
        if not suspects.found:
            return style.page(t, t("title"), 0.2, suspects.origin == "drawn", (t("no_label_is_suspect"),))
        rows = -(-min(len(suspects.images), 15) // 5)
        notes = (t("note"), _how_many(suspects, t))
        figure = style.page(t, t("title"), 1.45 * rows, suspects.origin == "drawn", notes)
        self.draw(figure, suspects, t)
        return figure


def _how_many(suspects: Suspects, t: Labels) -> str:
    """How many labels are suspect, and how many planted errors that finds."""
    words = t("suspect", found=suspects.found, examined=suspects.examined)
    if suspects.precision is None or suspects.recall is None:
        return words + t("stop")
    return words + t("planted", precision=suspects.precision, recall=suspects.recall)


class FigureNine(Entry):
    """Figure 9, which tells how suspected labels are found where nobody has sought them yet."""

    def notes(self, run: GlassesRun, t: Labels) -> tuple[str, ...]:
        """The lines at its foot."""
        return (t("note") if run.suspects else t("none_sought", command=COMMANDS["label_errors"]),)


# the document's figure 3 is a photograph of Hubel and Wiesel's experiment on a cat, which no program can redraw
FIGURES = [
    Entry("1", document.figure_1, 2.6),
    Entry("2", document.figure_2, 3.5),
    Entry("4", document.figure_4, 2.3, shows_data=False),
    Entry("5", document.figure_5, 1.9),
    Entry("6", document.figure_6, 1.9, shows_data=False),
    Entry("7", document.figure_7, 1.9, shows_data=False),
    Entry("8", document.figure_8, 2.1, shows_data=False),
    FigureNine("9", results.figure_9, 3.05),
    Entry("10", results.figure_10, 2.5),
    ExperimentEntry("11", experiments.figure_11, 2.5, experiment="models"),
    Entry("12", results.figure_12, 5.1),
    Entry("13", results.figure_13, results.height_of_13),
    ExperimentEntry("file-size", experiments.resolution, 2.6, experiment="resolution"),
    ExperimentEntry("dropout-curves", experiments.dropout, 2.5, experiment="dropout"),
    SuspectsEntry("label-errors", experiments.label_errors, 3.0),
    Entry("calibration", results.calibration, 3.0, counts=results.counted),
    Entry("uncertain", results.uncertain_band, 2.5),
    most_wrong.gallery(results.answers, lambda run, t: [label_name(label, t.of(WORDS)) for label in (0, 1)]),
]


def class_shares(run: GlassesRun, language: str = "en") -> PlainTable:
    """Section 5's table of the two classes."""
    return experiments.class_shares_table(run, language, label_shares(run))


def label_shares(run: GlassesRun) -> dict[int, tuple[float, int]]:
    """{label: (share, images)} of the run's images with labels: validation and test."""
    labels = [results.predictions(run, prefix)[1] for prefix in ("", "val_")]
    found = [int((part == 1).sum()) for part in labels]
    whole = sum(map(len, labels))
    return {1: (sum(found) / whole, sum(found)), 0: (1 - sum(found) / whole, whole - sum(found))}


def _of_experiments(make: Callable[..., PlainTable]) -> Callable[[GlassesRun, str], PlainTable]:
    return lambda run, language="en": make(run, run.experiments, language)


TABLES = {"class_shares": class_shares, "resolution": _of_experiments(experiments.resolution_table),
          "batch_size": _of_experiments(experiments.batch_size_table),
          "dropout": _of_experiments(experiments.dropout_table),
          "models": _of_experiments(experiments.models_table)}


def values(run: GlassesRun) -> dict[str, Any]:
    """What the claims' result keys can name: tables.run_values; "derived", what follows from the run's arrays;
    "experiments" by experiment, label (blanks as _) and measure, n = seeds; "label_errors". Both only where their data
    are of the run's kind: numbers from drawn faces do not stand among those from photographs."""
    _, _, probabilities = results.predictions(run)
    share, (low, high) = label_shares(run), document.band_of(run)
    derived: dict[str, Any] = {
        "share_glasses": {"value": share[1][0], "n": share[1][1] + share[0][1]},
        "share_no_glasses": {"value": share[0][0], "n": share[1][1] + share[0][1]},
        "input_nodes": 3 * results.side_of(run)**2, "band_low": low, "band_high": high,
        "nearest_to_half": float(probabilities[abs(probabilities - 0.5).argmin()]),
        "original_width": run.artifact("eyes_image", (None, None, 3), "u").shape[1]}
    for name, key in (("last_train_accuracy", "train/accuracy"), ("last_val_loss", "val/loss")):
        _, series = run.series("epoch", "epoch", key)
        derived[name] = float(series[-1]) if len(series) else None
    epochs, accuracy = run.series("epoch", "epoch", "train/accuracy")
    if (accuracy >= FULL).any():
        derived["epochs_to_full"] = float(epochs[accuracy >= FULL][0]) + 1
    tried, suspects = (found if found and found.origin == run.origin else None
                       for found in (run.experiments, run.suspects))
    made: dict[str, Any] = {}
    for name, choices in (tried.choices if tried else {}).items():
        for choice in choices:
            found = {key: {"value": choice.mean(key), "n": choice.seeds} for key in experiments.MEASURES}
            size = choice.bytes_per_image
            found["chunk_mb"] = None if size is None else size * experiments.CHUNK / 1e6
            made.setdefault(name, {})[choice.label.replace(" ", "_")] = found
    doubted = {"precision": suspects.precision, "recall": suspects.recall, "found": suspects.found,
               "examined": suspects.examined} if suspects else {}
    return {**tables.run_values(run), "derived": derived, "experiments": made, "label_errors": doubted}


IMAGES = most_wrong.class_table(lambda run: [results.answers(run, split) for split in results.PREFIXES],
                                lambda run: ("no glasses", "glasses"))
SCRIPT = FigureScript(__file__, FIGURES, more_tables=TABLES, others={"images": IMAGES}, values=values,
                      options=options, open_run=open_run)
measured, draw, main = SCRIPT.measured, SCRIPT.draw, SCRIPT.command(__doc__)

if __name__ == "__main__":
    sys.exit(main())
