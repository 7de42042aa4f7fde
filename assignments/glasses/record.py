"""What a finished run leaves behind: predictions, lists for the image pipeline, the arrays of its figures, and the
result."""

import csv
import io
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import paddle

from assignments.glasses.run import middle
from data_tools.batches.loader import to_signed_unit
from data_tools.files.atomic import write_atomically
from data_tools.files.image_set import ImageSet
from data_tools.packed.store import resize
from data_tools.sets.glasses import IMAGE_NAME
from paddle_models.networks.parts import count_parameters
from paddle_models.tasks import calibration
from paddle_models.tasks.complexity import multiply_adds
from paddle_models.tasks.metrics import share_right
from paddle_models.trainer.fitting import summary
from paddle_models.trainer.loop import Trainer
from paddle_models.trainer.run_folder import RunFolder

EXAMPLES, UNCERTAIN, PREDICTIONS, MAPS = 10, 8, 10, 16  # pictures of figures 9, 2 and 12, feature maps of a layer in 13
PICTURE_SIDE = 160  # pixels of the pictures in figures
EYES = (0.38, 0.62)  # of the height, where the eyes of a centred face are


class Judged(NamedTuple):
    """A split with its probabilities of glasses, float32 (N,)."""

    split: str
    images: ImageSet
    names: tuple[str, ...]
    probabilities: np.ndarray


def write(run: RunFolder, settings, stores, trainer: Trainer) -> dict[str, Any]:
    """predictions.npz, artifacts.npz, submission.csv, keep_list.csv, uncertain.csv; returns the result."""
    network, glasses = trainer.task.networks["model"], stores.glasses
    rows, judged = {}, []
    for split in ("test", "validation", "unlabelled"):
        store = getattr(stores, split)
        if store is not None:
            rows[split], _ = trainer.evaluate(trainer.data.in_order(store))
            judged.append(Judged(split, getattr(glasses, split), tuple(store.names), rows[split]["probabilities"]))
    test, validation = judged[:2]
    unlabelled = next((part for part in judged if part.split == "unlabelled"),
                      Judged("", None, (), np.zeros(0, np.float32)))
    run.write_arrays("predictions", {
        "names": np.array(test.names), "labels": rows["test"]["label"], "probabilities": test.probabilities,
        "val_names": np.array(validation.names), "val_labels": rows["validation"]["label"],
        "val_probabilities": validation.probabilities, "unlabelled_names": np.array(unlabelled.names, dtype="U"),
        "unlabelled_probabilities": unlabelled.probabilities})
    bins = calibration.reliability(rows["test"]["label"], test.probabilities)
    there = bins.count > 0
    run.write_arrays("artifacts", {
        **_examples(stores, settings.seed), **_uncertain(judged),
        **_predictions(test, rows["test"]["label"], settings.seed),
        **_feature_maps(network, settings.image_size, stores.test, rows["test"]),
        "first_filters": network.blocks[0].conv.weight.numpy(),
        **{f"calibration_{name}": values[there] for name, values in vars(bins).items()}})
    lists = _lists(run, judged, unlabelled, settings.uncertain)
    return {
        "origin": glasses.origin, "data": glasses.path,
        "images": {name: len(getattr(glasses, name)) for name in ("training", "validation", "test", "unlabelled")},
        "metrics": _metrics(rows, settings, trainer), "lists": lists,
        "chosen_on": "the validation images, by their loss",
        "unreadable": [name for store in stores[1:] if store is not None for name in store.unreadable],
        **summary(trainer), "parameters": count_parameters(network),
        "multiply_adds": multiply_adds(network, (1, 3, settings.image_size, settings.image_size))}


def flagged(probabilities: np.ndarray, band: Sequence[float]) -> np.ndarray:
    """Which probabilities lie in the uncertain band, its ends included."""
    return (probabilities >= band[0]) & (probabilities <= band[1])


def _metrics(rows: dict[str, dict[str, np.ndarray]], settings, trainer: Trainer) -> dict[str, Any]:
    """Each with n and, where it is a share of images, its 95 % Wilson interval. The threshold comes from the validation
    images; what it reaches, and everything without "val", is measured on the test images."""
    test, validation = rows["test"], rows["validation"]
    labels, probabilities, n = test["label"], test["probabilities"], len(test["label"])
    threshold, _ = calibration.best_threshold(validation["label"], validation["probabilities"], settings.threshold_by)
    uncertain = flagged(probabilities, settings.uncertain)
    right = (probabilities >= 0.5) == (labels > 0)
    result = {"accuracy": share_right(right), "loss": {"value": float(test["loss"].mean()), "n": n},
              "balanced_accuracy": {"value": calibration.measure(labels, probabilities)["balanced_accuracy"], "n": n}}
    for name, value in trainer.task.summarize(validation).items():
        result[f"val_{name}"] = {"value": value, "n": len(validation["label"])}
    result["calibration_error"] = {"value": calibration.calibration_error(
        calibration.reliability(labels, probabilities)), "n": n}
    result["uncertain"] = {"value": int(uncertain.sum()), "n": n}
    if not uncertain.all():
        result["accuracy_certain"] = share_right(right[~uncertain])
    result["threshold"] = {"value": threshold, "n": len(validation["label"])}
    result["accuracy_at_threshold"] = share_right((probabilities >= threshold) == (labels > 0))
    result["balanced_accuracy_at_threshold"] = {
        "value": calibration.measure(labels, probabilities, threshold)["balanced_accuracy"], "n": n}
    return result


