"""The grader's second look at a submission: its settings and weights, which nobody has checked before.

The judge builds the network by the kit's own code, loads checkpoints/best.safetensors of the submission and measures it
on the grader's data. Of the submission's settings it takes what shapes the network; no path in them is ever opened.
"""

import dataclasses
import hashlib
import math
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import paddle_models  # noqa: F401  sets the environment before Paddle is imported
from assignments.common.settings import preset_settings
from data_tools.batches.loader import make_loader
from data_tools.errors import BadFile, KitError
from data_tools.files import places
from data_tools.files.image_set import ImageSet
from data_tools.files.places import sample_folder
from data_tools.packed.arrays import Store
from data_tools.sets.samples import SAMPLES
from paddle_models.fast.fast_layers import accelerate
from paddle_models.trainer import loop, runtime
from paddle_models.trainer.checkpoint import load_network_arrays
from paddle_models.trainer.run_folder import read_config
from paddle_models.trainer.settings import from_dict
from paddle_models.weights.files import load_weights, read_header
from reports.grading.graded_work import Judged
from reports.run_reader import Run, read_arrays

PIXELS = 50 * 96 * 96  # of all images that are judged at a time
MOST_VALUES, LONGEST_TEXT, LONGEST_NAME = 2000, 1000, 60  # all settings together; one of them; a network's name
BEST = "checkpoints/best.safetensors"
MOST_ALONE = 1 << 30  # bytes of images that are packed for one submission
SIDES = ("image_size", "zoom")  # settings with many values that decide how images are packed
DRAWN = tuple(f"drawn-{name}" for name in SAMPLES)  # folders, and what archives of them are called


class Ground(NamedTuple):
    """The grader's data: "real", "subset" or "drawn"; sha256 over names, labels, sizes and times of the files; the
    metrics that are measured on them."""

    origin: str
    fingerprint: str
    metrics: Sequence[str]


def ground(origin: str, metrics: Sequence[str], *image_sets) -> Ground:
    """The Ground of the image sets, or stores, that are judged on."""
    digest = hashlib.sha256(origin.encode())
    for images in image_sets:
        digest.update(np.ascontiguousarray(images.labels).tobytes())
        stamps = repr([(name, images.source.stamp(name)) for name in images.names]) if isinstance(
            images, ImageSet) else images.fingerprint  # of a store in memory
        digest.update(stamps.encode())
    return Ground(origin, digest.hexdigest(), tuple(metrics))


def judge(work: Any, run: Path, data: str) -> Judged:
    """The best weights of a submission on the test images of the grader's data."""
    settings, notes = own_way(work, submitted_settings(run, work, data=data))
    with own_data():
        found = found_by(work, data)
    classes, images = work.classes_of(found), work.judged(found)
    network = best_network(work, settings, run, "model", classes)
    with packed(partial(work.pack, images, settings), must_be_alone(work, settings, images)) as store:
        predictions = work.answers(evaluate(work, settings, network, classes, store), store)
    signs = drawn_signs(run, work.drawn, partial(_drawn_images, work)) if work.drawn else []
    return Judged(work.score(predictions), len(store), found.origin, predictions, signs, work.baseline(predictions),
                  notes)


def _drawn_images(work: Any) -> Any:
    """The images of the drawn set that runs on it are judged on."""
    with own_data():
        return work.judged(found_by(work, "sample"))


def prepare(work: Any, data: str) -> None:
    """Decode the grader's data at the sizes of all presets, before the first submission does."""
    images = work.judged(found_by(work, data))
    for settings in preset_settings(work):
        work.pack(images, settings)


def ground_of(work: Any, data: str) -> Ground:
    """What a work is judged on; starts no thread."""
    found = found_by(work, data)
    return ground(found.origin, work.metrics, work.judged(found))


@lru_cache
def found_by(work: Any, data: str) -> Any:
    """The grader's data, read once for all submissions, which are judged in forks of one process."""
    return work.find(data)


def submitted_settings(run: Path, work: Any, **ours: Any) -> Any:
    """The settings of a submitted run folder, `ours` in place of its own, and no weights to start from, but for words
    that shape the network (work.begun_from).

    Raises BadFile or KitError for anything that a run of this work cannot have written.
    """
    where = "config.yaml"
    _, values = read_config(run, work.name)
    _check_plain(values, where)
    fields = {field.name for field in dataclasses.fields(work.settings)}
    if "weights" in fields:
        begun = str(values.get("weights")).partition(":")[0]  # "imagenet:FILE" wants the same inputs
        ours = {"weights": begun if begun in work.begun_from else "", **ours}
    if len(str(values.get("model", ""))) > LONGEST_NAME:
        raise BadFile("bad-file", f"{where}: setting model is no name of a network")
    ours = {name: value for name, value in ours.items() if name in fields}
    return from_dict(work.settings, {**values, **ours}, where)


