"""Automatic differentiation by hand: numbers that remember what they were computed from.

Reverse mode (arXiv 1502.05767): every operation notes its own derivatives alone; backward() multiplies them along all
paths by the chain rule. What comes of it is the worked example of the slides, without one derivative of the whole
network written out.
"""

import math
from collections.abc import Sequence

import numpy as np


class Value:
    """A number. parents: the Values it was computed from; slopes: its derivative by each of them.

    grad: the derivative by it of the Value whose backward() ran last.
    """

    def __init__(self, data: float, parents: Sequence["Value"] = (), slopes: Sequence[float] = ()):
        self.data, self.grad = float(data), 0.0
        self.parents, self.slopes = tuple(parents), tuple(slopes)

    def __add__(self, other: "Value | float") -> "Value":
        """self + other."""
        other = as_value(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other: "Value | float") -> "Value":
        """self * other."""
        other = as_value(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, exponent: float) -> "Value":
        """self ** exponent, a plain number."""
        return Value(self.data**exponent, (self,), (exponent * self.data**(exponent - 1),))

    def exp(self) -> "Value":
        """e to the power of self."""
        power = math.exp(self.data)
        return Value(power, (self,), (power,))

    def __neg__(self) -> "Value":
        """-self."""
        return self * -1.0

    def __sub__(self, other: "Value | float") -> "Value":
        """self - other."""
        return self + -as_value(other)

    def __truediv__(self, other: "Value | float") -> "Value":
        """self / other."""
        return self * as_value(other)**-1.0

    def order(self) -> "list[Value]":
        """All Values that self was computed from, and self, each once, parents before what was made of them."""
        found: list[Value] = []
        seen: set[int] = set()

        def visit(value: Value) -> None:
            if id(value) not in seen:
                seen.add(id(value))
                for parent in value.parents:
                    visit(parent)
                found.append(value)

        visit(self)
        return found

    def backward(self) -> None:
        """Set grad of every Value of order() to the derivative of self by it."""
        values = self.order()
        for value in values:
            value.grad = 0.0
        self.grad = 1.0
        for value in reversed(values):
            for parent, slope in zip(value.parents, value.slopes):
                parent.grad += slope * value.grad


def as_value(number: "Value | float") -> Value:
    """A plain number as a Value."""
    return number if isinstance(number, Value) else Value(number)


def activation(z: Value) -> Value:
    """The sigmoid of z, made of the operations above."""
    return ((-z).exp() + 1.0)**-1.0


def neuron(weights: Sequence[Value], bias: Value, inputs: Sequence[Value]) -> Value:
    """The sigmoid of the weighted sum of the inputs and the bias."""
    z = bias
    for weight, value in zip(weights, inputs):
        z = z + weight * value
    return activation(z)


def worked_example(w: np.ndarray, b: np.ndarray, x: np.ndarray, t: np.ndarray,
                   rate: float) -> tuple[float, np.ndarray, np.ndarray]:
    """(E, dE/dw1..w8, weights after a step of gradient descent) of the slides' network; w (8,), b, x and t (2,)."""
    weights, bias, inputs = [Value(v) for v in w], [Value(v) for v in b], [Value(v) for v in x]
    hidden = [neuron(weights[0:2], bias[0], inputs), neuron(weights[2:4], bias[0], inputs)]
    outputs = [neuron(weights[4:6], bias[1], hidden), neuron(weights[6:8], bias[1], hidden)]
    error = ((outputs[0] - t[0])**2.0 + (outputs[1] - t[1])**2.0) * 0.5
    error.backward()
    gradients = np.array([weight.grad for weight in weights])
    return error.data, gradients, w - rate * gradients
