"""Gradient descent at work: learning rates, batch sizes, paths on surfaces, and the digits by hand and in Paddle."""

from typing import Any

import numpy as np
import paddle

from assignments.backprop.by_hand import descent
from assignments.backprop.by_hand.backprop import REGRESSION, RELU, SOFTMAX, Network, initial_parameters
from assignments.backprop.by_hand.descent import RULES, Descent, descend, mini_batches
from assignments.backprop.surfaces import SURFACES
from paddle_models.networks.mlp import MLP
from paddle_models.tasks.losses import cross_entropy

HIDDEN = 32  # hidden units of the digits network
PARABOLA_RATES = (0.05, 0.6, 2.05)  # on 1/2 w^2: too low, right, too high (above 2 it diverges)
DIGIT_RATES = (0.003, 0.5, 10.0)
# "tuned": of five rates each, that with the smallest loss on a third of the training digits (30 epochs, three seeds;
# the held-out digits were not looked at). "slides": their typical choices, 0.01 and 0.001 where they name none.
RATES = {"tuned": {"SGD": 0.5, "Momentum": 0.05, "AdaGrad": 0.1, "RMSProp": 0.002, "Adam": 0.005},
         "slides": {"SGD": 0.1, "Momentum": 0.01, "AdaGrad": 0.01, "RMSProp": 0.001, "Adam": 0.001}}
SURFACE_RATES = {  # chosen so that each rule shows its way of moving
    "bowl": {"SGD": 0.1, "Momentum": 0.02, "AdaGrad": 0.3, "RMSProp": 0.03, "Adam": 0.1},
    "ravine": {"SGD": 0.045, "Momentum": 0.01, "AdaGrad": 0.3, "RMSProp": 0.03, "Adam": 0.1},
    "saddle": {"SGD": 0.1, "Momentum": 0.02, "AdaGrad": 0.3, "RMSProp": 0.03, "Adam": 0.1},
    "rosenbrock": {"SGD": 0.0015, "Momentum": 0.0003, "AdaGrad": 0.3, "RMSProp": 0.01, "Adam": 0.1}}
Split = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def digits(split: int = 0) -> Split:
    """scikit-learn's 1,797 digits of 8x8 pixels: x (1347, 64) in 0..1, one-hot t (1347, 10), and 450 held out alike.

    split: the number of a repetition, 0 for the first, by which runs are judged. A run's seed has no part in it: else
    one could look for the seed whose 450 digits are easiest.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    x, y = load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(x / 16.0, y, test_size=450, stratify=y, random_state=split)
    return train_x, np.eye(10)[train_y], test_x, np.eye(10)[test_y]


def centred_digits(split: int = 0) -> Split:
    """The digits less the mean picture of the training digits: without it the loss is far steeper along one direction
    than along all others, and plain gradient descent has to go slowly."""
    x, t, test_x, test_t = digits(split)
    return x - x.mean(axis=0), t, test_x - x.mean(axis=0), test_t


def new_network(seed: int) -> Network:
    """64-32-10, ReLU and softmax."""
    return Network(initial_parameters((64, HIDDEN, 10), np.random.default_rng(seed)), SOFTMAX, RELU)


def accuracy(network: Network, x: np.ndarray, t: np.ndarray) -> float:
    """Share of right answers, 0..1."""
    return float((network.forward(x)[-1].argmax(axis=1) == t.argmax(axis=1)).mean())


def learning_rates(epochs: int, seed: int) -> dict[str, np.ndarray]:
    """Steps of gradient descent on 1/2 w^2, and the training loss of the digits, at three rates each."""
    rates = np.array(PARABOLA_RATES)
    paths = 1.8 * (1 - rates[:, None]) ** np.arange(13)  # w - lr w, again and again
    x, t, _, _ = centred_digits()
    losses = []
    for rate in DIGIT_RATES:
        network, rng = new_network(seed), np.random.default_rng(seed)
        losses.append([network.loss(x, t)])
        for _ in range(epochs):
            list(descend(network, x, t, Descent(descent.sgd, lr=rate), 32, 1, rng))
            losses[-1].append(network.loss(x, t))
    return {"rates_parabola": rates, "rates_parabola_path": paths, "rates_digits": np.array(DIGIT_RATES),
            "rates_digits_loss": np.array(losses)}


def batch_paths(seed: int, epochs: int = 12) -> dict[str, np.ndarray]:
    """Full-batch, mini-batch (16) and single-sample descent on one straight line through 128 points, from the same
    start and over the same number of passes; the weights (slope, intercept) after every update."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0.0, 1.0, (128, 1))
    t = 1.5 * x - 0.5 + rng.normal(0, 0.7, x.shape)
    found: dict[str, np.ndarray] = {}
    for name, size, rate in (("full", 128, 0.3), ("mini", 16, 0.1), ("single", 1, 0.05)):
        network, order = Network([np.array([[-1.0]]), np.array([1.5])], REGRESSION), np.random.default_rng(seed)
        steps, path = Descent(descent.sgd, lr=rate), [(-1.0, 1.5)]
        for _ in descend(network, x, t, steps, size, epochs, order):
            path.append((network.parameters[0][0, 0], network.parameters[1][0]))  # after each update
        path = np.array(path)  # (updates + 1, 2)
        found[f"batch_path_{name}"] = path
        errors = t[:, 0] - (path[:, :1] * x[:, 0] + path[:, 1:])  # (T, 128)
        found[f"batch_loss_{name}"] = 0.5 * (errors**2).mean(axis=1)
    slope, intercept = np.linspace(-1.4, 2.6, 61), np.linspace(-1.6, 2.0, 55)
    grid = np.stack(np.meshgrid(slope, intercept), axis=-1).reshape(-1, 2)
    errors = t[:, 0] - (grid[:, :1] * x[:, 0] + grid[:, 1:])
    return {**found, "batch_slope": slope, "batch_intercept": intercept, "batch_epochs": np.array([epochs]),
            "batch_surface": 0.5 * (errors**2).mean(axis=1).reshape(len(intercept), len(slope))}


