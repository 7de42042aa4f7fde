"""Training on a CPU at several times the speed of Paddle's eager mode, which never uses oneDNN.

Paddle's wheel brings the library all the same. `accelerate` lets the layers of a network that are worth it call it, as
chains where their blocks allow it (chains.py); everything else stays eager Paddle. It compares every kind of layer,
forward and gradients, with eager mode first, and says what it decided.
"""

import functools
import os
import time
from typing import NamedTuple

import numpy as np
import paddle
from paddle import nn

from paddle_models.fast import chains, onednn
from paddle_models.fast.chains import Trace, Untraceable, fused
from paddle_models.fast.layers import LINKS, ORDINARY, Chained, ChainedParts, Link, LoneLink, chained, hooks_of
from paddle_models.fast.nodes import Kind

# Two right float32 results differ by rounding only, about sqrt(terms of a sum) * 6e-8: 1e-5 at most here (3e-6 seen);
# bfloat16 rounds each number by up to 2^-9. Wrong gradients, which this guards against, are off by 0.1 and more.
ERROR_BOUNDS = {onednn.FLOAT32: 1e-4, onednn.BFLOAT16: 3e-2}

FLAG = "FLAGS_use_mkldnn"  # Paddle's own name for oneDNN; a user who sets it to 0 wants none
METHODS = ("forward", "features")  # of a block, that may be a chain


class Decision(NamedTuple):
    """What `accelerate` did: `used` when at least one layer was changed, `reason` one line for the log."""

    used: bool
    reason: str


def accelerate(network: nn.Layer, enabled: bool = True) -> Decision:
    """Let the float32 layers of `network` run on oneDNN, in place, where that is possible, right and worth it.

    Nothing else about the network changes: names, parameters, state_dict, copies and checkpoints are as before.
    A kind of layer whose comparison with eager mode fails stays eager, and the reason says so.
    """
    obstacle = "switched off by the settings" if not enabled else _obstacle()
    if obstacle:
        return Decision(False, f"fast layers off: {obstacle}")
    begin = time.perf_counter()
    restore(network)
    layers = network.sublayers(include_self=True)
    found = [_link(layer) for layer in layers if type(layer) in LINKS]
    for layer in reversed(layers):  # inner ones first
        if not isinstance(layer, Link):
            _chain(layer)
    errors = [each for each in found if isinstance(each, float)]
    kept = [each for each in found if isinstance(each, str)]
    used = any(isinstance(layer, (LoneLink, Chained)) for layer in layers)
    return Decision(used, _describe(errors if used else [], kept, time.perf_counter() - begin))


def restore(network: nn.Layer) -> None:
    """Undo `accelerate` exactly."""
    for layer in network.sublayers(include_self=True):
        if isinstance(layer, Chained):
            del layer.hooks_inside
            layer.__class__ = layer.ordinary
        elif type(layer) in ORDINARY:
            layer.__class__ = ORDINARY[type(layer)]


def _link(layer: nn.Layer) -> float | str:
    """Change a layer that passes the comparison; its largest error, or in words why it stays as it is."""
    layer.__class__ = LINKS[type(layer)]
    try:
        found = _worst([layer.node()[0], *([layer.lone_node()[0]] if isinstance(layer, LoneLink) else [])])
    except Untraceable as reason:
        found = str(reason)
    if isinstance(found, str):
        layer.__class__ = ORDINARY[type(layer)]
    return found


def _chain(layer: nn.Layer) -> None:
    """Change a block that can be a chain, or a Sequential that has neighbours which can."""
    for method in METHODS:
        if callable(getattr(type(layer), method, None)) and _is_chain(getattr(layer, method)):
            ordinary: type = type(layer)
            layer.__class__ = chained(ordinary, method)
            layer.hooks_inside = hooks_of(layer)
            return
    if type(layer) is nn.Sequential and any(isinstance(child, (Link, Chained)) for child in layer.children()):
        layer.__class__ = ChainedParts
        layer.hooks_inside = []


def _is_chain(forward) -> bool:
    try:
        trace = Trace.of(forward)
    except Untraceable:
        return False
    return bool(trace.nodes) and isinstance(_worst([node.kind for node in fused(tuple(trace.nodes))]), float)


