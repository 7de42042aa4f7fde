"""Lists for the image pipeline: which images the network is sure of, and Kaggle's submission."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from data_tools.files.atomic import write_atomically
from data_tools.files.image_set import ImageSet
from data_tools.sets.glasses import IMAGE_NAME
from paddle_models.trainer.run_folder import RunFolder


class Judged(NamedTuple):
    """A split with its probabilities of glasses, float32 (N,), and all rows that the task's evaluation gave."""

    split: str
    images: ImageSet | None
    names: tuple[str, ...]
    probabilities: np.ndarray
    rows: Mapping[str, np.ndarray]

    @property
    def labels(self) -> np.ndarray:
        """1 with glasses, 0 without."""
        return self.rows["label"]


def flagged(probabilities: np.ndarray, band: Sequence[float]) -> np.ndarray:
    """Which probabilities lie in the uncertain band, its ends included."""
    return (probabilities >= band[0]) & (probabilities <= band[1])


def write_lists(run: RunFolder, every: list[Judged], band: Sequence[float]) -> dict[str, int]:
    """submission.csv for Kaggle; keep_list.csv and uncertain.csv of all images that the network was not trained on."""
    kept, left_out = [], []
    for part in every:
        for name, probability, unsure in zip(part.names, part.probabilities, flagged(part.probabilities, band)):
            (left_out if unsure else kept).append((name, part.split, f"{probability:.6f}"))
    counts = {}
    for file, lines in (("keep_list", kept), ("uncertain", left_out)):
        _write_csv(run, file, [("image", "split", "probability"), *lines])
        counts[file] = len(lines)
    for part in every[2:]:
        ids = [int(IMAGE_NAME.fullmatch(name.rsplit("/", 1)[-1])[1]) for name in part.names]
        _write_csv(run, "submission", [("id", "glasses"), *((i, f"{p:.6f}") for i, p in zip(ids, part.probabilities))])
        counts["submission"] = len(ids)
    return counts


def _write_csv(run: RunFolder, name: str, rows: Sequence[Sequence[Any]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    if run.writer:
        write_atomically(run.path / f"{name}.csv", text.getvalue().encode())
