"""Facial attributes with EfficientFormerV2 and seven heads: python assignments/face_attributes/run.py --preset sample

Presets are in presets.yaml; every setting can be given on the command line (--help).
"""

import sys
from dataclasses import dataclass
from typing import Literal

from assignments.common.settings import WorkSettings
from assignments.common.work import Work
from data_tools.drawing.attributes import ATTRIBUTES
from data_tools.errors import KitError
from paddle_models.networks.face_regions import HEAD_ORDER
from paddle_models.trainer.ranges import bounded


@dataclass
class FaceSettings(WorkSettings):
    """Facial attributes"""

    image_size: int = bounded(128, 32, 512)
    """side in pixels that the centre square of each image is resized to; a multiple of 32"""
    variant: Literal["s0", "s1", "s2", "l", "lite0"] = "s2"
    """size of the EfficientFormerV2 backbone; lite0: EfficientNet-Lite0, as a teacher"""
    weights: str = ""
    """.safetensors file that the backbone starts from (python -m assignments weights makes one), imagenet (lite0
    alone); empty: from scratch"""
    teacher: str = ""
    """run of this work whose answers are learnt beside the labels (arXiv 1503.02531); empty: labels alone"""
    trust: float = bounded(0.5, 0, 1, open="low")
    """share of the teacher in what is learnt; the rest is the label's"""
    heads: Literal["regions", "single"] = "regions"
    """the document's seven heads, or one linear layer as a baseline"""
    head_widths: list[int] = bounded([1024, 512], 1, 4096, longest=8)
    """hidden units of each head, a number per layer"""
    dropout: float = bounded(0.0, 0, 1, open="high")
    """share of the heads' hidden units that is dropped in training"""
    drop_path: float | None = bounded(None, 0, 1, open="high")
    """stochastic depth of the last block; null takes the value of the EfficientFormerV2 paper"""
    augmentation: Literal["document", "strong", "none"] = "document"
    """the document's colour jitter and horizontal flip; strong adds shift, turn, zoom and hidden patches"""
    positive_weights: float = bounded(0.0, 0)
    """weight of a present attribute: (absent / present in training) to this power; 0 = plain cross-entropy"""
    gamma: float = bounded(0.0, 0)
    """exponent of the focal loss; 0 = plain cross-entropy"""
    choose_on: Literal["auto", "validation", "holdout"] = "auto"
    """what chooses the best epoch; auto: the validation split where a test split is there to judge, else a holdout"""
    holdout: float = bounded(0.1, 0, 1, open="both")
    """share of the training images that is held out with choose_on holdout"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.image_size % 32:
            raise KitError(f"setting image_size: {self.image_size} is not a multiple of 32; the nearest is "
                           f"{max(32, 32 * round(self.image_size / 32))}")
        if 0.0 < self.gamma < 1.0:  # the slope at a certain answer is infinite
            raise KitError(f"setting gamma: {self.gamma} is neither 0 nor at least 1")


class Faces(Work):
    """Forty attributes, counted in CelebA's order; the network answers region by region."""

    settings, classes, outputs, value_range = FaceSettings, ATTRIBUTES, HEAD_ORDER, (0.0, 1.0)
    drawn, metrics = "celeba", ("accuracy", "balanced_accuracy", "f1", "average_precision")
    pipelines = {"document": "face_pipeline", "strong": "strong_face_pipeline"}

    def find(self, data):
        from data_tools.sets.celeba import find_or_draw

        return find_or_draw(data)

    def searched(self):
        from data_tools.sets.celeba import find_celeba

        return {"CelebA": find_celeba}

    def pack(self, images, settings, **how):
        from data_tools.sets.celeba import CROP

        return super().pack(images, settings, crop=CROP, **how)

    def normalize(self, settings):
        from data_tools.batches.loader import to_unit

        return to_unit

    def judged(self, found):
        return found.test if len(found.test) else found.validation

    def network(self, settings, classes):
        from paddle_models.networks.face_attributes import face_attribute_net
        from paddle_models.weights.convert import load_converted
        from paddle_models.weights.zoo import load_imagenet

        network = face_attribute_net(settings.variant, settings.image_size, settings.heads, settings.head_widths,
                                     settings.dropout, settings.drop_path)
        if settings.weights == "imagenet" and settings.variant == "lite0":
            load_imagenet(network.backbone)
        elif settings.weights:
            load_converted(network.backbone, settings.weights)
        return network

    def task(self, settings, network, classes, training=None):
        from assignments.face_attributes.teacher import load_teacher
        from paddle_models.tasks.attribute_task import AttributeTask, weights_of

        weighted = settings.positive_weights and training is not None
        weights = weights_of(training.labels, settings.positive_weights) if weighted else None
        teacher = load_teacher(self, settings) if settings.teacher and training is not None else None
        return AttributeTask(network, weights, settings.gamma, settings.flip_at_test, teacher, settings.trust)

    def describe(self, settings):
        return "EfficientNet-Lite0" if settings.variant == "lite0" else f"EfficientFormerV2-{settings.variant.upper()}"

    def answers(self, rows, store):
        return {**super().answers(rows, store), "labels": rows["label"].astype("uint8")}

    def score(self, predictions):
        """Means over the attributes."""
        import numpy as np

        from paddle_models.tasks.attribute_metrics import measure_attributes

        measured = measure_attributes(predictions["labels"], predictions["probabilities"])
        return {name: float(np.nanmean(values)) for name, values in measured.items()}

    def released(self, settings):
        return {"variant": settings.variant, "image_size": str(settings.image_size), "heads": settings.heads,
                "value_range": "0..1", "terms": "trained on CelebA: non-commercial research and education only"}


WORK = Faces()
main = WORK.main

if __name__ == "__main__":
    sys.exit(main())
