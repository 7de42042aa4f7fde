"""Image classification as a task for the trainer: cross-entropy, accuracy, macro F1."""

from collections.abc import Iterator, Sequence

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import nn

from paddle_models.tasks import metrics
from paddle_models.tasks.losses import cross_entropy, mixup
from paddle_models.tasks.task import Batch, Mode, Rows, Task


class ClassificationTask(Task):
    """One network that maps images (B, 3, H, W) in [-1, 1] to logits (B, C).

    label_smoothing: share of the target spread over all classes. mixup: alpha of its Beta distribution (0 = none,
    arXiv 1710.09412); random numbers come from NumPy's global state, which the trainer seeds for each step.
    flip_at_test: evaluation averages the probabilities of each image and its mirror image.
    """

    monitor = "accuracy"
    mode: Mode = "max"

    def __init__(self, network: nn.Layer, classes: Sequence[str], label_smoothing: float = 0.0, mixup: float = 0.0,
                 flip_at_test: bool = False):
        self.networks, self.flip_at_test = {"model": network}, flip_at_test
        self.classes, self.label_smoothing, self.mixup = tuple(classes), label_smoothing, mixup
        self._right = self._seen = 0

    def losses(self, batch: Batch) -> Iterator[tuple[str, paddle.Tensor]]:
        """Cross-entropy in float32."""
        rng = np.random.default_rng(np.random.randint(2**31))
        mixed = mixup(batch, self.mixup, rng, len(self.classes))
        logits = self.networks["model"](mixed["image"])  # (B, C)
        self._right += int((logits.detach().argmax(axis=1) == batch["label"]).sum())
        self._seen += len(batch["label"])
        yield "model", cross_entropy(logits, mixed["label"], self.label_smoothing)

    def training_metrics(self) -> dict[str, float]:
        """Accuracy on the augmented training images since the last call."""
        accuracy = self._right / max(1, self._seen)
        self._right = self._seen = 0
        return {"accuracy": accuracy}

    def evaluate(self, batch: Batch) -> Rows:
        """index (B,), label (B,), probabilities (B, C) float32, loss (B,)."""
        logits = self.networks["model"](batch["image"]).astype("float32")
        probabilities = F.softmax(logits, axis=1)
        if self.flip_at_test:
            mirrored = self.networks["model"](batch["image"].flip(axis=[3])).astype("float32")
            probabilities = (probabilities + F.softmax(mirrored, axis=1)) / 2
        return {"index": batch["index"].numpy(), "label": batch["label"].numpy(),
                "probabilities": probabilities.numpy(),
                "loss": F.cross_entropy(logits, batch["label"], reduction="none").reshape([-1]).numpy()}

    def summarize(self, rows: Rows) -> dict[str, float]:
        """accuracy, macro_f1 (0..1) and mean cross-entropy."""
        predicted = rows["probabilities"].argmax(axis=1)
        confusion = metrics.confusion_matrix(rows["label"], predicted, len(self.classes))
        return {"loss": float(np.mean(rows["loss"])), "accuracy": metrics.accuracy(rows["label"], predicted),
                "macro_f1": metrics.macro_f1(confusion)}
