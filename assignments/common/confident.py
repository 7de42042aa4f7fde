"""Confident learning (Northcutt et al., arXiv 1911.00068): labels that networks which have not seen the image doubt."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from data_tools.errors import KitError

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Suspect:
    """A label in doubt: of image `row`, for the question `output` (0 where there is one), the class that it gives and
    the one that is suggested. margin: probability of the suggested one less that of the given one, -1..1."""

    row: int
    output: int
    given: int
    suggested: int
    margin: float


def folds_of(labels: "np.ndarray", folds: int, seed: int, groups: "np.ndarray | None" = None) -> "np.ndarray":
    """Fold of each image, int64 (N,): every fold gets its share of each class; of attributes, labels (N, K), of all.

    groups: a number for each image; those of one number (that are nearly the same) stand in one fold, or a twin with
    the same wrong label would vouch for it. A group that would fill a tenth of a fold is none, but a chain of images
    that look alike. KitError where a class is too small.
    """
    import numpy as np

    rng, fold = np.random.default_rng(seed), np.zeros(len(labels), np.int64)
    classes = labels if labels.ndim == 1 else np.zeros(len(labels), np.int64)
    for label in np.unique(classes):
        members = rng.permutation(np.flatnonzero(classes == label))
        if len(members) < folds:
            raise KitError(f"--folds {folds}: only {len(members)} images carry the label {label}; take at most "
                           f"{len(members)}")
        fold[members] = np.arange(len(members)) % folds
    if groups is None:
        return fold
    _, first, group, sizes = np.unique(groups, return_index=True, return_inverse=True, return_counts=True)
    small = sizes[group] <= max(2, len(labels) // (10 * folds))
    return np.where(small, fold[first[group]], fold)


def find_suspects(labels: "np.ndarray", probabilities: "np.ndarray") -> list[Suspect]:
    """The labels in doubt, that with the greatest margin first.

    labels: classes (N,) with probabilities (N, C), or (N,) of the second of two; attributes 0 or 1, (N, K), with
    probabilities (N, K), of which each is a question of its own.
    """
    import numpy as np

    if labels.ndim == 2:
        questions = [(labels[:, k].astype(np.int64), probabilities[:, k]) for k in range(labels.shape[1])]
    else:
        questions = [(labels.astype(np.int64), probabilities)]
    found: list[Suspect] = []
    for output, (given, answers) in enumerate(questions):
        classes = answers if answers.ndim == 2 else np.stack([1 - answers, answers], axis=1)
        rows, suggested = confident_errors(given, classes)
        margins = classes[rows, suggested] - classes[rows, given[rows]]
        found += [Suspect(int(row), output, int(given[row]), int(other), float(margin))
                  for row, other, margin in zip(rows, suggested, margins)]
    return sorted(found, key=lambda suspect: -suspect.margin)


def confident_errors(labels: "np.ndarray", probabilities: "np.ndarray") -> tuple["np.ndarray", "np.ndarray"]:
    """(rows whose label is suspect, the class suggested for each): labels (N,), probabilities (N, C), from networks
    that have not seen the image.

    The threshold of a class is the mean probability of that class over the images labelled so; an image counts for the
    likeliest of the classes that are beyond their thresholds, and is suspect where that is not its label. A class that
    no image is labelled with suggests nothing.
    """
    import numpy as np

    there = np.bincount(labels, minlength=probabilities.shape[1]) > 0
    thresholds = np.array([probabilities[labels == label, label].mean() if there[label] else np.inf
                           for label in range(len(there))])
    beyond = probabilities >= thresholds
    counts_for = np.where(beyond, probabilities, -1.0).argmax(axis=1)
    rows = np.flatnonzero(beyond.any(axis=1) & (counts_for != labels))
    return rows, counts_for[rows]


def precision_and_recall(suspects: Sequence[str], wrong: Sequence[str]) -> tuple[float | None, float | None]:
    """Share of suspects that are wrong, share of the wrong that are suspect; None where there is nothing to share."""
    found = len(set(suspects) & set(wrong))
    return found / len(suspects) if suspects else None, found / len(wrong) if wrong else None