def _lists(run: RunFolder, judged: list[Judged], unlabelled: Judged, band: Sequence[float]) -> dict[str, int]:
    """submission.csv for Kaggle; keep_list.csv and uncertain.csv of all images that the network was not trained on."""
    kept, left_out = [], []
    for part in judged:
        for name, probability, unsure in zip(part.names, part.probabilities, flagged(part.probabilities, band)):
            (left_out if unsure else kept).append((name, part.split, f"{probability:.6f}"))
    counts = {}
    for file, lines in (("keep_list", kept), ("uncertain", left_out)):
        _write_csv(run, file, [("image", "split", "probability"), *lines])
        counts[file] = len(lines)
    if len(unlabelled.names):
        ids = [int(IMAGE_NAME.fullmatch(name.rsplit("/", 1)[-1])[1]) for name in unlabelled.names]
        _write_csv(run, "submission", [("id", "glasses"),
                                       *((i, f"{p:.6f}") for i, p in zip(ids, unlabelled.probabilities))])
        counts["submission"] = len(ids)
    return counts


def _write_csv(run: RunFolder, name: str, rows: Sequence[Sequence[Any]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    if run.writer:
        write_atomically(run.path / f"{name}.csv", text.getvalue().encode())


def _examples(stores, seed: int) -> dict[str, np.ndarray]:
    """Random faces of the training set."""
    training = stores.training
    index = np.random.default_rng(seed).permutation(len(training))[:EXAMPLES]
    names = [training.names[i] for i in index]
    return {"example_images": pictures(stores.glasses.training, names), "example_names": np.array(names),
            "example_labels": np.asarray(training.labels)[index]}


def _uncertain(judged: list[Judged]) -> dict[str, np.ndarray]:
    """The images nearest to 0.5 of all that the network was not trained on."""
    every = [(abs(float(p) - 0.5), part, name, p) for part in judged for name, p in zip(part.names, part.probabilities)]
    nearest = sorted(every, key=lambda entry: (entry[0], entry[2]))[:UNCERTAIN]
    return {"uncertain_images": np.concatenate([pictures(part.images, [name]) for _, part, name, _ in nearest]),
            "uncertain_names": np.array([name for _, _, name, _ in nearest]),
            "uncertain_probabilities": np.array([p for *_, p in nearest], np.float32)}


def _predictions(test: Judged, labels: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Test images for figure 12: the least certain one, then random ones; and the eyes of the first as they are
    stored."""
    first = int(np.argmin(np.abs(test.probabilities - 0.5)))
    others = np.random.default_rng(seed).permutation(len(test.names))
    index = [first, *others[others != first][:PREDICTIONS - 1]]
    names = [test.names[i] for i in index]
    whole = test.images.decode(test.images.names.index(names[0]))
    top, bottom = (round(share * len(whole)) for share in EYES)
    return {"prediction_images": pictures(test.images, names), "prediction_names": np.array(names),
            "prediction_labels": labels[index], "prediction_probabilities": test.probabilities[index],
            "eyes_image": whole[top:bottom]}


def _feature_maps(network, side: int, store, rows: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What every layer makes of the test image with glasses that the network is surest of (of all, where none has
    any)."""
    chosen = int(np.argmax(rows["probabilities"] + (rows["label"] > 0)))
    image = middle(np.asarray(store.images[np.array([chosen])]), side)
    network.eval()
    with paddle.no_grad():
        maps = network.feature_maps(paddle.to_tensor(to_signed_unit(image)))
    return {"feature_image": image[0], "feature_names": np.array(list(maps)),
            **{f"feature_maps_{number}": values.numpy()[0, :MAPS] for number, values in enumerate(maps.values())}}


def pictures(images: ImageSet, names: Sequence[str]) -> np.ndarray:
    """(N, S, S, 3) uint8 at the size of a figure, which the network's input may fall short of."""
    return np.stack([resize(images.decode(images.names.index(name)), PICTURE_SIDE) for name in names])
