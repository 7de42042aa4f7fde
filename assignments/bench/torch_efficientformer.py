"""EfficientFormerV2 in PyTorch, the twin of paddle_models/networks/efficientformer_v2.py: same layers, names and order
of operations.

Only what is measured: one image size, one classifier, no drop path (S0 trains without it, evaluation always is).
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

WIDTHS = {"s0": (32, 48, 96, 176), "s2": (32, 64, 144, 288)}
EXPANSIONS = {
    "s0": ((4,) * 2, (4,) * 2, (4, 3, 3, 3, 4, 4), (4, 3, 3, 4)),
    "s2": ((4,) * 4, (4,) * 4, (4, 4, 3, 3, 3, 3, 3, 3, 4, 4, 4, 4), (4, 4, 3, 3, 3, 3, 4, 4)),
}
ATTENTION_BLOCKS = {"s0": 2, "s2": 4}
LAYER_SCALE = 1e-5
HEADS, VALUE_RATIO, KEY_WIDTH, DOWNSAMPLE_KEY_WIDTH = 8, 4, 32, 16


class ConvNorm(nn.Module):
    """Convolution, BatchNorm and, where `act`, GELU."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1, act: bool = False):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups)
        self.norm = nn.BatchNorm2d(outputs)
        self.act = nn.GELU() if act else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.act(self.norm(self.conv(x)))


