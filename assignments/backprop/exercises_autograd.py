"""The exercises of automatic differentiation: random inputs, and wrong versions, by which mistakes are told."""

import math

import numpy as np

from assignments.backprop.by_hand import autograd
from assignments.backprop.by_hand.autograd import Value, as_value
from assignments.common.exercise_rows import Drawn

Generator = np.random.Generator


# ---- operations


def _two(rng: Generator) -> list:
    return [float(rng.uniform(0.5, 3)), float(rng.uniform(1.2, 3))]


def _less_than_none(rng: Generator) -> list:
    """A negative number to a whole power."""
    return [-1.5, 3.0]


def _sum(slopes, sign=1):
    return lambda self, other: Value(self.data + sign * other.data, (self, other), slopes(self.data, other.data))


def _product(slopes):
    return lambda self, other: Value(self.data * other.data, (self, other), slopes(self.data, other.data))


def _power(slope):
    return lambda self, n: Value(self.data**n, (self,), (slope(self.data, n),))


def _exponential(slope, base=math.e):
    return lambda self: Value(base**self.data, (self,), (slope(self.data),))


# ---- the graph


def _graph(rng: Generator, twice: bool = False) -> list:
    """Numbers of nodes, edges (child, parent), slopes, times that backward is called; the last node leads to all."""
    count = int(rng.integers(6, 10))
    edges = [(child, int(parent)) for child in range(2, count)
             for parent in rng.choice(child, 2, replace=False)]
    edges += [(count - 1, node) for node in range(count - 1) if node not in {parent for _, parent in edges}]
    return [count, np.array(edges), rng.normal(0, 1, len(edges)), 1 + twice]


def _again(rng: Generator) -> list:
    return _graph(rng, twice=True)


def _found_once(value):
    found, at = [], [value]
    while at:
        node = at.pop()
        if node not in found:
            found.append(node)
            at += node.parents
    return found


def _with_repeats(value):
    return [node for parent in value.parents for node in _with_repeats(parent)] + [value]


def _back(begin=1.0, keep=False, forwards=False, upstream=True):
    """backward with what students change in it."""
    def backward(self):
        values = self.order()
        for value in values:
            value.grad = 0.0
        self.grad = begin
        for value in values if forwards else reversed(values):
            for parent, slope in zip(value.parents, value.slopes):
                step = slope * value.grad if upstream else slope
                parent.grad = step if keep else parent.grad + step

    return backward


# ---- networks


def _net_inputs(rng: Generator) -> list:
    return [rng.normal(0, 1, 1)]


def _unit(rng: Generator) -> list:
    return [rng.normal(0, 1, 3), rng.normal(0, 1, 3), rng.normal(0, 1, 1)]


def _example(rng: Generator) -> list:
    return [rng.normal(0, 1, 8), rng.normal(0, 1, 2), rng.uniform(0, 1, 2), rng.uniform(0, 1, 2),
            float(rng.uniform(0.1, 1))]


def _weighted(weights, inputs):
    total = Value(0.0)
    for weight, value in zip(weights, inputs):
        total = total + weight * value
    return total


def _activated_each(weights, bias, inputs):
    total = bias
    for weight, value in zip(weights, inputs):
        total = total + autograd.activation(weight * value)
    return total


def _one_after_the_other(w, b, x, t, rate):
    """The output's weights step before the hidden ones are derived."""
    error, gradients, new = autograd.worked_example(w, b, x, t, rate)
    later = autograd.worked_example(np.concatenate([w[:4], new[4:]]), b, x, t, rate)[1]
    gradients = np.concatenate([later[:4], gradients[4:]])
    return error, gradients, w - rate * gradients


def _with(change):
    return lambda w, b, x, t, rate: change(*autograd.worked_example(w, b, x, t, rate), w, rate)


def _exchanged(w, b, x, t, rate):
    order = [0, 2, 1, 3, 4, 6, 5, 7]
    error, gradients, new = autograd.worked_example(w[order], b, x, t, rate)
    return error, gradients[order], new[order]


FUNCTIONS = {
    "Value.__add__": Drawn(_two, {
        "products": _sum(lambda a, b: (b, a)), "values": _sum(lambda a, b: (a, b)),
        "nothing": _sum(lambda a, b: (0.0, 0.0)), "first-only": _sum(lambda a, b: (1.0, 0.0)),
        "difference": _sum(lambda a, b: (1.0, -1.0), -1)}, driver="operation"),
    "Value.__mul__": Drawn(_two, {
        "own": _product(lambda a, b: (a, b)), "sums": _product(lambda a, b: (1.0, 1.0)),
        "first-only": _product(lambda a, b: (b, 0.0)), "result": _product(lambda a, b: (a * b, a * b))},
        driver="operation"),
    "Value.__pow__": Drawn(_two, {
        "not-lowered": _power(lambda a, n: n * a**n), "no-factor": _power(lambda a, n: a**(n - 1)),
        "result": _power(lambda a, n: a**n), "of-exponent": _power(lambda a, n: a**n * math.log(abs(a)))},
        _less_than_none, "operation"),
    "Value.exp": Drawn(_two, {
        "one": _exponential(lambda a: 1.0), "power-rule": _exponential(lambda a: a * math.exp(a - 1)),
        "argument": _exponential(lambda a: a), "base-two": _exponential(lambda a: 2**a, 2.0)}, driver="operation"),
    "Value.order": Drawn(_graph, {
        "backwards": lambda self: Value.order(self)[::-1], "repeated": _with_repeats,
        "parents-only": lambda self: [*dict.fromkeys(self.parents), self],
        "without-itself": lambda self: Value.order(self)[:-1],
        "unsorted": lambda self: [*sorted(_found_once(self)[1:], key=lambda value: value.data), self]},
        driver="in_order"),
    "Value.backward": Drawn(_graph, {
        "kept": _back(keep=True), "forwards": _back(forwards=True), "no-upstream": _back(upstream=False),
        "no-beginning": _back(begin=0.0), "twice": _back(begin=2.0)}, _again, "gradients_of_graph"),
    "activation": Drawn(_net_inputs, {
        "no-minus": lambda z: (z.exp() + 1.0)**-1.0, "not-turned": lambda z: (-z).exp() + 1.0,
        "cut-off": lambda z: Value(1 / (1 + math.exp(-z.data))),
        "tanh": lambda z: as_value(2.0) * ((z * -2.0).exp() + 1.0)**-1.0 - 1.0}, driver="of_values"),
    "neuron": Drawn(_unit, {
        "no-bias": lambda w, b, x: autograd.activation(_weighted(w, x)),
        "linear": lambda w, b, x: _weighted(w, x) + b,
        "each": _activated_each, "outside": lambda w, b, x: autograd.activation(_weighted(w, x)) + b,
        "reversed": lambda w, b, x: autograd.neuron(w, b, x[::-1])}, driver="of_neuron"),
    "worked_example": Drawn(_example, {
        "no-half": _with(lambda e, g, new, w, rate: (2 * e, 2 * g, w - 2 * rate * g)),
        "uphill": _with(lambda e, g, new, w, rate: (e, g, w + rate * g)),
        "no-rate": _with(lambda e, g, new, w, rate: (e, g, w - g)),
        "exchanged": _exchanged, "one-after-the-other": _one_after_the_other}),
}
