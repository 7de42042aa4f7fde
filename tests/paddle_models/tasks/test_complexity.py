"""Multiply-adds against the published count and a count by hand."""

from contextlib import nullcontext

import pytest
from paddle import nn

from paddle_models.networks.resnet import resnet
from paddle_models.tasks.complexity import multiply_adds


def test_resnet50_has_the_published_count():
    network = resnet(50, 1000)
    network.train()
    assert multiply_adds(network, (1, 3, 224, 224)) == 4_089_184_256
    assert network.training


def test_modes_and_hooks_are_as_before_also_when_the_input_does_not_fit():
    network = nn.Sequential(nn.Linear(7, 3), nn.Dropout(0.5))
    network[1].eval()
    for shape in ((1, 7), (1, 8)):
        with nullcontext() if shape == (1, 7) else pytest.raises(ValueError):
            multiply_adds(network, shape)
        assert [layer.training for layer in network.sublayers(include_self=True)] == [True, True, False]
        assert not network[0]._forward_post_hooks


@pytest.mark.parametrize("layer, shape, expected", [
    (nn.Conv2D(4, 8, 3, padding=1, groups=2), (1, 4, 5, 6), 5 * 6 * 8 * 2 * 9),
    (nn.Conv2DTranspose(4, 6, 2, stride=2), (1, 4, 5, 5), 4 * 25 * 6 * 4),
    (nn.Linear(7, 3), (1, 7), 21),
])
def test_by_hand(layer, shape, expected):
    assert multiply_adds(layer, shape) == expected
