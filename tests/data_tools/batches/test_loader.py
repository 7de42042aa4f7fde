"""Batches: the document's normalisation, the same images however they are loaded, errors that arrive readable."""

import math
import os
import signal
import time
from dataclasses import dataclass
from multiprocessing.reduction import ForkingPickler

import numpy as np
import pytest

from data_tools import machine
from data_tools.batches.loader import epoch_order, fit_workers, make_loader, to_signed_unit
from data_tools.errors import KitError
from data_tools.packed.store import PackedStore
from tests.data_tools.processes import descendants, workers_of

IMAGES, SIZE = 23, 8
ONE_EPOCH = {"shuffle": True, "seed": 3, "epoch": 1}


@dataclass
class Store:
    images: np.ndarray
    labels: np.ndarray


@pytest.fixture(scope="module")
def store() -> Store:
    random = np.random.default_rng(0)
    return Store(random.integers(0, 256, (IMAGES, SIZE, SIZE, 3), dtype=np.uint8), np.arange(IMAGES) % 10)


class Noise:
    """Stands for an augmenter: adds a value that depends on the seed and the position alone."""

    def __call__(self, images, seed, first):
        shift = [np.random.default_rng((*seed, first + i)).integers(256) for i in range(len(images))]
        return images + np.array(shift, np.uint8)[:, None, None, None]


class Failing:
    def __init__(self, how: str):
        self.how = how

    def __call__(self, images, seed, first):
        if self.how == "kit error":
            raise KitError("n0/broken.jpg cannot be decoded; remove it")
        if self.how == "fault":
            raise ZeroDivisionError("a slip")
        os._exit(3)


class Sleeping:
    """Takes its time for every batch from number `after` on."""

    def __init__(self, seconds: float, after: int = 0):
        self.seconds, self.after = seconds, after

    def __call__(self, images, seed, first):
        if seed[2] >= self.after:
            time.sleep(self.seconds)
        return images


def same(left, right) -> bool:
    left, right = list(left), list(right)
    return len(left) == len(right) and all(
        a.keys() == b.keys() and all(a[k].dtype == b[k].dtype and np.array_equal(a[k], b[k]) for k in a)
        for a, b in zip(left, right))


def test_normalisation_is_the_documents():
    images = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 16, 16, 3)
    unit = to_signed_unit(images)
    assert unit.shape == (1, 3, 16, 16) and unit.dtype == np.float32 and unit.flags.c_contiguous
    by_hand = np.transpose(images[0], (2, 0, 1)).astype("float32") / 255.0 * 2.0 - 1.0
    assert np.array_equal(unit[0], by_hand) and unit.min() == -1 and unit.max() == 1


def test_one_epoch_holds_every_image_once(store):
    batches = list(make_loader(store, 5, **ONE_EPOCH))
    assert [len(b["index"]) for b in batches] == [5, 5, 5, 5, 3] and len(
        make_loader(store, 5, **ONE_EPOCH)
    ) == 5
    assert sorted(np.concatenate([b["index"] for b in batches])) == list(range(IMAGES))
    assert np.array_equal(batches[2]["image"], to_signed_unit(store.images[batches[2]["index"]]))
    assert np.array_equal(batches[2]["label"], store.labels[batches[2]["index"]])
    assert {k: v.dtype for k, v in batches[0].items()} == {
        "image": np.float32,
        "label": np.int64,
        "index": np.int64,
    }
    assert len(list(make_loader(store, 5, drop_last=True, **ONE_EPOCH))) == 4


def test_epochs_and_seeds_differ_and_repeat():
    orders = [
        tuple(epoch_order(50, shuffle=True, seed=s, epoch=e)) for s, e in ((0, 0), (0, 1), (1, 0), (0, 0))
    ]
    assert orders[0] == orders[3] and len(set(orders)) == 3


def test_starting_later_equals_skipping(store):
    whole = list(make_loader(store, 4, augmenter=Noise(), **ONE_EPOCH))
    later = make_loader(store, 4, augmenter=Noise(), start_batch=3, **ONE_EPOCH)
    assert len(later) == 3 and same(later, whole[3:])
    assert list(make_loader(store, 4, start_batch=6, **ONE_EPOCH)) == []


