"""HTML pages of the worked example that need no network and no other file: a template, its words, its numbers."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from assignments.backprop import worked
from data_tools.files.atomic import write_atomically
from reports.figures.words import words_beside

FOLDER = Path(__file__).parent
EXAMPLE = ("title", "intro", "noscript", "network", "error", "one", "run", "reset", "rule", "rate", "goal", "note")
EXAMPLE_SCRIPT = ("target", "legend", "step", "run", "pause", "chain", "descent")
MOST_STEPS = 20_000


def write_example(file: Path, language: str = "en") -> Path:
    """The worked example to play with: rate, rule, inputs and targets, and the chain rule of each weight."""
    (v, b1), (w, b2) = worked.HIDDEN, worked.LAST
    (i1, i2), (t1, t2) = worked.INPUT[0].tolist(), worked.TARGET[0].tolist()
    numbers = {"weights": worked.eight(v, w).tolist(), "biases": [float(b1[0]), float(b2[0])], "rate": worked.RATE,
               "i1": i1, "i2": i2, "t1": t1, "t2": t2, "most": MOST_STEPS}
    return write_page(file, "example", EXAMPLE, EXAMPLE_SCRIPT, numbers, language)


def write_page(file: Path, name: str, words: Sequence[str], script: Sequence[str], numbers: Mapping[str, Any],
               language: str) -> Path:
    """NAME.html filled in: its `words` in their places, `numbers` and the words of its `script` as JSON."""
    t = words_beside(__file__, name, language)
    page = (FOLDER / f"{name}.html").read_text(encoding="utf-8")
    page = page.replace("__LANG__", "zh-CN" if language == "zh" else "en")
    for key, shared in (("__STYLE__", "page.css"), ("__SCRIPT__", "page.js")):
        page = page.replace(key, (FOLDER / shared).read_text(encoding="utf-8"))
    for key in words:
        page = page.replace(f"__{key.upper()}__", t(key))
    data = {**numbers, "words": {key: t(key) for key in script}}
    # never ends the script element
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    write_atomically(file, page.replace("__DATA__", text).encode("utf-8"))
    return file


def rounded(values: np.ndarray) -> list[float]:
    """Nine significant digits are more than is shown."""
    return [float(f"{value:.9g}") for value in values]
