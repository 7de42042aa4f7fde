"""The exercises of the glasses: random inputs, and wrong versions of each function, by which mistakes are told."""

import struct

import numpy as np

from assignments.common.exercise_rows import Drawn, declare
from assignments.glasses.by_hand import convolution as c
from assignments.glasses.by_hand import experiment as e

Generator = np.random.Generator


# ---- layers


def _maps(rng: Generator) -> list:
    return [rng.normal(0, 1, (2, 3, 4, 6))]


def _pooled(rng: Generator) -> list:
    return [*_maps(rng), rng.normal(0, 1, (2, 3, 2, 3))]


def _ties(rng: Generator) -> list:
    """After a ReLU: squares of equal values."""
    return [np.maximum(rng.normal(-1, 1, (2, 3, 4, 6)), 0), rng.normal(0, 1, (2, 3, 2, 3))]


def _squares(x):
    """The four values of each square: (N, C, H/2, W/2, 4)."""
    return np.stack([x[:, :, i::2, j::2] for i in (0, 1) for j in (0, 1)], axis=-1)


def _four(values):
    return values.repeat(2, axis=2).repeat(2, axis=3)


def _corner(x, upstream):
    found = np.zeros_like(x)
    found[:, :, ::2, ::2] = upstream
    return found


def _evaluated(rng: Generator) -> list:
    return [*_maps(rng), rng.uniform(0.5, 2, 3), rng.normal(0, 1, 3), rng.normal(0, 1, 3), rng.uniform(0.5, 2, 3),
            float(rng.uniform(0.05, 0.2))]


def _trained(rng: Generator) -> list:
    *arrays, epsilon = _evaluated(rng)
    return [*arrays, float(rng.uniform(0.6, 0.9)), epsilon]


def _flat(rng: Generator) -> list:
    """A channel without any spread."""
    x, *more = _trained(rng)
    x[:, 1] = 0.25
    return [x, *more]


def _normed(x, scale, shift, mean, variance, epsilon, outside=False, own=False, root=True, early=False):
    """batch_norm_evaluation with what students change in it."""
    if own:
        mean, variance = x.mean(axis=(0, 2, 3)), x.var(axis=(0, 2, 3))
    spread = np.sqrt(variance) + epsilon if outside else np.sqrt(variance + epsilon) if root else variance + epsilon
    centred = (x - mean[:, None, None]) / spread[:, None, None]
    if early:
        return (centred + shift[:, None, None]) * scale[:, None, None]
    return centred * scale[:, None, None] + shift[:, None, None]


def _running(x, scale, shift, mean, variance, momentum, epsilon, degrees=0, whole=False, swapped=False, used=False,
             kept=False, outside=False):
    """batch_norm_training with what students change in it."""
    axes = (0, 1, 2, 3) if whole else (0, 2, 3)
    found, spread = x.mean(axis=axes) + 0 * mean, x.var(axis=axes, ddof=degrees) + 0 * mean
    y = _normed(x, scale, shift, mean if used else found, variance if used else spread, epsilon, outside)
    if kept:
        return y, mean.copy(), variance.copy()
    old, new = (1 - momentum, momentum) if swapped else (momentum, 1 - momentum)
    return y, old * mean + new * found, old * variance + new * spread


def _convolution(rng: Generator) -> list:
    return [rng.normal(0, 1, (2, 3, 5, 4)), rng.normal(0, 1, (4, 3, 3, 3)), rng.normal(0, 1, 4)]


def _large_kernel(rng: Generator) -> list:
    return [rng.normal(0, 1, (1, 2, 4, 3)), rng.normal(0, 1, (3, 2, 5, 5)), rng.normal(0, 1, 3)]


def _back(rng: Generator) -> list:
    x, w, _ = _convolution(rng)
    return [x, w, rng.normal(0, 1, (2, 4, 5, 4))]


def _back_large(rng: Generator) -> list:
    x, w, _ = _large_kernel(rng)
    return [x, w, rng.normal(0, 1, (1, 3, 4, 3))]


def _inside(x, w, b):
    edge = w.shape[-1] // 2
    return c.convolve(x, w, b)[:, :, edge:-edge, edge:-edge]


def _gradients(change):
    def gradients(x, w, upstream):
        return change(*c.convolution_gradient(x, w, upstream), x, w, upstream)

    return gradients


def _unturned(dx, dw, db, x, w, upstream):
    return np.einsum("nfhwij,fcij->nchw", c.windows(upstream, w.shape[-1]), w), dw, db


def _of_squares(dx, dw, db, x, w, upstream):
    return dx, np.einsum("nchwij,nfhw->fcij", c.windows(x, w.shape[-1])[..., ::-1, ::-1], upstream), db


# ---- around the network


