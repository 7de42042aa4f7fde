"""Augmentation: the document's pipeline to the letter, and pixels that depend on image and seed alone."""

import hashlib
import subprocess
import sys

import imgaug as ia
import imgaug.augmenters as iaa
import numpy as np
import pytest
from PIL import Image, ImageEnhance

from data_tools.batches import augment
from data_tools.batches.augment import (
    AUGMENTATION_TABLE,
    Augmenter,
    _tree,
    face_pipeline,
    light_pipeline,
    monkey_pipeline,
)
from data_tools.files.image_set import decode
from data_tools.files.places import PROJECT_ROOT
from tests.data_tools.small_set import encoded

ROOT = PROJECT_ROOT


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.stack([decode(encoded(i, (48, 48))) for i in range(24)])


@pytest.fixture(scope="module", params=[monkey_pipeline, light_pipeline, face_pipeline],
                ids=["monkey", "light", "face"])
def augmenter(request) -> Augmenter:
    return Augmenter(request.param())


def test_keeps_shape_type_and_input(augmenter, images):
    before = images.copy()
    augmented = augmenter(images, (0, 0, 0))
    assert augmented.shape == images.shape and augmented.dtype == np.uint8
    assert np.array_equal(images, before)
    assert (augmented != images).any(axis=(1, 2, 3)).sum() > 15  # most are changed


def test_same_seed_same_pixels_whatever_came_before(augmenter, images):
    first = augmenter(images, (1, 2, 3))
    augmenter(images[::-1], (9,))
    ia.seed(7)
    np.random.seed(7)
    assert np.array_equal(augmenter(images, (1, 2, 3)), first)
    assert not np.array_equal(augmenter(images, (1, 2, 4)), first)


def test_two_augmenters_agree(augmenter, images):
    sizes = {len(tuple(_tree(pipeline()))): pipeline for pipeline in (monkey_pipeline, light_pipeline, face_pipeline)}
    fresh = Augmenter(sizes[len(augmenter._members)]())
    assert np.array_equal(fresh(images, (4,)), augmenter(images, (4,)))


def test_a_part_of_a_batch_comes_out_as_in_the_whole(augmenter, images):
    assert np.array_equal(augmenter(images[8:16], (5, 1), first=8), augmenter(images, (5, 1))[8:16])


def test_equal_images_of_a_batch_are_augmented_differently(images):
    augmented = Augmenter(monkey_pipeline())(np.repeat(images[:1], 8, axis=0), (0,))
    assert len({image.tobytes() for image in augmented}) >= 7


def test_every_member_of_the_tree_is_seeded():
    # OneOf inside Sometimes is both an augmenter and a list; imgaug's own seed_() forgets such ones.
    kinds = [type(member) for member in _tree(monkey_pipeline())]
    assert kinds.count(iaa.OneOf) == 3 and kinds.count(iaa.Sometimes) == 6 and iaa.DirectedEdgeDetect in kinds


def test_fresh_processes_give_the_same_bytes(images):
    code = f"""
import sys; sys.path.insert(0, {str(ROOT)!r})
import hashlib, numpy as np
from data_tools.batches.augment import Augmenter, monkey_pipeline
from data_tools.files.image_set import decode
from tests.data_tools.small_set import encoded
images = np.stack([decode(encoded(i, (48, 48))) for i in range(24)])
print(hashlib.sha256(Augmenter(monkey_pipeline())(images, (3, 1, 4)).tobytes()).hexdigest())
"""
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
        for _ in range(2)
    ]
    here = hashlib.sha256(Augmenter(monkey_pipeline())(images, (3, 1, 4)).tobytes()).hexdigest()
    assert [run.stdout.strip() for run in runs] == [here, here]
    assert [run.stderr for run in runs] == ["", ""]


def test_pipeline_is_that_of_listing_2_4_2():
    flip, upside, crop, affine, some = monkey_pipeline()
    assert monkey_pipeline().random_order and some.random_order
    assert (some.n.a.value, some.n.b.value) == (0, 5) and len(some) == 12
    assert flip.p.p.value == 0.5 and upside.p.p.value == 0.2
    assert crop.p.p.value == affine.p.p.value == 0.5
    moved = affine.then_list[0] if not isinstance(affine.then_list, iaa.Affine) else affine.then_list
    assert (moved.rotate.a.value, moved.rotate.b.value) == (-45, 45)
    assert (moved.cval.a.value, moved.cval.b.value) == (0, 255)
    assert list(moved.order.a) == [0, 1] and len(moved.mode.a) == 5  # all five border modes
    kinds = [type(member).__name__ for member in _tree(some)]
    for name in (
        "Superpixels",
        "GaussianBlur",
        "AverageBlur",
        "MedianBlur",
        "Sharpen",
        "Emboss",
        "EdgeDetect",
        "DirectedEdgeDetect",
        "AdditiveGaussianNoise",
        "Dropout",
        "CoarseDropout",
        "Add",
        "Multiply",
        "LinearContrast",
        "ElasticTransformation",
        "PiecewiseAffine",
    ):
        assert kinds.count(name) == 1
    assert "Invert" not in kinds and "Grayscale" not in kinds


