"""Batches of one epoch, in this process or in workers.

Everything random is a pure function of (seed, epoch, batch index, position in the batch). So a run that is
resumed in the middle of an epoch, read by another number of workers or split between other devices sees the
same images.
"""

import json
import math
import multiprocessing
import os
import signal
import socket
import sys
import threading
import traceback
import types
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.reduction import ForkingPickler
from multiprocessing.util import Finalize
from typing import Any

import numpy as np

from data_tools.errors import KitError
from data_tools.machine import cores
from data_tools.packed.arrays import Store

PRELOADED = ("numpy", "cv2", "imgaug.augmenters")  # a second to import, so a new worker should find them there
SIGNED_UNIT = (np.arange(256, dtype=np.float32) / 255.0) * 2.0 - 1.0  # the document's formula, for each value

Batch = dict[str, np.ndarray]


def hold_out(labels: np.ndarray, share: float, seed: int,
             groups: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """(kept rows, held-out rows), sorted: about `share` of each class, at least one, drawn with `seed`.

    Of attributes, labels (N, K), it is a share of all. groups: a number for each row; rows of one number (images that
    are nearly the same) stand on one side, but for a class of too few groups. KitError where none is left to train on.
    """
    groups = np.arange(len(labels)) if groups is None else groups.copy()
    if not 0.0 < share < 1.0:
        raise KitError(f"holdout {share} is outside (0, 1); 0.1 holds out a tenth of each class")
    if labels.ndim == 2:
        if max(1, round(share * len(labels))) >= len(labels):
            raise KitError(f"setting holdout: {share:.0%} of {len(labels)} training images leaves none to train on")
        labels = np.zeros(len(labels), np.int64)  # one class of all
    rng, held = np.random.default_rng(seed), np.zeros(len(labels), bool)
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        held[_whole_groups(members, max(1, round(share * len(members))), groups)] = True
    # of other classes, but nearly the same as a held one: on neither side
    unlike = ~np.isin(groups, groups[held])
    return np.flatnonzero(unlike), np.flatnonzero(held)


def _whole_groups(members: np.ndarray, count: int, groups: np.ndarray) -> np.ndarray:
    """The first of the shuffled rows, `count` or a few less, so that their groups are whole; groups that do not fit are
    passed over. Where none fits, each row becomes its own group: some are held out all the same."""
    own = groups[members]
    sizes, drawn, left = dict(zip(*np.unique(own, return_counts=True))), set(), count
    for group in own:
        if group not in drawn and sizes[group] <= left:
            drawn.add(group)
            left -= sizes[group]
    if not drawn:
        groups[members] = -1 - members
        return members[:count]
    return members[np.isin(own, list(drawn))]


def to_unit(images: np.ndarray) -> np.ndarray:
    """(N, H, W, 3) uint8 RGB to (N, 3, H, W) float32 in [0, 1]."""
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2), dtype=np.float32) * np.float32(1 / 255)


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

    store: Store
    order: np.ndarray
    batch_size: int
    seed: int
    epoch: int
    start_batch: int
    stop_batch: int
    rank: int
    world: int
    assemble: Callable

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
        """What `assemble` makes of this rank's images, and their "index", int64 (B,)."""
        indices, first = self.indices(number)
        return {**self.assemble(self.store, indices, (self.seed, self.epoch, number), first), "index": indices}


@dataclass(frozen=True)
class WholeImages:
    """The usual batch: {"image": float32 (B, 3, H, W), "label": (B, ...)} of images as they stand in the store."""

    augmenter: Callable | None
    normalize: Callable

    def __call__(self, store: Store, indices: np.ndarray, seed: tuple[int, ...], first: int) -> Batch:
        images = store.images[indices]  # (B, H, W, 3) uint8
        if self.augmenter is not None:
            images = self.augmenter(images, seed, first)
        return {"image": self.normalize(images), "label": store.labels[indices]}


