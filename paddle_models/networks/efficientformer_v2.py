"""EfficientFormerV2 (Li et al., "Rethinking Vision Transformers for MobileNet Size and Speed", arXiv 2212.08059).

Written for this kit after the paper; sizes are those of the authors' code (github.com/snap-research/EfficientFormer),
whose weights `efficientformer_v2_weights.py` translates. What differs from that code:
- it caches the attention bias when it is switched to eval mode, so weights loaded afterwards are ignored: here the
  bias is gathered from its table in every forward pass;
- it takes square images of one size: here height and width are any multiples of 32, and the bias table is
  interpolated where the size is not the one that the network was built for;
- attention multiplies without transposed copies, (q^T k) and (v a^T), which gives the same numbers.
"""

import difflib
import math
from collections.abc import Sequence

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import nn

from data_tools.errors import KitError
from paddle_models.networks.description import IMAGENET_DEVIATION, IMAGENET_MEAN, UNIT, Description

WIDTHS = {"s0": (32, 48, 96, 176), "s1": (32, 48, 120, 224), "s2": (32, 64, 144, 288), "l": (40, 80, 192, 384)}
EXPANSIONS = {  # hidden width of each block's FFN over its width; the number of entries is the depth of the stage
    "s0": ((4,) * 2, (4,) * 2, (4, 3, 3, 3, 4, 4), (4, 3, 3, 4)),
    "s1": ((4,) * 3, (4,) * 3, (4, 4, 3, 3, 3, 3, 4, 4, 4), (4, 4, 3, 3, 4, 4)),
    "s2": ((4,) * 4, (4,) * 4, (4, 4, 3, 3, 3, 3, 3, 3, 4, 4, 4, 4), (4, 4, 3, 3, 3, 3, 4, 4)),
    "l": ((4,) * 5, (4,) * 5, (4, 4, 4, 4, 3, 3, 3, 3, 3, 3, 3, 4, 4, 4, 4), (4, 4, 4, 3, 3, 3, 3, 4, 4, 4)),
}
ATTENTION_BLOCKS = {"s0": 2, "s1": 2, "s2": 4, "l": 6}  # the last ones of stages 3 and 4
DROP_PATH = {"s0": 0.0, "s1": 0.0, "s2": 0.02, "l": 0.1}  # of the last block; it grows linearly from 0
LAYER_SCALE = 1e-5
HEADS = 8
VALUE_RATIO = 4  # a head's value width over its key width
KEY_WIDTH, DOWNSAMPLE_KEY_WIDTH = 32, 16
STRIDE = 32  # of the whole network

Size = int | Sequence[int]


