"""Back-propagation by hand: a multi-layer perceptron in plain NumPy with every derivative written out.

Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors", Nature 323 (1986) 533-536,
https://doi.org/10.1038/323533a0. Letters as in the course slides: x inputs, h outputs of hidden units, z net inputs,
o outputs, t targets; but delta is dE/dz here, in the slides dE/do and dE/dh. A batch has one example per row; weights
w (inputs, outputs) and biases b (outputs,) of a layer are laid out as in paddle.nn.Linear, so w[j, k] leads from unit j
to unit k. Losses are per example, sums over the outputs. The slides add up the gradients of a batch; `Network` takes
their mean, so that a learning rate means the same for every batch size. Everything is float64.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

# ---- activations


def sigmoid(z: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-z)) of every element, in 0..1; no overflow whatever the size of z."""
    e = np.exp(-np.abs(z))  # never above 1
    return np.where(z >= 0, 1.0, e) / (1.0 + e)


def sigmoid_slope(h: np.ndarray) -> np.ndarray:
    """Derivative of the sigmoid where its value is h: dh/dz = h (1 - h)."""
    return h * (1.0 - h)


def softmax(z: np.ndarray) -> np.ndarray:
    """exp(z_k) / sum_j exp(z_j) along the last axis; every row sums to 1, whatever the size of z (..., K)."""
    e = np.exp(z - z.max(axis=-1, keepdims=True))  # a shift of all z cancels in the ratio
    return e / e.sum(axis=-1, keepdims=True)


# ---- losses, one number per example


def squared_error(o: np.ndarray, t: np.ndarray) -> np.ndarray:
    """E = 1/2 sum_k (o_k - t_k)^2 of every row of o and t (N, K): (N,)."""
    return 0.5 * ((o - t) ** 2).sum(axis=-1)


def logistic_loss(z: np.ndarray, t: np.ndarray) -> np.ndarray:
    """E = -sum_k [t_k log o_k + (1 - t_k) log(1 - o_k)] with o = sigmoid(z), for z and t (N, K): (N,), in nats.

    From the net inputs, because o rounds to 1 (and log(1 - o) to -inf) long before z is large.
    """
    return (np.maximum(z, 0.0) - z * t + np.log1p(np.exp(-np.abs(z)))).sum(axis=-1)


def softmax_cross_entropy(z: np.ndarray, t: np.ndarray) -> np.ndarray:
    """E = -sum_k t_k log o_k with o = softmax(z), for z and t (N, K): (N,), in nats; each row of t sums to 1.

    log o_k = z_k - log sum_j exp(z_j), the logarithm taken after the largest z has been moved out of it.
    """
    largest = z.max(axis=-1, keepdims=True)
    log_sum = largest + np.log(np.exp(z - largest).sum(axis=-1, keepdims=True))
    return (t * (log_sum - z)).sum(axis=-1)


# ---- gradients


def squared_error_delta(o: np.ndarray, t: np.ndarray) -> np.ndarray:
    """dE/dz of the squared error behind sigmoid outputs: (o_k - t_k) o_k (1 - o_k), shape of o."""
    return (o - t) * o * (1.0 - o)


def cross_entropy_delta(o: np.ndarray, t: np.ndarray) -> np.ndarray:
    """dE/dz of the cross entropy behind softmax, and of the logistic loss behind the sigmoid: o_k - t_k."""
    return o - t


