"""What shows that the hand-written mathematics is right: gradients, large logits, and optimizers followed step by
step."""

from collections.abc import Callable
from typing import Any

import numpy as np
import paddle

from assignments.backprop import with_paddle
from assignments.backprop.by_hand import backprop, descent
from assignments.backprop.by_hand.backprop import ACTIVATIONS, OUTPUTS, SOFTMAX, Network, initial_parameters
from assignments.backprop.with_paddle import DEFAULTS, OPTIMIZERS, TINY

# exact in float32
FOLLOW_RATES = {"SGD": 0.125, "Momentum": 0.0625, "AdaGrad": 0.125, "RMSProp": 0.0078125, "Adam": 0.0078125}
BATCH = 32


def relative_error(a: list[np.ndarray], b: list[np.ndarray]) -> float:
    """||a - b|| / ||b|| over all arrays together."""
    return float(np.sqrt(sum(((x - y) ** 2).sum() for x, y in zip(a, b))) / np.sqrt(sum((y**2).sum() for y in b)))


def random_case(output, hidden, rng: np.random.Generator) -> tuple[Network, np.ndarray, np.ndarray]:
    """A network of random shape and weights with the given output and hidden activation, inputs and targets for it."""
    widths = [int(rng.integers(1, 6)) for _ in range(rng.integers(2, 5))]
    widths[-1] += output is SOFTMAX  # softmax over one class has no gradient
    network = Network([rng.normal(0, 0.8, p.shape) for p in initial_parameters(widths, rng)], output, hidden)
    x, n = rng.normal(size=(int(rng.integers(1, 6)), widths[0])), widths[-1]
    if output is SOFTMAX:
        return network, x, np.eye(n)[rng.integers(0, n, len(x))]
    return network, x, rng.normal(size=(len(x), n)) if output is OUTPUTS[0] else rng.random((len(x), n))


def numerical(network: Network, x: np.ndarray, t: np.ndarray, step: float = 1e-5) -> list[np.ndarray]:
    """What Network.gradients returns, by finite differences."""
    found = []
    for i, array in enumerate(network.parameters):
        def loss(value: np.ndarray, i: int = i) -> float:
            changed = [*network.parameters[:i], value, *network.parameters[i + 1:]]
            return Network(changed, network.output, network.hidden).loss(x, t)
        found.append(backprop.numerical_gradient(loss, array, step))
    return found


def check_gradients(networks: int, seed: int) -> dict[str, np.ndarray]:
    """Relative errors (outputs, networks) of hand-written gradients against finite differences and against Paddle, and
    (outputs, steps) against finite differences of several step sizes."""
    rng = np.random.default_rng(seed)
    steps = np.geomspace(1e-11, 1e-1, 21)
    against = np.zeros((2, len(OUTPUTS), networks))
    by_step = np.zeros((len(OUTPUTS), len(steps)))
    for row, output in enumerate(OUTPUTS):
        for column in range(networks):
            # finite differences fail where a kink lies within a step
            smooth = [a for a in ACTIVATIONS if a.name != "ReLU"]
            network, x, t = random_case(output, smooth[column % len(smooth)], rng)
            _, hand = network.gradients(x, t)
            against[0, row, column] = relative_error(hand, numerical(network, x, t))
            against[1, row, column] = relative_error(hand, with_paddle.gradients(network, x, t)[1])
        network = Network(initial_parameters((3, 4, 2), rng), output)
        x, t = rng.normal(size=(3, 3)), np.eye(2)[[0, 1, 0]]
        _, hand = network.gradients(x, t)
        by_step[row] = [relative_error(numerical(network, x, t, step), hand) for step in steps]
    return {"gradient_steps": steps, "gradient_error_by_step": by_step, "gradient_error_numerical": against[0],
            "gradient_error_paddle": against[1]}


def softmax_exercise() -> dict[str, np.ndarray]:
    """dL/dw (3, 2) of the slides' three hidden units and two softmax outputs in four ways, and with the slide's
    log2."""
    h, t = np.array([[0.3, 0.6, 0.9]]), np.array([[0.0, 1.0]])
    w, zero = np.array([[0.1, -0.4], [0.2, 0.5], [-0.3, 0.7]]), np.zeros(2)
    network = Network([w, zero], SOFTMAX)
    o = network.predict(h)

    def log2_loss(value: np.ndarray) -> float:
        return float(-(t * np.log2(backprop.softmax(h @ value))).sum())

    return {"exercise_h": h[0], "exercise_t": t[0], "exercise_o": o[0],
            "exercise_formula": h[0][:, None] * (o - t),  # dL/dw_jk = h_j (o_k - t_k)
            "exercise_hand": network.gradients(h, t)[1][0], "exercise_numerical": numerical(network, h, t)[0],
            "exercise_paddle": with_paddle.gradients(network, h, t)[1][0],
            "exercise_log2": backprop.numerical_gradient(log2_loss, w)}


