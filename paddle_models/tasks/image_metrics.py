"""PSNR and SSIM of enlarged images, by the protocol that super-resolution papers quote.

| name | colour | border | computed on |
|---|---|---|---|
| psnr_y, ssim_y | Y of BT.601, 16..235 | `scale` pixels cut off each side | values rounded to 8 bits before, Y not
rounded | | psnr_rgb, ssim_rgb | the three channels | none | values rounded to 8 bits; SSIM is the mean over the
channels |

All in float64, one value per image; a set's value is the mean over its images. So that one image that is reproduced to
the bit does not make that mean infinite, no image counts for more than HIGHEST dB. SSIM (Wang et al., 2004) with an
11x11 Gaussian window, sigma 1.5, K1 = 0.01, K2 = 0.03, population variances, the mean over the places where the window
fits.
"""


import cv2
import numpy as np

from data_tools.errors import KitError

WINDOW, SIGMA = 11, 1.5
PEAK = 255.0
HIGHEST = 100.0  # dB; one wrong grey level in a picture of 400x400 has 100.2
Y_WEIGHTS = np.array([65.481, 128.553, 24.966]) / 255.0  # BT.601, studio range
Y_OFFSET = 16.0


def to_bytes(values: np.ndarray) -> np.ndarray:
    """Floats in [0, 1] to uint8, 0..255, rounded to the nearest; what lies outside is cut."""
    return np.rint(np.clip(np.asarray(values, np.float32), 0.0, 1.0) * 255.0).astype(np.uint8)


def rgb_to_y(image: np.ndarray) -> np.ndarray:
    """(..., 3) RGB, 0..255, to Y of BT.601, float64 (...), 16..235; as MATLAB's rgb2ycbcr without its rounding."""
    return np.asarray(image, np.float64) @ Y_WEIGHTS + Y_OFFSET


def psnr(image: np.ndarray, reference: np.ndarray) -> float:
    """10 log10(255^2 / mean squared difference) in dB of arrays of one shape, 0..255; infinite where they are equal."""
    error = np.mean(np.square(np.asarray(image, np.float64) - np.asarray(reference, np.float64)))
    return float(10.0 * np.log10(PEAK**2 / error)) if error > 0 else float("inf")


def ssim(image: np.ndarray, reference: np.ndarray) -> float:
    """Structural similarity of (H, W) or (H, W, C) arrays, 0..255; 1 for equal ones, at least -1.

    Raises KitError where a side is shorter than the window.
    """
    x, y = np.asarray(image, np.float64), np.asarray(reference, np.float64)
    if min(x.shape[:2]) < WINDOW:
        raise KitError(f"SSIM needs images of at least {WINDOW}x{WINDOW} pixels after the border is cut, this one has "
                       f"{x.shape[1]}x{x.shape[0]}; leave it out")
    mean_x, mean_y = _window_mean(x), _window_mean(y)
    variance_x = _window_mean(x * x) - mean_x**2
    variance_y = _window_mean(y * y) - mean_y**2
    covariance = _window_mean(x * y) - mean_x * mean_y
    c1, c2 = (0.01 * PEAK)**2, (0.03 * PEAK)**2
    similarity = ((2 * mean_x * mean_y + c1) * (2 * covariance + c2)
                  / ((mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2)))
    return float(similarity.mean())


def _window_mean(values: np.ndarray) -> np.ndarray:
    """Gaussian mean at every place where the whole window lies inside."""
    kernel, edge = cv2.getGaussianKernel(WINDOW, SIGMA, cv2.CV_64F), WINDOW // 2
    return cv2.sepFilter2D(values, cv2.CV_64F, kernel, kernel)[edge:-edge, edge:-edge]


def measure(image: np.ndarray, reference: np.ndarray, border: int) -> dict[str, float]:
    """psnr_y, ssim_y, psnr_rgb and ssim_rgb of two (H, W, 3) uint8 RGB images, PSNR at most HIGHEST dB.

    border: pixels cut for Y, the scale.
    """
    if image.shape != reference.shape:
        raise KitError(f"an image of {image.shape[1]}x{image.shape[0]} pixels cannot be compared with one of "
                       f"{reference.shape[1]}x{reference.shape[0]}; cut the reference to a multiple of the scale")
    inside = slice(border, -border or None)
    y, y_reference = rgb_to_y(image)[inside, inside], rgb_to_y(reference)[inside, inside]
    return {"psnr_y": min(psnr(y, y_reference), HIGHEST), "ssim_y": ssim(y, y_reference),
            "psnr_rgb": min(psnr(image, reference), HIGHEST), "ssim_rgb": ssim(image, reference)}
