"""The glasses network: sizes, the order of its layers, feature maps, gradients."""

import numpy as np
import paddle
import pytest

from data_tools.errors import KitError
from paddle_models.networks.glasses_cnn import GlassesCNN

RNG = np.random.default_rng(0)


def trainable(network):
    return sum(p.size for p in network.parameters() if not p.stop_gradient)


def images(side, count=2):
    return paddle.to_tensor(RNG.normal(size=(count, 3, side, side)).astype(np.float32))


@pytest.mark.parametrize("side, dense", [(32, 2048), (64, 2048), (128, 2048), (40, 2048), (16, 512)])
def test_the_head_does_not_grow_with_the_image(side, dense):
    network = GlassesCNN(side)
    convolutions = (27 * 32 + 32 + 64) + (9 * 32 * 64 + 64 + 128) + (9 * 64 * 128 + 128 + 256)
    assert trainable(network) == convolutions + dense * 128 + 128 + 128 + 1
    assert network(images(side)).shape == [2, 1]


@pytest.mark.compat
@pytest.mark.parametrize("pooling", ["max", "average"])
def test_a_block_is_convolution_relu_pooling_batch_norm(pooling):
    network = GlassesCNN(16, (4, 8), pooling, neurons=(5,))
    network.eval()
    block, x = network.blocks[0], images(16)
    weight, bias = block.conv.weight.numpy().astype(np.float64), block.conv.bias.numpy()
    padded = np.pad(x.numpy().astype(np.float64), ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    after_relu = np.maximum(0, np.einsum("nchwij,fcij->nfhw", windows, weight) + bias[:, None, None])
    grouped = after_relu.reshape(2, 4, 8, 2, 8, 2)
    pooled = grouped.max(axis=(3, 5)) if pooling == "max" else grouped.mean(axis=(3, 5))
    block.bn._mean.set_value(paddle.to_tensor(np.full(4, 0.1, np.float32)))
    np.testing.assert_allclose(block(x).numpy(), (pooled - 0.1) / np.sqrt(1 + 1e-5), rtol=1e-4, atol=1e-5)
    maps = network.feature_maps(x)
    np.testing.assert_allclose(maps["conv 1"].numpy(), after_relu, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(maps["pooling 1"].numpy(), pooled, rtol=1e-4, atol=1e-5)


def test_feature_maps_are_those_of_the_forward_pass():
    network = GlassesCNN(16, (4, 8, 6), neurons=())
    network.eval()
    x = images(16)
    maps = network.feature_maps(x)
    assert list(maps) == ["conv 1", "pooling 1", "conv 2", "pooling 2", "conv 3", "pooling 3"]
    shapes = [list(values.shape[1:]) for values in maps.values()]
    assert shapes == [[4, 16, 16], [4, 8, 8], [8, 8, 8], [8, 4, 4], [6, 4, 4], [6, 2, 2]]
    last = network.output(network.blocks[2].bn(maps["pooling 3"]).flatten(1))
    np.testing.assert_allclose(last.numpy(), network(x).numpy(), rtol=1e-5)


def test_dropout_only_in_training():
    paddle.seed(0)
    network, x = GlassesCNN(16, (4, 8), dropout=0.9), images(16)
    network.eval()
    assert np.array_equal(network(x).numpy(), network(x).numpy())
    network.train()
    assert not np.array_equal(network(x).numpy(), network(x).numpy())


def test_every_parameter_gets_a_gradient():
    network = GlassesCNN(64, (4, 6), "average", kernel=5, neurons=(7, 5), dropout=0.0)
    network(images(64, 4)).square().sum().backward()
    assert [name for name, p in network.named_parameters() if not p.stop_gradient and p.grad is None] == []


@pytest.mark.parametrize("settings, words", [
    ({"image_size": 16, "filters": (4,) * 5}, "5 blocks do not fit an image of 16x16"),
    ({"filters": ()}, "0 blocks"), ({"pooling": "min"}, "'min' is none of max, average"),
    ({"kernel": 2}, "2x2 has no middle")])
def test_what_fits_no_network_is_told(settings, words):
    with pytest.raises(KitError, match=words):
        GlassesCNN(**settings)
