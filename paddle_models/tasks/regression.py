"""Numbers from images as a task for the trainer: mean squared error, mean absolute error, R squared."""

from collections.abc import Iterator

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import nn

from paddle_models.tasks.task import Batch, Rows, Task


class RegressionTask(Task):
    """One network that maps images (B, 3, H, W) to numbers (B, K); labels are float (B,) or (B, K)."""

    monitor, mode = "loss", "min"

    def __init__(self, network: nn.Layer):
        self.networks = {"model": network}

    def losses(self, batch: Batch) -> Iterator[tuple[str, paddle.Tensor]]:
        """Mean squared error in float32."""
        answers = self.networks["model"](batch["image"])  # (B, K)
        yield "model", F.mse_loss(answers.astype("float32"), batch["label"].astype("float32").reshape(answers.shape))

    def evaluate(self, batch: Batch) -> Rows:
        """index (B,), label and predicted (B, K) float32."""
        predicted = self.networks["model"](batch["image"]).astype("float32").numpy()
        return {"index": batch["index"].numpy(), "predicted": predicted,
                "label": batch["label"].numpy().astype(np.float32).reshape(predicted.shape)}

    def summarize(self, rows: Rows) -> dict[str, float]:
        """loss: mean squared error; mae: mean absolute error, in the labels' unit; r2: see r_squared."""
        error = rows["predicted"] - rows["label"]
        return {"loss": float(np.mean(error**2)), "mae": float(np.mean(np.abs(error))),
                "r2": r_squared(rows["label"], rows["predicted"])}


def r_squared(expected: np.ndarray, predicted: np.ndarray) -> float:
    """1 - squared error / variance, over all columns of (N, K): 1 at best, 0 for always answering the mean."""
    spread = np.sum((expected - expected.mean(axis=0)) ** 2)
    return float(1 - np.sum((expected - predicted) ** 2) / max(float(spread), 1e-30))
