"""The nodes of a chain beside convolution: normalisation, activations, sums, sizes. They write steps of a program."""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import paddle
import paddle.nn.functional as F

from paddle_models.fast import onednn
from paddle_models.fast.program import Array, Program

Shape = tuple[int, ...]
Shapes = list[Shape]


class Kind:
    """A kind of node; equal ones share their programs. Images, tensors and states are lists of arrays (program.py).

    tensors: weights, which may want a gradient. states: running statistics, changed in place.
    """

    def tensor_shapes(self) -> Shapes:
        """Of the tensors, as oneDNN is told them; always contiguous float32."""
        return []

    def state_shapes(self) -> Shapes:
        """Of the states."""
        return []

    def sample(self) -> Shape:
        """Of a small image, for the comparison with eager mode."""
        return (2, 3, 5, 7)

    def inputs(self) -> int:
        """Number of images."""
        return 1

    def needs_result(self) -> bool:
        """Whether backward looks at the result, which nobody may overwrite then."""
        return False

    def eager(self, images: list, tensors: list, states: list) -> paddle.Tensor:
        """The same on tensors of eager Paddle."""
        raise NotImplementedError

    def forward(self, program: Program, images, tensors, states, overwrite) -> tuple[Array, Any]:
        """The result, and whatever backward wants to know.

        overwrite: for each image whether nobody else needs it, so that the result may take its place.
        """
        raise NotImplementedError

    def backward(self, program: Program, saved, gradient: Array, wanted) -> Sequence[Array | None]:
        """Gradients of images and tensors from that of the result; whatever where `wanted` is false."""
        raise NotImplementedError


@dataclass(frozen=True)
class Activation(Kind):
    """relu, relu6, gelu or gelu_tanh; leaky: max(x, 0) + slope min(x, 0)."""

    name: str
    slope: float = 0.0

    def needs_result(self) -> bool:
        return not self.name.startswith("gelu")

    def eager(self, images: list, tensors: list, states: list) -> paddle.Tensor:
        (x,) = images
        if self.name == "leaky":
            return F.leaky_relu(x, self.slope)
        return F.gelu(x, self.name == "gelu_tanh") if self.name.startswith("gelu") else getattr(F, self.name)(x)

    def attributes(self):
        """Of a primitive that applies it to its result."""
        return onednn.attributes(onednn.CLIP if self.name == "relu6" else onednn.RELU, *self._numbers())

    def forward(self, program: Program, images, tensors, states, overwrite) -> tuple[Array, Array]:
        (x,) = images
        result = x if overwrite[0] and self.needs_result() else program.array(*x.like())
        program.add(self._forward(x.layout), {onednn.SRC: x, onednn.DST: result})
        return result, result if self.needs_result() else x

    def backward(self, program: Program, saved: Array, gradient: Array, wanted) -> list[Array]:
        return [self.mask(program, saved, gradient)]

    def mask(self, program: Program, known: Array, gradient: Array) -> Array:
        """Gradient of what went in; known: what came out, or what went in where the result is not needed."""
        layout, alpha, beta = known.layout, *map(onednn.real, self._numbers())
        descriptor = onednn.describe("eltwise_backward", self._algorithm(), layout, layout, layout, alpha, beta,
                                     self._forward(layout))
        gradient = program.in_layout(gradient, layout, known.owner)
        found = program.array(*known.like()) if gradient.shared else gradient
        program.add(descriptor, {onednn.DST if self.needs_result() else onednn.SRC: known, onednn.DIFF_DST: gradient,
                                 onednn.DIFF_SRC: found})
        return found

    def _algorithm(self) -> int:
        return {"gelu": onednn.GELU_ERF, "gelu_tanh": onednn.GELU_TANH, "relu6": onednn.CLIP_BY_RESULT}.get(
            self.name, onednn.RELU_BY_RESULT)

    def _numbers(self) -> tuple[float, float]:
        return (0.0, 6.0) if self.name == "relu6" else (self.slope, 0.0)

    def _forward(self, layout):
        alpha, beta = map(onednn.real, self._numbers())
        return onednn.describe("eltwise_forward", onednn.TRAINING, self._algorithm(), layout, layout, alpha, beta)


