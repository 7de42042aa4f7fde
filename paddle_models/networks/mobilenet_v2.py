"""MobileNetV2 (Sandler et al., "Inverted Residuals and Linear Bottlenecks", arXiv 1801.04381).

The network is `paddle.vision.models.mobilenet_v2`. Beside it stands the *folded* form: BatchNorm multiplied
into the convolutions, which then carry a bias. It trains at batch sizes where BatchNorm would not; in eager
mode on a CPU it is about a quarter slower (measured), since Paddle adds the bias in a pass of its own.
Folded ImageNet weights come as one safetensors file with keys `NN.weight` and `NN.bias`, NN = 00..52 in
forward order, 52 being the 1,001-class classifier (0 = background). They were trained in TensorFlow, whose
stride-2 3x3 convolutions pad only the bottom and the right of an even-sized input.
"""

import re
from dataclasses import replace

import numpy as np
from paddle import nn
from paddle.vision.models import mobilenet_v2 as vision_mobilenet_v2

from data_tools.errors import KitError
from paddle_models.networks.description import HALF, IMAGENET_DEVIATION, IMAGENET_MEAN, SIGNED, Description

CONVOLUTIONS = 52  # convolutions before the classifier, which is number 52 of the folded file
FOLDED_KEYS = frozenset(f"{i:02d}.{kind}" for i in range(CONVOLUTIONS + 1) for kind in ("weight", "bias"))
DESCRIPTION = Description((3, 224, 224), 32, SIGNED, IMAGENET_MEAN, IMAGENET_DEVIATION, head="classifier.1")
TENSORFLOW_PADDING = [0, 1, 0, 1]  # top, bottom, left, right


def mobilenet_v2(classes: int = 10) -> nn.Layer:
    """MobileNetV2 1.0 with BatchNorm, fresh weights, 2,236,682 trainable parameters with 10 classes.

    Input: float (N, 3, H, W), H and W multiples of 32, values in [-1, 1]. Output: logits (N, classes).
    """
    model = vision_mobilenet_v2(pretrained=False, num_classes=classes)
    model.description = DESCRIPTION
    return model


def folded_mobilenet_v2(classes: int = 10) -> nn.Layer:
    """The same network shaped for folded weights: no BatchNorm, convolutions with bias, TensorFlow padding.

    Without pretrained weights it trains badly, since nothing normalises its activations. Those that are published
    want inputs in [-1, 1].
    """
    model = mobilenet_v2(classes)
    model.description = replace(DESCRIPTION, mean=HALF, deviation=HALF)
    for layer in list(model.sublayers()):
        for name, child in list(layer.named_children()):
            if isinstance(child, nn.BatchNorm2D):
                setattr(layer, name, nn.Identity())
            elif isinstance(child, nn.Conv2D):
                setattr(layer, name, _folded_convolution(child))
    return model


def _folded_convolution(conv: nn.Conv2D) -> nn.Conv2D:
    halves_3x3 = conv._stride[0] == 2 and conv._kernel_size[0] == 3
    return nn.Conv2D(
        conv._in_channels,
        conv._out_channels,
        conv._kernel_size,
        stride=conv._stride,
        padding=TENSORFLOW_PADDING if halves_3x3 else conv._padding,
        groups=conv._groups,
    )


def is_folded(names) -> bool:
    """True when the names of a weight file are those of folded MobileNetV2 weights."""
    return FOLDED_KEYS.issubset(names) and all(re.fullmatch(r"\d\d\.(weight|bias)", name) for name in names)


def folded_names(arrays: dict[str, np.ndarray], model: nn.Layer) -> dict[str, np.ndarray]:
    """Folded weights under the names of `folded_mobilenet_v2`, as float32.

    The classifier, a 1x1 convolution (1001, 1280, 1, 1) in the file, becomes a linear weight (1280, 1001).
    Shapes of the convolutions are not checked here; the loader does that.
    """
    convolutions = [name for name, layer in model.named_sublayers() if isinstance(layer, nn.Conv2D)]
    if len(convolutions) != CONVOLUTIONS:
        raise KitError(f"folded MobileNetV2 weights need a network of {CONVOLUTIONS} convolutions, "
                       f"this one has {len(convolutions)}")
    renamed = {}
    for index, name in enumerate(convolutions):
        renamed[f"{name}.weight"] = arrays[f"{index:02d}.weight"].astype(np.float32)
        renamed[f"{name}.bias"] = arrays[f"{index:02d}.bias"].astype(np.float32)
    head = arrays[f"{CONVOLUTIONS}.weight"].astype(np.float32)
    renamed["classifier.1.weight"] = head.reshape(head.shape[0], -1).T
    renamed["classifier.1.bias"] = arrays[f"{CONVOLUTIONS}.bias"].astype(np.float32)
    return renamed
