"""__NAME__, numbers from images: python assignments/__NAME__/run.py --preset sample"""

import sys
from dataclasses import dataclass

from assignments.common.regression import RegressionWork
from assignments.common.splits import DataSet
from paddle_models.trainer.ranges import bounded
from paddle_models.trainer.settings import TrainerSettings


@dataclass
class Settings(TrainerSettings):
    """Where a spot lies"""

    # FILL IN: what can be set on the command line and in presets.yaml, each with its range
    hidden: int = bounded(64, 1, 1024)
    """hidden units"""


class MyWork(RegressionWork):
    """FILL IN: what is measured."""

    settings = Settings

    def find(self, data):
        # FILL IN: your images (N, H, W, 3) uint8 and numbers (N, K) float32, divided once and for all
        from data_tools.packed.arrays import ArrayStore

        images, places = spots(1200)
        parts = (slice(0, 800), slice(800, 1000), slice(1000, 1200))
        training, validation, test = (ArrayStore(images[part], places[part]) for part in parts)
        return DataSet(training, test, validation, origin="drawn", path="spots drawn by this file")

    def network(self, settings, classes):
        # FILL IN: from images (B, 3, H, W) in [-1, 1] to numbers (B, K)
        from paddle import nn

        return nn.Sequential(nn.Flatten(), nn.Linear(768, settings.hidden), nn.ReLU(), nn.Linear(settings.hidden, 2))

    def input_shape(self, settings):
        return 3, 16, 16


def spots(count):
    """(images (N, 16, 16, 3) uint8 with a bright spot each, its row and column (N, 2) in [0, 1])."""
    import numpy as np

    rng = np.random.default_rng(0)
    places = rng.uniform(0.15, 0.85, (count, 2)).astype(np.float32)
    axis = (np.arange(16) + 0.5) / 16
    distance = (axis[:, None] - places[:, :1, None]) ** 2 + (axis - places[:, 1:, None]) ** 2
    bright = 255 * np.exp(-distance / 0.01) + rng.uniform(0, 30, distance.shape)
    return np.repeat(bright.clip(0, 255).astype(np.uint8)[..., None], 3, axis=3), places


WORK = MyWork()
main = WORK.main

if __name__ == "__main__":
    sys.exit(main())
