"""EfficientNet-Lite0 (Tan and Le, "EfficientNet", arXiv 1905.11946; Liu, "Higher accuracy on vision models with
EfficientNet-Lite", https://blog.tensorflow.org/2020/03/higher-accuracy-on-vision-models-with-efficientnet-lite.html).

Differences of the Lite form from the paper's B0: ReLU6 in place of Swish and no squeeze-and-excitation, so that it runs
well in 8 bits. Differences of this file from the authors' code: no drop connect in training, and Paddle's own initial
values. As there, convolutions pad as TensorFlow's "same" does: by as much as the side needs, the odd pixel below and on
the right, so that a stride of 2 pads an even side and an odd one differently.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from paddle import nn

from paddle_models.networks.description import SIGNED, UNIT, Description

STEM, LAST = 32, 1280  # channels of the first and of the last convolution
MEAN, DEVIATION = 127 / 255, 128 / 255  # of images in [0, 1]: (x - 127) / 128 of bytes
MOMENTUM, EPSILON = 0.99, 1e-3  # of BatchNorm; Paddle's momentum is 1 less PyTorch's
DROPOUT = 0.2


class Stage(NamedTuple):
    """Blocks alike; the first of them changes the width and takes the stride."""

    blocks: int
    kernel: int
    stride: int
    expansion: int
    width: int


STAGES = (Stage(1, 3, 1, 1, 16), Stage(2, 3, 2, 6, 24), Stage(2, 5, 2, 6, 40), Stage(3, 3, 2, 6, 80),
          Stage(3, 5, 1, 6, 112), Stage(4, 5, 2, 6, 192), Stage(1, 3, 1, 6, 320))


class ConvNorm(nn.Layer):
    """Convolution, BatchNorm and, but for `linear`, ReLU6: (N, C, H, W) to (N, out, H / stride, W / stride)."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int = 1, groups: int = 1, linear: bool = False):
        super().__init__()
        self.conv = nn.Conv2D(channels, out, kernel, stride=stride, padding="SAME", groups=groups, bias_attr=False)
        self.norm = nn.BatchNorm2D(out, MOMENTUM, EPSILON)
        self.activation = nn.Identity() if linear else nn.ReLU6()

    def forward(self, x):
        return self.activation(self.norm(self.conv(x)))


class InvertedResidual(nn.Layer):
    """1x1 to `expansion` times the channels, depthwise convolution, 1x1 to `width`; x is added where shapes agree."""

    def __init__(self, channels: int, width: int, kernel: int, stride: int, expansion: int):
        super().__init__()
        inner = channels * expansion
        self.expand = ConvNorm(channels, inner, 1) if expansion > 1 else nn.Identity()
        self.depthwise = ConvNorm(inner, inner, kernel, stride, groups=inner)
        self.project = ConvNorm(inner, width, 1, linear=True)
        self.adds = stride == 1 and channels == width

    def forward(self, x):
        y = self.project(self.depthwise(self.expand(x)))  # (N, width, H / stride, W / stride)
        return x + y if self.adds else y


class EfficientNetLite(nn.Layer):
    """Input: float (N, 3, H, W), any H and W from 32 up, values in [-1, 1]. Output: logits (N, classes)."""

    description = Description((3, 224, 224), 32, SIGNED, (MEAN,) * 3, (DEVIATION,) * 3, head="classifier")

    def __init__(self, classes: int = 10):
        super().__init__()
        self.stem = ConvNorm(3, STEM, 3, stride=2)
        self.blocks = nn.Sequential(*_blocks())
        self.last = ConvNorm(STAGES[-1].width, LAST, 1)
        self.pool = nn.AdaptiveAvgPool2D(1)
        self.dropout = nn.Dropout(DROPOUT)
        self.classifier: nn.Layer = nn.Linear(LAST, classes)

    def forward(self, x):
        x = self.blocks(self.stem(x))  # (N, 320, H/32, W/32)
        x = self.pool(self.last(x)).flatten(1)  # (N, 1280)
        return self.classifier(self.dropout(x))  # (N, classes)


class EfficientNetLiteFeatures(EfficientNetLite):
    """The same as a backbone, up to the pooled features: RGB in [0, 1], (N, 3, H, W), to (N, 1280)."""

    description = replace(EfficientNetLite.description, value_range=UNIT, head="")
    width = LAST

    def __init__(self, image_size: int | Sequence[int] = 224):
        super().__init__()
        self.image_size, self.classifier = image_size, nn.Identity()

    def forward(self, x):
        return super().forward((x - MEAN) / DEVIATION)


def _blocks() -> list[InvertedResidual]:
    blocks, channels = [], STEM
    for stage in STAGES:
        for number in range(stage.blocks):
            stride = stage.stride if number == 0 else 1
            blocks.append(InvertedResidual(channels, stage.width, stage.kernel, stride, stage.expansion))
            channels = stage.width
    return blocks


def efficientnet_lite0(classes: int = 10) -> EfficientNetLite:
    """EfficientNet-Lite0 with fresh weights: 3,383,818 trainable parameters with 10 classes, 4,652,008 with 1,000."""
    return EfficientNetLite(classes)
