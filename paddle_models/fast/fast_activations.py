"""GELU and PReLU on oneDNN; Paddle's own take a third of the training time of EfficientFormerV2 and Swift-SRGAN."""

import functools
from typing import NamedTuple

import paddle
import paddle.nn.functional as F
from paddle import nn
from paddle.autograd import PyLayer

from paddle_models.fast import onednn

KEPT_OPERATIONS = 256  # one per input shape and direction


class Gelu(NamedTuple):
    """x Phi(x), with the error function or its approximation by tanh."""

    approximate: bool

    def __str__(self) -> str:
        return "GELU (tanh)" if self.approximate else "GELU"

    def eager(self, tensors: list) -> paddle.Tensor:
        """Paddle's own."""
        return F.gelu(tensors[0], self.approximate)

    def fast(self, tensors: list) -> paddle.Tensor:
        """oneDNN's, with a gradient where one is wanted."""
        (x,) = tensors
        return _forward(self, x) if x.stop_gradient or not paddle.is_grad_enabled() else _Gelu.apply(x, self)

    def sample_shapes(self) -> list[tuple[int, ...]]:
        """Shape of a small x."""
        return [(2, 3, 5, 7)]


class FastGELU(nn.GELU):
    """A GELU that computes with oneDNN. Never constructed: `accelerate` changes the class of a layer."""

    def forward(self, x):
        if not paddle.in_dynamic_mode() or x.dtype != paddle.float32 or 0 in x.shape or not x.shape:
            return super().forward(x)
        return self.kind(self).fast([x])

    @staticmethod
    def kind(layer: nn.GELU) -> Gelu:
        """What tells this layer from others."""
        return Gelu(bool(layer._approximate))


class _Gelu(PyLayer):
    @staticmethod
    def forward(ctx, x, kind):
        ctx.kind = kind
        ctx.save_for_backward(x)
        return _forward(kind, x)

    @staticmethod
    def backward(ctx, upstream):
        x, upstream = onednn.contiguous(ctx.saved_tensor()[0]), onednn.contiguous(upstream)
        gradient = paddle.empty(x.shape, x.dtype)
        _operation(ctx.kind, x.size, True)(*onednn.addresses(x, upstream, gradient))
        return gradient


def _forward(kind: Gelu, x: paddle.Tensor) -> paddle.Tensor:
    x = onednn.contiguous(x)
    result = paddle.empty(x.shape, x.dtype)
    _operation(kind, x.size, False)(*onednn.addresses(x, result))
    return result


@functools.lru_cache(maxsize=KEPT_OPERATIONS)
def _operation(kind: Gelu, size: int, backward: bool) -> onednn.Operation:
    """On x, result; backward on x, gradient of the result, gradient of x; all of `size` numbers."""
    shape = (size,)
    flat = onednn.plain(shape)
    algorithm = onednn.GELU_TANH if kind.approximate else onednn.GELU_ERF
    forward = onednn.create("eltwise_forward_primitive_desc", onednn.engine(), onednn.TRAINING, algorithm, flat, flat,
                            onednn.real(0), onednn.real(0), onednn.attributes())
    if not backward:
        return onednn.Operation(forward, {onednn.SRC: flat, onednn.DST: flat})
    descriptor = onednn.create("eltwise_backward_primitive_desc", onednn.engine(), algorithm, flat, flat, flat,
                               onednn.real(0), onednn.real(0), forward, onednn.attributes())
    return onednn.Operation(descriptor, {onednn.SRC: flat, onednn.DIFF_DST: flat, onednn.DIFF_SRC: flat})


class PRelu(NamedTuple):
    """max(x, 0) + a min(x, 0) with one slope, or one for each of the channels of (N, C, ...)."""

    slopes: int

    def __str__(self) -> str:
        return f"PReLU of {self.slopes} slopes"

    def eager(self, tensors: list) -> paddle.Tensor:
        """Paddle's own, of [x, slopes]."""
        return F.prelu(*tensors)

    def fast(self, tensors: list) -> paddle.Tensor:
        """oneDNN's, with a gradient where one is wanted."""
        x, slopes = tensors
        if not paddle.is_grad_enabled() or (x.stop_gradient and slopes.stop_gradient):
            return _prelu_forward(x, slopes)
        order = [0, 1] if not x.stop_gradient else [1, 0]
        return _PRelu.apply(order, [tensors[index] for index in order])

    def sample_shapes(self) -> list[tuple[int, ...]]:
        """Shapes of a small x and of the slopes."""
        return [(2, max(3, self.slopes), 5, 7), (self.slopes,)]


class FastPReLU(nn.PReLU):
    """A PReLU that computes with oneDNN. Never constructed: `accelerate` changes the class of a layer."""

    def forward(self, x):
        fits = x.dtype == paddle.float32 and x.ndim >= 2 and self._weight.size in (1, x.shape[1]) and 0 not in x.shape
        if not paddle.in_dynamic_mode() or not fits:
            return super().forward(x)
        return PRelu(self._weight.size).fast([x, self._weight])

    @staticmethod
    def kind(layer: nn.PReLU) -> "PRelu | str":
        """What tells this layer from others, or in words why it is not covered."""
        if layer._data_format != "NCHW" or layer._weight.dtype != paddle.float32:
            return f"PReLU in {layer._data_format}, {layer._weight.dtype} is not covered"
        return PRelu(layer._weight.size)


class _PRelu(PyLayer):
    """The tensors come as one list whose first wants a gradient: see fast_conv."""

    @staticmethod
    def forward(ctx, order, listed):
        x, slopes = (listed[order.index(index)] for index in range(2))
        ctx.order, ctx.wanted = order, (not x.stop_gradient, not slopes.stop_gradient)
        ctx.save_for_backward(x, slopes)
        return _prelu_forward(x, slopes)

    @staticmethod
    def backward(ctx, upstream):
        x, slopes = map(onednn.contiguous, ctx.saved_tensor())
        upstream = onednn.contiguous(upstream)
        gradients = [paddle.empty(tensor.shape, tensor.dtype) for tensor in (x, slopes)]
        _prelu_operation(tuple(x.shape), slopes.size, True)(*onednn.addresses(x, slopes, upstream, *gradients))
        return [gradients[index] if ctx.wanted[index] else None for index in ctx.order]


def _prelu_forward(x: paddle.Tensor, slopes: paddle.Tensor) -> paddle.Tensor:
    x = onednn.contiguous(x)
    result = paddle.empty(x.shape, x.dtype)
    _prelu_operation(tuple(x.shape), slopes.size, False)(*onednn.addresses(x, slopes, result))
    return result


@functools.lru_cache(maxsize=KEPT_OPERATIONS)
def _prelu_operation(shape: tuple[int, ...], slopes: int, backward: bool) -> onednn.Operation:
    """On x, slopes, result; backward on x, slopes, gradients of the result, of x and of the slopes."""
    image, weight = onednn.plain(shape), onednn.plain((1, slopes, *(1 for _ in shape[2:])))
    forward = onednn.create("prelu_forward_primitive_desc", onednn.engine(), onednn.TRAINING, image, weight, image,
                            onednn.attributes())
    if not backward:
        return onednn.Operation(forward, {onednn.SRC: image, onednn.WEIGHTS: weight, onednn.DST: image})
    descriptor = onednn.create("prelu_backward_primitive_desc", onednn.engine(), image, weight, image, weight, image,
                               forward, onednn.attributes())
    return onednn.Operation(descriptor, {
        onednn.SRC: image, onednn.WEIGHTS: weight, onednn.DIFF_DST: image, onednn.DIFF_SRC: image,
        onednn.DIFF_WEIGHTS: weight})
