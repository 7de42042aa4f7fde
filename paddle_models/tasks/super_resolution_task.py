"""Super-resolution as tasks for the trainer: pixel loss alone, and a generator against a discriminator."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import nn

from paddle_models.tasks.adversarial import (
    LossWeights,
    Watch,
    content_loss,
    discriminator_loss,
    generator_loss,
    pixel_loss,
    total_variation,
)
from paddle_models.tasks.image_metrics import measure, to_bytes
from paddle_models.tasks.task import Batch, Mode, Rows, Task
from paddle_models.weights.perceptual import MobileNetFeatures

METRICS = ("psnr_y", "ssim_y", "psnr_rgb", "ssim_rgb")


class SuperResolutionTask(Task):
    """One generator that maps "lr" (B, 3, H, W) to "hr" (B, 3, sH, sW), RGB in [0, 1], trained by the pixel loss.

    pixel_kind: mean absolute ("l1") or squared ("mse") difference. Evaluation takes one image to a batch.
    """

    judged = ("generator",)
    monitor = "psnr_y"
    mode: Mode = "max"

    def __init__(self, generator: nn.Layer, pixel_kind: Literal["l1", "mse"] = "l1"):
        self.networks = {"generator": generator}
        self.scale, self.pixel_kind = generator.scale, pixel_kind
        self._noted: dict[str, list[float]] = defaultdict(list)

    def losses(self, batch: Batch) -> Iterator[tuple[str, paddle.Tensor]]:
        """The pixel loss."""
        yield "generator", pixel_loss(self.pixel_kind, self.networks["generator"](batch["lr"]), batch["hr"])

    def training_metrics(self) -> dict[str, float]:
        """Means since the last call of what was noted."""
        means = {name: float(np.mean(values)) for name, values in self._noted.items()}
        self._noted.clear()
        return means

    def evaluate(self, batch: Batch) -> Rows:
        """index (1,) and METRICS (1,) of one image, by the protocol of image_metrics."""
        if len(batch["index"]) != 1:
            raise ValueError(f"evaluation takes one image to a batch, this one has {len(batch['index'])}")
        found = self.compare(self.networks["generator"](batch["lr"]).astype("float32"), batch["hr"])
        return {"index": batch["index"].numpy(), **{name: np.array([value]) for name, value in found.items()}}

    def compare(self, enlarged: paddle.Tensor, whole: paddle.Tensor) -> dict[str, float]:
        """METRICS of one enlarged image (1, 3, H, W) beside the original."""
        found = measure(as_image(enlarged), as_image(whole), self.scale)
        return {name: found[name] for name in METRICS}

    def summarize(self, rows: Rows) -> dict[str, float]:
        """Means over the images of what was compared: PSNR in dB, SSIM."""
        return {name: float(np.mean(values)) for name, values in rows.items() if name != "index"}


class AdversarialTask(SuperResolutionTask):
    """A generator against a discriminator, stepped in this order, once each for every batch.

    features: where weights.content is not 0. discriminator_rate: its learning rate over the generator's (arXiv
    1706.08500 trains the two at different speeds). patience: steps in a row of a collapsed discriminator (see Watch)
    after which a KitError says so; 0 never. Logged beside the losses: the terms of the generator's loss before
    weighting, D(real) and D(fake).
    With a content loss the best weights are those of the smallest one on the validation images: by PSNR the first,
    still smooth ones would win.
    """

    def __init__(self, generator: nn.Layer, discriminator: nn.Layer, weights: LossWeights,
                 features: MobileNetFeatures | None = None, discriminator_rate: float = 1.0, patience: int = 500):
        super().__init__(generator, weights.pixel_kind)
        if weights.content and features is None:
            raise ValueError("a content loss needs features to compare")
        self.networks["discriminator"], self.rates = discriminator, {"discriminator": discriminator_rate}
        self.weights, self.watch = weights, Watch(patience)
        self.features = features if weights.content else None
        self.frozen = (self.features.network,) if self.features is not None else ()
        if weights.content:
            self.monitor, self.mode = "content", "min"

    def losses(self, batch: Batch) -> Iterator[tuple[str, paddle.Tensor]]:
        """The weighted sum of the generator's terms, then the discriminator's loss on the same images."""
        generator, discriminator, kind = *self.networks.values(), self.weights.adversarial_kind
        real, fake = batch["hr"], generator(batch["lr"])
        with not_trained(discriminator):
            seen_real = discriminator(real) if kind == "relativistic" else paddle.zeros([1, 1])
            terms = self._terms(fake, real, discriminator(fake), seen_real)
        yield "generator", sum(getattr(self.weights, name) * term for name, term in terms.items())
        fake = fake.detach()
        seen_fake, seen_real = discriminator(fake), discriminator(real)
        self._note(terms, seen_fake, seen_real, fake)
        yield "discriminator", discriminator_loss(kind, seen_fake, seen_real)

    def compare(self, enlarged: paddle.Tensor, whole: paddle.Tensor) -> dict[str, float]:
        """METRICS, and the content loss where there is one."""
        found = super().compare(enlarged, whole)
        if self.features is not None:
            found["content"] = float(content_loss(self.features(enlarged), self.features(whole)))
        return found

    def _terms(self, fake, real, seen_fake, seen_real) -> dict[str, paddle.Tensor]:
        """{field of LossWeights: scalar}; terms of weight 0 are left out, but for the pixel loss."""
        weights = self.weights
        terms = {"pixel": pixel_loss(weights.pixel_kind, fake, real)}
        if self.features is not None:
            with paddle.no_grad():
                wanted = self.features(real)
            terms["content"] = content_loss(self.features(fake), wanted)
        if weights.adversarial:
            terms["adversarial"] = generator_loss(weights.adversarial_kind, seen_fake, seen_real)
        if weights.total_variation:
            terms["total_variation"] = total_variation(fake)
        return terms

    def _note(self, terms: dict[str, paddle.Tensor], seen_fake, seen_real, fake) -> None:
        d_real, d_fake = (float(F.sigmoid(seen.detach().astype("float32")).mean()) for seen in (seen_real, seen_fake))
        for name, term in terms.items():
            self._noted[name].append(float(term))
        self._noted["d_real"].append(d_real)
        self._noted["d_fake"].append(d_fake)
        self.watch.note(d_real, d_fake, float(fake.astype("float32").abs().mean()))


@contextmanager
def not_trained(network: nn.Layer):
    """Gradients pass through the network to its inputs, but none are computed for its weights."""
    parameters = [parameter for parameter in network.parameters() if not parameter.stop_gradient]
    for parameter in parameters:
        parameter.stop_gradient = True
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.stop_gradient = False


def as_image(tensor: paddle.Tensor) -> np.ndarray:
    """(1, 3, H, W) in [0, 1] to (H, W, 3) uint8."""
    return to_bytes(tensor.numpy()[0].transpose(1, 2, 0))
