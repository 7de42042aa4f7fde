"""Classification metrics in NumPy float64. All shares lie in 0..1; multiply by 100 for per cent."""

import math
from statistics import NormalDist
from typing import Any

import numpy as np

from data_tools.errors import KitError


def accuracy(labels: np.ndarray, predictions: np.ndarray) -> float:
    """Share of samples predicted right, 0..1, each sample counting once; one sample is 1/N.

    labels, predictions: int (N,), N >= 1.
    """
    _check(labels, predictions)
    return float(np.mean(labels == predictions))


def wilson_interval(k: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Confidence interval (low, high) of a share k/n, within 0..1 (Wilson, 1927, no continuity correction).

    Unlike the normal approximation it stays sensible near 0 and 1 and for small n.
    """
    if not 0 <= k <= n or n < 1:
        raise KitError(f"no interval for {k} out of {n}; need 0 <= k <= n and n >= 1")
    z = NormalDist().inv_cdf((1 + level) / 2)
    share, spread = k / n, z * z / n
    centre = (share + spread / 2) / (1 + spread)
    half = z * math.sqrt(share * (1 - share) / n + spread / (4 * n)) / (1 + spread)
    low = 0.0 if k == 0 else max(0.0, centre - half)  # exact at the ends, where rounding leaves 1e-17
    high = 1.0 if k == n else min(1.0, centre + half)
    return low, high


def mean_interval(values: np.ndarray, level: float = 0.95, rounds: int = 2000) -> tuple[float, float]:
    """Confidence interval (low, high) of a mean over images: percentiles of the means of resampled images.

    values: float (N,), what each image contributes; of two settings on the same images the differences, image by
    image: the interval is then a paired one. It says what other images would change, not what other seeds would.
    """
    if values.ndim != 1 or not len(values):
        raise KitError(f"no interval for values of shape {values.shape}; give one for each image")
    chances = np.random.default_rng(0).multinomial(len(values), np.full(len(values), 1 / len(values)), rounds)
    low, high = np.quantile(chances @ values / len(values), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def cross_entropies(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Minus the logarithm of the probability of each label, (N,) for labels (N,) and probabilities (N, C); for labels 0
    or 1 and the probabilities of 1 of the same shape, that shape. What float32 has rounded to 0 counts as the smallest
    number that it holds, or, of 0 and 1, as the smallest distance from 1."""
    if probabilities.ndim > labels.ndim:
        given, least = probabilities[np.arange(len(labels)), labels.astype(np.int64)], float(np.finfo(np.float32).tiny)
    else:
        given, least = np.where(labels > 0, probabilities, 1 - probabilities.astype(np.float64)), 2.0**-24
    return -np.log(np.maximum(given.astype(np.float64), least))


def share_right(right: np.ndarray) -> dict[str, Any]:
    """How many samples are right, as result.json says it: value 0..1, n, right, and the 95 % Wilson interval low..high.

    right: bool (N,), N >= 1.
    """
    low, high = wilson_interval(int(right.sum()), len(right))
    return {"value": float(right.mean()), "n": len(right), "right": int(right.sum()), "low": low, "high": high}


def confusion_matrix(labels: np.ndarray, predictions: np.ndarray, classes: int) -> np.ndarray:
    """Counts, int64 (classes, classes): row = true class, column = predicted class; the sum is N.

    labels, predictions: int (N,) in 0..classes-1; anything else is a KitError.
    """
    _check(labels, predictions)
    for what, values in (("label", labels), ("prediction", predictions)):
        if values.min() < 0 or values.max() >= classes:
            bad = values.min() if values.min() < 0 else values.max()
            raise KitError(f"{what} {bad} is outside 0..{classes - 1}; check the number of classes")
    return np.bincount(labels * classes + predictions, minlength=classes * classes).reshape(classes, classes)


def precision_recall_f1(confusion: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Precision, recall and F1 of every class, each float64 (C,) in 0..1, no averaging.

    confusion: counts (C, C), rows true. A class that was never predicted has precision 0, one that never
    occurs has recall 0, and F1 is 0 where both are (scikit-learn's zero_division=0).
    """
    right = np.diag(confusion).astype(np.float64)
    predicted, true = confusion.sum(axis=0), confusion.sum(axis=1)
    return _share(right, predicted), _share(right, true), _share(2 * right, predicted + true)


def macro_f1(confusion: np.ndarray) -> float:
    """Unweighted mean of the F1 of all C classes, 0..1; a class neither present nor predicted counts 0."""
    return float(precision_recall_f1(confusion)[2].mean())


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def _check(labels: np.ndarray, predictions: np.ndarray) -> None:
    if len(labels) == 0 or len(labels) != len(predictions):
        raise KitError(f"{len(labels)} labels and {len(predictions)} predictions; give as many of each")