def hidden_delta(delta: np.ndarray, w: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """dE/dz of a layer from that of the layer above it: (sum_k delta_k w_jk) f'(z_j).

    delta (N, K): dE/dz of the layer above; w (J, K): its weights; slope (N, J): f'(z_j). Returns (N, J).
    """
    return (delta @ w.T) * slope


def layer_gradient(x: np.ndarray, delta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """dE/dw (I, J) and dE/db (J,) of a layer with inputs x (N, I) and dE/dz = delta (N, J), summed over the examples:

    dE/dw_ij = sum_n x_ni delta_nj and dE/db_j = sum_n delta_nj.
    """
    return x.T @ delta, delta.sum(axis=0)


def numerical_gradient(loss: Callable[[np.ndarray], float], w: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """dE/dw by central differences, one weight at a time: (E(w + step) - E(w - step)) / (2 step); shape of w.

    Its error is about step^2 (the series cut off) plus 1e-16 / step (rounding); w itself is left as it is.
    """
    gradient = np.empty_like(w)
    for index in np.ndindex(w.shape):
        up, down = w.copy(), w.copy()
        up[index] += step
        down[index] -= step
        gradient[index] = (loss(up) - loss(down)) / (2.0 * step)
    return gradient


# ---- the network


@dataclass(frozen=True)
class Activation:
    """Of hidden units: h = function(z), and dh/dz = slope(h), which all of these have as a function of h."""

    name: str
    function: Callable[[np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray], np.ndarray]


SIGMOID = Activation("sigmoid", sigmoid, sigmoid_slope)
TANH = Activation("tanh", np.tanh, lambda h: 1.0 - h**2)
RELU = Activation("ReLU", lambda z: np.maximum(z, 0.0), lambda h: (h > 0).astype(float))
LINEAR = Activation("linear", lambda z: z, np.ones_like)
ACTIVATIONS = (SIGMOID, TANH, RELU, LINEAR)


@dataclass(frozen=True)
class Output:
    """Activation and loss of the last layer: o = function(z), E = loss(z, t), dE/dz = delta(o, t)."""

    name: str
    function: Callable[[np.ndarray], np.ndarray]
    loss: Callable[[np.ndarray, np.ndarray], np.ndarray]
    delta: Callable[[np.ndarray, np.ndarray], np.ndarray]


REGRESSION = Output("linear, squared error", lambda z: z, squared_error, lambda o, t: o - t)
SIGMOID_SQUARED = Output("sigmoid, squared error", sigmoid, lambda z, t: squared_error(sigmoid(z), t),
                         squared_error_delta)
LOGISTIC = Output("sigmoid, logistic loss", sigmoid, logistic_loss, cross_entropy_delta)
SOFTMAX = Output("softmax, cross entropy", softmax, softmax_cross_entropy, cross_entropy_delta)
OUTPUTS = (REGRESSION, SIGMOID_SQUARED, LOGISTIC, SOFTMAX)


class Network:
    """Fully connected layers; `parameters` is the flat list [w0, b0, w1, b1, ...] that an optimizer changes."""

    def __init__(self, parameters: Sequence[np.ndarray], output: Output, hidden: Activation = SIGMOID):
        self.parameters, self.output, self.hidden = list(parameters), output, hidden

    def forward(self, x: np.ndarray) -> list[np.ndarray]:
        """[x, h of every hidden layer, z of the last layer] for inputs x (N, I)."""
        values = [x]
        for w, b in self._layers()[:-1]:
            values.append(self.hidden.function(values[-1] @ w + b))  # (N, hidden)
        w, b = self._layers()[-1]
        return [*values, values[-1] @ w + b]  # (N, outputs)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Outputs o (N, K)."""
        return self.output.function(self.forward(x)[-1])

    def loss(self, x: np.ndarray, t: np.ndarray) -> float:
        """Mean of E over the examples."""
        return float(self.output.loss(self.forward(x)[-1], t).mean())

    def gradients(self, x: np.ndarray, t: np.ndarray) -> tuple[float, list[np.ndarray]]:
        """Mean of E over the examples and its derivative by every array of `parameters`, in their order."""
        *inputs, z = self.forward(x)
        loss = float(self.output.loss(z, t).mean())
        delta = self.output.delta(self.output.function(z), t) / len(x)  # the mean over the examples
        found: list[np.ndarray] = []
        for (w, _), below in zip(reversed(self._layers()), reversed(inputs)):
            found = [*layer_gradient(below, delta), *found]
            if below is not x:
                delta = hidden_delta(delta, w, self.hidden.slope(below))
        return loss, found

    def _layers(self) -> list[tuple[np.ndarray, np.ndarray]]:
        return list(zip(self.parameters[::2], self.parameters[1::2]))


def initial_parameters(widths: Sequence[int], rng: np.random.Generator) -> list[np.ndarray]:
    """[w0, b0, ...] for layers of the given widths: weights uniform within sqrt(6 / (inputs + outputs)), biases 0.

    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010.
    """
    parameters = []
    for inputs, outputs in zip(widths, widths[1:]):
        limit = np.sqrt(6.0 / (inputs + outputs))
        parameters += [rng.uniform(-limit, limit, (inputs, outputs)), np.zeros(outputs)]
    return parameters
