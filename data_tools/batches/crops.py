"""Pairs of high and low resolution: random crops to train on, whole images to judge by.

Both are what make_loader(assemble=...) calls with a store of packed_images.py.
"""

from dataclasses import dataclass, field

import imgaug.augmenters as iaa
import imgaug.parameters as iap
import numpy as np

from data_tools.batches.augment import Augmenter
from data_tools.batches.bicubic import reduce_bicubic
from data_tools.batches.loader import Batch, to_unit
from data_tools.errors import KitError
from data_tools.packed.packed_images import Images

POSITION, NOISE = 1, 2  # mark the random numbers that place a crop, and disturb it, apart from those that turn it


def crop_pipeline() -> iaa.Augmenter:
    """The paper's section III-B: mirrored half of the time, turned by 0, 90, 180 or 270 degrees."""
    with iap.no_prefetching():  # samples drawn ahead would outlive a new seed
        return iaa.Sequential([iaa.Fliplr(0.5), iaa.Rot90((0, 3))])


def noise_pipeline(levels: float) -> iaa.Augmenter:
    """Normal noise of each channel with a deviation from 0 to `levels` of 256, another one for each image."""
    with iap.no_prefetching():
        return iaa.AdditiveGaussianNoise(scale=(0, levels), per_channel=True)


def check_crop(images: Images, side: int) -> None:
    """KitError where a crop of `side` pixels cannot be cut from every image."""
    small = np.flatnonzero(images.shapes.min(axis=1) < side)
    if len(small):
        named = ", ".join(f"{images.names[i]} ({images.shapes[i][1]}x{images.shapes[i][0]})" for i in small[:3])
        more = f" and {len(small) - 3} more" if len(small) > 3 else ""
        raise KitError(f"crops of {side}x{side} pixels do not fit into {len(small)} of {len(images)} images: "
                       f"{named}{more}; give a smaller crop, or leave these images out")


def rows_that_fit(images: Images, side: int) -> np.ndarray:
    """Indices, int64, of the images from which a crop of `side` pixels can be cut."""
    return np.flatnonzero(images.shapes.min(axis=1) >= side)


@dataclass(frozen=True)
class CropPairs:
    """{"hr": float32 (B, 3, side, side), "lr": (B, 3, side / scale, side / scale)}, RGB in [0, 1].

    One random crop of each image, mirrored and turned, and its antialiased bicubic reduction: a function of the image
    and the seed alone. disturb: changes the reduction, not the crop, so that a network learns to leave it out.
    KitError where `side` is no multiple of `scale`.
    """

    side: int
    scale: int
    turn: Augmenter = field(default_factory=lambda: Augmenter(crop_pipeline()))
    disturb: Augmenter | None = None

    def __post_init__(self) -> None:
        if self.side < self.scale or self.side % self.scale:
            raise KitError(f"a crop of {self.side} pixels cannot be reduced {self.scale} times; give a multiple of "
                           f"{self.scale}")

    def __call__(self, store: Images, indices: np.ndarray, seed: tuple[int, ...], first: int) -> Batch:
        crops = np.stack([self._crop(store, int(index), (*seed, first + i)) for i, index in enumerate(indices)])
        crops = self.turn(crops, seed, first)  # (B, side, side, 3) uint8
        small = np.stack([reduce_bicubic(crop, self.scale) for crop in crops])
        small = self.disturb(small, (*seed, NOISE), first) if self.disturb else small
        return {"hr": to_unit(crops), "lr": to_unit(small)}

    def _crop(self, store: Images, index: int, seed: tuple[int, ...]) -> np.ndarray:
        room = store.shapes[index] - self.side  # rows and columns that are left over
        if room.min() < 0:
            check_crop(store, self.side)
        top, left = np.random.default_rng((*seed, POSITION)).integers(room + 1)
        return store.cut(index, int(top), int(left), self.side, self.side)


@dataclass(frozen=True)
class WholePairs:
    """The same of whole images, one to a batch: sides cut to multiples of `scale`.

    largest: longest side that is judged, of the middle of the image (a multiple of scale; 0: all of it). It bounds
    memory and time of a validation on DIV2K's 2,040 pixels.
    """

    scale: int
    largest: int = 0

    def __call__(self, store: Images, indices: np.ndarray, seed: tuple[int, ...], first: int) -> Batch:
        if len(indices) != 1:
            raise ValueError(f"images of several sizes make no batch of {len(indices)}; use batch size 1")
        index = int(indices[0])
        bound = self.largest or max(store.shapes[index])
        height, width = (int(min(side, bound)) // self.scale * self.scale for side in store.shapes[index])
        if not height or not width:
            raise KitError(f"{store.names[index]} is too small to be reduced {self.scale} times; leave it out")
        top, left = ((side - kept) // 2 if self.largest else 0
                     for side, kept in zip(store.shapes[index], (height, width)))
        image = store.cut(index, int(top), int(left), height, width)
        return {"hr": to_unit(image[None]), "lr": to_unit(reduce_bicubic(image, self.scale)[None])}
