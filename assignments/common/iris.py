"""Figure 2.7: five optimizers on the Iris data (Fisher, 1936), trained rather than drawn.

A 4-16-3 perceptron sees all 120 training flowers at every step (so no batch noise hides the optimizers);
accuracy is that on the other 30. Each seed draws its own split and its own initial weights, the same for all
optimizers. The data come with scikit-learn, so nothing is downloaded.
"""

import numpy as np
import paddle

from paddle_models.networks.mlp import MLP
from paddle_models.tasks.losses import cross_entropy
from paddle_models.trainer.optimizers import build_optimizer
from paddle_models.trainer.settings import OptimizerSettings

# Usual learning rates; RMSProp without momentum, to be told apart from Momentum.
OPTIMIZERS = {
    "SGD": OptimizerSettings(name="sgd", lr=0.1),
    "Momentum": OptimizerSettings(name="momentum", lr=0.1, momentum=0.9),
    "AdaGrad": OptimizerSettings(name="adagrad", lr=0.1),
    "RMSProp": OptimizerSettings(name="rmsprop", lr=0.01, momentum=0.0),
    "Adam": OptimizerSettings(name="adam", lr=0.01),
}
WIDTHS = (4, 16, 3)
HELD_OUT = 30  # flowers, ten of each kind


def compare_optimizers(steps: int = 200, seeds: int = 5) -> dict[str, np.ndarray]:
    """Train with every optimizer of OPTIMIZERS on `seeds` seeds.

    Returns iris_names (5,), iris_steps (T,), and over the seeds iris_loss (5, T), mean training loss in nats,
    iris_loss_std (5, T), its standard deviation, and iris_accuracy (5, T), mean held-out accuracy in 0..1;
    T = steps. The values at step t are those before update t, so all curves begin at one point.
    """
    runs = np.array([[_train(settings, seed, steps) for seed in range(seeds)]
                     for settings in OPTIMIZERS.values()])  # (5, seeds, 2, T)
    loss, accuracy = runs[:, :, 0], runs[:, :, 1]
    return {
        "iris_names": np.array(list(OPTIMIZERS)),
        "iris_steps": np.arange(steps),
        "iris_loss": loss.mean(axis=1),
        "iris_loss_std": loss.std(axis=1),
        "iris_accuracy": accuracy.mean(axis=1),
    }


def _train(settings: OptimizerSettings, seed: int, steps: int) -> tuple[list[float], list[float]]:
    """(training losses, held-out accuracies), one of each per step."""
    train_x, train_y, test_x, test_y = _iris(seed)
    paddle.seed(seed)
    network = MLP(WIDTHS)
    optimizer = build_optimizer(settings, network.parameters(), settings.lr)
    losses, accuracies = [], []
    for _ in range(steps):
        with paddle.no_grad():
            accuracies.append(float((network(test_x).numpy().argmax(axis=1) == test_y).mean()))
        loss = cross_entropy(network(train_x), train_y)
        losses.append(float(loss))
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()
    return losses, accuracies


def _iris(seed: int) -> tuple[paddle.Tensor, paddle.Tensor, paddle.Tensor, np.ndarray]:
    """Standardised flowers: training (120, 4), one-hot kinds (120, 3), held out (30, 4), kinds (30,)."""
    from sklearn.datasets import load_iris  # half a second to import, needed only here
    from sklearn.model_selection import train_test_split

    x, y = load_iris(return_X_y=True)
    parts = train_test_split(x, y, test_size=HELD_OUT, stratify=y, random_state=seed)
    train_x, test_x, train_y, test_y = parts
    mean, deviation = train_x.mean(axis=0), train_x.std(axis=0)
    scaled = [paddle.to_tensor(((part - mean) / deviation).astype(np.float32)) for part in (train_x, test_x)]
    one_hot = np.eye(WIDTHS[-1], dtype=np.float32)[train_y]
    return scaled[0], paddle.to_tensor(one_hot), scaled[1], test_y
