"""What a finished run leaves behind beside its answers: lists for the image pipeline, arrays of figures, the result."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import paddle

from assignments.common.examples import pictures
from assignments.common.splits import Finished
from assignments.glasses.framing import middle
from assignments.glasses.lists import Judged, flagged, write_lists
from paddle_models.tasks import calibration
from paddle_models.tasks.metrics import share_right

EXAMPLES, UNCERTAIN, PREDICTIONS, MAPS = 10, 8, 10, 16  # pictures of figures 9, 2 and 12, feature maps of a layer in 13
EYES = (0.38, 0.62)  # of the height, where the eyes of a centred face are


def answers(done: Finished) -> dict[str, np.ndarray]:
    """Of predictions.npz: what the network says of the validation images and of those without a label."""
    _, validation, *rest = judged(done)
    unlabelled = rest[0] if rest else Judged("", None, (), np.zeros(0, np.float32), {})
    return {"val_names": np.array(validation.names), "val_labels": validation.labels,
            "val_probabilities": validation.probabilities,
            "unlabelled_names": np.array(unlabelled.names, dtype="U"),
            "unlabelled_probabilities": unlabelled.probabilities}


def judged(done: Finished) -> list[Judged]:
    """The splits that the network was not trained on: test, validation and, where there are any, unlabelled images."""
    stores, rows = {"test": done.splits.test, **done.splits.more}, {"test": done.rows, **done.more}
    return [Judged(split, getattr(done.found, split), tuple(store.names), rows[split]["probabilities"], rows[split])
            for split, store in stores.items()]


def arrays(done: Finished) -> dict[str, np.ndarray]:
    """artifacts.npz"""
    every, seed = judged(done), done.settings.seed
    bins = calibration.reliability(every[0].labels, every[0].probabilities)
    there = bins.count > 0
    return {**_examples(done, seed), **_uncertain(every), **_predictions(every[0], seed), **_feature_maps(done),
            "first_filters": done.network.blocks[0].conv.weight.numpy(),
            **{f"calibration_{name}": values[there] for name, values in vars(bins).items()}}


def result(done: Finished, _: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The metrics; submission.csv, keep_list.csv and uncertain.csv, and how long they are."""
    test, validation, *_ = every = judged(done)
    lists = write_lists(done.run, every, done.settings.uncertain)
    splits = ("training", "validation", "test", "unlabelled")
    return {"images": {name: len(getattr(done.found, name)) for name in splits},
            "metrics": _metrics(test, validation, done), "lists": lists}


def _metrics(test: Judged, validation: Judged, done: Finished) -> dict[str, Any]:
    """Each with n and, where it is a share of images, its 95 % Wilson interval. The threshold comes from the validation
    images; what it reaches, and everything without "val", is measured on the test images."""
    labels, probabilities, n = test.labels, test.probabilities, len(test.labels)
    settings = done.settings
    threshold, _ = calibration.best_threshold(validation.labels, validation.probabilities, settings.threshold_by)
    uncertain = flagged(probabilities, settings.uncertain)
    right = (probabilities >= 0.5) == (labels > 0)
    result = {"accuracy": share_right(right), "loss": {"value": float(test.rows["loss"].mean()), "n": n},
              "balanced_accuracy": {"value": calibration.measure(labels, probabilities)["balanced_accuracy"], "n": n}}
    for name, value in done.trainer.task.summarize(validation.rows).items():
        result[f"val_{name}"] = {"value": value, "n": len(validation.labels)}
    result["calibration_error"] = {"value": calibration.calibration_error(
        calibration.reliability(labels, probabilities)), "n": n}
    result["uncertain"] = {"value": int(uncertain.sum()), "n": n}
    if not uncertain.all():
        result["accuracy_certain"] = share_right(right[~uncertain])
    result["threshold"] = {"value": threshold, "n": len(validation.labels)}
    result["accuracy_at_threshold"] = share_right((probabilities >= threshold) == (labels > 0))
    result["balanced_accuracy_at_threshold"] = {
        "value": calibration.measure(labels, probabilities, threshold)["balanced_accuracy"], "n": n}
    return result


def _examples(done: Finished, seed: int) -> dict[str, np.ndarray]:
    """Random faces of the training set."""
    training = done.splits.training
    index = np.random.default_rng(seed).permutation(len(training))[:EXAMPLES]
    names = [training.names[i] for i in index]
    return {"example_images": pictures(done.found.training, names), "example_names": np.array(names),
            "example_labels": np.asarray(training.labels)[index]}


def _uncertain(every: list[Judged]) -> dict[str, np.ndarray]:
    """The images nearest to 0.5 of all that the network was not trained on."""
    answers = [(abs(float(p) - 0.5), part, name, p)
               for part in every for name, p in zip(part.names, part.probabilities)]
    nearest = sorted(answers, key=lambda entry: (entry[0], entry[2]))[:UNCERTAIN]
    return {"uncertain_images": np.concatenate([pictures(part.images, [name]) for _, part, name, _ in nearest]),
            "uncertain_names": np.array([name for _, _, name, _ in nearest]),
            "uncertain_probabilities": np.array([p for *_, p in nearest], np.float32)}


def _predictions(test: Judged, seed: int) -> dict[str, np.ndarray]:
    """Test images for figure 12: the least certain one, then random ones; and the eyes of the first as stored."""
    first = int(np.argmin(np.abs(test.probabilities - 0.5)))
    others = np.random.default_rng(seed).permutation(len(test.names))
    index = [first, *others[others != first][:PREDICTIONS - 1]]
    names = [test.names[i] for i in index]
    whole = test.images.decode(test.images.names.index(names[0]))
    top, bottom = (round(share * len(whole)) for share in EYES)
    return {"prediction_images": pictures(test.images, names), "prediction_names": np.array(names),
            "prediction_labels": test.labels[index], "prediction_probabilities": test.probabilities[index],
            "eyes_image": whole[top:bottom]}


def _feature_maps(done: Finished) -> dict[str, np.ndarray]:
    """What every layer makes of the test image with glasses that the network is surest of (of any, without)."""
    chosen = int(np.argmax(done.rows["probabilities"] + (done.rows["label"] > 0)))
    whole = np.asarray(done.splits.test.images[np.array([chosen])])
    image = middle(whole, done.settings.image_size)
    done.network.eval()
    with paddle.no_grad():
        maps = done.network.feature_maps(paddle.to_tensor(done.trainer.data.normalize(whole)))
    return {"feature_image": image[0], "feature_names": np.array(list(maps)),
            **{f"feature_maps_{number}": values.numpy()[0, :MAPS] for number, values in enumerate(maps.values())}}
