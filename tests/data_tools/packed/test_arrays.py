import numpy as np
import pytest

from data_tools.batches.loader import make_loader
from data_tools.errors import KitError
from data_tools.packed.arrays import ArrayStore


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), dtype=np.uint8)


def test_arrays_are_a_store_for_the_loader(images):
    store = ArrayStore(images, [0, 1, 0, 1, 2], list("abcde"))
    assert len(store) == 5 and store.names == tuple("abcde")
    batch = next(iter(make_loader(store, 3, shuffle=False, seed=0, epoch=0)))
    assert batch["image"].shape == (3, 3, 8, 8) and batch["label"].tolist() == [0, 1, 0]


def test_workers_get_the_arrays(images):
    store = ArrayStore(images, np.arange(5))
    batches = list(make_loader(store, 2, shuffle=False, seed=0, epoch=0, workers=1))
    assert np.concatenate([batch["label"] for batch in batches]).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.int64])
def test_classes_become_int64(images, kind):
    assert ArrayStore(images, np.arange(5, dtype=kind)).labels.dtype == np.int64


def test_attributes_and_measures_stay_as_they_are(images):
    attributes = np.ones((5, 40), np.uint8)
    assert ArrayStore(images, attributes).labels is attributes
    assert ArrayStore(images, np.linspace(0, 1, 5, dtype=np.float32)).labels.dtype == np.float32


def test_rows_are_numbered_where_there_are_no_names(images):
    assert ArrayStore(images, np.zeros(5, np.int64)).names == ("0", "1", "2", "3", "4")


def test_the_fingerprint_is_that_of_images_and_labels(images):
    labels = np.arange(5)
    known = ArrayStore(images, labels).fingerprint
    assert known == ArrayStore(images.copy(), labels, list("abcde")).fingerprint
    strided = np.repeat(images, 2, axis=0)[::2]
    assert known == ArrayStore(strided, labels).fingerprint
    others = [ArrayStore(images[::-1], labels), ArrayStore(images, labels[::-1]), ArrayStore(images[:4], labels[:4]),
              ArrayStore(images.reshape(5, 4, 16, 3), labels)]
    assert len({known, *(store.fingerprint for store in others)}) == 5


@pytest.mark.parametrize("images", [
    np.zeros((5, 8, 8, 3), np.float32), np.zeros((5, 8, 8), np.uint8), np.zeros((5, 3, 8, 8), np.uint8)])
def test_what_are_no_images_is_told(images):
    with pytest.raises(KitError, match=r"a store wants uint8 \(N, H, W, 3\)"):
        ArrayStore(images, np.zeros(5))


def test_what_does_not_fit_together_is_told(images):
    with pytest.raises(KitError, match="5 images, 4 labels and 5 names"):
        ArrayStore(images, np.zeros(4))
    with pytest.raises(KitError, match="5 images, 5 labels and 1 names"):
        ArrayStore(images, np.zeros(5), ["a"])
