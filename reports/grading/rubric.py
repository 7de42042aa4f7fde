"""A rubric: what is worth how many points. YAML that a teacher edits; every mistake in it is named.

    assignment: monkey_species
    tolerance: 0.02                 # largest |claimed - measured| of a metric, in its unit
    tolerances: {macro_f1: 0.05}    # of single metrics
    predictions_tolerance: 0.01     # of submitted predictions against recomputed ones: |a - b| <= t * max(1, |b|)
    when_edited: keep               # or zero: no points at all for what was edited after the run
    standard: true                  # the lines of standard_rubric.yaml come first and share what is left of 100
    criteria:
      - id: accuracy
        title: {en: Accuracy on the validation images, zh: 验证集准确率}
        points: 40
        kind: metric                # of KINDS
        metric: accuracy
        at_least: 0.9
        partial: [{at_least: 0.8, points: 30}, {at_least: 0.6, points: 15}]
        from: baseline              # in place of partial: points grow evenly from there to at_least (or at_most)

from: a number, or `baseline`: what one gets without having learnt anything (guessing, the more frequent class, bicubic
enlargement), measured by the kit on the grader's own data; a value there, or worse, earns nothing. gain, in place of
at_least and from: all points for a value so far above the base line.

kind: whole (all files are there and can be read), weights (they fit the network and are finite), seal (no file differs
from the run's seal), consistent (no file contradicts another), reproduced (claims against measurements; of `metric`, or
of all), metric (the measured value: at_least, at_most or band [low, high]), preset (one of `presets`).
"""

import difflib
import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from data_tools.errors import KitError

KINDS = ("whole", "weights", "seal", "consistent", "reproduced", "metric", "preset")
LANGUAGES = ("en", "zh")
FILE_LIMIT = 1 << 20  # bytes
_ALWAYS = ("id", "title", "points", "kind")
_BOUNDS = ("at_least", "at_most", "band", "gain")
_ALLOWED = {"reproduced": ("metric", "tolerance"), "metric": ("metric", *_BOUNDS, "partial", "from"),
            "preset": ("presets",)}
_TOP = ("assignment", "tolerance", "tolerances", "predictions_tolerance", "when_edited", "standard", "criteria")
STANDARD = Path(__file__).with_name("standard_rubric.yaml")
WHOLE = 100      # points of a rubric with the standard lines
BASELINE = "baseline"


@dataclass(frozen=True)
class Step:
    """Partial credit: `points` where the measured metric passes at_least (or at_most)."""

    points: float
    at_least: float = -math.inf
    at_most: float = math.inf


@dataclass(frozen=True)
class Criterion:
    """One line of a rubric. at_least, at_most: inclusive bounds of a metric. partial: best first. start: where a scale
    begins, a number or BASELINE; None for a metric that is met or not. gain: where the scale ends, above BASELINE."""

    id: str
    title: dict[str, str]
    points: float
    kind: str
    metric: str = ""
    at_least: float = -math.inf
    at_most: float = math.inf
    partial: Sequence[Step] = ()
    start: float | str | None = None
    gain: float | None = None
    tolerance: float | None = None
    presets: Sequence[str] = ()


@dataclass(frozen=True)
class Rubric:
    """The criteria of an assignment; `total` is the sum of their points, `sha256` of the file's values."""

    assignment: str
    criteria: Sequence[Criterion]
    tolerance: float = 0.0
    tolerances: dict[str, float] = field(default_factory=dict)
    predictions_tolerance: float = 0.01
    when_edited: str = "keep"
    sha256: str = ""

    @property
    def total(self) -> float:
        """Points of a submission that passes everything."""
        return math.fsum(criterion.points for criterion in self.criteria)

    def tolerance_of(self, metric: str) -> float:
        """Largest |claimed - measured| of a metric."""
        return self.tolerances.get(metric, self.tolerance)

    @property
    def metrics(self) -> set[str]:
        """Metrics that criteria or tolerances speak of."""
        return {criterion.metric for criterion in self.criteria if criterion.metric} | set(self.tolerances)


def read_rubric(path: Path, assignment: str = "") -> Rubric:
    """The rubric of a YAML file; KitError names the file, the criterion, the key and the nearest right one.

    assignment: what it is of where the file does not say so.
    """
    from data_tools.files.plain_yaml import parse_yaml

    path = Path(path)
    try:
        content = path.read_bytes()[:FILE_LIMIT + 1]
        text = content.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise KitError(f"{path} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8 text'}") from None
    if len(content) > FILE_LIMIT:
        raise KitError(f"{path} is larger than {FILE_LIMIT >> 20} MB; a rubric is a page")
    return rubric_from(parse_yaml(text, path), str(path), assignment)


