"""One process of growth.py: python -m assignments.bench.growth_worker pack|train DATA SCRATCH START; answers with a
line of JSON.

pack: decode and pack the set, as the first run of an assignment does. train: what any later run does, up to the end of
its first epoch, with a network so small that the data matter. START: time.time() when the process was asked for.
"""

import json
import os
import sys
import time
import zlib  # noqa: F401  before Paddle: 2.6.2 carries its own zlib symbols
from pathlib import Path
from typing import Any

SIDE, BATCH, WIDTHS = 64, 256, (16, 32, 64)


def pack(data: str, scratch: Path) -> dict[str, Any]:
    """Seconds for the three splits and peak memory."""
    from data_tools.sets.celeba import find_celeba

    begin = time.monotonic()
    stores = _stores(find_celeba(data), scratch)
    return {"seconds": time.monotonic() - begin, "images": sum(map(len, stores)), "peak_mb": peak_mb()}


def train(data: str, scratch: Path, start: float) -> dict[str, Any]:
    """Seconds from START to the first batch, of the epoch's training part, and with validation and checkpoint; peak
    memory."""
    import paddle_models  # noqa: F401  sets the environment before Paddle is imported
    from data_tools.batches.loader import to_unit
    from data_tools.sets.celeba import find_celeba
    from paddle_models.fast.fast_layers import accelerate
    from paddle_models.tasks.attribute_task import AttributeTask
    from paddle_models.trainer import runtime
    from paddle_models.trainer.loop import Trainer, seed_everything
    from paddle_models.trainer.run_folder import RunFolder
    from paddle_models.trainer.settings import TrainerSettings, from_dict
    from paddle_models.trainer.store_data import StoreData

    class Watched(StoreData):
        """Notes when the first batch of training is there, and the memory in use then."""

        first = 0.0
        memory = 0.0

        def training(self, epoch: int, start_batch: int):
            for batch in super().training(epoch, start_batch):
                if not self.first:
                    self.first, self.memory = time.time() - start, peak_mb()
                yield batch

    device = runtime.start("cpu")
    imported = time.time() - start
    celeba = find_celeba(data)
    listed = time.time() - start
    training, validation, _ = _stores(celeba, scratch)
    opened = time.time() - start
    settings = from_dict(TrainerSettings, {"batch_size": BATCH, "epochs": 1, "checkpoint_minutes": 1e6, "workers": 0},
                         "bench")
    seed_everything(settings.seed, 0)
    network = tiny_network()
    accelerate(network)
    watched = Watched(training, validation, batch_size=settings.batch_size, seed=settings.seed,
                      workers=settings.workers, normalize=to_unit)
    with RunFolder(scratch / f"run-{os.getpid()}") as run:
        trainer = Trainer(AttributeTask(network), watched, settings, run, device)
        begin = time.monotonic()
        trainer.fit()
        whole = time.monotonic() - begin
    position = trainer.position
    return {"imported": imported, "labels_read": listed, "stores_open": opened, "first_batch": watched.first,
            "first_batch_mb": watched.memory, "images": position.images, "epoch": position.seconds, "whole": whole,
            "wait_share": position.waiting / position.seconds, "peak_mb": peak_mb()}


def tiny_network():
    """Three convolutions with stride 2, mean, 40 logits: 29,000 weights."""
    from paddle import nn

    layers, channels = [], 3
    for width in WIDTHS:
        layers += [nn.Conv2D(channels, width, 3, stride=2, padding=1), nn.ReLU()]
        channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2D(1), nn.Flatten(), nn.Linear(channels, 40))


def _stores(celeba, scratch: Path) -> list:
    from data_tools.packed.store import PackedStore
    from data_tools.sets.celeba import CROP

    return [PackedStore.open(split, SIDE, folder=scratch / "packed", crop=CROP, progress=False)
            for split in (celeba.training, celeba.validation, celeba.test)]


def peak_mb() -> float:
    """Most memory that this process has had, MB. Not of getrusage, which counts the parent's at the time of the
    start."""
    for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise OSError("/proc/self/status has no VmHWM")


def main() -> None:
    """Do what is asked; libraries print to standard error meanwhile."""
    what, data, scratch, start = sys.argv[1:]
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    found = pack(data, Path(scratch)) if what == "pack" else train(data, Path(scratch), float(start))
    print(json.dumps(found), file=answer, flush=True)


if __name__ == "__main__":
    main()
