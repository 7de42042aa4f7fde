"""Judge a submitted run of glasses on the grader's own data; see assignments/common/judging.py."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np

from assignments.common import judging
from assignments.glasses.run import ASSIGNMENT, MiddleSigned, build, open_store
from data_tools.sets.glasses import GlassesData, find_or_draw
from paddle_models.fast.fast_layers import accelerate
from paddle_models.tasks import calibration
from paddle_models.tasks.binary_task import BinaryTask
from reports.grading.work import Judged

METRICS = ("accuracy", "balanced_accuracy")
BOUNDS = {"image_size": (8, 256), "filters": (1, 1024), "kernel": (1, 15), "neurons": (1, 4096), "zoom": (0, 4)}


def prepare(data: str) -> None:
    """Decode the grader's data at the sizes of all presets, before the first submission does. data: as --data of
    run.py."""
    images = _found(data).test
    for settings in judging.preset_settings(ASSIGNMENT):
        open_store(settings, images)


def ground(data: str) -> judging.Ground:
    """What is judged on; starts no thread."""
    glasses = _found(data)
    return judging.ground(glasses.origin, METRICS, glasses.test)


def score(predictions: Mapping[str, np.ndarray]) -> dict[str, float]:
    """What result.json says under these names, from the arrays of predictions.npz."""
    measured = calibration.measure(predictions["labels"], predictions["probabilities"])
    return {name: float(measured[name]) for name in METRICS}


def judge(run: Path, data: str) -> Judged:
    """The best weights on the test images of the grader's data."""
    settings = judging.submitted_settings(run, ASSIGNMENT, BOUNDS, data=data)
    judging.start()
    glasses = _found(data)
    network = build(settings)
    judging.load_best(network, run, "model")
    accelerate(network)
    with judging.own_data(ASSIGNMENT, settings):
        store = open_store(settings, glasses.test, progress=False, processes=1)
    task = BinaryTask(network, flip_at_test=settings.flip_at_test)
    predictions = judging.answers(task, store, settings.image_size, MiddleSigned(settings.image_size))
    signs = judging.drawn_signs(run, "glasses", lambda: _found("sample").test)
    return Judged(score(predictions), len(store), glasses.origin, predictions, signs)


@lru_cache
def _found(data: str) -> GlassesData:
    return find_or_draw(data)  # read once for all submissions, which are judged in forks of one process
