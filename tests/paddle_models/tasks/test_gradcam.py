"""Grad-CAM: the weighted sum of the paper, on every family, frozen or not, without traces."""

import numpy as np
import paddle
import pytest
from paddle import nn

from data_tools.errors import KitError
from paddle_models.networks.parts import freeze_backbone
from paddle_models.tasks.gradcam import grad_cam, last_feature_map
from paddle_models.weights.zoo import build_model


class Tiny(nn.Layer):
    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2D(3, 4, 3, padding=1), nn.Linear(4, 3)

    def forward(self, x):
        return self.fc(self.conv(x).mean(axis=[2, 3]))


def test_map_of_a_linear_head_is_the_class_activation_map():
    """With mean pooling and a linear head, Grad-CAM's weights are those of the head (section 3.1 of the
    paper)."""
    paddle.seed(0)
    model, x = Tiny(), paddle.randn([2, 3, 6, 5])
    classes = np.array([2, 0])
    features = model.conv(x).numpy()
    weights = model.fc.weight.numpy()[:, classes].T
    expected = np.maximum((weights[:, :, None, None] * features).sum(1), 0)
    expected /= expected.max(axis=(1, 2), keepdims=True)
    maps = grad_cam(model, x, classes)
    assert maps.dtype == np.float32 and maps.shape == (2, 6, 5)
    np.testing.assert_allclose(maps, expected, atol=1e-5)


@pytest.mark.parametrize("name, channels_of", [("resnet50", "layer4"), ("mobilenet_v2", "features")])
@pytest.mark.parametrize("frozen", [False, True])
def test_families(name, channels_of, frozen):
    paddle.seed(0)
    model = build_model(name, 5)
    if frozen:
        freeze_backbone(model)
    x = paddle.randn([5, 3, 160, 128])
    assert last_feature_map(model, x) is getattr(model, channels_of)
    model.train()
    some_layer = model.sublayers()[3]
    some_layer.eval()
    maps = grad_cam(model, x, np.arange(5))
    assert maps.shape == (5, 5, 4) and maps.min() == 0
    assert 1 in maps and set(maps.max(axis=(1, 2))) <= {0, 1}
    assert model.training and not some_layer.training  # modes as they were
    assert all(p.grad is None for p in model.parameters())
    assert not model.sublayers()[0]._forward_post_hooks


@pytest.mark.parametrize("name, chosen", [("resnet50", "layer3"), ("mobilenet_v2", "features.13"),
                                          ("efficientnet_lite0", "blocks.10")])
def test_a_small_image_gets_a_map_of_an_earlier_stage_not_of_two_by_two(name, chosen):
    paddle.seed(0)
    model = build_model(name, 5)
    x = paddle.randn([1, 3, 64, 64])
    layer = last_feature_map(model, x)
    assert [name for name, one in model.named_sublayers() if one is layer] == [chosen]
    assert grad_cam(model, x, [1]).shape == (1, 4, 4)


def test_a_class_that_nothing_speaks_for_gives_zeros():
    model = Tiny()
    model.fc.weight.set_value(paddle.zeros_like(model.fc.weight))
    assert not grad_cam(model, paddle.randn([1, 3, 4, 4]), [0]).any()


def test_images_too_small_for_a_map():
    with pytest.raises(KitError, match="no feature map larger than 1x1"):
        grad_cam(nn.Sequential(nn.Conv2D(3, 2, 1), nn.Flatten()), paddle.randn([1, 3, 1, 1]), [0])