@dataclass(frozen=True)
class Slopes(Kind):
    """PReLU, max(x, 0) + a min(x, 0), with [a]: one slope, or one for each channel."""

    slopes: int

    def tensor_shapes(self) -> Shapes:
        return [(1, self.slopes, 1, 1)]

    def sample(self) -> Shape:
        return (2, max(3, self.slopes), 5, 7)

    def eager(self, images: list, tensors: list, states: list) -> paddle.Tensor:
        return F.prelu(images[0], tensors[0].reshape([-1]))

    def forward(self, program: Program, images, tensors, states, overwrite) -> tuple[Array, tuple]:
        (x,), (slopes,) = images, tensors
        free = onednn.any_layout(slopes.shape)  # on plain slopes it takes 50 times as long where x is in blocks
        descriptor = onednn.describe("prelu_forward", onednn.TRAINING, x.layout, free, x.layout)
        slopes = program.converted(slopes, descriptor, onednn.WEIGHTS)
        result = program.array(*x.like())
        program.add(descriptor, {onednn.SRC: x, onednn.WEIGHTS: slopes, onednn.DST: result})
        return result, (descriptor, x, slopes)

    def backward(self, program: Program, saved: tuple, gradient: Array, wanted) -> list[Array]:
        forward, x, slopes = saved
        descriptor = onednn.describe("prelu_backward", x.layout, slopes.layout, x.layout, slopes.layout, x.layout,
                                     forward)
        found = [program.array(*x.like()), program.array(slopes.layout)]
        program.add(descriptor, {onednn.SRC: x, onednn.WEIGHTS: slopes,
                                 onednn.DIFF_DST: program.in_layout(gradient, x.layout, x.owner),
                                 onednn.DIFF_SRC: found[0], onednn.DIFF_WEIGHTS: found[1]})
        return found


@dataclass(frozen=True)
class Norm(Kind):
    """BatchNorm with [scale, shift] and the running [mean, variance], then ReLU where `relu`.

    scaled: there is a third tensor, by which the result is multiplied, one number for each channel (layer scale).
    """

    channels: int
    epsilon: float
    momentum: float
    training: bool
    relu: bool = False
    scaled: bool = False

    def tensor_shapes(self) -> Shapes:
        return [(self.channels,)] * (3 if self.scaled else 2)

    def state_shapes(self) -> Shapes:
        return [(self.channels,)] * 2

    def sample(self) -> Shape:
        return (4, self.channels, 5, 6)

    def eager(self, images: list, tensors: list, states: list) -> paddle.Tensor:
        (x,), (mean, variance), (scale, shift, *factor) = images, states, tensors
        result = F.batch_norm(x, mean, variance, scale, shift, self.training, self.momentum, self.epsilon)
        result = result * factor[0].reshape([-1, 1, 1]) if factor else result
        return F.relu(result) if self.relu else result

    def forward(self, program: Program, images, tensors, states, overwrite) -> tuple[Array, tuple]:
        (x,), (scale, shift, *factor) = images, tensors
        used = [_product(program, each, factor[0]) for each in (scale, shift)] if factor else [scale, shift]
        flags = onednn.HAS_SCALE | onednn.HAS_SHIFT | (onednn.FUSED_RELU if self.relu else 0)
        flags |= 0 if self.training else onednn.GLOBAL_STATISTICS
        descriptor = onednn.describe("batch_normalization_forward", onednn.TRAINING, x.layout, x.layout,
                                     onednn.real(self.epsilon), flags)
        result, mask = program.array(*x.like()), program.possible(descriptor, onednn.WORKSPACE)
        found = [self._row(program) for _ in states]  # of this pass: the next one may bring another layer's states
        if not self.training:
            for state, mine in zip(states, found):
                _sum(program, [state], mine, [1.0])
        program.add(descriptor, {onednn.SRC: x, onednn.SCALE: used[0], onednn.SHIFT: used[1], onednn.MEAN: found[0],
                                 onednn.VARIANCE: found[1], onednn.DST: result, onednn.WORKSPACE: mask})
        if self.training:
            for running, new in zip(states, found):
                _sum(program, [running, new], running, [self.momentum, 1 - self.momentum])
        return result, (descriptor, flags, x, tensors, used[0], found, mask)

    def backward(self, program: Program, saved: tuple, gradient: Array, wanted) -> list[Array]:
        forward, flags, x, tensors, scale, (mean, variance), mask = saved
        descriptor = onednn.describe("batch_normalization_backward", onednn.BACKWARD, x.layout, x.layout, x.layout,
                                     onednn.real(self.epsilon), flags, forward)
        gradient = program.in_layout(gradient, x.layout, x.owner)
        found = program.array(*x.like()) if gradient.shared else gradient
        slopes = [self._row(program), self._row(program)]
        program.add(descriptor, {
            onednn.SRC: x, onednn.MEAN: mean, onednn.VARIANCE: variance, onednn.SCALE: scale, onednn.DIFF_DST: gradient,
            onednn.WORKSPACE: mask, onednn.DIFF_SRC: found, onednn.DIFF_SCALE: slopes[0], onednn.DIFF_SHIFT: slopes[1]})
        return [found, *(self._of_scaled(program, tensors, slopes) if self.scaled else slopes)]

    def _of_scaled(self, program: Program, tensors: list[Array], slopes: list[Array]) -> list[Array]:
        """Gradients of scale a, shift b and factor f from those of a f and b f."""
        scale, shift, factor = tensors
        parts = [_product(program, one, slope) for one, slope in zip((scale, shift), slopes)]
        of_factor = self._row(program)
        _sum(program, parts, of_factor, [1.0, 1.0])
        return [*(_product(program, slope, factor) for slope in slopes), of_factor]

    def _row(self, program: Program) -> Array:
        return program.array(onednn.plain((self.channels,)))


