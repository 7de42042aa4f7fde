"""Train and judge a facial attribute network: python assignments/face_attributes/run.py --preset sample

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
class FaceSettings(TrainerSettings):
    """Facial attributes"""

    data: str = ""
    """folder or zip of CelebA, or a part of it; "sample" draws a stand-in; empty searches the usual places, then
    draws"""
    skip_unreadable: bool = False
    """leave out images that cannot be decoded instead of stopping with their names"""
    image_size: int = 128
    """side in pixels that the centre square of each image is resized to; a multiple of 32"""
    variant: Literal["s0", "s1", "s2", "l"] = "s2"
    """size of the EfficientFormerV2 backbone"""
    weights: str = ""
    """.safetensors file that the backbone starts from (python -m assignments weights makes one); empty: from scratch"""
    heads: Literal["regions", "single"] = "regions"
    """the document's seven heads, or one linear layer as a baseline"""
    head_widths: list[int] = field(default_factory=lambda: [1024, 512])
    """hidden units of each head, a number per layer"""
    dropout: float = 0.0
    """share of the heads' hidden units that is dropped in training"""
    drop_path: float | None = None
    """stochastic depth of the last block; null takes the value of the EfficientFormerV2 paper"""
    augmentation: Literal["document", "strong", "none"] = "document"
    """the document's colour jitter and horizontal flip; strong adds shift, turn, zoom and hidden patches"""
    positive_weights: float = 0.0
    """weight of a present attribute: (absent / present in training) to this power; 0 = plain cross-entropy"""
    gamma: float = 0.0
    """exponent of the focal loss; 0 = plain cross-entropy"""
    flip_at_test: bool = False
    """judge each image together with its mirror image"""
    choose_on: Literal["auto", "validation", "holdout"] = "auto"
    """what chooses the best epoch; auto: the validation split where a test split is there to judge, else a holdout"""
    holdout: float = 0.1
    """share of the training images that is held out with choose_on holdout"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0.0 < self.holdout < 1.0:
            raise KitError(f"setting holdout: {self.holdout} is outside (0, 1)")
        if self.image_size < 32 or self.image_size % 32:
            raise KitError(f"setting image_size: {self.image_size} is not a multiple of 32; the nearest is "
                           f"{max(32, 32 * round(self.image_size / 32))}")
        if any(width < 1 for width in self.head_widths):
            raise KitError(f"setting head_widths: {self.head_widths} holds a width below 1")
        for name in ("dropout", "drop_path"):
            if not 0.0 <= (getattr(self, name) or 0.0) < 1.0:
                raise KitError(f"setting {name}: {getattr(self, name)} is outside [0, 1)")
        if self.positive_weights < 0.0:
            raise KitError(f"setting positive_weights: {self.positive_weights} is negative")
        if self.gamma < 1.0 and self.gamma != 0.0:  # between them the slope at a certain answer is infinite
            raise KitError(f"setting gamma: {self.gamma} is neither 0 nor at least 1")


def train(settings: FaceSettings, run, device: str, resume: bool) -> dict[str, Any]:
    """Fit, load the best weights, judge them once on the last split that has images, write predictions and arrays."""
    from assignments.face_attributes import record
    from data_tools.batches.augment import Augmenter, face_pipeline, strong_face_pipeline
    from data_tools.batches.loader import to_unit
    from data_tools.packed.store import PackedStore
    from data_tools.sets.celeba import CROP, find_or_draw
    from paddle_models.fast.fast_layers import accelerate
    from paddle_models.networks.parts import count_parameters
    from paddle_models.tasks.attribute_task import AttributeTask
    from paddle_models.trainer import runtime
    from paddle_models.trainer.fitting import fit_best
    from paddle_models.trainer.loop import Trainer, seed_everything
    from paddle_models.trainer.progress import say
    from paddle_models.trainer.store_data import StoreData

    celeba = find_or_draw(settings.data)
    say(f"data: {celeba.path} ({celeba.origin}); images for training {len(celeba.training)}, validation "
        f"{len(celeba.validation)}, test {len(celeba.test)}")
    for note in celeba.notes:
        say(f"  {note}")
    judge = "test" if len(celeba.test) else "validation"

    def packed(images) -> PackedStore:
        return PackedStore.open(images, settings.image_size, crop=CROP, skip_unreadable=settings.skip_unreadable)

    training, test = packed(celeba.training), packed(getattr(celeba, judge))
    validation = test if judge == "validation" else packed(celeba.validation) if len(celeba.validation) else None
    chooser, kept, held = choose(settings, training, validation, judge)

    seed_everything(settings.seed, 0)
    network = build(settings)
    parameters = count_parameters(network)
    layers = accelerate(network, settings.fast_layers)
    say(f"EfficientFormerV2-{settings.variant.upper()} on {runtime.describe(device)}; {layers.reason}")

    weights = positive_weights(training.labels, settings.positive_weights) if settings.positive_weights else None
    pipeline = {"document": face_pipeline, "strong": strong_face_pipeline}.get(settings.augmentation)
    data = StoreData(training, chooser, batch_size=settings.batch_size, seed=settings.seed, workers=settings.workers,
                     augmenter=Augmenter(pipeline()) if pipeline else None, training_rows=kept, validation_rows=held,
                     normalize=to_unit)
    trainer = Trainer(AttributeTask(network, weights, settings.gamma, settings.flip_at_test), data, settings, run,
                      device)
    fit_best(trainer, resume, training.fingerprint, layers)
    rows, _ = trainer.evaluate(data.in_order(test))
    return record.write(run, settings, celeba, training, test, judge, trainer, rows, parameters)


def build(settings: FaceSettings):
    """The network of these settings, with fresh weights or a given backbone's."""
    from paddle_models.networks.face_attributes import face_attribute_net
    from paddle_models.weights.convert import load_converted

    network = face_attribute_net(settings.variant, settings.image_size, settings.heads, settings.head_widths,
                                 settings.dropout, settings.drop_path)
    if settings.weights:
        load_converted(network.backbone, settings.weights)
    return network


