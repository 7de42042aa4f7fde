"""Batches of image stores, as the trainer asks for them."""

import math
from collections.abc import Callable, Iterable

import numpy as np

from data_tools.batches.augment import Augmenter
from data_tools.batches.loader import fit_workers, make_loader, to_signed_unit
from data_tools.packed.arrays import Store
from paddle_models.trainer import distributed


class StoreData:
    """Training batches (shuffled, augmented) and validation batches (in order) of stores.

    Either may be a part of its store: `training_rows`, `validation_rows` (None: all). Both are this rank's share;
    batch_size counts the images over all ranks. seed: of order and augmentation. workers: processes that prepare
    batches, None fits the cores. normalize: (B, H, W, 3) uint8 to the network's input.
    """

    def __init__(self, training: Store, validation: Store, *, batch_size: int, seed: int,
                 workers: int | None = None, augmenter: Augmenter | None = None,
                 training_rows: np.ndarray | None = None, validation_rows: np.ndarray | None = None,
                 normalize: Callable = to_signed_unit):
        self.train_store, self.validation_store = training, validation
        self.training_rows = np.arange(len(training)) if training_rows is None else training_rows
        self.validation_rows = np.arange(len(validation)) if validation_rows is None else validation_rows
        self.batch_size, self.seed, self.workers = batch_size, seed, fit_workers(workers)
        self.augmenter, self.normalize = augmenter, normalize
        self.steps_per_epoch = math.ceil(len(self.training_rows) / batch_size)

    def training(self, epoch: int, start_batch: int) -> Iterable[dict[str, np.ndarray]]:
        """Batches of an epoch from `start_batch` on: a function of seed and epoch alone."""
        return make_loader(self.train_store, self.batch_size, shuffle=True, seed=self.seed, epoch=epoch,
                           start_batch=start_batch, rank=distributed.rank(), world=distributed.world(),
                           augmenter=self.augmenter, workers=self.workers, rows=self.training_rows,
                           normalize=self.normalize)

    def validation(self) -> Iterable[dict[str, np.ndarray]]:
        """All images that choose the best weights."""
        return self.in_order(self.validation_store, self.validation_rows)

    def in_order(self, store: Store, rows: np.ndarray | None = None) -> Iterable[dict[str, np.ndarray]]:
        """All of a store, or some rows of it, once and not augmented."""
        return make_loader(store, self.batch_size, shuffle=False, seed=0, epoch=0, rank=distributed.rank(),
                           world=distributed.world(), rows=rows, normalize=self.normalize)
