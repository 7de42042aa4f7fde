"""Training on a CPU at several times the speed of Paddle's eager mode, which never uses oneDNN.

Paddle's wheel brings the library all the same. `accelerate` lets the layers of a network that are worth it call it
directly (trainer/onednn.py); everything else stays eager Paddle. It compares every kind of layer, forward and
gradients, with eager mode first, and says what it decided.
"""

import functools
import os
import time
from typing import Any, NamedTuple

import numpy as np
import paddle
from paddle import nn

from paddle_models.fast import onednn
from paddle_models.fast.fast_activations import FastGELU, FastPReLU
from paddle_models.fast.fast_conv import FastConv2D

FAST: dict[type, Any] = {nn.Conv2D: FastConv2D, nn.GELU: FastGELU, nn.PReLU: FastPReLU}
ORDINARY = {fast: ordinary for ordinary, fast in FAST.items()}

# Two right float32 results differ by rounding only, about sqrt(terms of a sum) * 6e-8: 1e-5 at most here (3e-6 seen).
# Wrong gradients, which this guards against, are off by 0.1 and more.
ERROR_BOUND = 1e-4

FLAG = "FLAGS_use_mkldnn"  # Paddle's own name for oneDNN; a user who sets it to 0 wants none


class Decision(NamedTuple):
    """What `accelerate` did: `used` when at least one layer was changed, `reason` one line for the log."""

    used: bool
    reason: str


def accelerate(network: nn.Layer, enabled: bool = True) -> Decision:
    """Let the float32 Conv2D, GELU and PReLU layers of `network` run on oneDNN, in place, where that is possible and
    right.

    Nothing else about the network changes: names, parameters, state_dict, copies and checkpoints are as before.
    A kind of layer whose comparison with eager mode fails stays eager, and the reason says so.
    """
    obstacle = "switched off by the settings" if not enabled else _obstacle()
    if obstacle:
        return Decision(False, f"fast layers off: {obstacle}")
    begin = time.perf_counter()
    restore(network)
    layers = [layer for layer in network.sublayers(include_self=True) if type(layer) in FAST]
    verdicts = [_verdict(FAST[type(layer)].kind(layer)) for layer in layers]
    for layer, verdict in zip(layers, verdicts):
        if isinstance(verdict, float):
            layer.__class__ = FAST[type(layer)]
    errors = [verdict for verdict in verdicts if isinstance(verdict, float)]
    kept = [verdict for verdict in verdicts if isinstance(verdict, str)]
    return Decision(bool(errors), _describe(errors, kept, time.perf_counter() - begin))


def restore(network: nn.Layer) -> None:
    """Undo `accelerate` exactly."""
    for layer in network.sublayers(include_self=True):
        if type(layer) in ORDINARY:
            layer.__class__ = ORDINARY[type(layer)]


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
def _verdict(kind) -> float | str:
    """Compare with eager mode; the largest relative error ||a-b|| / ||b||, or in words why it is not to be used."""
    if isinstance(kind, str):
        return kind
    samples = _samples(kind.sample_shapes())
    try:
        expected, found = _trial(kind.eager, samples), _trial(kind.fast, samples)
    except Exception as error:  # whatever the library fails with: stay eager, and report it
        return f"{kind} fails with {type(error).__name__}: {str(error).strip().splitlines()[-1]}"
    errors = [np.linalg.norm(a - b) / max(float(np.linalg.norm(b)), 1e-30) for a, b in zip(found, expected)]
    worst = float(np.max(errors))  # NaN stays NaN, and fails the next line
    return worst if worst <= ERROR_BOUND else f"{kind} has a relative error of {worst:.1e} (bound {ERROR_BOUND:.0e})"


def _samples(shapes: list[tuple[int, ...]]) -> list[list[np.ndarray]]:
    """Two sets of arrays, uniform in [-0.5, 0.5); Paddle's own random state is left alone."""
    rng = np.random.default_rng(0)
    return [[rng.random(shape, dtype=np.float32) - 0.5 for shape in shapes] for _ in range(2)]


def _trial(method, samples: list[list[np.ndarray]]) -> list[np.ndarray]:
    """Outputs and gradients of layers whose forward and backward passes interleave, as in a network."""
    calls = []
    for arrays in samples:
        tensors: list[Any] = [paddle.to_tensor(array, stop_gradient=False) for array in arrays]
        calls.append((tensors, method(tensors)))
    results = []
    for tensors, output in calls:
        (output * output).sum().backward()
        with paddle.no_grad():
            evaluated = method(tensors)
        results += [output.numpy(), evaluated.numpy(), *(tensor.grad.numpy() for tensor in tensors)]
    return results
