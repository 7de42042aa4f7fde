"""The small network of "Binary Classification of GAN-generated High-Resolution Images via CNNs" (Schiavone, 2021).

The document describes it in words: for every convolution with an activation a pooling and a BatchNorm layer, dropout,
one sigmoid output, logistic loss. Chosen here, because it does not say: 3x3 convolutions with bias and "same" padding,
three blocks of 32, 64 and 128 filters, 2x2 pooling, 128 hidden units, dropout of 0.5 before and after them.

At 32x32 three blocks leave 4x4 positions, which are flattened. Where a larger image leaves more, they are averaged down
to 4x4 first, so that the dense layer (with 128 filters 2048 inputs) does not grow with the image.
"""

from collections.abc import Sequence

from paddle import nn

from data_tools.errors import KitError
from paddle_models.networks.description import SIGNED, Description

FILTERS, NEURONS, DROPOUT = (32, 64, 128), (128,), 0.5  # the untuned network
POOLING = {"max": nn.MaxPool2D, "average": nn.AvgPool2D}
HEAD_SIDE = 4  # positions per side that the dense layers see at most


class Block(nn.Layer):
    """Convolution, ReLU, 2x2 pooling, BatchNorm: (N, C, H, W) to (N, filters, H/2, W/2)."""

    def __init__(self, channels: int, filters: int, kernel: int, pooling: str):
        super().__init__()
        self.conv = nn.Conv2D(channels, filters, kernel, padding=kernel // 2)
        self.relu = nn.ReLU()
        self.pool = POOLING[pooling](2, stride=2)
        self.bn = nn.BatchNorm2D(filters)

    def forward(self, x):
        x = self.relu(self.conv(x))  # (N, F, H, W)
        return self.bn(self.pool(x))  # (N, F, H/2, W/2)


class GlassesCNN(nn.Layer):
    """Blocks of convolution, ReLU, pooling and BatchNorm, dropout, dense layers, one logit.

    Input: float (N, 3, image_size, image_size) in [-1, 1]. Output: logits (N, 1); the sigmoid belongs to the loss.
    filters: of each block. neurons: of each hidden dense layer. dropout: share of the inputs of every dense layer.
    Raises KitError for an image that the blocks halve away, an even kernel, an unknown pooling.
    """

    def __init__(self, image_size: int = 32, filters: Sequence[int] = FILTERS, pooling: str = "max", kernel: int = 3,
                 neurons: Sequence[int] = NEURONS, dropout: float = DROPOUT):
        super().__init__()
        side = image_size // 2 ** len(filters)
        if not filters or side < 1:
            raise KitError(f"{len(filters)} blocks do not fit an image of {image_size}x{image_size}: each halves it; "
                           f"take 1 to {image_size.bit_length() - 1}")
        if pooling not in POOLING:
            raise KitError(f"pooling {pooling!r} is none of {', '.join(POOLING)}")
        if kernel % 2 == 0:
            raise KitError(f"a kernel of {kernel}x{kernel} has no middle; take an odd one")
        self.description = Description((3, image_size, image_size), image_size, SIGNED, head="output")
        channels = (3, *filters)
        self.blocks = nn.LayerList([Block(c, f, kernel, pooling) for c, f in zip(channels, filters)])
        self.shrink = nn.AdaptiveAvgPool2D(HEAD_SIDE) if side > HEAD_SIDE else None
        widths = (filters[-1] * min(side, HEAD_SIDE) ** 2, *neurons)
        self.dropout = nn.Dropout(dropout)
        self.hidden = nn.LayerList([nn.Linear(w, n) for w, n in zip(widths, neurons)])
        self.relu = nn.ReLU()
        self.output = nn.Linear(widths[-1], 1)

    def forward(self, x):
        for block in self.blocks:
            x = block(x)  # (N, F, H/2, W/2)
        if self.shrink is not None:
            x = self.shrink(x)  # (N, F, 4, 4)
        x = self.dropout(x.flatten(1))  # (N, 16 F) at most
        for layer in self.hidden:
            x = self.dropout(self.relu(layer(x)))  # (N, neurons)
        return self.output(x)  # (N, 1)

    def feature_maps(self, x) -> dict[str, object]:
        """What each convolution (after its ReLU) and each pooling layer gives for images `x`, from the first to the
        last: {"conv 1": (N, F, H, W), "pooling 1": (N, F, H/2, W/2), ...}.
        """
        maps = {}
        for number, block in enumerate(self.blocks, start=1):
            maps[f"conv {number}"] = x = block.relu(block.conv(x))
            maps[f"pooling {number}"] = x = block.pool(x)
            x = block.bn(x)
        return maps
