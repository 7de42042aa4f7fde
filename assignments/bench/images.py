"""Peers that prepare images: augmentation, and the packed store against decoding. Single-threaded, measured by CPU time."""

import time
from itertools import count
from pathlib import Path

from assignments.bench.turns import Turns

SIDE, BATCH = 224, 32


def augment_as_kit(turns: Turns) -> None:
    """The kit's Augmenter with the document's pipeline."""
    _per_core(turns)
    from data_tools.augment import Augmenter, monkey_pipeline

    images = _store(turns).images
    augmenter = Augmenter(monkey_pipeline())
    batches = count()
    for turn in turns:
        while turn.lasts():
            number = next(batches)
            index = number % len(images)
            augmenter(images[[index]], (0, number // len(images)), index)
            turn.done(1)


def augment_as_document(turns: Turns) -> None:
    """The document's listing 2.4.2, called for each image."""
    _per_core(turns)
    import random

    from assignments.bench.document import image_augment_imgauglib

    random.seed(0)
    images = _store(turns).images
    images = [images[i].copy() for i in range(len(images))]
    numbers = count()
    for turn in turns:
        while turn.lasts():
            image_augment_imgauglib(images[next(numbers) % len(images)])
            turn.done(1)


def read_store(turns: Turns) -> None:
    """Batches of uint8 (B, S, S, 3) from the packed store, in a new order each epoch."""
    _per_core(turns)
    from data_tools.loader import make_loader

    store = _store(turns)
    epochs = count()

    def batches():
        while True:  # as they are: the conversion to float32 is the same for both peers
            yield from make_loader(store, BATCH, shuffle=True, seed=0, epoch=next(epochs), normalize=_unchanged)

    stream = batches()
    for turn in turns:
        while turn.lasts():
            turn.done(len(next(stream)["image"]))


def decode_each_epoch(turns: Turns) -> None:
    """The same batches from the files: cv2.imread and cv2.resize, as in the document's listing 2.4.1."""
    _per_core(turns)
    import cv2
    import numpy as np

    folder = Path(_drawn(turns))
    files = sorted(str(path) for path in folder.glob("training/*/*.jpg"))
    generator = np.random.default_rng(0)

    def batches():
        while True:
            order = generator.permutation(len(files))
            for start in range(0, len(files), BATCH):
                yield np.stack([cv2.resize(cv2.imread(files[i]), (SIDE, SIDE)) for i in order[start:start + BATCH]])

    stream = batches()
    for turn in turns:
        while turn.lasts():
            turn.done(len(next(stream)))


def _unchanged(images):
    return images


def _per_core(turns: Turns) -> None:
    """One thread, and images per second of a core."""
    import cv2

    cv2.setNumThreads(0)
    turns.clock = time.process_time


def _drawn(turns: Turns) -> Path:
    """The monkeys' drawn sample, smaller; drawn once for all peers of a case."""
    from data_tools.monkey_sample import draw_monkeys

    per_class = (1, 1) if turns.quick else (20, 1)
    return draw_monkeys(turns.scratch / "monkeys", training_per_class=per_class[0], validation_per_class=per_class[1])


def _store(turns: Turns):
    """Its training images, packed."""
    from data_tools.monkeys import find_monkeys
    from data_tools.packed import PackedStore

    return PackedStore.open(find_monkeys(_drawn(turns)).training, SIDE, folder=turns.scratch / "packed", progress=False)
