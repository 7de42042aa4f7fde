"""Judge a submitted run of swift_srgan on the grader's own data; see assignments/common/judging.py."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from assignments.common import judging
from assignments.swift_srgan.image_sets import find_sets, search_places
from assignments.swift_srgan.record import judge as measure
from assignments.swift_srgan.run import ASSIGNMENT, SuperResolutionSettings, build_generator
from data_tools.errors import BadFile, KitError
from data_tools.packed.packed_images import PackedImages
from data_tools.sets.super_resolution import SETS, find_set
from paddle_models.fast.fast_layers import accelerate
from paddle_models.tasks.super_resolution_task import METRICS
from reports.grading.work import Judged
from reports.run_reader import Run

LARGEST = 8  # number of test sets


def prepare(data: str) -> None:
    """Decode the grader's data, before the first submission does. data: as --data of run.py."""
    for images in _tests(SuperResolutionSettings(data=data)).test:
        PackedImages.open(images)


def ground(data: str) -> judging.Ground:
    """What is judged on; starts no thread."""
    sets = _tests(SuperResolutionSettings(data=data))
    metrics = [f"{images.name}_{prefix}{name}" for images in sets.test for prefix in ("", "bicubic_")
               for name in METRICS]
    return judging.ground(sets.origin, metrics, *sets.test)


def score(predictions: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Means over each test set, as result.json has them, from the arrays of predictions.npz."""
    return {key.replace("/", "_"): float(np.mean(values)) for key,
            values in predictions.items() if values.dtype.kind == "f"}


def judge(run: Path, data: str) -> Judged:
    """The best generator on the test sets of the grader's data."""
    settings = judging.submitted_settings(run, ASSIGNMENT, {}, data=data)
    judging.start()
    sets = _tests(settings)
    generator = build_generator(settings)
    judging.load_best(generator, run, "generator")
    accelerate(generator)
    with judging.own_data(ASSIGNMENT, settings):
        stores = {images.name: PackedImages.open(images, progress=False) for images in sets.test}
    found = {name: measure(generator, store, settings.scale) for name, store in stores.items()}
    predictions = {f"{name}/{key}": values for name, rows in found.items() for key, values in rows.items()}
    count = sum(len(images) for images in sets.test)
    return Judged(score(predictions), count, sets.origin, predictions, _signs(run))


def _signs(run: Path) -> list[str]:
    """Why a run must come from drawn pictures."""
    result = Run(run, ASSIGNMENT.name).result
    metrics = result.get("metrics")
    drawn = isinstance(metrics, dict) and any(str(name).startswith("drawn test_") for name in metrics)
    return ["its metrics are of the drawn test pictures"] if drawn and result.get("origin") != "drawn" else []


def _tests(settings: SuperResolutionSettings):
    """The sets of settings.data, of which the test sets count: known ones that are there, never folders of a
    submission."""
    unknown = [name for name in settings.test_sets if name not in SETS]
    if unknown or len(settings.test_sets) > LARGEST:
        raise BadFile("bad-file",
                      f"config.yaml: setting test_sets: {unknown[0] if unknown else len(settings.test_sets)!s:.60} "
                                  f"is not graded; known sets are {', '.join(SETS)}")

    def there(name: str) -> bool:
        try:
            return bool(find_set(name, *([Path(settings.data).expanduser()] if settings.data else search_places())))
        except KitError:
            return False

    drawn = settings.data in ("sample", "photographs")
    names = settings.test_sets if drawn else [name for name in settings.test_sets if there(name)] or settings.test_sets
    try:
        return find_sets(dataclasses.replace(settings, train_sets=names[:1], validation_sets=names[:1],
                                             test_sets=names))
    except KitError as error:
        raise BadFile("other-data", str(error)) from None  # of a submission: sets that the grader does not have