@dataclass(frozen=True)
class Pool(Kind):
    """Pooling by "max" or "mean" over windows; kernel None: over the whole image."""

    kind: str
    kernel: tuple[int, int] | None
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)

    def sample(self) -> Shape:
        return (2, 3, *(max(8, 2 * k + 1) for k in self.kernel or (8, 8)))

    def eager(self, images: list, tensors: list, states: list) -> paddle.Tensor:
        pool = F.max_pool2d if self.kind == "max" else F.avg_pool2d
        kernel = self.kernel or images[0].shape[2:]
        return pool(images[0], list(kernel), list(self.stride), list(self.padding))

    def forward(self, program: Program, images, tensors, states, overwrite) -> tuple[Array, tuple]:
        (x,) = images
        if x.outside:  # float32, and pooling takes one kind of numbers
            x = program.in_layout(x, onednn.plain(x.shape, program.kind), None)
        kernel = self.kernel or x.shape[2:]
        shape = (*x.shape[:2], *((n + 2 * p - k) // s + 1
                                 for n, k, s, p in zip(x.shape[2:], kernel, self.stride, self.padding)))
        numbers = [onednn.int64(each) for each in (self.stride, kernel, (0, 0), self.padding, self.padding)]
        descriptor = onednn.describe("pooling_forward", onednn.TRAINING, self._algorithm(), x.layout,
                                     onednn.any_layout(shape, program.kind), *numbers)
        result, places = program.result(descriptor, onednn.DST, shape), program.possible(descriptor, onednn.WORKSPACE)
        program.add(descriptor, {onednn.SRC: x, onednn.DST: result, onednn.WORKSPACE: places})
        return result, (descriptor, numbers, x, result, places)

    def backward(self, program: Program, saved: tuple, gradient: Array, wanted) -> list[Array]:
        forward, numbers, x, result, places = saved
        descriptor = onednn.describe("pooling_backward", self._algorithm(), x.layout, result.layout, *numbers, forward)
        found = program.array(*x.like())
        program.add(descriptor, {onednn.DIFF_DST: program.in_layout(gradient, result.layout, result.owner),
                                 onednn.WORKSPACE: places, onednn.DIFF_SRC: found})
        return [found]

    def _algorithm(self) -> int:
        return onednn.LARGEST if self.kind == "max" else onednn.MEAN_OF_INSIDE


@dataclass(frozen=True)
class Enlarge(Kind):
    """Bilinear, to so many times the height and width; pixels are areas (align_corners=False)."""

    factors: tuple[int, int]

    def eager(self, images: list, tensors: list, states: list) -> paddle.Tensor:
        return F.interpolate(images[0], scale_factor=list(self.factors), mode="bilinear")

    def forward(self, program: Program, images, tensors, states, overwrite) -> tuple[Array, tuple]:
        (x,) = images
        shape = (*x.shape[:2], *(n * factor for n, factor in zip(x.shape[2:], self.factors)))
        descriptor = onednn.describe("resampling_forward", onednn.TRAINING, onednn.BILINEAR, self._factors(), x.layout,
                                     onednn.any_layout(shape, program.kind))
        result = program.result(descriptor, onednn.DST, shape)
        program.add(descriptor, {onednn.SRC: x, onednn.DST: result})
        return result, (descriptor, x, result)

    def backward(self, program: Program, saved: tuple, gradient: Array, wanted) -> list[Array]:
        forward, x, result = saved
        descriptor = onednn.describe("resampling_backward", onednn.BILINEAR, self._factors(), x.layout, result.layout,
                                     forward)
        found = program.array(*x.like())
        program.add(descriptor, {onednn.DIFF_DST: program.in_layout(gradient, result.layout, result.owner),
                                 onednn.DIFF_SRC: found})
        return [found]

    def _factors(self) -> ctypes.Array:
        return (ctypes.c_float * 2)(*self.factors)


