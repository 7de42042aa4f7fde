"""Perceptual hashes: images that are nearly the same differ in few bits."""

import cv2
import numpy as np

NEAR = 6  # of 64 bits. On the real set copies differ in 0 to 4 bits, different species in 12 and more.


def perceptual_hash(image: np.ndarray) -> np.uint64:
    """64-bit pHash of (H, W, 3) uint8 RGB: signs of the lowest 8 x 8 cosine terms of a 32 x 32 grey copy.

    Each term is compared with the median. Recompression and resizing change a few bits;
    other photographs differ in about 32.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)
    terms = cv2.dct(small)[:8, :8].ravel()
    return np.packbits(terms > np.median(terms)).view(np.uint64)[0]


def hamming(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Differing bits of all pairs: (N,) and (M,) uint64 to (N, M) uint8, 0..64."""
    different = left[:, None] ^ right[None, :]
    octets = different.view(np.uint8).reshape(*different.shape, 8)
    return np.unpackbits(octets, axis=-1).sum(-1, dtype=np.uint8)
