"""From unsupervised to self-supervised features: PCA, the linear autoencoder, and rotation prediction, on the digits.

Rotation prediction: Gidaris, Singh and Komodakis, "Unsupervised representation learning by predicting image rotations",
ICLR 2018, https://arxiv.org/abs/1803.07728. The features are judged as there, by a linear classifier on top of them.
"""


import numpy as np

from assignments.backprop.by_hand import descent
from assignments.backprop.by_hand.backprop import LINEAR, REGRESSION, RELU, SOFTMAX, Network, initial_parameters
from assignments.backprop.by_hand.descent import Descent, descend
from assignments.backprop.experiments import accuracy, centred_digits, digits

CODES = (1, 2, 4, 8, 16, 32)  # widths of the code
SHOWN, SHOWN_CODE = 6, 8  # digits whose reconstructions figure, and the width of their code
LABELS_PER_CLASS = (1, 2, 5, 10, 50)
WIDTHS = (64, 128, 64, 4)  # of the network that predicts rotations
RATE = 0.002  # its learning rate, and that of the networks trained on labels


# ---- PCA and the linear autoencoder


def principal_axes(x: np.ndarray, k: int) -> np.ndarray:
    """The k directions (D, k) of largest variance of centred rows x (N, D), orthonormal, largest first."""
    return np.linalg.svd(x, full_matrices=False)[2][:k].T


def reconstruction_error(x: np.ndarray, again: np.ndarray) -> float:
    """Mean over the examples of ||x - x^||^2, the slides' L(x)."""
    return float(((x - again) ** 2).sum(axis=1).mean())


def train_autoencoder(x: np.ndarray, k: int, steps: int, seed: int) -> tuple[Network, np.ndarray]:
    """A linear D-k-D autoencoder of rows x, by full-batch Adam with a falling rate, and its L(x) before every step."""
    network = Network(initial_parameters((x.shape[1], k, x.shape[1]), np.random.default_rng(seed)), REGRESSION, LINEAR)
    moving, losses = Descent(descent.adam), []
    for step in range(steps):
        moving.settings["lr"] = 0.02 * 0.5 * (1 + np.cos(np.pi * step / steps))
        loss, gradients = network.gradients(x, x)
        losses.append(2 * loss)  # E is half of the squared distance
        moving.step(network.parameters, gradients)
    return network, np.array(losses)


def largest_angle(a: np.ndarray, b: np.ndarray) -> float:
    """Largest principal angle, degrees in 0..90, between the spans of the columns of a and of b, both (D, k)."""
    a, b = np.linalg.qr(a)[0], np.linalg.qr(b)[0]
    outside = b - a @ (a.T @ b)  # what of b is not in a: its largest singular value is the sine, exact for small angles
    return float(np.degrees(np.arcsin(min(1.0, np.linalg.svd(outside, compute_uv=False)[0]))))


def pca_and_autoencoder(steps: int, seed: int) -> dict[str, np.ndarray]:
    """Errors of reconstruction on held-out digits, angle between both subspaces, and linear probes on both codes."""
    x, t, test_x, test_t = centred_digits()
    mean = digits()[0].mean(axis=0)
    rows, probes = [], []
    for k in CODES:
        axes = principal_axes(x, k)
        network, losses = train_autoencoder(x, k, steps, seed)
        again = network.predict(test_x)
        rows.append((reconstruction_error(test_x, test_x @ axes @ axes.T), reconstruction_error(test_x, again),
                     largest_angle(axes, network.parameters[2].T)))
        encoder = network.parameters[0]
        probes.append([probe(x @ basis, t, test_x @ basis, test_t) for basis in (axes, encoder)])
        if k == SHOWN_CODE:
            curve, floor = losses, reconstruction_error(x, x @ axes @ axes.T)
            pictures = np.stack([test_x[:SHOWN], (test_x @ axes @ axes.T)[:SHOWN], again[:SHOWN]]) + mean
    pca, autoencoder, angle = np.array(rows).T
    return {"codes": np.array(CODES), "code_error_pca": pca, "code_error_autoencoder": autoencoder, "code_angle": angle,
            "code_probe": np.array(probes).T, "code_curve": curve, "code_floor": np.array([floor]),
            "code_pictures": np.clip(pictures, 0, 1).reshape(3, SHOWN, 8, 8)}


