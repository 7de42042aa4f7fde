"""Networks rewritten for inference: the same function with fewer operations, on a copy.

Paddle Inference folds some BatchNorms by itself, but neither layer scale nor every convolution with bias.
"""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import nn

from paddle_models.fast.fast_layers import restore
from paddle_models.networks import efficientformer_v2


def fold_batch_norm(network: nn.Layer) -> nn.Layer:
    """A copy of `network` in evaluation mode whose results differ by rounding only; the network itself is left alone.

    BatchNorm that follows a convolution within one nn.Sequential goes into its weights (elsewhere the order of the
    layers is known to `forward` alone), and so does EfficientFormerV2's layer scale.
    """
    folded = copy.deepcopy(network)
    restore(folded)  # tracing takes ordinary layers only
    folded.eval()
    layers = [folded, *folded.sublayers()]
    uses = [id(child) for layer in layers for _, child in layer.named_children()]
    with paddle.no_grad():
        for layer in layers:
            for conv, name, norm in _pairs(layer):
                if uses.count(id(conv)) == uses.count(id(norm)) == 1:
                    _fold(conv, norm)
                    layer._sub_layers[name] = nn.Identity()
        for layer in layers:
            if type(layer) is efficientformer_v2.Block:
                _fold_layer_scale(layer)
            elif type(layer) is efficientformer_v2.Attention:
                for name in ("talk_before", "talk_after"):
                    setattr(layer, name, _MixedHeads(getattr(layer, name)))
            elif type(layer) is efficientformer_v2.EfficientFormerV2:
                layer.__class__ = _PooledFirst
    return folded


def _pairs(layer: nn.Layer) -> list[tuple[nn.Conv2D, str, nn.BatchNorm2D]]:
    """Each convolution of a Sequential that BatchNorm follows, with the name of that BatchNorm."""
    if type(layer) is not nn.Sequential:
        return []
    children = list(layer.named_children())
    return [(first, name, second) for (_, first), (name, second) in zip(children, children[1:])
            if type(first) is nn.Conv2D and type(second) is nn.BatchNorm2D and first._data_format == "NCHW"
            and not _has_hooks(first) and not _has_hooks(second)]


def _has_hooks(layer: nn.Layer) -> bool:
    return bool(layer._forward_pre_hooks or layer._forward_post_hooks)


def _fold(conv: nn.Conv2D, norm: nn.BatchNorm2D) -> None:
    factor = 1 / paddle.sqrt(norm._variance + norm._epsilon)
    if norm.weight is not None:
        factor = factor * norm.weight
    shift = -norm._mean if conv.bias is None else conv.bias - norm._mean
    bias = shift * factor if norm.bias is None else shift * factor + norm.bias
    if conv.bias is None:
        conv.bias = conv.create_parameter(list(norm._mean.shape), is_bias=True)
    conv.weight.set_value(conv.weight * factor.reshape([-1, 1, 1, 1]))
    conv.bias.set_value(bias)


def _fold_layer_scale(block: efficientformer_v2.Block) -> None:
    parts = [(block.ffn.project.conv, block.ffn_scale)]
    if block.attention is not None:
        parts.append((block.attention.project.conv, block.attention_scale))
    for conv, scale in parts:
        conv.weight.set_value(conv.weight * scale.reshape([-1, 1, 1, 1]))
        conv.bias.set_value(conv.bias * scale)
    block.__class__ = _ScaledBlock


class _ScaledBlock(efficientformer_v2.Block):
    """A block whose layer scale stands in the last convolution of attention and FFN."""

    def forward(self, x):
        if self.attention is not None:
            x = x + self.attention(x)
        return x + self.ffn(x)


class _MixedHeads(nn.Layer):
    """A 1x1 convolution over the heads of attention scores (N, heads, queries, keys), as one matrix product.

    With oneDNN on, Paddle 3.3 multiplies matrices wrongly where one comes straight from a convolution: it reads that
    result, whose channels are last in memory, as if it were plain.
    """

    def __init__(self, conv: nn.Conv2D):
        super().__init__()
        self.weight = self.create_parameter(conv.weight.shape[:2])
        self.bias = self.create_parameter([conv.weight.shape[0], 1], is_bias=True)
        self.weight.set_value(conv.weight.reshape(self.weight.shape))
        self.bias.set_value(conv.bias.reshape(self.bias.shape))

    def forward(self, scores):
        queries, keys = scores.shape[2:]
        mixed = paddle.matmul(self.weight, scores.reshape([0, self.weight.shape[1], queries * keys])) + self.bias
        return mixed.reshape([0, self.weight.shape[0], queries, keys])


