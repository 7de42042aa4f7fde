"""What a finished run leaves behind: predictions, the arrays that its figures need, and the result."""

from typing import Any

import numpy as np
import paddle

from assignments.common.iris import compare_optimizers
from data_tools.batches.augment import Augmenter, monkey_pipeline
from data_tools.batches.loader import to_signed_unit
from data_tools.files.image_set import ImageSet
from data_tools.packed.store import PackedStore, resize
from data_tools.sets.audit import leaked_names
from data_tools.sets.monkeys import MonkeyData
from paddle_models.tasks.complexity import multiply_adds
from paddle_models.tasks.gradcam import grad_cam
from paddle_models.tasks.metrics import share_right
from paddle_models.trainer.fitting import summary
from paddle_models.trainer.loop import Trainer
from paddle_models.trainer.run_folder import RunFolder

DOCUMENT_SAMPLE = 200  # images that the document drew at random for its test
EXAMPLES, COPIES = 4, 7  # figure 2.8
PREDICTIONS = 16  # figure 3.1
HEAT_MAPS = 8
PICTURE_SIDE = 160  # pixels of the pictures in figures


def write(run: RunFolder, settings, monkeys: MonkeyData, training: PackedStore, test: PackedStore, trainer: Trainer,
          rows: dict[str, np.ndarray], parameters: int) -> dict[str, Any]:
    """predictions.npz and artifacts.npz; returns the result. `rows`: of all test images, in their order."""
    rng = np.random.default_rng(settings.seed)
    identical, near = leaked_names(monkeys.training, monkeys.validation)
    leaked = np.isin(test.names, [*identical, *near])
    run.write_arrays("predictions", {"names": np.array(test.names), "labels": rows["label"],
                                     "probabilities": rows["probabilities"], "leaked": leaked,
                                     "classes": np.array(monkeys.classes)})
    sizes = {"training": monkeys.training.sizes(), "validation": monkeys.validation.sizes()}
    run.write_arrays("artifacts", {
        "species_images": _pictures(monkeys.training, _first_of_each(training, len(monkeys.classes))),
        **{f"label_counts_{s}": np.bincount(getattr(monkeys, s).labels, minlength=len(monkeys.classes)) for s in sizes},
        **{f"sizes_{split}": values for split, values in sizes.items()},
        **_augmented(monkeys.training, training, settings.seed), **_predictions(monkeys.validation, test, rng),
        **_heat_maps(monkeys.validation, test, trainer, rows, rng), **compare_optimizers()})
    return {
        "origin": monkeys.origin, "data": monkeys.path,
        "metrics": _metrics(rows, leaked, rng, trainer),
        "chosen_on": "the validation images themselves, as in the document" if settings.choose_on == "validation"
                     else f"{settings.holdout:.0%} of the training images",
        "exploration": _exploration(monkeys, sizes), "unreadable": [*training.unreadable, *test.unreadable],
        **summary(trainer), "parameters": parameters,
        "multiply_adds": multiply_adds(trainer.task.networks["model"],
                                       (1, 3, settings.image_size, settings.image_size))}


def _metrics(rows, leaked, rng, trainer: Trainer) -> dict[str, Any]:
    """Each with n and, where it is a share of images, its 95 % Wilson interval."""
    right = rows["probabilities"].argmax(axis=1) == rows["label"]
    drawn = rng.permutation(len(right))[:DOCUMENT_SAMPLE]
    return {"accuracy": share_right(right), f"accuracy_{DOCUMENT_SAMPLE}": share_right(right[drawn]),
            "accuracy_without_leaked": share_right(right[~leaked]),
            "leaked_images": {"value": int(leaked.sum()), "n": len(leaked)},
            "macro_f1": {"value": trainer.task.summarize(rows)["macro_f1"], "n": len(right)},
            "val_accuracy_best": {"value": trainer.stopping.best, "n": len(trainer.data.validation_rows)}}


def _exploration(monkeys: MonkeyData, sizes: dict[str, np.ndarray]) -> dict[str, float]:
    """Answers to what section 2.1 of the document says about its data."""
    both = np.concatenate(list(sizes.values())).astype(float)
    aspect = both.max(axis=1) / both.min(axis=1)
    counts = np.bincount(monkeys.training.labels)
    return {"classes": len(monkeys.classes), "images_training": len(monkeys.training),
            "images_validation": len(monkeys.validation),
            "share_within_aspect_2": float((aspect <= 2).mean()),
            "share_below_1000": float((both.max(axis=1) <= 1000).mean()),
            "largest_class_over_smallest": float(counts.max() / counts.min())}


def _first_of_each(store: PackedStore, classes: int) -> list[str]:
    return [store.names[np.flatnonzero(store.labels == label)[0]] for label in range(classes)]


def _augmented(images: ImageSet, store: PackedStore, seed: int) -> dict[str, np.ndarray]:
    """Always by the document's pipeline, whatever the run trained with: figure 2.8 shows that one."""
    originals = _pictures(images, [store.names[row] for row in np.linspace(0, len(store) - 1, EXAMPLES).astype(int)])
    copies = Augmenter(monkey_pipeline())(np.repeat(originals, COPIES, axis=0), (seed,))
    return {"augmented_originals": originals,
            "augmented_examples": copies.reshape(EXAMPLES, COPIES, *originals.shape[1:])}


def _predictions(images: ImageSet, test: PackedStore, rng) -> dict[str, np.ndarray]:
    index = np.sort(rng.permutation(len(test))[:PREDICTIONS])
    return {"prediction_images": _pictures(images, [test.names[i] for i in index]), "prediction_index": index}


def _heat_maps(images: ImageSet, test: PackedStore, trainer: Trainer, rows, rng) -> dict[str, np.ndarray]:
    """Grad-CAM of the predicted class."""
    index = np.sort(rng.permutation(len(test))[:HEAT_MAPS])
    maps = grad_cam(trainer.task.networks["model"], paddle.to_tensor(to_signed_unit(test.images[index])),
                    rows["probabilities"][index].argmax(axis=1))
    return {"gradcam_images": _pictures(images, [test.names[i] for i in index]), "gradcam_maps": maps,
            "gradcam_index": index}


def _pictures(images: ImageSet, names: list[str]) -> np.ndarray:
    """(N, S, S, 3) uint8 at the size of a figure, which the network's input may fall short of."""
    return np.stack([resize(images.decode(images.names.index(name)), PICTURE_SIDE) for name in names])