def _steps(rng: Generator) -> list:
    return [rng.integers(1, 500, 8), float(rng.uniform(0.01, 0.1)), float(rng.uniform(0.8, 0.95)), 100]


def _doubtful(rng: Generator) -> list:
    low, high = round(float(rng.uniform(0.3, 0.42)), 2), round(float(rng.uniform(0.58, 0.7)), 2)
    p = rng.uniform(0, 1, 40).round(2)
    p[:2] = low, high
    return [(p + rng.normal(0, 0.2, 40) > 0.5).astype(np.int64), p, low, high]


def _all_doubtful(rng: Generator) -> list:
    return [rng.integers(0, 2, 5), rng.uniform(0.45, 0.55, 5), 0.4, 0.6]


def _banded(labels, p, low, high, flag=None, which=None):
    """uncertain_band with what students change in it."""
    uncertain = (flag or (lambda p: (p >= low) & (p <= high)))(p)
    chosen = np.ones(len(p), bool) if which == "all" else uncertain if which == "uncertain" else ~uncertain
    return uncertain, float(((p >= 0.5) == (labels == 1))[chosen].mean())


def _bytes(rng: Generator) -> list:
    return [rng.integers(0, 256, int(rng.integers(20, 40))).astype(np.uint8)]


def _nothing(rng: Generator) -> list:
    return [np.zeros(0, np.uint8)]


def _masked(crc: int, shift: int = 15, constant: int = 0xA282EAD8, cut: bool = True) -> int:
    value = (crc >> shift | crc << 32 - shift) + constant
    return value & 0xFFFFFFFF if cut else value


def _framed(data, order="<", width="Q", check=e.masked_crc, first=True, whole=False):
    """frame with what students change in it."""
    length = struct.pack(order + width, len(data))
    head = struct.pack(order + "I", check(length)) if first else b""
    return length + head + data + struct.pack(order + "I", check(length + data if whole else data))


def _uniform(rng: Generator) -> list:
    return [rng.uniform(0, 1, (30, 4))]


def _edges(rng: Generator) -> list:
    return [np.array([[0.0] * 4, [1 - 2.0**-53] * 4])]


def _with_column(number, column):
    def trials(u):
        found = e.random_trials(u)
        found[:, number] = column(u[:, number])
        return found

    return trials


def _some_wrong(rng: Generator) -> list:
    labels = (np.arange(120) % 3 == 0).astype(np.int64)
    p = 1 / (1 + np.exp(-np.where(labels == 1, 0.4, -1.4) - rng.normal(0, 1.2, 120)))  # no two are equal
    wrong = rng.permutation(120)[:24]
    labels[wrong] = 1 - labels[wrong]
    return [labels, p]


def _suspects(threshold=None, order=None, own=False):
    """confident_errors with what students change in it."""
    def suspects(labels, p):
        both = np.stack([1 - p, p], axis=1)
        cuts = np.array([both[labels == k, k].mean() for k in (0, 1)]) if threshold is None else threshold(both)
        beyond = both >= cuts
        counts = np.where(beyond.all(axis=1), both.argmax(axis=1), beyond.argmax(axis=1))
        found = np.flatnonzero(beyond.any(axis=1) & (counts != labels))
        if own:
            found = np.flatnonzero(both[np.arange(len(p)), labels] < cuts[labels])
        credible = both[found, labels[found]]
        return found[np.argsort(credible, kind="stable")] if order is None else found[order(credible)]

    return suspects


