"""Training convolutions on oneDNN: several times the speed of Paddle's eager mode on a CPU.

Eager Paddle never uses oneDNN kernels; a static program does. So each Conv2D, alone, becomes a small static program
(`paddle.assign(conv(x))`) and everything else stays eager. Static blocks larger than one convolution were seen to give
wrong gradients without any error, and Paddle before 3.0 gives wrong ones even for a single convolution. Therefore
`accelerate` compares every kind of convolution of the network with eager mode first, and says what it decided.
"""

import functools
import os
import time
import warnings
from typing import NamedTuple

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import nn
from paddle.autograd import PyLayer
from paddle.static import InputSpec

# Two right float32 results differ by rounding only, about sqrt(terms of a sum) * 6e-8: 1e-5 at most here (3e-6 seen).
# The wrong gradients that this guards against were off by 0.1 to 8.
ERROR_BOUND = 1e-4

FLAG = "FLAGS_use_mkldnn"

# Input shapes per kind of convolution that evaluation may add; images of further sizes are convolved by eager mode.
SHAPES_WITHOUT_GRADIENT = 8
_shapes: dict["Geometry", set] = {}


class Decision(NamedTuple):
    """What `accelerate` did: `used` when at least one convolution was changed, `reason` one line for the log."""

    used: bool
    reason: str


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
        padding = conv._padding
        return cls(
            tuple(conv.weight.shape),
            conv.bias is not None,
            tuple(conv._stride),
            _as_tuple(padding),
            tuple(conv._dilation),
            conv._groups,
        )

    def convolve(self, x, weight, bias=None):
        padding = _as_list(self.padding)
        return F.conv2d(x, weight, bias, list(self.stride), padding, list(self.dilation), self.groups)


class FastConv2D(nn.Conv2D):
    """A Conv2D that computes through a static program. Never constructed: `accelerate` changes the class of a layer.

    Parameters, names, buffers, hooks and state_dict are those of the layer that it was. Gradients of first order only
    (no gradient of a gradient). Inputs that are not float32, and tracing for export, take the ordinary way.
    """

    def forward(self, x):
        if not paddle.in_dynamic_mode() or x.dtype != paddle.float32:
            return super().forward(x)
        tensors = [x, self.weight] if self.bias is None else [x, self.weight, self.bias]
        return _run(Geometry.of(self), tensors)


def accelerate(network: nn.Layer, enabled: bool = True) -> Decision:
    """Let the float32 Conv2D layers of `network` run on oneDNN, in place, where that is possible and proven right.

    Nothing else about the network changes: names, parameters, state_dict, copies and checkpoints are as before.
    A kind of convolution whose comparison with eager mode fails stays eager, and the reason says so.
    """
    obstacle = "switched off by the settings" if not enabled else _obstacle()
    if obstacle:
        return Decision(False, f"fast convolutions off: {obstacle}")
    begin = time.perf_counter()
    convolutions = [layer for layer in network.sublayers(include_self=True) if type(layer) in (nn.Conv2D, FastConv2D)]
    kinds = {_geometry_or_obstacle(layer) for layer in convolutions}
    verdicts = {kind: _verify(kind) for kind in kinds if isinstance(kind, Geometry)}
    changed, kept = 0, []
    for layer in convolutions:
        verdict = verdicts.get(_geometry_or_obstacle(layer), _geometry_or_obstacle(layer))
        if isinstance(verdict, float):
            layer.__class__ = FastConv2D
            changed += 1
        else:
            kept.append(verdict)
    return Decision(changed > 0, _describe(changed, kept, verdicts, time.perf_counter() - begin))


def restore(network: nn.Layer) -> None:
    """Undo `accelerate` exactly."""
    for layer in network.sublayers(include_self=True):
        if type(layer) is FastConv2D:
            layer.__class__ = nn.Conv2D


def _obstacle() -> str:
    """Why fast convolutions cannot be used in this process, or an empty text."""
    if int(paddle.__version__.split(".")[0]) < 3:
        return f"Paddle {paddle.__version__} computes wrong gradients this way"
    if paddle.get_device() != "cpu":
        return f"the device is {paddle.get_device()}; they are for CPUs"
    if not paddle.base.core.is_compiled_with_onednn():
        return "this Paddle was built without oneDNN"
    if os.environ.get(FLAG, "1").lower() in ("0", "false"):
        return f"{FLAG}={os.environ[FLAG]} in the environment"
    return ""


