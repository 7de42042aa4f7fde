"""Settings of a super-resolution run."""

from dataclasses import dataclass, field
from typing import Literal

from data_tools.errors import KitError
from paddle_models.trainer.ranges import bounded
from paddle_models.trainer.settings import TrainerSettings


@dataclass
class SuperResolutionSettings(TrainerSettings):
    """Super-resolution"""

    data: str = ""
    """folder that holds the sets; "photographs": those inside installed packages; "sample" draws pictures; empty
    searches the usual places, then draws"""
    train_sets: list[str] = field(default_factory=lambda: ["DIV2K_train", "Flickr2K"])
    """known sets (T91, BSDS500_train, ...) or folders of images to train on"""
    validation_sets: list[str] = field(default_factory=list)
    """sets that choose the best weights; empty holds out a part of each training set"""
    test_sets: list[str] = field(default_factory=lambda: ["Set5", "Set14"])
    """sets that the best weights are judged on, once"""
    leave_out: list[str] = field(default_factory=lambda: ["302003"])
    """training images that are left out, by their names without suffix; 302003 of BSDS500 is Set5's woman at 1.39 times
    the size"""
    holdout: float = bounded(0.03, 0, 1, open="both")
    """share of the training images that chooses the best weights where validation_sets is empty"""
    largest: int = bounded(0, 0)
    """longest side of a validation image, its middle; 0 = whole images"""
    scale: Literal[2, 4, 8] = 4
    """enlargement"""
    model: Literal["swift_srgan", "srgan", "esrgan"] = "swift_srgan"
    """generator; srgan and esrgan enlarge 4 times"""
    residual: bool = False
    """swift_srgan: add the output to the bicubic enlargement, without tanh"""
    weights: str = ""
    """what the generator starts from: "pixel" of the kit's own, a run folder, a .safetensors file; empty: from
    scratch"""
    crop: int = bounded(96, 1)
    """side in pixels of the high-resolution crops"""
    crops_per_image: int = bounded(1, 1)
    """crops of each image in an epoch"""
    noise: float = bounded(0.0, 0, 255)
    """noise that is added to the low-resolution crops: a deviation from 0 to this many levels of 256"""
    adversarial: bool = True
    """train against a discriminator; else the pixel loss alone"""
    pixel_loss: Literal["l1", "mse"] = "l1"
    """mean absolute or mean squared difference"""
    pixel_weight: float = 0.0
    """weight of the pixel loss with a discriminator"""
    content_weight: float = 1.0
    """weight of the squared difference of MobileNetV2's features"""
    content_weights: str = ""
    """MobileNetV2 weights for the content loss (a file, or "imagenet"); empty takes fixed random filters"""
    adversarial_weight: float = 0.001
    """weight of the adversarial loss"""
    adversarial_loss: Literal["non_saturating", "one_minus", "relativistic"] = "non_saturating"
    """-log D as the paper describes, 1 - D as its code has it, or relative to the photographs"""
    discriminator_rate: float = bounded(1.0, 0, open="low")
    """learning rate of the discriminator over the generator's"""
    variation_weight: float = 0.0
    """weight of the total variation"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.model != "swift_srgan" and (self.scale != 4 or self.residual):
            raise KitError(f"setting model: {self.model} enlarges 4 times and has no residual form; leave out --scale "
                           "and --residual")
        if not self.train_sets or not self.test_sets:
            raise KitError("settings train_sets and test_sets: name at least one set each")
