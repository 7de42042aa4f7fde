"""What a finished run leaves behind beside its answers: the arrays that its figures need, and the result."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import paddle

from assignments.common.examples import augmented, pictures, spread
from assignments.common.iris import compare_optimizers
from assignments.common.splits import Finished
from data_tools.batches.augment import monkey_pipeline
from data_tools.files.image_set import ImageSet
from data_tools.packed.store import PackedStore
from data_tools.sets.audit import leaked_names
from data_tools.sets.monkeys import MonkeyData
from paddle_models.tasks.gradcam import grad_cam
from paddle_models.tasks.metrics import share_right

DOCUMENT_SAMPLE = 200  # images that the document drew at random for its test
EXAMPLES, COPIES = 4, 7  # figure 2.8
PREDICTIONS = 16  # figure 3.1
HEAT_MAPS = 8


def answers(done: Finished) -> dict[str, np.ndarray]:
    """Of predictions.npz: which test images stand in the training images too, or nearly so, and the classes."""
    identical, near = leaked_names(done.found.training, done.found.validation)
    return {"leaked": np.isin(done.splits.test.names, [*identical, *near]), "classes": np.array(done.found.classes)}


def arrays(done: Finished) -> dict[str, np.ndarray]:
    """artifacts.npz"""
    monkeys, training, test = done.found, done.splits.training, done.splits.test
    shown, maps, _ = _draws(len(test), done.settings.seed)
    sizes, classes = _sizes(monkeys), len(monkeys.classes)
    return {"species_images": pictures(monkeys.training, _first_of_each(training, classes)),
            **{f"label_counts_{s}": np.bincount(getattr(monkeys, s).labels, minlength=classes) for s in sizes},
            **{f"sizes_{split}": values for split, values in sizes.items()},
            # always by the document's pipeline, whatever the run trained with: figure 2.8 shows that one
            **augmented(pictures(monkeys.training, [training.names[row] for row in spread(len(training), EXAMPLES)]),
                        monkey_pipeline, COPIES, done.settings.seed),
            **_predictions(monkeys.validation, test, np.sort(shown)), **_heat_maps(done, np.sort(maps)),
            **compare_optimizers(done.settings.iris_steps)}


def result(done: Finished, predictions: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The metrics, each with n and, where it is a share of images, its 95 % interval; what the data are like."""
    right = predictions["probabilities"].argmax(axis=1) == predictions["labels"]
    known, drawn = predictions["leaked"], _draws(len(right), done.settings.seed)[-1]
    metrics = {
        "accuracy": share_right(right), f"accuracy_{DOCUMENT_SAMPLE}": share_right(right[drawn]),
        "accuracy_without_leaked": share_right(right[~known]),
        "leaked_images": {"value": int(known.sum()), "n": len(known)},
        "macro_f1": {"value": done.trainer.task.summarize(done.rows)["macro_f1"], "n": len(right)},
        "val_accuracy_best": {"value": done.trainer.stopping.best, "n": len(done.trainer.data.validation_rows)}}
    return {"metrics": metrics, "exploration": _exploration(done.found)}


def _draws(count: int, seed: int) -> list[np.ndarray]:
    """Random rows of the test images: for figure 3.1, for heat maps, and as many as the document tested."""
    rng = np.random.default_rng(seed)
    return [rng.permutation(count)[:size] for size in (PREDICTIONS, HEAT_MAPS, DOCUMENT_SAMPLE)]


def _sizes(monkeys: MonkeyData) -> dict[str, np.ndarray]:
    return {"training": monkeys.training.sizes(), "validation": monkeys.validation.sizes()}


def _exploration(monkeys: MonkeyData) -> dict[str, float]:
    """Answers to what section 2.1 of the document says about its data."""
    sizes = _sizes(monkeys)
    both = np.concatenate(list(sizes.values())).astype(float)
    aspect = both.max(axis=1) / both.min(axis=1)
    counts = np.bincount(monkeys.training.labels)
    return {"classes": len(monkeys.classes), "images_training": len(monkeys.training),
            "images_validation": len(monkeys.validation),
            "share_within_aspect_2": float((aspect <= 2).mean()),
            "share_below_1000": float((sizes["training"].max(axis=1) < 1000).mean()),
            "largest_class_over_smallest": float(counts.max() / counts.min())}


def _first_of_each(store: PackedStore, classes: int) -> list[str]:
    return [store.names[np.flatnonzero(store.labels == label)[0]] for label in range(classes)]


def _predictions(images: ImageSet, test: PackedStore, index: np.ndarray) -> dict[str, np.ndarray]:
    return {"prediction_images": pictures(images, [test.names[i] for i in index]), "prediction_index": index}


def _heat_maps(done: Finished, index: np.ndarray) -> dict[str, np.ndarray]:
    """Grad-CAM of the predicted class."""
    test = done.splits.test
    maps = grad_cam(done.network, paddle.to_tensor(done.trainer.data.normalize(test.images[index])),
                    done.rows["probabilities"][index].argmax(axis=1))
    names = [test.names[i] for i in index]
    return {"gradcam_images": pictures(done.found.validation, names), "gradcam_maps": maps, "gradcam_index": index}
