"""The runs that there are, and which one is taken where none is named: the best finished one of the fullest preset."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from data_tools.errors import KitError
from data_tools.files import places
from data_tools.files.places import PROJECT_ROOT
from data_tools.files.plain_yaml import read_yaml
from data_tools.language import said, spoken
from data_tools.terminal import wrapped
from paddle_models.trainer.run_folder import run_date
from reports.run_reader import Run, first_command, look_up
from reports.tables import Measured, measured_value

OTHER = "(any other)"
PRESETS = ("smoke", "sample", OTHER, "paper", "best")  # from the emptiest to the fullest
ORIGINS = ("unknown", "drawn", "subset", "real")
RESULT = "result.json"


@dataclass(frozen=True)
class Listed:
    """A run folder among others. What cannot be read in it is empty: whoever opens it will say so."""

    path: Path
    work: str

    @cached_property
    def finished(self) -> bool:
        """Whether it has come to its end."""
        return (self.path / RESULT).is_file()

    @cached_property
    def config(self) -> dict[str, Any]:
        """config.yaml."""
        return _read(Run(self.path, self.work), "config")

    @cached_property
    def result(self) -> dict[str, Any]:
        """result.json; {} where it has not finished."""
        return _read(Run(self.path, self.work), "result") if self.finished else {}

    @property
    def preset(self) -> str:
        """What it was begun from."""
        return str(self.config.get("preset", ""))

    @property
    def origin(self) -> str:
        """"real", "subset" or "drawn" pictures; "unknown"."""
        said = str(self.result.get("origin", ""))
        return said if said in ORIGINS else "unknown"

    @cached_property
    def metric(self) -> tuple[str, Measured] | None:
        """The metric that its preset names."""
        return headline(self.result, metric_of(self.work, self.preset))

    @property
    def date(self) -> tuple[str, str]:
        """What orders runs by time."""
        return run_date(self.path / "config.yaml")

    @property
    def rank(self) -> tuple:
        """Of two runs of a work the one with the higher rank is taken: finished, then the fuller preset, then the
        truer data, then the higher metric, then the later."""
        preset = PRESETS.index(self.preset if self.preset in PRESETS else OTHER)
        value = self.metric[1][0] if self.metric else None
        return (self.finished, preset, ORIGINS.index(self.origin), float("-inf") if value is None else value, self.date)


def runs_of(work: str, root: Path | None = None) -> list[Listed]:
    """The runs of a work under `root` ($KIT_RUNS, else runs/), the newest last."""
    files = sorted((Path(root or places.runs()) / work).glob("*/config.yaml"), key=run_date)
    return [Listed(file.parent, work) for file in files]


def best_run(work: str, root: Path | None = None) -> tuple[Path, str]:
    """(folder, why it is taken) of the run of a work that stands for it; KitError where it has none."""
    found = runs_of(work, root)
    if not found:
        raise KitError(f"no run under {Path(root or places.runs()) / work}; make one with: "
                       f"{first_command(work)}, or name a run folder")
    best = max(found, key=lambda run: run.rank)
    if not best.finished:
        return max(found, key=lambda run: run.date).path, said("no run has finished; this is the newest")
    equals = [run for run in found if run.rank[:3] == best.rank[:3]]
    others = sorted({run.preset for run in found if run.finished and run.preset != best.preset})
    by = f" by {best.metric[0]}" if best.metric else ""
    which = f"the best{by} of {len(equals)}" if len(equals) > 1 else "the only"
    left = said(f"; not of {', '.join(others)}") if others else ""
    return best.path, said(f"{which} finished with preset {best.preset} on {best.origin} data") + left


def taken(path: Path, why: str) -> str:
    """Lines for people: a run folder as short as it goes, and below it why it is taken."""
    return "\n".join([spoken(f"run: {places.short_path(path)}"), *wrapped(why, "    ", "    ")])


def headline(result: Mapping[str, Any], metric: str) -> tuple[str, Measured] | None:
    """(name, (value, low, high, n)) of `metric` in result.json, else of the first one; None without any."""
    metrics = result.get("metrics")
    if not isinstance(metrics, dict) or not metrics:
        return None
    name = metric if metric in metrics else str(next(iter(metrics)))
    measured = measured_value(metrics.get(name))
    return None if measured[0] is None else (name, measured)


def metric_of(work: str, preset: str) -> str:
    """The metric by which a preset of a work is told; "" where nothing says so."""
    file = PROJECT_ROOT / "assignments" / work / "presets.yaml"
    try:
        return str(look_up(read_yaml(file), f"{preset}.expects.metric", "")) if file.is_file() else ""
    except KitError:
        return ""


def _read(run: Run, part: str) -> dict[str, Any]:
    try:
        return getattr(run, part)
    except KitError:
        return {}
