"""Points: each criterion of a rubric against what was checked or measured, never against a bare claim."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from reports.grading.rubric import BASELINE, LANGUAGES, Criterion, Rubric
from reports.grading.verdict import Problem, Verdict, compare, in_both, of_problem

Found = tuple[str, str]  # what was found, in English and Chinese


@dataclass
class Line:
    """A criterion of the rubric as it was met: points of max; message says what was found, {"en", "zh"} as title."""

    id: str
    title: dict[str, str]
    points: float
    max: float
    passed: bool
    message: dict[str, str]


@dataclass
class Evidence:
    """What grading found out. seal: names that differ from it, None without a seal. judged: the weights were
    evaluated."""

    problems: list[Problem] = field(default_factory=list)
    whole: bool = False
    judged: bool = False
    checked: bool = False
    """all comparisons of the files with each other were made"""
    seal: Sequence[str] | None = None
    preset: str = ""
    claimed: Mapping[str, float] = field(default_factory=dict)
    measured: Mapping[str, float] = field(default_factory=dict)
    baseline: Mapping[str, float] = field(default_factory=dict)
    """what nothing learnt gets, by metric"""

    def first(self, verdict: Verdict) -> Found | None:
        """Text of the first problem that brings this verdict."""
        return next((in_both(problem.kind, problem.message) for problem in self.problems
                     if of_problem(problem.kind) is verdict), None)


def award(rubric: Rubric, evidence: Evidence) -> list[Line]:
    """The lines of a grade, in the rubric's order."""
    lines = []
    for criterion in (resolved(each, evidence) for each in rubric.criteria):
        met, message = _CHECKS[criterion.kind](criterion, rubric, evidence)
        points = criterion.points if met else _partial(criterion, evidence)
        lines.append(Line(criterion.id, dict(criterion.title), points, criterion.points, met,
                          dict(zip(LANGUAGES, message))))
    return lines


def resolved(criterion: Criterion, evidence: Evidence) -> Criterion:
    """With at_least in place of a gain; nothing reaches it where the base line is not known."""
    if criterion.gain is None:
        return criterion
    return replace(criterion, at_least=evidence.baseline.get(criterion.metric, math.inf) + criterion.gain)


def unscaled(rubric: Rubric, evidence: Evidence) -> str:
    """Why a scale of the rubric fits nothing on these data, which is the grader's to mend; empty where all fit."""
    for criterion in (resolved(each, evidence) for each in rubric.criteria):
        if criterion.start is None or criterion.metric not in evidence.measured:
            continue
        start, goal = start_of(criterion, evidence), goal_of(criterion)
        if start is None:
            return f"no base line of {criterion.metric} is measured; {criterion.id} of the rubric needs from: NUMBER"
        if start >= goal if criterion.at_least == goal else start <= goal:
            return (f"the goal {goal:g} of {criterion.id} is no better than the base line {start:.4g} of these data; "
                    f"the rubric needs another goal")
    return ""


def start_of(criterion: Criterion, evidence: Evidence) -> float | None:
    """The value at which the scale of a metric begins; None where it is not known."""
    return evidence.baseline.get(criterion.metric) if criterion.start == BASELINE else criterion.start  # type: ignore


def goal_of(criterion: Criterion) -> float:
    """The value from which on all points are given."""
    return criterion.at_least if criterion.at_least > -math.inf else criterion.at_most


def _partial(criterion: Criterion, evidence: Evidence) -> float:
    """Points of a measured value that does not reach the goal: of a scale, or of the best step that it passes."""
    value = evidence.measured.get(criterion.metric)
    if criterion.start is not None:
        start = start_of(criterion, evidence)
        if value is None or start is None or start == goal_of(criterion):
            return 0.0
        share = (value - start) / (goal_of(criterion) - start)
        return round(criterion.points * min(1.0, max(0.0, share)), 1)
    return max((step.points for step in criterion.partial if value is not None
                and step.at_least <= value <= step.at_most),
               default=0.0)


def _whole(_: Criterion, __: Rubric, evidence: Evidence) -> tuple[bool, Found]:
    if evidence.whole:
        return True, ("all files are there and can be read", "文件齐全，均可读取")
    return False, evidence.first(Verdict.INCOMPLETE) or ("not every file is there", "文件不齐全")


def _weights(_: Criterion, __: Rubric, evidence: Evidence) -> tuple[bool, Found]:
    if evidence.judged:
        return True, ("the weights fit the network and are finite", "权重与网络相符，且均为有限值")
    return False, evidence.first(Verdict.INCOMPLETE) or ("the weights were not judged", "权重未经评判")


