"""Judge a submitted run of face_attributes on the grader's own data; see assignments/common/judging.py."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np

from assignments.common import judging
from assignments.face_attributes.run import ASSIGNMENT, build
from data_tools.batches.loader import to_unit
from data_tools.files.image_set import ImageSet
from data_tools.packed.store import PackedStore
from data_tools.sets.celeba import CROP, CelebAData, find_or_draw
from paddle_models.fast.fast_layers import accelerate
from paddle_models.tasks.attribute_metrics import MEASURES, measure_attributes
from paddle_models.tasks.attribute_task import AttributeTask
from reports.grading.work import Judged

BOUNDS = {"image_size": (32, 512), "head_widths": (1, 4096)}


def prepare(data: str) -> None:
    """Decode the grader's data at the sizes of all presets, before the first submission does. data: as --data of
    run.py."""
    celeba = _found(data)
    for size in judging.preset_sizes(ASSIGNMENT):
        _store(celeba, size, progress=True)


def ground(data: str) -> judging.Ground:
    """What is judged on; starts no thread."""
    celeba = _found(data)
    return judging.ground(celeba.origin, MEASURES, _split(celeba))


def score(predictions: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Means over the 40 attributes, as result.json has them, from the arrays of predictions.npz."""
    measured = measure_attributes(predictions["labels"], predictions["probabilities"])
    return {name: float(np.nanmean(values)) for name, values in measured.items()}


def judge(run: Path, data: str) -> Judged:
    """The best weights on the last split of the grader's data that has images."""
    settings = judging.submitted_settings(run, ASSIGNMENT, BOUNDS, data=data)
    judging.start()
    celeba = _found(data)
    network = build(settings)
    judging.load_best(network, run, "model")
    accelerate(network)
    with judging.own_data(ASSIGNMENT, settings):
        store = _store(celeba, settings.image_size, progress=False)
    task = AttributeTask(network, flip_at_test=settings.flip_at_test)
    predictions = judging.answers(task, store, settings.image_size, to_unit)
    predictions["labels"] = predictions["labels"].astype(np.uint8)
    signs = judging.drawn_signs(run, "celeba", lambda: _split(_found("sample")))
    return Judged(score(predictions), len(store), celeba.origin, predictions, signs)


@lru_cache
def _found(data: str) -> CelebAData:
    return find_or_draw(data)  # read once for all submissions, which are judged in forks of one process


def _split(celeba: CelebAData) -> ImageSet:
    """What is judged on, as in run.py."""
    return celeba.test if len(celeba.test) else celeba.validation


def _store(celeba: CelebAData, side: int, progress: bool) -> PackedStore:
    return PackedStore.open(_split(celeba), side, crop=CROP, progress=progress)
