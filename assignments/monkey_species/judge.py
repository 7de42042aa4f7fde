"""Judge a submitted run of monkey_species on the grader's own data; see assignments/common/judging.py."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np

from assignments.common import judging
from assignments.monkey_species.run import ASSIGNMENT
from data_tools.errors import BadFile
from data_tools.packed.store import PackedStore
from data_tools.sets.monkeys import MonkeyData, find_or_draw
from paddle_models.fast.fast_layers import accelerate
from paddle_models.tasks import metrics
from paddle_models.tasks.classification import ClassificationTask
from paddle_models.weights.files import read_header
from paddle_models.weights.zoo import IMAGENET, rebuild_model
from reports.grading.work import Judged

METRICS = ("accuracy", "macro_f1")
BOUNDS = {"image_size": (16, 512)}


def prepare(data: str) -> None:
    """Decode the grader's data at the sizes of all presets, before the first submission does. data: as --data of
    run.py."""
    images = _found(data).validation
    for size in judging.preset_sizes(ASSIGNMENT):
        PackedStore.open(images, size)


def ground(data: str) -> judging.Ground:
    """What is judged on; starts no thread."""
    monkeys = _found(data)
    return judging.ground(monkeys.origin, METRICS, monkeys.validation)


def score(predictions: Mapping[str, np.ndarray]) -> dict[str, float]:
    """What result.json says under these names, from the arrays of predictions.npz."""
    labels, answers = predictions["labels"].astype(np.int64), predictions["probabilities"].argmax(axis=1)
    confusion = metrics.confusion_matrix(labels, answers, predictions["probabilities"].shape[1])
    return dict(zip(METRICS, (metrics.accuracy(labels, answers), metrics.macro_f1(confusion))))


def judge(run: Path, data: str) -> Judged:
    """The best weights on the validation images of the grader's data."""
    settings = judging.submitted_settings(run, ASSIGNMENT, BOUNDS, begun_from=[IMAGENET], data=data)
    judging.start()
    if len(settings.model) > 60:
        raise BadFile("bad-file", "config.yaml: setting model is no name of a network")
    monkeys = _found(data)
    network = rebuild_model(settings.model, len(monkeys.classes), settings.weights, read_header(run / judging.BEST))
    judging.load_best(network, run, "model")
    accelerate(network)
    with judging.own_data(ASSIGNMENT, settings):
        store = PackedStore.open(monkeys.validation, settings.image_size, progress=False)
    task = ClassificationTask(network, monkeys.classes, flip_at_test=settings.flip_at_test)
    predictions = judging.answers(task, store, settings.image_size)
    signs = judging.drawn_signs(run, "monkeys", lambda: _found("sample").validation)
    return Judged(score(predictions), len(store), monkeys.origin, predictions, signs)


@lru_cache
def _found(data: str) -> MonkeyData:
    return find_or_draw(data)  # read once for all submissions, which are judged in forks of one process
