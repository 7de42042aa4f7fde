"""The exercises of the faces: what the kit computes, the reference does."""

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest

from assignments.face_attributes.by_hand import heads, imbalance
from data_tools.drawing.attributes import ATTRIBUTES
from paddle_models.networks import efficientformer_v2, face_regions
from paddle_models.networks.face_attributes import _head
from paddle_models.tasks import calibration, losses
from paddle_models.tasks.attribute_metrics import measure_attributes
from paddle_models.trainer.ema import MovingAverage


def test_the_orders_are_the_kits():
    to_head, to_label = heads.mappings(ATTRIBUTES, list(face_regions.REGIONS.values()))
    np.testing.assert_array_equal(to_head, face_regions.LABEL_TO_HEAD)
    np.testing.assert_array_equal(to_label, face_regions.HEAD_TO_LABEL)


def test_attention_is_the_kits():
    rng = np.random.default_rng(0)
    bias = efficientformer_v2.BiasTable((2, 3))
    table = rng.normal(0, 1, bias.table.shape)
    bias.table.set_value(table.astype("float32"))
    np.testing.assert_array_equal(heads.distance_index(2, 3).ravel(), bias.index.numpy())
    query, key, value = rng.normal(0, 1, (3, 8, 6, 4)).astype(np.float32)
    scores = paddle.to_tensor(query) @ paddle.to_tensor(key).transpose([0, 2, 1]) / 2 + bias(2, 3)
    found = heads.biased_attention(query, key, value, table, 2, 3)
    np.testing.assert_allclose(found, (F.softmax(scores) @ paddle.to_tensor(value)).numpy(), atol=1e-5)


def test_drop_path_and_heads_are_the_kits():
    rng = np.random.default_rng(1)
    x, branch = rng.normal(0, 1, (2, 400, 2, 1, 1)).astype(np.float32)
    paddle.seed(0)
    layer = efficientformer_v2.DropPath(0.3)
    kits = layer(paddle.to_tensor(branch)).numpy()
    dropped = (kits == 0).all(axis=(1, 2, 3))
    found = heads.residual_branch(x, branch, np.ones(2), np.where(dropped, 0.1, 0.9), 0.3, True)
    np.testing.assert_allclose(found, x + kits, atol=1e-5)
    assert 0.2 < dropped.mean() < 0.4
    layer.eval()
    found = heads.residual_branch(x, branch, np.ones(2), np.zeros(400), 0.3, False)
    np.testing.assert_allclose(found, x + layer(paddle.to_tensor(branch)).numpy(), atol=1e-5)
    features, nets = paddle.randn([3, 5]), [_head(5, (4, 3), outputs, 0.0) for outputs in (2, 1, 4)]
    kits = paddle.concat([net(features) for net in nets], axis=1).numpy()
    parameters = [[parameter.numpy() for parameter in net.parameters()] for net in nets]
    np.testing.assert_allclose(heads.seven_heads(features.numpy(), parameters), kits, atol=1e-5)


def test_losses_and_measures_are_the_kits():
    rng = np.random.default_rng(2)
    logits, labels = rng.normal(0, 3, (30, 4)), rng.integers(0, 2, (30, 4)).astype(float)
    tensors = paddle.to_tensor(logits), paddle.to_tensor(labels)
    assert imbalance.binary_cross_entropy(logits, labels) == pytest.approx(float(losses.binary_cross_entropy(*tensors)))
    kits = float(losses.binary_cross_entropy(*tensors, gamma=1.5))
    assert imbalance.focal_loss(logits, labels, 1.5) == pytest.approx(kits, rel=1e-5)
    labels[:, 2], p = 0, rng.uniform(0, 1, labels.shape).round(1)
    kits = measure_attributes(labels, p)
    np.testing.assert_allclose(imbalance.balanced_accuracy(labels, p), kits["balanced_accuracy"])
    found = [imbalance.average_precision(*columns) for columns in zip(labels.T, p.T)]
    np.testing.assert_allclose(found, kits["average_precision"])
    curve = calibration.reliability(labels[:, 0], p[:, 0] / 2, 8)
    for mine, theirs in zip(imbalance.reliability_curve(labels[:, 0], p[:, 0] / 2, 8),
                            (curve.confidence, curve.accuracy, curve.count)):
        np.testing.assert_allclose(mine, theirs)


def test_the_average_of_weights_is_the_kits():
    weights = np.random.default_rng(3).normal(0, 1, (9, 2, 3)).astype(np.float32)
    layer = paddle.nn.Linear(2, 3, bias_attr=False)
    layer.weight.set_value(weights[0])
    average = MovingAverage(layer, 0.4)
    for value in weights[1:]:
        layer.weight.set_value(value)
        average.update()
    found = imbalance.moving_average(weights.reshape(9, 6).astype(float), 0.4)
    np.testing.assert_allclose(found, average.arrays()["weight"].ravel(), atol=1e-6)
