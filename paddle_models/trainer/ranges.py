"""Ranges of settings, stated once, beside the field: `image_size: int = bounded(224, 8, 512)`."""

import math
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal

from data_tools.errors import KitError

Ends = Literal["", "low", "high", "both"]


@dataclass(frozen=True)
class Range:
    """Finite numbers from `low` to `high`, without the ends that are `open`; lists of up to `longest` of them."""

    low: float
    high: float = math.inf
    open: Ends = ""
    longest: int | None = None

    def __contains__(self, number: float) -> bool:
        above = number > self.low if self.open in ("low", "both") else number >= self.low
        below = number < self.high if self.open in ("high", "both") else number <= self.high
        return above and below and abs(number) < math.inf

    def __str__(self) -> str:
        left, right = "(" if self.open in ("low", "both") else "[", ")" if self.open in ("high", "both") else "]"
        return f"{left}{self.low:.9g}, {self.high:.9g}{')' if self.high == math.inf else right}"

    def fault(self, value: Any) -> str:
        """What is wrong with a number or a list of numbers, "" for nothing; None is right."""
        if value is None:
            return ""
        if not isinstance(value, list):
            return "" if value in self else self._reason(value)
        if self.longest is not None and len(value) > self.longest:
            return f"has {len(value)} numbers, at most {self.longest} are taken"
        wrong = [part for part in value if part not in self]
        return f"holds {wrong[0]!r:.40}, which {self._reason(wrong[0])}" if wrong else ""

    def _reason(self, number: float) -> str:
        if self.high < math.inf:
            return f"is outside {self}"
        if not number < math.inf:
            return "is no finite number"
        return f"is not above {self.low:.9g}" if self.open == "low" else f"is below {self.low:.9g}"


def bounded(default: Any, low: float, high: float = math.inf, *, open: Ends = "", longest: int | None = None) -> Any:
    """A dataclass field of that default whose values lie in [low, high], or outside of the ends that are `open`.

    Of a list each element lies there, and it has at most `longest` of them. None is allowed where the type does.
    """
    allowed = Range(low, high, open, longest)
    if allowed.fault(default):
        raise ValueError(f"the default {default} {allowed.fault(default)}")
    if isinstance(default, list):
        return field(default_factory=default.copy, metadata={"range": allowed})
    return field(default=default, metadata={"range": allowed})


def ranges(settings_class: type) -> dict[str, Range]:
    """{name: Range} of every bounded field; fields of nested settings as "optimizer.lr".

    A field that a subclass only gives another default keeps its range.
    """
    found: dict[str, Range] = {}
    declared = [each for base in reversed(settings_class.__mro__) if is_dataclass(base) for each in fields(base)]
    for each in declared:
        if isinstance(each.type, type) and is_dataclass(each.type):
            found |= {f"{each.name}.{name}": allowed for name, allowed in ranges(each.type).items()}
        elif "range" in each.metadata:
            found[each.name] = each.metadata["range"]
    return found


def check_ranges(settings: Any) -> None:
    """KitError for the first field of settings that is outside its range; call it from __post_init__."""
    for name, allowed in ranges(type(settings)).items():
        value = settings
        for part in name.split("."):
            value = getattr(value, part)
        if fault := allowed.fault(value):
            raise KitError(f"setting {name}: {value!s:.60} {fault}")
