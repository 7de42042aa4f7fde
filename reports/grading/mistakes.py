"""Mistakes that a wrong answer gives away by itself, whatever the exercise; a work adds its own (exercises.py).

The file goes into the student's folder, too: NumPy and the standard library alone.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

Parts = list[np.ndarray]
TEXTS = {
    "open": ("not filled in yet", "尚未填写"),
    "nothing": ("nothing is returned", "没有返回值"),
    "list": ("a list or number is returned in place of an array", "返回的是列表或数，而不是数组"),
    "parts": ("not as many arrays are returned as asked for", "返回的数组个数不对"),
    "not-finite": ("the answer has NaN or infinity", "结果中有 NaN 或无穷大"),
    "transposed": ("the answer is transposed", "结果被转置了"),
    "all-summed": ("one number for all examples; one for each is asked for: sum over the last axis only",
                   "所有样本合成了一个数；应每个样本一个数：只对最后一个轴求和"),
    "shape": ("the shape is not the one asked for", "形状不符合要求"),
    "float32": ("it is computed in float32; float64 is asked for", "用 float32 计算；要求 float64"),
    "integers": ("it is made of integers; float64 is asked for", "结果是整数；要求 float64"),
    "sign": ("the sign is wrong", "符号相反"),
    "double": ("it is twice what it should be: a factor 1/2 is missing", "结果是正确值的两倍：缺少系数 1/2"),
    "half": ("it is half of what it should be: a factor 1/2 too much", "结果是正确值的一半：多了系数 1/2"),
    "mean": ("the mean over the examples, where the sum is asked for", "对样本取了平均，而要求的是求和"),
    "sum": ("the sum over the examples, where the mean is asked for", "对样本求了和，而要求的是平均"),
    "log2": ("log2 in place of the natural logarithm", "用了 log2，而不是自然对数"),
    "log10": ("log10 in place of the natural logarithm", "用了 log10，而不是自然对数"),
    "public": ("it returns the answer of the public example, whatever the input",
               "无论输入是什么，都返回公开示例的答案"),
    "input": ("an input is returned as it came", "原样返回了输入"),
    "constant": ("the answer does not depend on the input", "结果与输入无关"),
    "changed": ("an input is changed in place; make a copy", "原地改动了输入；请先复制"),
    "global": ("NumPy's global generator is used, not the one that was given",
               "使用了 NumPy 的全局随机数生成器，而不是给定的那个"),
    "unseeded": ("the same generator gives another answer each time: the one that was given is not used",
                 "同样的随机数生成器每次得到不同的结果：没有使用给定的那个"),
    "overflow": ("it overflows where the numbers are large", "数值很大时溢出"),
    "0/0": ("it divides 0 by 0", "出现 0 除以 0"),
    "special": ("right for usual numbers, wrong in the special case", "一般情况正确，特殊情况错误"),
    "matmul": ("the matrices do not fit: one is transposed, or they stand in the wrong order",
               "矩阵形状不匹配：某个矩阵缺少转置，或顺序颠倒"),
    "wrong": ("the numbers are not right", "数值不正确"),
    "timeout": ("it does not end in time: an endless loop?", "未在限时内结束：是否有死循环？"),
    "memory": ("it takes more memory than it may", "占用的内存超过限制"),
    "ended": ("its process ended before it answered; what it printed or ended with does not count",
              "进程在作答前就结束了；打印的内容和退出状态都不算答案"),
    "garbage": ("what comes back are no arrays of numbers; nothing else is read, pickles least of all",
                "返回的不是数值数组；其他内容一概不读，尤其是 pickle"),
    "refused": ("it tries what the jail does not allow (files, network, processes)",
                "试图做沙箱不允许的事（文件、网络、进程）"),
    "module": ("it imports what is not there; NumPy and the exercise's own files are",
               "导入了不存在的模块；可用的只有 NumPy 和练习自己的文件"),
}
FACTORS: tuple[tuple[str, Callable[[int], float]], ...] = (
    ("sign", lambda n: -1.0), ("double", lambda n: 2.0), ("half", lambda n: 0.5),
    ("log2", lambda n: 1 / math.log(2)), ("log10", lambda n: 1 / math.log(10)),
    ("mean", lambda n: 1.0 / n), ("sum", lambda n: float(n)))


def parts(value: Any) -> Parts | None:
    """The arrays of an answer, in their order; None where it has something else."""
    if isinstance(value, (list, tuple)):
        found = [parts(item) for item in value]
        return [array for each in found for array in each or []] if all(each is not None for each in found) else None
    return [np.asarray(value)] if isinstance(value, (np.ndarray, int, float)) else None


def same(found: Parts, expected: Parts, tolerance: float = 1e-8) -> bool:
    """Whether the shapes are the same and all values are to `tolerance`, relative, and absolute times the largest."""
    def near(a: np.ndarray, b: np.ndarray) -> bool:
        largest = np.abs(b[np.isfinite(b)]).max(initial=1e-3)
        return bool(np.allclose(a, b, rtol=tolerance, atol=tolerance * largest, equal_nan=True))

    return len(found) == len(expected) and all(a.shape == b.shape and a.dtype.kind in "fiub" and near(a, b)
                                               for a, b in zip(found, expected))


def of_error(kind: str, message: str) -> str:
    """Key of TEXTS for an error that was raised, "" for one that speaks for itself."""
    if kind == "NotImplementedError":
        return "open"
    if kind in ("PermissionError", "FileNotFoundError", "BlockingIOError", "OSError"):
        return "refused"
    if kind == "ModuleNotFoundError":
        return "module"
    if kind.endswith("MemoryError"):
        return "memory"
    return "matmul" if kind == "ValueError" and ("matmul" in message or "broadcast" in message
                                                 or "not aligned" in message) else ""


def of_answer(value: Any, expected: Parts, inputs: Sequence[Any], public: Any,
              own: Mapping[str, Parts], tolerance: float) -> str:
    """Key of the mistake that explains a wrong answer. own: {mistake of this exercise: what it gives}."""
    if value is None:
        return "nothing"
    found = parts(value)
    if found is None or len(found) != len(expected):
        return "parts" if found is None or isinstance(value, (list, tuple)) and len(expected) > 1 else "list"
    if isinstance(value, (list, tuple)) and len(expected) == 1:
        return "list"
    for name, wrong in own.items():
        if same(found, wrong, tolerance):
            return name
    if public is not None and same(found, parts(public) or [], 1e-6):
        return "public"
    if any(not np.isfinite(array).all() for array in found if array.dtype.kind in "fc"):
        return "not-finite"
    given = [item for item in inputs if isinstance(item, np.ndarray)]
    if len(found) == 1 and any(same(found, [item]) for item in given):
        return "input"
    return _of_shape(found, expected, tolerance) or _of_factor(found, expected, given, tolerance) or "wrong"


def in_words(value: Any, expected: Parts, inputs: Sequence[Any], own: Mapping[str, Parts], language: str) -> str:
    """The mistake that explains a wrong answer, as a text; "" for one that only says that it is wrong. own: as in
    of_answer, by their texts."""
    found = parts(value)
    if found is not None and same(found, expected):
        return ""
    key = of_answer(value, expected, inputs, None, own, 1e-8)
    return key if key in own else "" if key in ("wrong", "shape", "parts", "nothing", "list") else \
        TEXTS[key][language == "zh"]


def _of_shape(found: Parts, expected: Parts, tolerance: float) -> str:
    if all(a.shape == b.shape for a, b in zip(found, expected)):
        return ""
    if same([array.T for array in found], expected, tolerance):
        return "transposed"
    return "all-summed" if len(found) == 1 and found[0].shape == () and expected[0].ndim == 1 else "shape"


def _of_factor(found: Parts, expected: Parts, inputs: Sequence[np.ndarray], tolerance: float) -> str:
    sizes = {len(item) for item in inputs if item.ndim == 2}
    for name, factor in FACTORS:
        for count in sizes or {1}:
            if same(found, [factor(count) * array for array in expected], max(tolerance, 1e-6)):
                return name
    return ""