# ---- rotation prediction


def rotated(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every 8x8 picture of x (N, 64) in its four quarter turns (4 N, 64), and which turn it was, one-hot (4 N, 4)."""
    pictures = x.reshape(-1, 8, 8)
    turned = np.concatenate([np.rot90(pictures, turn, axes=(1, 2)).reshape(len(x), 64) for turn in range(4)])
    return turned, np.repeat(np.eye(4), len(x), axis=0)


def probe(features: np.ndarray, t: np.ndarray, test_features: np.ndarray, test_t: np.ndarray) -> float:
    """Held-out accuracy of a linear classifier (scikit-learn's logistic regression) on standardised features."""
    from sklearn.linear_model import LogisticRegression

    mean, deviation = features.mean(axis=0), features.std(axis=0)
    scale = np.where(deviation > 1e-9, deviation, 1.0)  # a unit that never fires stays 0
    classifier = LogisticRegression(max_iter=2000).fit((features - mean) / scale, t.argmax(axis=1))
    return float((classifier.predict((test_features - mean) / scale) == test_t.argmax(axis=1)).mean())


def rotation_pretraining(epochs: int, seeds: int, first_seed: int) -> dict[str, np.ndarray]:
    """What the digits' quarter turns teach, with few labels, on every seed.

    rotation_probe (4, labels, seeds): accuracy of a linear probe on the pixels, on the first hidden layer of a network
    with random weights, and on the first and the last hidden layer of that network once it has learned, without labels,
    to tell the quarter turns of the training digits. rotation_network (2, labels, seeds): accuracy of the whole network
    trained on the labels, from random weights and from those of the rotation network. rotation_accuracy (seeds,): of
    the turns themselves. All on held-out digits.
    """
    probes, networks, turns = [], [], []
    for seed in range(first_seed, first_seed + seeds):
        x, t, test_x, test_t = digits(seed - first_seed)
        mean = rotated(x)[0].mean(axis=0)  # the same after a quarter turn; the digits' own mean would betray the turn
        x, test_x = x - mean, test_x - mean
        rng = np.random.default_rng(seed)
        learned = Network(initial_parameters(WIDTHS, rng), SOFTMAX, RELU)
        # keeps the arrays: an update puts new ones into its own list
        random = Network(learned.parameters, SOFTMAX, RELU)
        list(descend(learned, *rotated(x), Descent(descent.adam, lr=RATE), 64, epochs, rng))
        turns.append(accuracy(learned, *rotated(test_x)))
        kinds = [(x, test_x), *((network.forward(x)[layer], network.forward(test_x)[layer])
                                for network, layer in ((random, 1), (learned, 1), (learned, -2)))]
        chosen = [_some_of_each(t, number, rng) for number in LABELS_PER_CLASS]
        probes.append([[probe(kind[rows], t[rows], test_kind, test_t) for rows in chosen] for kind, test_kind in kinds])
        networks.append([[_supervised(start.parameters, x[rows], t[rows], test_x, test_t, seed) for rows in chosen]
                         for start in (random, learned)])
    return {"rotation_labels": np.array(LABELS_PER_CLASS), "rotation_probe": np.moveaxis(np.array(probes), 0, -1),
            "rotation_network": np.moveaxis(np.array(networks), 0, -1), "rotation_accuracy": np.array(turns)}


def _some_of_each(t: np.ndarray, number: int, rng: np.random.Generator) -> np.ndarray:
    """Row numbers of `number` random examples of every class."""
    labels: list[np.ndarray] = [rng.permutation(np.flatnonzero(column))[:number] for column in t.T]
    return np.concatenate(labels)


def _supervised(start: list[np.ndarray], x: np.ndarray, t: np.ndarray, test_x: np.ndarray, test_t: np.ndarray,
                seed: int) -> float:
    """Held-out accuracy after training on x, t a network with the hidden layers of `start` and a new last layer."""
    rng = np.random.default_rng(seed)
    network = Network([*start[:-2], *initial_parameters((WIDTHS[-2], 10), rng)], SOFTMAX, RELU)
    list(descend(network, x, t, Descent(descent.adam, lr=RATE), 32, max(20, 2000 // len(x)), rng))
    return accuracy(network, test_x, test_t)
