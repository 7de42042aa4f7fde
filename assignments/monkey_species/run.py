"""Train and judge a monkey classifier: python assignments/monkey_species/run.py --preset sample

Presets are in presets.yaml; every setting can be given on the command line (--help). Figures: figures.py beside this
file.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from assignments.common.runner import Assignment, run_assignment
from data_tools.errors import KitError
from paddle_models.trainer.settings import TrainerSettings


@dataclass
class MonkeySettings(TrainerSettings):
    """Monkey species"""

    data: str = ""
    """folder or zip of the 10 Monkey Species set; "sample" draws a stand-in; empty searches the usual places, then
    draws"""
    skip_unreadable: bool = False
    """leave out images that cannot be decoded instead of stopping with their names"""
    image_size: int = 224
    """side in pixels that images are resized to"""
    model: str = "resnet50"
    """resnet50, resnet101, resnet152, mobilenet_v2 or paddleclas:NAME"""
    weights: str = ""
    """empty trains from scratch, "imagenet" downloads, else a .safetensors or .pdparams file of a network for [-1,
    1]"""
    train: Literal["all", "head"] = "all"
    """train all weights, or only the last layer on a frozen backbone"""
    augmentation: Literal["document", "light", "none"] = "document"
    """the document's imgaug pipeline, or a milder one for fine-tuning"""
    label_smoothing: float = 0.0
    """share of the target that is spread over all classes"""
    mixup: float = 0.0
    """alpha of mixup's Beta distribution; 0 = none"""
    flip_at_test: bool = False
    """judge each image together with its mirror image"""
    choose_on: Literal["validation", "holdout"] = "validation"
    """what chooses the best epoch: the validation images (as the document, flattering) or a part of the training
    images"""
    holdout: float = 0.1
    """share of the training images of each class that is held out with choose_on holdout"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.image_size < 8:
            raise KitError(f"setting image_size: {self.image_size} is below 8")
        if not 0.0 <= self.label_smoothing < 1.0:
            raise KitError(f"setting label_smoothing: {self.label_smoothing} is outside [0, 1)")
        if not self.mixup >= 0.0:
            raise KitError(f"setting mixup: {self.mixup} is negative")


def train(settings: MonkeySettings, run, device: str, resume: bool) -> dict[str, Any]:
    """Fit, load the best weights, judge them on the validation images once, write predictions and figures' arrays."""
    from assignments.monkey_species import record
    from data_tools.batches.augment import Augmenter, light_pipeline, monkey_pipeline
    from data_tools.batches.loader import hold_out
    from data_tools.packed.store import PackedStore
    from data_tools.sets.monkeys import find_or_draw
    from paddle_models.fast.fast_layers import accelerate
    from paddle_models.networks.parts import count_parameters, freeze_backbone
    from paddle_models.tasks.classification import ClassificationTask
    from paddle_models.trainer import runtime
    from paddle_models.trainer.fitting import fit_best
    from paddle_models.trainer.loop import Trainer, seed_everything
    from paddle_models.trainer.progress import say
    from paddle_models.trainer.store_data import StoreData
    from paddle_models.weights.zoo import build_model

    monkeys = find_or_draw(settings.data)
    say(f"data: {monkeys.path} ({monkeys.origin}), {len(monkeys.training)} training and {len(monkeys.validation)} "
        f"validation images")
    for note in monkeys.notes:
        say(f"  {note}")
    training = PackedStore.open(monkeys.training, settings.image_size, skip_unreadable=settings.skip_unreadable)
    test = PackedStore.open(monkeys.validation, settings.image_size, skip_unreadable=settings.skip_unreadable)
    chooser, kept, held = test, None, None
    if settings.choose_on == "holdout":
        chooser, (kept, held) = training, hold_out(training.labels, settings.holdout, settings.seed)

    seed_everything(settings.seed, 0)
    network = build_model(settings.model, len(monkeys.classes), settings.weights)
    parameters = count_parameters(network)
    if settings.train == "head":
        freeze_backbone(network)
    layers = accelerate(network, settings.fast_layers)
    say(f"{settings.model} on {runtime.describe(device)}; {layers.reason}")

    pipeline = {"document": monkey_pipeline, "light": light_pipeline}.get(settings.augmentation)
    data = StoreData(training, chooser, batch_size=settings.batch_size, seed=settings.seed, workers=settings.workers,
                     augmenter=Augmenter(pipeline()) if pipeline else None, training_rows=kept, validation_rows=held)
    task = ClassificationTask(network, monkeys.classes, settings.label_smoothing, settings.mixup,
                              settings.flip_at_test)
    trainer = Trainer(task, data, settings, run, device)
    fit_best(trainer, resume, training.fingerprint, layers)
    rows, _ = trainer.evaluate(data.in_order(test))
    return record.write(run, settings, monkeys, training, test, trainer, rows, parameters)


def network_of(settings: MonkeySettings, run: Path):
    """(network with fresh weights, input shape, class names, value range of the input) of a finished run, for
    export."""
    import numpy as np

    from paddle_models.weights.files import read_header
    from paddle_models.weights.zoo import rebuild_model

    file = run / "predictions.npz"
    if not file.is_file():
        raise KitError(f"{run} has no predictions.npz, which names the classes: let the run come to its end first")
    with np.load(file, allow_pickle=False) as predictions:
        classes = [str(name) for name in predictions["classes"]]
    network = rebuild_model(settings.model, len(classes), settings.weights,
                            read_header(run / "checkpoints" / "best.safetensors"))
    return network, (None, 3, settings.image_size, settings.image_size), classes, (-1.0, 1.0)


ASSIGNMENT = Assignment("monkey_species", MonkeySettings, train)


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; the exit status is 2 for an error that the user can mend, 130 for a run that was stopped."""
    return run_assignment(ASSIGNMENT, argv)


if __name__ == "__main__":
    sys.exit(main())
