"""Swift-SRGAN (Krishnan & Krishnan, "SwiftSRGAN - Rethinking Super-Resolution for Efficient and Real-time Inference",
arXiv 2111.14320): SRGAN's generator and discriminator with depthwise separable convolutions.

Written for this kit; layers carry the names of the authors' PyTorch code, so its weights pass by name. As there, every
block of the generator owns a PReLU but the 17 that end without an activation never call theirs: 1,088 of the 201,209
parameters are idle. Different from that code: log2(scale) upsampling blocks where it stacks scale // 2 (its "x8" is
x16); the discriminator returns logits, its sigmoid belongs to the losses; and `residual` is this kit's option.
"""

import math
import re

import paddle
import paddle.nn.functional as F
from paddle import nn

from data_tools.errors import KitError
from paddle_models.networks.description import Description

CHANNELS = 64
BLOCKS = 16
SCALES = (2, 4, 8)
DISCRIMINATOR_WIDTHS = (64, 64, 128, 128, 256, 256, 512, 512)
POOLED = 6  # side of the discriminator's feature map before its linear layers


class SeparableConv(nn.Layer):
    """Depthwise k x k convolution, then a 1x1 convolution: (N, in, H, W) to (N, out, H/stride, W/stride)."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int = 1, bias: bool = True):
        super().__init__()
        self.depthwise = _convolution(channels, channels, kernel, stride, channels, bias)
        self.pointwise = _convolution(channels, out, 1, 1, 1, bias)

    def forward(self, x):
        return self.pointwise(self.depthwise(x))


def _convolution(channels: int, out: int, kernel: int, stride: int, groups: int, bias: bool) -> nn.Conv2D:
    # PyTorch's initial range: Paddle's own takes a depthwise layer for one that sums over all channels.
    bound = 1.0 / math.sqrt(channels // groups * kernel * kernel)
    uniform = nn.initializer.Uniform(-bound, bound)
    return nn.Conv2D(channels, out, kernel, stride, kernel // 2, groups=groups, weight_attr=uniform,
                     bias_attr=uniform if bias else False)


class ConvBlock(nn.Layer):
    """Separable convolution, BatchNorm where `norm`, and the activation `act` where there is one to be used."""

    def __init__(self, channels: int, out: int, kernel: int, act: nn.Layer, stride: int = 1, norm: bool = True,
                 activated: bool = True):
        super().__init__()
        self.activated = activated
        self.cnn = SeparableConv(channels, out, kernel, stride, bias=not norm)
        self.bn = nn.BatchNorm2D(out) if norm else nn.Identity()
        self.act = act

    def forward(self, x):
        x = self.bn(self.cnn(x))
        return self.act(x) if self.activated else x


class ResidualBlock(nn.Layer):
    """x + F(x) with F = two blocks, of which the first has an activation; (N, C, H, W) stays."""

    def __init__(self, channels: int):
        super().__init__()
        self.block1 = ConvBlock(channels, channels, 3, _prelu(channels))
        self.block2 = ConvBlock(channels, channels, 3, _prelu(channels), activated=False)

    def forward(self, x):
        return self.block2(self.block1(x)) + x


class UpsampleBlock(nn.Layer):
    """Twice the height and width by pixel shuffle: (N, C, H, W) to (N, C, 2H, 2W)."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv = SeparableConv(channels, 4 * channels, 3)
        self.ps = nn.PixelShuffle(2)
        self.act = _prelu(channels)

    def forward(self, x):
        return self.act(self.ps(self.conv(x)))


def _prelu(channels: int) -> nn.PReLU:
    return nn.PReLU(channels, init=0.25)


class SwiftGenerator(nn.Layer):
    """Enlarges images `scale` times (2, 4 or 8). 183,865 trainable parameters at x2, 201,209 at x4, 218,553 at x8.

    Input: float (N, 3, H, W), RGB in [0, 1], any H and W. Output: (N, 3, scale H, scale W), in [0, 1] by a tanh.
    residual: the output, 0 to begin with, is added to the bicubic enlargement of the input, without tanh and without a
    new parameter; the sum leaves [0, 1] a little at sharp edges. It learns much faster.
    """

    description = Description((3, 24, 24), idle=re.compile(r"(residual\.\d+\.block2|convblock)\.act\._weight"))

    def __init__(self, scale: int = 4, residual: bool = False, blocks: int = BLOCKS, channels: int = CHANNELS):
        super().__init__()
        if scale not in SCALES:
            raise KitError(f"Swift-SRGAN of scale {scale!r} is not built here; take one of {SCALES}")
        self.scale, self.adds_to_bicubic = scale, residual
        self.initial = ConvBlock(3, channels, 9, _prelu(channels), norm=False)
        self.residual = nn.Sequential(*(ResidualBlock(channels) for _ in range(blocks)))
        self.convblock = ConvBlock(channels, channels, 3, _prelu(channels), activated=False)
        self.upsampler = nn.Sequential(*(UpsampleBlock(channels) for _ in range(int(math.log2(scale)))))
        self.final_conv = SeparableConv(channels, 3, 9)
        if residual:  # training begins at the bicubic enlargement
            for parameter in self.final_conv.pointwise.parameters():
                parameter.set_value(paddle.zeros_like(parameter))

    def features(self, image):
        """What is added to the enlargement, or goes into the tanh: (N, 3, sH, sW)."""
        first = self.initial(image)  # (N, 64, H, W)
        x = self.convblock(self.residual(first)) + first
        return self.final_conv(self.upsampler(x))  # (N, 3, sH, sW)

    def forward(self, image):
        x = self.features(image)
        if self.adds_to_bicubic:
            return x + F.interpolate(image, scale_factor=self.scale, mode="bicubic")
        return (F.tanh(x) + 1) / 2


class SwiftDiscriminator(nn.Layer):
    """Tells photographs from enlarged images. 19,413,279 trainable parameters, 97 % of them in one linear layer.

    Input: float (N, 3, H, W), RGB in [0, 1], H and W from 16 up. Output: logits (N, 1), positive for photographs.
    """

    description = Description((3, 96, 96), 16, head="classifier.4")

    def __init__(self, widths=DISCRIMINATOR_WIDTHS, hidden: int = 1024):
        super().__init__()
        before = (3, *widths)
        self.blocks = nn.Sequential(*(
            ConvBlock(before[i], width, 3, nn.LeakyReLU(0.2), stride=1 + i % 2, norm=i > 0)
            for i, width in enumerate(widths)))
        self.classifier = nn.Sequential(
            nn.AdaptiveAvgPool2D(POOLED), nn.Flatten(), nn.Linear(widths[-1] * POOLED**2, hidden),
            nn.LeakyReLU(0.2), nn.Linear(hidden, 1))

    def forward(self, image):
        return self.classifier(self.blocks(image))  # (N, 512, H/16, W/16) to (N, 1)
