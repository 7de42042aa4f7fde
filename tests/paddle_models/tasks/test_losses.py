"""Cross entropy against scikit-learn and Paddle's own; mixup mixes images and labels alike."""

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest
from sklearn.metrics import log_loss

from paddle_models.tasks.losses import cross_entropy, mixup

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(6, 4)).astype("float32") * 3
LABELS = np.array([0, 1, 2, 3, 1, 0])


def test_plain_value_is_that_of_scikit_learn():
    probabilities = np.exp(LOGITS) / np.exp(LOGITS).sum(1, keepdims=True)
    loss = cross_entropy(paddle.to_tensor(LOGITS), paddle.to_tensor(LABELS))
    assert float(loss) == pytest.approx(log_loss(LABELS, probabilities, labels=range(4)), rel=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
def test_smoothing_and_soft_labels(smoothing):
    soft = RNG.dirichlet(np.ones(4), 6).astype("float32")
    log_p = LOGITS - np.log(np.exp(LOGITS.astype("float64")).sum(1, keepdims=True))
    for target, probabilities in ((LABELS, np.eye(4)[LABELS]), (soft, soft)):
        expected = -((probabilities * (1 - smoothing) + smoothing / 4) * log_p).sum(1).mean()
        loss = cross_entropy(paddle.to_tensor(LOGITS), paddle.to_tensor(target), smoothing)
        assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_gradient_is_that_of_paddle():
    gradients = []
    for loss in (cross_entropy, F.cross_entropy):
        logits = paddle.to_tensor(LOGITS, stop_gradient=False)
        loss(logits, paddle.to_tensor(LABELS)).backward()
        gradients.append(logits.grad.numpy())
    np.testing.assert_allclose(*gradients, atol=1e-7)


def test_short_floats_are_widened_and_large_logits_stay_finite():
    logits = paddle.to_tensor([[3e4, -3e4], [0.0, 1.0]]).astype("float16")
    loss = cross_entropy(logits, paddle.to_tensor([1, 1]))
    assert loss.dtype == paddle.float32
    assert float(loss) == pytest.approx((6e4 + np.log1p(np.exp(-1))) / 2, rel=1e-3)


def batch():
    return {"image": paddle.to_tensor(RNG.normal(size=(6, 3, 2, 2)).astype("float32")),
            "label": paddle.to_tensor(LABELS), "index": paddle.arange(6)}


def test_mixup_mixes_images_and_labels_with_one_weight():
    source = batch()
    mixed = mixup(source, 0.4, np.random.default_rng(7), classes=4)
    rng = np.random.default_rng(7)
    weight, partner = rng.beta(0.4, 0.4), rng.permutation(6)
    for key, values in (("image", source["image"].numpy()), ("label", np.eye(4)[LABELS])):
        expected = weight * values + (1 - weight) * values[partner]
        np.testing.assert_allclose(mixed[key].numpy(), expected, atol=1e-6)
    np.testing.assert_allclose(mixed["label"].numpy().sum(1), 1, atol=1e-6)
    np.testing.assert_array_equal(mixed["index"].numpy(), np.arange(6))


def test_mixup_without_strength_changes_nothing():
    source = batch()
    assert mixup(source, 0.0, np.random.default_rng(0)) is source
