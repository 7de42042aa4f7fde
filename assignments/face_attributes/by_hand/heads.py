"""A network with seven heads by hand: the order of its outputs, and what an EfficientFormerV2 does before them.

N faces, K attributes, C features. Everything is float64.
"""

from collections.abc import Sequence

import numpy as np


def mappings(attributes: Sequence[str], regions: Sequence[Sequence[str]]) -> tuple[np.ndarray, np.ndarray]:
    """(to_head, to_label), (K,) each: labels[:, to_head] stand in the order of the heads, and outputs[:, to_label] of
    the heads in the order of the attributes."""
    to_head = np.array([list(attributes).index(name) for region in regions for name in region])
    return to_head, np.argsort(to_head)


def residual_branch(x: np.ndarray, branch: np.ndarray, scale: np.ndarray, u: np.ndarray, rate: float,
                    training: bool) -> np.ndarray:
    """x plus a branch (N, C, H, W) with layer scale (C,) and, in training, drop path by random numbers u (N,)."""
    kept = (u >= rate) / (1 - rate) if training else np.ones(len(x))
    return x + branch * scale[:, None, None] * kept[:, None, None, None]


def seven_heads(features: np.ndarray, parameters: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """Logits (N, K) of features (N, C): each head [w1, b1, w2, b2, w3, b3] has two hidden layers with ReLU."""
    answers = []
    for w1, b1, w2, b2, w3, b3 in parameters:
        hidden = np.maximum(features @ w1 + b1, 0)
        hidden = np.maximum(hidden @ w2 + b2, 0)
        answers.append(hidden @ w3 + b3)
    return np.concatenate(answers, axis=1)


def distance_index(rows: int, columns: int) -> np.ndarray:
    """Column of the bias table for each pair of places on a grid, (rows columns, rows columns)."""
    row, column = np.divmod(np.arange(rows * columns), columns)
    return np.abs(row[:, None] - row) * columns + np.abs(column[:, None] - column)


def biased_attention(query: np.ndarray, key: np.ndarray, value: np.ndarray, table: np.ndarray, rows: int,
                     columns: int) -> np.ndarray:
    """Attention of every place to every place, (heads, places, d), with a learned bias for their distance."""
    scores = query @ key.swapaxes(1, 2) / np.sqrt(query.shape[-1]) + table[:, distance_index(rows, columns)]
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True) @ value
