"""Losses of a generator and a discriminator that are trained against each other, and a watch over both.

Discriminators give logits x; D = sigmoid(x) is the probability of a photograph. All losses are means over the batch, in
float32 whatever the type of their inputs.

| name | generator | discriminator |
|---|---|---|
| non_saturating | -log D(fake), the paper's equation 3 | -log D(real) - log(1 - D(fake)) |
| one_minus | 1 - D(fake), the authors' code; no gradient is left where D(fake) is 0 | as above |
| relativistic | ESRGAN's: each image against the mean of the other kind | the same with roles exchanged |
"""

from dataclasses import dataclass
from typing import Literal

import paddle
import paddle.nn.functional as F

from data_tools.errors import KitError

Kind = Literal["non_saturating", "one_minus", "relativistic"]
CERTAIN = 1e-3  # a mean D this close to 0 or 1 is an extreme
LARGEST_OUTPUT = 4.0  # mean |value| of a generator's images, which belong in 0..1


@dataclass(frozen=True)
class LossWeights:
    """What the generator's loss is made of, at first the paper's equations 1 to 3; a weight of 0 leaves a term out.

    pixel: mean difference of the values in [0, 1], absolute ("l1") or squared ("mse"). content: mean squared difference
    of features. adversarial: one of the three above. total_variation: see total_variation().
    """

    pixel: float = 0.0
    pixel_kind: Literal["l1", "mse"] = "l1"
    content: float = 1.0
    adversarial: float = 1e-3
    adversarial_kind: Kind = "non_saturating"
    total_variation: float = 0.0


def generator_loss(kind: Kind, fake: paddle.Tensor, real: paddle.Tensor) -> paddle.Tensor:
    """Adversarial loss of the generator from logits (N, 1) of its images and of photographs; a scalar >= 0."""
    with paddle.amp.auto_cast(enable=False):
        fake, real = fake.astype("float32"), real.astype("float32")
        if kind == "one_minus":
            return (1 - F.sigmoid(fake)).mean()
        if kind == "non_saturating":
            return _missing(fake)
        return (_missing(fake - real.mean()) + _missing(fake.mean() - real)) / 2


def discriminator_loss(kind: Kind, fake: paddle.Tensor, real: paddle.Tensor) -> paddle.Tensor:
    """Loss of the discriminator from logits (N, 1) of generated images and of photographs; a scalar >= 0."""
    with paddle.amp.auto_cast(enable=False):
        fake, real = fake.astype("float32"), real.astype("float32")
        if kind == "relativistic":
            return (_missing(real - fake.mean()) + _missing(real.mean() - fake)) / 2
        return _missing(real) + _missing(-fake)


def _missing(logits: paddle.Tensor) -> paddle.Tensor:
    """-log sigmoid(x), mean; finite for every finite x."""
    return F.softplus(-logits, threshold=40).mean()


def pixel_loss(kind: Literal["l1", "mse"], fake: paddle.Tensor, real: paddle.Tensor) -> paddle.Tensor:
    """Mean absolute or squared difference of images (N, 3, H, W); a scalar >= 0."""
    with paddle.amp.auto_cast(enable=False):
        difference = fake.astype("float32") - real.astype("float32")
        return difference.abs().mean() if kind == "l1" else difference.square().mean()


def content_loss(fake: paddle.Tensor, real: paddle.Tensor) -> paddle.Tensor:
    """The paper's equation 2 on feature maps (N, C, H, W): mean squared difference, over channels too."""
    return pixel_loss("mse", fake, real)


def total_variation(image: paddle.Tensor) -> paddle.Tensor:
    """Twice the sum of the mean squared differences of neighbours, down and across; a scalar >= 0, 0 if flat."""
    with paddle.amp.auto_cast(enable=False):
        image = image.astype("float32")
        down = (image[:, :, 1:] - image[:, :, :-1]).square().mean()
        across = (image[:, :, :, 1:] - image[:, :, :, :-1]).square().mean()
        return 2 * (down + across)


class Watch:
    """Counts steps in a row at which the game between the two has come to an end; 0 steps of patience never stop it.

    Ends: the discriminator calls everything real, or everything fake (collapsed); it tells both apart with certainty
    (nothing left to learn from it); the generator's values leave 0..1 altogether (exploded), for which a tenth of the
    patience is enough.
    """

    def __init__(self, patience: int):
        self.patience = patience
        self.steps = {"collapsed": 0, "certain": 0, "exploded": 0}

    def note(self, d_real: float, d_fake: float, mean_size: float) -> None:
        """d_real, d_fake: mean D of one step; mean_size: mean |value| of the generated images. KitError at an end."""
        now = {"collapsed": max(d_real, d_fake) < CERTAIN or min(d_real, d_fake) > 1 - CERTAIN,
               "certain": d_real > 1 - CERTAIN and d_fake < CERTAIN,
               "exploded": not mean_size < LARGEST_OUTPUT}  # NaN counts
        for name, holds in now.items():
            self.steps[name] = self.steps[name] + 1 if holds else 0
        if not self.patience:
            return
        seen = f"D(real) {d_real:.4f}, D(fake) {d_fake:.4f}"
        if self.steps["exploded"] >= max(1, self.patience // 10):
            raise KitError(f"the generator exploded: its values are {mean_size:.3g} in the mean, for "
                           f"{self.steps['exploded']} steps, where images are in 0..1; try a lower --optimizer.lr, "
                           "--clip_norm 1, or a longer warm start")
        if self.steps["collapsed"] >= self.patience:
            raise KitError("the discriminator collapsed: it says the same of photographs and of generated images, "
                           f"{seen}, for {self.steps['collapsed']} steps; try a lower --optimizer.lr or another "
                           "adversarial loss")
        if self.steps["certain"] >= self.patience:
            raise KitError(f"the discriminator has won: {seen}, for {self.steps['certain']} steps, and the generator "
                           "learns nothing from it any more; try the relativistic loss, a lower --optimizer.lr or more "
                           "images")
