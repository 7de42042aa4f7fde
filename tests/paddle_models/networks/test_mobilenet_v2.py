"""MobileNetV2: the folded form equals the network it was folded from, and real folded weights separate the
monkeys."""

import os
from pathlib import Path

import numpy as np
import paddle
import pytest
from paddle import nn

from paddle_models.networks.mobilenet_v2 import (
    CONVOLUTIONS,
    FOLDED_KEYS,
    folded_mobilenet_v2,
    folded_names,
    is_folded,
    mobilenet_v2,
)
from paddle_models.weights.zoo import build_model, load_pretrained

FOLDED_FILE = "weights/mobilenet_v2_imagenet_folded_fp16.safetensors"


def trainable(model):
    return sum(p.size for p in model.parameters() if not p.stop_gradient)


def folded_from(model):
    """Folded arrays of a network with BatchNorm, in the layout of the public file."""
    arrays, index, conv = {}, 0, None
    for layer in model.sublayers():
        if isinstance(layer, nn.Conv2D):
            conv = layer
        elif isinstance(layer, nn.BatchNorm2D):
            scale = (layer.weight / (layer._variance + layer._epsilon).sqrt()).numpy()
            arrays[f"{index:02d}.weight"] = conv.weight.numpy() * scale[:, None, None, None]
            arrays[f"{index:02d}.bias"] = layer.bias.numpy() - layer._mean.numpy() * scale
            index += 1
    arrays["52.weight"] = model.classifier[1].weight.numpy().T[:, :, None, None]
    arrays["52.bias"] = model.classifier[1].bias.numpy()
    return arrays


def test_sizes():
    assert trainable(mobilenet_v2(10)) == 2_236_682
    assert trainable(mobilenet_v2(1000)) == 3_504_872  # torchvision's count
    assert trainable(folded_mobilenet_v2(10)) == 2_236_682 - 17_056  # one bias for scale and shift


def test_folded_network_has_no_batch_norm_and_tensorflow_padding():
    model = folded_mobilenet_v2(10)
    convolutions = [layer for layer in model.sublayers() if isinstance(layer, nn.Conv2D)]
    assert len(convolutions) == CONVOLUTIONS
    assert not any(isinstance(layer, nn.BatchNorm2D) for layer in model.sublayers())
    assert sum(layer._padding == [0, 1, 0, 1] for layer in convolutions) == 5  # the five halvings


def test_folding_keeps_the_outputs():
    paddle.seed(0)
    plain, folded = mobilenet_v2(5), folded_mobilenet_v2(5)
    for layer in plain.sublayers():
        if isinstance(layer, nn.BatchNorm2D):  # statistics worth folding
            layer._mean.set_value(paddle.randn(layer._mean.shape) * 0.1)
            layer._variance.set_value(paddle.rand(layer._variance.shape) + 0.5)
    arrays = folded_from(plain)
    assert is_folded(arrays) and set(arrays) == FOLDED_KEYS
    assert load_pretrained(folded, folded_names(arrays, folded), "folded") == []
    for model in (plain, folded):  # the same padding in both, which is what folding does not touch
        model.eval()
        for layer in model.sublayers():
            if isinstance(layer, nn.Conv2D) and layer._stride[0] == 2:
                layer._padding, layer._updated_padding = 1, [1, 1]
    x = paddle.randn([2, 3, 64, 64])
    with paddle.no_grad():
        expected, got = plain(x).numpy(), folded(x).numpy()
    assert np.linalg.norm(got - expected) / np.linalg.norm(expected) < 1e-4


def test_names_that_are_not_folded():
    assert not is_folded(["features.0.0.weight"])
    assert not is_folded(FOLDED_KEYS - {"17.bias"})
    assert not is_folded(FOLDED_KEYS | {"extra"})


@pytest.mark.realdata
@pytest.mark.skipif("KIT_REALDATA" not in os.environ, reason="KIT_REALDATA is not set")
def test_real_weights_separate_monkeys():
    from PIL import Image

    root = Path(os.environ["KIT_REALDATA"])
    model = build_model("mobilenet_v2", 10, str(root / FOLDED_FILE))
    model.eval()

    def features(split, count):
        rows, labels = [], []
        for label in range(4):
            files = sorted((root / "10-monkey-species" / split / f"n{label}").iterdir())[:count]
            images = [np.asarray(Image.open(f).convert("RGB").resize((224, 224))) for f in files]
            x = paddle.to_tensor(np.stack(images).transpose(0, 3, 1, 2).astype("float32") / 127.5 - 1)
            with paddle.no_grad():
                rows.append(model.pool2d_avg(model.features(x)).flatten(1).numpy())
            labels += [label] * len(files)
        return np.concatenate(rows), np.array(labels)

    train, train_labels = features("training", 8)
    test, test_labels = features("validation", 6)
    train, test = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (train, test))
    nearest = train_labels[(test @ train.T).argmax(axis=1)]
    assert (nearest == test_labels).mean() >= 0.8