@pytest.mark.parametrize("world", [2, 4])
@pytest.mark.parametrize("count", [24, 23, 21, 3])
def test_ranks_share_each_batch_as_distributed_batch_sampler_does(store, world, count):
    import paddle

    part = Store(store.images[:count], store.labels[:count]) if count <= IMAGES else Store(
        np.resize(store.images, (count, SIZE, SIZE, 3)), np.resize(store.labels, count))
    for drop_last in (False, True):
        for rank in range(world):
            ours = make_loader(
                part, 8, shuffle=False, seed=0, epoch=0, rank=rank, world=world, drop_last=drop_last
            )
            theirs = paddle.io.DistributedBatchSampler(
                list(range(count)),
                8 // world,
                num_replicas=world,
                rank=rank,
                shuffle=False,
                drop_last=drop_last,
            )
            assert [b["index"].tolist() for b in ours] == list(theirs)


def test_ranks_together_are_the_batch_of_one_process(store):
    even = Store(store.images[:22], store.labels[:22])  # no padding: even the last batch is the same
    alone = list(make_loader(even, 8, augmenter=Noise(), **ONE_EPOCH))
    ranks = [list(make_loader(even, 8, augmenter=Noise(), rank=r, world=2, **ONE_EPOCH)) for r in range(2)]
    joined = [{k: np.concatenate([a[k], b[k]]) for k in a} for a, b in zip(*ranks)]
    assert same(joined, alone)


def test_padding_repeats_only_what_index_can_tell(store):
    seen = np.concatenate([b["index"] for r in range(2) for b in
                           make_loader(store, 8, shuffle=False, seed=0, epoch=0, rank=r, world=2)])
    assert len(seen) == math.ceil(IMAGES / 2) * 2 and set(seen) == set(range(IMAGES))


@pytest.mark.compat
@pytest.mark.parametrize("workers", [1, 2, 3])
def test_workers_give_the_same_batches(store, workers):
    here = make_loader(store, 4, augmenter=Noise(), start_batch=1, **ONE_EPOCH)
    there = make_loader(store, 4, augmenter=Noise(), start_batch=1, workers=workers, **ONE_EPOCH)
    assert len(here) == len(there) == 5 and same(there, here)
    assert all(array.flags.writeable for array in next(iter(there)).values())


def test_labels_of_any_shape_come_through(store):
    for labels in (np.arange(IMAGES * 6.0).reshape(IMAGES, 2, 3), np.arange(IMAGES) % 2 == 0, np.zeros((IMAGES, 0))):
        part = Store(store.images, labels)
        assert same(make_loader(part, 4, workers=2, **ONE_EPOCH), make_loader(part, 4, **ONE_EPOCH))


def test_workers_give_the_same_augmented_images(store):
    from data_tools.batches.augment import Augmenter, monkey_pipeline

    larger = Store(store.images.repeat(4, axis=1).repeat(4, axis=2), store.labels)
    augmenter = Augmenter(monkey_pipeline())
    here = list(make_loader(larger, 6, augmenter=augmenter, **ONE_EPOCH))
    assert same(make_loader(larger, 6, augmenter=augmenter, workers=2, **ONE_EPOCH), here)


class Solving:
    """An augmenter that inverts a matrix, large enough for OpenBLAS to ask for threads, by NumPy's and by SciPy's."""

    def __call__(self, images, seed, first):
        from scipy import linalg

        before = len(os.listdir("/proc/self/task"))
        assert np.allclose(np.linalg.inv(np.eye(400)), linalg.inv(np.eye(400)))
        return np.full_like(images, len(os.listdir("/proc/self/task")) - before)


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="counts threads by /proc")
def test_a_worker_computes_on_one_thread(store, monkeypatch):
    """Of the forkserver it could wait for threads that were there before the fork."""
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    added = [batch["image"].max() for batch in make_loader(store, 4, augmenter=Solving(), workers=1,
                                                          normalize=np.asarray, **ONE_EPOCH)]
    assert added == [0] * 6 and "OPENBLAS_NUM_THREADS" not in os.environ


