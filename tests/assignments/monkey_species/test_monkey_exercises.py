"""The exercises of the monkeys: what the kit computes, the reference does."""

import numpy as np
import paddle
import pytest

from assignments.monkey_species.by_hand import classifier, scrutiny
from data_tools.sets import audit, near_duplicates
from paddle_models.networks.resnet import Bottleneck
from paddle_models.tasks import gradcam, losses, metrics
from paddle_models.trainer.early_stopping import EarlyStopping
from paddle_models.trainer.schedules import learning_rate
from paddle_models.trainer.settings import ScheduleSettings


def test_rates_loss_and_stopping_are_the_kits():
    settings = ScheduleSettings(name="cosine", warmup_epochs=2, min_lr=0.01)
    kits = [learning_rate(settings, step, 5, 40, 0.3) for step in range(45)]
    np.testing.assert_allclose(classifier.learning_rates(np.arange(45), 10, 40, 0.3, 0.01), kits)
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(0, 20, (6, 5)), rng.integers(0, 5, 6)
    kits = losses.cross_entropy(paddle.to_tensor(logits), paddle.to_tensor(labels), 0.2)
    assert classifier.smoothed_cross_entropy(logits, labels, 0.2) == pytest.approx(float(kits), rel=1e-5)
    for curve in rng.integers(0, 20, (20, 30)) / 20:
        stopper = EarlyStopping(4, 0.05, "accuracy", "max")
        for epoch, value in enumerate(curve):
            stopper.update(value, epoch)
            if stopper.reason:
                break
        assert classifier.stopping_epoch(curve, 4, 0.05) == (epoch, stopper.best_epoch)


def test_the_block_is_the_kits():
    paddle.seed(0)
    block = Bottleneck(16, 4)
    block.eval()
    norms = []
    for number, layer in enumerate((block.bn1, block.bn2, block.bn3)):
        layer._mean.set_value(paddle.linspace(-0.3, 0.2, layer._mean.shape[0]))
        layer._variance.set_value(paddle.linspace(0.5, 1.5 + number, layer._mean.shape[0]))
        scale = layer.weight.numpy() / np.sqrt(layer._variance.numpy() + 1e-5)
        norms.append(np.stack([scale, layer.bias.numpy() - layer._mean.numpy() * scale]))
    x = paddle.randn([2, 16, 6, 5])
    weights = [layer.weight.numpy() for layer in (block.conv1, block.conv2, block.conv3)]
    np.testing.assert_allclose(classifier.residual_block(x.numpy(), *weights, *norms), block(x).numpy(), atol=1e-5)


def test_scrutiny_is_the_kits():
    rng = np.random.default_rng(0)
    labels, predictions = rng.integers(0, 4, 50), rng.integers(0, 4, 50)
    confusion = scrutiny.confusion_matrix(labels, predictions, 6)
    np.testing.assert_array_equal(confusion, metrics.confusion_matrix(labels, predictions, 6))
    assert scrutiny.macro_f1(confusion) == pytest.approx(metrics.macro_f1(confusion))
    grey = np.cumsum(np.cumsum(rng.normal(0, 9, (12, 32, 32)), axis=1), axis=2)
    pictures = (128 + 100 * grey / np.abs(grey).max()).astype(np.uint8)
    pictures[5] = np.clip(pictures[2].astype(int) + rng.integers(-1, 2, (32, 32)), 0, 255)
    mine = np.array([scrutiny.perceptual_hash(picture.astype(float)) for picture in pictures])
    kits = np.array([audit.perceptual_hash(np.repeat(picture[..., None], 3, axis=2)) for picture in pictures])
    np.testing.assert_array_equal(mine, np.unpackbits(kits.view(np.uint8).reshape(12, 8), axis=1))
    pairs = {tuple(sorted(pair)) for found in near_duplicates.near_pairs(kits) for pair in zip(*map(list, found))}
    assert {tuple(pair) for pair in scrutiny.near_duplicates(mine, audit.NEAR)} == pairs and (2, 5) in pairs


def test_grad_cam_is_the_kits():
    paddle.seed(0)
    net = paddle.nn.Sequential(paddle.nn.Conv2D(3, 4, 3, padding=1), paddle.nn.Flatten(), paddle.nn.Linear(4 * 30, 2))
    image = paddle.randn([1, 3, 6, 5])
    kits = gradcam.grad_cam(net, image, [1], net[0])[0]
    features = net[0](image).numpy()[0]
    gradients = net[2].weight.numpy()[:, 1].reshape(4, 6, 5)
    np.testing.assert_allclose(scrutiny.grad_cam(features, gradients), kits, atol=1e-6)


def test_the_input_is_the_kits():
    image = np.random.default_rng(0).integers(0, 256, (5, 4, 3)).astype(np.uint8)
    np.testing.assert_allclose(classifier.normalise(image), (image.astype(float) / 255 * 2 - 1).transpose(2, 0, 1))
