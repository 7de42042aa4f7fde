"""Convolution as a node of a chain: forward pass and both gradients on oneDNN."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import paddle
import paddle.nn.functional as F
from paddle import nn

from paddle_models.fast import onednn
from paddle_models.fast.nodes import Activation, Kind
from paddle_models.fast.program import Array, Program

WIDEST_DEPTHWISE = 3  # kernel side of oneDNN's own weight gradient; above it one took 0.9 s (9x9, 16x64x96x96)
COLUMNS = 32  # 16x64x96x96 with 9x9: 86 ms in one piece


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
        return F.conv2d(x, weight, bias[0] if bias else None, list(self.stride), _as_list(self.padding),
                        list(self.dilation), self.groups)

    def is_wide_depthwise(self) -> bool:
        """Depthwise with a kernel beyond what oneDNN has a fast weight gradient for."""
        channels, own, height, width = self.weight
        plain = self.stride == (1, 1) and self.dilation == (1, 1) and own == 1 and channels == self.groups
        return plain and max(height, width) > WIDEST_DEPTHWISE

    def sample(self) -> tuple[int, ...]:
        """Shape of a small image."""
        channels, kernel = self.weight[1] * self.groups, self.weight[2:]
        return (2, channels, *(max(7, d * (k - 1) + 1 + s) for k, d, s in zip(kernel, self.dilation, self.stride)))

    def margins(self, size: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Padding (top, left) and (bottom, right) for images of this (H, W)."""
        extent = [d * (k - 1) + 1 for k, d in zip(self.weight[2:], self.dilation)]
        padding = self.padding
        if padding == "SAME":
            missing = [max(0, (-(-n // s) - 1) * s + e - n) for n, s, e in zip(size, self.stride, extent)]
            return tuple(m // 2 for m in missing), tuple(m - m // 2 for m in missing)
        if isinstance(padding, str):  # "VALID"
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


@dataclass(frozen=True)
class Convolution(Kind):
    """Of one image with [weight(, bias)], and an activation after it.

    alone: its image and result are plain arrays, there is no chain around it.
    """

    geometry: Geometry
    activation: Activation | None = None
    alone: bool = False

    def tensor_shapes(self) -> list[tuple[int, ...]]:
        outputs, *kernel = self.geometry.weight
        groups = self.geometry.groups
        weight = (groups, outputs // groups, *kernel) if groups > 1 else self.geometry.weight
        return [weight, (outputs,)][: 2 if self.geometry.bias else 1]

    def __str__(self) -> str:
        return f"{self.geometry}{f' and {self.activation.name}' if self.activation else ''}"

    def sample(self) -> tuple[int, ...]:
        return self.geometry.sample()

    def needs_result(self) -> bool:
        return self.activation is not None

    def eager(self, images: list, tensors: list, states: list) -> paddle.Tensor:
        weight, *bias = tensors
        result = self.geometry.eager([*images, weight.reshape(self.geometry.weight), *bias])
        return self.activation.eager([result], [], []) if self.activation else result

    def forward(self, program: Program, images, tensors, states, overwrite) -> tuple[Array, tuple]:
        (image,), (weight, *bias) = images, tensors
        problem = _Problem(self, image.shape, program.kind)
        descriptor = problem.forward
        result = program.result(descriptor, onednn.DST, problem.result)
        program.add(descriptor, {
            onednn.SRC: program.converted(image, descriptor, onednn.SRC),
            onednn.WEIGHTS: program.converted(weight, descriptor, onednn.WEIGHTS, remember=False),
            onednn.BIAS: bias[0] if bias else None, onednn.DST: result})
        return result, (problem, image, weight, result)

    def backward(self, program: Program, saved, gradient: Array, wanted) -> list[Array | None]:
        problem, image, weight, result = saved
        if self.activation:
            gradient = self.activation.mask(program, result, gradient)
        of_image = self._image_gradient(program, problem, image, weight, gradient) if wanted[0] else None
        if not any(wanted[1:]):
            return [of_image]
        if self.geometry.is_wide_depthwise():
            return [of_image, *_wide_depthwise(program, self.geometry, image, gradient)]
        descriptor = problem.backward("weights")
        found = [program.possible(descriptor, which) for which in (onednn.DIFF_WEIGHTS, onednn.DIFF_BIAS)]
        program.add(descriptor, {
            onednn.SRC: program.converted(image, descriptor, onednn.SRC),
            onednn.DIFF_DST: program.converted(gradient, descriptor, onednn.DIFF_DST),
            onednn.DIFF_WEIGHTS: found[0], onednn.DIFF_BIAS: found[1]})
        return [of_image, *found]

    @staticmethod
    def _image_gradient(program: Program, problem: "_Problem", image: Array, weight: Array, gradient: Array) -> Array:
        descriptor = problem.backward("data")
        found = program.result(descriptor, onednn.DIFF_SRC, image.shape)
        program.add(descriptor, {
            onednn.DIFF_DST: program.converted(gradient, descriptor, onednn.DIFF_DST),
            onednn.WEIGHTS: program.converted(weight, descriptor, onednn.WEIGHTS, remember=False),
            onednn.DIFF_SRC: found})
        return found


class _Problem:
    """One convolution as oneDNN is told it: shapes, layouts, and the descriptor of the forward pass as a hint."""

    def __init__(self, node: Convolution, image: tuple[int, ...], kind: int):
        geometry, self.node = node.geometry, node
        self.kind, self.image, self.result = kind, image, geometry.output(image)
        self.weight, *self.bias = node.tensor_shapes()
        # A pointwise convolution is a matrix product, and fast on plain arrays; all others are worth the conversion
        # to a layout in blocks of channels (measured: half the time against a third of it).
        pointwise = geometry.weight[2:] == (1, 1) and geometry.stride == (1, 1) and geometry.groups == 1
        self.plain = node.alone and kind == onednn.FLOAT32 and pointwise and image[2:] == self.result[2:]
        first, last = geometry.margins(image[2:])
        dilation = [d - 1 for d in geometry.dilation]  # oneDNN counts the cells left out
        self.numbers = [onednn.int64(values) for values in (geometry.stride, dilation, first, last)]
        self.hint = self._forward()
        self.forward = self._forward(node.activation.attributes()) if node.activation else self.hint

    def _layouts(self, weight_kind: int) -> list:
        """Of image, weight, bias and result."""
        image, weight, result = (
            onednn.plain(shape) if self.plain else onednn.any_layout(shape, kind) for shape, kind in
            ((self.image, self.kind), (self.weight, weight_kind), (self.result, self.kind)))
        return [image, weight, onednn.plain(*self.bias) if self.bias else None, result]

    def _forward(self, attributes=None):
        return onednn.describe("convolution_forward", onednn.TRAINING, onednn.CONVOLUTION_DIRECT,
                               *self._layouts(self.kind), *self.numbers, attributes=attributes)

    def backward(self, which: str):
        """Descriptor of the gradient of the "data" or of the "weights"."""
        image, weight, bias, result = self._layouts(onednn.FLOAT32 if which == "weights" else self.kind)
        layouts = [image, weight, bias, result] if which == "weights" else [image, weight, result]
        made = onednn.describe(f"convolution_backward_{which}", onednn.CONVOLUTION_DIRECT, *layouts, *self.numbers,
                               self.hint)
        grouped = self.node.geometry.groups > 1
        if self.kind == onednn.BFLOAT16 and grouped and "jit_dw" not in onednn.implementation(made):
            # The kernel for depthwise ones has no strided gradient in bfloat16; the next one took 51 ms, this way 0.5.
            return _Problem(self.node, self.image, onednn.FLOAT32).backward(which)
        return made


def _wide_depthwise(program: Program, geometry: Geometry, image: Array, gradient: Array) -> list[Array]:
    """Gradients of weight and bias of a depthwise convolution by matrix products for each row of the kernel.

    For a channel, with images n and rows i as one summation index, P[a, b] = sum over (i, n) of x[i + r, n, a]
    g[i, n, b]; the gradient at (r, s) is the sum of P along the diagonal a = b + s. Columns b go in groups of COLUMNS,
    whose P are added up, since far from these diagonals P would be computed for nothing.
    """
    channels, _, height, width = geometry.weight
    count, _, rows, columns = gradient.shape
    (top, left), (bottom, right) = geometry.margins(image.shape[2:])
    size = image.shape[2] + top + bottom, image.shape[3] + left + right
    pixels = program.zeros(onednn.plain((channels, size[1], size[0], count)))  # (C, W', H', N), margins of zeros
    place = onednn.strided(tuple(image.shape), (1, math.prod(size) * count, count, size[0] * count))
    program.copy(image, program.part(pixels, place, (left * size[0] + top) * count))
    upstream = program.array(onednn.plain((channels, rows, count, columns)))
    program.copy(gradient, program.part(upstream, onednn.strided(tuple(gradient.shape), (
        columns, rows * count * columns, count * columns, 1)), 0))
    summed, side = rows * count, min(COLUMNS, columns)
    channel = (side + width) * side  # numbers of P
    step = (math.prod(size) * count, size[0] * count, 1)  # of pixels
    products = program.array(onednn.strided((channels, side + width - 1, side), (channel, side, 1)))
    diagonal = onednn.strided((channels, side), (channel, side + 1))
    diagonals = program.array(onednn.plain((channels, height * width, side)))
    place = onednn.strided((channels, side), (height * width * side, 1))
    for r in range(height):
        for b in range(0, columns, side):
            own = min(side, columns - b)
            seen = onednn.strided((channels, own + width - 1, summed), step)
            one = program.part(pixels, seen, (b * size[0] + r) * count)
            other = program.part(upstream, onednn.strided((channels, summed, own), (summed * columns, columns, 1)), b)
            result = program.part(products, onednn.strided((channels, own + width - 1, own), (channel, side, 1)), 0)
            descriptor = onednn.describe("matmul", one.layout, other.layout, None, result.layout,
                                         attributes=onednn.attributes(adding=b > 0))
            program.add(descriptor, {onednn.SRC: one, onednn.WEIGHTS: other, onednn.DST: result})
        for s in range(width):
            target = program.part(diagonals, place, (r * width + s) * side)
            program.copy(program.part(products, diagonal, s * side), target)
    everything = program.part(upstream, onednn.plain((channels, summed * columns)), 0)
    return [_sums(program, diagonals, (channels, height * width, 1), Convolution(geometry).tensor_shapes()[0]),
            _sums(program, everything, (channels, 1), (channels,))]


def _sums(program: Program, source: Array, shape: tuple[int, ...], seen_as: tuple[int, ...]) -> Array:
    """Sums over the last axis, of shape (..., 1), as an array of another shape."""
    result = program.array(onednn.plain(shape))
    descriptor = onednn.describe("reduction", onednn.SUM, source.layout, result.layout, onednn.real(0), onednn.real(0))
    program.add(descriptor, {onednn.SRC: source, onednn.DST: result})
    return program.part(result, onednn.plain(seen_as), 0)


def _as_tuple(value):
    return tuple(_as_tuple(item) for item in value) if isinstance(value, (list, tuple)) else value


def _as_list(value):
    return [_as_list(item) for item in value] if isinstance(value, tuple) else value
