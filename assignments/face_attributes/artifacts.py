"""What a finished run leaves behind beside its answers: the arrays that its figures need, and the result."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from assignments.common.examples import augmented, spread
from assignments.common.splits import Finished
from assignments.face_attributes import confidence
from data_tools.batches.augment import face_pipeline
from data_tools.drawing.attributes import ATTRIBUTES
from data_tools.packed.store import PackedStore
from paddle_models.networks.face_regions import REGIONS
from paddle_models.tasks.attribute_metrics import MEASURES, by_region, majority, measure_attributes, right_share
from paddle_models.tasks.metrics import mean_interval

EXAMPLES, COPIES = 4, 5  # figure 1
PREDICTIONS = 8


def answers(_: Finished) -> dict[str, np.ndarray]:
    """Of predictions.npz: what the columns are."""
    return {"attributes": np.array(ATTRIBUTES)}


def arrays(done: Finished) -> dict[str, np.ndarray]:
    """artifacts.npz"""
    rng, splits = np.random.default_rng(done.settings.seed), ("training", "validation", "test")
    sets = {split: getattr(done.found, split) for split in splits}
    training = done.splits.training
    originals = np.asarray(training.images[spread(len(training), EXAMPLES)])
    return {**augmented(originals, face_pipeline, COPIES, done.settings.seed), **_predictions(done.splits.test, rng),
            **{f"frequency_{split}": images.labels.mean(axis=0) for split, images in sets.items() if len(images)}}


def result(done: Finished, _: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Means over the attributes and by region, each beside always answering the training images' majority."""
    test, data = done.splits.test, done.trainer.data
    judge = "test" if len(done.found.test) else "validation"
    measured = measure_attributes(done.rows["label"], done.rows["probabilities"])
    baseline = majority(done.splits.training.labels, done.rows["label"])
    sure = confidence.chosen(done)
    return {
        **sure, "judged_on": judge, "metrics": _means(measured, baseline, done.rows, sure.get("temperature")),
        "images": {"training": len(data.training_rows), "choosing": len(data.validation_rows), judge: len(test)},
        "regions": {name: {"model": by_region(measured[name], ATTRIBUTES, REGIONS),
                           "majority": by_region(baseline[name], ATTRIBUTES, REGIONS)} for name in MEASURES}}


def _means(measured: dict, baseline: dict, rows: Mapping[str, np.ndarray], temperature: float | None) -> dict[str, Any]:
    """Means over the 40 attributes, each beside the all-majority baseline; accuracy with a 95 % interval over images;
    how sure the answers are."""
    means = {f"{name}{of}": float(np.nanmean(found[name])) for name in MEASURES
             for of, found in (("", measured), ("_majority", baseline))}
    result = {name: {"value": value, "n": len(rows["label"])} for name, value in {
        **means, **confidence.errors(rows["label"], rows["probabilities"], temperature)}.items()}
    low, high = mean_interval(right_share(rows["label"], rows["probabilities"]))
    result["accuracy"].update(low=low, high=high)
    return result


def _predictions(test: PackedStore, rng) -> dict[str, np.ndarray]:
    index = np.sort(rng.permutation(len(test))[:PREDICTIONS])
    return {"prediction_images": np.asarray(test.images[index]), "prediction_index": index}