def gradient_noise(draws: int, seed: int) -> dict[str, np.ndarray]:
    """How far the gradient of a random mini-batch is from that of all digits, at the start and after five epochs.

    noise_error and noise_cosine (2, B), means over `draws` batches: ||g_B - g|| / ||g|| and cos(g_B, g).
    """
    x, t, _, _ = centred_digits()
    network, rng = new_network(seed), np.random.default_rng(seed)
    sizes = np.array([1, 2, 4, 8, 16, 32, 64, 128, 256, 512])
    errors, cosines = [], []
    for _ in range(2):
        whole = _flat(network.gradients(x, t)[1])
        pairs = [[_compare(_flat(network.gradients(x[b], t[b])[1]), whole)
                  for b in (rng.choice(len(x), size, replace=False) for _ in range(draws))] for size in sizes]
        error, cosine = np.array(pairs).mean(axis=1).T
        errors.append(error)
        cosines.append(cosine)
        list(descend(network, x, t, Descent(descent.sgd, lr=0.2), 32, 5, rng))
    return {"noise_sizes": sizes, "noise_error": np.array(errors), "noise_cosine": np.array(cosines),
            "noise_examples": np.array([len(x)])}


def _flat(arrays: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([array.ravel() for array in arrays])


def _compare(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    return np.linalg.norm(a - b) / np.linalg.norm(b), a @ b / (np.linalg.norm(a) * np.linalg.norm(b))


def surface_paths(steps: int = 1500) -> dict[str, np.ndarray]:
    """Paths (5, T, 2) of the five rules over every surface, and its height over a grid."""
    found: dict[str, np.ndarray] = {}
    for surface in SURFACES:
        paths = []
        for name, rule in RULES.items():
            w, moving = [np.array(surface.start)], Descent(rule, lr=SURFACE_RATES[surface.name][name])
            path = [w[0]]
            for _ in range(steps):
                moving.step(w, [surface.gradient(w[0])])
                path.append(w[0])
            paths.append(path)
        x0, x1, y0, y1 = surface.view
        x, y = np.linspace(x0, x1, 121), np.linspace(y0, y1, 121)
        found.update({f"path_{surface.name}": np.array(paths), f"path_{surface.name}_x": x, f"path_{surface.name}_y": y,
                      f"path_{surface.name}_height": surface.value(np.stack(np.meshgrid(x, y), axis=-1))})
    return found


def compare_on_digits(settings) -> tuple[dict[str, np.ndarray], Network]:
    """The digits network trained with every rule over `settings.seeds` seeds: training loss and held-out accuracy after
    each epoch (5, seeds, E + 1); and the network of the first seed trained with Adam."""
    runs, first = [], None
    for name, rule in RULES.items():
        rows = []
        for seed in range(settings.seed, settings.seed + settings.seeds):
            x, t, test_x, test_t = centred_digits(seed - settings.seed)
            network, rng = new_network(seed), np.random.default_rng(seed)
            moving = Descent(rule, lr=RATES[settings.rates][name])
            curve = [(network.loss(x, t), accuracy(network, test_x, test_t))]
            for _ in range(settings.digits_epochs):
                list(descend(network, x, t, moving, settings.batch_size, 1, rng))
                curve.append((network.loss(x, t), accuracy(network, test_x, test_t)))
            rows.append(curve)
            first = network if name == "Adam" and seed == settings.seed else first
        runs.append(rows)
    loss, right = np.moveaxis(np.array(runs), -1, 0)
    return {"digits_names": np.array(list(RULES)), "digits_loss": loss, "digits_accuracy": right}, first


def digits_in_paddle(settings) -> dict[str, Any]:
    """The same network, start, batches and Adam in Paddle, float32: training loss of each batch beside that by hand."""
    x, t, test_x, test_t = centred_digits()
    by_hand = new_network(settings.seed)
    network = MLP((64, HIDDEN, 10))
    for layer, w, b in zip(network.layers, by_hand.parameters[::2], by_hand.parameters[1::2]):
        layer.weight.set_value(w.astype(np.float32))
        layer.bias.set_value(b.astype(np.float32))
    lr = RATES[settings.rates]["Adam"]
    optimizer = paddle.optimizer.Adam(lr, parameters=network.parameters())
    tensors = [paddle.to_tensor(array.astype(np.float32)) for array in (x, t, test_x)]
    rng, theirs = np.random.default_rng(settings.seed), []
    for _ in range(settings.digits_epochs):
        for batch in mini_batches(len(x), settings.batch_size, rng):
            chosen = paddle.to_tensor(batch)
            loss = cross_entropy(network(tensors[0].gather(chosen)), tensors[1].gather(chosen))
            loss.backward()
            optimizer.step()
            optimizer.clear_grad()
            theirs.append(float(loss))
    ours = list(descend(by_hand, x, t, Descent(descent.adam, lr=lr), settings.batch_size, settings.digits_epochs,
                        np.random.default_rng(settings.seed)))
    with paddle.no_grad():
        right = float((network(tensors[2]).numpy().argmax(axis=1) == test_t.argmax(axis=1)).mean())
    return {"twins_hand": np.array(ours), "twins_paddle": np.array(theirs), "twins_accuracy": np.array([right])}