def test_table_2_1():
    assert len(AUGMENTATION_TABLE) == 13
    assert [row[0] for row in AUGMENTATION_TABLE if not row[2]] == ["Invert", "Grayscale"]
    for *_, classes in AUGMENTATION_TABLE:
        assert all(hasattr(iaa, name) for name in classes.split(", "))


def test_light_pipeline_turns_nothing_upside_down():
    ramp = np.repeat(np.linspace(0, 255, 48).astype(np.uint8)[:, None, None], 48, axis=1).repeat(3, axis=2)
    augmented = Augmenter(light_pipeline())(np.repeat(ramp[None], 32, axis=0), (0,)).astype(int)
    assert (augmented[:, 36:].mean(axis=(1, 2, 3)) > augmented[:, :12].mean(axis=(1, 2, 3)) + 50).all()


# ---- faces


@pytest.mark.parametrize("amount", [-0.1, -0.03, 0.0, 0.04, 0.1])
@pytest.mark.parametrize("name, enhance", [("brightness", ImageEnhance.Brightness), ("contrast", ImageEnhance.Contrast),
                                           ("saturation", ImageEnhance.Color)])
def test_colour_steps_are_those_of_torchvision(images, name, enhance, amount):
    step = getattr(augment, f"change_{name}")
    for image in images[:6]:
        # torchvision's ColorJitter on pictures is Pillow's ImageEnhance with 1 + the change
        expected = np.asarray(enhance(Image.fromarray(image)).enhance(1 + amount)).astype(int)
        assert np.abs(step(image, amount).astype(int) - expected).max() <= 1


@pytest.mark.parametrize("amount", [-0.05, -0.02, 0.0, 0.05, 0.5])
def test_hue_turns_around_the_colour_circle(images, amount):
    for image in images[:6]:
        hue, saturation, value = Image.fromarray(image).convert("HSV").split()
        turned = (np.asarray(hue).astype(int) + round(256 * amount)) % 256
        merged = Image.merge("HSV", (Image.fromarray(turned.astype(np.uint8)), saturation, value))
        expected = np.asarray(merged.convert("RGB")).astype(int)
        found = augment.change_hue(image, amount).astype(int)
        assert np.abs(found - expected).mean() < 2 and (found.max(axis=2) == image.max(axis=2)).mean() > 0.9
    red = np.full((2, 2, 3), (200, 20, 20), np.uint8)
    assert np.abs(augment.change_hue(red, 1 / 3).astype(int) - (20, 200, 20)).max() <= 4


def test_face_pipeline_jitters_mildly_and_mirrors_every_second_face():
    ramp = np.linspace(40, 210, 64).astype(np.uint8)[None, :, None].repeat(64, axis=0).repeat(3, axis=2)
    ramp = ramp + np.array((30, 0, 10), np.uint8)
    count = 400
    augmented = Augmenter(face_pipeline())(np.repeat(ramp[None], count, axis=0), (1,)).astype(float)
    mirrored = augmented[:, :, 0].mean(axis=(1, 2)) > augmented[:, :, -1].mean(axis=(1, 2))
    assert 0.42 < mirrored.mean() < 0.58
    augmented[mirrored] = augmented[mirrored, :, ::-1]
    ratio = augmented[:, :, 32].mean(axis=(1, 2)) / ramp[:, 32].mean()
    assert 0.87 < ratio.min() < 0.92 and 1.08 < ratio.max() < 1.13  # brightness uniform in 0.9..1.1
    assert abs(np.std(ratio) - 0.2 / 12 ** 0.5) < 0.012
    spread = augmented[..., 0].std(axis=(1, 2)) / ramp[..., 0].std()
    assert 0.78 < spread.min() < 0.9 and 1.1 < spread.max() < 1.25  # contrast and brightness together
