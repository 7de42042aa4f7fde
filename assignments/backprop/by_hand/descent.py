"""Gradient descent by hand: the update rules of the course slides in plain NumPy, batches, and the loop around them.

A rule takes weights w, their gradient and a dictionary `state` that is its own between steps (empty at the first),
and returns the new weights; all arithmetic is by element. Where a slide's formula differs from paddle.optimizer, the
slide is followed here and the rule says in which way Paddle differs.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

# ---- rules


def sgd(w: np.ndarray, gradient: np.ndarray, state: dict[str, Any], lr: float = 0.01) -> np.ndarray:
    """W_t = W_(t-1) - lr grad."""
    return w - lr * gradient


def momentum(w: np.ndarray, gradient: np.ndarray, state: dict[str, Any], lr: float = 0.01,
             mu: float = 0.9) -> np.ndarray:
    """V_t = mu V_(t-1) - lr grad, V_0 = 0; W_t = W_(t-1) + V_t. state: "v".

    Paddle: V_t = mu V_(t-1) + grad, W_t = W_(t-1) - lr V_t. The same while lr stays the same; when lr falls, the
    slides' V goes on at the old rate for a while.
    """
    state["v"] = mu * state.get("v", 0.0) - lr * gradient
    return w + state["v"]


def adagrad(w: np.ndarray, gradient: np.ndarray, state: dict[str, Any], lr: float = 0.01) -> np.ndarray:
    """W_t = W_(t-1) - lr grad / sqrt(S_t), S_t the sum of grad^2 over all steps so far. state: "s".

    Paddle adds epsilon (1e-6) to the root.
    """
    state["s"] = state.get("s", 0.0) + gradient**2
    return w - lr * over_root(gradient, state["s"])


def rmsprop(w: np.ndarray, gradient: np.ndarray, state: dict[str, Any], lr: float = 0.001,
            gamma: float = 0.9) -> np.ndarray:
    """R_t = gamma R_(t-1) + (1 - gamma) grad^2, R_0 = 0; W_t = W_(t-1) - lr grad / sqrt(R_t). state: "r".

    Paddle adds epsilon (1e-6) inside the root, and its default gamma (rho) is 0.95.
    """
    state["r"] = gamma * state.get("r", 0.0) + (1.0 - gamma) * gradient**2
    return w - lr * over_root(gradient, state["r"])


def adam(w: np.ndarray, gradient: np.ndarray, state: dict[str, Any], lr: float = 0.001, beta1: float = 0.9,
         beta2: float = 0.999, epsilon: float = 1e-8) -> np.ndarray:
    """M_t = beta1 M_(t-1) + (1 - beta1) grad, R_t = beta2 R_(t-1) + (1 - beta2) grad^2, M_0 = R_0 = 0;
    W_t = W_(t-1) - lr M^ / sqrt(R^ + epsilon) with M^ = M_t / (1 - beta1^t), R^ = R_t / (1 - beta2^t). state: "t", "m",
    "r".

    Paddle, like Kingma and Ba (arXiv 1412.6980), has sqrt(R^) + epsilon: epsilon outside the root.
    """
    state["t"] = state.get("t", 0) + 1
    state["m"] = beta1 * state.get("m", 0.0) + (1.0 - beta1) * gradient
    state["r"] = beta2 * state.get("r", 0.0) + (1.0 - beta2) * gradient**2
    m_hat = state["m"] / (1.0 - beta1 ** state["t"])
    r_hat = state["r"] / (1.0 - beta2 ** state["t"])
    return w - lr * over_root(m_hat, r_hat + epsilon)


RULES: dict[str, Callable[..., np.ndarray]] = {
    "SGD": sgd, "Momentum": momentum, "AdaGrad": adagrad, "RMSProp": rmsprop, "Adam": adam}


def over_root(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a / sqrt(b), and 0 where b is 0: a weight that never had a gradient stays where it is (the slides' 0/0)."""
    root = np.sqrt(b)
    return np.divide(a, root, out=np.zeros_like(root), where=root > 0)


# ---- the loop


class Descent:
    """A rule with its settings and one state per array: `step` changes a list of arrays by their gradients."""

    def __init__(self, rule: Callable[..., np.ndarray], **settings: float):
        self.rule, self.settings = rule, settings
        self.states: list[dict[str, Any]] = []

    def step(self, parameters: list[np.ndarray], gradients: list[np.ndarray]) -> None:
        """Replace every array of `parameters` by its updated value."""
        self.states = self.states or [{} for _ in parameters]
        for i, (w, gradient, state) in enumerate(zip(parameters, gradients, self.states)):
            parameters[i] = self.rule(w, gradient, state, **self.settings)


def mini_batches(n: int, size: int, rng: np.random.Generator) -> list[np.ndarray]:
    """The numbers 0..n-1 in a new random order, cut into pieces of `size`; the last piece may be shorter.

    size 1 gives single-sample descent, size n full-batch descent.
    """
    order = rng.permutation(n)
    return [order[start:start + size] for start in range(0, n, size)]


def descend(network, x: np.ndarray, t: np.ndarray, descent: Descent, size: int, epochs: int,
            rng: np.random.Generator) -> Iterator[float]:
    """Train a `backprop.Network` on x (N, I), t (N, K) in mini-batches; after each update yields the loss that its
    batch had before it."""
    for _ in range(epochs):
        for batch in mini_batches(len(x), size, rng):
            loss, gradients = network.gradients(x[batch], t[batch])
            descent.step(network.parameters, gradients)
            yield loss
