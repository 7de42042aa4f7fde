"""What a training will need, told from a few steps on some of its own images: memory, time, room on the disk."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import paddle

from paddle_models.trainer.batches import seed_everything, tensors
from paddle_models.trainer.loop import Trainer
from paddle_models.trainer.progress import peak_memory_mb

STATES = {"sgd": 0, "momentum": 1, "adagrad": 1, "adam": 2, "adamw": 2, "adamp": 2, "rmsprop": 3}  # arrays a weight
CLEAR = 32 << 20  # bytes by which memory has to grow before a slope is believed
SECONDS = 20.0  # after which no larger part of a batch is tried


@dataclass(frozen=True)
class Needs:
    """Bytes of this process at the peak of a step, `fixed` and for `each` image that passes through at once; seconds of
    a step of `batch` images; bytes of the checkpoints; how many images were tried at once."""

    fixed: float
    each: float
    seconds: float
    batch: int
    disk: int
    tried: int

    def memory(self, parts: int) -> float:
        """Bytes at the peak of a step whose batch goes through in so many parts."""
        return self.fixed + self.each * math.ceil(self.batch / parts)

    def parts_that_fit(self, free: float, least: int = 1) -> int | None:
        """The smallest number of parts, from `least` on, whose steps stay below `free` bytes; None where none does."""
        return next((parts for parts in range(least, self.batch + 1) if self.memory(parts) <= free), None)


def measure(trainer: Trainer, most: float = math.inf) -> Needs:
    """Forward and backward through 1, 2, 4, ... images of the first batch, until memory shows a slope; the trainer is
    then as it was before. most: bytes that memory should not come near."""
    batch = _first_batch(trainer)
    count = len(batch["index"])
    part = math.ceil(count / trainer.micro_batches)
    sizes: list[int] = []
    peaks: list[float] = []
    start = time.monotonic()
    with _unchanged(trainer):
        _timed_pass(trainer, batch, 1)  # the first one makes what all others use
        for size in _doubling(part):
            seconds = _timed_pass(trainer, batch, size)
            sizes, peaks = [*sizes, size], [*peaks, peak_memory_mb(trainer.device) * 2**20]
            growth = np.diff(peaks)
            clear = len(growth) > 1 and min(growth[-2:]) > CLEAR
            if clear or time.monotonic() - start > SECONDS or peaks[-1] + 2 * sum(growth[-1:]) > most:
                break
        if time.monotonic() - start < SECONDS:  # the first pass of a size made what that size needs
            seconds = _timed_pass(trainer, batch, sizes[-1])
    each = (peaks[-1] - peaks[-2]) / (sizes[-1] - sizes[-2]) if len(sizes) > 1 else 0.0
    states = 4 * sum(_count(network) for network in trainer.task.networks.values())
    fixed = peaks[-1] - each * sizes[-1] + states * STATES[trainer.settings.optimizer.name]
    return Needs(fixed, each, seconds / sizes[-1] * count, count, _disk(trainer), sizes[-1])


def _doubling(most: int) -> Iterator[int]:
    """1, 2, 4, ... and `most`."""
    size = 1
    while size < most:
        yield size
        size *= 2
    yield most


def _first_batch(trainer: Trainer) -> dict[str, np.ndarray]:
    """The first of the training, made in this process."""
    data = trainer.data
    workers = getattr(data, "workers", None)
    try:
        if workers is not None:
            data.workers = 0  # type: ignore[attr-defined]
        return next(iter(data.training(0, 0)))
    finally:
        if workers is not None:
            data.workers = workers  # type: ignore[attr-defined]


def _timed_pass(trainer: Trainer, batch: dict[str, np.ndarray], size: int) -> float:
    """Seconds of every loss of the task for the first `size` images, with its gradients; nothing is stepped."""
    start = time.monotonic()
    seed_everything(trainer.settings.seed, 0)
    images = tensors({key: values[:size] for key, values in batch.items()})
    for _, loss in trainer.precision.forward(trainer.task.losses(images)):
        loss.backward()
        float(loss)  # a GPU computes when it is asked
    for network in trainer.task.networks.values():
        for parameter in network.parameters():
            parameter.clear_gradient(False)
    return time.monotonic() - start


@contextmanager
def _unchanged(trainer: Trainer) -> Iterator[None]:
    """Running statistics, and what the task has noted, are afterwards what they were; nothing steps the weights."""
    networks = list(trainer.task.networks.values())
    kept = [(value, value.clone()) for network in networks for value in network.state_dict().values()
            if value.stop_gradient]
    for network in networks:
        network.train()
    try:
        yield
    finally:
        for value, former in kept:
            value.set_value(former)
        trainer.task.training_metrics()


def _disk(trainer: Trainer) -> int:
    """Bytes of the last checkpoint and the best, and of the one that replaces the last."""
    states = STATES[trainer.settings.optimizer.name] + bool(trainer.averages)
    weights = {name: 4 * _count(network) for name, network in trainer.task.networks.items()}
    judged = sum(weights[name] for name in trainer.task.judged or weights)
    return 2 * sum(weights.values()) * (1 + states) + judged


def _count(network: paddle.nn.Layer) -> int:
    return sum(int(np.prod(value.shape)) for value in network.state_dict().values())
