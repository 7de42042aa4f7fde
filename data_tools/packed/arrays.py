"""What a store of images is, and one made of anybody's own arrays."""

import hashlib
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from data_tools.errors import KitError


class Store(Protocol):
    """Images ready for batches, which is all that loader and trainer ask for.

    images: images[row] is (H, W, 3) uint8 RGB; where all have one size, images[rows] is (B, H, W, 3).
    labels: a row for each image, int64 (N,) for classes or uint8 (N, K), 0 or 1, for attributes.
    names: of the images, for people. fingerprint: another one for other images or labels.
    """

    @property
    def images(self) -> Any: ...

    @property
    def labels(self) -> np.ndarray: ...

    @property
    def names(self) -> Sequence[str]: ...

    @property
    def fingerprint(self) -> str: ...

    def __len__(self) -> int: ...


class ArrayStore:
    """A store of arrays in memory: images (N, H, W, 3) uint8 RGB; labels, a row for each.

    Integer labels of shape (N,) are classes and become int64. names: row numbers where there are none. The arrays
    are kept, not copied, and must not be changed afterwards. KitError where they do not fit together.
    """

    def __init__(self, images: np.ndarray, labels: Any, names: Sequence[str] = ()):
        self.images, self.labels = np.asarray(images), _in_64_bits(np.asarray(labels))
        self.names = tuple(map(str, names)) or tuple(map(str, range(len(self.images))))
        if self.images.dtype != np.uint8 or self.images.ndim != 4 or self.images.shape[3] != 3:
            raise KitError(f"images are {self.images.dtype} {self.images.shape}; a store wants uint8 (N, H, W, 3), RGB "
                           "from 0 to 255")
        if not len(self.images) == len(self.labels) == len(self.names):
            raise KitError(f"{len(self.images)} images, {len(self.labels)} labels and {len(self.names)} names; "
                           "each image needs one of both")

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over images and labels, with their shapes and types."""
        digest = hashlib.sha256()
        for array in (self.images, self.labels):
            digest.update(f"{array.dtype.str} {array.shape}\n".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


def _in_64_bits(labels: np.ndarray) -> np.ndarray:
    """Classes as the losses want them."""
    return labels.astype(np.int64) if labels.ndim == 1 and labels.dtype.kind in "iu" else labels
