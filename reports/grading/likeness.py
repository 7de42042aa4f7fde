"""Are two sets of weights, or of answers, the same? By small samples of them, which a grade keeps.

Equal seeds give equal weights honestly, and a network may be begun from known weights: what is found here is a note for
the teacher and no problem.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from data_tools.errors import KitError
from data_tools.files.places import PROJECT_ROOT
from paddle_models.weights.files import load_weights

PRETRAINED = PROJECT_ROOT / "paddle_models" / "pretrained"
FINGERPRINTS = Path(__file__).resolve().with_name("known_weights.json")  # in an autograder, which has no weights
OF_KIT = "these are the kit's own weights: {}"
OF_PACKAGE = "all but the last layer are the weights that {} brings, from which everybody may begin"
SAMPLES = 8        # values of an array
MOST_ARRAYS = 600
PRECISION = 2e-3   # relative difference of a value that was once stored in half precision, and then some
COMPUTED = 1e-5    # of answers that the same weights give in another order
NEAR = 0.05        # share of the values that may differ
MOVED, PERCENTS = 0.1, 0.03  # of the spread of an array, of a value: what is nearer is no training of one's own
OWN = 0.5          # of one array, which is then no copy: a head that was trained anew on a backbone that was not

Sketch = dict[str, list[float]]


def sketch(arrays: Mapping[str, np.ndarray]) -> Sketch:
    """{name without networks/NAME/: a few values, the same places for the same size} of the arrays of floats."""
    found: Sketch = {}
    for name in sorted(arrays)[:MOST_ARRAYS]:
        array = arrays[name]
        if array.dtype.kind == "f" and array.size:
            places = np.random.default_rng(array.size).integers(0, array.size, min(SAMPLES, array.size))
            values = np.nan_to_num(array.ravel()[places].astype(np.float64))
            found[_short(name)] = [float(f"{value:.6g}") for value in values]
    return found


def _short(name: str) -> str:
    return name.split("/", 2)[-1] if name.startswith("networks/") else name


def differing(one: Sketch, other: Sketch, precision: float = PRECISION) -> float | None:
    """Share of the values that differ, 0..1; None for other networks, and where an array as a whole is another one."""
    if not one or {name: len(values) for name, values in one.items()} != {
            name: len(values) for name, values in other.items()}:
        return None
    count = total = 0
    for name, values in one.items():
        a, b = np.array(values), np.array(other[name])
        wrong = int((np.abs(a - b) > precision * np.maximum(np.abs(a), np.abs(b)) + 1e-6).sum())
        if wrong > OWN * len(a) and len(a) == SAMPLES:  # of fewer, one value may stand there several times
            return None
        count, total = count + wrong, total + len(a)
    return count / total


def known(arrays: Mapping[str, np.ndarray]) -> str:
    """What the teacher should know of weights that everybody has, whatever their precision and a few changed values;
    "" for others."""
    own = {_short(name): array for name, array in arrays.items()}
    for name, theirs in fingerprints().items():
        if theirs and theirs.keys() <= own.keys():
            mine = sketch({key: own[key] for key in theirs})
            share = differing(mine, theirs)
            words = OF_PACKAGE if "==" in name else OF_KIT
            if share is not None and share <= NEAR:
                return words.format(name)
            if moved(mine, theirs) <= NEAR:
                return f"{words.format(name)}, moved by less than a tenth of their spread"
    return ""


def moved(one: Sketch, other: Sketch) -> float:
    """Share of the values, 0..1, that are further from the other's than a tenth of the spread of their array and a few
    percent: what noise, or a few small steps of training, leaves near."""
    far: list[bool] = []
    for name, values in one.items():
        a, b = np.array(values), np.array(other[name])
        if len(a) == len(b) == SAMPLES and np.std(b) > 0:
            far += (np.abs(a - b) > MOVED * np.std(b) + PERCENTS * np.abs(b)).tolist()
    return float(np.mean(far)) if far else 1.0


@lru_cache
def fingerprints() -> dict[str, Sketch]:
    """{weights that everybody has: their sketch}: the kit's own, and all but the last layer of those in packages."""
    if FINGERPRINTS.is_file():
        return json.loads(FINGERPRINTS.read_text(encoding="utf-8"))
    from paddle_models.weights.efficientnet_lite_weights import PACKAGE, imagenet_arrays

    found = {}
    with suppress(KitError):  # a package that is not installed, or a damaged file, is no reason not to grade
        found[PACKAGE] = sketch({name: array for name, array in imagenet_arrays().items()
                                 if not name.startswith("classifier.")})
    for file in sorted(PRETRAINED.glob("*.safetensors")):
        with suppress(KitError):
            found[file.stem] = sketch(load_weights(file)[0])
    return found


def alike(sketches: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str, float, bool]]:
    """(name, other, share of the weights that differ or 1, whether the answers are equal) of all pairs that have nearly
    equal weights, or equal answers. sketches: {name: {"weights": Sketch, "answers": Sketch}} of one work."""
    groups: dict[Any, list[str]] = defaultdict(list)
    for name, each in sketches.items():
        groups[tuple(len(values) for values in each.get("answers", {}).values())].append(name)
    found = []
    for names in groups.values():
        for one, other in combinations(names, 2):
            mine, theirs = sketches[one], sketches[other]
            share = differing(mine.get("weights", {}), theirs.get("weights", {}))
            same = differing(mine.get("answers", {}), theirs.get("answers", {}), COMPUTED) == 0
            if share is not None and share <= NEAR or same:
                found.append((one, other, 1.0 if share is None else share, same))
    return found


def told(share: float, same: bool, other: str) -> str:
    """A pair in words, for one of the two."""
    if share == 0:
        return f"weights equal to those of {other} (equal seeds give equal weights honestly)"
    if share <= NEAR:
        return f"weights nearly equal to those of {other}: {share:.1%} of the values differ"
    return f"predictions equal to those of {other}, from other weights"


def notes_of(pairs: Sequence[tuple[str, str, float, bool]], most: int = 5) -> dict[str, list[str]]:
    """{name: what its teacher should know}; at most so many pairs each are spelt out."""
    found: dict[str, list[str]] = defaultdict(list)
    for one, other, share, same in pairs:
        for mine, theirs in ((one, other), (other, one)):
            found[mine].append(told(share, same, theirs))
    return {name: notes[:most] + [f"and {len(notes) - most} more like it"] * (len(notes) > most)
            for name, notes in found.items()}
