"""__NAME__, classes of one's own: python assignments/__NAME__/run.py --data FOLDER"""

import sys
from dataclasses import dataclass
from typing import Literal

from assignments.common.settings import WorkSettings
from assignments.common.work import Work
from data_tools.errors import KitError
from paddle_models.trainer.ranges import bounded


@dataclass
class Settings(WorkSettings):
    """Images in class folders"""

    # FILL IN: what can be set on the command line and in presets.yaml, each with its range
    data: str = ""
    """folder or zip with a folder of images for each class; "sample": drawn monkeys"""
    image_size: int = bounded(64, 16, 512)
    """side in pixels that images are resized to"""
    model: str = "mobilenet_v2"
    """resnet50, mobilenet_v2, ... or paddleclas:NAME"""
    weights: str = ""
    """empty trains from scratch, "imagenet" downloads, else a .safetensors or .pdparams file"""
    augmentation: Literal["light", "none"] = "light"
    """mirror, small shift, turn and zoom, mild light; or none"""


class MyWork(Work):
    """FILL IN: what is told apart."""

    settings, drawn, begun_from = Settings, "monkeys", ("imagenet",)
    pipelines = {"light": "light_pipeline"}

    def find(self, data):
        from data_tools.files.places import sample_folder
        from data_tools.sets.class_folders import read_class_folders
        from data_tools.sets.samples import draw_sample

        if data == "sample":
            return read_class_folders(draw_sample("monkeys", sample_folder("monkeys")) / "training", origin="drawn")
        if not data:
            raise KitError("--data is missing: a folder with a folder of images for each class")
        return read_class_folders(data)

    def network(self, settings, classes):
        # FILL IN, if you like: another network, from images (B, 3, H, W) in [-1, 1] to logits (B, number of classes)
        from paddle_models.weights.zoo import build_model

        return build_model(settings.model, len(classes), settings.weights)

    def rebuild(self, settings, classes, trained):
        from paddle_models.weights.zoo import rebuild_model

        return rebuild_model(settings.model, len(classes), settings.weights, trained)

    def describe(self, settings):
        return settings.model


WORK = MyWork()
main = WORK.main

if __name__ == "__main__":
    sys.exit(main())
