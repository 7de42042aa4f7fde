"""Multiply-adds against the published count and a count by hand."""

import pytest
from paddle import nn

from paddle_models.complexity import multiply_adds
from paddle_models.resnet import resnet


def test_resnet50_has_the_published_count():
    network = resnet(50, 1000)
    network.train()
    assert multiply_adds(network, (1, 3, 224, 224)) == 4_089_184_256
    assert network.training


@pytest.mark.parametrize("layer, shape, expected", [
    (nn.Conv2D(4, 8, 3, padding=1, groups=2), (1, 4, 5, 6), 5 * 6 * 8 * 2 * 9),
    (nn.Conv2DTranspose(4, 6, 2, stride=2), (1, 4, 5, 5), 4 * 25 * 6 * 4),
    (nn.Linear(7, 3), (1, 7), 21),
])
def test_by_hand(layer, shape, expected):
    assert multiply_adds(layer, shape) == expected
