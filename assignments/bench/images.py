"""Peers that prepare images: augmentation, and the packed store against decoding. Single-threaded, measured by CPU
time."""

import os
import time
from itertools import count

from assignments.bench.turns import Turns

SIDE, FACE_SIDE, BATCH = 224, 32, 32


def augment_as_kit(turns: Turns) -> None:
    """The kit's Augmenter with the document's pipeline."""
    _per_core(turns)
    from data_tools.batches.augment import Augmenter, monkey_pipeline

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
    _read_epochs(_store(turns), turns)


def decode_each_epoch(turns: Turns) -> None:
    """The same batches from the files: cv2.imread and cv2.resize, as in the document's listing 2.4.1."""
    _per_core(turns)
    _decode_epochs(_monkeys(turns).training, SIDE, turns)


def read_records(turns: Turns) -> None:
    """Batches of uint8 (B, 32, 32, 3) from TFRecord shards, in a new order each epoch."""
    _per_core(turns)
    from data_tools.packed.records import RecordStore

    store = RecordStore.open(_faces(turns).training, FACE_SIDE, folder=turns.scratch / "records", progress=False,
                             processes=1)
    _read_epochs(store, turns)


def decode_faces_each_epoch(turns: Turns) -> None:
    """The same batches from the faces of 128x128 pixels."""
    _per_core(turns)
    _decode_epochs(_faces(turns).training, FACE_SIDE, turns)


def _read_epochs(store, turns: Turns) -> None:
    """Epoch after epoch of a store, shuffled."""
    from data_tools.batches.loader import make_loader

    epochs = count()

    def batches():
        while True:  # as they are: the conversion to float32 is the same for both peers
            yield from make_loader(store, BATCH, shuffle=True, seed=0, epoch=next(epochs), normalize=_unchanged)

    stream = batches()
    for turn in turns:
        while turn.lasts():
            turn.done(len(next(stream)["image"]))


def _decode_epochs(image_set, side: int, turns: Turns) -> None:
    """Epoch after epoch of the files of an image set, shuffled, each decoded and resized with OpenCV."""
    import cv2
    import numpy as np

    files = [os.path.join(image_set.source.path, name) for name in image_set.names]
    generator = np.random.default_rng(0)

    def batches():
        while True:
            order = generator.permutation(len(files))
            for start in range(0, len(files), BATCH):
                yield np.stack([cv2.resize(cv2.imread(files[i]), (side, side)) for i in order[start:start + BATCH]])

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


def _monkeys(turns: Turns):
    """The monkeys' drawn sample, smaller; drawn once for all peers of a case."""
    from data_tools.drawing.monkey_sample import draw_monkeys
    from data_tools.sets.monkeys import find_monkeys

    per_class = 1 if turns.quick else 20
    return find_monkeys(draw_monkeys(turns.scratch / "monkeys", training_per_class=per_class, validation_per_class=1))


def _faces(turns: Turns):
    """The drawn glasses set, smaller."""
    from data_tools.drawing.glasses_sample import draw_glasses
    from data_tools.sets.glasses import find_glasses

    return find_glasses(draw_glasses(turns.scratch / "glasses", count=60 if turns.quick else 600))


def _store(turns: Turns):
    """The monkeys' training images, packed."""
    from data_tools.packed.store import PackedStore

    return PackedStore.open(_monkeys(turns).training, SIDE, folder=turns.scratch / "packed", progress=False)
