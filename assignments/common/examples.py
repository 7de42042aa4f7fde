"""Pictures that a run leaves behind for its figures."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import cv2
import numpy as np

from data_tools.batches.augment import Augmenter
from data_tools.files.image_set import ImageSet
from data_tools.packed.arrays import Store
from data_tools.packed.store import resize
from paddle_models.tasks.metrics import cross_entropies
from reports.figures.most_wrong import IMAGES, ROWS, SHOWN

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


def most_wrong(rows: Mapping[str, np.ndarray], store: Store, images: Any) -> dict[str, np.ndarray]:
    """The images with the largest loss (of several questions the largest mean), the worst first: pictures (N, S, S, 3)
    uint8 and their rows; {} where answers are no classes. rows: of the evaluation of the store; images: the set that it
    was packed of, or the store itself."""
    labels, probabilities = rows.get("label"), rows.get("probabilities")
    if labels is None or probabilities is None or not labels.ndim <= probabilities.ndim <= 2:
        return {}
    losses = cross_entropies(labels, probabilities).reshape(len(labels), -1).mean(axis=1)
    worst = np.argsort(-losses, kind="stable")[:SHOWN]
    if isinstance(images, ImageSet):
        shown = [images.decode(images.names.index(store.names[row])) for row in worst]
    else:
        shown = list(np.asarray(store.images[np.sort(worst)])[np.argsort(np.argsort(worst))])
    return {IMAGES: np.stack([whole(image, PICTURE_SIDE) for image in shown]), ROWS: worst}


def whole(image: np.ndarray, side: int) -> np.ndarray:
    """(H, W, 3) uint8 to (side, side, 3), proportions kept: what is not square lies on white."""
    scale = side / max(image.shape[:2])
    height, width = (max(1, round(scale * length)) for length in image.shape[:2])
    square = np.full((side, side, 3), 255, np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    square[top:top + height, left:left + width] = cv2.resize(
        image, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    return square