FUNCTIONS = {
    "decayed_rates": Drawn(_steps, {
        "stairs": lambda s, lr, rate, n: lr * rate ** (s // n),
        "each-step": lambda s, lr, rate, n: lr * rate ** s,
        "linear": lambda s, lr, rate, n: lr * (1 - (1 - rate) * s / n),
        "natural": lambda s, lr, rate, n: lr * np.exp(-rate * s / n),
        "growing": lambda s, lr, rate, n: lr * rate ** (-s / n)}),
    "max_pool": Drawn(_maps, {
        "mean": lambda x: _squares(x).mean(axis=-1),
        "corner": lambda x: x[:, :, ::2, ::2].copy(),
        "overlapping": lambda x: np.lib.stride_tricks.sliding_window_view(x, (2, 2), axis=(2, 3)).max(axis=(4, 5)),
        "channels": lambda x: c.max_pool(x).max(axis=1, keepdims=True),
        "size": lambda x: np.abs(_squares(x)).max(axis=-1)}),
    "batch_norm_evaluation": Drawn(_evaluated, {
        "own": lambda *a: _normed(*a, own=True), "outside": lambda *a: _normed(*a, outside=True),
        "no-root": lambda *a: _normed(*a, root=False), "early": lambda *a: _normed(*a, early=True),
        "no-scale": lambda x, scale, *a: _normed(x, np.ones_like(scale), *a),
        "no-shift": lambda x, scale, shift, *a: _normed(x, scale, 0 * shift, *a)}),
    "uncertain_band": Drawn(_doubtful, {
        "ends": lambda y, p, low, high: _banded(y, p, low, high, lambda p: (p > low) & (p < high)),
        "all": lambda *a: _banded(*a, which="all"), "inside": lambda *a: _banded(*a, which="uncertain"),
        "errors": lambda *a: (e.uncertain_band(*a)[0], 1 - e.uncertain_band(*a)[1]),
        "reversed": lambda y, p, low, high: (~_banded(y, p, low, high)[0], _banded(y, p, low, high)[1])},
        _all_doubtful, "counted"),
    "masked_crc": Drawn(_bytes, {
        "plain": e.crc32c, "left": lambda d: _masked(e.crc32c(d), 17),
        "no-constant": lambda d: _masked(e.crc32c(d), 15, 0),
        "not-cut": lambda d: _masked(e.crc32c(d), cut=False),
        "shifted": lambda d: (e.crc32c(d) >> 15) + 0xA282EAD8 & 0xFFFFFFFF}, _nothing, "in_bytes", 1e-12),
    "frame": Drawn(_bytes, {
        "no-first": lambda d: _framed(d, first=False), "big": lambda d: _framed(d, ">"),
        "plain": lambda d: _framed(d, check=e.crc32c), "short": lambda d: _framed(d, width="I"),
        "whole": lambda d: _framed(d, whole=True)}, _nothing, "in_bytes"),
    "random_trials": Drawn(_uniform, {
        "not-five": _with_column(0, lambda u: 2 + np.floor(3 * u)),
        "rounded": _with_column(0, lambda u: 2 + np.round(3 * u)),
        "from-one": _with_column(0, lambda u: 1 + np.floor(4 * u)),
        "any-dropout": _with_column(1, lambda u: 0.7 * u),
        "plain-rate": _with_column(2, lambda u: 1e-4 + (1e-2 - 1e-4) * u),
        "natural": _with_column(2, lambda u: np.exp(-4 + 2 * u)),
        "from-zero": _with_column(3, lambda u: u)}, _edges),
    "batch_norm_training": Drawn(_trained, {
        "degrees": lambda *a: _running(*a, degrees=1), "swapped": lambda *a: _running(*a, swapped=True),
        "used": lambda *a: _running(*a, used=True), "kept": lambda *a: _running(*a, kept=True),
        "outside": lambda *a: _running(*a, outside=True), "all-channels": lambda *a: _running(*a, whole=True)}, _flat),
    "max_pool_gradient": Drawn(_pooled, {
        "spread": lambda x, up: _four(up) / 4, "everywhere": lambda x, up: _four(up), "corner": _corner,
        "times-x": lambda x, up: c.max_pool_gradient(x, up) * x,
        "no-upstream": lambda x, up: c.max_pool_gradient(x, np.ones_like(up))}, _ties),
    "confident_errors": Drawn(_some_wrong, {
        "half": _suspects(lambda both: np.array([0.5, 0.5])), "everyone": _suspects(lambda both: both.mean(axis=0)),
        "in-order": _suspects(order=lambda p: np.arange(len(p))),
        "best-first": _suspects(order=lambda p: np.argsort(-p)),
        "own": _suspects(own=True)}, driver="counted"),
    "convolve": Drawn(_convolution, {
        "turned": lambda x, w, b: c.convolve(x, w[:, :, ::-1, ::-1], b), "inside": _inside,
        "no-bias": lambda x, w, b: c.convolve(x, w, 0 * b),
        "one-kernel": lambda x, w, b: c.convolve(x, np.broadcast_to(w[:1], w.shape), b),
        "swapped": lambda x, w, b: c.convolve(x, w.swapaxes(2, 3), b),
        "edge": lambda x, w, b: np.einsum("nchwij,fcij->nfhw", np.lib.stride_tricks.sliding_window_view(
            np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge"), (3, 3), axis=(2, 3)), w) + b[:, None, None]},
        _large_kernel),
    "convolution_gradient": Drawn(_back, {
        "unturned": _gradients(_unturned), "turned-weights": _gradients(_of_squares),
        "mean": _gradients(lambda dx, dw, db, x, *_: (dx, dw / len(x), db / len(x))),
        "mean-bias": _gradients(lambda dx, dw, db, x, w, up: (dx, dw, up.mean(axis=(0, 2, 3)))),
        "reversed": _gradients(lambda dx, dw, db, *_: (dw, dx, db))}, _back_large),
}
EXERCISES = declare("glasses", FUNCTIONS)
