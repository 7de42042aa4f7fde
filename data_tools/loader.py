"""Batches of one epoch, in this process or in workers.

Everything random is a pure function of (seed, epoch, batch index, position in the batch). So a run that is
resumed in the middle of an epoch, read by another number of workers or split between other devices sees the
same images.
"""

import math
import os
import shutil
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from data_tools.errors import KitError

SHARED_MEMORY = "/dev/shm"
ROOMY = 512 * 2**20  # bytes; AI Studio gives 64 MB, and a worker that overruns it dies with a bus error
SIGNED_UNIT = (np.arange(256, dtype=np.float32) / 255.0) * 2.0 - 1.0  # the document's formula, for each value

Batch = dict[str, np.ndarray]


def hold_out(labels: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(kept rows, held-out rows), sorted: about `share` of each class, at least one, drawn with `seed`."""
    if not 0.0 < share < 1.0:
        raise KitError(f"holdout {share} is outside (0, 1); 0.1 holds out a tenth of each class")
    rng, held = np.random.default_rng(seed), []
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        held.append(members[:max(1, round(share * len(members)))])
    held = np.sort(np.concatenate(held))
    return np.setdiff1d(np.arange(len(labels)), held), held


def to_signed_unit(images: np.ndarray) -> np.ndarray:
    """(B, H, W, 3) uint8, 0..255, to (B, 3, H, W) float32, -1..1, by the document's x / 255 * 2 - 1."""
    return SIGNED_UNIT[np.ascontiguousarray(images.transpose(0, 3, 1, 2))]


def epoch_order(count: int, *, shuffle: bool, seed: int, epoch: int, world: int = 1) -> np.ndarray:
    """Indices of one epoch, int64, all ranks; padded from its own beginning to a multiple of `world`."""
    order = np.random.default_rng((seed, epoch)).permutation(count) if shuffle else np.arange(count)
    return np.resize(order, math.ceil(count / world) * world).astype(np.int64)


@dataclass
class Batches:
    """One rank's share of an epoch, batch by batch; see make_loader(). May be sent to worker processes."""

    store: object
    order: np.ndarray
    batch_size: int
    seed: int
    epoch: int
    start_batch: int
    stop_batch: int
    rank: int
    world: int
    augmenter: Callable | None
    normalize: Callable

    def __len__(self) -> int:
        return max(0, self.stop_batch - self.start_batch)

    def __iter__(self) -> Iterator[Batch]:
        for number in range(self.start_batch, self.stop_batch):
            yield self.batch(number)

    def indices(self, number: int) -> tuple[np.ndarray, int]:
        """This rank's indices into the store for batch `number`, and where its block begins in the batch."""
        whole = self.order[number * self.batch_size:(number + 1) * self.batch_size]
        share = len(whole) // self.world
        return whole[self.rank * share:(self.rank + 1) * share], self.rank * share

    def batch(self, number: int) -> Batch:
        """{"image": float32 (B, 3, H, W), "label": (B, ...), "index": int64 (B,)}."""
        indices, first = self.indices(number)
        images = self.store.images[indices]  # (B, H, W, 3) uint8
        if self.augmenter is not None:
            images = self.augmenter(images, (self.seed, self.epoch, number), first)
        return {"image": self.normalize(images), "label": self.store.labels[indices], "index": indices}


def make_loader(store, batch_size: int, *, shuffle: bool, seed: int, epoch: int, start_batch: int = 0,
                rank: int = 0, world: int = 1, augmenter: Callable | None = None, workers: int = 0,
                drop_last: bool = False, rows: np.ndarray | None = None,
                normalize: Callable = to_signed_unit) -> "Batches | WorkerBatches":
    """One epoch of `store` (`.images` (N, H, W, 3) uint8, `.labels`) as an iterable with a length.

    batch_size: of all ranks together. Each global batch is cut into `world` equal blocks and rank r gets the
    r-th, as paddle.io.DistributedBatchSampler does. Where N is no multiple of `world`, the epoch is padded
    from its own beginning, so a few images come twice: an evaluation drops the repeats by their "index".
    start_batch: first batch to yield; the ones before are not read. drop_last: no incomplete last batch.
    rows: the part of the store that is read, int64 (all of it without); "index" counts in the whole store.
    augmenter: called as augmenter(images, seed, first); normalize: (B, H, W, 3) uint8 to the input.
    workers: processes that prepare batches; 0 prepares them here and does not import Paddle.
    """
    if batch_size < 1 or batch_size % world:
        raise KitError(f"batch size {batch_size} cannot be split evenly between {world} processes; "
                       f"use a positive multiple of {world}")
    if workers < 0:
        raise KitError(f"workers is {workers}; give 0 or more")
    rows = np.arange(len(store.images)) if rows is None else np.asarray(rows, dtype=np.int64)
    order = rows[epoch_order(len(rows), shuffle=shuffle, seed=seed, epoch=epoch, world=world)]
    total = len(order) // batch_size if drop_last else math.ceil(len(order) / batch_size)
    batches = Batches(store, order, batch_size, seed, epoch, start_batch, total, rank, world, augmenter,
                      normalize)
    return WorkerBatches(batches, min(workers, len(batches))) if workers and len(batches) else batches


@dataclass
class WorkerBatches:
    """The same batches in the same order, prepared by `workers` processes of paddle.io.DataLoader."""

    batches: Batches
    workers: int

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Batch]:
        import paddle

        loader = paddle.io.DataLoader(
            _WorkerDataset(self.batches), batch_size=None, shuffle=False, num_workers=self.workers,
            places=paddle.CPUPlace(), collate_fn=_unchanged, worker_init_fn=_begin_worker,
            use_buffer_reader=False, use_shared_memory=shared_memory_is_roomy())
        batches, arrived = iter(loader), 0
        while arrived < len(self):
            try:
                item = {key: value.numpy() for key, value in next(batches).items()}
            except (RuntimeError, SystemError, StopIteration) as error:  # what a lost worker raises
                raise KitError("a data worker ended unexpectedly; memory may have run out: use fewer workers "
                               "or a smaller batch, or --workers 0") from error
            for kind, exception in (("error", KitError), ("fault", RuntimeError)):
                if kind in item:
                    raise exception(item[kind].tobytes().decode())
            arrived += 1
            yield item


class _WorkerDataset:
    """Item i is batch i. An error travels as a batch, since Paddle would report something else."""

    def __init__(self, batches: Batches):
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, item: int) -> Batch:
        try:
            return self.batches.batch(self.batches.start_batch + item)
        except KitError as error:
            return {"error": np.frombuffer(str(error).encode(), dtype=np.uint8)}
        except Exception:  # raised again, with this text, by the process that reads the batch
            return {"fault": np.frombuffer(traceback.format_exc().encode(), dtype=np.uint8)}


def _unchanged(batch: Batch) -> Batch:
    return batch


def _begin_worker(worker: int) -> None:
    import cv2

    cv2.setNumThreads(0)  # the workers share the cores already; threads of each would fight over them


def shared_memory_is_roomy(path: str = SHARED_MEMORY) -> bool:
    """Whether workers may pass batches through shared memory."""
    try:
        return shutil.disk_usage(path).free >= ROOMY
    except OSError:
        return False


def fit_workers(requested: int | None) -> int:
    """Number of data workers: None chooses 0 on one or two cores, else one less than cores, at most 8."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if requested is None:
        return 0 if cores <= 2 else min(cores - 1, 8)
    if requested < 0:
        raise KitError(f"workers is {requested}; give 0 or more, or leave it out")
    return min(requested, cores)
