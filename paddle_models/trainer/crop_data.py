"""Crops to train super-resolution on and whole images to judge it by, as the trainer asks for them."""

from collections.abc import Iterable

import numpy as np

from data_tools.batches.augment import Augmenter
from data_tools.batches.crops import CropPairs, WholePairs, check_crop, noise_pipeline, rows_that_fit
from data_tools.batches.loader import Batches, WorkerBatches, fit_workers, make_loader
from data_tools.errors import KitError
from data_tools.packed.packed_images import Images
from paddle_models.trainer import distributed


class CropData:
    """Training batches of random crops and validation batches of one whole image each.

    side: of the high-resolution crops. batch_size: crops over all ranks; the last batch of an epoch is left out where
    it would not be full. seed: of order and crops. workers: processes that prepare batches, None fits the cores.
    crops_per_image: how many of each image an epoch takes. noise: in levels, on the low
    resolution of the crops (noise_pipeline). largest: longest side that is judged (see WholePairs).
    skip_small: leave out training images that are smaller than a crop; `rows` tells which remain.
    Raises KitError where a crop does not fit into an image, or an epoch holds no batch.
    """

    def __init__(self, training: Images, validation: Images, side: int, scale: int, *, batch_size: int, seed: int,
                 workers: int | None = None, crops_per_image: int = 1, largest: int = 0, skip_small: bool = False,
                 noise: float = 0.0):
        disturb = Augmenter(noise_pipeline(noise)) if noise else None
        self.crops, self.whole = CropPairs(side, scale, disturb=disturb), WholePairs(scale, largest)
        fitting = rows_that_fit(training, side) if skip_small else np.arange(len(training))
        if not skip_small or not len(fitting):
            check_crop(training, side)
        self.train_images, self.validation_images = training, validation
        self.rows = np.tile(fitting, crops_per_image)
        self.batch_size, self.seed, self.workers = batch_size, seed, fit_workers(workers)
        # several ranks round the number of rows up before it is divided
        self.steps_per_epoch = len(self.training(0, 0))
        if not self.steps_per_epoch:
            raise KitError(f"{len(fitting)} images with {crops_per_image} crops of each fill no batch of {batch_size}; "
                           "take more crops of each image or a smaller --batch_size")

    def training(self, epoch: int, start_batch: int) -> Batches | WorkerBatches:
        """Batches of an epoch from `start_batch` on: a function of seed and epoch alone."""
        return make_loader(self.train_images, self.batch_size, shuffle=True, seed=self.seed, epoch=epoch,
                           start_batch=start_batch, rank=distributed.rank(), world=distributed.world(), drop_last=True,
                           workers=self.workers, rows=self.rows, assemble=self.crops)

    def validation(self) -> Iterable[dict[str, np.ndarray]]:
        """All images that choose the best weights."""
        return self.in_order(self.validation_images)

    def in_order(self, images: Images) -> Iterable[dict[str, np.ndarray]]:
        """Every image once, one to a batch of each rank."""
        return make_loader(images, distributed.world(), shuffle=False, seed=0, epoch=0, rank=distributed.rank(),
                           world=distributed.world(), assemble=self.whole)
