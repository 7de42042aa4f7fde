"""The images that a network got most wrong, of any run whose images have labels: a gallery, and a table of all images.

The gallery's pictures were kept at the end of the training (`most_wrong_images` of artifacts.npz, with their rows in
predictions.npz), so that it is drawn without the data; a run made before that has the table alone.
"""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from data_tools.errors import KitError
from data_tools.files.names import shown
from data_tools.terminal import display_width
from paddle_models.tasks.metrics import cross_entropies
from reports.figures import numbers, plots
from reports.figures.figure_script import Entry, Writer
from reports.figures.style import Labels
from reports.run_reader import Run
from reports.tables import csv_cell

SHOWN, COLUMNS, ROW_HEIGHT = 12, 4, 1.8  # pictures, in a row, inches of a row
FILE_WIDTH, CLASS_WIDTH = 28, 25  # letters of a file's name and of a class; a Chinese one counts as two
IMAGES, ROWS = "most_wrong_images", "most_wrong_rows"
FILE = "images.csv"
HEADER = ("file", "split", "label", "predicted", "probability_of_label", "loss", "right")


@dataclass(frozen=True)
class Answers:
    """The images of a split, and what was said of them: names (N,), labels (N,) of C classes with probabilities (N, C);
    or K questions, labels 0 or 1 with the probabilities of 1, both (N, K)."""

    split: str
    names: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray

    @cached_property
    def losses(self) -> np.ndarray:
        """Cross entropy of each answer, (N,) or (N, K)."""
        return cross_entropies(self.labels, self.probabilities)

    @cached_property
    def wrong(self) -> np.ndarray:
        """Which answers are wrong, (N,) or (N, K)."""
        return self.predicted != self.labels

    @cached_property
    def predicted(self) -> np.ndarray:
        """The most probable answers, (N,) or (N, K)."""
        return self.probabilities.argmax(axis=1) if self.labels.ndim == 1 else self.probabilities > 0.5


def two_classes(probabilities: np.ndarray) -> np.ndarray:
    """(N, 2) from the probabilities (N,) of the second class."""
    return np.stack([1 - probabilities.astype(np.float64), probabilities], axis=1)


def short(name: str, width: int) -> str:
    """A name with what cannot be written escaped, and without its middle where it is wider than so many letters."""
    text = shown(name)
    if display_width(text) <= width:
        return text
    middle = len(text) // 2
    head, tail = text[:middle][:width], text[middle:][-width:]
    while display_width(f"{head}…{tail}") > width:
        head, tail = (head[:-1], tail) if len(head) > len(tail) else (head, tail[1:])
    return f"{head}…{tail}"


# ---- the gallery


def gallery(answers: Callable[[Run], Answers], classes: Callable[[Run, Labels], Sequence[str]]) -> Entry:
    """The figure for classes, whose names are given in the language of the labels."""
    def draw(figure, run: Run, t: Labels) -> None:
        """The images with the largest loss, with label, answer and what each got."""
        found = answers(run)
        names = [short(name, CLASS_WIDTH) for name in classes(run, t)]

        def said(row: int) -> list[str]:
            label, answer = found.labels[row], found.predicted[row]
            lines = {"✓": label} if label == answer else {"✓": label, "✗": answer}
            return [f"{sign} {percent(found.probabilities[row, one])} {names[one]}" for sign, one in lines.items()]

        rows = show(figure, run, found, said, t)
        numbers.tell(figure, {
            "file": [shown(name) for name in found.names[rows]], "label": [names[i] for i in found.labels[rows]],
            "predicted": [names[i] for i in found.predicted[rows]], "loss": found.losses[rows],
            "probability_of_label": found.probabilities[rows, found.labels[rows]]})

    return entry(draw)


def entry(draw: Callable[[Any, Any, Labels], None]) -> Entry:
    """The figure that a function draws, of runs that kept the pictures."""
    return Entry("most-wrong", draw, _height, applies=_keeps_pictures)


def _keeps_pictures(run: Run) -> bool:
    return (run.path / "artifacts.npz").is_file() and IMAGES in run.arrays("artifacts.npz")


def show(figure, run: Run, answers: Answers, said: Callable[[int], Sequence[str]],
         t: Labels) -> np.ndarray:
    """The pictures that the run kept, the worst first, under their files' names and what is said of each row; returns
    their rows."""
    images = run.artifact(IMAGES, (None, None, None, 3), "u")[:SHOWN]
    rows = run.artifact(ROWS, (None,), "iu")[:SHOWN]
    if len(rows) != len(images) or rows.min() < 0 or rows.max() >= len(answers.names):
        raise KitError(f"{run.path / 'artifacts.npz'}: {ROWS} does not fit its pictures or predictions.npz; make the "
                       "run again")
    titles = ["\n".join(t.plain(line) for line in (short(answers.names[row], FILE_WIDTH), *said(row))) for row in rows]
    plots.image_grid(figure, list(images), titles, COLUMNS, size=6.2)
    return rows


def percent(share: float) -> str:
    """0.0123 as 1.2 %."""
    return f"{100 * share:.1f} %"


def _height(run: Run) -> float:
    """Inches for the rows of pictures."""
    return ROW_HEIGHT * -(-min(len(run.artifact(ROWS, (None,), "iu")), SHOWN) // COLUMNS)


# ---- the table


def class_table(parts: Callable[[Run], Iterable[Answers]], classes: Callable[[Run], Sequence[str]]) -> Writer:
    """What writes images.csv of a run for classes: every image of the parts, the largest loss first."""
    def write(run: Run, folder: Path, _: str) -> list[Path]:
        names = classes(run)
        rows = [(name, part.split, names[label], names[answer], p, loss, int(label == answer))
                for part in parts(run) for name, label, answer, p, loss in zip(
                    part.names, part.labels, part.predicted,
                    part.probabilities[np.arange(len(part.labels)), part.labels], part.losses)]
        return write_images(folder, HEADER, rows)

    return write


def write_images(folder: Path, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[Path]:
    """images.csv, the largest loss first, numbers with six digits; the file's name is the first cell of each row."""
    from data_tools.files.atomic import write_atomically

    text, place = io.StringIO(), header.index("loss")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    for name, *cells in sorted(rows, key=lambda row: -row[place]):
        writer.writerow(map(csv_cell, [shown(name), *(round(float(cell), 6) if isinstance(cell, np.floating) else cell
                                                      for cell in cells)]))
    write_atomically(Path(folder) / FILE, text.getvalue().encode())
    return [Path(folder) / FILE]
