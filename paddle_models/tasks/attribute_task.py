"""Binary attributes as a task for the trainer: weighted binary cross-entropy, accuracy, balanced accuracy, F1."""

from collections.abc import Callable, Iterator

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import nn

from paddle_models.networks.face_attributes import to_head_order, to_label_order
from paddle_models.tasks.attribute_metrics import measure_attributes
from paddle_models.tasks.losses import binary_cross_entropy
from paddle_models.tasks.task import Batch, Rows, Task


class AttributeTask(Task):
    """One network that maps images (B, 3, H, W) in [0, 1] to logits (B, 40) in the order of its heads.

    Labels are 0 or 1, (B, 40), in the data set's order; here is the one place where the two meet.
    positive_weights: float (40,) in the data set's order, factor of the loss where an attribute is present.
    gamma: of the focal loss (arXiv 1708.02002); 0 is plain cross-entropy.
    flip_at_test: evaluation averages the probabilities of each image and its mirror image.
    teacher: maps the same images to logits, whose probabilities are learnt beside the labels (arXiv 1503.02531);
    trust: their share of the target.
    """

    monitor, mode = "accuracy", "max"

    def __init__(self, network: nn.Layer, positive_weights: np.ndarray | None = None, gamma: float = 0.0,
                 flip_at_test: bool = False, teacher: Callable | None = None, trust: float = 0.5):
        self.networks = {"model": network}
        self.gamma, self.flip_at_test = gamma, flip_at_test
        self.teacher, self.trust = teacher, trust
        self.weights = None if positive_weights is None else paddle.to_tensor(
            to_head_order(np.asarray(positive_weights, dtype=np.float32)[None]))
        self._right, self._batches = 0.0, 0

    def losses(self, batch: Batch) -> Iterator[tuple[str, paddle.Tensor]]:
        """Binary cross-entropy, mean over images and attributes, in float32."""
        target = to_head_order(batch["label"].astype("float32"))  # (B, 40)
        logits = self.networks["model"](batch["image"])  # (B, 40)
        self._right += float(((logits.detach() > 0) == (target > 0.5)).astype("float32").mean())
        self._batches += 1
        if self.teacher is not None:
            with paddle.no_grad():
                taught = F.sigmoid(self.teacher(batch["image"]).astype("float32"))
            target = (1 - self.trust) * target + self.trust * taught
        yield "model", binary_cross_entropy(logits, target, self.weights, self.gamma)

    def training_metrics(self) -> dict[str, float]:
        """Mean accuracy over the attributes of the augmented training images since the last call."""
        accuracy = self._right / max(1, self._batches)
        self._right, self._batches = 0.0, 0
        return {"accuracy": accuracy}

    def evaluate(self, batch: Batch) -> Rows:
        """index (B,), label and probabilities (B, 40) in the data set's order, loss (B,) without weights."""
        images = batch["image"]
        logits = self.networks["model"](images).astype("float32")
        probabilities = F.sigmoid(logits)
        if self.flip_at_test:
            mirrored = self.networks["model"](images.flip(axis=[3])).astype("float32")
            probabilities = (probabilities + F.sigmoid(mirrored)) / 2
        loss = F.binary_cross_entropy_with_logits(logits, to_head_order(batch["label"].astype("float32")),
                                                  reduction="none")
        return {"index": batch["index"].numpy(), "label": batch["label"].numpy(),
                "probabilities": to_label_order(probabilities).numpy(), "loss": loss.mean(axis=1).numpy()}

    def summarize(self, rows: Rows) -> dict[str, float]:
        """Means over the 40 attributes of accuracy, balanced accuracy and F1 (0..1), and the cross-entropy."""
        measured = measure_attributes(rows["label"], rows["probabilities"])
        return {"loss": float(np.mean(rows["loss"])),
                **{name: float(np.mean(measured[name])) for name in ("accuracy", "balanced_accuracy", "f1")}}


def weights_of(labels: np.ndarray, power: float) -> np.ndarray:
    """(absent / present)^power of each attribute in training, float32 (40,)."""
    present = labels.mean(axis=0).clip(1e-3, 1 - 1e-3)
    return (((1 - present) / present) ** power).astype("float32")
