"""What every store promises, whatever it is made of: loader and trainer ask for nothing else."""

from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.reduction import ForkingPickler
from pathlib import Path

import numpy as np
import pytest

from data_tools.batches.loader import make_loader
from data_tools.files.image_set import ImageSet
from data_tools.files.sources import open_source
from data_tools.packed.arrays import ArrayStore, Store
from data_tools.packed.packed_images import PackedImages, join
from data_tools.packed.records import RecordStore, pack
from data_tools.packed.store import PackedStore
from tests.data_tools.small_set import encoded, write_folder

COUNT, SIZE = 6, 16


def packed_store(images: ImageSet, folder: Path) -> Store:
    return PackedStore.open(images, SIZE, folder, progress=False)


def record_store(images: ImageSet, folder: Path) -> Store:
    return RecordStore.read(pack(images, SIZE, folder, shard=4, progress=False))


def png_records(images: ImageSet, folder: Path) -> Store:
    return RecordStore.read(pack(images, SIZE, folder, encoding="png", progress=False))


def packed_images(images: ImageSet, folder: Path) -> Store:
    return PackedImages.open(images, folder, progress=False)


def joined_images(images: ImageSet, folder: Path) -> Store:
    parts = images.subset(range(4), "first"), images.subset(range(4, COUNT), "second")
    return join([PackedImages.open(part, folder, progress=False) for part in parts])


def arrays(images: ImageSet, folder: Path) -> Store:
    packed = PackedStore.open(images, SIZE, folder, progress=False)
    return ArrayStore(np.array(packed.images), images.labels, images.names)


@dataclass
class Plain:
    """As anybody may write one: the contract asks for no base class."""

    images: np.ndarray
    labels: np.ndarray
    names: tuple[str, ...]
    fingerprint: str

    def __len__(self) -> int:
        return len(self.names)


def plain(images: ImageSet, folder: Path) -> Store:
    store = arrays(images, folder)
    return Plain(store.images, store.labels, images.names, store.fingerprint)


KINDS = {make.__name__: make for make in (packed_store, record_store, png_records, packed_images, joined_images, arrays,
                                          plain)}
OF_ONE_SIZE = sorted(set(KINDS) - {"packed_images", "joined_images"})
BY_PATH = sorted(set(KINDS) - {"arrays", "plain"})  # what goes to other processes is where it lies, not what it holds


def image_set(folder: Path, first: int = 0, labels: np.ndarray | None = None) -> ImageSet:
    """`first`: seed of the first image; the next ones follow."""
    source = open_source(write_folder(folder, {f"{i}.png": encoded(first + i, (20, 24), "PNG") for i in range(COUNT)}))
    return ImageSet("set", source, tuple(source.names()), np.arange(COUNT) % 3 if labels is None else labels)


@pytest.fixture(params=KINDS)
def make(request) -> Callable[[ImageSet, Path], Store]:
    return KINDS[request.param]


@pytest.fixture
def images(tmp_path) -> ImageSet:
    return image_set(tmp_path / "set")


def test_length_images_labels_and_names_belong_together(make, images, tmp_path):
    store = make(images, tmp_path / "packed")
    assert len(store) == len(store.images) == len(store.labels) == COUNT
    assert tuple(store.names) == images.names
    assert store.labels.dtype == np.int64 and np.array_equal(store.labels, images.labels)
    for row in range(COUNT):
        assert store.images[row].dtype == np.uint8 and store.images[row].ndim == 3
        # reduced by a few pixels at most, so its mean says whose image it is
        assert np.abs(store.images[row].mean(axis=(0, 1)) - images.decode(row).mean(axis=(0, 1))).max() < 5


def test_attributes_stay_uint8(make, tmp_path):
    labels = (np.arange(COUNT * 4).reshape(COUNT, 4) % 2).astype(np.uint8)
    store = make(image_set(tmp_path / "set", labels=labels), tmp_path / "packed")
    assert store.labels.dtype == np.uint8 and np.array_equal(store.labels, labels)


@pytest.mark.parametrize("kind", OF_ONE_SIZE)
def test_rows_of_one_size_come_as_one_array(kind, images, tmp_path):
    store = KINDS[kind](images, tmp_path / "packed")
    rows = np.array([4, 0, 4])
    taken = store.images[rows]
    assert taken.shape == (3, SIZE, SIZE, 3) and taken.dtype == np.uint8
    assert all(np.array_equal(image, store.images[row]) for image, row in zip(taken, rows))
    taken[:] = 0  # a copy: the store keeps its images
    assert store.images[4].any()


def test_the_fingerprint_is_that_of_the_content(make, images, tmp_path):
    known = make(images, tmp_path / "packed").fingerprint
    assert known == make(image_set(tmp_path / "copied"), tmp_path / "packed-copy").fingerprint  # not of the place
    others = image_set(tmp_path / "others", first=1), image_set(tmp_path / "relabelled", labels=np.zeros(COUNT, int))
    fingerprints = [make(other, tmp_path / f"packed-{number}").fingerprint for number, other in enumerate(others)]
    assert len({known, *fingerprints}) == 3 and len(known) >= 64


def test_stores_of_the_same_pixels_and_labels_have_one_fingerprint_however_they_are_packed(images, tmp_path):
    stores = [KINDS[kind](images, tmp_path / kind) for kind in ("packed_store", "record_store", "png_records")]
    assert len({store.fingerprint for store in stores}) == 1
    assert all(np.array_equal(store.images[np.arange(COUNT)], stores[0].images) for store in stores)


def test_other_processes_get_the_same_store(make, images, tmp_path):
    store = make(images, tmp_path / "packed")
    copy = ForkingPickler.loads(ForkingPickler.dumps(store))
    assert (len(copy), tuple(copy.names), copy.fingerprint) == (COUNT, tuple(store.names), store.fingerprint)
    assert np.array_equal(copy.labels, store.labels)
    assert all(np.array_equal(copy.images[row], store.images[row]) for row in range(COUNT))


@pytest.mark.parametrize("kind", BY_PATH)
def test_what_lies_in_files_is_sent_by_its_path(kind, images, tmp_path):
    store = KINDS[kind](images, tmp_path / "packed")
    assert store.images[0].tobytes() not in bytes(ForkingPickler.dumps(store))


@pytest.mark.parametrize("kind", OF_ONE_SIZE)
def test_workers_make_the_batches_of_this_process(kind, images, tmp_path):
    store = KINDS[kind](images, tmp_path / "packed")
    epoch = {"shuffle": True, "seed": 3, "epoch": 1}
    here, there = make_loader(store, 4, **epoch), make_loader(store, 4, workers=1, **epoch)
    for ours, theirs in zip(here, there, strict=True):
        assert ours["image"].shape[1:] == (3, SIZE, SIZE) and ours["image"].dtype == np.float32
        assert all(np.array_equal(ours[key], theirs[key]) for key in ("image", "label", "index"))
