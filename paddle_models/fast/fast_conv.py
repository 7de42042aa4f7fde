"""Conv2D on oneDNN: forward pass and both gradients, without a detour through static programs.

`fast_layers.accelerate` decides where it is used.
"""

import functools
from typing import Any, NamedTuple

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import nn
from paddle.autograd import PyLayer

from paddle_models.fast import onednn

WIDEST_DEPTHWISE = 3  # kernel side of oneDNN's own weight gradient; above it one took 0.9 s (9x9, 16x64x96x96)
KEPT_OPERATIONS = 2048  # a network has a few per layer and input shape; an operation holds code, not data


class Geometry(NamedTuple):
    """All that tells one kind of convolution from another; shapes are (O, I/groups, H, W)."""

    weight: tuple[int, ...]
    bias: bool
    stride: tuple[int, ...]
    padding: int | str | tuple
    dilation: tuple[int, ...]
    groups: int

    @classmethod
    def of(cls, conv: nn.Conv2D) -> "Geometry":
        return cls(
            tuple(conv.weight.shape),
            conv.bias is not None,
            tuple(conv._stride),
            _as_tuple(conv._padding),
            (1, 1) if conv._padding == "SAME" else tuple(conv._dilation),  # so does Paddle itself
            conv._groups,
        )

    def __str__(self) -> str:
        outputs, inputs, height, width = self.weight
        return f"convolution {inputs * self.groups}->{outputs}, {height}x{width}, {self.groups} groups"

    def eager(self, tensors: list) -> paddle.Tensor:
        """Paddle's own convolution of [x, weight(, bias)]."""
        x, weight, *bias = tensors
        stride, padding, dilation = list(self.stride), _as_list(self.padding), list(self.dilation)
        return F.conv2d(x, weight, bias[0] if bias else None, stride, padding, dilation, self.groups)

    def fast(self, tensors: list) -> paddle.Tensor:
        """oneDNN's convolution of [x, weight(, bias)], with a gradient where one is wanted."""
        if not paddle.is_grad_enabled() or all(tensor.stop_gradient for tensor in tensors):
            return _forward(self, tensors)
        order = sorted(range(len(tensors)), key=lambda index: tensors[index].stop_gradient)
        return _Convolution.apply(self, order, [tensors[index] for index in order])

    def is_wide_depthwise(self) -> bool:
        """Depthwise with a kernel beyond what oneDNN has a fast weight gradient for."""
        channels, own, height, width = self.weight
        plain = self.stride == (1, 1) and self.dilation == (1, 1) and own == 1 and channels == self.groups
        return plain and max(height, width) > WIDEST_DEPTHWISE

    def sample_shapes(self) -> list[tuple[int, ...]]:
        """Shapes of a small x, of weight and bias, for a comparison of the two."""
        channels, kernel = self.weight[1] * self.groups, self.weight[2:]
        side = [max(7, d * (k - 1) + 1 + s) for k, d, s in zip(kernel, self.dilation, self.stride)]
        return [(2, channels, *side), self.weight, self.weight[:1]][: 3 if self.bias else 2]

    def margins(self, size: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Padding (top, left) and (bottom, right) for images of this (H, W)."""
        extent = [d * (k - 1) + 1 for k, d in zip(self.weight[2:], self.dilation)]
        padding: Any = self.padding
        if padding == "SAME":
            missing = [max(0, (-(-n // s) - 1) * s + e - n) for n, s, e in zip(size, self.stride, extent)]
            return tuple(m // 2 for m in missing), tuple(m - m // 2 for m in missing)
        if padding == "VALID":
            return (0, 0), (0, 0)
        if isinstance(padding, int):
            return (padding, padding), (padding, padding)
        if isinstance(padding[0], tuple):  # one pair for each of N, C, H, W
            return tuple(pair[0] for pair in padding[-2:]), tuple(pair[1] for pair in padding[-2:])
        if len(padding) == 4:  # top, bottom, left, right
            return (padding[0], padding[2]), (padding[1], padding[3])
        return tuple(padding), tuple(padding)

    def output(self, image: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of the result for an input of shape (N, C, H, W)."""
        first, last = self.margins(image[2:])
        sides = [
            (n + a + b - d * (k - 1) - 1) // s + 1
            for n, a, b, k, d, s in zip(image[2:], first, last, self.weight[2:], self.dilation, self.stride)
        ]
        return (image[0], self.weight[0], *sides)


class FastConv2D(nn.Conv2D):
    """A Conv2D that computes with oneDNN. Never constructed: `accelerate` changes the class of a layer.

    Parameters, names, buffers, hooks and state_dict are those of the layer that it was. Gradients of first order only
    (no gradient of a gradient). Inputs that are not float32, and tracing for export, take the ordinary way.
    """

    def forward(self, x):
        if not paddle.in_dynamic_mode() or not self._covers(x):
            return super().forward(x)
        tensors = [x, self.weight] if self.bias is None else [x, self.weight, self.bias]
        return Geometry.of(self).fast(tensors)

    @staticmethod
    def kind(conv: nn.Conv2D) -> "Geometry | str":
        """What tells this layer from others, or in words why it is not covered."""
        if conv._data_format != "NCHW" or conv._padding_mode != "zeros" or conv.weight.dtype != paddle.float32:
            return f"{conv._data_format}, {conv._padding_mode} padding, {conv.weight.dtype} is not covered"
        return Geometry.of(conv)

    def _covers(self, x: paddle.Tensor) -> bool:
        return x.dtype == paddle.float32 and x.ndim == 4 and x.shape[1] == self._in_channels and 0 not in x.shape


class _Convolution(PyLayer):
    """Forward and both backward passes.

    The tensors come as one list whose first wants a gradient: Paddle asks for None in place of the whole list where
    its first gets no gradient, and where tensors came one by one, `paddle.grad` of an inner feature map would fail.
    """

    @staticmethod
    def forward(ctx, geometry, order, listed):
        tensors = [listed[order.index(index)] for index in range(len(order))]
        ctx.geometry, ctx.order = geometry, order
        ctx.wanted = [not tensor.stop_gradient for tensor in tensors]
        ctx.save_for_backward(*tensors)
        return _forward(geometry, tensors)

    @staticmethod
    def backward(ctx, upstream):
        x, weight, *bias = ctx.saved_tensor()
        for_image, for_weight, *for_bias = ctx.wanted
        upstream = onednn.contiguous(upstream)
        gradients = [None] * len(ctx.wanted)
        if for_image:
            gradients[0] = paddle.empty(x.shape, x.dtype)
            _backward_data(ctx.geometry, tuple(x.shape))(*onednn.addresses(upstream, weight, gradients[0]))
        if for_weight and ctx.geometry.is_wide_depthwise():
            gradients[1] = _wide_depthwise_weights(ctx.geometry, x, upstream)
        elif for_weight:
            x = onednn.contiguous(x)
            gradients[1:] = [paddle.empty(parameter.shape, parameter.dtype) for parameter in (weight, *bias)]
            _backward_weights(ctx.geometry, tuple(x.shape))(*onednn.addresses(x, upstream, *gradients[1:]))
        if any(for_bias) and gradients[2] is None:
            gradients[2] = upstream.reshape([0, 0, -1]).sum(axis=2).sum(axis=0)
        return [gradients[index] if ctx.wanted[index] else None for index in ctx.order]


def _wide_depthwise_weights(geometry: Geometry, x: paddle.Tensor, upstream: paddle.Tensor) -> paddle.Tensor:
    """Weight gradient of a depthwise convolution as a matrix product for each row of the kernel.

    For a channel, with images n and rows i as one summation index, P[a, b] = sum over (i, n) of x[i + r, n, a] g[i, n,
    b]; the gradient at (r, s) is the sum of P along the diagonal a = b + s.
    """
    channels, _, height, width = geometry.weight
    x, upstream = (_rows_first(tensor, *margins) for tensor, margins in
                   ((x, geometry.margins(tuple(x.shape[2:]))), (upstream, ((0, 0), (0, 0)))))
    products = paddle.empty([channels, x.shape[3], upstream.shape[3]])
    operation = _row_products(tuple(x.shape), tuple(upstream.shape))
    gradient = np.empty(geometry.weight, np.float32)
    row_bytes = 4 * x.shape[2] * x.shape[3]
    for r in range(height):
        operation(x.data_ptr() + r * row_bytes, *onednn.addresses(upstream, products))
        found = products.numpy()
        for s in range(width):
            gradient[:, 0, r, s] = np.trace(found, offset=-s, axis1=1, axis2=2)
    return paddle.to_tensor(gradient)


def _rows_first(tensor: paddle.Tensor, first: tuple[int, ...], last: tuple[int, ...]) -> paddle.Tensor:
    """(N, C, H, W) with margins of zeros at (top, left) and (bottom, right), as (C, H', N, W')."""
    images, channels, rows, columns = tensor.shape
    height, width = rows + first[0] + last[0], columns + first[1] + last[1]
    made = paddle.empty if (height, width) == (rows, columns) else paddle.zeros
    result = made([channels, height, images, width], tensor.dtype)
    corner = result.data_ptr() + 4 * (first[0] * images * width + first[1])
    _into_rows(tuple(tensor.shape), (height, width))(onednn.contiguous(tensor).data_ptr(), corner)
    return result


@functools.lru_cache(maxsize=KEPT_OPERATIONS)
def _into_rows(shape: tuple[int, ...], size: tuple[int, int]) -> onednn.Operation:
    """From contiguous (N, C, H, W) to the first element of its place in (C, H', N, W')."""
    images, _, _, _ = shape
    height, width = size
    return onednn.Operation.copy(onednn.plain(shape),
                                 onednn.strided(shape, (width, height * images * width, images * width, 1)))


@functools.lru_cache(maxsize=KEPT_OPERATIONS)
def _row_products(padded: tuple[int, ...], result: tuple[int, ...]) -> onednn.Operation:
    """(C, H', N, W') from its r-th row on, (C, H, N, W): products (C, W', W), summed over as many rows as the second
    has."""
    channels, rows, images, width = padded
    summed = result[1] * images
    left = onednn.strided((channels, width, summed), (rows * images * width, 1, width))
    right, products = onednn.plain((channels, summed, result[3])), onednn.plain((channels, width, result[3]))
    descriptor = onednn.create("matmul_primitive_desc", onednn.engine(), left, right, None, products,
                               onednn.attributes())
    return onednn.Operation(descriptor, {onednn.SRC: left, onednn.WEIGHTS: right, onednn.DST: products})


def _forward(geometry: Geometry, tensors: list) -> paddle.Tensor:
    tensors = [onednn.contiguous(tensor) for tensor in tensors]
    image = tuple(tensors[0].shape)
    result = paddle.empty(geometry.output(image), "float32")
    _forward_operation(geometry, image)(*onednn.addresses(*tensors, result))
    return result


class _Problem:
    """One convolution as oneDNN is told it: shapes, layouts, and the descriptor of the forward pass as a hint."""

    def __init__(self, geometry: Geometry, image: tuple[int, ...]):
        outputs, *kernel = geometry.weight
        grouped = (geometry.groups, outputs // geometry.groups, *kernel)
        self.image, self.result = image, geometry.output(image)
        self.weight = grouped if geometry.groups > 1 else geometry.weight
        self.bias = (outputs,) if geometry.bias else None
        # A pointwise convolution is a matrix product, and fast on plain arrays; all others are worth the conversion
        # to a layout in blocks of channels (measured: half the time against a third of it).
        pointwise = geometry.weight[2:] == (1, 1) and geometry.stride == (1, 1) and geometry.groups == 1
        layout = onednn.plain if pointwise and image[2:] == self.result[2:] else onednn.any_layout
        self.layouts: list[Any] = [layout(shape) for shape in (self.image, self.weight)]
        self.layouts += [onednn.plain(self.bias) if self.bias else None, layout(self.result)]
        first, last = geometry.margins(image[2:])
        dilation = [d - 1 for d in geometry.dilation]  # oneDNN counts the cells left out
        self.numbers = [onednn.int64(values) for values in (geometry.stride, dilation, first, last)]
        self.forward = onednn.create(
            "convolution_forward_primitive_desc", onednn.engine(), onednn.TRAINING, onednn.CONVOLUTION_DIRECT,
            *self.layouts, *self.numbers, onednn.attributes())

    @staticmethod
    def arguments(shapes: dict) -> dict:
        return {which: onednn.plain(shape) for which, shape in shapes.items() if shape is not None}

    def backward(self, which: str, layouts: list):
        return onednn.create(
            f"convolution_backward_{which}_primitive_desc", onednn.engine(), onednn.CONVOLUTION_DIRECT,
            *layouts, *self.numbers, self.forward, onednn.attributes())


@functools.lru_cache(maxsize=KEPT_OPERATIONS)
def _forward_operation(geometry: Geometry, image: tuple[int, ...]) -> onednn.Operation:
    """On x, weight(, bias), result."""
    problem = _Problem(geometry, image)
    return onednn.Operation(problem.forward, problem.arguments(
        {onednn.SRC: problem.image, onednn.WEIGHTS: problem.weight, onednn.BIAS: problem.bias,
         onednn.DST: problem.result}))


@functools.lru_cache(maxsize=KEPT_OPERATIONS)
def _backward_data(geometry: Geometry, image: tuple[int, ...]) -> onednn.Operation:
    """On gradient of the result, weight, gradient of x."""
    problem = _Problem(geometry, image)
    source, weight, _, result = problem.layouts
    return onednn.Operation(problem.backward("data", [source, weight, result]), problem.arguments(
        {onednn.DIFF_DST: problem.result, onednn.WEIGHTS: problem.weight, onednn.DIFF_SRC: problem.image}))


@functools.lru_cache(maxsize=KEPT_OPERATIONS)
def _backward_weights(geometry: Geometry, image: tuple[int, ...]) -> onednn.Operation:
    """On x, gradient of the result, gradient of weight(, of bias)."""
    problem = _Problem(geometry, image)
    return onednn.Operation(problem.backward("weights", problem.layouts), problem.arguments(
        {onednn.SRC: problem.image, onednn.DIFF_DST: problem.result, onednn.DIFF_WEIGHTS: problem.weight,
         onednn.DIFF_BIAS: problem.bias}))


def _as_tuple(value):
    return tuple(_as_tuple(item) for item in value) if isinstance(value, (list, tuple)) else value


def _as_list(value):
    return [_as_list(item) for item in value] if isinstance(value, tuple) else value
