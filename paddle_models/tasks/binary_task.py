"""Two classes with one logit as a task for the trainer: logistic loss, accuracy."""

from collections.abc import Iterator

import numpy as np
import paddle
from paddle import nn

from paddle_models.tasks import metrics
from paddle_models.tasks.classification import ClassificationTask
from paddle_models.tasks.losses import binary_cross_entropy
from paddle_models.tasks.task import Batch, Mode, Rows

CLASSES = ("absent", "present")


class BinaryTask(ClassificationTask):
    """One network that maps images (B, 3, H, W) in [-1, 1] to logits (B, 1); the best weights have the lowest loss.

    Labels are 0 or 1, (B,). label_smoothing: share of the target spread over both classes. flip_at_test: evaluation
    averages the probabilities of each image and its mirror image. "Present" is answered from a probability of 0.5 on.
    """

    monitor = "loss"
    mode: Mode = "min"

    def __init__(self, network: nn.Layer, label_smoothing: float = 0.0, flip_at_test: bool = False):
        super().__init__(network, CLASSES, label_smoothing, flip_at_test=flip_at_test)

    def losses(self, batch: Batch) -> Iterator[tuple[str, paddle.Tensor]]:
        """The logistic loss in float32."""
        target = batch["label"].astype("float32")
        logits = self.networks["model"](batch["image"]).flatten()  # (B,)
        self._right += int(((logits.detach() >= 0) == (target > 0.5)).sum())
        self._seen += len(target)
        yield "model", binary_cross_entropy(logits, target * (1 - self.label_smoothing) + self.label_smoothing / 2)

    def evaluate(self, batch: Batch) -> Rows:
        """index, label (B,), probabilities (B,) of "present" float32, loss (B,) of these probabilities."""
        images, labels = batch["image"], batch["label"].numpy()
        views = [images, images.flip(axis=[3])] if self.flip_at_test else [images]
        logits = np.stack([self.networks["model"](view).astype("float32").numpy().ravel()
                           for view in views]).astype(np.float64)
        # In logarithms: float32 probabilities reach 1.0, whose complement has none.
        present, absent = (np.logaddexp.reduce(-np.logaddexp(0, sign * logits), axis=0) - np.log(len(views))
                           for sign in (-1, 1))
        return {"index": batch["index"].numpy(), "label": labels, "probabilities": np.exp(present).astype(np.float32),
                "loss": -np.where(labels > 0, present, absent).astype(np.float32)}

    def summarize(self, rows: Rows) -> dict[str, float]:
        """Mean logistic loss, and accuracy (0..1)."""
        predicted = (rows["probabilities"] >= 0.5).astype(np.int64)
        return {"loss": float(np.mean(rows["loss"])), "accuracy": metrics.accuracy(rows["label"], predicted)}
