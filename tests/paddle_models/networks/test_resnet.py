"""Our ResNets: sizes of the paper, outputs of paddle.vision's, gradients everywhere."""

import math

import numpy as np
import paddle
import pytest
from paddle.vision import models as vision

from data_tools.errors import KitError
from paddle_models.networks.resnet import resnet


def trainable(model):
    return sum(p.size for p in model.parameters() if not p.stop_gradient)


@pytest.mark.parametrize("depth, classes, expected", [
    (18, 1000, 11_689_512), (34, 1000, 21_797_672),
    (50, 10, 23_528_522), (50, 1000, 25_557_032), (101, 10, 42_520_650), (152, 10, 58_164_298),
])
def test_parameter_counts(depth, classes, expected):
    with paddle.LazyGuard():  # shapes only: filling 58 million numbers takes seconds
        assert trainable(resnet(depth, classes)) == expected


def test_batch_norm_statistics():
    statistics = [p for p in resnet(50).state_dict().items() if p[0].endswith(("._mean", "._variance"))]
    assert sum(value.size for _, value in statistics) == 53_120


@pytest.mark.parametrize("depth", [18, 34, 50, 101])
def test_same_outputs_as_paddle_vision_under_the_same_names(depth):
    paddle.seed(0)
    theirs = getattr(vision, f"resnet{depth}")(num_classes=7)
    ours = resnet(depth, 7)
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    ours.set_state_dict(theirs.state_dict())
    ours.eval(), theirs.eval()
    x = paddle.randn([2, 3, 64, 96])
    with paddle.no_grad():
        np.testing.assert_array_equal(ours(x).numpy(), theirs(x).numpy())


def test_every_parameter_gets_a_gradient():
    model = resnet(50, 3)
    model(paddle.randn([2, 3, 64, 64])).square().sum().backward()
    without = [n for n, p in model.named_parameters() if not p.stop_gradient and p.grad is None]
    assert without == []


def test_last_layer_starts_uniform_within_the_documents_bound():
    paddle.seed(0)
    weight = resnet(50, 10).fc.weight.numpy()
    bound = 1 / math.sqrt(2048)
    assert np.abs(weight).max() <= bound
    assert weight.std() == pytest.approx(bound / math.sqrt(3), rel=0.02)


def test_other_depths_are_refused():
    with pytest.raises(KitError, match=r"20.*18, 34, 50, 101, 152"):
        resnet(20)