def large_logits() -> dict[str, np.ndarray]:
    """Losses of a wrong answer with logit z as the formulas stand on the slides, and as they are computed here.

    stability_naive (2, 2, T): logistic and softmax, float32 and float64; where it is no finite number,
    stability_finite is False and the value 0.
    """
    z = np.geomspace(1, 2000, 400)
    naive = np.zeros((2, 2, len(z)))
    with np.errstate(all="ignore"):
        for column, kind in enumerate((np.float32, np.float64)):
            value = z.astype(kind)
            o = 1 / (1 + np.exp(-value))
            naive[0, column] = -np.log(1 - o)  # t = 0
            pair = np.stack([np.zeros_like(value), value], axis=1)
            shares = np.exp(pair) / np.exp(pair).sum(axis=1, keepdims=True)
            naive[1, column] = -np.log(shares[:, 0])  # t = (1, 0)
    finite = np.isfinite(naive)
    column, rows = z[:, None], np.stack([np.zeros_like(z), z], axis=1)
    stable = np.stack([backprop.logistic_loss(column, np.zeros_like(column)),
                       backprop.softmax_cross_entropy(rows, np.array([[1.0, 0.0]]))])
    net = np.linspace(-8, 8, 161)
    o, wrong = backprop.sigmoid(net), np.ones_like(net)
    return {"stability_logits": z, "stability_stable": stable, "stability_naive": np.where(finite, naive, 0.0),
            "stability_finite": finite, "delta_net": net, "delta_squared": backprop.squared_error_delta(o, wrong),
            "delta_logistic": backprop.cross_entropy_delta(o, wrong)}


# ---- optimizers


def follow(name: str, make: Callable, x: np.ndarray, t: np.ndarray, steps: int, seed: int,
           **settings: float) -> np.ndarray:
    """max |w by hand - w by Paddle| (steps,) after each of `steps` mini-batch steps of two trainings of one network:
    gradients and update by hand, and automatic differentiation with the paddle.optimizer that `make` gives."""
    rng = np.random.default_rng(seed)
    network = Network(initial_parameters((x.shape[1], 8, t.shape[1]), rng), SOFTMAX)
    hand = descent.Descent(descent.RULES[name], lr=FOLLOW_RATES[name], **settings)
    parameters = [with_paddle.parameter(value) for value in network.parameters]
    judge = make(FOLLOW_RATES[name], parameters)
    distances: list[float] = []
    while len(distances) < steps:
        for batch in descent.mini_batches(len(x), BATCH, rng):
            hand.step(network.parameters, network.gradients(x[batch], t[batch])[1])
            with_paddle.loss_of(network, parameters, x[batch], t[batch]).backward()
            judge.step()
            judge.clear_grad()
            distances.append(max(float(np.abs(p.numpy() - w).max()) for p, w in zip(parameters, network.parameters)))
    return np.array(distances[:steps])


def follow_all(x: np.ndarray, t: np.ndarray, steps: int, seed: int) -> dict[str, np.ndarray]:
    """follow_agreeing (5, T): where the formulas agree; follow_defaults (3, T): AdaGrad, RMSProp, Adam with each side's
    own epsilon."""
    agreeing = [follow(name, make, x, t, steps, seed, **({"epsilon": TINY} if name == "Adam" else {}))
                for name, make in OPTIMIZERS.items()]
    defaults = [follow(name, make, x, t, steps, seed) for name, make in DEFAULTS.items()]
    return {"follow_names": np.array(list(OPTIMIZERS)), "follow_agreeing": np.array(agreeing),
            "follow_default_names": np.array(list(DEFAULTS)), "follow_defaults": np.array(defaults)}


def first_steps() -> dict[str, np.ndarray]:
    """Size of the first update over the learning rate (3, 2, G) for gradients of size g: by hand and by Paddle's
    defaults."""
    sizes = np.geomspace(1e-10, 1, 61)
    found = []
    for name, make in DEFAULTS.items():
        by_hand = descent.RULES[name](np.zeros_like(sizes), sizes, {}, lr=1.0)
        w = with_paddle.parameter(np.zeros_like(sizes))
        optimizer = make(1.0, [w])
        (w * paddle.to_tensor(sizes)).sum().backward()
        optimizer.step()
        found.append([-by_hand, -w.numpy()])
    return {"epsilon_sizes": sizes, "epsilon_steps": np.array(found)}


def momentum_convention(steps: int = 60, drop: int = 20) -> dict[str, Any]:
    """w (2, T) on 1/2 w^2 with momentum, by the slides and by Paddle, when the learning rate falls to a tenth after
    `drop` steps, and the same (2, T) when it stays."""
    rows = []
    for factor in (0.1, 1.0):
        by_hand, state, path = np.array([1.0]), {}, []
        w = with_paddle.parameter(by_hand)
        optimizer = paddle.optimizer.Momentum(0.0625, 0.9, [w])
        for step in range(steps):
            lr = 0.0625 * (factor if step >= drop else 1.0)
            path.append((by_hand[0], float(w)))
            by_hand = descent.momentum(by_hand, by_hand, state, lr=lr)
            optimizer.set_lr(lr)
            (0.5 * w * w).sum().backward()
            optimizer.step()
            optimizer.clear_grad()
        rows.append(np.array(path).T)
    return {"momentum_dropped": rows[0], "momentum_fixed": rows[1], "momentum_drop": np.array([drop])}
