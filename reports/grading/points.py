"""Points: each criterion of a rubric against what was checked or measured, never against a bare claim."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reports.grading.rubric import LANGUAGES, Criterion, Rubric
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

    def first(self, verdict: Verdict) -> Found | None:
        """Text of the first problem that brings this verdict."""
        return next((in_both(problem.kind, problem.message) for problem in self.problems
                     if of_problem(problem.kind) is verdict), None)


def award(rubric: Rubric, evidence: Evidence) -> list[Line]:
    """The lines of a grade, in the rubric's order."""
    lines = []
    for criterion in rubric.criteria:
        met, message = _CHECKS[criterion.kind](criterion, rubric, evidence)
        points = criterion.points if met else _partial(criterion, evidence.measured.get(criterion.metric))
        lines.append(Line(criterion.id, dict(criterion.title), points, criterion.points, met,
                          dict(zip(LANGUAGES, message))))
    return lines


def _partial(criterion: Criterion, value: float | None) -> float:
    """Points of the best step that a measured value passes."""
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
    wanted = [f"at least {low:g}"] * (low > -1e300) + [f"at most {high:g}"] * (high < 1e300)
    chinese = [f"不低于 {low:g}"] * (low > -1e300) + [f"不高于 {high:g}"] * (high < 1e300)
    return low <= value <= high, (f"{name} {value:.4f} measured; {' and '.join(wanted)} for all points",
                                  f"{name} 实测 {value:.4f}；满分要求{'且'.join(chinese)}")


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
