"""Binary classification with one logit: the loss against NumPy, mirrored images, thresholds, real steps."""

import numpy as np
import paddle
import pytest
from paddle import nn
from sklearn.metrics import log_loss

from paddle_models.networks.glasses_cnn import GlassesCNN
from paddle_models.tasks.binary_task import BinaryTask

RNG = np.random.default_rng(0)
LABELS = np.array([1, 0, 1, 1, 0, 0])


class FirstPixel(nn.Layer):
    """The logit of an image is its first pixel."""

    def forward(self, images):
        return images[:, 0, 0, :1]


def batch(logits, mirrored=None):
    images = np.zeros((len(logits), 3, 2, 2), np.float32)
    images[:, 0, 0, 0] = logits
    images[:, 0, 0, 1] = logits if mirrored is None else mirrored
    return {"image": paddle.to_tensor(images), "label": paddle.to_tensor(LABELS), "index": paddle.arange(len(logits))}


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, np.float64)))


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_loss_is_the_logistic_one(smoothing):
    logits = RNG.normal(size=6)
    (name, loss), = BinaryTask(FirstPixel(), label_smoothing=smoothing).losses(batch(logits))
    target, p = LABELS * (1 - smoothing) + smoothing / 2, sigmoid(logits)
    assert name == "model"
    assert float(loss) == pytest.approx(np.mean(-target * np.log(p) - (1 - target) * np.log(1 - p)), rel=1e-5)


def test_rows_and_summary_are_those_of_scikit_learn():
    logits = RNG.normal(scale=3, size=6)
    task = BinaryTask(FirstPixel(), label_smoothing=0.3)  # smoothing is for training alone
    rows = task.evaluate(batch(logits))
    assert rows["index"].tolist() == list(range(6)) and rows["label"].tolist() == LABELS.tolist()
    np.testing.assert_allclose(rows["probabilities"], sigmoid(logits), rtol=1e-5)
    assert rows["loss"].dtype == rows["probabilities"].dtype == np.float32
    summary = task.summarize(rows)
    assert summary["loss"] == pytest.approx(log_loss(LABELS, sigmoid(logits)), rel=1e-5)
    assert summary["accuracy"] == np.mean((sigmoid(logits) >= 0.5) == LABELS)
    assert (task.monitor, task.mode) == ("loss", "min")


def test_mirrored_images_are_averaged_and_the_loss_is_of_the_mean():
    logits, mirrored = RNG.normal(size=(2, 6))
    rows = BinaryTask(FirstPixel(), flip_at_test=True).evaluate(batch(logits, mirrored))
    p = (sigmoid(logits) + sigmoid(mirrored)) / 2
    np.testing.assert_allclose(rows["probabilities"], p, rtol=1e-5)
    np.testing.assert_allclose(rows["loss"], -np.log(np.where(LABELS, p, 1 - p)), rtol=1e-5)


def test_the_loss_of_a_certain_and_wrong_answer_is_finite():
    rows = BinaryTask(FirstPixel(), flip_at_test=True).evaluate(batch(np.where(LABELS, -300.0, 300.0)))
    np.testing.assert_allclose(rows["loss"], 300, rtol=1e-6)


@pytest.mark.compat
def test_steps_of_training_lower_the_loss():
    paddle.seed(0)
    network = GlassesCNN(16, (4, 8), neurons=(8,), dropout=0.1)
    task = BinaryTask(network)
    optimizer = paddle.optimizer.Adam(0.01, parameters=network.parameters())
    images = paddle.to_tensor(RNG.normal(size=(6, 3, 16, 16)).astype(np.float32))
    losses = []
    for _ in range(8):
        (_, loss), = task.losses({"image": images, "label": paddle.to_tensor(LABELS)})
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()
        losses.append(float(loss))
    assert losses[-1] < 0.7 * losses[0]
    assert 0.5 < task.training_metrics()["accuracy"] <= 1 and task.training_metrics()["accuracy"] == 0
