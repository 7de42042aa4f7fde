"""Verdicts, the names of what can be wrong with a submission, and the comparison of a claim with a measurement."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

SAME = 1e-6  # relative difference up to which two numbers count as the same


class Verdict(str, Enum):
    """What is thought of a submission's claims; the value is the text that people read."""

    REPRODUCED = "reproduced"
    WITHIN_TOLERANCE = "within tolerance"
    NOT_REPRODUCED = "claim not reproduced"
    EDITED = "edited after the run"
    INCOMPLETE = "incomplete"


CHINESE = {"reproduced": "已复现", "within tolerance": "在容差之内", "claim not reproduced": "所称结果未能复现",
           "edited after the run": "运行后被改动", "incomplete": "不完整"}


@dataclass(frozen=True)
class Problem:
    """Something wrong with a submission: kind of PROBLEMS, and what was found, for people."""

    kind: str
    message: str


_CLAIMS = {  # kinds that speak of claims which their own evidence contradicts
    "seal-broken": "a file differs from the run's seal",
    "weights-differ": "result.json was written for other weights",
    "inconsistent": "files of the run contradict each other",
    "predictions-differ": "predictions do not follow from the weights",
    "drawn-as-real": "a run on drawn data presented as real",
}
_BROKEN = {  # kinds that keep a submission from being judged
    "not-a-run": "no run folder",
    "missing": "a file is missing",
    "damaged-zip": "the zip file is damaged",
    "encrypted": "an encrypted zip file",
    "duplicate": "two files of one name",
    "path-escape": "a path that climbs out of the submission",
    "absolute-path": "an absolute path",
    "symlink": "a symbolic link",
    "special-file": "a device, pipe or the like",
    "long-name": "an over-long file name",
    "too-many-files": "too many files",
    "too-large": "a file that is too large",
    "zip-bomb": "a zip bomb",
    "pickle": "a pickle in place of weights",
    "huge-header": "weights whose header claims an impossible length",
    "truncated": "weights that are cut short",
    "bad-weights": "weights that cannot be read",
    "wrong-shapes": "weights of another network",
    "not-finite": "weights with NaN or infinity",
    "yaml-tags": "YAML with object tags",
    "yaml-aliases": "YAML with anchors and aliases",
    "yaml-deep": "YAML that is nested too deeply",
    "bad-yaml": "YAML that cannot be read",
    "bad-json": "JSON that cannot be read",
    "metrics-too-large": "a metrics.jsonl that is too large",
    "bad-metrics": "a metrics.jsonl that cannot be read",
    "bad-arrays": "arrays that cannot be read",
    "bad-file": "a file that cannot be read",
    "other-assignment": "a submission of another assignment",
    "timeout": "judging took too long",
    "out-of-memory": "judging took too much memory",
    "disk": "judging took too much disk space",
    "crashed": "the process that judged it failed",
}
_GRADERS = {  # kinds that say nothing against a submission: the grader has to mend something and grade again
    "other-data": "claims that the grader's data cannot show",
    "grader-data": "the grader's own data could not be used",
}
PROBLEMS = {**_CLAIMS, **_BROKEN, **_GRADERS}  # {kind: what it means}


def compare(claimed: float, measured: float, tolerance: float) -> Verdict:
    """REPRODUCED, WITHIN_TOLERANCE or NOT_REPRODUCED; tolerance: largest |claimed - measured|, in the metric's unit."""
    if not (math.isfinite(claimed) and math.isfinite(measured)):
        return Verdict.NOT_REPRODUCED
    difference = abs(claimed - measured)
    if difference <= SAME * max(1.0, abs(measured)):
        return Verdict.REPRODUCED
    return Verdict.WITHIN_TOLERANCE if difference <= tolerance else Verdict.NOT_REPRODUCED


def compare_all(claimed: Mapping[str, float], measured: Mapping[str, float],
                tolerance: Mapping[str, float]) -> dict[str, Verdict]:
    """{metric: verdict} of every metric that was measured; one that is not claimed is not reproduced."""
    return {name: compare(claimed.get(name, math.nan), value, tolerance[name]) for name, value in measured.items()}


def of_problem(kind: str) -> Verdict:
    """The verdict that a problem brings with it."""
    return Verdict.EDITED if kind in _CLAIMS else Verdict.INCOMPLETE


def overall(problems: list[Problem], compared: Mapping[str, Verdict]) -> Verdict:
    """The verdict on a submission: incomplete before edited before the worst of the comparisons."""
    found = {of_problem(problem.kind) for problem in problems}
    if Verdict.INCOMPLETE in found or not compared and not found:
        return Verdict.INCOMPLETE
    if found:
        return Verdict.EDITED
    order = (Verdict.REPRODUCED, Verdict.WITHIN_TOLERANCE, Verdict.NOT_REPRODUCED)
    return max(compared.values(), key=order.index)
