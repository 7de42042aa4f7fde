"""Training a classifier by hand: its input, a block of ResNet, its loss, its learning rate, and when it stops.

Images have shape (C, H, W), batches (N, C, H, W). Everything is float64.
"""

import numpy as np


def normalise(image: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8, 0..255, as a network's input: (3, H, W) in -1..1."""
    return np.moveaxis(image.astype(np.float64), -1, 0) / 127.5 - 1.0


def learning_rates(steps: np.ndarray, warmup: int, total: int, base: float, lowest: float) -> np.ndarray:
    """The learning rate of each step, (K,): a linear rise from 0 over `warmup` steps, then half a cosine down to
    `lowest` at step `total`, where it stays."""
    rising = base * steps / max(1, warmup)
    progress = np.clip((steps - warmup) / max(1, total - warmup), 0.0, 1.0)
    falling = lowest + (base - lowest) * (1 + np.cos(np.pi * progress)) / 2
    return np.where(steps < warmup, rising, falling)


def smoothed_cross_entropy(logits: np.ndarray, labels: np.ndarray, smoothing: float) -> float:
    """Mean cross entropy of logits (N, C) and labels (N,) whose targets are smoothed."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    targets = np.eye(logits.shape[1])[labels] * (1 - smoothing) + smoothing / logits.shape[1]
    return float(-(targets * log_p).sum(axis=1).mean())


def stopping_epoch(accuracies: np.ndarray, patience: int, least: float) -> tuple[int, int]:
    """(epoch after which training stops, best epoch) of the accuracies (E,) that epochs 0, 1, ... would reach."""
    best, best_epoch, bad = -np.inf, 0, 0
    for epoch, accuracy in enumerate(accuracies):
        if np.isfinite(accuracy) and accuracy - best > least:
            best, best_epoch, bad = accuracy, epoch, 0
            continue
        bad += 1
        if bad >= patience:
            return epoch, best_epoch
    return len(accuracies) - 1, best_epoch


def convolve(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """x (N, C, H, W) with kernels w (F, C, k, k), stride 1, zeros around so that the size stays: (N, F, H, W)."""
    edge = w.shape[-1] // 2
    padded = np.pad(x, ((0, 0), (0, 0), (edge, edge), (edge, edge)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, w.shape[-2:], axis=(2, 3))
    return np.einsum("nchwij,fcij->nfhw", windows, w)


def norm(x: np.ndarray, scale_shift: np.ndarray) -> np.ndarray:
    """Batch normalisation after training: each channel of x (N, C, H, W) times a scale plus a shift, (2, C)."""
    scale, shift = scale_shift[:, None, :, None, None]
    return x * scale + shift


def residual_block(x: np.ndarray, w1: np.ndarray, w2: np.ndarray, w3: np.ndarray, norm1: np.ndarray,
                   norm2: np.ndarray, norm3: np.ndarray) -> np.ndarray:
    """A bottleneck block of ResNet-50 whose input and output have the same shape (N, C, H, W)."""
    inner = np.maximum(norm(convolve(x, w1), norm1), 0.0)
    inner = np.maximum(norm(convolve(inner, w2), norm2), 0.0)
    return np.maximum(norm(convolve(inner, w3), norm3) + x, 0.0)
