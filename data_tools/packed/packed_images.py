"""Images of any size, decoded once into one uint8 file that is memory mapped; pieces are cut from it.

Same files, locks and checks as store.py; the JSON file holds the shapes, from which the places of the images follow.
"""

import bisect
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from data_tools.files.image_set import ImageSet
from data_tools.packed.store import MappedStore, Packed, Pixels, open_store

PAGE = 4096  # bytes; reading a row of a piece maps at least one page
FORM = "whole"


@dataclass(frozen=True, kw_only=True)
class PackedImages(MappedStore):
    """One image set with every image as it is.

    shapes: (N, 2) int64 height and width. images: N views (H, W, 3) of the mapped file, which is `pixels` as a whole.
    """

    shapes: np.ndarray
    pixels: Pixels = field(init=False, repr=False, compare=False)

    def _views(self) -> dict[str, Any]:
        sizes = 3 * self.shapes.prod(axis=1)
        ends = np.cumsum(sizes)
        pixels = Pixels(self.path, dtype=np.uint8, mode="r", shape=(int(ends[-1]),))
        return {"pixels": pixels, "images": tuple(
            np.asarray(pixels)[end - size:end].reshape(*shape, 3)
            for end, size, shape in zip(ends.tolist(), sizes.tolist(), self.shapes.tolist()))}

    def cut(self, index: int, top: int, left: int, height: int, width: int) -> np.ndarray:
        """A copy (height, width, 3) of a piece of image `index`, its corner at (top, left); it must lie inside."""
        rows, columns = self.shapes[index]
        if not (0 <= top <= top + height <= rows and 0 <= left <= left + width <= columns):
            raise ValueError(f"{height}x{width} at ({top}, {left}) is not inside of {rows}x{columns}")
        piece = np.array(self.images[index][top:top + height, left:left + width])
        self.pixels.copied(height * max(3 * width, PAGE))
        return piece

    @classmethod
    def open(cls, image_set: ImageSet, folder: str | Path | None = None, skip_unreadable: bool = False,
             progress: bool = True) -> "PackedImages":
        """The store of `image_set` in `folder`, built where there is none or a source file has changed since.

        folder: default places.cache("packed"). Raises KitError that lists every image that cannot be
        read, unless skip_unreadable leaves them out, and when the disk is full.
        """

        def make(pixels: str, packed: Packed) -> "PackedImages":
            return cls(path=pixels, shapes=packed.shapes, **packed.fields_of_store(FORM))

        return open_store(image_set, FORM, np.ascontiguousarray, make, folder, skip_unreadable, progress)


@dataclass(frozen=True)
class JoinedImages:
    """Several stores as one, in their order; DIV2K and Flickr2K lie in archives of their own."""

    stores: tuple[PackedImages, ...]

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Index of the first image of each store."""
        return tuple(np.cumsum([0, *(len(store) for store in self.stores)])[:-1].tolist())

    @property
    def images(self) -> tuple[np.ndarray, ...]:
        return sum((store.images for store in self.stores), ())

    @cached_property
    def shapes(self) -> np.ndarray:
        return np.concatenate([store.shapes for store in self.stores])

    @cached_property
    def labels(self) -> np.ndarray:
        return np.concatenate([store.labels for store in self.stores])

    @cached_property
    def names(self) -> tuple[str, ...]:
        return sum((store.names for store in self.stores), ())

    @cached_property
    def fingerprint(self) -> str:
        return "+".join(store.fingerprint for store in self.stores)

    @cached_property
    def unreadable(self) -> tuple[str, ...]:
        return sum((store.unreadable for store in self.stores), ())

    def __len__(self) -> int:
        return sum(len(store) for store in self.stores)

    def cut(self, index: int, top: int, left: int, height: int, width: int) -> np.ndarray:
        """As PackedImages.cut."""
        which = bisect.bisect_right(self.starts, index) - 1
        return self.stores[which].cut(index - self.starts[which], top, left, height, width)


Images = PackedImages | JoinedImages


def join(stores: Sequence[PackedImages]) -> Images:
    """One store of several; a single one as it is."""
    return stores[0] if len(stores) == 1 else JoinedImages(tuple(stores))
