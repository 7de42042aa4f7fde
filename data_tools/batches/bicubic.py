"""The two ways of bicubic resizing: how low resolution is made, and what every model is measured against."""

import numpy as np
from PIL import Image

from data_tools.errors import KitError


def cut_to_multiple(image: np.ndarray, scale: int) -> np.ndarray:
    """The upper left part of (H, W, ...) whose sides are multiples of `scale`; a view."""
    height, width = (side - side % scale for side in image.shape[:2])
    if not height or not width:
        raise KitError(f"an image of {image.shape[1]}x{image.shape[0]} pixels is too small to be reduced {scale} "
                       "times; leave it out")
    return image[:height, :width]


def reduce_bicubic(image: np.ndarray, scale: int) -> np.ndarray:
    """(H, W, 3) uint8, sides multiples of `scale`, to (H/scale, W/scale, 3): Pillow's BICUBIC, which widens its kernel
    by the scale and so does not alias; MATLAB's imresize agrees to 0.01 dB on Set5.
    """
    height, width = image.shape[:2]
    if height % scale or width % scale:
        raise ValueError(f"{width}x{height} is no multiple of {scale}; cut_to_multiple() first")
    return resized(image, height // scale, width // scale)


def enlarge_bicubic(image: np.ndarray, scale: int) -> np.ndarray:
    """(H, W, 3) uint8 to (scale H, scale W, 3), by the same kernel: what every model is measured against."""
    return resized(image, image.shape[0] * scale, image.shape[1] * scale)


def resized(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """(H, W, 3) uint8, or (H, W) float32, to another size, by Pillow's BICUBIC."""
    return np.asarray(Image.fromarray(np.ascontiguousarray(image)).resize((width, height), Image.Resampling.BICUBIC))