def rubric_from(values: Any, where: str, assignment: str = "") -> Rubric:
    """A rubric from plain values, checked; `where` stands in front of every message."""
    values = {**({"assignment": assignment} if assignment else {}), **_keys(values, _TOP, where)}
    for key in ("assignment", "criteria"):
        if not values.get(key):
            raise KitError(f"{where}: {key} is missing")
    if not isinstance(values["criteria"], list):
        raise KitError(f"{where}: criteria is a {type(values['criteria']).__name__}, expected a list")
    if values.pop("standard", False) is True:
        values["criteria"] = [*_standard(values["criteria"]), *values["criteria"]]
    criteria = [_criterion(entry, f"{where}: criterion {number}") for number, entry in enumerate(values["criteria"], 1)]
    seen: set[str] = set()
    for criterion in criteria:
        if criterion.id in seen:
            raise KitError(f"{where}: two criteria have the id {criterion.id}; ids name the lines of a grade, give "
                           f"each its own")
        seen.add(criterion.id)
    tolerances = values.get("tolerances") or {}
    if not isinstance(tolerances, dict):
        raise KitError(f"{where}: tolerances is a {type(tolerances).__name__}, expected metric names with numbers")
    when = values.get("when_edited", "keep")
    if when not in ("keep", "zero"):
        raise KitError(f"{where}: when_edited is {when!r:.40}{_nearest(when, ('keep', 'zero'))}; there are keep and "
                       f"zero")
    return Rubric(_text(values["assignment"], f"{where}: assignment"), tuple(criteria),
                  _number(values.get("tolerance", 0.0), f"{where}: tolerance", lowest=0),
                  {str(name): _number(value, f"{where}: tolerances: {name}", lowest=0) for name,
                   value in tolerances.items()},
                  _number(values.get("predictions_tolerance", 0.01), f"{where}: predictions_tolerance", lowest=0), when,
                  hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest())


def check_metrics(rubric: Rubric, known: Sequence[str], where: str) -> None:
    """KitError when a rubric speaks of a metric that the assignment's judge does not measure."""
    for name in sorted(rubric.metrics - set(known)):
        raise KitError(f"{where}: unknown metric {name}{_nearest(name, known)}; there are {', '.join(sorted(known))}")


def _standard(own: list) -> list[dict[str, Any]]:
    """The standard lines with the points that a rubric's own lines leave of WHOLE; as in their file where none are
    left."""
    lines = yaml.safe_load(STANDARD.read_text(encoding="utf-8"))
    points = [entry.get("points") for entry in own if isinstance(entry, dict)]
    left = WHOLE - sum(value for value in points if isinstance(value, (int, float)) and value == value)
    share = left / sum(line["points"] for line in lines) if 0 < left < WHOLE else 1
    return [{**line, "points": round(share * line["points"], 6)} for line in lines]


def _criterion(entry: Any, where: str) -> Criterion:
    if isinstance(entry, dict) and isinstance(entry.get("id"), str):
        where = f"{where} ({entry['id'][:40]})"
    kind: Any = entry.get("kind") if isinstance(entry, dict) else None
    if isinstance(entry, dict) and kind not in KINDS:
        raise KitError(f"{where}: kind is {kind!r:.40}{_nearest(kind, KINDS)}; there are {', '.join(KINDS)}")
    entry = _keys(entry, (*_ALWAYS, *_ALLOWED.get(kind, ())), where)
    for key in _ALWAYS:
        if key not in entry:
            raise KitError(f"{where}: {key} is missing")
    title = _keys(entry["title"], LANGUAGES, f"{where}: title")
    if set(title) != set(LANGUAGES):
        raise KitError(f"{where}: title needs both en and zh")
    points = _number(entry["points"], f"{where}: points", lowest=0)
    return Criterion(_text(entry["id"], f"{where}: id"),
                     {language: _text(title[language], f"{where}: title: {language}") for language in LANGUAGES},
                     points, kind, **_extra(kind, entry, points, where))


