"""What a work supplies to have its submissions graded: a judge, a rubric, and what the judge stands on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from reports.grading.rubric import Rubric


@dataclass(frozen=True)
class Judged:
    """What the grader found by evaluating the submission's weights itself.

    metrics: {name: value}, named as in result.json. n: samples. origin: of the grader's data, "real", "subset" or
    "drawn". predictions: {array name of predictions.npz: array} as the run would have written it; only arrays that
    follow from weights and data. drawn_signs: why the submission's own files must come from drawn data, if they must.
    baseline: of the same metrics, what one gets on these data without having learnt anything. notes: what was judged in
    another way than usual.
    """

    metrics: Mapping[str, float]
    n: int
    origin: str
    predictions: Mapping[str, np.ndarray] = field(default_factory=dict)
    drawn_signs: Sequence[str] = ()
    baseline: Mapping[str, float] = field(default_factory=dict)
    notes: Sequence[str] = ()


Judge = Callable[[Path, str], Judged]
"""judge(run folder, data) -> Judged. The folder is a checked copy; its weights are loaded into the kit's own network.

Raises BadFile("wrong-shapes" | "not-finite" | "bad-weights" | ..., text) for weights that do not fit, KitError for
anything else in the submission that it cannot take, which is named "bad-file".
"""


@dataclass(frozen=True)
class GradedWork:
    """A work as the grader knows it.

    data: handed to the judge: where the grader's data are. fingerprint: of these data; grades are made again when it
    changes. score: metrics that follow from a submission's predictions.npz, for the check of result.json against it.
    document: the numbers of the work's document, by metric.
    exercises: an Exercises (exercises.py), whose files may be handed in beside runs, or None.
    """

    assignment: str
    rubric: Rubric
    judge: Judge
    data: str = ""
    fingerprint: str = ""
    score: Callable[[Mapping[str, np.ndarray]], Mapping[str, float]] | None = None
    document: Mapping[str, float] = field(default_factory=dict)
    exercises: Any = None


Works = Mapping[str, GradedWork]  # by the work's name
