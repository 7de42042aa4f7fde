"""Adversarial losses against their formulas, the watch over both networks, and the features of the content loss."""

import cv2
import numpy as np
import paddle
import pytest

from data_tools.batches.bicubic import enlarge_bicubic, reduce_bicubic
from data_tools.drawing.texture_drawing import draw_texture
from data_tools.errors import KitError
from paddle_models.tasks.adversarial import (
    LossWeights,
    Watch,
    content_loss,
    discriminator_loss,
    generator_loss,
    pixel_loss,
    total_variation,
)
from paddle_models.weights.perceptual import MobileNetFeatures
from tests.paddle_models.weights.imagenet_file import logits, publish, signed_images, trained

RNG = np.random.default_rng(0)
FAKE, REAL = RNG.normal(0, 2, (5, 1)), RNG.normal(1, 2, (5, 1))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def log_loss(logits, real):
    return -np.log(sigmoid(logits) if real else 1 - sigmoid(logits)).mean()


GENERATOR = {"non_saturating": log_loss(FAKE, True), "one_minus": (1 - sigmoid(FAKE)).mean(),
             "relativistic": (log_loss(FAKE - REAL.mean(), True) + log_loss(REAL - FAKE.mean(), False)) / 2}
DISCRIMINATOR = {"non_saturating": log_loss(REAL, True) + log_loss(FAKE, False),
                 "one_minus": log_loss(REAL, True) + log_loss(FAKE, False),
                 "relativistic": (log_loss(REAL - FAKE.mean(), True) + log_loss(FAKE - REAL.mean(), False)) / 2}


def tensors(*arrays):
    return [paddle.to_tensor(np.asarray(array, "float32"), stop_gradient=False) for array in arrays]


@pytest.mark.compat
@pytest.mark.parametrize("kind", GENERATOR)
def test_losses_are_their_formulas_and_pull_the_right_way(kind):
    fake, real = tensors(FAKE, REAL)
    loss = generator_loss(kind, fake, real)
    assert float(loss) == pytest.approx(GENERATOR[kind], rel=1e-5)
    loss.backward()
    assert (fake.grad.numpy() < 0).all()  # a larger D(fake) is a smaller loss
    fake, real = tensors(FAKE, REAL)
    loss = discriminator_loss(kind, fake, real)
    assert float(loss) == pytest.approx(DISCRIMINATOR[kind], rel=1e-5)
    loss.backward()
    assert (fake.grad.numpy() > 0).all() and (real.grad.numpy() < 0).all()


@pytest.mark.parametrize("kind", GENERATOR)
@pytest.mark.parametrize("size", [-1e4, 1e4])
def test_certain_discriminators_leave_finite_losses(kind, size):
    fake, real = tensors(np.full((2, 1), size), np.full((2, 1), -size))
    for loss in (generator_loss(kind, fake, real), discriminator_loss(kind, fake, real)):
        assert np.isfinite(float(loss)) and float(loss) >= 0
        loss.backward()
    assert np.isfinite(fake.grad.numpy()).all()


def test_pixel_content_and_total_variation():
    a, b = RNG.random((2, 3, 6, 5)), RNG.random((2, 3, 6, 5))
    x, y = tensors(a, b)
    assert float(pixel_loss("l1", x, y)) == pytest.approx(np.abs(a - b).mean(), rel=1e-5)
    assert float(pixel_loss("mse", x, y)) == float(content_loss(x, y)) == pytest.approx(np.square(a - b).mean(),
                                                                                        rel=1e-5)
    by_hand = 2 * (np.square(np.diff(a, axis=2)).mean() + np.square(np.diff(a, axis=3)).mean())
    assert float(total_variation(x)) == pytest.approx(by_hand, rel=1e-5)
    assert float(total_variation(paddle.full([1, 3, 4, 4], 0.3))) == 0


def test_the_loss_is_at_first_the_papers():
    assert LossWeights() == LossWeights(0, "l1", 1, 1e-3, "non_saturating", 0)


@pytest.mark.parametrize("values, steps, message", [
    ((0.0001, 0.0002, 0.5), 20, "the discriminator collapsed: it says the same .* D.real. 0.0001"),
    ((0.9995, 0.9999, 0.5), 20, "the discriminator collapsed"),
    ((0.9999, 0.0001, 0.5), 20, "the discriminator has won.*for 20 steps"),
    ((0.6, 0.4, 50.0), 2, "the generator exploded: its values are 50 in the mean, for 2 steps"),
    ((0.6, 0.4, float("nan")), 2, "the generator exploded"),
])
def test_the_watch_names_an_end_after_its_patience(values, steps, message):
    watch = Watch(20)
    for _ in range(steps - 1):
        watch.note(*values)
    watch.note(0.6, 0.4, 0.5)  # one ordinary step, and it begins to count again
    for _ in range(steps - 1):
        watch.note(*values)
    with pytest.raises(KitError, match=message):
        watch.note(*values)


def test_an_ordinary_game_and_no_patience_go_on():
    ordinary, never = Watch(5), Watch(0)
    for _ in range(50):
        ordinary.note(0.99, 0.02, 0.4)
        never.note(1.0, 0.0, float("nan"))
    assert ordinary.steps == {"collapsed": 0, "certain": 0, "exploded": 0}
    assert never.steps == {"collapsed": 0, "certain": 50, "exploded": 50}  # seen, and no reason to stop


# ---- features


def batch(*images):
    return paddle.to_tensor(np.stack(images).transpose(0, 3, 1, 2).astype("float32") / 255)


@pytest.fixture(scope="module")
def pictures():
    """A drawn picture, and what blurring, enlarging and noise make of it, (128, 128, 3) uint8."""
    picture = draw_texture(np.random.default_rng(4), 256, 256)[:128, :128]
    return {"original": picture, "slightly blurred": cv2.GaussianBlur(picture, (0, 0), 0.6),
            "enlarged": enlarge_bicubic(reduce_bicubic(picture, 4), 4), "flat": np.full_like(picture, picture.mean())}


def distances(features, pictures):
    found = features(batch(*pictures.values()))
    return [float(content_loss(found[i], found[0])) for i in range(len(pictures))]


def test_features_of_block_16_by_random_filters(pictures):
    features = MobileNetFeatures()
    image = batch(pictures["original"])
    image.stop_gradient = False
    found = features(image)
    assert found.shape == [1, 960, 4, 4] and float(found.min()) >= 0 and float(found.max()) <= 6
    assert float(found.std()) > 1e-3  # neither dead nor saturated
    found.sum().backward()
    assert float(image.grad.abs().sum()) > 0
    assert all(parameter.stop_gradient for parameter in features.network.parameters())
    assert np.array_equal(found.numpy(), MobileNetFeatures()(image).numpy())
    none, slight, strong, flat = distances(features, pictures)
    assert none == 0 < slight < strong < flat


def test_features_of_weights_with_batch_norm_see_images_normalised_as_imagenet(tmp_path, monkeypatch):
    publish(trained(1000), tmp_path, monkeypatch)
    features, (images, normalised) = MobileNetFeatures("imagenet"), signed_images()
    expected = logits(features.network, normalised)
    assert not features.description.signed and expected.max() > 1
    np.testing.assert_allclose(features(paddle.to_tensor((images + 1) / 2)).numpy(), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.realdata
def test_features_by_imagenet_weights(realdata, pictures, capsys):
    features = MobileNetFeatures(str(realdata / "weights" / "mobilenet_v2_imagenet_folded_fp16.safetensors"))
    assert features.description.signed and capsys.readouterr().out == ""
    none, slight, strong, flat = distances(features, pictures)
    assert none == 0 < slight < strong < flat
