"""A classifier looked at closely: where it errs, whether it has seen the test images before, and what it looks at."""

import numpy as np


def confusion_matrix(labels: np.ndarray, predictions: np.ndarray, classes: int) -> np.ndarray:
    """How many images of each true class (row) are predicted as each class (column): (classes, classes)."""
    counts = np.zeros((classes, classes))
    np.add.at(counts, (labels, predictions), 1)
    return counts


def macro_f1(confusion: np.ndarray) -> float:
    """Mean of the F1 of all classes, 0..1, of a confusion matrix (C, C); a class without any image or answer has 0."""
    right = np.diag(confusion).astype(np.float64)
    both = confusion.sum(axis=0) + confusion.sum(axis=1)
    return float(np.mean(np.where(both > 0, 2 * right / np.maximum(both, 1), 0.0)))


def near_duplicates(hashes: np.ndarray, most: int) -> np.ndarray:
    """Pairs (P, 2) of rows i < j of hashes (N, 64) that differ in at most `most` bits, in the order of i, then j."""
    distances = (hashes[:, None] != hashes[None]).sum(axis=-1)
    return np.argwhere(np.triu(distances <= most, 1))


def cosines(size: int) -> np.ndarray:
    """The matrix D (size, size) of the cosine transform: D @ v are the terms of v, the slowest first."""
    frequency, place = np.arange(size)[:, None], np.arange(size)
    rows = np.cos(np.pi * frequency * (2 * place + 1) / (2 * size)) * np.sqrt(2 / size)
    rows[0] /= np.sqrt(2)
    return rows


def perceptual_hash(grey: np.ndarray) -> np.ndarray:
    """64 bits, 0 or 1, of a grey image (32, 32): which of its 8 x 8 slowest cosine terms are above their median."""
    transform = cosines(32)
    terms = (transform @ grey @ transform.T)[:8, :8].ravel()
    return (terms > np.median(terms)).astype(np.int64)


def grad_cam(activations: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Where an image speaks for a class: (h, w) in 0..1, of a layer's activations (C, h, w) and the gradients of the
    class's logit by them."""
    weights = gradients.mean(axis=(1, 2))
    heat = np.maximum(np.tensordot(weights, activations, axes=1), 0.0)
    return heat / heat.max() if heat.max() > 0 else heat