def make_loader(store: Store, batch_size: int, *, shuffle: bool, seed: int, epoch: int, start_batch: int = 0,
                rank: int = 0, world: int = 1, augmenter: Callable | None = None, workers: int = 0,
                drop_last: bool = False, rows: np.ndarray | None = None,
                normalize: Callable = to_signed_unit, assemble: Callable | None = None) -> "Batches | WorkerBatches":
    """One epoch of `store` as an iterable with a length.

    batch_size: of all ranks together. Each global batch is cut into `world` equal blocks and rank r gets the
    r-th, as paddle.io.DistributedBatchSampler does. Where N is no multiple of `world`, the epoch is padded
    from its own beginning, so a few images come twice: an evaluation drops the repeats by their "index".
    start_batch: first batch to yield; the ones before are not read. drop_last: no incomplete last batch.
    rows: the part of the store that is read, int64 (all of it without); "index" counts in the whole store.
    augmenter: called as augmenter(images, seed, first); normalize: (B, H, W, 3) uint8 to the input.
    assemble: makes another kind of batch, of images of any size too, called as assemble(store, indices, seed,
    first), where image i draws from (*seed, first + i); augmenter and normalize are then not used.
    workers: processes that prepare batches, two ahead each; 0 prepares them here. They live as long as one
    iteration lasts, never longer than this process, and get store, augmenter, normalize and assemble pickled: all
    come from modules. Only where one is defined in the main script is that script imported by each worker,
    as the module "__mp_main__"; it then needs the guard `if __name__ == "__main__"`.
    """
    if batch_size < 1 or batch_size % world:
        raise KitError(f"batch size {batch_size} cannot be split evenly between {world} processes; "
                       f"use a positive multiple of {world}")
    if workers < 0:
        raise KitError(f"workers is {workers}; give 0 or more")
    rows = np.arange(len(store.images)) if rows is None else np.asarray(rows, dtype=np.int64)
    order = rows[epoch_order(len(rows), shuffle=shuffle, seed=seed, epoch=epoch, world=world)]
    total = len(order) // batch_size if drop_last else math.ceil(len(order) / batch_size)
    batches = Batches(store, order, batch_size, seed, epoch, start_batch, total, rank, world,
                      assemble or WholeImages(augmenter, normalize))
    return WorkerBatches(batches, min(workers, len(batches))) if workers and len(batches) else batches


@dataclass
class WorkerBatches:
    """The same batches in the same order, prepared by `workers` processes.

    An iteration raises a KitError of a worker as it is, any other exception as RuntimeError with the worker's
    traceback, and KitError when a worker cannot be started or dies.
    """

    batches: Batches
    workers: int

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Batch]:
        crew = _Crew()
        try:
            crew.start(self.batches, self.workers)
            for number in range(len(self)):
                yield crew.receive(number % self.workers)
        finally:
            crew.end()


class _Crew:
    """Worker w of n prepares the batches w, w + n, w + 2n, ... and sends them through a socket of its own.

    A pool with one queue for all (concurrent.futures) waits for ever when a worker is killed while it sends:
    the others keep the queue open. A socket that only one worker holds ends when that worker does.
    """

    def __init__(self):
        self.members = []  # (process, socket, file that reads the socket)
        # Also called when the interpreter exits, which would otherwise wait for the workers.
        self.end = Finalize(self, _end, (self.members,), exitpriority=1)

    def start(self, batches: Batches, workers: int) -> None:
        try:
            job = bytes(ForkingPickler.dumps(batches))
        except Exception as error:  # pickling raises whatever an object's own code raises
            raise KitError(f"workers cannot get a copy of the data: {error}; define the augmenter and the like at "
                           "the top of a module, or use --workers 0") from error
        main_file = getattr(sys.modules["__main__"], "__file__", None)  # none in a notebook, "<stdin>" of a pipe
        hide_main = b"__main__" not in job or not os.path.isfile(main_file or "")
        try:
            for worker in range(workers):
                ours, theirs = socket.socketpair()
                self.members.append((_start(theirs, hide_main), ours, ours.makefile("rb")))  # theirs is closed
                _send(ours, {"worker": worker, "workers": workers}, {"job": np.frombuffer(job, np.uint8)})
        except (OSError, EOFError) as error:
            raise KitError(f"a data worker cannot be started: {error}; use fewer workers or --workers 0") from error

    def receive(self, worker: int) -> Batch:
        try:
            answer, batch = _receive(self.members[worker][2])
        except (OSError, EOFError) as error:
            raise KitError("a data worker ended unexpectedly; memory may have run out: use fewer workers or a "
                           "smaller batch, or --workers 0") from error
        if "error" in answer:
            raise KitError(answer["error"])
        if "fault" in answer:
            raise RuntimeError(answer["fault"])
        return batch


