"""PyTorch twins of the kit's networks, only to be measured against; the architecture is that of paddle_models, layer by
layer.

Imported only where PyTorch is installed (requirements-bench.txt). Weights have the names of the kit's, MobileNetV2's
apart.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

from assignments.bench.torch_efficientformer import EfficientFormerV2

# paddle_models/networks/resnet.py
BLOCKS, WIDTHS, EXPANSION = (3, 4, 6, 3), (64, 128, 256, 512), 4

# MobileNetV2: expansion, channels, blocks, stride of each stage
STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
LAST = 1280

# paddle_models/networks/swift_srgan.py
CHANNELS, RESIDUAL_BLOCKS = 64, 16

# paddle_models/networks/glasses_cnn.py
FILTERS, NEURONS, DROPOUT, HEAD_SIDE = (32, 64, 128), 128, 0.5, 4


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 with BatchNorm, and a shortcut."""

    def __init__(self, channels: int, width: int, stride: int = 1):
        super().__init__()
        out = width * EXPANSION
        self.conv1, self.bn1 = nn.Conv2d(channels, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, out, 1, bias=False), nn.BatchNorm2d(out)
        self.relu, self.downsample = nn.ReLU(), nn.Identity()
        if stride != 1 or channels != out:
            self.downsample = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        return self.relu(self.bn3(self.conv3(y)) + self.downsample(x))


class ResNet50(nn.Module):
    """Images (N, 3, H, W) to logits (N, classes)."""

    def __init__(self, classes: int):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        self.relu, self.maxpool = nn.ReLU(), nn.MaxPool2d(3, 2, 1)
        channels = 64
        for stage, (blocks, width) in enumerate(zip(BLOCKS, WIDTHS), 1):
            first = Bottleneck(channels, width, 1 if stage == 1 else 2)
            channels = width * EXPANSION
            setattr(self, f"layer{stage}", nn.Sequential(first,
                                                         *(Bottleneck(channels, width) for _ in range(blocks - 1))))
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(channels, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))


def _convolution(channels: int, out: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(channels, out, kernel, stride, kernel // 2, groups=groups, bias=False), nn.BatchNorm2d(out),
            nn.ReLU6()]


class InvertedResidual(nn.Module):
    """1x1 up, 3x3 depthwise, 1x1 down without activation; a shortcut where shapes agree."""

    def __init__(self, channels: int, out: int, stride: int, expansion: int):
        super().__init__()
        wide = channels * expansion
        self.shortcut = stride == 1 and channels == out
        up = _convolution(channels, wide) if expansion != 1 else []
        self.body = nn.Sequential(*up, *_convolution(wide, wide, 3, stride, wide), *_convolution(wide, out)[:2])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.body(x) if self.shortcut else self.body(x)


def mobilenet_v2(classes: int) -> nn.Module:
    """MobileNetV2 1.0: images (N, 3, H, W) to logits (N, classes)."""
    layers, channels = _convolution(3, 32, 3, 2), 32
    for expansion, out, blocks, stride in STAGES:
        for block in range(blocks):
            layers.append(InvertedResidual(channels, out, stride if block == 0 else 1, expansion))
            channels = out
    return nn.Sequential(*layers, *_convolution(channels, LAST), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2),
                         nn.Linear(LAST, classes))


class SeparableConv(nn.Module):
    """Depthwise k x k convolution, then a 1x1 convolution."""

    def __init__(self, channels: int, out: int, kernel: int, bias: bool = True):
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, kernel, padding=kernel // 2, groups=channels, bias=bias)
        self.pointwise = nn.Conv2d(channels, out, 1, bias=bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.pointwise(self.depthwise(x))


class ConvBlock(nn.Module):
    """Separable convolution, BatchNorm where `norm`, PReLU where it is used."""

    def __init__(self, channels: int, out: int, kernel: int, norm: bool = True, activated: bool = True):
        super().__init__()
        self.activated = activated
        self.cnn = SeparableConv(channels, out, kernel, bias=not norm)
        self.bn = nn.BatchNorm2d(out) if norm else nn.Identity()
        self.act = nn.PReLU(out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.bn(self.cnn(x))
        return self.act(x) if self.activated else x


class ResidualBlock(nn.Module):
    """x + F(x)"""

    def __init__(self, channels: int):
        super().__init__()
        self.block1 = ConvBlock(channels, channels, 3)
        self.block2 = ConvBlock(channels, channels, 3, activated=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.block2(self.block1(x)) + x


class UpsampleBlock(nn.Module):
    """Twice the height and width by pixel shuffle."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv, self.ps, self.act = SeparableConv(channels, 4 * channels, 3), nn.PixelShuffle(2), nn.PReLU(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.act(self.ps(self.conv(x)))


class SwiftGenerator(nn.Module):
    """Swift-SRGAN's generator, added to the bicubic enlargement: (N, 3, H, W) to (N, 3, scale H, scale W)."""

    def __init__(self, scale: int):
        super().__init__()
        self.scale = scale
        self.initial = ConvBlock(3, CHANNELS, 9, norm=False)
        self.residual = nn.Sequential(*(ResidualBlock(CHANNELS) for _ in range(RESIDUAL_BLOCKS)))
        self.convblock = ConvBlock(CHANNELS, CHANNELS, 3, activated=False)
        self.upsampler = nn.Sequential(*(UpsampleBlock(CHANNELS) for _ in range(int(math.log2(scale)))))
        self.final_conv = SeparableConv(CHANNELS, 3, 9)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        first = self.initial(image)
        x = self.final_conv(self.upsampler(self.convblock(self.residual(first)) + first))
        return x + F.interpolate(image, scale_factor=self.scale, mode="bicubic")


class GlassesBlock(nn.Module):
    """3x3 convolution, ReLU, 2x2 pooling, BatchNorm."""

    def __init__(self, channels: int, filters: int):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(channels, filters, 3, padding=1), nn.BatchNorm2d(filters)
        self.relu, self.pool = nn.ReLU(), nn.MaxPool2d(2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.bn(self.pool(self.relu(self.conv(x))))


class GlassesCNN(nn.Module):
    """Images (N, 3, side, side) to one logit (N, 1)."""

    def __init__(self, outputs: int, side: int):
        super().__init__()
        self.blocks = nn.ModuleList([GlassesBlock(c, f) for c, f in zip((3, *FILTERS), FILTERS)])
        last = side // 2 ** len(FILTERS)
        self.shrink = nn.AdaptiveAvgPool2d(HEAD_SIDE) if last > HEAD_SIDE else nn.Identity()
        self.dropout, self.relu = nn.Dropout(DROPOUT), nn.ReLU()
        self.hidden = nn.ModuleList([nn.Linear(FILTERS[-1] * min(last, HEAD_SIDE) ** 2, NEURONS)])
        self.output = nn.Linear(NEURONS, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for block in self.blocks:
            x = block(x)
        x = self.dropout(self.shrink(x).flatten(1))
        return self.output(self.dropout(self.relu(self.hidden[0](x))))


NETWORKS = {  # builders that take the number of outputs (a generator: its scale) and the side of the images
    "resnet50": lambda classes, _side: ResNet50(classes),
    "mobilenet_v2": lambda classes, _side: mobilenet_v2(classes),
    "efficientformer_v2_s0": lambda classes, side: EfficientFormerV2("s0", side, classes),
    "efficientformer_v2_s2": lambda classes, side: EfficientFormerV2("s2", side, classes),
    "swift_srgan": lambda scale, _side: SwiftGenerator(scale),
    "glasses": lambda outputs, side: GlassesCNN(outputs, side),
}
