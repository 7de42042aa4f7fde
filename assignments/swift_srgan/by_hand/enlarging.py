"""Enlarging by hand: the layers of Swift-SRGAN, the kernel it is measured against, and large pictures in tiles.

x are feature maps (N, C, H, W). Everything is float64.
"""

from collections.abc import Callable

import numpy as np


def separable_cost(channels: int, out: int, kernel: int, height: int, width: int) -> tuple[int, int, int, int]:
    """(parameters, multiply-adds) of a depthwise separable convolution, then of a plain one; no biases."""
    separable, plain = kernel**2 * channels + channels * out, kernel**2 * channels * out
    return separable, separable * height * width, plain, plain * height * width


def separable_convolution(x: np.ndarray, depthwise: np.ndarray, pointwise: np.ndarray) -> np.ndarray:
    """A kernel depthwise (C, k, k) for each channel of x alone, zeros around, then pointwise (F, C): (N, F, H, W)."""
    edge = depthwise.shape[-1] // 2
    padded = np.pad(x, ((0, 0), (0, 0), (edge, edge), (edge, edge)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, depthwise.shape[1:], axis=(2, 3))
    return np.einsum("nchwij,cij,fc->nfhw", windows, depthwise, pointwise, optimize=True)


def pixel_shuffle(x: np.ndarray, scale: int) -> np.ndarray:
    """x (N, C scale^2, H, W) with channels turned into pixels: (N, C, scale H, scale W)."""
    n, channels, h, w = x.shape
    split = x.reshape(n, channels // scale**2, scale, scale, h, w)
    return split.transpose(0, 1, 4, 2, 5, 3).reshape(n, channels // scale**2, scale * h, scale * w)


def bicubic_kernel(t: np.ndarray, a: float) -> np.ndarray:
    """The cubic convolution kernel at distances t of any sign and shape; a is its slope at 1."""
    t = np.abs(t)
    near = (a + 2) * t**3 - (a + 3) * t**2 + 1
    far = a * (t**3 - 5 * t**2 + 8 * t - 4)
    return np.where(t <= 1, near, np.where(t < 2, far, 0.0))


def bicubic_matrix(size: int, scale: int) -> np.ndarray:
    """M (size / scale, size) by which a row of `size` pixels is reduced: M @ row; a = -0.5, without aliasing."""
    centres = (np.arange(size // scale) + 0.5) * scale
    weights = bicubic_kernel((np.arange(size) + 0.5 - centres[:, None]) / scale, -0.5)
    return weights / weights.sum(axis=1, keepdims=True)


def enlarge_in_tiles(network: Callable[[np.ndarray], np.ndarray], image: np.ndarray, scale: int, side: int,
                     margin: int) -> np.ndarray:
    """network(image) (scale H, scale W) of an image (H, W), computed in tiles of at most `side` pixels a side."""
    height, width = image.shape
    result = np.empty((scale * height, scale * width))
    for top in range(0, height, side):
        for left in range(0, width, side):
            bottom, right = min(height, top + side), min(width, left + side)
            above, before = max(0, top - margin), max(0, left - margin)
            found = network(image[above:min(height, bottom + margin), before:min(width, right + margin)])
            rows = slice(scale * (top - above), scale * (bottom - above))
            columns = slice(scale * (left - before), scale * (right - before))
            result[scale * top:scale * bottom, scale * left:scale * right] = found[rows, columns]
    return result