def _extra(kind: str, entry: dict, points: float, where: str) -> dict[str, Any]:
    """What a criterion says beyond id, title and points, by its kind."""
    extra: dict[str, Any] = {}
    if kind == "metric":
        extra = _bounds(entry, where)
        extra["metric"] = _text(entry.get("metric"), f"{where}: metric")
        extra["partial"] = _steps(entry.get("partial", []), extra, points, f"{where}: partial")
        if "gain" in extra:
            entry = {**entry, "from": entry.get("from", BASELINE)}
        if "from" in entry:
            extra["start"] = _start(entry, f"{where}: from")
    elif kind == "reproduced":
        extra = {"metric": _text(entry["metric"], f"{where}: metric")} if "metric" in entry else {}
        if "tolerance" in entry:
            extra["tolerance"] = _number(entry["tolerance"], f"{where}: tolerance", lowest=0)
    elif kind == "preset":
        presets = entry.get("presets")
        if not isinstance(presets, list) or not presets:
            raise KitError(f"{where}: presets is missing; give a list of preset names")
        extra["presets"] = tuple(_text(name, f"{where}: presets") for name in presets)
    return extra


def _start(entry: dict, where: str) -> float | str:
    """Where the scale of a metric begins."""
    if "band" in entry or entry.get("partial"):
        raise KitError(f"{where} stands beside {'band' if 'band' in entry else 'partial'}; a scale goes from there to "
                       f"at_least or at_most, without steps")
    start = entry["from"]
    if "gain" in entry and start != BASELINE:
        raise KitError(f"{where} is {start!r:.40} beside gain, which counts from {BASELINE}")
    if start == BASELINE:
        return BASELINE
    if isinstance(start, str):
        raise KitError(f"{where} is {start!r:.40}, expected {BASELINE} or a number")
    start = _number(start, where)
    if start >= entry.get("at_least", math.inf) or start <= entry.get("at_most", -math.inf):
        raise KitError(f"{where} is {start:g}, which is as good as the goal; a scale begins at a worse value")
    return start


def _bounds(entry: dict, where: str) -> dict[str, Any]:
    given = [key for key in _BOUNDS if key in entry]
    if len(given) != 1:
        raise KitError(f"{where}: give one of at_least, at_most, band and gain; found {', '.join(given) or 'none'}")
    if given == ["band"]:
        band = entry["band"]
        if not isinstance(band, list) or len(band) != 2:
            raise KitError(f"{where}: band is {band!r:.40}, expected [low, high]")
        low, high = (_number(value, f"{where}: band") for value in band)
        if low > high:
            raise KitError(f"{where}: band [{low:g}, {high:g}] is empty; the lower bound comes first")
        return {"at_least": low, "at_most": high}
    value = _number(entry[given[0]], f"{where}: {given[0]}")
    if given == ["gain"] and value <= 0:
        raise KitError(f"{where}: gain is {value:g}, expected a number above 0")
    return {given[0]: value}


def _steps(entries: Any, bounds: dict, most: float, where: str) -> tuple[Step, ...]:
    if not isinstance(entries, list):
        raise KitError(f"{where} is a {type(entries).__name__}, expected a list of {{at_least, points}}")
    steps = []
    for number, entry in enumerate(entries, 1):
        here = f"{where} {number}"
        entry = _keys(entry, ("at_least", "at_most", "points"), here)
        key = [key for key in ("at_least", "at_most") if key in entry]
        if len(key) != 1 or "points" not in entry:
            raise KitError(f"{here}: needs points and one of at_least and at_most")
        if key[0] not in bounds:
            raise KitError(f"{here}: {key[0]} beside a criterion that has {' and '.join(bounds)}; use the same")
        points = _number(entry["points"], f"{here}: points", lowest=0)
        if points > most:
            raise KitError(f"{here}: {points:g} points for a part, {most:g} for all of it")
        steps.append(Step(points, **{key[0]: _number(entry[key[0]], f"{here}: {key[0]}")}))
    return tuple(sorted(steps, key=lambda step: -step.points))


def _keys(values: Any, known: Sequence[str], where: str) -> dict[str, Any]:
    if not isinstance(values, dict):
        raise KitError(f"{where}: expected named values, found {type(values).__name__}")
    for key in values:
        if key not in known:
            raise KitError(f"{where}: unknown key {key!s:.60}{_nearest(key, known)}; there are {', '.join(known)}")
    return values


def _number(value: Any, where: str, lowest: float = -math.inf) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or abs(value) > 1e15 or value != value:
        raise KitError(f"{where} is {value!r:.40}, expected a number")
    if value < lowest:
        raise KitError(f"{where} is {value:g}, below {lowest:g}")
    return float(value)


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > 200:
        raise KitError(f"{where} is {value!r:.40}, expected a short text")
    return value


def _nearest(word: Any, known: Sequence[str]) -> str:
    match = difflib.get_close_matches(str(word), list(known), 1, 0.5)
    return f" - did you mean {match[0]}?" if match else ""
