"""The store of images of any size, and the crops that are cut from it."""

import os
from multiprocessing.reduction import ForkingPickler

import numpy as np
import pytest

from data_tools.batches.augment import Augmenter
from data_tools.batches.bicubic import reduce_bicubic
from data_tools.batches.crops import CropPairs, WholePairs, check_crop, noise_pipeline, rows_that_fit
from data_tools.batches.loader import make_loader, to_unit
from data_tools.errors import KitError
from data_tools.files.image_set import ImageSet
from data_tools.files.sources import open_source
from data_tools.packed.packed_images import JoinedImages, PackedImages, join
from tests.data_tools.small_set import encoded, write_folder

SIZES = ((40, 30), (64, 21), (24, 24), (50, 61), (33, 47))  # width, height


def image_set(path, name="photos") -> ImageSet:
    source = open_source(path)
    names = tuple(source.names())
    return ImageSet(name, source, names, np.zeros(len(names), np.int64))


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> ImageSet:
    files = {f"{i}.png": encoded(i, size, "PNG") for i, size in enumerate(SIZES)}
    return image_set(write_folder(tmp_path_factory.mktemp("photos"), files))


@pytest.fixture
def store(photos, tmp_path) -> PackedImages:
    return PackedImages.open(photos, tmp_path / "cache", progress=False)


def test_every_image_is_kept_as_it_is(store, photos):
    assert len(store) == 5 and store.names == photos.names
    assert store.shapes.tolist() == [[height, width] for width, height in SIZES]
    for i in range(5):
        assert np.array_equal(store.images[i], photos.decode(i))
        assert not store.images[i].flags.writeable
    assert np.array_equal(store.cut(3, 5, 7, 20, 30), photos.decode(3)[5:25, 7:37])
    with pytest.raises(ValueError, match="not inside"):
        store.cut(2, 10, 0, 20, 4)


def test_it_is_reused_travels_to_workers_and_is_built_anew_when_damaged(store, photos, tmp_path, capsys):
    again = PackedImages.open(photos, tmp_path / "cache")
    assert capsys.readouterr().out == "" and again.fingerprint == store.fingerprint
    sent = bytes(ForkingPickler.dumps(store))
    copy = ForkingPickler.loads(sent)
    assert len(sent) < 3000 and np.array_equal(copy.images[1], store.images[1])
    os.truncate(store.path, 100)
    assert np.array_equal(PackedImages.open(photos, tmp_path / "cache", progress=False).images[4], photos.decode(4))


def test_damage_is_named_or_left_out(photos, tmp_path):
    damaged = write_folder(tmp_path / "some",
                           {"a.png": encoded(0, (30, 30), "PNG"), "b.png": encoded(1, (30, 30), "PNG")[:90]})
    with pytest.raises(KitError, match="(?s)1 of 2 images.*b.png.*--skip_unreadable"):
        PackedImages.open(image_set(damaged), tmp_path / "cache", progress=False)
    store = PackedImages.open(image_set(damaged), tmp_path / "cache", skip_unreadable=True, progress=False)
    assert store.names == ("a.png",) and store.unreadable == ("b.png",)


def test_several_stores_are_one(store, tmp_path):
    more = image_set(write_folder(tmp_path / "more", {"z.png": encoded(9, (45, 26), "PNG")}), "more")
    other = PackedImages.open(more, tmp_path / "cache", progress=False)
    both = join([store, other])
    assert isinstance(both, JoinedImages) and len(both) == 6 and join([store]) is store
    assert both.names[-1] == "z.png" and both.shapes[-1].tolist() == [26, 45]
    assert np.array_equal(both.cut(5, 1, 2, 20, 20), other.cut(0, 1, 2, 20, 20))
    assert np.array_equal(both.cut(4, 1, 2, 20, 20), store.cut(4, 1, 2, 20, 20))
    assert np.array_equal(both.images[5], other.images[0]) and store.fingerprint in both.fingerprint
    ForkingPickler.loads(bytes(ForkingPickler.dumps(both))).cut(5, 0, 0, 4, 4)