def _geometry_or_obstacle(conv: nn.Conv2D) -> Geometry | str:
    if conv._data_format != "NCHW" or conv._padding_mode != "zeros" or conv.weight.dtype != paddle.float32:
        return f"{conv._data_format}, {conv._padding_mode} padding, {conv.weight.dtype} is not covered"
    return Geometry.of(conv)


def _describe(changed: int, kept: list[str], verdicts: dict, seconds: float) -> str:
    if not changed and not kept:
        return "fast convolutions off: the network has no Conv2D"
    eager = f"{len(kept)} stay eager: {kept[0]}" if kept else ""
    if not changed:
        return f"fast convolutions off: {eager}"
    worst = max(verdict for verdict in verdicts.values() if isinstance(verdict, float))
    text = f"fast convolutions on: gradients agree with eager to {worst:.1e} ({changed} convolutions, {seconds:.1f} s)"
    return f"{text}; {eager}" if eager else text


def _run(geometry: Geometry, tensors: list) -> paddle.Tensor:
    """The convolution of (x, weight[, bias]) through static programs, with a gradient where one is wanted."""
    gradient = paddle.is_grad_enabled() and not all(tensor.stop_gradient for tensor in tensors)
    if not _affordable(geometry, tuple(tensors[0].shape), gradient):
        return geometry.convolve(*tensors)
    if gradient:
        order = sorted(range(len(tensors)), key=lambda index: tensors[index].stop_gradient)
        return _Convolution.apply(geometry, order, [tensors[index] for index in order])
    return _forward_program(geometry, tuple(tensors[0].shape[1:]))(*tensors)


class _Convolution(PyLayer):
    """Forward and backward as two programs that all layers of one kind share, and with them oneDNN's buffers.

    The tensors come as one list whose first wants a gradient: Paddle asks for None in place of the whole list where
    its first gets no gradient, and where tensors came one by one, `paddle.grad` of an inner feature map would fail.
    """

    @staticmethod
    def forward(ctx, geometry, order, listed):
        tensors = [listed[order.index(index)] for index in range(len(order))]
        ctx.geometry, ctx.order = geometry, order
        ctx.wanted = tuple(not tensor.stop_gradient for tensor in tensors)
        ctx.save_for_backward(*tensors)
        return _forward_program(geometry, tuple(tensors[0].shape[1:]))(*tensors)

    @staticmethod
    def backward(ctx, upstream):
        tensors = list(ctx.saved_tensor())
        image, result = tuple(tensors[0].shape[1:]), tuple(upstream.shape[1:])
        found = iter(_backward_program(ctx.geometry, image, result, ctx.wanted)(*tensors, upstream))
        gradients = [next(found) if wanted else None for wanted in ctx.wanted]
        return [gradients[index] for index in ctx.order]


def _affordable(geometry: Geometry, shape: tuple[int, ...], gradient: bool) -> bool:
    """oneDNN never frees the buffers of an input shape: training shapes are few, those of evaluation are limited."""
    known = _shapes.setdefault(geometry, set())
    if gradient or len(known) < SHAPES_WITHOUT_GRADIENT:
        known.add(shape)
    return shape in known


# Paddle keeps the oneDNN primitives of a program under the digits of the input shape run together, and under nothing
# else: a program that met two weight shapes, or the sizes (12, 13) and (121, 3), would abort the process. So every
# program has both fixed; the batch may vary, and the last, partial batch of an epoch compiles nothing.


@functools.lru_cache(maxsize=None)
def _forward_program(geometry: Geometry, image: tuple[int, ...]):
    """Static program of [x, weight(, bias)] for x of shape (any batch, *image); compiled at its first call."""

    def convolution(inputs):
        # Without this copy the result would keep oneDNN's layout, and the eager code after it fails.
        return paddle.assign(geometry.convolve(*inputs))

    return _compile(convolution, _specs(geometry, image))


@functools.lru_cache(maxsize=None)
def _backward_program(geometry: Geometry, image: tuple, result: tuple, wanted: tuple[bool, ...]):
    """Static program of [x, weight(, bias)], gradient of the output: the list of the wanted gradients."""

    def gradients(tensors):
        *inputs, upstream = tensors
        for tensor, is_wanted in zip(inputs, wanted):
            tensor.stop_gradient = not is_wanted
        with paddle.enable_grad():
            output = geometry.convolve(*inputs)
            forward = paddle.static.default_main_program().global_block().ops
            found = paddle.grad([output], [t for t in inputs if not t.stop_gradient], [upstream])
        for operation in reversed(forward):  # only its gradient is needed; it would be computed all the same
            if operation.name() != "pd_op.data" and all(value.use_empty() for value in operation.results()):
                paddle.static.default_main_program().global_block().remove_op(operation)
        return [paddle.assign(gradient) for gradient in found]

    return _compile(gradients, [*_specs(geometry, image), InputSpec([None, *result], "float32")])


