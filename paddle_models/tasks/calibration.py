"""Whether probabilities of two classes mean what they say, and where to cut them; NumPy float64."""

from dataclasses import dataclass

import numpy as np

from data_tools.errors import KitError

MEASURES = ("accuracy", "balanced_accuracy")


@dataclass(frozen=True)
class Reliability:
    """Bins of equal width over the probability of "present", each array (bins,): mean probability and share that is
    present, NaN in empty bins, and the number of samples."""

    confidence: np.ndarray
    accuracy: np.ndarray
    count: np.ndarray


def reliability(labels: np.ndarray, probabilities: np.ndarray, bins: int = 10) -> Reliability:
    """The reliability diagram of labels 0 or 1 (N,) and probabilities of 1 (N,), both ends of 0..1 included.

    A probability on an edge counts in the bin below it, as in scikit-learn's calibration_curve.
    """
    labels, probabilities = _checked(labels, probabilities)
    edges = np.linspace(0.0, 1.0, bins + 1)
    number = np.searchsorted(edges[1:-1], probabilities)
    count = np.bincount(number, minlength=bins)
    sums = (np.bincount(number, weights=values, minlength=bins) for values in (probabilities, labels))
    means = [np.divide(total, count, out=np.full(bins, np.nan), where=count > 0) for total in sums]
    return Reliability(means[0], means[1], count)


def calibration_error(bins: Reliability) -> float:
    """Expected calibration error (Naeini et al., 2015), 0..1: mean |probability - share|, weighted by counts."""
    return float(np.nansum(np.abs(bins.confidence - bins.accuracy) * bins.count) / bins.count.sum())


def measure(labels: np.ndarray, probabilities: np.ndarray, threshold: float = 0.5) -> dict[str, float]:
    """accuracy and balanced_accuracy (mean of the recalls of both classes, of one where the other is absent), 0..1."""
    labels, probabilities = _checked(labels, probabilities)
    right = (probabilities >= threshold) == (labels > 0)
    recalls = [right[labels == label].mean() for label in (0, 1) if (labels == label).any()]
    return {"accuracy": float(right.mean()), "balanced_accuracy": float(np.mean(recalls))}


def best_threshold(labels: np.ndarray, probabilities: np.ndarray, by: str = "balanced_accuracy") -> tuple[float, float]:
    """(threshold, what it reaches): the cut with the highest accuracy or balanced_accuracy, of equals the one nearest
    0.5.

    Cuts lie midway between neighbouring probabilities, so that float rounding moves no sample across.
    """
    if by not in MEASURES:
        raise KitError(f"a threshold by {by!r} is unknown; there are {', '.join(MEASURES)}")
    labels, probabilities = _checked(labels, probabilities)
    values = np.unique(probabilities)
    cuts = np.concatenate([[0.5], (values[1:] + values[:-1]) / 2])
    absent, present = (np.sort(probabilities[labels == label]) for label in (0, 1))
    right = [np.searchsorted(absent, cuts), len(present) - np.searchsorted(present, cuts)]  # of each class, at each cut
    if by == "accuracy":
        reached = sum(right) / len(labels)
    else:
        reached = np.mean([count / len(part) for count, part in zip(right, (absent, present)) if len(part)], axis=0)
    best = cuts[reached >= reached.max() - 1e-12]
    cut = best[np.argmin(np.abs(best - 0.5))]
    return float(cut), float(reached.max())


def fit_temperature(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """The number by which logits are divided so that the cross-entropy is least (Guo et al., 2017), 1/20 to 20: above 1
    answers were too sure, below 1 too cautious. labels 0 or 1 (N,), probabilities of 1 (N,)."""
    labels, probabilities = _checked(labels, probabilities)
    logits, low, high = _logits(probabilities), -np.log(20), np.log(20)
    for _ in range(40):  # the slope of the cross-entropy grows with 1 / temperature: halving finds where it is 0
        middle = (low + high) / 2
        slope = np.sum((_sigmoid(logits * np.exp(middle)) - labels) * logits)
        low, high = (low, middle) if slope > 0 else (middle, high)
    return float(np.exp(-(low + high) / 2))


def tempered(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities of the same shape whose logits are divided by the temperature; those of 0.5 stay."""
    return _sigmoid(_logits(np.asarray(probabilities, np.float64)) / temperature)


def _logits(probabilities: np.ndarray) -> np.ndarray:
    inside = probabilities.clip(1e-7, 1 - 1e-7)
    return np.log(inside / (1 - inside))


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logits))


def _checked(labels: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both as float64; KitError where they are no labels 0 or 1 and as many probabilities."""
    labels, probabilities = np.asarray(labels, np.float64), np.asarray(probabilities, np.float64)
    if labels.shape != probabilities.shape or labels.ndim != 1 or not len(labels):
        raise KitError(f"labels {labels.shape} and probabilities {probabilities.shape} are not two rows of one length "
                       f"(N,)")
    if not np.isin(labels, (0, 1)).all() or not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise KitError("calibration needs labels 0 or 1 and probabilities in 0..1")
    return labels, probabilities