class FFN(nn.Module):
    """1x1 convolution to the hidden width, 3x3 depthwise, 1x1 back."""

    def __init__(self, width: int, hidden: int):
        super().__init__()
        self.expand = ConvNorm(width, hidden, act=True)
        self.mix = ConvNorm(hidden, hidden, 3, groups=hidden, act=True)
        self.project = ConvNorm(hidden, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.project(self.mix(self.expand(x)))


class BiasTable(nn.Module):
    """Learned attention bias, one number per head and distance between query and key, on a square grid."""

    def __init__(self, side: int, query_step: int = 1):
        super().__init__()
        self.table = nn.Parameter(torch.zeros(HEADS, side * side))
        places = torch.stack(torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij"))
        queries = places[:, ::query_step, ::query_step].reshape(2, -1, 1)
        dy, dx = (queries - places.reshape(2, 1, -1)).abs()
        self.register_buffer("index", dy * side + dx, persistent=False)  # (queries, keys)

    def forward(self) -> torch.Tensor:
        return self.table[:, self.index]  # (HEADS, queries, keys)


class Attention(nn.Module):
    """Self-attention with talking heads, on a grid reduced `stride` times."""

    def __init__(self, width: int, side: int, stride: int):
        super().__init__()
        keys, values = HEADS * KEY_WIDTH, HEADS * KEY_WIDTH * VALUE_RATIO
        self.stride, self.scale = stride, KEY_WIDTH ** -0.5
        if stride > 1:
            self.reduce = ConvNorm(width, width, 3, stride, width)
        self.query, self.key, self.value = ConvNorm(width, keys), ConvNorm(width, keys), ConvNorm(width, values)
        self.local = ConvNorm(values, values, 3, groups=values)
        self.bias = BiasTable(side // stride)
        self.talk_before, self.talk_after = nn.Conv2d(HEADS, HEADS, 1), nn.Conv2d(HEADS, HEADS, 1)
        self.act, self.project = nn.GELU(), ConvNorm(values, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.stride > 1:
            x = self.reduce(x)
        v = self.value(x)
        scores = _scores(self.query(x) * self.scale, self.key(x)) + self.bias()
        attention = self.talk_after(F.softmax(self.talk_before(scores), dim=-1))
        x = _attend(attention, v, *x.shape[2:]) + self.local(v)
        if self.stride > 1:
            x = F.interpolate(x, scale_factor=self.stride, mode="bilinear")
        return self.project(self.act(x))


class LocalGlobalQuery(nn.Module):
    """Query on half the grid."""

    def __init__(self, width: int, keys: int):
        super().__init__()
        self.local = nn.Conv2d(width, width, 3, 2, 1, groups=width)
        self.project = ConvNorm(width, keys)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.project(self.local(x) + x[:, :, ::2, ::2])


class AttentionDownsample(nn.Module):
    """Attention whose queries stand on half the grid."""

    def __init__(self, width: int, outputs: int, side: int):
        super().__init__()
        keys, values = HEADS * DOWNSAMPLE_KEY_WIDTH, HEADS * DOWNSAMPLE_KEY_WIDTH * VALUE_RATIO
        self.scale = DOWNSAMPLE_KEY_WIDTH ** -0.5
        self.query = LocalGlobalQuery(width, keys)
        self.key, self.value = ConvNorm(width, keys), ConvNorm(width, values)
        self.local = ConvNorm(values, values, 3, 2, values)
        self.bias = BiasTable(side, query_step=2)
        self.act, self.project = nn.GELU(), ConvNorm(values, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        v = self.value(x)
        scores = _scores(self.query(x) * self.scale, self.key(x)) + self.bias()
        x = _attend(F.softmax(scores, dim=-1), v, x.shape[2] // 2, x.shape[3] // 2) + self.local(v)
        return self.project(self.act(x))


def _heads(x: torch.Tensor) -> torch.Tensor:
    return x.reshape(len(x), HEADS, -1, math.prod(x.shape[2:]))  # (N, 8, channels of a head, places)


def _scores(query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
    return _heads(query).transpose(2, 3) @ _heads(key)  # (N, 8, queries, keys)


def _attend(attention: torch.Tensor, value: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
    return (_heads(value) @ attention.transpose(2, 3)).reshape(len(value), -1, rows, columns)


class DualPathDownsample(nn.Module):
    """Sum of a strided 3x3 convolution and attention downsampling."""

    def __init__(self, width: int, outputs: int, side: int):
        super().__init__()
        self.plain = ConvNorm(width, outputs, 3, 2)
        self.attention = AttentionDownsample(width, outputs, side)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.attention(x) + self.plain(x)


class Block(nn.Module):
    """[Attention and] FFN, each with layer scale and a residual connection."""

    def __init__(self, width: int, expansion: int, attention: Attention | None):
        super().__init__()
        self.attention = attention
        if attention is not None:
            self.attention_scale = nn.Parameter(torch.full((width,), LAYER_SCALE))
        self.ffn = FFN(width, width * expansion)
        self.ffn_scale = nn.Parameter(torch.full((width,), LAYER_SCALE))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.attention is not None:
            x = x + self.attention(x) * self.attention_scale.reshape(-1, 1, 1)
        return x + self.ffn(x) * self.ffn_scale.reshape(-1, 1, 1)


class EfficientFormerV2(nn.Module):
    """Images (N, 3, side, side) to logits (N, classes)."""

    def __init__(self, variant: str, side: int, classes: int):
        super().__init__()
        widths, expansions, vit = WIDTHS[variant], EXPANSIONS[variant], ATTENTION_BLOCKS[variant]
        self.stem = nn.Sequential(ConvNorm(3, widths[0] // 2, 3, 2, act=True),
                                  ConvNorm(widths[0] // 2, widths[0], 3, 2, act=True))
        self.stages = nn.ModuleList()
        for number, outputs in enumerate(widths):
            grid, blocks = side >> number + 2, []  # H/4, H/8, H/16, H/32
            for position, expansion in enumerate(expansions[number]):
                attends = number >= 2 and position >= len(expansions[number]) - vit
                blocks.append(Block(outputs, expansion,
                                    Attention(outputs, grid, 2 if number == 2 else 1) if attends else None))
            stage = nn.Sequential()
            if number == 3:
                stage.add_module("downsample", DualPathDownsample(widths[2], outputs, 2 * grid))
            elif number:
                stage.add_module("downsample", ConvNorm(widths[number - 1], outputs, 3, 2))
            stage.add_module("blocks", nn.Sequential(*blocks))
            self.stages.append(stage)
        self.norm, self.head = nn.BatchNorm2d(widths[-1]), nn.Linear(widths[-1], classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        for stage in self.stages:
            x = stage(x)
        return self.head(self.norm(x).mean(dim=(2, 3)))