def convolution(inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> nn.Conv2D:
    """Conv2D with bias whose padding keeps the size (before the stride); uniform in +-1/sqrt(fan in), as in PyTorch."""
    bound = 1 / math.sqrt(inputs // groups * kernel * kernel)
    uniform = nn.initializer.Uniform(-bound, bound)
    return nn.Conv2D(inputs, outputs, kernel, stride, kernel // 2, groups=groups, weight_attr=uniform,
                     bias_attr=paddle.ParamAttr(initializer=uniform))


def conv_norm(inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Convolution and BatchNorm."""
    return nn.Sequential(("conv", convolution(inputs, outputs, kernel, stride, groups)),
                         ("norm", nn.BatchNorm2D(outputs)))


def conv_norm_act(inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Convolution, BatchNorm and GELU."""
    layers = conv_norm(inputs, outputs, kernel, stride, groups)
    layers.add_sublayer("act", nn.GELU())
    return layers


class DropPath(nn.Layer):
    """Stochastic depth (arXiv 1603.09382): in training, zeroes whole samples at `rate`, scales the others up."""

    def __init__(self, rate: float):
        super().__init__()
        self.rate = rate

    def forward(self, x):
        if not self.training or self.rate == 0.0:
            return x
        kept = paddle.rand([x.shape[0], 1, 1, 1]) >= self.rate
        return x * (kept.astype(x.dtype) / (1 - self.rate))


class FFN(nn.Layer):
    """1x1 convolution to the hidden width, 3x3 depthwise (the paper's unified token mixer), 1x1 back."""

    def __init__(self, width: int, hidden: int):
        super().__init__()
        self.expand = conv_norm_act(width, hidden)
        self.mix = conv_norm_act(hidden, hidden, kernel=3, groups=hidden)
        self.project = conv_norm(hidden, width)
        for conv in (self.expand.conv, self.project.conv):  # as in the authors' code
            nn.initializer.TruncatedNormal(std=0.02)(conv.weight)
            nn.initializer.Constant(0.0)(conv.bias)

    def forward(self, x):
        return self.project(self.mix(self.expand(x)))


class BiasTable(nn.Layer):
    """Learned attention bias, one number per head and distance (|dy|, |dx|) between query and key.

    grid: rows and columns of the keys; queries stand on every `query_step`-th row and column of it.
    """

    def __init__(self, grid: Sequence[int], query_step: int = 1):
        super().__init__()
        self.grid, self.query_step = tuple(grid), query_step
        self.table = self.create_parameter([HEADS, math.prod(self.grid)],
                                           default_initializer=nn.initializer.Constant(0.0))
        index = paddle.to_tensor(_distances(self.grid, query_step))
        self.register_buffer("index", index, persistable=False)  # (queries * keys,)

    def forward(self, rows: int, columns: int):
        """Bias (HEADS, queries, keys) for keys on a grid of `rows` x `columns`, which are plain numbers."""
        table, index = self.table, self.index
        if (rows, columns) != self.grid:
            table = resize_table(table, self.grid, (rows, columns))
            index = paddle.to_tensor(_distances((rows, columns), self.query_step))
        return paddle.gather(table, index, axis=1).reshape([HEADS, -1, rows * columns])


def _distances(grid: Sequence[int], query_step: int) -> np.ndarray:
    """Column of the table for each pair of query and key, int64 (queries * keys,)."""
    rows, columns = grid
    places = np.stack(np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"))  # (2, rows, columns)
    queries = places[:, ::query_step, ::query_step].reshape(2, -1, 1)
    dy, dx = np.abs(queries - places.reshape(2, 1, -1))  # (queries, keys) each
    return (dy * columns + dx).reshape(-1)


def resize_table(table: paddle.Tensor, old: Sequence[int], new: Sequence[int]) -> paddle.Tensor:
    """Bias table (HEADS, old rows * old columns) for another grid, bilinear; distance 0 and the largest are kept."""
    table = table.reshape([1, HEADS, *old])
    resized = F.interpolate(table, list(new), mode="bilinear", align_corners=True)
    return resized.reshape([HEADS, -1])


class Attention(nn.Layer):
    """Self-attention over all places, with talking heads and a depthwise convolution of V added to the result.

    stride: the paper's stride attention; attention itself happens on a grid reduced so many times and its result is
    enlarged again (bilinear). grid: rows and columns of the input.
    """

    def __init__(self, width: int, grid: Sequence[int], stride: int = 1):
        super().__init__()
        keys, values = HEADS * KEY_WIDTH, HEADS * KEY_WIDTH * VALUE_RATIO
        self.stride, self.scale = stride, KEY_WIDTH ** -0.5
        if stride > 1:
            self.reduce = conv_norm(width, width, kernel=3, stride=stride, groups=width)
            self.enlarge = nn.Upsample(scale_factor=stride, mode="bilinear")
        self.query, self.key, self.value = conv_norm(width, keys), conv_norm(width, keys), conv_norm(width, values)
        self.local = conv_norm(values, values, kernel=3, groups=values)
        self.bias = BiasTable([side // stride for side in grid])
        self.talk_before, self.talk_after = convolution(HEADS, HEADS), convolution(HEADS, HEADS)
        self.act = nn.GELU()
        self.project = conv_norm(values, width)

    def forward(self, x):
        rows, columns = x.shape[2] // self.stride, x.shape[3] // self.stride
        if self.stride > 1:
            x = self.reduce(x)  # (N, C, h, w), the size of attention
        v = self.value(x)  # (N, 8*d, h, w)
        scores = _scores(self.query(x) * self.scale, self.key(x)) + self.bias(rows, columns)  # (N, 8, hw, hw)
        attention = self.talk_after(F.softmax(self.talk_before(scores)))
        x = _attend(attention, v, rows, columns) + self.local(v)  # (N, 8*d, h, w)
        if self.stride > 1:
            x = self.enlarge(x)  # (N, 8*d, H, W)
        return self.project(self.act(x))  # (N, C, H, W)

    def product_multiply_adds(self, shape: Sequence[int]) -> int:
        """Multiply-adds of the two matrix products for one input of that shape, (N, C, H, W)."""
        places = shape[2] * shape[3] // self.stride ** 2
        return shape[0] * places * places * HEADS * KEY_WIDTH * (1 + VALUE_RATIO)


class LocalGlobalQuery(nn.Layer):
    """Query on half the grid: every second place plus a depthwise convolution with stride 2."""

    def __init__(self, width: int, keys: int):
        super().__init__()
        self.local = convolution(width, width, kernel=3, stride=2, groups=width)
        self.project = conv_norm(width, keys)

    def forward(self, x):
        return self.project(self.local(x) + x[:, :, ::2, ::2])  # (N, 8*k, H/2, W/2)


class AttentionDownsample(nn.Layer):
    """Attention whose queries stand on half the grid; keys and values on all of it."""

    def __init__(self, width: int, outputs: int, grid: Sequence[int]):
        super().__init__()
        keys, values = HEADS * DOWNSAMPLE_KEY_WIDTH, HEADS * DOWNSAMPLE_KEY_WIDTH * VALUE_RATIO
        self.scale = DOWNSAMPLE_KEY_WIDTH ** -0.5
        self.query = LocalGlobalQuery(width, keys)
        self.key, self.value = conv_norm(width, keys), conv_norm(width, values)
        self.local = conv_norm(values, values, kernel=3, stride=2, groups=values)
        self.bias = BiasTable(grid, query_step=2)
        self.act = nn.GELU()
        self.project = conv_norm(values, outputs)

    def forward(self, x):
        rows, columns = x.shape[2], x.shape[3]
        v = self.value(x)  # (N, 8*d, H, W)
        scores = _scores(self.query(x) * self.scale, self.key(x)) + self.bias(rows, columns)  # (N, 8, HW/4, HW)
        x = _attend(F.softmax(scores), v, rows // 2, columns // 2) + self.local(v)  # (N, 8*d, H/2, W/2)
        return self.project(self.act(x))  # (N, outputs, H/2, W/2)

    def product_multiply_adds(self, shape: Sequence[int]) -> int:
        """Multiply-adds of the two matrix products for one input of that shape, (N, C, H, W)."""
        places = shape[2] * shape[3]
        return shape[0] * places * (places // 4) * HEADS * DOWNSAMPLE_KEY_WIDTH * (1 + VALUE_RATIO)


def _heads(x):
    return x.reshape([0, HEADS, -1, math.prod(x.shape[2:])])  # (N, 8, channels of a head, places)


def _scores(query, key):
    """(N, 8, queries, keys)"""
    return paddle.matmul(_heads(query), _heads(key), transpose_x=True)


def _attend(attention, value, rows: int, columns: int):
    """Values (N, 8*d, H, W) summed with the weights (N, 8, rows * columns, H * W): (N, 8*d, rows, columns)."""
    return paddle.matmul(_heads(value), attention, transpose_y=True).reshape([0, value.shape[1], rows, columns])


class DualPathDownsample(nn.Layer):
    """Sum of a strided 3x3 convolution and attention downsampling."""

    def __init__(self, width: int, outputs: int, grid: Sequence[int]):
        super().__init__()
        self.plain = conv_norm(width, outputs, kernel=3, stride=2)
        self.attention = AttentionDownsample(width, outputs, grid)

    def forward(self, x):
        return self.attention(x) + self.plain(x)  # (N, outputs, H/2, W/2)


class Block(nn.Layer):
    """[Attention and] FFN, each with layer scale, drop path and a residual connection; (N, C, H, W) stays so."""

    def __init__(self, width: int, expansion: int, drop_path: float, attention: Attention | None = None):
        super().__init__()
        self.attention = attention
        if attention is not None:
            self.attention_scale = _layer_scale(self, width)
        self.ffn = FFN(width, width * expansion)
        self.ffn_scale = _layer_scale(self, width)
        self.drop_path = DropPath(drop_path)

    def forward(self, x):
        if self.attention is not None:
            x = x + self.drop_path(self.attention(x) * self.attention_scale.reshape([-1, 1, 1]))
        return x + self.drop_path(self.ffn(x) * self.ffn_scale.reshape([-1, 1, 1]))


def _layer_scale(layer: nn.Layer, width: int):
    """(C,), so that weight decay leaves it out."""
    return layer.create_parameter([width], default_initializer=nn.initializer.Constant(LAYER_SCALE))


class EfficientFormerV2(nn.Layer):
    """Input: float (N, 3, H, W), H and W multiples of 32 (another shape is a KitError), usually normalised.

    Output: pooled features (N, width) when `classes` is 0, else logits (N, classes). With `distilled` there are two
    heads: in training the pair of their logits comes out, (from the labels, from the teacher), in evaluation their
    mean.
    image_size: the size whose attention bias is learned, H = W or (H, W); other sizes work, with that bias resized.
    width: channels of the last stage.
    """

    def __init__(self, variant: str, image_size: Size = 224, classes: int = 0, distilled: bool = False,
                 drop_path: float | None = None):
        super().__init__()
        height, width = self.image_size = checked_size(image_size)
        if distilled and not classes:
            raise KitError("distilled=True is about two classifiers: give classes of at least 1")
        widths, expansions, vit = WIDTHS[variant], EXPANSIONS[variant], ATTENTION_BLOCKS[variant]
        rates = iter(np.linspace(0, DROP_PATH[variant] if drop_path is None else drop_path, sum(map(len, expansions))))
        self.variant, self.width = variant, widths[-1]
        self.description = Description((3, height, width), STRIDE, UNIT, IMAGENET_MEAN, IMAGENET_DEVIATION,
                                       head="head" if classes else "")
        self.stem = nn.Sequential(conv_norm_act(3, widths[0] // 2, 3, 2),
                                  conv_norm_act(widths[0] // 2, widths[0], 3, 2))
        self.stages = nn.LayerList()
        for number, outputs in enumerate(widths):
            grid = (height >> number + 2, width >> number + 2)  # of this stage: H/4, H/8, H/16, H/32
            blocks = []
            for position, expansion in enumerate(expansions[number]):
                attends = number >= 2 and position >= len(expansions[number]) - vit
                attention = Attention(outputs, grid, stride=2 if number == 2 else 1) if attends else None
                blocks.append(Block(outputs, expansion, float(next(rates)), attention))
            parts: list[tuple[str, nn.Layer]] = [("blocks", nn.Sequential(*blocks))]
            if number == 3:
                before = (height >> number + 1, width >> number + 1)
                parts.insert(0, ("downsample", DualPathDownsample(widths[2], outputs, before)))
            elif number:
                parts.insert(0, ("downsample", conv_norm(widths[number - 1], outputs, 3, 2)))
            self.stages.append(nn.Sequential(*parts))
        self.norm = nn.BatchNorm2D(self.width)
        self.head = _classifier(self.width, classes) if classes else None
        self.distillation_head = _classifier(self.width, classes) if distilled else None

    def features(self, x):
        """Features after the last norm, (N, width, H/32, W/32)."""
        _check_input(x.shape)
        x = self.stem(x)  # (N, C1, H/4, W/4)
        for stage in self.stages:
            x = stage(x)  # (N, Ci, H/4 .. H/32, W/4 .. W/32)
        return self.norm(x)

    def forward(self, x):
        x = self.features(x).mean(axis=[2, 3])  # (N, width)
        if self.head is None:
            return x
        if self.distillation_head is None:
            return self.head(x)  # (N, classes)
        logits, taught = self.head(x), self.distillation_head(x)
        return (logits, taught) if self.training else (logits + taught) / 2


def _classifier(width: int, classes: int) -> nn.Linear:
    return nn.Linear(width, classes, weight_attr=nn.initializer.TruncatedNormal(std=0.02))


def checked_size(image_size: Size) -> tuple[int, int]:
    """(H, W); KitError unless both are multiples of 32."""
    size = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
    if len(size) != 2 or any(not isinstance(side, int) or side < STRIDE or side % STRIDE for side in size):
        raise KitError(f"image_size {image_size!r} does not fit EfficientFormerV2: give one or two multiples of "
                       f"{STRIDE}")
    return size


def _check_input(shape: Sequence[int]) -> None:
    """KitError for an input that is not (N, 3, 32 a, 32 b)."""
    if not all(isinstance(side, int) for side in shape[1:]):  # tracing with unknown sides
        raise KitError("EfficientFormerV2 is exported for one image size: give C, H and W of the input spec as numbers")
    if len(shape) != 4 or shape[1] != 3 or any(side < STRIDE or side % STRIDE for side in shape[2:]):
        raise KitError(f"EfficientFormerV2 takes images (N, 3, H, W) with H and W multiples of {STRIDE}, not "
                       f"{tuple(shape)}; resize or pad them")


def efficientformer_v2(variant: str, image_size: Size = 224, classes: int = 0, distilled: bool = False,
                       drop_path: float | None = None) -> EfficientFormerV2:
    """EfficientFormerV2 "s0", "s1", "s2" or "l" with fresh weights, see the class; any other variant is a KitError.

    Trainable parameters without heads 3,246,256 / 5,735,560 / 12,132,112 / 25,552,288, with 1,000 classes and
    `distilled` 3,600,256 / 6,185,560 / 12,710,112 / 26,322,288, all at 224 (the bias table grows with the image).
    drop_path: None takes the authors' rate.
    """
    if variant not in WIDTHS:
        near = difflib.get_close_matches(str(variant).lower(), WIDTHS, 1, 0.4)
        guess = f"; did you mean {near[0]!r}?" if near else ""
        raise KitError(f"unknown EfficientFormerV2 variant {variant!r}{guess} There are {', '.join(WIDTHS)}")
    return EfficientFormerV2(variant, image_size, classes, distilled, drop_path)
