"""PyTorch twins of the kit's networks, only to be measured against; the architecture is that of paddle_models, layer by layer.

Imported only where PyTorch is installed (requirements-bench.txt).
"""

import torch
from torch import nn

# paddle_models/resnet.py
BLOCKS, WIDTHS, EXPANSION = (3, 4, 6, 3), (64, 128, 256, 512), 4

# MobileNetV2: expansion, channels, blocks, stride of each stage
STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
LAST = 1280


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 with BatchNorm, and a shortcut."""

    def __init__(self, channels: int, width: int, stride: int = 1):
        super().__init__()
        out = width * EXPANSION
        self.body = nn.Sequential(
            nn.Conv2d(channels, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, out, 1, bias=False), nn.BatchNorm2d(out))
        self.relu, self.downsample = nn.ReLU(), nn.Identity()
        if stride != 1 or channels != out:
            self.downsample = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.relu(self.body(x) + self.downsample(x))


def resnet50(classes: int) -> nn.Module:
    """ResNet-50: images (N, 3, H, W) to logits (N, classes)."""
    layers = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    channels = 64
    for stage, (blocks, width) in enumerate(zip(BLOCKS, WIDTHS)):
        for block in range(blocks):
            layers.append(Bottleneck(channels, width, 2 if stage and not block else 1))
            channels = width * EXPANSION
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))


def _convolution(channels: int, out: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(channels, out, kernel, stride, kernel // 2, groups=groups, bias=False), nn.BatchNorm2d(out), nn.ReLU6()]


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


NETWORKS = {"resnet50": resnet50, "mobilenet_v2": mobilenet_v2}