def _seal(_: Criterion, __: Rubric, evidence: Evidence) -> tuple[bool, Found]:
    if evidence.seal is None:
        return False, ("there is no seal (files.json), which a run writes last",
                       "没有封存文件 files.json（运行结束时最后写入）")
    if evidence.seal:
        names = ", ".join(evidence.seal)
        return False, (f"changed since the run: {names}", f"运行结束后被改动：{names}")
    return True, ("no file was changed since the run", "运行结束后没有文件被改动")


def _consistent(_: Criterion, __: Rubric, evidence: Evidence) -> tuple[bool, Found]:
    against = [problem for problem in evidence.problems
               if of_problem(problem.kind) is Verdict.EDITED and problem.kind != "seal-broken"]
    if against:
        return False, in_both(against[0].kind, against[0].message)
    if not evidence.checked:
        return False, evidence.first(Verdict.INCOMPLETE) or ("not every file could be compared", "有文件未能互相核对")
    return True, ("no file contradicts another", "各文件互不矛盾")


def _reproduced(criterion: Criterion, rubric: Rubric, evidence: Evidence) -> tuple[bool, Found]:
    names = [criterion.metric] if criterion.metric else sorted(evidence.measured)
    if not names or any(name not in evidence.measured for name in names):
        return False, evidence.first(Verdict.INCOMPLETE) or ("nothing was measured", "没有测得任何结果")
    for name in names:
        measured, claimed = evidence.measured[name], evidence.claimed.get(name)
        tolerance = rubric.tolerance_of(name) if criterion.tolerance is None else criterion.tolerance
        if claimed is None:
            return False, (f"{name}: measured {measured:.4f}, nothing claimed",
                           f"{name}：实测 {measured:.4f}，未给出所称值")
        if compare(claimed, measured, tolerance) is Verdict.NOT_REPRODUCED:
            return False, (f"{name}: claimed {claimed:.4f}, measured {measured:.4f}, tolerance {tolerance:g}",
                           f"{name}：所称 {claimed:.4f}，实测 {measured:.4f}，容差 {tolerance:g}")
    if criterion.metric:
        claimed, measured = evidence.claimed[names[0]], evidence.measured[names[0]]
        return True, (f"{names[0]}: claimed {claimed:.4f}, measured {measured:.4f}",
                      f"{names[0]}：所称 {claimed:.4f}，实测 {measured:.4f}")
    return True, (f"measured again: {', '.join(names)}", f"已重新测量：{', '.join(names)}")


def _metric(criterion: Criterion, _: Rubric, evidence: Evidence) -> tuple[bool, Found]:
    name, low, high = criterion.metric, criterion.at_least, criterion.at_most
    value = evidence.measured.get(name)
    if value is None:
        return False, evidence.first(Verdict.INCOMPLETE) or (f"{name} was not measured", f"没有测得 {name}")
    wanted = [f"at least {low:g}"] * (low > -math.inf) + [f"at most {high:g}"] * (high < math.inf)
    chinese = [f"不低于 {low:g}"] * (low > -math.inf) + [f"不高于 {high:g}"] * (high < math.inf)
    english, translated = _beside_start(criterion, evidence, value)
    return low <= value <= high, (f"{name} {value:.4f} measured; {english}{' and '.join(wanted)} for all points",
                                  f"{name} 实测 {value:.4f}；{translated}满分要求{'且'.join(chinese)}")


def _beside_start(criterion: Criterion, evidence: Evidence, value: float) -> Found:
    """Where a measured value stands beside the beginning of its scale; empty without one."""
    start = start_of(criterion, evidence)
    if start is None:
        return "", ""
    better = value > start if criterion.at_least > -math.inf else value < start
    if criterion.start != BASELINE:
        return f"points from {start:.4f} on, ", f"从 {start:.4f} 起给分，"
    if not better:
        return (f"no better than the base line {start:.4f}, which one gets without learning anything; ",
                f"不优于基线 {start:.4f}（什么都不学也能得到），")
    return f"base line {start:.4f}, ", f"基线 {start:.4f}，"


def _preset(criterion: Criterion, _: Rubric, evidence: Evidence) -> tuple[bool, Found]:
    preset, wanted = evidence.preset, criterion.presets
    if preset not in wanted:
        return False, (f"preset {preset or 'unknown'!s:.40}; expected {' or '.join(wanted)}",
                       f"预设为 {preset or '未知'!s:.40}；应为 {' 或 '.join(wanted)}")
    edited = evidence.first(Verdict.EDITED)
    if edited:
        return False, (f"preset {preset} is not believed: {edited[0]}", f"预设 {preset} 不可信：{edited[1]}")
    return True, (f"preset {preset}", f"预设 {preset}")


_CHECKS = {"whole": _whole, "weights": _weights, "seal": _seal, "consistent": _consistent, "reproduced": _reproduced,
           "metric": _metric, "preset": _preset}