def crops(store, workers=0, disturb=None, **options):
    rows = np.tile(rows_that_fit(store, 20), 3)
    return list(make_loader(store, 4, shuffle=True, seed=2, epoch=1, rows=rows, workers=workers,
                            assemble=CropPairs(20, 4, disturb=disturb), **options))


def test_crops_are_a_function_of_seed_epoch_batch_and_position(store):
    first, again, workers = crops(store), crops(store), crops(store, workers=2)
    assert [batch["hr"].shape for batch in first] == [(4, 3, 20, 20)] * 3 + [(3, 3, 20, 20)]
    for left, *others in zip(first, again, workers):
        assert left["lr"].shape == (len(left["index"]), 3, 5, 5) and left["hr"].dtype == np.float32
        assert all(np.array_equal(left[key], other[key]) for other in others for key in ("hr", "lr", "index"))
    later, half = crops(store, start_batch=2), crops(store, rank=1, world=2)
    assert np.array_equal(later[0]["hr"], first[2]["hr"])
    assert np.array_equal(half[0]["hr"], first[0]["hr"][2:])
    assert len({batch["hr"].tobytes() for batch in first}) == 4


def test_a_crop_is_a_turned_part_of_its_image_and_lr_its_reduction(store, photos):
    seen = set()
    for batch in crops(store):
        for hr, lr, index in zip(batch["hr"], batch["lr"], batch["index"]):
            crop = np.rint(hr.transpose(1, 2, 0) * 255).astype(np.uint8)
            np.testing.assert_allclose(lr, to_unit(reduce_bicubic(crop, 4)[None])[0])
            windows = np.lib.stride_tricks.sliding_window_view(photos.decode(index), (20, 20), axis=(0, 1))
            found = [(turns, mirrored) for turns in range(4) for mirrored in (False, True)
                     if (windows == np.moveaxis(np.rot90(crop[:, ::-1] if mirrored else crop, turns), -1, 0))
                     .all(axis=(2, 3, 4)).any()]
            assert found
            seen.add(found[0])
    assert len(seen) >= 4  # of the eight ways to lie


def test_noise_lies_on_the_low_resolution_alone_and_is_repeated(store):
    clean, noisy, workers = (crops(store, disturb=disturb, workers=count) for disturb, count in (
        (None, 0), (Augmenter(noise_pipeline(20)), 0), (Augmenter(noise_pipeline(20)), 2)))
    strengths = []
    for plain, disturbed, other in zip(clean, noisy, workers):
        assert np.array_equal(plain["hr"], disturbed["hr"]) and np.array_equal(disturbed["lr"], other["lr"])
        strengths += (255 * (disturbed["lr"] - plain["lr"])).std(axis=(1, 2, 3)).tolist()
    assert len(strengths) == 15 and min(strengths) < 6 and 12 < max(strengths) < 26


def test_whole_images_are_cut_to_multiples(store, photos):
    batches = list(make_loader(store, 1, shuffle=False, seed=0, epoch=0, assemble=WholePairs(4)))
    assert [batch["hr"].shape[2:] for batch in batches] == [(h // 4 * 4, w // 4 * 4) for w, h in SIZES]
    assert np.array_equal(batches[1]["hr"][0], to_unit(photos.decode(1)[None, :20])[0])
    assert batches[3]["lr"].shape == (1, 3, 15, 12)
    bounded = next(iter(make_loader(store, 1, shuffle=False, seed=0, epoch=0, rows=[3], assemble=WholePairs(4, 24))))
    assert np.array_equal(bounded["hr"][0], to_unit(photos.decode(3)[None, 18:42, 13:37])[0])


def test_crops_that_do_not_fit_are_named(store):
    with pytest.raises(KitError, match=r"22x22 pixels do not fit into 1 of 5 images: 1.png \(64x21\); give a smaller"):
        check_crop(store, 22)
    for side in (22, 0):
        with pytest.raises(KitError, match=f"{side} pixels cannot be reduced 4 times; give a multiple of 4"):
            CropPairs(side, 4)
    with pytest.raises(KitError, match="do not fit into 1 of 5"):
        list(make_loader(store, 5, shuffle=False, seed=0, epoch=0, assemble=CropPairs(24, 4)))
    check_crop(store, 20)
