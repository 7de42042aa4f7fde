"""Does a run folder contradict itself? A forged seal does not help against these: they need the weights and the
numbers."""

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from data_tools.errors import KitError
from paddle_models.weights.files import load_weights, read_header, sha256_of_weights
from reports.grading.submission import WEIGHTS
from reports.grading.verdict import Problem
from reports.run_reader import Run, look_up

ROUNDED = 1e-6   # relative difference of numbers that were written once as they are and once rounded
COMPUTED = 1e-4  # the same of numbers computed again from predictions
MOST_CLAIMS = 500
MOST_ROWS = 300_000  # of metrics.jsonl; what 32 MB hold of the rows that a run writes

Arrays = Mapping[str, np.ndarray]


def claims(result: Mapping[str, Any]) -> dict[str, float]:
    """{metric: value} of a result.json; what is no finite number is left out."""
    metrics = result.get("metrics")
    found = {}
    for name, entry in list(metrics.items())[:MOST_CLAIMS] if isinstance(metrics, dict) else ():
        value = number(entry.get("value") if isinstance(entry, dict) else entry)
        if value is not None:
            found[str(name)[:80]] = value
    return found


def check_weights_sum(run: Path, result: Mapping[str, Any]) -> list[Problem]:
    """weights_sha256 of result.json against the weights; BadFile for weights that are not finite or not readable."""
    arrays, _ = load_weights(run / WEIGHTS, refuse_nan=True)
    if sha256_of_weights(arrays) != result.get("weights_sha256"):
        return [Problem("weights-differ", "weights_sha256 of result.json is not that of checkpoints/best.safetensors: "
                                          "the numbers are of other weights")]
    return []


def check_names(config: Mapping[str, Any], result: Mapping[str, Any]) -> list[Problem]:
    """Preset of config.yaml against result.json."""
    if config.get("preset") != result.get("preset"):
        return [_contradiction(f"preset {config.get('preset')!r:.40} in config.yaml, {result.get('preset')!r:.40} in "
                               f"result.json")]
    return []


def check_course(run: Run) -> list[Problem]:
    """Epochs, steps and best value of result.json and of the weights against metrics.jsonl."""
    result, best = run.result, _best(run.path)
    last_epoch: float = -1
    last_step: float = 0
    at_best = None
    for row in run.rows(MOST_ROWS):
        step, epoch = number(row.get("step")), number(row.get("epoch"))
        last_step = max(last_step, step or 0)
        if row.get("kind") == "epoch" and epoch is not None:
            last_epoch = max(last_epoch, epoch)
            if epoch == best.get("epoch"):
                at_best = number(row.get(f"val/{best.get('monitor')}"))
    found = []
    epochs, steps = number(result.get("epochs")), number(result.get("steps"))
    if epochs is not None and last_epoch + 1 != epochs:
        found.append(f"{epochs:g} epochs in result.json, {last_epoch + 1:g} in metrics.jsonl")
    if steps is not None and last_step != steps:
        found.append(f"{steps:g} steps in result.json, {last_step:g} in metrics.jsonl")
    value = number(best.get("value"))
    if value is not None:
        if at_best is None or not _close(at_best, value, ROUNDED):
            found.append(f"the weights are of epoch {best['epoch']!r:.20} with {best.get('monitor')!s:.40} "
                         f"{value:.6g}, "
                         f"metrics.jsonl has {'no value' if at_best is None else f'{at_best:.6g}'} there")
        claimed = number(result.get("best_epoch"))
        if claimed is not None and claimed != best["epoch"] + 1:
            found.append(f"best epoch {claimed:g} in result.json, the weights are of epoch {best['epoch'] + 1}")
        named = f"val_{best.get('monitor')}_best"
        claimed = number(look_up(result, f"metrics.{named}.value", result.get(named)))
        if claimed is not None and not _close(claimed, value, ROUNDED):
            found.append(f"{named} is {claimed:.6g} in result.json, the weights were kept for {value:.6g}")
    return [_contradiction(text) for text in found]


