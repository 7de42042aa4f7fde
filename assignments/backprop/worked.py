"""The slides' "simple example of BP": a 2-2-2 network of sigmoids, one training example, learning rate 0.5."""

from typing import Any

import numpy as np

from assignments.backprop.by_hand.backprop import SIGMOID_SQUARED, Network, squared_error

INPUT, TARGET = np.array([[0.05, 0.10]]), np.array([[0.01, 0.99]])
RATE = 0.5
TARGET_ERROR = 3.6e-5
HIDDEN = np.array([[0.15, 0.25], [0.20, 0.30]]), np.array([0.35, 0.35])  # w1 w3 / w2 w4, b1
LAST = np.array([[0.40, 0.50], [0.45, 0.55]]), np.array([0.60, 0.60])  # w5 w7 / w6 w8, b2
FRAMES = 160  # of the animation


def start() -> Network:
    """The network with the slides' weights and biases."""
    return Network([np.array(part) for part in (*HIDDEN, *LAST)], SIGMOID_SQUARED)


def eight(hidden: np.ndarray, last: np.ndarray) -> np.ndarray:
    """w1..w8 in the slides' order from the two (inputs, outputs) matrices: those into one unit stand together."""
    return np.concatenate([hidden.T.ravel(), last.T.ravel()])


def values(rate: float = RATE) -> dict[str, Any]:
    """Every intermediate value of the slides under the slides' names, and all eight weights after one step."""
    network = start()
    (v, b1), (w, b2) = HIDDEN, LAST
    _, (h1, h2), z = (part[0] for part in network.forward(INPUT))
    (o1, o2), (t1, _) = network.predict(INPUT)[0], TARGET[0]
    loss, (dv, _, dw, _) = network.gradients(INPUT, TARGET)
    net_h, gradients = INPUT[0] @ v + b1, eight(dv, dw)
    after = eight(v, w) - rate * gradients
    stepped = Network([v - rate * dv, b1, w - rate * dw, b2], SIGMOID_SQUARED)
    found = {
        "net_h1": net_h[0], "net_h2": net_h[1], "out_h1": h1, "out_h2": h2, "net_o1": z[0], "net_o2": z[1],
        "out_o1": o1,
        "out_o2": o2, "E_o1": squared_error(np.array([o1]), TARGET[0, :1]),
        "E_o2": squared_error(np.array([o2]), TARGET[0, 1:]),
        "E_total": loss, "dE_dout_o1": o1 - t1, "dout_dnet_o1": o1 * (1 - o1), "dnet_dw5": h1,
        **{f"dE_dw{i}": gradient for i, gradient in enumerate(gradients, 1)},
        **{f"w{i}_plus": weight for i, weight in enumerate(after, 1)}, "E_total_after": stepped.loss(INPUT, TARGET)}
    return {name: float(value) for name, value in found.items()}


def train(rate: float = RATE, error: float = TARGET_ERROR, most: int = 20_000,
          biases: bool = False) -> dict[str, np.ndarray]:
    """Gradient descent until the error is below `error`, at most `most` steps; the slides' example leaves the biases
    alone.

    Returns loss (T,), weights (T, 8), outputs (T, 2) and gradients (T, 8) before each update; the last row is the
    network that was reached, T - 1 the number of steps.
    """
    network, rows = start(), []
    while True:
        loss, gradients = network.gradients(INPUT, TARGET)
        weights = network.parameters
        rows.append((loss, eight(weights[0], weights[2]), network.predict(INPUT)[0], eight(gradients[0], gradients[2])))
        if loss < error or len(rows) > most:
            break
        network.parameters = [w if w.ndim == 1 and not biases else w - rate * g for w, g in zip(weights, gradients)]
    loss, weights, outputs, slopes = (np.array(column) for column in zip(*rows))
    return {"loss": loss, "weights": weights, "outputs": outputs, "gradients": slopes}


def frames(steps: int) -> np.ndarray:
    """Steps 0..`steps` to show: each of the first ones, then ever fewer, evenly in the logarithm."""
    return np.unique(np.geomspace(1, steps + 1, FRAMES).round().astype(int)) - 1