def test_a_packed_store_goes_to_workers_by_its_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pixels = np.random.default_rng(0).integers(0, 256, (IMAGES, SIZE, SIZE, 3), dtype=np.uint8)
    pixels.tofile("pixels.u8")
    names = tuple(map(str, range(IMAGES)))
    packed = PackedStore(path="pixels.u8", size=SIZE, labels=np.arange(IMAGES), names=names, hashes=names,
                         fingerprint="")
    assert same(make_loader(packed, 4, workers=1, **ONE_EPOCH), make_loader(packed, 4, **ONE_EPOCH))
    assert pixels.tobytes() not in bytes(ForkingPickler.dumps(packed))
    (tmp_path / "pixels.u8").unlink()
    with pytest.raises(KitError, match="pixels.u8 are gone or changed"):
        list(make_loader(packed, 4, workers=1, **ONE_EPOCH))


@pytest.mark.compat
def test_workers_live_as_long_as_the_iteration(store):
    list(make_loader(store, 4, workers=1, **ONE_EPOCH))
    idle = descendants()  # the fork server and what else serves multiprocessing
    for number, _ in enumerate(make_loader(store, 4, workers=2, **ONE_EPOCH)):
        assert number < 4 or len(descendants() - idle) <= 2
    assert descendants() == idle
    iteration = iter(make_loader(store, 1, augmenter=Sleeping(60, after=2), workers=2, **ONE_EPOCH))
    next(iteration)
    assert len(descendants() - idle) == 2
    del iteration
    assert descendants() == idle
    with pytest.raises(RuntimeError):
        list(make_loader(store, 1, augmenter=Failing("fault"), workers=2, **ONE_EPOCH))
    assert descendants() == idle


def test_leaving_early_ends_the_workers(store):
    for _ in make_loader(store, 2, augmenter=Sleeping(60, after=2), workers=2, **ONE_EPOCH):
        during = descendants()
        break
    after = descendants()
    assert after < during and len(during - after) == 2
    assert same(make_loader(store, 4, workers=1, **ONE_EPOCH), make_loader(store, 4, **ONE_EPOCH))


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_in_the_data_arrives_as_it_is(store, workers, capfd):
    with pytest.raises(KitError) as caught:
        list(make_loader(store, 4, augmenter=Failing("kit error"), workers=workers, **ONE_EPOCH))
    assert str(caught.value) == "n0/broken.jpg cannot be decoded; remove it"
    assert capfd.readouterr().err == ""


def test_a_fault_in_a_worker_arrives_with_its_place(store):
    with pytest.raises(RuntimeError, match="ZeroDivisionError: a slip"):
        list(make_loader(store, 4, augmenter=Failing("fault"), workers=1, **ONE_EPOCH))


def test_a_worker_that_dies_is_reported_with_advice(store):
    with pytest.raises(KitError, match="--workers 0"):
        list(make_loader(store, 4, augmenter=Failing("die"), workers=1, **ONE_EPOCH))


def test_a_worker_killed_while_it_sends_is_reported_too():
    large = Store(np.zeros((8, 256, 256, 3), np.uint8), np.arange(8))  # a batch is more than a socket holds
    iteration = iter(make_loader(large, 1, shuffle=False, seed=0, epoch=0, workers=2))
    next(iteration)
    time.sleep(0.3)
    for process in workers_of(os.getpid()):
        os.kill(process, signal.SIGKILL)
    with pytest.raises(KitError, match="--workers 0"):
        list(iteration)


def test_what_cannot_be_sent_to_workers_is_said(store):
    with pytest.raises(KitError, match="cannot get a copy .* --workers 0"):
        list(make_loader(store, 4, normalize=lambda images: images, workers=1, **ONE_EPOCH))


def test_settings_that_cannot_be_met_are_named(store):
    with pytest.raises(KitError, match="batch size 5 .* 2 processes"):
        make_loader(store, 5, world=2, **ONE_EPOCH)
    with pytest.raises(KitError, match="workers is -1"):
        fit_workers(-1)
    with pytest.raises(KitError, match="workers is -2"):
        make_loader(store, 4, workers=-2, **ONE_EPOCH)


def test_workers_fit_the_cores(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "OWN_GROUPS", tmp_path / "none")  # a quota of this machine would count too
    for cores, expected in ((1, 0), (2, 0), (4, 3), (64, 8)):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, cores=cores: set(range(cores)), raising=False)
        assert fit_workers(None) == expected and fit_workers(99) == cores and fit_workers(0) == 0

