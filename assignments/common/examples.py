"""Pictures that a run leaves behind for its figures."""

from collections.abc import Callable, Sequence

import numpy as np

from data_tools.batches.augment import Augmenter
from data_tools.files.image_set import ImageSet
from data_tools.packed.store import resize

PICTURE_SIDE = 160  # pixels of the pictures in figures


def pictures(images: ImageSet, names: Sequence[str]) -> np.ndarray:
    """(N, S, S, 3) uint8 at the size of a figure, which the network's input may fall short of."""
    return np.stack([resize(images.decode(images.names.index(name)), PICTURE_SIDE) for name in names])


def spread(count: int, wanted: int) -> np.ndarray:
    """`wanted` rows of `count`, from the first to the last."""
    return np.linspace(0, count - 1, wanted).astype(int)


def augmented(originals: np.ndarray, pipeline: Callable, copies: int, seed: int) -> dict[str, np.ndarray]:
    """(N, S, S, 3) uint8 images, and so many copies of each as the pipeline changes them, (N, copies, S, S, 3)."""
    changed = Augmenter(pipeline())(np.repeat(originals, copies, axis=0), (seed,))
    return {"augmented_originals": originals,
            "augmented_examples": changed.reshape(len(originals), copies, *originals.shape[1:])}
