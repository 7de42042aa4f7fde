"""Fine-grained monkey classification with ResNet-50: python assignments/monkey_species/run.py --preset sample

Presets are in presets.yaml; every setting can be given on the command line (--help).
"""

import sys
from dataclasses import dataclass
from typing import Literal

from assignments.common.settings import WorkSettings
from assignments.common.work import Work
from paddle_models.trainer.ranges import bounded


@dataclass
class MonkeySettings(WorkSettings):
    """Monkey species"""

    model: str = "resnet50"
    """resnet50, resnet101, resnet152, mobilenet_v2, efficientnet_lite0 or paddleclas:NAME"""
    weights: str = ""
    """empty trains from scratch; "imagenet" takes the installed ones (efficientnet_lite0) or downloads (others); else a
    .safetensors or .pdparams file for inputs in [-1, 1], or "imagenet:FILE" for one that wants ImageNet's inputs"""
    train: Literal["all", "head"] = "all"
    """train all weights, or only the last layer on a frozen backbone"""
    augmentation: Literal["document", "light", "none"] = "document"
    """the document's imgaug pipeline, or a milder one for fine-tuning"""
    label_smoothing: float = bounded(0.0, 0, 1, open="high")
    """share of the target that is spread over all classes"""
    mixup: float = bounded(0.0, 0)
    """alpha of mixup's Beta distribution; 0 = none"""
    choose_on: Literal["validation", "holdout"] = "validation"
    """what chooses the best epoch: the validation images (as the document; flattering) or training ones"""
    holdout: float = bounded(0.1, 0, 1, open="both")
    """share of the training images of each class that is held out with choose_on holdout"""
    iris_steps: int = bounded(200, 1)
    """full-batch steps on Iris, per optimizer and seed (figure 2.7)"""


class Monkeys(Work):
    """Ten species; the network and its weights may be anybody's."""

    settings, drawn, begun_from, metrics = MonkeySettings, "monkeys", ("imagenet",), ("accuracy", "macro_f1")
    pipelines = {"document": "monkey_pipeline", "light": "light_pipeline"}

    def find(self, data):
        from data_tools.sets.monkeys import find_or_draw

        return find_or_draw(data)

    def searched(self):
        from data_tools.sets.monkeys import find_monkeys

        return {"monkey images": find_monkeys}

    def check(self, settings):
        from paddle_models.weights.zoo import builder_of

        builder_of(settings.model)

    def judged(self, found):
        return found.validation

    def network(self, settings, classes):
        from paddle_models.weights.zoo import build_model

        return build_model(settings.model, len(classes), settings.weights)

    def rebuild(self, settings, classes, trained):
        from paddle_models.weights.zoo import rebuild_model

        return rebuild_model(settings.model, len(classes), settings.weights, trained)

    def task(self, settings, network, classes, training=None):
        from paddle_models.networks.parts import freeze_backbone
        from paddle_models.tasks.classification import ClassificationTask

        if settings.train == "head":
            freeze_backbone(network)
        return ClassificationTask(network, classes, settings.label_smoothing, settings.mixup, settings.flip_at_test)

    def describe(self, settings):
        return settings.model

    def score(self, predictions):
        from paddle_models.tasks import metrics

        labels, answers = predictions["labels"].astype("int64"), predictions["probabilities"].argmax(axis=1)
        confusion = metrics.confusion_matrix(labels, answers, predictions["probabilities"].shape[1])
        return {"accuracy": metrics.accuracy(labels, answers), "macro_f1": metrics.macro_f1(confusion)}

    def released(self, settings):
        return {**super().released(settings), "model": settings.model, "value_range": "-1..1"}


WORK = Monkeys()
main = WORK.main

if __name__ == "__main__":
    sys.exit(main())