def _compile(function, specs: list):
    # Paddle's own code asks static tensors for their place while it compiles, and warns itself.
    warnings.filterwarnings("ignore", message="Tensor do not have 'place' interface")
    program = paddle.jit.to_static(paddle.jit.not_to_static(function), input_spec=[specs], full_graph=True)
    program.eval()  # no gradient of these programs themselves
    _, program = program.get_concrete_program(specs)  # spares a search by input types at every call
    program.training = False

    def call(*tensors):
        # On for these programs only: other static programs (paddle.jit.load, Conv2DTranspose) crash or fail with it.
        before = paddle.get_flags(FLAG)
        paddle.set_flags({FLAG: True})
        try:
            return program(tensors)
        finally:
            paddle.set_flags(before)

    return call


def _specs(geometry: Geometry, image: tuple[int, ...]) -> list[InputSpec]:
    """Of x, weight and, where there is one, bias; None is the batch."""
    shapes = [[None, *image], list(geometry.weight), [geometry.weight[0]]][: 3 if geometry.bias else 2]
    return [InputSpec(shape, "float32") for shape in shapes]


@functools.lru_cache(maxsize=None)
def _verify(geometry: Geometry) -> float | str:
    """Compare with eager mode; the largest relative error ||a-b|| / ||b||, or in words why it is not to be used."""
    samples = _samples(geometry)
    try:
        expected, found = _trial(_eager, geometry, samples), _trial(_run, geometry, samples)
    except Exception as error:  # whatever the compiler fails with: stay eager, and report it
        return f"{_name(geometry)} fails with {type(error).__name__}: {str(error).strip().splitlines()[-1]}"
    errors = [np.linalg.norm(a - b) / max(np.linalg.norm(b), 1e-30) for a, b in zip(found, expected)]
    worst = float(np.max(errors))  # NaN stays NaN, and fails the next line
    if worst <= ERROR_BOUND:
        return worst
    return f"{_name(geometry)} has a relative error of {worst:.1e} (bound {ERROR_BOUND:.0e})"


def _samples(geometry: Geometry) -> list[list[np.ndarray]]:
    """Two sets of input, weight and bias, uniform in [-0.5, 0.5); Paddle's own random state is left alone."""
    rng = np.random.default_rng(0)
    channels, kernel = geometry.weight[1] * geometry.groups, geometry.weight[2:]
    side = [max(7, d * (k - 1) + 1 + s) for k, d, s in zip(kernel, geometry.dilation, geometry.stride)]
    shapes = [(2, channels, *side), geometry.weight, geometry.weight[:1]][: 3 if geometry.bias else 2]
    return [[rng.random(shape, dtype=np.float32) - 0.5 for shape in shapes] for _ in range(2)]


def _trial(method, geometry: Geometry, samples: list[list[np.ndarray]]) -> list[np.ndarray]:
    """Outputs and gradients of convolutions whose forward and backward passes interleave, as in a network."""
    calls = []
    for arrays in samples:
        tensors = [paddle.to_tensor(array, stop_gradient=False) for array in arrays]
        calls.append((tensors, method(geometry, tensors)))
    results = []
    for tensors, output in calls:
        (output * output).sum().backward()
        with paddle.no_grad():
            evaluated = method(geometry, tensors)
        results += [output.numpy(), evaluated.numpy(), *(tensor.grad.numpy() for tensor in tensors)]
    return results


def _eager(geometry: Geometry, tensors: list) -> paddle.Tensor:
    return geometry.convolve(*tensors)


def _name(geometry: Geometry) -> str:
    outputs, inputs, height, width = geometry.weight
    return f"convolution {inputs * geometry.groups}->{outputs}, {height}x{width}, {geometry.groups} groups"


def _as_tuple(value):
    return tuple(_as_tuple(item) for item in value) if isinstance(value, (list, tuple)) else value


def _as_list(value):
    return [_as_list(item) for item in value] if isinstance(value, tuple) else value