def _worst(kinds: list[Kind]) -> float | str:
    """The verdict on several kinds of nodes."""
    found = [verdict(kind) for kind in kinds]
    refusals = [each for each in found if isinstance(each, str)]
    return refusals[0] if refusals else max(each for each in found if isinstance(each, float))


def _obstacle() -> str:
    """Why oneDNN cannot be used in this process, or an empty text."""
    if int(paddle.__version__.split(".")[0]) < 3:
        return f"Paddle {paddle.__version__}; 3.x is covered"
    if paddle.get_device() != "cpu":
        return f"the device is {paddle.get_device()}; they are for CPUs"
    if os.environ.get(FLAG, "1").lower() in ("0", "false"):
        return f"{FLAG}={os.environ[FLAG]} in the environment"
    try:
        onednn.library()
    except onednn.Unavailable as reason:
        return str(reason)
    return ""


def _describe(errors: list[float], kept: list[str], seconds: float) -> str:
    if not errors and not kept:
        return "fast layers off: the network has no Conv2D, GELU or PReLU"
    eager = f"{len(kept)} stay eager: {kept[0]}" if kept else ""
    if not errors:
        return f"fast layers off: {eager}"
    text = f"fast layers on: gradients agree with eager to {max(errors):.1e} ({len(errors)} layers, {seconds:.1f} s)"
    return f"{text}; {eager}" if eager else text


@functools.cache
def verdict(kind: Kind, numbers: int = onednn.FLOAT32) -> float | str:
    """Compare a node with eager mode; the largest relative error ||a-b|| / ||b||, or in words why not to use it."""
    samples = [_samples(kind, seed) for seed in range(2)]
    try:  # the verdict is kept for good: it must not hang on where its first caller stands
        with paddle.enable_grad(), paddle.amp.auto_cast(enable=False):
            expected, found = _trial(kind, samples, None), _trial(kind, samples, numbers)
    except Exception as error:  # whatever the library fails with: stay eager, and report it
        return f"{kind} fails with {type(error).__name__}: {str(error).strip().splitlines()[-1]}"
    errors = [np.linalg.norm(a - b) / max(float(np.linalg.norm(b)), 1e-30) for a, b in zip(found, expected)]
    worst, bound = float(np.max(errors)), ERROR_BOUNDS[numbers]  # NaN stays NaN, and fails the next line
    return worst if worst <= bound else f"{kind} has a relative error of {worst:.1e} (bound {bound:.0e})"


def _samples(kind: Kind, seed: int) -> list[list[np.ndarray]]:
    """An image, tensors and states, uniform in [-0.5, 0.5) and [0.5, 1.5); Paddle's own random state is left alone."""
    rng = np.random.default_rng(seed)
    shapes = [kind.sample()], kind.tensor_shapes(), kind.state_shapes()
    return [[rng.random(shape, dtype=np.float32) - offset for shape in group] for group, offset in
            zip(shapes, (0.5, 0.5, -0.5))]


def _trial(kind: Kind, samples: list, numbers: int | None) -> list[np.ndarray]:
    """Results, gradients and states of nodes whose forward and backward passes interleave, as in a network.

    numbers: computed on oneDNN in these, None: by eager Paddle.
    """
    calls = []
    for images, tensors, states in samples:
        images, tensors = ([paddle.to_tensor(array, stop_gradient=False) for array in group]
                           for group in (images, tensors))
        states = [paddle.to_tensor(array) for array in states]
        run = kind.eager if numbers is None else functools.partial(_run_alone, kind, numbers)
        method = functools.partial(run, images * kind.inputs(), tensors, states)
        calls.append(([*images, *tensors], states, method, method()))
    results = []
    for tensors, states, method, output in calls:
        (output * output * _weights(output)).sum().backward()
        with paddle.no_grad():
            evaluated = method()
        results += [each.numpy() for each in (output, evaluated, *(tensor.grad for tensor in tensors), *states)]
    return results


def _weights(output: paddle.Tensor) -> paddle.Tensor:
    """Unequal weights: of the plain sum of squares, BatchNorm's gradient is 0 but for rounding."""
    return paddle.to_tensor(np.random.default_rng(2).random(output.shape, dtype=np.float32))


def _run_alone(kind: Kind, numbers: int, images: list, tensors: list, states: list) -> paddle.Tensor:
    trace = Trace()
    trace.note(kind, (0,) * len(images), tensors, states)
    with chains.computing_in(numbers):
        return chains.run(trace, images[0])
