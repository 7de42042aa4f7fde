"""Metrics of binary attributes, each on its own and by regions, in NumPy float64. Shares lie in 0..1."""

from collections.abc import Mapping, Sequence

import numpy as np

from data_tools.errors import KitError

MEASURES = ("accuracy", "balanced_accuracy", "f1", "average_precision")


def measure_attributes(labels: np.ndarray, probabilities: np.ndarray, threshold: float = 0.5) -> dict[str, np.ndarray]:
    """Per attribute, float64 (K,): accuracy, balanced_accuracy, f1, average_precision.

    labels: 0 or 1, (N, K), N >= 1. probabilities: (N, K) in 0..1; above `threshold` an attribute counts as present.

    balanced_accuracy: mean of the recalls of present and absent; where one of them never occurs, the recall of the
    other. f1: of "present", 0 where nothing is present or predicted. average_precision: area under the
    precision-recall curve as a step function, ties together (scikit-learn's average_precision_score); NaN where the
    attribute never occurs.
    """
    if labels.shape != probabilities.shape or len(labels) == 0:
        raise KitError(f"labels {labels.shape} and probabilities {probabilities.shape} are not of one shape (N, K)")
    present, predicted = labels > 0, probabilities > threshold
    right = present == predicted
    found = (present & predicted).sum(axis=0)  # (K,)
    positives, negatives = present.sum(axis=0), (~present).sum(axis=0)
    recalls = np.stack([_share(found, positives), _share((right & ~present).sum(axis=0), negatives)])  # (2, K)
    return {
        "accuracy": right.mean(axis=0),
        "balanced_accuracy": np.nanmean(recalls, axis=0),
        "f1": np.nan_to_num(_share(2 * found, positives + predicted.sum(axis=0))),
        "average_precision": np.array([average_precision(*columns) for columns in zip(present.T, probabilities.T)]),
    }


def right_share(labels: np.ndarray, probabilities: np.ndarray, threshold: float = 0.5) -> np.ndarray:
    """Share of each image's attributes that is answered right, float64 (N,); the mean of it is the mean accuracy."""
    return ((labels > 0) == (probabilities > threshold)).mean(axis=1)


def majority(training_labels: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    """The same four measures for the baseline that answers each attribute's more frequent value in training."""
    share = training_labels.mean(axis=0)
    answers = np.broadcast_to((share > 0.5).astype(np.float64), labels.shape)
    return measure_attributes(labels, answers)


def average_precision(present: np.ndarray, scores: np.ndarray) -> float:
    """Sum over thresholds of (recall step) * precision, 0..1; NaN where nothing is present. Both arrays are (N,)."""
    total = int(present.sum())
    if not total:
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    last_of_ties = np.append(np.diff(scores[order]) != 0, True)
    found = np.cumsum(present[order])[last_of_ties]
    chosen = np.arange(1, len(scores) + 1)[last_of_ties]
    return float(np.sum(np.diff(found, prepend=0) / total * found / chosen))


def by_region(values: np.ndarray, attributes: Sequence[str],
              regions: Mapping[str, Sequence[str]]) -> dict[str, float | None]:
    """Mean over the attributes of each region; those without a value (NaN) are left out, None where all are."""
    place = {name: index for index, name in enumerate(attributes)}
    return {region: mean(values[[place[name] for name in names]]) for region, names in regions.items()}


def mean(values: np.ndarray) -> float | None:
    """Mean of the values that are not NaN, None where there is none."""
    there = values[~np.isnan(values)]
    return float(there.mean()) if len(there) else None


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
