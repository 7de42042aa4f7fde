"""What most works let one set, beside the trainer's settings."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from paddle_models.trainer.ranges import bounded
from paddle_models.trainer.settings import TrainerSettings, from_dict, read_presets


@dataclass
class WorkSettings(TrainerSettings):
    """What most works let one set, beside the trainer's settings."""

    data: str = ""
    """folder or zip of the data set; "sample" draws a stand-in; empty searches the usual places"""
    without: str = ""
    """.csv with a column `file`, as suspects.csv of `label_errors`: these images are left out of training"""
    training_share: float = bounded(1.0, 0, 1, open="low")
    """share of the training images that is trained on, drawn with the seed; those that choose and judge stay"""
    skip_unreadable: bool = False
    """leave out images that cannot be decoded instead of stopping with their names"""
    image_size: int = bounded(224, 8, 512)
    """side in pixels that images are resized to"""
    flip_at_test: bool = False
    """judge each image together with its mirror image"""


@lru_cache
def preset_settings(work: Any) -> list[Any]:
    """The settings of every preset, by which most submissions were made; read once for all submissions."""
    presets = read_presets(work.folder / "presets.yaml").values()
    return [from_dict(work.settings, preset["settings"] or {}, "presets.yaml") for preset in presets]
