"""The layers of a small CNN by hand: convolution, max pooling, batch normalisation, and what back-propagation needs.

x are images or feature maps (N, C, H, W), w kernels (F, C, k, k) with k odd, b biases (F,). E is the loss; upstream is
the derivative of E by a layer's output. Everything is float64.
"""

import numpy as np


def max_pool(x: np.ndarray) -> np.ndarray:
    """The largest value of each 2 x 2 square of x (N, C, H, W), H and W even: (N, C, H/2, W/2)."""
    n, c, h, w = x.shape
    return x.reshape(n, c, h // 2, 2, w // 2, 2).max(axis=(3, 5))


def batch_norm_evaluation(x: np.ndarray, scale: np.ndarray, shift: np.ndarray, mean: np.ndarray, variance: np.ndarray,
                          epsilon: float) -> np.ndarray:
    """Batch normalisation of x (N, C, H, W) by what was learned in training; all others but epsilon (C,)."""
    per_channel = (slice(None), None, None)
    factor = (scale / np.sqrt(variance + epsilon))[per_channel]
    return (x - mean[per_channel]) * factor + shift[per_channel]


def batch_norm_training(x: np.ndarray, scale: np.ndarray, shift: np.ndarray, mean: np.ndarray, variance: np.ndarray,
                        momentum: float, epsilon: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(y, new running mean, new running variance) of batch normalisation in training."""
    found, spread = x.mean(axis=(0, 2, 3)), x.var(axis=(0, 2, 3))
    y = batch_norm_evaluation(x, scale, shift, found, spread, epsilon)
    return y, momentum * mean + (1 - momentum) * found, momentum * variance + (1 - momentum) * spread


def windows(x: np.ndarray, kernel: int) -> np.ndarray:
    """The kernel x kernel square around every place of x, zeros outside: (N, C, H, W, kernel, kernel), a view."""
    edge = kernel // 2
    padded = np.pad(x, ((0, 0), (0, 0), (edge, edge), (edge, edge)))
    return np.lib.stride_tricks.sliding_window_view(padded, (kernel, kernel), axis=(2, 3))


def convolve(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Convolution as networks mean it, stride 1, zeros around: (N, F, H, W)."""
    return np.einsum("nchwij,fcij->nfhw", windows(x, w.shape[-1]), w) + b[:, None, None]


def max_pool_gradient(x: np.ndarray, upstream: np.ndarray) -> np.ndarray:
    """dE/dx (N, C, H, W) of max pooling, upstream (N, C, H/2, W/2)."""
    n, c, h, w = x.shape
    squares = x.reshape(n, c, h // 2, 2, w // 2, 2).swapaxes(3, 4).reshape(*upstream.shape, 4)
    chosen = np.eye(4)[squares.argmax(axis=-1)] * upstream[..., None]
    return chosen.reshape(n, c, h // 2, w // 2, 2, 2).swapaxes(3, 4).reshape(x.shape)


def convolution_gradient(x: np.ndarray, w: np.ndarray,
                         upstream: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(dE/dx, dE/dw, dE/db) of convolve(x, w, b), upstream (N, F, H, W)."""
    turned = w[:, :, ::-1, ::-1]
    dx = np.einsum("nfhwij,fcij->nchw", windows(upstream, w.shape[-1]), turned)
    return dx, np.einsum("nchwij,nfhw->fcij", windows(x, w.shape[-1]), upstream), upstream.sum(axis=(0, 2, 3))