class _PooledFirst(efficientformer_v2.EfficientFormerV2):
    """Averages over the places before the last norm, which is the same and cheaper, and by an operation of oneDNN's."""

    def forward(self, x):
        x = self.stem(x)
        for stage in self.stages:
            x = stage(x)  # (N, Ci, H/4 .. H/32, W/4 .. W/32)
        x = self.norm(F.adaptive_avg_pool2d(x, 1)).flatten(1)  # (N, width)
        if self.head is None:
            return x
        return self.head(x) if self.distillation_head is None else (self.head(x) + self.distillation_head(x)) / 2


@contextmanager
def traceable_upsampling() -> Iterator[None]:
    """While networks are traced within, enlargement by a whole number becomes ordinary operations with fixed weights:
    bilinear a product with a matrix, bicubic a convolution.

    Paddle 3.3 refuses its own bilinear operation once oneDNN is on ("not support ArrayAttribute<DoubleAttribute>"), and
    paddle2onnx converts neither.
    """
    original = F.interpolate

    def interpolate(x, size=None, scale_factor=None, mode="nearest", align_corners=False, **others):
        sides = list(x.shape[2:])
        fixed = len(sides) == 2 and all(isinstance(side, int) and side > 0 for side in sides)
        unusual = [value for value in others.values() if value not in (0, None, "NCHW")]  # nn.Upsample names defaults
        whole = isinstance(scale_factor, int) and size is None and not align_corners and not unusual
        if whole and len(sides) == 2 and mode == "bicubic":
            return _bicubic(x, scale_factor)
        if not (fixed and whole and mode == "bilinear"):
            return original(x, size, scale_factor, mode, align_corners, **others)
        matrix = np.kron(*(_enlargement(side, scale_factor) for side in sides)).T  # (h*w, H*W)
        enlarged = paddle.matmul(x.reshape([0, 0, sides[0] * sides[1]]), paddle.to_tensor(np.ascontiguousarray(matrix)))
        return enlarged.reshape([0, 0, *(side * scale_factor for side in sides)])

    replacement: Any = interpolate
    F.interpolate = replacement
    try:
        yield
    finally:
        F.interpolate = original


def _bicubic(x: paddle.Tensor, factor: int) -> paddle.Tensor:
    """(N, C, H, W) to (N, C, factor H, factor W): each point's factor x factor successors from its 5x5 neighbours."""
    channels, shares = x.shape[1], _bicubic_shares(factor)
    weights = np.einsum("ai,bj->abij", shares, shares).reshape(factor * factor, 1, 5, 5)
    padded = F.pad(x, [2, 2, 2, 2], mode="replicate")
    successors = F.conv2d(padded, paddle.to_tensor(np.tile(weights, (channels, 1, 1, 1))), groups=channels)
    return F.pixel_shuffle(successors, factor)


def _bicubic_shares(factor: int) -> np.ndarray:
    """(factor, 5) float32: shares of the five nearest points in each successor of the middle one (Keys, a = -0.75)."""
    place = (np.arange(factor) + 0.5) / factor - 0.5
    distance = np.abs(np.arange(-2, 3) - place[:, None])
    near = (1.25 * distance - 2.25) * distance**2 + 1
    far = ((-0.75 * distance + 3.75) * distance - 6) * distance + 3
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0)).astype(np.float32)


def _enlargement(side: int, factor: int) -> np.ndarray:
    """(side * factor, side) float32: each row holds the shares of the two nearest points, the ends repeated."""
    place = np.maximum((np.arange(side * factor) + 0.5) / factor - 0.5, 0)
    low = place.astype(int)
    high, share = np.minimum(low + 1, side - 1), place - low
    matrix = np.zeros((side * factor, side), np.float32)
    rows = np.arange(side * factor)
    np.add.at(matrix, (rows, low), 1 - share)
    np.add.at(matrix, (rows, high), share)
    return matrix
