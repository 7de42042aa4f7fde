"""How sure the answers are: a temperature from the held-out images, and the calibration error that it leaves."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from assignments.common.splits import Finished
from paddle_models.tasks.calibration import calibration_error, fit_temperature, reliability, tempered


def chosen(done: Finished) -> dict[str, Any]:
    """Of result.json: the temperature that suits the images that chose the best epoch, and their number. Where these
    are the judged images themselves there is none, for it would flatter."""
    if done.splits.chooser is done.splits.test:
        return {}
    rows, _ = done.trainer.evaluate(done.trainer.data.validation())
    return {"temperature": temperature_of(rows), "temperature_images": len(rows["label"])}


def temperature_of(rows: Mapping[str, np.ndarray]) -> float:
    """From rows of the task's evaluation: label (N, K) and probabilities (N, K)."""
    return fit_temperature(rows["label"].ravel(), rows["probabilities"].ravel())


def errors(labels: np.ndarray, probabilities: np.ndarray, temperature: float | None) -> dict[str, float]:
    """Over all answers (N, K): accuracy's counterpart `confidence`, the mean probability of what is answered, and the
    expected calibration error; both again with the temperature, where there is one."""
    found = {}
    for name, given in (("", probabilities),
                        *([("_tempered", tempered(probabilities, temperature))] if temperature else [])):
        found[f"confidence{name}"] = float(np.maximum(given, 1 - given).mean())
        found[f"calibration_error{name}"] = calibration_error(reliability(labels.ravel(), given.ravel()))
    return found
