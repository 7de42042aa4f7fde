"""Which hints a student has asked for: hints.json, which check.py of the exercises writes and which is handed in.

It is an honest student's record: who deletes it, or reads the hints elsewhere, leaves none.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from data_tools.errors import BadFile
from reports.grading.limits import Limits
from reports.grading.points import Line
from reports.grading.unpack import listing

HINTS = "hints.json"  # {function: when}
LARGEST = 64 << 10    # bytes


def asked_hints(path: Path, names: Collection[str], limits: Limits) -> list[str] | None:
    """Those of the functions whose hint was asked for, by the record nearest to the top of a submission; None without
    one, or with one that cannot be read."""
    try:
        with listing(path, limits) as entries:
            found = sorted((name for name in entries if name.rpartition("/")[2] == HINTS),
                           key=lambda name: (name.count("/"), name))
            if not found:
                return None
            with entries[found[0]].open() as stream:
                content = stream.read(LARGEST + 1)
        asked = json.loads(content) if len(content) <= LARGEST else None
    except (BadFile, OSError, ValueError, RecursionError):
        return None
    return [name for name in names if name in asked] if isinstance(asked, Mapping) else None


def less_for_hints(lines: Sequence[Line], names: Sequence[str], asked: Collection[str], percent: float) -> list[Line]:
    """The lines of a grade, names beside them, less so many percent of a function's points for its hint."""
    return [_less(line, percent) if name in asked and percent and line.points else line
            for name, line in zip(names, lines)]


def _less(line: Line, percent: float) -> Line:
    points = round(max(0.0, line.points - line.max * percent / 100), 2)
    message = {"en": f"{line.message['en']}; its hint was asked for: {percent:g} % less",
               "zh": f"{line.message['zh']}；看过提示：扣 {percent:g} %"}
    return replace(line, points=points, passed=line.passed and points == line.max, message=message)


def note_of(asked: Sequence[str] | None, percent: float) -> list[str]:
    """What the teacher should know of a record."""
    if asked is None:
        return [f"there is no {HINTS}, so which hints were asked for is not known"] * bool(percent)
    return [f"hints asked for: {', '.join(asked)}"] * bool(asked)
