"""Glasses or no glasses, a small CNN: python assignments/glasses/run.py --preset sample

Presets are in presets.yaml; every setting can be given on the command line (--help). experiments.py, search.py and
label_errors.py train many networks as this does.
"""

import sys
from dataclasses import dataclass, replace
from typing import Literal

from assignments.common.settings import WorkSettings
from assignments.common.splits import Splits
from assignments.common.work import Work
from assignments.glasses.framing import MiddleSigned, fitting_zoom, framed_as_celeba
from data_tools.errors import KitError
from paddle_models.trainer.ranges import bounded


@dataclass
class GlassesSettings(WorkSettings):
    """Glasses or no glasses"""

    image_size: int = bounded(32, 8, 256)
    """side in pixels that images are packed at"""
    crop: Literal["centre", "none"] = "centre"
    """of images that are not square: their middle square, or none, which squeezes them into one"""
    zoom: float = bounded(0.0, 0, 4)
    """keep the middle 1/zoom of each side; 0: 1.5 for images framed as CelebA's, whose faces are smaller"""
    filters: list[int] = bounded([32, 64, 128], 1, 1024, longest=8)
    """filters of the convolution of each block"""
    pooling: Literal["max", "average"] = "max"
    """of every block"""
    kernel: int = bounded(3, 1, 15)
    """side of every convolution's filters"""
    neurons: list[int] = bounded([128], 1, 4096, longest=8)
    """hidden units, a number per dense layer"""
    dropout: float = bounded(0.5, 0, 1, open="high")
    """share of the inputs of every dense layer that is dropped in training"""
    augmentation: Literal["none", "light", "strong"] = "none"
    """light: mirror, small shift, turn, zoom, mild light; strong: colours and hidden patches too; the document: none"""
    label_smoothing: float = bounded(0.0, 0, 1, open="high")
    """share of the target that is spread over both classes"""
    uncertain: list[float] = bounded([0.4, 0.6], 0, 1)
    """probabilities from the first to the second are flagged and left out of keep_list.csv"""
    threshold_by: Literal["accuracy", "balanced_accuracy"] = "balanced_accuracy"
    """what the threshold chosen on the validation images makes largest; 0.5 is reported beside it"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if 0 < self.zoom < 1:
            raise KitError(f"setting zoom: {self.zoom} is neither 0 nor between 1 and 4")
        if len(self.uncertain) != 2 or self.uncertain[0] > self.uncertain[1]:
            raise KitError(f"setting uncertain: {self.uncertain} are not two probabilities, the lower one first")


class Glasses(Work):
    """Probability of glasses; images are packed larger than the network's input, which is their middle."""

    settings, outputs, drawn = GlassesSettings, ("glasses",), "glasses"
    metrics = ("accuracy", "balanced_accuracy")
    experiments = (("experiments.py", "all", "--seeds", "2", "--epochs", "4", "--preset", "PRESET"),
                   ("label_errors.py", "--preset", "PRESET"))
    pipelines = {"light": "light_pipeline", "strong": "strong_face_pipeline"}

    def find(self, data):
        from data_tools.sets.glasses import find_or_draw

        return find_or_draw(data)

    def searched(self):
        from data_tools.sets.glasses import find_glasses

        return {"glasses": find_glasses}

    def check(self, settings):
        self.network(settings, ())

    def pack(self, images, settings, **how):
        from data_tools.packed.records import RecordStore

        side = round(fitting_zoom(settings.zoom, images) * settings.image_size)
        return RecordStore.open(images, side, skip_unreadable=settings.skip_unreadable,
                                crop=None if settings.crop == "none" else settings.crop, **how)

    def normalize(self, settings):
        return MiddleSigned(settings.image_size)

    def split(self, settings, found):
        from paddle_models.trainer.progress import say

        zoom = fitting_zoom(settings.zoom, found.training)  # one for all, whatever the first images of each look like
        if zoom > 1:
            say(f"  the middle 1/{zoom:g} of each side is used")
        training, validation, test, unlabelled = (
            self.pack(images, replace(settings, zoom=zoom)) if len(images) else None
            for images in (found.training, found.validation, found.test, found.unlabelled))
        more = {"validation": validation, **({"unlabelled": unlabelled} if unlabelled is not None else {})}
        return Splits(training, validation, test, chosen_on="the validation images, by their loss", more=more)

    def network(self, settings, classes):
        from paddle_models.networks.glasses_cnn import GlassesCNN

        return GlassesCNN(settings.image_size, settings.filters, settings.pooling, settings.kernel, settings.neurons,
                          settings.dropout)

    def task(self, settings, network, classes, training=None):
        from paddle_models.tasks.binary_task import BinaryTask

        return BinaryTask(network, settings.label_smoothing, settings.flip_at_test)

    def describe(self, settings):
        return f"{len(settings.filters)} blocks at {settings.image_size}x{settings.image_size}"

    def rubric(self, data, usual):
        if data in ("", usual, "celeba:sample"):
            return super().rubric(data, usual)
        others = data.startswith("celeba:") or framed_as_celeba(self.find(data).test)
        return "rubric_photographs.yaml" if others else "rubric_real.yaml"

    def score(self, predictions):
        from paddle_models.tasks import calibration

        measured = calibration.measure(predictions["labels"], predictions["probabilities"])
        return {name: float(measured[name]) for name in self.metrics}


WORK = Glasses()
main = WORK.main

if __name__ == "__main__":
    sys.exit(main())
