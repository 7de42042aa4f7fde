"""Engines that compute in fewer bits, judged by the accuracy of an export on real images before they are chosen."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from data_tools.errors import KitError
from data_tools.files.atomic import write_atomically
from paddle_models.deploy.openvino_engine import OPENVINO
from paddle_models.deploy.predictor import CARD, SHORT, Predictor, read_card, usable_engines

MOST_LOST = 0.003  # of the accuracy: 0.3 points
BATCH = 16  # images at a time


def judge_engines(folder: str | Path, images: np.ndarray, labels: np.ndarray) -> dict[str, dict[str, Any]]:
    """Judge those of SHORT that are usable here against OpenVINO in float32; {engine: what was found}.

    images, labels: as of int8.add_int8. Those that lose at most 0.3 points of accuracy stand under `judged` in the card
    from now on and may be chosen; the others under `not_usable`, with the reason. KitError where none can be judged.
    """
    folder = Path(folder)
    engines = [engine for engine in usable_engines(read_card(folder)) if engine in SHORT]
    if not engines:
        raise KitError("neither bfloat16 nor 8 bits can be judged here: pip install -r requirements-onnx.txt -r "
                       "requirements-openvino.txt, and bfloat16 needs a processor that multiplies it")
    exact = accuracy(Predictor(folder, OPENVINO), images, labels)
    found = {engine: {"accuracy": accuracy(Predictor(folder, engine), images, labels), "accuracy_float32": exact,
                      "images": len(images)} for engine in engines}
    card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    card["judged"] = {engine: facts for engine, facts in found.items() if holds(facts)}
    card["not_usable"] = {engine: why for engine, why in card["not_usable"].items() if engine not in found}
    card["not_usable"].update({engine: said(facts) for engine, facts in found.items() if not holds(facts)})
    write_atomically(folder / CARD, (json.dumps(card, indent=2, ensure_ascii=False) + "\n").encode())
    return found


def holds(found: dict[str, Any]) -> bool:
    """Whether few enough answers were lost."""
    return found["accuracy"] >= found["accuracy_float32"] - MOST_LOST


def said(found: dict[str, Any]) -> str:
    """What was found, in words."""
    return (f"{100 * found['accuracy']:.2f} % right on {found['images']} images, float32 "
            f"{100 * found['accuracy_float32']:.2f} %")


def accuracy(run: Callable[[np.ndarray], np.ndarray], images: np.ndarray, labels: np.ndarray) -> float:
    """Share of right answers, 0..1: the largest output of (N,) labels; the sign of each output of (N, K) ones."""
    outputs = np.concatenate([run(images[start:start + BATCH]) for start in range(0, len(images), BATCH)])
    right = outputs.argmax(axis=1) == labels if labels.ndim == 1 else (outputs > 0) == (labels > 0)
    return float(np.mean(right))
