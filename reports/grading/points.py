"""Points: each criterion of a rubric against what was checked or measured, never against a bare claim."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reports.grading.rubric import Criterion, Rubric
from reports.grading.verdict import Problem, Verdict, compare, of_problem


@dataclass
class Line:
    """A criterion of the rubric as it was met: points of max; message says what was found."""

    id: str
    title: dict[str, str]
    points: float
    max: float
    passed: bool
    message: str


@dataclass
class Evidence:
    """What grading found out. seal: names that differ from it, None without a seal. judged: the weights were evaluated."""

    problems: list[Problem] = field(default_factory=list)
    whole: bool = False
    judged: bool = False
    checked: bool = False
    """all comparisons of the files with each other were made"""
    seal: Sequence[str] | None = None
    preset: str = ""
    claimed: Mapping[str, float] = field(default_factory=dict)
    measured: Mapping[str, float] = field(default_factory=dict)

    def first(self, verdict: Verdict) -> str:
        """Text of the first problem that brings this verdict."""
        return next((problem.message for problem in self.problems if of_problem(problem.kind) is verdict), "")


def award(rubric: Rubric, evidence: Evidence) -> list[Line]:
    """The lines of a grade, in the rubric's order."""
    lines = []
    for criterion in rubric.criteria:
        met, message = _CHECKS[criterion.kind](criterion, rubric, evidence)
        points = criterion.points if met else _partial(criterion, evidence.measured.get(criterion.metric))
        lines.append(Line(criterion.id, dict(criterion.title), points, criterion.points, met, message))
    return lines


def _partial(criterion: Criterion, value: float | None) -> float:
    """Points of the best step that a measured value passes."""
    return max((step.points for step in criterion.partial if value is not None and step.at_least <= value <= step.at_most),
               default=0.0)


def _whole(_: Criterion, __: Rubric, evidence: Evidence) -> tuple[bool, str]:
    if evidence.whole:
        return True, "all files are there and can be read"
    return False, evidence.first(Verdict.INCOMPLETE) or "not every file is there"


def _weights(_: Criterion, __: Rubric, evidence: Evidence) -> tuple[bool, str]:
    if evidence.judged:
        return True, "the weights fit the network and are finite"
    return False, evidence.first(Verdict.INCOMPLETE) or "the weights were not judged"


def _seal(_: Criterion, __: Rubric, evidence: Evidence) -> tuple[bool, str]:
    if evidence.seal is None:
        return False, "there is no seal (files.json), which a run writes last"
    if evidence.seal:
        return False, f"changed since the run: {', '.join(evidence.seal)}"
    return True, "no file was changed since the run"


def _consistent(_: Criterion, __: Rubric, evidence: Evidence) -> tuple[bool, str]:
    against = [problem for problem in evidence.problems
               if of_problem(problem.kind) is Verdict.EDITED and problem.kind != "seal-broken"]
    if against:
        return False, against[0].message
    if not evidence.checked:
        return False, evidence.first(Verdict.INCOMPLETE) or "not every file could be compared"
    return True, "no file contradicts another"


def _reproduced(criterion: Criterion, rubric: Rubric, evidence: Evidence) -> tuple[bool, str]:
    names = [criterion.metric] if criterion.metric else sorted(evidence.measured)
    if not names or any(name not in evidence.measured for name in names):
        return False, evidence.first(Verdict.INCOMPLETE) or "nothing was measured"
    for name in names:
        measured, claimed = evidence.measured[name], evidence.claimed.get(name)
        tolerance = rubric.tolerance_of(name) if criterion.tolerance is None else criterion.tolerance
        if claimed is None:
            return False, f"{name}: measured {measured:.4f}, nothing claimed"
        if compare(claimed, measured, tolerance) is Verdict.NOT_REPRODUCED:
            return False, f"{name}: claimed {claimed:.4f}, measured {measured:.4f}, tolerance {tolerance:g}"
    if criterion.metric:
        return True, f"{names[0]}: claimed {evidence.claimed[names[0]]:.4f}, measured {evidence.measured[names[0]]:.4f}"
    return True, f"measured again: {', '.join(names)}"


def _metric(criterion: Criterion, _: Rubric, evidence: Evidence) -> tuple[bool, str]:
    value = evidence.measured.get(criterion.metric)
    if value is None:
        return False, evidence.first(Verdict.INCOMPLETE) or f"{criterion.metric} was not measured"
    wanted = " and ".join([f"at least {criterion.at_least:g}"] * (criterion.at_least > -1e300)
                          + [f"at most {criterion.at_most:g}"] * (criterion.at_most < 1e300))
    return (criterion.at_least <= value <= criterion.at_most,
            f"{criterion.metric} {value:.4f} measured; {wanted} for all points")


def _preset(criterion: Criterion, _: Rubric, evidence: Evidence) -> tuple[bool, str]:
    if evidence.preset not in criterion.presets:
        return False, f"preset {evidence.preset or 'unknown'!s:.40}; expected {' or '.join(criterion.presets)}"
    edited = evidence.first(Verdict.EDITED)
    return (False, f"preset {evidence.preset} is not believed: {edited}") if edited else (True, f"preset {evidence.preset}")


_CHECKS = {"whole": _whole, "weights": _weights, "seal": _seal, "consistent": _consistent, "reproduced": _reproduced,
           "metric": _metric, "preset": _preset}
