"""Train and judge a glasses classifier: python assignments/glasses/run.py --preset sample

Presets are in presets.yaml; every setting can be given on the command line (--help). Figures: figures.py beside this
file; experiments.py, search.py and label_errors.py train many networks as this does.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

from assignments.common.runner import Assignment, run_assignment
from data_tools.errors import KitError
from paddle_models.trainer.settings import TrainerSettings

CELEBA_ASPECT, CELEBA_ZOOM = 218 / 178, 1.5


@dataclass
class GlassesSettings(TrainerSettings):
    """Glasses or no glasses"""

    data: str = ""
    """folder or zip of the Kaggle set, or celeba:PATH; "sample" draws a stand-in; empty searches the usual places, then
    draws"""
    skip_unreadable: bool = False
    """leave out images that cannot be decoded instead of stopping with their names"""
    image_size: int = 32
    """side in pixels that images are packed at"""
    crop: Literal["centre", "none"] = "centre"
    """of images that are not square: their middle square, or none, which squeezes them into one"""
    zoom: float = 0.0
    """keep the middle 1/zoom of each side; 0: 1.5 for images framed as CelebA's, whose faces are smaller than the
    document's"""
    filters: list[int] = field(default_factory=lambda: [32, 64, 128])
    """filters of the convolution of each block"""
    pooling: Literal["max", "average"] = "max"
    """of every block"""
    kernel: int = 3
    """side of every convolution's filters"""
    neurons: list[int] = field(default_factory=lambda: [128])
    """hidden units, a number per dense layer"""
    dropout: float = 0.5
    """share of the inputs of every dense layer that is dropped in training"""
    augmentation: Literal["none", "light", "strong"] = "none"
    """light: mirror, small shift, turn and zoom, mild light; strong: colours and hidden patches too; the document uses
    none"""
    label_smoothing: float = 0.0
    """share of the target that is spread over both classes"""
    flip_at_test: bool = False
    """judge each image together with its mirror image"""
    uncertain: list[float] = field(default_factory=lambda: [0.4, 0.6])
    """probabilities from the first to the second are flagged and left out of keep_list.csv"""
    threshold_by: Literal["accuracy", "balanced_accuracy"] = "balanced_accuracy"
    """what the threshold chosen on the validation images makes largest; 0.5 is reported beside it"""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, lowest in (("filters", 1), ("neurons", 1), ("kernel", 1), ("image_size", 8)):
            value = getattr(self, name)
            if any(part < lowest for part in (value if isinstance(value, list) else [value])):
                raise KitError(f"setting {name}: {value} holds a number below {lowest}")
        for name in ("dropout", "label_smoothing"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise KitError(f"setting {name}: {getattr(self, name)} is outside [0, 1)")
        if self.zoom and not 1.0 <= self.zoom <= 4.0:
            raise KitError(f"setting zoom: {self.zoom} is neither 0 nor between 1 and 4")
        if len(self.uncertain) != 2 or not 0.0 <= self.uncertain[0] <= self.uncertain[1] <= 1.0:
            raise KitError(f"setting uncertain: {self.uncertain} are not two probabilities, the lower one first")


@dataclass(frozen=True)
class MiddleSigned:
    """(B, H, W, 3) uint8 to the network's input: float32 (B, 3, side, side) in [-1, 1], the middle of each image."""

    side: int

    def __call__(self, images):
        from data_tools.batches.loader import to_signed_unit

        return to_signed_unit(middle(images, self.side))


def middle(images, side: int):
    """(B, H, W, 3) to (B, side, side, 3), a view."""
    top, left = ((length - side) // 2 for length in images.shape[1:3])
    return images[:, top:top + side, left:left + side]


class Stores(NamedTuple):
    """What find_or_draw() found, and its splits packed at one size; `unlabelled` is None where there is none."""

    glasses: Any
    training: Any
    validation: Any
    test: Any
    unlabelled: Any


def open_stores(settings: GlassesSettings) -> Stores:
    """Find or draw the images and pack them, unless they are packed already."""
    from data_tools.sets.glasses import find_or_draw
    from paddle_models.trainer.progress import say

    glasses = find_or_draw(settings.data)
    splits = {name: getattr(glasses, name) for name in Stores._fields[1:]}
    counts = ", ".join(f"{name} {len(images)}" for name, images in splits.items())
    say(f"data: {glasses.path} ({glasses.origin}); images: {counts}")
    for note in glasses.notes:
        say(f"  {note}")
    zoom = zoom_of(settings, glasses.training)
    if zoom > 1:
        say(f"  the middle 1/{zoom:g} of each side is used")
    settings = replace(settings, zoom=zoom)  # one for all splits, whatever the first images of each look like
    return Stores(glasses, **{name: open_store(settings, images) if len(images) else None for name,
                              images in splits.items()})


def open_store(settings: GlassesSettings, images, **how):
    """One image set packed for these settings; MiddleSigned makes the network's input of it. how: as
    RecordStore.open."""
    from data_tools.packed.records import RecordStore

    side = round(zoom_of(settings, images) * settings.image_size)
    return RecordStore.open(images, side, skip_unreadable=settings.skip_unreadable,
                            crop=None if settings.crop == "none" else settings.crop, **how)


def zoom_of(settings: GlassesSettings, images) -> float:
    """The setting, or what fits the images where it is 0."""
    return settings.zoom or (CELEBA_ZOOM if framed_as_celeba(images) else 1.0)


def framed_as_celeba(images) -> bool:
    """Whether the first images are 178 wide for 218 high, as CelebA's aligned photographs are in any size."""
    sizes = images.subset(range(min(len(images), 8))).sizes()
    return bool((abs(sizes[:, 1] / sizes[:, 0].clip(1) - CELEBA_ASPECT) < 0.02).all())


def build(settings: GlassesSettings):
    """The network of these settings, with fresh weights."""
    from paddle_models.networks.glasses_cnn import GlassesCNN

    return GlassesCNN(settings.image_size, settings.filters, settings.pooling, settings.kernel, settings.neurons,
                      settings.dropout)


def fit(settings: GlassesSettings, training, validation, run, device: str, resume: bool = False, rows=(None, None),
        stopping=None):
    """A Trainer that has come to its end, with the best weights in its network.

    training, validation: stores. rows: those of each that are used, None for all. stopping: in place of plain early
    stopping.
    """
    from data_tools.batches.augment import Augmenter, light_pipeline, strong_face_pipeline
    from paddle_models.fast.fast_layers import accelerate
    from paddle_models.tasks.binary_task import BinaryTask
    from paddle_models.trainer import runtime
    from paddle_models.trainer.fitting import fit_best
    from paddle_models.trainer.loop import Trainer, seed_everything
    from paddle_models.trainer.progress import say
    from paddle_models.trainer.store_data import StoreData

    seed_everything(settings.seed, 0)
    network = build(settings)
    layers = accelerate(network, settings.fast_layers)
    side, blocks = settings.image_size, len(settings.filters)
    say(f"{blocks} blocks at {side}x{side} on {runtime.describe(device)}; {layers.reason}")
    pipeline = {"light": light_pipeline, "strong": strong_face_pipeline}.get(settings.augmentation)
    augmenter = Augmenter(pipeline()) if pipeline else None
    data = StoreData(training, validation, batch_size=settings.batch_size, seed=settings.seed, workers=settings.workers,
                     augmenter=augmenter, training_rows=rows[0], validation_rows=rows[1],
                     normalize=MiddleSigned(side))
    task = BinaryTask(network, settings.label_smoothing, settings.flip_at_test)
    trainer = Trainer(task, data, settings, run, device)
    trainer.stopping = stopping or trainer.stopping
    fit_best(trainer, resume, training.fingerprint, layers)
    return trainer


def train(settings: GlassesSettings, run, device: str, resume: bool) -> dict[str, Any]:
    """Fit, judge the best weights on the test images once, write predictions, lists and figures' arrays."""
    from assignments.glasses import record

    build(settings)  # settings that fit no network are told before any image is packed
    stores = open_stores(settings)
    trainer = fit(settings, stores.training, stores.validation, run, device, resume)
    return record.write(run, settings, stores, trainer)


def network_of(settings: GlassesSettings, run: Path):
    """(network with fresh weights, input shape, class names, value range of the input) of a finished run, for
    export."""
    from data_tools.sets.glasses import CLASSES

    side = settings.image_size
    return build(settings), (None, 3, side, side), CLASSES[1:], (-1.0, 1.0)


ASSIGNMENT = Assignment("glasses", GlassesSettings, train)


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; the exit status is 2 for an error that the user can mend, 130 for a run that was stopped."""
    return run_assignment(ASSIGNMENT, argv)


if __name__ == "__main__":
    sys.exit(main())
