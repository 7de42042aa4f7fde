"""What the judges of the assignments share: settings and weights of a submission, which nobody has checked before.

A judge builds the network by the kit's own code, loads checkpoints/best.safetensors of the submission and measures it
on the grader's data. Of the submission's settings it takes what shapes the network; no path in them is ever opened.
"""

import dataclasses
import hashlib
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import paddle_models  # noqa: F401  sets the environment before Paddle is imported
from assignments.common.runner import Assignment
from data_tools.batches.loader import make_loader, to_signed_unit
from data_tools.errors import BadFile, KitError
from data_tools.files.image_set import ImageSet
from data_tools.files.places import sample_folder
from data_tools.sets.samples import SAMPLES
from paddle_models.trainer import loop, runtime
from paddle_models.trainer.checkpoint import load_network_arrays
from paddle_models.trainer.run_folder import read_config
from paddle_models.trainer.settings import from_dict, read_presets
from paddle_models.weights.files import load_weights
from reports.run_reader import Run, read_arrays

PIXELS = 50 * 96 * 96  # of all images that are judged at a time
MOST_VALUES, LONGEST_TEXT = 2000, 1000  # of all settings together; of one of them
BEST = "checkpoints/best.safetensors"
DRAWN = tuple(f"drawn-{name}" for name in SAMPLES)  # folders, and what archives of them are called


class Ground(NamedTuple):
    """The grader's data: "real", "subset" or "drawn"; sha256 over names, labels, sizes and times of the files; the
    metrics that are measured on them."""

    origin: str
    fingerprint: str
    metrics: Sequence[str]


def ground(origin: str, metrics: Sequence[str], *image_sets) -> Ground:
    """The Ground of the image sets that are judged on."""
    digest = hashlib.sha256(origin.encode())
    for images in image_sets:
        digest.update(np.ascontiguousarray(images.labels).tobytes())
        digest.update(repr([(name, images.source.stamp(name)) for name in images.names]).encode())
    return Ground(origin, digest.hexdigest(), tuple(metrics))


def submitted_settings(run: Path, assignment: Assignment, bounds: Mapping[str, tuple[float, float]], *,
                       begun_from: Sequence[str] = (), **ours: Any) -> Any:
    """The settings of a submitted run folder, `ours` in place of its own, and no weights to start from.

    bounds: {setting: (smallest, largest)} of numbers and of lists of numbers. begun_from: what `weights` may say all
    the same, words that shape the network and are no paths. Raises BadFile or KitError for anything that a run of this
    assignment cannot have written.
    """
    where = "config.yaml"
    _, values = read_config(run, assignment.name)
    _check_plain(values, where)
    if any(field.name == "weights" for field in dataclasses.fields(assignment.settings)):
        begun = values.get("weights")
        ours = {"weights": begun if begun in begun_from else "", **ours}
    settings = from_dict(assignment.settings, {**values, **ours}, where)
    for name, (smallest, largest) in bounds.items():
        value = getattr(settings, name)
        parts = value if isinstance(value, list) else [value]
        if len(parts) > 8 or not all(smallest <= part <= largest for part in parts):
            raise BadFile("bad-file",
                          f"{where}: setting {name}: {value!r:.60} is not graded, {smallest:g} to {largest:g} is")
    return settings


def load_best(network, run: Path, name: str) -> None:
    """The submission's best weights of the network `name` into `network`, in evaluation mode; BadFile where they do not
    fit."""
    arrays = best_arrays(run, f"networks/{name}/")
    try:
        load_network_arrays(network, arrays, BEST)
    except KitError as error:
        raise BadFile("wrong-shapes", str(error)) from None
    network.eval()


def best_arrays(run: Path, prefix: str = "") -> dict[str, np.ndarray]:
    """{name without `prefix`: array} of the submission's best weights; BadFile for what is no number or not finite."""
    arrays, _ = load_weights(run / BEST)
    mine = {name[len(prefix):]: array for name, array in arrays.items() if name.startswith(prefix)}
    for name, array in mine.items():
        if array.dtype.kind not in "fiub":
            raise BadFile("bad-weights",
                          f"{BEST}: {name:.80} is of type {array.dtype}, which no network of this kit has")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise BadFile("not-finite", f"{BEST}: {name:.80} holds NaN or infinity")
    return mine


def preset_sizes(assignment: Assignment) -> list[int]:
    """Every image size that a preset has, pixels."""
    return sorted({settings.image_size for settings in preset_settings(assignment)})


def preset_settings(assignment: Assignment) -> list[Any]:
    """The settings of every preset, by which most submissions were made."""
    presets = read_presets(assignment.folder / "presets.yaml").values()
    return [from_dict(assignment.settings, preset["settings"] or {}, "presets.yaml") for preset in presets]


@contextmanager
def own_data(assignment: Assignment, settings: Any) -> Iterator[None]:
    """Around what is read or packed of the grader's data: an error there is not the submission's, unless it wants
    larger images than any preset."""
    try:
        yield
    except (KitError, OSError) as error:
        size = getattr(settings, "image_size", 0)
        if size and size > max(preset_sizes(assignment)):
            raise BadFile("disk", f"image_size {size} is larger than any preset's, and: {error}") from None
        raise BadFile("grader-data", f"{error} (`grade --prepare` packs the grader's data beforehand)") from None


def start() -> None:
    """Paddle on the CPU, whatever the submission was trained on."""
    runtime.start("cpu")


def answers(task, store, side: int, normalize: Callable = to_signed_unit) -> dict[str, np.ndarray]:
    """What a task says of all images of a store, as predictions.npz has it; images of `side` pixels through
    `normalize`."""
    size = max(1, PIXELS // side**2)
    rows, _ = loop.evaluate(task, make_loader(store, size, shuffle=False, seed=0, epoch=0, normalize=normalize))
    return {"names": np.array(store.names), "labels": rows["label"], "probabilities": rows["probabilities"]}


def drawn_signs(run: Path, sample: str, images: Callable[[], ImageSet]) -> list[str]:
    """Why a run must come from drawn data; sample: name of the drawn set. images(): those of it that runs are judged
    on."""
    result = Run(run, "").result
    if result.get("origin") == "drawn":
        return []  # it says so itself
    place = result.get("data")
    drawn = [part for part in re.split(r"[\\/.]", place) if part in DRAWN] if isinstance(place, str) else []
    if drawn:
        return [f"result.json says that its data lie in {drawn[0]}"]
    names = read_arrays(run / "predictions.npz").get("names") if sample_folder(sample).is_dir() else None
    if names is not None and names.shape == (len(images()),) and tuple(names.tolist()) == images().names:
        return ["the images in predictions.npz are named as the drawn ones"]
    return []


def _check_plain(values: Any, where: str) -> None:
    """BadFile where settings are more, longer or deeper than a run writes."""
    if not isinstance(values, dict):
        raise BadFile("bad-file", f"{where}: settings are a {type(values).__name__}, expected named values")
    left, waiting = MOST_VALUES, [(values, 0)]
    while waiting:
        value, depth = waiting.pop()
        below = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
        left -= 1
        if left < len(below) or depth > 6:
            raise BadFile("bad-file", f"{where}: the settings are more or deeper than those of any run")
        if isinstance(value, str) and len(value) > LONGEST_TEXT:
            raise BadFile("bad-file", f"{where}: a setting of {len(value)} letters, which no run writes")
        if isinstance(value, float) and not math.isfinite(value) or type(value) is int and abs(value) >= 2**53:
            raise BadFile("bad-file", f"{where}: a setting is {value!s:.20}, which no run writes")
        waiting += [(part, depth + 1) for part in below]
