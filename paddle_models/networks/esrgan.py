"""ESRGAN's generator (Wang et al., "ESRGAN: Enhanced Super-Resolution Generative Adversarial Networks", arXiv
1809.00219): RRDBNet, a residual network of residual dense blocks without BatchNorm.

Written for this kit; the same function as the authors' code (https://github.com/xinntao/ESRGAN), which enlarges by
nearest neighbours and convolutions, not by pixel shuffle. Names follow BasicSR's version of it; `esrgan_name` in
super_resolution_weights.py knows both. Published for x4 alone.
"""

import math

import paddle
import paddle.nn.functional as F
from paddle import nn

from paddle_models.networks.description import Description

CHANNELS = 64
GROWTH = 32  # channels that each convolution of a dense block adds
BLOCKS = 23
RESIDUAL_SCALE = 0.2
INITIAL_SCALE = 0.1  # of He's deviation, for the dense blocks
SCALE = 4
LEAK = 0.2  # slope of negative values


# Written out, since Paddle Inference 3.3 with oneDNN ends in a segmentation fault on its own leaky_relu after a
# convolution, and refuses its own enlargement by nearest neighbours.
def leaky_relu(x):
    """max(x, 0.2 x)."""
    return paddle.maximum(x, x * LEAK)


def doubled(x):
    """Every pixel four times: (N, C, H, W) to (N, C, 2H, 2W)."""
    return F.pixel_shuffle(paddle.repeat_interleave(x, 4, axis=1), 2)


class DenseBlock(nn.Layer):
    """Five 3x3 convolutions, each of which sees the outputs of all before; x + 0.2 F(x), (N, C, H, W) stays."""

    def __init__(self, channels: int, growth: int):
        super().__init__()
        for i in range(1, 6):
            fan_in = (channels + (i - 1) * growth) * 9
            setattr(self, f"conv{i}", nn.Conv2D(
                channels + (i - 1) * growth, growth if i < 5 else channels, 3, padding=1,
                weight_attr=nn.initializer.Normal(0.0, INITIAL_SCALE * math.sqrt(2 / fan_in))))

    def forward(self, x):
        seen = x  # (N, C + k growth, H, W) after k convolutions
        for conv in (self.conv1, self.conv2, self.conv3, self.conv4):
            seen = paddle.concat([seen, leaky_relu(conv(seen))], axis=1)
        return self.conv5(seen) * RESIDUAL_SCALE + x


class RRDB(nn.Layer):
    """Residual in residual dense block: three dense blocks, x + 0.2 F(x); (N, C, H, W) stays."""

    def __init__(self, channels: int, growth: int):
        super().__init__()
        self.rdb1 = DenseBlock(channels, growth)
        self.rdb2 = DenseBlock(channels, growth)
        self.rdb3 = DenseBlock(channels, growth)

    def forward(self, x):
        return self.rdb3(self.rdb2(self.rdb1(x))) * RESIDUAL_SCALE + x


class RRDBNet(nn.Layer):
    """Enlarges images 4 times. 16,697,987 trainable parameters with 23 blocks.

    Input: float (N, 3, H, W), RGB in [0, 1], any H and W. Output: (N, 3, 4H, 4W), about [0, 1], not bounded.
    """

    description = Description((3, 64, 64))

    def __init__(self, blocks: int = BLOCKS, channels: int = CHANNELS, growth: int = GROWTH):
        super().__init__()
        self.scale = SCALE
        self.conv_first = nn.Conv2D(3, channels, 3, padding=1)
        self.body = nn.Sequential(*(RRDB(channels, growth) for _ in range(blocks)))
        self.conv_body = nn.Conv2D(channels, channels, 3, padding=1)
        self.conv_up1 = nn.Conv2D(channels, channels, 3, padding=1)
        self.conv_up2 = nn.Conv2D(channels, channels, 3, padding=1)
        self.conv_hr = nn.Conv2D(channels, channels, 3, padding=1)
        self.conv_last = nn.Conv2D(channels, 3, 3, padding=1)

    def forward(self, image):
        first = self.conv_first(image)  # (N, 64, H, W)
        x = self.conv_body(self.body(first)) + first
        for conv in (self.conv_up1, self.conv_up2):
            x = leaky_relu(conv(doubled(x)))  # (N, 64, 2H, 2W), (N, 64, 4H, 4W)
        return self.conv_last(leaky_relu(self.conv_hr(x)))  # (N, 3, 4H, 4W)