def _end(members: list) -> None:
    for process, _, _ in members:
        if process.is_alive():
            process.kill()  # it holds nothing that others need
    for process, ours, file in members:
        file.close()
        ours.close()
        process.join(timeout=10)


_starting = threading.Lock()


def _start(theirs: socket.socket, hide_main: bool) -> multiprocessing.Process:
    """A new worker at the other end of `theirs`, which is closed here."""
    # Not "fork": a copy of a process whose other threads hold locks may wait for these for ever.
    forkserver = "forkserver" in multiprocessing.get_all_start_methods()
    context: Any = multiprocessing.get_context("forkserver" if forkserver else "spawn")
    with theirs, _starting, _signals_held_back(), _one_thread_of_blas(), _main_hidden() if hide_main else nullcontext():
        if forkserver:
            context.set_forkserver_preload([name for name in PRELOADED if name in sys.modules])
        process = context.Process(target=_work, args=(theirs,), daemon=True)
        process.start()
    return process


@contextmanager
def _one_thread_of_blas() -> Iterator[None]:
    """What is started inherits this: the workers share the cores, and a worker of the forkserver may wait for ever,
    the interpreter's lock held, for threads that OpenBLAS had before the fork."""
    before = os.environ.get("OPENBLAS_NUM_THREADS")
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["OPENBLAS_NUM_THREADS"]
        else:
            os.environ["OPENBLAS_NUM_THREADS"] = before


@contextmanager
def _signals_held_back() -> Iterator[None]:
    """What is started inherits this: Ctrl-C and a SIGTERM to the whole group are for the parent to decide on."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # its own start would let the signals through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _main_hidden() -> Iterator[None]:
    """Keeps new processes from importing the main script, which may have no guard or come from standard input."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _work(ours: socket.socket) -> None:
    """The life of a worker. One batch waits in the socket (tiny ones: a few) while the next one is prepared."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    sending = None
    try:
        part, arrays = _receive(ours.makefile("rb"))
        with ThreadPoolExecutor(1) as sender:
            for header, batch in _answers(arrays["job"], part["worker"], part["workers"]):
                if sending is not None:
                    sending.result()
                sending = sender.submit(_send, ours, header, batch)
    except (OSError, EOFError):  # the parent has left
        return


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:  # as in every worker
        parent.join()
    os._exit(1)


def _answers(job: np.ndarray, worker: int, workers: int) -> Iterator[tuple[dict, Batch]]:
    """(header, arrays) for each batch of this worker; the last one may tell of an error."""
    try:
        import cv2

        cv2.setNumThreads(0)  # the workers share the cores already; threads of each would fight over them
        batches = ForkingPickler.loads(job.data)
        for number in range(batches.start_batch + worker, batches.stop_batch, workers):
            yield {}, batches.batch(number)
    except KitError as error:
        yield {"error": str(error)}, {}
    except Exception:
        yield {"fault": traceback.format_exc()}, {}


def _send(to: socket.socket, header: dict, arrays: Batch) -> None:
    """A line of JSON, then the arrays' bytes: pickled, large arrays would take ten times as long."""
    described = [(key, array.dtype.str, array.shape) for key, array in arrays.items()]
    to.sendall(json.dumps([header, described]).encode() + b"\n")
    for array in arrays.values():
        to.sendall(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)


def _receive(file) -> tuple[dict, Batch]:
    """What _send() sent; EOFError where the other end has gone."""
    line = file.readline()
    if not line.endswith(b"\n"):
        raise EOFError("no answer")
    header, described = json.loads(line)
    arrays = {key: np.empty(shape, dtype) for key, dtype, shape in described}
    for array in arrays.values():
        if file.readinto(array.reshape(-1).view(np.uint8)) != array.nbytes:
            raise EOFError("half an answer")
    return header, arrays


def fit_workers(requested: int | None) -> int:
    """Number of data workers: None chooses 0 on one or two cores, else one less than cores, at most 8."""
    if requested is None:
        return 0 if cores() <= 2 else min(cores() - 1, 8)
    if requested < 0:
        raise KitError(f"workers is {requested}; give 0 or more, or leave it out")
    return min(requested, cores())
