"""The replaced operators against imgaug's own: equal where they can be, and of the same statistics where not."""

import random
from multiprocessing.reduction import ForkingPickler

import cv2
import imgaug.augmenters as iaa
import imgaug.parameters as iap
import imgaug.random as iarandom
import numpy as np
import pytest
from skimage.segmentation import slic
from skimage.transform import PiecewiseAffineTransform

from assignments.bench.document import image_augment_imgauglib
from data_tools.batches import augment_operators
from data_tools.batches.augment import (
    Augmenter,
    _tree,
    face_pipeline,
    light_pipeline,
    monkey_pipeline,
    strong_face_pipeline,
)
from data_tools.batches.augment_operators import (
    Draws,
    PiecewiseAffine,
    Superpixels,
    augment_one,
    mean_colours,
    superpixel_labels,
)

PIPELINES = (monkey_pipeline, light_pipeline, face_pipeline, strong_face_pipeline)


def scene(seed: int, width: int = 128, height: int = 128) -> np.ndarray:
    """Discs and lines on a slope of colour, blurred and grained: (H, W, 3) uint8."""
    generator = np.random.default_rng(seed)
    corners = generator.integers(0, 256, (2, 2, 3)).astype(np.uint8)
    image = cv2.resize(corners, (width, height))
    for _ in range(14):
        centre = tuple(int(value) for value in generator.integers(0, (width, height)))
        colour = tuple(int(value) for value in generator.integers(0, 256, 3))
        cv2.circle(image, centre, int(generator.integers(3, 26)), colour, -1)
        cv2.line(image, centre, tuple(int(value) for value in generator.integers(0, (width, height))), colour, 2)
    grained = cv2.GaussianBlur(image, (0, 0), 0.8) + generator.normal(0, 4, image.shape)
    return np.clip(grained, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def scenes() -> list[np.ndarray]:
    return [scene(i) for i in range(24)]


@pytest.fixture(autouse=True)
def no_samples_ahead():
    """imgaug draws samples ahead for operators that are not built so."""
    with iap.no_prefetching():
        yield


def seeded(augmenter: iaa.Augmenter, seed: int, generator=None) -> iaa.Augmenter:
    """The augmenter, an operator without members, drawing from that seed."""
    augmenter.random_state = generator or Draws((seed,))
    return augmenter


def difference(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.abs(one.astype(int) - other)


# ---- the generator


def test_draws_depend_on_the_seed_alone():
    first = [Draws((3, 1)).normal(0, 2, (50, 3)), Draws((3, 1)).binomial(1, 0.3, (50,)), Draws((3, 1)).random((5,))]
    again = [Draws((3, 1)).normal(0, 2, (50, 3)), Draws((3, 1)).binomial(1, 0.3, (50,)), Draws((3, 1)).random((5,))]
    assert all(np.array_equal(a, b) for a, b in zip(first, again))
    assert not np.array_equal(first[0], Draws((3, 2)).normal(0, 2, (50, 3)))
    draws = Draws((3, 1))
    assert not np.array_equal(draws.normal(0, 2, 50), draws.normal(0, 2, 50))


def test_normal_draws_are_those_of_numpy():
    count = 400_000
    drawn = Draws((1,)).normal(3.0, 2.0, (count // 4, 4))
    assert drawn.shape == (count // 4, 4) and drawn.dtype == np.float32
    expected = iarandom.RNG(1).normal(3.0, 2.0, count)
    assert abs(drawn.mean() - 3) < 0.02 and abs(drawn.std() - 2) < 0.012
    shares = (0.0001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.9999)
    tolerance = np.array([0.35, 0.04, 0.02, 0.02, 0.02, 0.02, 0.02, 0.04, 0.35])  # four standard errors
    assert (np.abs(np.quantile(drawn, shares) - np.quantile(expected, shares)) < tolerance).all()
    pairs = np.corrcoef(drawn[:, 0], drawn[:, 1])[0, 1]
    assert abs(pairs) < 0.013


@pytest.mark.parametrize("probability", [0.0, 0.01, 0.5, 0.97, 1.0])
def test_coins_fall_with_their_probability(probability):
    count = 200_000
    share = Draws((2,)).binomial(1, probability, (count,)).mean()
    assert abs(share - probability) <= 4 * (probability * (1 - probability) / count) ** 0.5
    assert abs(Draws((2,)).binomial(5, 0.4, (20_000,)).mean() - 2) < 0.04


@pytest.mark.parametrize("operator", [
    lambda: iaa.AdditiveGaussianNoise(loc=0, scale=(0.0, 0.05 * 255), per_channel=0.5),
    lambda: iaa.Dropout((0.01, 0.1), per_channel=0.5),
    lambda: iaa.CoarseDropout((0.03, 0.15), size_percent=(0.02, 0.05), per_channel=0.2),
    lambda: iaa.ElasticTransformation(alpha=(0.5, 3.5), sigma=0.25),
    lambda: iaa.Fliplr(0.5),
], ids=["noise", "dropout", "coarse dropout", "elastic", "flip"])
def test_operators_on_these_draws_change_as_much_as_on_numpys(scenes, operator):
    image, count = scenes[0], 300
    own, imgaugs = operator(), operator()
    changes = np.array([
        [difference(seeded(own, i)(image=image), image).mean() for i in range(count)],
        [difference(seeded(imgaugs, i, iarandom.RNG(i))(image=image), image).mean() for i in range(count)]])
    error = (changes.var(axis=1).sum() / count) ** 0.5
    assert changes.mean() > 1 and abs(np.diff(changes.mean(axis=1))[0]) < 4 * error
    assert 0.75 < np.divide(*changes.std(axis=1)) < 1.33


# ---- the walk


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_the_walk_gives_what_imgaug_gives(scenes, pipeline):
    augmenter = Augmenter(pipeline())
    for i in range(40):
        image = scenes[i % len(scenes)][: 40 + i % 3, :48]
        before = image.copy()
        walked = augment_one(augmenter.pipeline, image, augmenter._seed((i,)))
        assert np.array_equal(image, before)
        augmenter._seed((i,))
        assert np.array_equal(walked, augmenter.pipeline(image=image))


def test_members_below_other_operators_draw_from_the_seed_too(scenes):
    other = iaa.Sometimes(0.5, iaa.BlendAlpha((0.2, 0.8), iaa.Add((20, 60))),
                          iaa.WithChannels(1, iaa.Multiply((0.4, 0.8))))
    augmenter = Augmenter(iaa.Sequential([other, iaa.Identity(), iaa.SomeOf(1, [iaa.Invert(0.5)])]))
    image = np.stack(scenes[:1])
    for i in range(12):
        first = augmenter(image, (i,))
        augmenter(image, (99,))
        assert np.array_equal(augmenter(image, (i,)), first) and not np.array_equal(augmenter(image, (i + 50,)), first)


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_settled_parameters_draw_the_same(scenes, pipeline):
    settled, plain = Augmenter(pipeline()), Augmenter(iaa.Identity())
    plain.pipeline = pipeline()
    plain._members = tuple(_tree(plain.pipeline))
    chances = [member.p.p for member in settled._members if isinstance(member, (iaa.Fliplr, iaa.Sometimes))]
    assert chances and all(isinstance(chance, augment_operators.Settled) for chance in chances)
    for i, image in enumerate(scenes):
        assert np.array_equal(settled(image[None, :64, :64], (i,)), plain(image[None, :64, :64], (i,)))


def test_an_augmenter_travels_to_another_process(scenes):
    augmenter, images = Augmenter(monkey_pipeline()), np.stack(scenes)[:, :56, :56]
    before = augmenter(images, (5,))
    assert np.array_equal(ForkingPickler.loads(ForkingPickler.dumps(augmenter))(images, (5,)), before)


# ---- superpixels


def measures(image: np.ndarray, labels: np.ndarray) -> tuple[float, float, float, float]:
    """Number of segments, spread of their sizes, distance of pixels to their segment's colour, length of borders."""
    sizes = np.bincount(labels.ravel())
    distance = np.abs(mean_colours(image, labels)[labels] - image).mean()
    borders = (labels[1:] != labels[:-1]).mean() + (labels[:, 1:] != labels[:, :-1]).mean()
    return len(sizes), sizes.std() / sizes.mean(), distance, borders


def test_ten_rounds_are_scikit_images_own_slic(scenes):
    for image, count in zip(scenes[:8], (20, 45, 70, 95, 120, 145, 170, 200)):
        expected = slic(image, n_segments=count, compactness=10, start_label=0)
        found = superpixel_labels(image, count, 10)
        same = mean_colours(image, found)[found] - mean_colours(image, expected)[expected]
        # The last bits of Lab colours decide where two segments are equally near.
        assert np.abs(same).mean() < 2.5 and abs(found.max() - expected.max()) <= 2


@pytest.mark.parametrize("count", [20, 70, 200])
def test_fewer_rounds_give_segments_like_those_of_ten(scenes, count):
    iterations = Superpixels(0.5, count).iterations
    expected = np.mean([measures(i, slic(i, n_segments=count, compactness=10, start_label=0)) for i in scenes], axis=0)
    found = np.mean([measures(i, superpixel_labels(i, count, iterations)) for i in scenes], axis=0)
    assert (np.abs(found / expected - 1) < (0.03, 0.15, 0.06, 0.05)).all()


def test_superpixels_look_like_imgaugs(scenes):
    own, imgaugs = (kind(p_replace=1.0, n_segments=(20, 200)) for kind in (Superpixels, iaa.Superpixels))
    rows = []
    for i, image in enumerate(scenes):
        # As in the pipeline, larger than the 128 pixels at which the segments are found.
        image = cv2.resize(image, (160, 144))
        found, expected = (seeded(kind, i)(image=image) for kind in (own, imgaugs))  # the same draws
        rows.append([difference(found, image).mean(), difference(expected, image).mean(),
                     found.mean() - expected.mean(), found.std() / expected.std(), difference(found, expected).mean()])
    change, imgaugs_change, brightness, contrast, apart = np.array(rows).T
    assert abs(change.mean() / imgaugs_change.mean() - 1) < 0.05
    assert np.abs(change / imgaugs_change - 1).max() < 0.2 and np.corrcoef(change, imgaugs_change)[0, 1] > 0.97
    assert np.abs(brightness).max() < 0.3 and np.abs(contrast - 1).max() < 0.07
    assert apart.mean() < 0.65 * imgaugs_change.mean()


def test_superpixels_replace_as_often_as_imgaugs():
    image, count = scene(3, 64, 64), 150
    own, imgaugs = (kind(p_replace=(0, 1.0), n_segments=(20, 200)) for kind in (Superpixels, iaa.Superpixels))
    changed = np.array([[difference(seeded(kind, i)(image=image), image).any(axis=2).mean() for i in range(count)]
                        for kind in (own, imgaugs)])
    # The same draws: which segments are replaced may differ, as they are numbered in the order in which they lie.
    assert np.abs(changed[0] - changed[1]).mean() < 0.05 and abs(np.diff(changed.mean(axis=1))[0]) < 0.01
    assert 0.4 < changed[0].mean() < 0.6 and changed.std(axis=1).min() > 0.25  # uniform in 0..1


def test_superpixels_of_plain_and_small_images():
    plain = np.full((30, 20, 3), 77, np.uint8)
    assert np.array_equal(seeded(Superpixels(1.0, 50), 0)(image=plain), plain)
    small = scene(1, 20, 12)
    untouched = seeded(Superpixels(0.0, 50), 0)(image=small)
    assert np.array_equal(untouched, small) and (seeded(Superpixels(1.0, 9), 0)(image=small) != small).any()


# ---- piecewise affine


@pytest.mark.parametrize("width, height, rows, columns", [(96, 96, 4, 4), (112, 70, 3, 5), (33, 48, 2, 2)])
def test_pixels_come_from_where_scikit_image_takes_them(width, height, rows, columns):
    grid = augment_operators._triangles((height, width), rows, columns)
    pixels = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).reshape(-1, 2)
    for seed in range(4):
        jitter = np.random.default_rng(seed).normal(0, 0.05, (rows * columns, 2))
        moved = np.clip(grid.points + jitter[:, ::-1] * (width, height), 0, (width - 1, height - 1))
        transform = PiecewiseAffineTransform()
        assert transform.estimate(grid.points, moved)
        found = np.stack(grid.source_of_pixels(jitter), -1).reshape(-1, 2)
        assert np.abs(found - transform(pixels)).max() < 1e-3


def test_piecewise_affine_is_imgaugs(scenes):
    own, imgaugs = PiecewiseAffine(scale=(0.01, 0.05)), iaa.PiecewiseAffine(scale=(0.01, 0.05))
    for i, image in enumerate(scenes[:12]):
        image = image[:80, : 60 + i]
        found, expected = (seeded(kind, i)(image=image) for kind in (own, imgaugs))  # the same draws
        assert difference(expected, image).mean() > 3
        assert difference(found, expected).mean() < 0.2 and difference(found, expected).max() <= 4


def test_piecewise_affine_of_no_strength_and_of_too_many_points(scenes):
    assert np.array_equal(seeded(PiecewiseAffine(0), 0)(image=scenes[0]), scenes[0])
    with pytest.raises(ValueError, match="at most 256"):
        seeded(PiecewiseAffine(0.02, nb_rows=14, nb_cols=14), 0)(image=scenes[0])


# ---- everything


def test_whole_pipeline_has_the_documents_statistics(scenes):
    images = np.stack([cv2.resize(image, (64, 64)) for image in scenes])
    augmenter, repeats = Augmenter(monkey_pipeline()), 10
    found = np.concatenate([augmenter(images, (i,)) for i in range(repeats)])
    random.seed(0)  # the document's listing draws from it
    expected = np.stack([image_augment_imgauglib(image) for _ in range(repeats) for image in images])
    unchanged = np.concatenate([images] * repeats)
    features = np.array([[difference(pictures, unchanged).mean(axis=(1, 2, 3)), pictures.mean(axis=(1, 2, 3)),
                          pictures.std(axis=(1, 2, 3)),
                          np.abs(np.diff(pictures.astype(int), axis=2)).mean(axis=(1, 2, 3))]
                         for pictures in (found, expected)])
    error = (features.var(axis=2).sum(axis=0) / features.shape[2]) ** 0.5
    assert (np.abs(np.diff(features.mean(axis=2), axis=0)[0]) < 4 * error).all()
    assert (np.abs(np.divide(*features.std(axis=2)) - 1) < 0.3).all()
