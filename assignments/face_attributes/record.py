"""What a finished run leaves behind: predictions, the arrays that its figures need, and the result."""

from typing import Any

import numpy as np

from data_tools.batches.augment import Augmenter, face_pipeline
from data_tools.drawing.attributes import ATTRIBUTES
from data_tools.packed.store import PackedStore
from data_tools.sets.celeba import CelebAData
from paddle_models.networks.face_regions import REGIONS
from paddle_models.tasks.attribute_metrics import MEASURES, by_region, majority, measure_attributes
from paddle_models.tasks.complexity import multiply_adds
from paddle_models.tasks.metrics import wilson_interval
from paddle_models.trainer.fitting import summary
from paddle_models.trainer.loop import Trainer
from paddle_models.trainer.run_folder import RunFolder

EXAMPLES, COPIES = 4, 5  # figure 1
PREDICTIONS = 8


def write(run: RunFolder, settings, celeba: CelebAData, training: PackedStore, test: PackedStore, judge: str,
          trainer: Trainer, rows: dict[str, np.ndarray], parameters: int) -> dict[str, Any]:
    """predictions.npz and artifacts.npz; returns the result. `rows`: of all images of the judging split, in order."""
    rng = np.random.default_rng(settings.seed)
    run.write_arrays("predictions", {"names": np.array(test.names), "labels": rows["label"].astype(np.uint8),
                                     "probabilities": rows["probabilities"], "attributes": np.array(ATTRIBUTES)})
    measured = measure_attributes(rows["label"], rows["probabilities"])
    baseline = majority(training.labels, rows["label"])
    run.write_arrays("artifacts", {
        **_augmented(training, settings.seed), **_predictions(test, rng),
        **{f"frequency_{split}": images.labels.mean(axis=0) for split, images in
           (("training", celeba.training), ("validation", celeba.validation), ("test", celeba.test)) if len(images)}})
    size = settings.image_size
    return {
        "origin": celeba.origin, "data": celeba.path, "judged_on": judge,
        "images": {"training": len(trainer.data.training_rows), "choosing": len(trainer.data.validation_rows),
                   judge: len(test)},
        "metrics": _means(measured, baseline, len(test)),
        "regions": {name: {"model": by_region(measured[name], ATTRIBUTES, REGIONS),
                           "majority": by_region(baseline[name], ATTRIBUTES, REGIONS)} for name in MEASURES},
        "chosen_on": f"{settings.holdout:.0%} of the training images" if trainer.data.validation_store is training
                     else "the validation images",
        "unreadable": list(dict.fromkeys([*training.unreadable, *trainer.data.validation_store.unreadable,
                                          *test.unreadable])),
        **summary(trainer), "parameters": parameters,
        "multiply_adds": multiply_adds(trainer.task.networks["model"], (1, 3, size, size))}


def _means(measured: dict[str, np.ndarray], baseline: dict[str, np.ndarray], images: int) -> dict[str, Any]:
    """Means over the 40 attributes, each beside the all-majority baseline; accuracy with a 95 % interval.

    The interval counts images as independent and attributes of one image as one observation, which is cautious.
    """
    result: dict[str, Any] = {}
    for name in MEASURES:
        result[name] = {"value": float(np.nanmean(measured[name])), "n": images}
        result[f"{name}_majority"] = {"value": float(np.nanmean(baseline[name])), "n": images}
    low, high = wilson_interval(round(result["accuracy"]["value"] * images), images)
    result["accuracy"].update(low=low, high=high)
    return result


def _augmented(training: PackedStore, seed: int) -> dict[str, np.ndarray]:
    """Figure 1: images of the training set and what the document's augmentation makes of them."""
    originals = np.asarray(training.images[np.linspace(0, len(training) - 1, EXAMPLES).astype(int)])
    copies = Augmenter(face_pipeline())(np.repeat(originals, COPIES, axis=0), (seed,))
    return {"augmented_originals": originals,
            "augmented_examples": copies.reshape(EXAMPLES, COPIES, *originals.shape[1:])}


def _predictions(test: PackedStore, rng) -> dict[str, np.ndarray]:
    index = np.sort(rng.permutation(len(test))[:PREDICTIONS])
    return {"prediction_images": np.asarray(test.images[index]), "prediction_index": index}
