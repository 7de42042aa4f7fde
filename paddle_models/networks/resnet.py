"""ResNet-50, 101 and 152 (He et al., "Deep Residual Learning for Image Recognition", arXiv 1512.03385).

Written for this kit; the parameter names are those of `paddle.vision.models.resnet50`, so weights pass
between the two unchanged. As there, the stride of a stage stands in its first 3x3 convolution (the paper has
it in the 1x1 before).

Slips of the course report that this network reproduces: its "about 5.9 million parameters" cannot be
ResNet-50, which has 23.5 million with 10 classes; its listing accepts 101 and 152 layers but always builds
50, here `depth` is obeyed; and ResNet's ILSVRC-2015 error was 3.57 %, not 3.75 %. Its uniform range of the
last layer is kept, written there as "variance" but used as the bound.
"""

import math

from paddle import nn

from data_tools.errors import KitError
from paddle_models.networks.description import IMAGENET_DEVIATION, IMAGENET_MEAN, SIGNED, Description

BLOCKS = {  # depth -> blocks of the stages c2..c5
    18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
WIDTHS = (64, 128, 256, 512)  # 3x3 width of each stage


class BasicBlock(nn.Layer):
    """Residual block of depths 18 and 34: F = two 3x3 convolutions, each followed by BatchNorm; `downsample` as below.
    """

    expansion = 1

    def __init__(self, channels: int, width: int, stride: int = 1):
        super().__init__()
        self.conv1 = nn.Conv2D(channels, width, 3, stride=stride, padding=1, bias_attr=False)
        self.bn1 = nn.BatchNorm2D(width)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2D(width, width, 3, padding=1, bias_attr=False)
        self.bn2 = nn.BatchNorm2D(width)
        self.downsample = None
        if stride != 1 or channels != width:
            self.downsample = nn.Sequential(
                nn.Conv2D(channels, width, 1, stride=stride, bias_attr=False), nn.BatchNorm2D(width)
            )

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)  # (N, W, H/s, W/s)
        x = self.relu(self.bn1(self.conv1(x)))  # (N, W, H/s, W/s)
        return self.relu(self.bn2(self.conv2(x)) + shortcut)


class Bottleneck(nn.Layer):
    """Residual block H(x) = F(x) + x with F = 1x1, 3x3, 1x1 convolutions, each followed by BatchNorm.

    Where F changes the shape, x passes through a 1x1 convolution (`downsample`) to match.
    """

    expansion = 4  # a block gives out so many times its width

    def __init__(self, channels: int, width: int, stride: int = 1):
        super().__init__()
        out = width * self.expansion
        self.conv1 = nn.Conv2D(channels, width, 1, bias_attr=False)
        self.bn1 = nn.BatchNorm2D(width)
        self.conv2 = nn.Conv2D(width, width, 3, stride=stride, padding=1, bias_attr=False)
        self.bn2 = nn.BatchNorm2D(width)
        self.conv3 = nn.Conv2D(width, out, 1, bias_attr=False)
        self.bn3 = nn.BatchNorm2D(out)
        self.relu = nn.ReLU()
        self.downsample = None
        if stride != 1 or channels != out:
            self.downsample = nn.Sequential(
                nn.Conv2D(channels, out, 1, stride=stride, bias_attr=False), nn.BatchNorm2D(out)
            )

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)  # (N, 4W, H/s, W/s)
        x = self.relu(self.bn1(self.conv1(x)))  # (N, W, H, W)
        x = self.relu(self.bn2(self.conv2(x)))  # (N, W, H/s, W/s)
        x = self.bn3(self.conv3(x))  # (N, 4W, H/s, W/s)
        return self.relu(x + shortcut)


class ResNet(nn.Layer):
    """ResNet: basic blocks for depths 18 and 34, bottlenecks for the deeper ones.

    Input: float (N, 3, H, W), any H and W from 32 up (the report uses 224 and values in [-1, 1]).
    Output: logits (N, classes); the softmax belongs to the loss.
    """

    description = Description((3, 224, 224), 32, SIGNED, IMAGENET_MEAN, IMAGENET_DEVIATION, head="fc")

    def __init__(self, depth: int = 50, classes: int = 10):
        super().__init__()
        if depth not in BLOCKS:
            raise KitError(f"ResNet of depth {depth!r} is not built here; take one of {sorted(BLOCKS)}")
        self.conv1 = nn.Conv2D(3, 64, 7, stride=2, padding=3, bias_attr=False)
        self.bn1 = nn.BatchNorm2D(64)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2D(3, stride=2, padding=1)
        block, channels = BasicBlock if depth < 50 else Bottleneck, 64
        for stage, (width, blocks) in enumerate(zip(WIDTHS, BLOCKS[depth]), start=1):
            setattr(self, f"layer{stage}", _stage(block, channels, width, blocks, stride=1 if stage == 1 else 2))
            channels = width * block.expansion
        self.avgpool = nn.AdaptiveAvgPool2D(1)
        bound = 1.0 / math.sqrt(channels)  # channels = 2048, 512 of basic blocks
        self.fc = nn.Linear(channels, classes, weight_attr=nn.initializer.Uniform(-bound, bound))

    def features(self, x):
        """Means over the places of the last stage, (N, 2048, 1, 1), or 512 of basic blocks."""
        x = self.relu(self.bn1(self.conv1(x)))  # (N, 64, H/2, W/2)
        x = self.maxpool(x)  # (N, 64, H/4, W/4)
        x = self.layer1(x)  # (N, C/8, H/4, W/4)
        x = self.layer2(x)  # (N, C/4, H/8, W/8)
        x = self.layer3(x)  # (N, C/2, H/16, W/16)
        x = self.layer4(x)  # (N, C, H/32, W/32), C = 2048, or 512
        return self.avgpool(x)

    def forward(self, x):
        return self.fc(self.features(x).flatten(1))  # (N, classes)


def _stage(block: type[BasicBlock] | type[Bottleneck], channels: int, width: int, blocks: int,
           stride: int) -> nn.Sequential:
    first = block(channels, width, stride)
    return nn.Sequential(first, *(block(width * block.expansion, width) for _ in range(blocks - 1)))


def resnet(depth: int = 50, classes: int = 10) -> ResNet:
    """ResNet of `depth` 18, 34, 50, 101 or 152 with fresh weights; any other depth is a KitError.

    Trainable parameters with 10 classes: 11,181,642 (18), 21,289,802 (34), 23,528,522 (50), 42,520,650 (101),
    58,164,298 (152).
    """
    return ResNet(depth, classes)
