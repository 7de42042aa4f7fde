"""The exercises of the glasses: what the kit and Paddle compute, the reference does."""

import numpy as np
import paddle
import paddle.nn.functional as F

from assignments.common.confident import confident_errors
from assignments.glasses.by_hand import convolution, experiment
from assignments.glasses.lists import flagged
from data_tools.packed import tfrecord
from paddle_models.trainer.schedules import learning_rate
from paddle_models.trainer.settings import ScheduleSettings


def test_layers_and_gradients_are_paddles():
    rng = np.random.default_rng(0)
    arrays = [rng.normal(0, 1, shape) for shape in ((2, 3, 4, 6), (5, 3, 3, 3), (5,), (2, 5, 4, 6), (2, 3, 2, 3))]
    x, w, b, upstream, pooled = (paddle.to_tensor(array, stop_gradient=False) for array in arrays)
    y = F.conv2d(x, w, b, padding=1)
    np.testing.assert_allclose(convolution.convolve(*arrays[:3]), y.numpy(), atol=1e-12)
    found = convolution.convolution_gradient(arrays[0], arrays[1], arrays[3])
    for mine, theirs in zip(found, paddle.grad((y * upstream).sum(), [x, w, b])):
        np.testing.assert_allclose(mine, theirs.numpy(), atol=1e-12)
    y = F.max_pool2d(x, 2)
    np.testing.assert_allclose(convolution.max_pool(arrays[0]), y.numpy())
    np.testing.assert_allclose(convolution.max_pool_gradient(arrays[0], arrays[4]),
                               paddle.grad((y * pooled).sum(), x)[0].numpy())


def test_batch_norm_is_paddles():
    rng = np.random.default_rng(1)
    x, (scale, shift, mean, variance) = rng.normal(1, 2, (2, 3, 4, 6)), rng.uniform(0.5, 2, (4, 3))
    layer = paddle.nn.BatchNorm2D(3, momentum=0.8, epsilon=0.1)
    parameters = (layer.weight, layer.bias, layer._mean, layer._variance)
    for parameter, value in zip(parameters, (scale, shift, mean, variance)):
        parameter.set_value(value.astype("float32"))
    layer.eval()
    image = paddle.to_tensor(x, "float32")
    np.testing.assert_allclose(convolution.batch_norm_evaluation(x, scale, shift, mean, variance, 0.1),
                               layer(image).numpy(), atol=1e-4)
    layer.train()
    found = convolution.batch_norm_training(x, scale, shift, mean, variance, 0.8, 0.1)
    for mine, theirs in zip(found, (layer(image), layer._mean, layer._variance)):
        np.testing.assert_allclose(mine, theirs.numpy(), atol=1e-4)


def test_what_surrounds_the_network_is_the_kits():
    rng = np.random.default_rng(2)
    for data in (b"", b"123456789", rng.bytes(300)):
        assert experiment.masked_crc(data) == tfrecord.masked_crc(data)
        assert experiment.frame(data) == tfrecord.frame(data)
    settings = ScheduleSettings(name="exponential", gamma=0.9, smooth=True)
    np.testing.assert_allclose(experiment.decayed_rates(np.arange(30), 0.01, 0.9, 10),
                               [learning_rate(settings, step, 10, 30, 0.01) for step in range(30)])
    labels, p = rng.integers(0, 2, 80), rng.uniform(0, 1, 80).round(2)
    np.testing.assert_array_equal(experiment.uncertain_band(labels, p, 0.4, 0.6)[0], flagged(p, (0.4, 0.6)))
    rows, _ = confident_errors(labels, np.stack([1 - p, p], axis=1))
    assert sorted(experiment.confident_errors(labels, p)) == list(rows) and len(rows) > 5
