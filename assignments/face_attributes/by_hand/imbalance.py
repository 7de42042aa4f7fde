"""Attributes of which some are rare, by hand: their losses, how they are judged, and what is averaged and calibrated.

labels (N, K) are 0 or 1. Everything is float64.
"""

import numpy as np


def moving_average(weights: np.ndarray, decay: float) -> np.ndarray:
    """The moving average (K,) of weights (T + 1, K), the initial ones and those after each of T steps."""
    average = weights[0].copy()
    for step, value in enumerate(weights[1:], 1):
        share = min(decay, (1 + step) / (10 + step))
        average = share * average + (1 - share) * value
    return average


def binary_cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Mean binary cross entropy of logits (N, K), in nats."""
    return float((np.logaddexp(0, logits) - labels * logits).mean())


def focal_loss(logits: np.ndarray, labels: np.ndarray, gamma: float) -> float:
    """Mean focal loss of logits (N, K), in nats."""
    away = np.where(labels == 1, -logits, logits)  # grows with the error
    return float((np.exp(-gamma * np.logaddexp(0, -away)) * np.logaddexp(0, away)).mean())


def balanced_accuracy(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Of each attribute (K,), 0..1: the mean of the recalls of present and absent."""
    right = (probabilities > 0.5) == (labels == 1)
    recalls = []
    for kind in (0, 1):
        there = labels == kind
        count = there.sum(axis=0)
        recalls.append(np.where(count > 0, (right & there).sum(axis=0) / np.maximum(count, 1), np.nan))
    return np.nanmean(recalls, axis=0)


def average_precision(labels: np.ndarray, scores: np.ndarray) -> float:
    """Area under the precision-recall curve of one attribute, labels and scores (N,); NaN where it never occurs."""
    total = int(labels.sum())
    if not total:
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    last_of_ties = np.append(np.diff(scores[order]) != 0, True)
    found = np.cumsum(labels[order])[last_of_ties]
    chosen = np.arange(1, len(scores) + 1)[last_of_ties]
    return float(np.sum(np.diff(found, prepend=0) / total * found / chosen))


def reliability_curve(labels: np.ndarray, probabilities: np.ndarray, bins: int) -> tuple[np.ndarray, ...]:
    """(mean probability, share that is present, count) of each of `bins` equal parts of 0..1, of one attribute."""
    number = np.maximum(np.ceil(probabilities * bins) - 1, 0).astype(int)
    count = np.bincount(number, minlength=bins)
    with np.errstate(invalid="ignore"):
        mean, share = (np.bincount(number, values, bins) / count for values in (probabilities, labels))
    return mean, share, count