def check_score(claimed: Mapping[str, float], predictions: Arrays,
                score: Callable[[Arrays], Mapping[str, float]] | None) -> list[Problem]:
    """Metrics of result.json against those that its own predictions give."""
    if score is None:
        return []
    try:
        scored = score(predictions)
    except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError, KitError) as error:
        return [Problem("bad-arrays",
                        f"predictions.npz is not of this assignment: {type(error).__name__} {error!s:.100}")]
    return [_contradiction(f"{name} is {claimed[name]:.6g} in result.json, its own predictions give {value:.6g}")
            for name, value in scored.items()
            if name in claimed and not _close(claimed[name], float(value), COMPUTED)]


def check_predictions(submitted: Arrays, judged: Arrays, tolerance: float) -> tuple[list[Problem], list[str]]:
    """(problems, notes) of submitted predictions against those that the weights give on the grader's data.

    Samples are matched by the array of names that stands beside an array ("names", "set/names"). Where the names differ
    the data differ, which is said and nothing else.
    """
    problems, notes = [], []
    orders = {key: order_of(submitted.get(key), names) for key,
              names in judged.items() if key.split("/")[-1] == "names"}
    for key in (key for key, order in orders.items() if order is None):
        notes.append(f"predictions: {key} are not those of the grader's data, so they were not compared")
    for key, expected in judged.items():
        prefix, _, _ = key.rpartition("/")
        names = f"{prefix}/names" if prefix else "names"
        order = orders.get(names, np.arange(len(expected)) if expected.ndim else None)
        if key not in orders and (names not in orders or order is not None):
            problems += _differences(key, submitted.get(key), expected, order, tolerance)
    return problems, notes


def _differences(key: str, array: np.ndarray | None, expected: np.ndarray, order: np.ndarray | None,
                 tolerance: float) -> list[Problem]:
    if array is None:
        return [Problem("predictions-differ", f"predictions.npz has no array {key}, which this run would have written")]
    if array.shape != expected.shape or (array.dtype.kind == "U") != (expected.dtype.kind == "U"):
        return [Problem("predictions-differ", f"{key} of predictions.npz is {array.dtype} {array.shape}, "
                                              f"the weights give {expected.dtype} {expected.shape}")]
    array = array[order] if order is not None and array.ndim and len(array) == len(order) else array
    if expected.dtype.kind == "U":
        wrong, worst = array != expected, None
    else:
        array, expected = array.astype(np.float64), expected.astype(np.float64)
        with np.errstate(invalid="ignore"):
            distance = np.where(array == expected, 0.0, np.abs(array - expected))  # infinity equals itself
        wrong, worst = ~(distance <= tolerance * np.maximum(1.0, np.abs(expected))), float(distance.max(initial=0.0))
    if not wrong.any():
        return []
    rows = int(wrong.reshape(len(wrong), -1).any(axis=1).sum()) if wrong.ndim else 1
    by = "" if worst is None else f", by up to {worst:.3g}"
    return [Problem("predictions-differ",
                    f"{key} of {rows} of {len(wrong) if wrong.ndim else 1} samples is not what the "
                                          f"weights give{by}")]


def order_of(submitted: np.ndarray | None, names: np.ndarray) -> np.ndarray | None:
    """Rows of the submitted names in the order of `names`; None where they are other names."""
    if submitted is None or submitted.shape != names.shape or submitted.dtype.kind != "U" or submitted.ndim != 1:
        return None
    if (submitted == names).all():
        return np.arange(len(names))
    ours, theirs = np.argsort(names, kind="stable"), np.argsort(submitted, kind="stable")
    if not (names[ours] == submitted[theirs]).all():
        return None
    order = np.empty(len(names), np.int64)
    order[ours] = theirs
    return order


def _best(run: Path) -> dict[str, Any]:
    """What the checkpoint says about itself: {epoch, monitor, value}, {} for weights that the trainer did not write."""
    metadata = read_header(run / WEIGHTS).get("__metadata__", {})
    try:
        state = json.loads(metadata["state"])
        return state if type(state["epoch"]) is int else {}
    except (KeyError, TypeError, ValueError, RecursionError):
        return {}


def _contradiction(text: str) -> Problem:
    return Problem("inconsistent", text)


def _close(a: float, b: float, tolerance: float) -> bool:
    return math.isfinite(b) and abs(a - b) <= tolerance * max(1.0, abs(b))


def number(value: Any) -> float | None:
    """A finite int or float that is no bool, as it is; None for anything else."""
    if isinstance(value, float) and math.isfinite(value) or type(value) is int and abs(value) < 2**53:
        return value
    return None