def choose(settings: FaceSettings, training, validation, judge: str) -> tuple[Any, Any, Any]:
    """(store whose images choose the best epoch, rows to train on, rows that choose); None = all rows.

    validation: its store, None where the split is empty. judge: the split that is judged at the end, "validation" or
    "test". Raises KitError where nothing is left to choose on or to train on.
    """
    import numpy as np

    if settings.choose_on == "validation" and validation is None:
        raise KitError("setting choose_on: the validation split has no images here; use holdout or auto")
    held_out = settings.choose_on == "holdout" or (settings.choose_on == "auto"
                                                   and (judge == "validation" or validation is None))
    if not held_out:
        return validation, None, None
    order = np.random.default_rng(settings.seed).permutation(len(training))
    count = max(1, round(settings.holdout * len(training)))
    if count >= len(training):
        raise KitError(f"setting holdout: {settings.holdout:.0%} of {len(training)} training images leaves none to "
                       f"train on")
    return training, np.sort(order[count:]), np.sort(order[:count])


def positive_weights(labels, power: float):
    """(absent / present)^power of each attribute in training, float32 (40,)."""
    import numpy as np

    present = labels.mean(axis=0).clip(1e-3, 1 - 1e-3)
    return (((1 - present) / present) ** power).astype(np.float32)


def network_of(settings: FaceSettings, run: Path):
    """(network with fresh weights, input shape, class names, value range of the input) of a finished run, for
    export."""
    import dataclasses

    from paddle_models.networks.face_attributes import HEAD_ORDER

    side = settings.image_size
    return build(dataclasses.replace(settings, weights="")), (None, 3, side, side), list(HEAD_ORDER), (0.0, 1.0)


def released(settings: FaceSettings) -> tuple[str, dict[str, str]]:
    """(network, metadata) of weights that are passed on; see assignments/commands/release.py."""
    return "model", {"variant": settings.variant, "image_size": str(settings.image_size), "heads": settings.heads,
                     "value_range": "0..1", "terms": "trained on CelebA: non-commercial research and education only"}


ASSIGNMENT = Assignment("face_attributes", FaceSettings, train)


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; the exit status is 2 for an error that the user can mend, 130 for a run that was stopped."""
    return run_assignment(ASSIGNMENT, argv)


if __name__ == "__main__":
    sys.exit(main())
