"""The worked example's training as one self-contained HTML page: network and error, frame by frame."""

from pathlib import Path

import numpy as np

from assignments.backprop.by_hand.backprop import sigmoid
from assignments.backprop.pages import rounded, write_page
from reports.run_reader import Run

PAGE = ("title", "intro", "noscript", "network", "error", "play", "back", "next", "slider", "keys")  # words of the page
SCRIPT = ("target", "legend", "steps", "step", "play", "pause")  # words that the page's script shows


def write_animation(run: Run, file: Path, language: str = "en") -> Path:
    """Write the page from the arrays of a run; it needs no network and no other file. The same run gives the same
    bytes."""
    steps = run.artifact("worked_steps", (None,), "iu")
    weights = run.artifact("worked_weights", (len(steps), 8), "f")
    outputs = run.artifact("worked_outputs", (len(steps), 2), "f")
    hidden = sigmoid(np.stack([weights[:, :2], weights[:, 2:4]], axis=1) @ np.array([0.05, 0.10]) + 0.35)  # (T, 2)
    numbers = {"steps": steps.tolist(), "loss": rounded(run.artifact("worked_loss", (len(steps),), "f")),
               "weights": [rounded(row) for row in weights],
               "units": [rounded(row) for row in np.hstack([hidden, outputs])],
               "target": float(run.setting("target_error", 3.6e-5))}
    return write_page(file, "animation", PAGE, SCRIPT, numbers, language)
