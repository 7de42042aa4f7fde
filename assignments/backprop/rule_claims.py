"""What the slides say of the rules, tried: AdaGrad for sparse gradients, RMSProp where the task changes, momentum's mu.

Every rule has the best of RATES, found with a seed of its own that is not among those shown.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from assignments.backprop.by_hand import descent
from assignments.backprop.by_hand.descent import RULES, Descent, descend
from assignments.backprop.experiments import accuracy, centred_digits, new_network

RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
TUNING_SEED = 10_000
WORDS, TEXTS, BATCH, PASSES = 400, 1200, 16, 4  # of the sparse task: features, training examples
WEIGHTS, CHANGE, STEPS, SMOOTH = 10, 250, 1000, 25  # of the changing task: its weights are drawn anew each CHANGE steps
SIZES = (1.0, 0.1, 1.0, 0.1)  # of the inputs between the changes, where these change too
MUS = (0.9, 0.95, 0.99)


def sparse_gradients(seeds: int, seed: int) -> dict[str, np.ndarray]:
    """Linear regression on texts of a few words out of WORDS, word r as frequent as 1 / r, each adding its own number:
    squared error on other texts over the targets' variance, (5, seeds, passes + 1), each rule with its rate."""
    rates, curves = _tuned(_texts, seeds, seed)
    return {"sparse_rates": rates, "sparse_loss": curves}


def _texts(rule: Callable, rate: float, seed: int) -> np.ndarray:
    """Relative squared error before and after each pass."""
    rng = np.random.default_rng(seed)
    frequencies = np.minimum(0.9, 4.0 / np.arange(1, WORDS + 1))
    x = (rng.random((2 * TEXTS, WORDS)) < frequencies).astype(float)
    t = x @ rng.choice([-1.0, 1.0], WORDS) + rng.normal(0, 0.3, len(x))
    w, moving, losses = [np.zeros(WORDS)], Descent(rule, lr=rate), []
    for _ in range(PASSES + 1):
        losses.append(np.mean((x[TEXTS:] @ w[0] - t[TEXTS:]) ** 2) / np.var(t[TEXTS:]))
        for batch in descent.mini_batches(TEXTS, BATCH, rng):
            moving.step(w, [x[batch].T @ (x[batch] @ w[0] - t[batch]) / len(batch)])
    return np.array(losses)


def changing_task(seeds: int, seed: int) -> dict[str, np.ndarray]:
    """Linear regression, an example a step, whose true weights are drawn anew every CHANGE steps: squared distance of
    the weights from the true ones, means over SMOOTH steps, (2, 5, seeds, STEPS / SMOOTH), each rule with its rate.
    First with inputs of one size, then with SIZES, so that gradients are a hundred times smaller after a change."""
    plain, sized = (_tuned(partial(_following, sizes), seeds, seed) for sizes in ((1.0,) * len(SIZES), SIZES))
    return {"changing_rates": np.array([plain[0], sized[0]]), "changing_distance": np.array([plain[1], sized[1]]),
            "changing_steps": np.array([CHANGE, SMOOTH])}


def _following(sizes: tuple, rule: Callable, rate: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    w, moving, distances = [np.zeros(WEIGHTS)], Descent(rule, lr=rate), []
    for step in range(STEPS):
        if step % CHANGE == 0:
            true = rng.normal(0, 1, WEIGHTS)
        x = rng.normal(0, sizes[step // CHANGE], WEIGHTS)
        moving.step(w, [(x @ (w[0] - true) + rng.normal(0, 0.05)) * x])
        distances.append(np.sum((w[0] - true) ** 2))
    return np.array(distances).reshape(-1, SMOOTH).mean(axis=1)


def _tuned(curve: Callable, seeds: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(rates (5,), curves (5, seeds, T)): the rate of RATES with the least mean after the start, by TUNING_SEED."""
    rates, rows = [], []
    with np.errstate(over="ignore", invalid="ignore"):  # rates that are too high
        for rule in RULES.values():
            means = [np.mean(curve(rule, rate, TUNING_SEED)[1:]) for rate in RATES]
            rates.append(RATES[int(np.argmin(np.nan_to_num(means, nan=np.inf)))])
            rows.append([curve(rule, rates[-1], each) for each in range(seed, seed + seeds)])
    return np.array(rates), np.array(rows)


def momentum_mus(epochs: int, seed: int) -> dict[str, np.ndarray]:
    """The digits with momentum for each of MUS: training loss and held-out accuracy (2, 3, epochs + 1). First with one
    learning rate for all, then with the same lr / (1 - mu), how far a constant gradient drives a weight per step."""
    x, t, test_x, test_t = centred_digits()
    rates = np.array([[0.05] * len(MUS), [round(0.5 * (1 - mu), 6) for mu in MUS]])
    loss, right = np.zeros((2, len(MUS), epochs + 1)), np.zeros((2, len(MUS), epochs + 1))
    for kind, row in enumerate(rates):
        for number, (mu, rate) in enumerate(zip(MUS, row)):
            network, rng = new_network(seed), np.random.default_rng(seed)
            moving = Descent(descent.momentum, lr=rate, mu=mu)
            for epoch in range(epochs + 1):
                loss[kind, number, epoch] = network.loss(x, t)
                right[kind, number, epoch] = accuracy(network, test_x, test_t)
                list(descend(network, x, t, moving, 32, 1, rng))
    return {"mu_values": np.array(MUS), "mu_rates": rates, "mu_loss": loss, "mu_accuracy": right}