def best_network(work: Any, settings: Any, run: Path, name: str, classes: Sequence[str] = ()) -> Any:
    """The kit's own network of these settings with the submission's best weights, ready to be evaluated."""
    runtime.start("cpu")
    prefix = f"networks/{name}/"
    trained = [key[len(prefix):] for key in read_header(run / BEST) if key.startswith(prefix)]
    network = work.rebuild(settings, classes, trained)
    load_best(network, run, name)
    accelerate(network)
    return network


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


def own_way(work: Any, settings: Any) -> tuple[Any, list[str]]:
    """(settings, notes) with the grader's way of judging: images that cannot be read are never left out, and mirror
    images are judged only where a preset does so. What is unusual of the images' size is said."""
    values = usual(work)
    wanted = {name: value for name, value in (("seed", 0), ("skip_unreadable", False)) if hasattr(settings, name)}
    notes = []
    if getattr(settings, "flip_at_test", False) not in values.get("flip_at_test", (False,)):
        wanted["flip_at_test"] = False
        notes.append("its setting flip_at_test, which no preset has, was left out")
    odd = [f"{name} {getattr(settings, name)}" for name in odd_sides(work, settings)]
    notes += [f"its settings {', '.join(odd)} are of no preset; its images were packed for it alone"] * bool(odd)
    return dataclasses.replace(settings, **wanted), notes


def usual(work: Any) -> dict[str, set[Any]]:
    """{setting: its values in the presets} of SIDES and flip_at_test, where the work has them."""
    presets = preset_settings(work)
    return {name: {getattr(each, name) for each in presets} for name in (*SIDES, "flip_at_test")
            if presets and hasattr(presets[0], name)}


def odd_sides(work: Any, settings: Any) -> list[str]:
    """Those of SIDES that no preset has with this value."""
    values = usual(work)
    return [name for name in SIDES if name in values and getattr(settings, name) not in values[name]]


def must_be_alone(work: Any, settings: Any, images: Any) -> bool:
    """Whether images are packed for one submission, as no preset has their size; BadFile where that is too much."""
    odd = [f"{name} {getattr(settings, name)}" for name in odd_sides(work, settings)]
    side = getattr(settings, "image_size", 0) * max(1, getattr(settings, "zoom", 1))
    if odd and 3 * side**2 * len(images) > MOST_ALONE:
        raise BadFile("disk", f"config.yaml: {', '.join(odd)} is in no preset, and at that size the images that it is "
                              f"judged on take {3 * side**2 * len(images) / 1e9:.1f} GB; train at a size of a preset")
    return bool(odd)


@contextmanager
def packed(pack: Callable[..., Any], alone: bool = False) -> Iterator[Any]:
    """What pack(**how) packs of the grader's images; alone, or where the cache cannot be written, in a scratch folder
    that goes at the end."""
    with tempfile.TemporaryDirectory(prefix="pack-") as scratch:
        with own_data():
            try:
                store = pack(progress=False, **({"folder": scratch} if alone else {}))
            except KitError:
                if alone or _is_writable(places.cache()):
                    raise
                store = pack(progress=False, folder=scratch)
        yield store


def _is_writable(folder: Path) -> bool:
    """Whether files can be made there, or the folder itself."""
    there = next(place for place in (folder, *folder.absolute().parents) if place.is_dir())
    return os.access(there, os.W_OK)


@contextmanager
def own_data() -> Iterator[None]:
    """Around what is read or packed of the grader's data: an error there is not the submission's."""
    try:
        yield
    except (KitError, OSError) as error:
        raise BadFile("grader-data", f"{error} (`grade --prepare` packs the grader's data beforehand)") from None


def evaluate(work: Any, settings: Any, network: Any, classes: Sequence[str], store: Store) -> dict[str, np.ndarray]:
    """The rows of the work's task for all images of a store."""
    side = work.input_shape(settings)[-1]
    loader = make_loader(store, max(1, PIXELS // side**2), shuffle=False, seed=0, epoch=0,
                         normalize=work.normalize(settings))
    return loop.evaluate(work.task(settings, network, classes), loader)[0]


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
