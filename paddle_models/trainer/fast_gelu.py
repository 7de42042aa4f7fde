"""GELU on oneDNN; Paddle's own takes a third of EfficientFormerV2's training time on a CPU."""

import functools
from typing import NamedTuple

import paddle
import paddle.nn.functional as F
from paddle import nn
from paddle.autograd import PyLayer

from paddle_models.trainer import onednn

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
        return onednn.Operation(forward, {onednn.SRC: shape, onednn.DST: shape})
    descriptor = onednn.create("eltwise_backward_primitive_desc", onednn.engine(), algorithm, flat, flat, flat,
                               onednn.real(0), onednn.real(0), forward, onednn.attributes())
    return onednn.Operation(descriptor, {onednn.SRC: shape, onednn.DIFF_DST: shape, onednn.DIFF_SRC: shape})
