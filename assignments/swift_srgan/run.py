"""Train and judge a super-resolution generator: python assignments/swift_srgan/run.py --preset sample

Presets are in presets.yaml; every setting can be given on the command line (--help). Figures: figures.py beside this
file.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from assignments.common.runner import Assignment, run_assignment
from data_tools.errors import KitError
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
    holdout: float = 0.03
    """share of the training images that chooses the best weights where validation_sets is empty"""
    largest: int = 0
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
    crop: int = 96
    """side in pixels of the high-resolution crops"""
    crops_per_image: int = 1
    """crops of each image in an epoch"""
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
    discriminator_rate: float = 1.0
    """learning rate of the discriminator over the generator's"""
    variation_weight: float = 0.0
    """weight of the total variation"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.discriminator_rate > 0.0:
            raise KitError(f"setting discriminator_rate: {self.discriminator_rate} is not above 0")
        if not 0.0 < self.holdout < 1.0:
            raise KitError(f"setting holdout: {self.holdout} is outside (0, 1)")
        if self.model != "swift_srgan" and (self.scale != 4 or self.residual):
            raise KitError(f"setting model: {self.model} enlarges 4 times and has no residual form; leave out --scale "
                           "and --residual")
        if not self.train_sets or not self.test_sets:
            raise KitError("settings train_sets and test_sets: name at least one set each")


def train(settings: SuperResolutionSettings, run, device: str, resume: bool) -> dict[str, Any]:
    """Fit, load the best weights, judge them once on the test sets, write their enlarged images and the figures'
    arrays."""
    from assignments.swift_srgan import record
    from assignments.swift_srgan.image_sets import find_sets
    from data_tools.packed.packed_images import PackedImages, join
    from paddle_models.fast.fast_layers import accelerate
    from paddle_models.trainer import runtime
    from paddle_models.trainer.crop_data import CropData
    from paddle_models.trainer.fitting import fit_best
    from paddle_models.trainer.loop import Trainer, seed_everything
    from paddle_models.trainer.progress import say

    sets = find_sets(settings)
    say(f"data: {sets.path} ({sets.origin}); " + "; ".join(
        f"{part} {', '.join(f'{images.name} {len(images)}' for images in getattr(sets, part))}"
        for part in ("training", "validation", "test")))
    for note in sets.notes:
        say(f"  {note}")
    training, validation = (join([PackedImages.open(images) for images in part])
                            for part in (sets.training, sets.validation))
    tests = {images.name: PackedImages.open(images) for images in sets.test}

    seed_everything(settings.seed, 0)
    task = build_task(settings)
    layers = [accelerate(network, settings.fast_layers) for network in task.networks.values()]
    if getattr(task, "features", None) is not None:
        accelerate(task.features.network, settings.fast_layers)
    say(f"{settings.model} x{settings.scale} on {runtime.describe(device)}; {layers[0].reason}")

    data = CropData(training, validation, settings.crop, settings.scale, batch_size=settings.batch_size,
                    seed=settings.seed, workers=settings.workers, crops_per_image=settings.crops_per_image,
                    largest=settings.largest, skip_small=True)
    trainer = Trainer(task, data, settings, run, device)
    fit_best(trainer, resume, training.fingerprint, layers[0])
    return record.write(run, settings, sets, tests, data, trainer)


def build_generator(settings: SuperResolutionSettings):
    """The generator of these settings, with fresh or given weights."""
    from assignments.swift_srgan.generators import load_generator
    from paddle_models.networks.esrgan import RRDBNet
    from paddle_models.networks.srgan import SRResNet
    from paddle_models.networks.swift_srgan import SwiftGenerator

    if settings.weights:
        given = load_generator(settings.weights, settings.model)
        found = given.scale, getattr(given.network, "adds_to_bicubic", False)
        if found != (settings.scale, settings.residual):
            raise KitError(f"setting weights: {settings.weights} are of scale {found[0]}, residual "
                           f"{str(found[1]).lower()}; this "
                           f"run has scale {settings.scale}, residual {str(settings.residual).lower()}")
        return given.network
    return {"swift_srgan": lambda: SwiftGenerator(settings.scale, settings.residual), "srgan": SRResNet,
            "esrgan": RRDBNet}[settings.model]()


def build_task(settings: SuperResolutionSettings):
    """Pixel loss alone, or the generator against a discriminator."""
    from paddle_models.networks.swift_srgan import SwiftDiscriminator
    from paddle_models.tasks.adversarial import LossWeights
    from paddle_models.tasks.super_resolution_task import AdversarialTask, SuperResolutionTask
    from paddle_models.weights.perceptual import MobileNetFeatures

    generator = build_generator(settings)
    if not settings.adversarial:
        return SuperResolutionTask(generator, settings.pixel_loss)
    weights = LossWeights(settings.pixel_weight, settings.pixel_loss, settings.content_weight,
                          settings.adversarial_weight,
                          settings.adversarial_loss, settings.variation_weight)
    features = MobileNetFeatures(settings.content_weights) if settings.content_weight else None
    return AdversarialTask(generator, SwiftDiscriminator(), weights, features, settings.discriminator_rate)


EXPORTED = (128, 128)  # height and width that an exported generator takes: a tile


def network_of(settings: SuperResolutionSettings, run: Path):
    """(generator with fresh weights, input shape, no class names, value range of the input) of a finished run, for
    export."""
    import dataclasses

    return build_generator(dataclasses.replace(settings, weights="")), (None, 3, *EXPORTED), [], (0.0, 1.0)


def released(settings: SuperResolutionSettings):
    """(network, metadata) of weights that are passed on; see assignments/commands/release.py."""
    return "generator", {"model": settings.model, "scale": str(settings.scale),
                         "residual": str(settings.residual).lower(),
                         "value_range": "0..1"}


ASSIGNMENT = Assignment("swift_srgan", SuperResolutionSettings, train)


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; the exit status is 2 for an error that the user can mend, 130 for a run that was stopped."""
    return run_assignment(ASSIGNMENT, argv)


if __name__ == "__main__":
    sys.exit(main())
