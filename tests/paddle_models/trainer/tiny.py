"""A tiny classifier on random images, trained by the real trainer: `python tiny.py RUN_FOLDER [--resume] [key=value
...]`.

Also the process that tests kill, starve of disk space and start twice.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

from paddle_models.trainer.settings import TrainerSettings, from_dict

IMAGES, CLASSES, SIDE = 40, 3, 8
DEFAULTS = {"epochs": 3, "batch_size": 8, "log_every": 1, "amp": {"level": "off"}, "fast_layers": False,
            "optimizer": {"name": "adamw", "lr": 0.01, "weight_decay": 0.01},
            "schedule": {"name": "cosine", "warmup_epochs": 1}}


class TinyData:
    """Random images whose mean colour tells the class; order and noise are functions of (seed, epoch, batch)."""

    def __init__(self, settings: TrainerSettings, images: int = IMAGES):
        import numpy as np

        from paddle_models.trainer import distributed

        rng = np.random.default_rng(7)
        self.settings, self.rank, self.world = settings, distributed.rank(), distributed.world()
        self.labels = rng.integers(0, CLASSES, images)
        self.images = rng.normal(0, 0.5, (images, 3, SIDE, SIDE)).astype("float32")
        self.images[np.arange(images), self.labels] += 0.5
        self.steps_per_epoch = -(-images // settings.batch_size)

    def _batches(self, order, start):
        size = self.settings.batch_size
        for begin in range(start * size, len(order), size):
            share = order[begin:begin + size][self.rank::self.world]
            yield {"image": self.images[share], "label": self.labels[share], "index": share}

    def training(self, epoch, start_batch):
        import numpy as np

        return self._batches(np.random.default_rng((self.settings.seed, epoch)).permutation(len(self.labels)),
                             start_batch)

    def validation(self):
        import numpy as np

        return self._batches(np.arange(len(self.labels)), 0)


def tiny_network(dropout=0.2, norm=True):
    """Convolution, BatchNorm, dropout, linear."""
    from paddle import nn

    return nn.Sequential(nn.Conv2D(3, 4, 3, padding=1), nn.BatchNorm2D(4) if norm else nn.Identity(), nn.ReLU(),
                         nn.AdaptiveAvgPool2D(1), nn.Flatten(), nn.Dropout(dropout), nn.Linear(4, CLASSES))


def tiny_trainer(run, build=tiny_network, task_class=None, device="cpu", **settings):
    """A Trainer over TinyData; `build` makes the network once the seed is set; further keyword arguments are
    settings."""
    from paddle_models.tasks.classification import ClassificationTask
    from paddle_models.trainer.loop import Trainer, seed_everything

    settings = from_dict(TrainerSettings, {**DEFAULTS, **settings}, "tiny")
    seed_everything(settings.seed, 0)
    task = (task_class or ClassificationTask)(build(), ("red", "green", "blue"), label_smoothing=0.1)
    return Trainer(task, TinyData(settings), settings, run, device)


def plain_network():
    """Neither dropout nor BatchNorm: a batch and its parts give the same gradient."""
    return tiny_network(dropout=0.0, norm=False)


def main(arguments):
    from data_tools.errors import KitError
    from paddle_models.trainer import distributed, runtime
    from paddle_models.trainer.loop import Interrupted
    from paddle_models.trainer.run_folder import RunFolder

    folder, resume = Path(arguments[0]), "--resume" in arguments
    settings = {key: json.loads(value) for key, value in (a.split("=") for a in arguments if "=" in a)}
    kill_at, plain, pause = settings.pop("kill_at", None), settings.pop("plain", False), settings.pop("pause", 0)
    device = runtime.start("cpu")
    try:
        with RunFolder(folder, writer=distributed.rank() == 0) as run:
            trainer = tiny_trainer(run, plain_network if plain else tiny_network, device=device, **settings)
            if resume:
                trainer.resume()
            if kill_at or pause:
                advance = trainer._note

                def note(losses):
                    advance(losses)
                    time.sleep(pause)
                    if trainer.position.step == kill_at:
                        os.kill(os.getpid(), signal.SIGKILL)
                trainer._note = note
            trainer.fit()
            run.write_json("result.json", {"stopped": trainer.stopped})
    except KitError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except Interrupted as stop:
        print(stop)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
