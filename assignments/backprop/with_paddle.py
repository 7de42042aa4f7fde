"""The same networks and updates in Paddle, float64: automatic differentiation and paddle.optimizer as the judges."""

from collections.abc import Callable

import numpy as np
import paddle
import paddle.nn.functional as F

from assignments.backprop.by_hand.backprop import Network

ACTIVATIONS: dict[str, Callable] = {"sigmoid": F.sigmoid, "tanh": paddle.tanh, "ReLU": F.relu, "linear": lambda z: z}
LOSSES: dict[str, Callable] = {  # by name of the Output; Paddle's own losses, mean over the examples
    "linear, squared error": lambda z, t: 0.5 * F.mse_loss(z, t, reduction="sum") / len(z),
    "sigmoid, squared error": lambda z, t: 0.5 * F.mse_loss(F.sigmoid(z), t, reduction="sum") / len(z),
    "sigmoid, logistic loss": lambda z, t: F.binary_cross_entropy_with_logits(z, t, reduction="sum") / len(z),
    "softmax, cross entropy": lambda z, t: F.cross_entropy(z, t, soft_label=True),
}
TINY = 1e-30  # an epsilon that changes nothing: with it the formulas agree
Optimizers = dict[str, Callable]
OPTIMIZERS: Optimizers = {  # the settings with which Paddle's formulas are those of the slides
    "SGD": lambda lr, w: paddle.optimizer.SGD(lr, w),
    "Momentum": lambda lr, w: paddle.optimizer.Momentum(lr, 0.9, w),
    "AdaGrad": lambda lr, w: paddle.optimizer.Adagrad(lr, TINY, w),
    "RMSProp": lambda lr, w: paddle.optimizer.RMSProp(lr, 0.9, TINY, parameters=w),
    "Adam": lambda lr, w: paddle.optimizer.Adam(lr, 0.9, 0.999, TINY, w),
}
DEFAULTS: Optimizers = {  # Paddle's own epsilon; decay 0.9 as in the hand-written rule
    "AdaGrad": lambda lr, w: paddle.optimizer.Adagrad(lr, parameters=w),
    "RMSProp": lambda lr, w: paddle.optimizer.RMSProp(lr, 0.9, parameters=w),
    "Adam": lambda lr, w: paddle.optimizer.Adam(lr, parameters=w),
}


def parameter(value: np.ndarray):
    """A trainable float64 copy of an array."""
    made = paddle.create_parameter(list(value.shape), "float64")
    made.set_value(np.asarray(value, np.float64))
    return made


def loss_of(network: Network, parameters: list, x: np.ndarray, t: np.ndarray):
    """The loss of the hand-written `network`, computed by Paddle from `parameters` [w0, b0, ...]; a scalar tensor."""
    h = paddle.to_tensor(np.asarray(x, np.float64))
    layers = list(zip(parameters[::2], parameters[1::2]))
    for w, b in layers[:-1]:
        h = ACTIVATIONS[network.hidden.name](F.linear(h, w, b))
    return LOSSES[network.output.name](F.linear(h, *layers[-1]), paddle.to_tensor(np.asarray(t, np.float64)))


def gradients(network: Network, x: np.ndarray, t: np.ndarray) -> tuple[float, list[np.ndarray]]:
    """What Network.gradients returns, by automatic differentiation."""
    parameters = [parameter(value) for value in network.parameters]
    loss = loss_of(network, parameters, x, t)
    loss.backward()
    return float(loss), [value.grad.numpy() for value in parameters]
