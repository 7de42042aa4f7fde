"""SRGAN (Ledig et al., "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial Network",
arXiv 1609.04802): the generator, called SRResNet where it is trained without the discriminator, and the discriminator.

Written for this kit after the paper's figure 4. A PReLU has one parameter for all channels. Different from the paper:
images are in [0, 1] on both sides (there the output is in [-1, 1]); the discriminator averages its last feature map to
6x6, which changes nothing at the paper's 96x96 and lets it take other sizes, and returns logits.
"""

import math

from paddle import nn

from data_tools.errors import KitError
from paddle_models.networks.description import Description

CHANNELS = 64
BLOCKS = 16
SCALES = (2, 4, 8)
DISCRIMINATOR_WIDTHS = (64, 64, 128, 128, 256, 256, 512, 512)
POOLED = 6


class ResidualBlock(nn.Layer):
    """x + F(x) with F = 3x3 convolution, BatchNorm, PReLU, 3x3 convolution, BatchNorm; (N, C, H, W) stays."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv1 = nn.Conv2D(channels, channels, 3, padding=1)
        self.bn1 = nn.BatchNorm2D(channels)
        self.act = nn.PReLU()
        self.conv2 = nn.Conv2D(channels, channels, 3, padding=1)
        self.bn2 = nn.BatchNorm2D(channels)

    def forward(self, x):
        return self.bn2(self.conv2(self.act(self.bn1(self.conv1(x))))) + x


class SRResNet(nn.Layer):
    """Enlarges images `scale` times (2, 4 or 8). 1,549,462 trainable parameters at x4 with 16 blocks.

    Input: float (N, 3, H, W), RGB in [0, 1], any H and W. Output: (N, 3, scale H, scale W), about [0, 1], not bounded.
    """

    description = Description((3, 24, 24))

    def __init__(self, scale: int = 4, blocks: int = BLOCKS, channels: int = CHANNELS):
        super().__init__()
        if scale not in SCALES:
            raise KitError(f"SRGAN of scale {scale!r} is not built here; take one of {SCALES}")
        self.scale = scale
        self.initial = nn.Sequential(nn.Conv2D(3, channels, 9, padding=4), nn.PReLU())
        self.residual = nn.Sequential(*(ResidualBlock(channels) for _ in range(blocks)))
        self.convblock = nn.Sequential(nn.Conv2D(channels, channels, 3, padding=1), nn.BatchNorm2D(channels))
        self.upsampler = nn.Sequential(*(
            nn.Sequential(nn.Conv2D(channels, 4 * channels, 3, padding=1), nn.PixelShuffle(2), nn.PReLU())
            for _ in range(int(math.log2(scale)))))
        self.final_conv = nn.Conv2D(channels, 3, 9, padding=4)

    def forward(self, image):
        first = self.initial(image)  # (N, 64, H, W)
        x = self.convblock(self.residual(first)) + first
        return self.final_conv(self.upsampler(x))  # (N, 3, sH, sW)


class SRGANDiscriminator(nn.Layer):
    """Tells photographs from enlarged images. 23,565,505 trainable parameters.

    Input: float (N, 3, H, W), RGB in [0, 1], H and W from 16 up. Output: logits (N, 1), positive for photographs.
    """

    description = Description((3, 96, 96), 16, head="classifier.4")

    def __init__(self, widths=DISCRIMINATOR_WIDTHS, hidden: int = 1024):
        super().__init__()
        before: tuple[int, ...] = (3, *widths)
        layers: list[nn.Layer] = []
        for i, width in enumerate(widths):
            layers.append(nn.Conv2D(before[i], width, 3, stride=1 + i % 2, padding=1))
            layers += [nn.BatchNorm2D(width), nn.LeakyReLU(0.2)] if i else [nn.LeakyReLU(0.2)]
        self.blocks = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.AdaptiveAvgPool2D(POOLED), nn.Flatten(), nn.Linear(widths[-1] * POOLED**2, hidden),
            nn.LeakyReLU(0.2), nn.Linear(hidden, 1))

    def forward(self, image):
        return self.classifier(self.blocks(image))  # (N, 512, H/16, W/16) to (N, 1)
