"""How an enlarged picture is judged by hand: by its pixels, by its structure, by a discriminator, by its smoothness."""

import numpy as np

Y_WEIGHTS, Y_OFFSET = np.array([65.481, 128.553, 24.966]) / 255, 16.0  # of R, G, B (0..255): brightness Y, 16..235


def total_variation(image: np.ndarray) -> float:
    """How much neighbours differ in images (N, C, H, W): twice the sum of two mean squares, down and across."""
    return float(2 * ((np.diff(image, axis=2)**2).mean() + (np.diff(image, axis=3)**2).mean()))


def psnr_y(image: np.ndarray, reference: np.ndarray, border: int) -> float:
    """Peak signal-to-noise ratio on Y, in dB, of two (H, W, 3) uint8 RGB images, without `border` pixels all around."""
    y = [picture.astype(np.float64) @ Y_WEIGHTS + Y_OFFSET for picture in (image, reference)]
    inside = slice(border, -border or None)
    error = np.mean((y[0] - y[1])[inside, inside]**2)
    return float(10 * np.log10(255**2 / error)) if error > 0 else float("inf")


def gaussian_window(size: int, sigma: float) -> np.ndarray:
    """Weights (size,) of a Gaussian around the middle of `size` places, with the sum 1."""
    place = np.arange(size) - (size - 1) / 2
    weights = np.exp(-place**2 / (2 * sigma**2))
    return weights / weights.sum()


def window_mean(values: np.ndarray) -> np.ndarray:
    """Mean of values (H, W), weighed by the Gaussian window of 11 x 11 places with sigma 1.5, wherever it fits:
    (H - 10, W - 10)."""
    for axis in (0, 1):
        windows = np.lib.stride_tricks.sliding_window_view(values, 11, axis=axis)
        values = windows @ gaussian_window(11, 1.5)
    return values


def ssim(x: np.ndarray, y: np.ndarray) -> float:
    """Structural similarity of two grey images (H, W), 0..255: the mean over the places of the window."""
    mean_x, mean_y = window_mean(x), window_mean(y)
    variance_x, variance_y = window_mean(x * x) - mean_x**2, window_mean(y * y) - mean_y**2
    covariance = window_mean(x * y) - mean_x * mean_y
    c1, c2 = (0.01 * 255)**2, (0.03 * 255)**2
    return float(np.mean((2 * mean_x * mean_y + c1) * (2 * covariance + c2)
                         / ((mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2))))


def generator_losses(fake: np.ndarray, real: np.ndarray) -> tuple[float, float, float]:
    """The generator's loss by logits (N,) of its images and of photographs: non-saturating, one minus, relativistic."""
    plain = np.logaddexp(0, -fake).mean()
    one_minus = np.exp(-np.logaddexp(0, fake)).mean()
    relativistic = (np.logaddexp(0, real.mean() - fake).mean() + np.logaddexp(0, real - fake.mean()).mean()) / 2
    return float(plain), float(one_minus), float(relativistic)


def discriminator_losses(fake: np.ndarray, real: np.ndarray) -> tuple[float, float]:
    """The discriminator's loss by logits (N,) of generated images and of photographs: usual, relativistic."""
    usual = np.logaddexp(0, -real).mean() + np.logaddexp(0, fake).mean()
    relativistic = (np.logaddexp(0, fake.mean() - real).mean() + np.logaddexp(0, fake - real.mean()).mean()) / 2
    return float(usual), float(relativistic)
