"""__NAME__, a classifier: python assignments/__NAME__/run.py --preset sample"""

import sys
from dataclasses import dataclass

from assignments.common.splits import DataSet
from assignments.common.work import Work
from paddle_models.trainer.ranges import bounded
from paddle_models.trainer.settings import TrainerSettings


@dataclass
class Settings(TrainerSettings):
    """Handwritten digits"""

    # FILL IN: what can be set on the command line and in presets.yaml, each with its range
    hidden: int = bounded(64, 1, 1024)
    """hidden units"""


class MyWork(Work):
    """FILL IN: what is told apart."""

    settings, classes = Settings, tuple("0123456789")

    def find(self, data):
        # FILL IN: your images (N, H, W, 3) uint8 and labels (N,), divided once and for all
        import numpy as np
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split

        from data_tools.packed.arrays import ArrayStore

        x, y = load_digits(return_X_y=True)
        images = np.repeat((x.reshape(-1, 8, 8, 1) * 15.9375).astype(np.uint8), 3, axis=3)
        rows = train_test_split(np.arange(len(y)), test_size=450, stratify=y, random_state=0)
        training, test = (ArrayStore(images[part], y[part], [f"digit {i}" for i in part]) for part in rows)
        return DataSet(training, test, path="scikit-learn's digits")

    def network(self, settings, classes):
        # FILL IN: from images (B, 3, H, W) in [-1, 1] to logits (B, number of classes)
        from paddle import nn

        return nn.Sequential(nn.Flatten(), nn.Linear(192, settings.hidden), nn.ReLU(),
                             nn.Linear(settings.hidden, len(classes)))

    def input_shape(self, settings):
        return 3, 8, 8


WORK = MyWork()
main = WORK.main

if __name__ == "__main__":
    sys.exit(main())