@dataclass(frozen=True)
class Shuffle(Kind):
    """Pixel shuffle: (N, C f f, H, W) to (N, C, f H, f W)."""

    factor: int

    def sample(self) -> Shape:
        return (2, 3 * self.factor**2, 4, 5)

    def eager(self, images: list, tensors: list, states: list) -> paddle.Tensor:
        return F.pixel_shuffle(images[0], self.factor)

    def forward(self, program: Program, images, tensors, states, overwrite) -> tuple[Array, Shape]:
        (x,) = images
        count, channels, height, width = x.shape
        shape = (count, channels // self.factor**2, height * self.factor, width * self.factor)
        result = program.array(onednn.plain(shape, program.kind), None, shape)
        few, many = self._views(program.kind, x.shape)
        program.copy(program.part(self._plain(program, x), few, 0), program.part(result, many, 0))
        return result, x.shape

    def backward(self, program: Program, saved: Shape, gradient: Array, wanted) -> list[Array]:
        found = program.array(onednn.plain(saved, program.kind), None, saved)
        few, many = self._views(program.kind, saved)
        program.copy(program.part(self._plain(program, gradient), many, 0), program.part(found, few, 0))
        return [found]

    @staticmethod
    def _plain(program: Program, array: Array) -> Array:
        """An inner array, which can have parts."""
        if array.outside:
            made = program.array(onednn.plain(array.shape, program.kind), None, array.shape)
            program.copy(array, made)
            return made
        return program.in_layout(array, onednn.plain(array.shape, program.kind), None)

    def _views(self, kind: int, shape: Shape) -> tuple:
        """Both images as (N, C, f, f, H, W)."""
        count, channels, height, width = shape
        f, size, image = self.factor, height * width, channels * height * width
        seen = (count, channels // f**2, f, f, height, width)
        return (onednn.strided(seen, (image, f * f * size, f * size, size, width, 1), kind),
                onednn.strided(seen, (image, f * f * size, f * width, 1, f * f * width, f), kind))


@dataclass(frozen=True)
class Add(Kind):
    """Sum of two images of one shape, and an activation after it."""

    activation: Activation | None = None

    def inputs(self) -> int:
        return 2

    def needs_result(self) -> bool:
        return self.activation is not None

    def eager(self, images: list, tensors: list, states: list) -> paddle.Tensor:
        result = images[0] + images[1]
        return self.activation.eager([result], [], []) if self.activation else result

    def forward(self, program: Program, images, tensors, states, overwrite) -> tuple[Array, Array]:
        x, y = images if overwrite[0] or not overwrite[1] else images[::-1]
        y = program.in_layout(y, x.layout, x.owner)
        result = x if any(overwrite) else program.array(*x.like())
        combine(program, onednn.ADD, x, y, result, self.activation.attributes() if self.activation else None)
        return result, result

    def backward(self, program: Program, saved: Array, gradient: Array, wanted) -> Sequence[Array | None]:
        if self.activation:
            gradient = self.activation.mask(program, saved, gradient)
        gradient.shared = gradient.shared or all(wanted)
        return [gradient, gradient]


def combine(program: Program, how: int, x: Array, y: Array, result: Array, attributes=None) -> None:
    """Sum (ADD) or product (MULTIPLY) of two arrays of one layout."""
    descriptor = onednn.describe("binary", how, x.layout, y.layout, result.layout, attributes=attributes)
    program.add(descriptor, {onednn.SRC: x, onednn.SRC_1: y, onednn.DST: result})


def _product(program: Program, x: Array, y: Array) -> Array:
    result = program.array(*x.like())
    combine(program, onednn.MULTIPLY, x, y, result)
    return result


def _sum(program: Program, arrays: list[Array], result: Array, factors: list[float]) -> None:
    """Weighted sum of arrays of one layout; the result may be one of them."""
    count, layout = len(arrays), result.layout
    descriptor = onednn.describe("sum", layout, count, (ctypes.c_float * count)(*factors),
                                 (ctypes.c_void_p * count)(*[layout] * count))
    program.add(descriptor, {**{onednn.MANY_SRC + i: array for i, array in enumerate(arrays)}, onednn.DST: result})
