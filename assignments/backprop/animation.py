"""The worked example's training as one self-contained HTML page: network and error, frame by frame."""

import json
from pathlib import Path

import numpy as np

from assignments.backprop.by_hand.backprop import sigmoid
from data_tools.files.atomic import write_atomically
from reports.figures.words import words_beside
from reports.run_reader import Run

TEMPLATE = Path(__file__).with_name("animation.html")
PAGE = ("title", "intro", "noscript", "network", "error", "play", "back", "next", "slider", "keys")  # words of the page
SCRIPT = ("target", "legend", "steps", "step", "play", "pause")  # words that the page's script shows


def write_animation(run: Run, file: Path, language: str = "en") -> Path:
    """Write the page from the arrays of a run; it needs no network and no other file. The same run gives the same
    bytes."""
    t = words_beside(__file__, "animation", language)
    steps = run.artifact("worked_steps", (None,), "iu")
    weights = run.artifact("worked_weights", (len(steps), 8), "f")
    outputs = run.artifact("worked_outputs", (len(steps), 2), "f")
    hidden = sigmoid(np.stack([weights[:, :2], weights[:, 2:4]], axis=1) @ np.array([0.05, 0.10]) + 0.35)  # (T, 2)
    data = {"steps": steps.tolist(), "loss": _rounded(run.artifact("worked_loss", (len(steps),), "f")),
            "weights": [_rounded(row) for row in weights],
            "units": [_rounded(row) for row in np.hstack([hidden, outputs])],
            "target": float(run.setting("target_error", 3.6e-5)),
            "words": {key: t(key) for key in SCRIPT}}
    page = TEMPLATE.read_text(encoding="utf-8").replace("__LANG__", "zh-CN" if language == "zh" else "en")
    for key in PAGE:
        page = page.replace(f"__{key.upper()}__", t(key))
    # never ends the script element
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    write_atomically(file, page.replace("__DATA__", text).encode("utf-8"))
    return file


def _rounded(values: np.ndarray) -> list[float]:
    """Nine significant digits are more than is shown."""
    return [float(f"{value:.9g}") for value in values]
