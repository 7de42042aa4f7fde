"""Verdicts, the names of what can be wrong with a submission, and the comparison of a claim with a measurement."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from reports.grading.chinese import chinese

SAME = 1e-6  # relative difference up to which two numbers count as the same


class Verdict(str, Enum):
    """What is thought of a submission's claims; the value is what files hold, name_of() what people read."""

    REPRODUCED = "reproduced"
    WITHIN_TOLERANCE = "within tolerance"
    NOT_REPRODUCED = "claim not reproduced"
    EDITED = "edited after the run"
    INCOMPLETE = "incomplete"
    GRADED = "graded"  # exercises, which claim nothing


# What people read: that a claim holds says nothing of how good the result is, which the points say.
ENGLISH = {"reproduced": "as claimed", "within tolerance": "nearly as claimed"}
CHINESE = {"reproduced": "与所称一致", "within tolerance": "与所称接近", "claim not reproduced": "与所称不符",
           "edited after the run": "运行后被改动", "incomplete": "不完整", "graded": "已评分"}


@dataclass(frozen=True)
class Problem:
    """Something wrong with a submission: kind of PROBLEMS, and what was found, for people."""

    kind: str
    message: str


_CLAIMS = {  # kinds that speak of claims which their own evidence contradicts
    "seal-broken": ("a file differs from the run's seal", "有文件与运行结束时的封存不符"),
    "weights-differ": ("result.json was written for other weights", "result.json 是为另一份权重写的"),
    "inconsistent": ("files of the run contradict each other", "运行的各文件互相矛盾"),
    "predictions-differ": ("predictions do not follow from the weights", "预测结果不是由这些权重得出的"),
    "drawn-as-real": ("a run on drawn data presented as real", "把程序生成的示例数据上的运行当作真实数据上的"),
}
_BROKEN = {  # kinds that keep a submission from being judged
    "not-a-run": ("no run folder", "没有运行文件夹"),
    "missing": ("a file is missing", "缺少文件"),
    "other-format": ("no zip of a run: hand in the one that `submit` writes",
                     "不是运行的 zip；请提交 submit 命令写出的 zip"),
    "damaged-zip": ("the zip file is damaged", "zip 文件已损坏"),
    "encrypted": ("an encrypted zip file", "zip 文件已加密"),
    "duplicate": ("two files of one name", "有两个同名文件"),
    "path-escape": ("a path that climbs out of the submission", "有路径指向提交之外"),
    "absolute-path": ("an absolute path", "有绝对路径"),
    "symlink": ("a symbolic link", "有符号链接"),
    "special-file": ("a device, pipe or the like", "有设备、管道之类的文件"),
    "long-name": ("an over-long file name", "文件名过长"),
    "too-many-files": ("too many files", "文件过多"),
    "too-large": ("a file that is too large", "有文件过大"),
    "zip-bomb": ("a zip bomb", "zip 炸弹"),
    "pickle": ("a pickle in place of weights", "权重的位置上是 pickle 文件"),
    "huge-header": ("weights whose header claims an impossible length", "权重的文件头声称了不可能的长度"),
    "truncated": ("weights that are cut short", "权重文件不完整"),
    "bad-weights": ("weights that cannot be read", "权重无法读取"),
    "wrong-shapes": ("weights of another network", "权重属于另一种网络"),
    "not-finite": ("weights with NaN or infinity", "权重中有 NaN 或无穷大"),
    "yaml-tags": ("YAML with object tags", "YAML 中有对象标签"),
    "yaml-aliases": ("YAML with anchors and aliases", "YAML 中有锚点和别名"),
    "yaml-deep": ("YAML that is nested too deeply", "YAML 嵌套过深"),
    "bad-yaml": ("YAML that cannot be read", "YAML 无法读取"),
    "bad-json": ("JSON that cannot be read", "JSON 无法读取"),
    "metrics-too-large": ("a metrics.jsonl that is too large", "metrics.jsonl 过大"),
    "bad-metrics": ("a metrics.jsonl that cannot be read", "metrics.jsonl 无法读取"),
    "bad-arrays": ("arrays that cannot be read", "数组无法读取"),
    "bad-file": ("a file that cannot be read", "有文件无法读取"),
    "other-split": ("made on another split of the data than everybody is judged on", "所用的数据划分与评分所用的不同"),
    "other-assignment": ("a submission of another assignment", "提交的是另一项作业"),
    "forbidden": ("code that reaches outside of its exercise", "代码越出了练习的范围"),
    "timeout": ("judging took too long", "评判超时"),
    "out-of-memory": ("judging took too much memory", "评判占用内存过多"),
    "disk": ("judging took too much disk space", "评判占用磁盘过多"),
    "crashed": ("the process that judged it failed", "评判进程失败"),
}
_GRADERS = {  # kinds that say nothing against a submission: the grader has to mend something and grade again
    "other-data": ("claims that the grader's data cannot show", "评分方的数据无法检验所称的结果"),
    "grader-data": ("the grader's own data could not be used", "评分方自己的数据无法使用"),
    "grader-disk": ("the grader's own disk or folders failed", "评分方自己的磁盘或文件夹出了问题"),
    "grader-ended": ("the judging process was ended from outside", "评判进程被外部终止"),
    "grader-rubric": ("the grader's rubric does not fit the data", "评分方的评分表与数据不符"),
}
PROBLEMS = {**_CLAIMS, **_BROKEN, **_GRADERS}  # {kind: what it means, in English and Chinese}


def name_of(verdict: str, language: str) -> str:
    """A verdict's value in "en" or "zh"."""
    return (CHINESE if language == "zh" else ENGLISH).get(verdict, verdict)


def meaning(kind: str, language: str) -> str:
    """What a kind of problem means, in "en" or "zh"."""
    english, chinese = PROBLEMS.get(kind, (kind, kind))
    return chinese if language == "zh" else english


def in_both(kind: str, message: str) -> tuple[str, str]:
    """A problem in English and in Chinese, where what it means stands before its details."""
    return message, f"{meaning(kind, 'zh')}：{chinese(message)}"


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


def is_graders(kind: str) -> bool:
    """Whether a problem is the grader's own: it is told to the grader and never kept against a submission."""
    return kind.startswith("grader-")


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
