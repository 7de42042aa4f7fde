"""What a run says at its end: a few lines for people, and its curves as a picture."""

import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data_tools.errors import KitError
from data_tools.files.places import short_path
from data_tools.language import language, lines, said
from data_tools.terminal import command, cut, padded

INDENT = 12
ORIGINS = {"drawn": "drawn data", "subset": "a few real pictures", "real": "real data"}
CURVES = "curves.png"


def summary(work: Any, result: Mapping[str, Any], run: Path) -> str:
    """Six lines: the metric, what it stands beside, the training, time, the folder, what to do next.

    work: a Work. result: of result.json. run: its folder.
    """
    parts = [*_measured(work.folder, result), ("training", _training(result)), ("time", _time(result)),
             ("folder", short_path(run))]
    return "\n".join([*(line for label, text in parts if text for line in row(label, text)), *_next(work.name, run)])


def save_curves(name: str, run: Path) -> None:
    """curves.png of a run folder, where its epochs have recorded anything; a notice where that fails."""
    from paddle_models.trainer.progress import say
    from reports.figures import style
    from reports.figures.first_figures import FIRST, panels
    from reports.run_reader import Run

    read = Run(run, name)
    try:
        if (run / "metrics.jsonl").is_file() and panels(read):
            style.save(FIRST[0].make(read, style.start()), run, Path(CURVES).stem, ("png",))
    except KitError as error:
        say(f"notice: no {CURVES}: {error}")


def amount(metric: str, value: float) -> str:
    """A metric for people: shares of images in per cent."""
    return f"{100 * value:.1f} %" if "accuracy" in metric else f"{value:.4g}"


def between(metric: str, low: float, high: float) -> str:
    """A range of a metric for people."""
    return f"{amount(metric, low).removesuffix(' %')} .. {amount(metric, high)}"


def duration(seconds: float) -> str:
    """As 2 h 5 min, 3 min 20 s or 4.2 s."""
    if seconds < 60:
        return said(f"{seconds:.3g} s")
    minutes, rest = divmod(int(seconds), 60)
    return said(f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min {rest} s")


def program() -> str:
    """The kit's command as it can be typed here."""
    beside = Path(sys.executable).with_name("kit")  # of an environment that is not active
    return "kit" if shutil.which("kit") else short_path(beside) if beside.exists() else "python -m assignments"


def _measured(home: Path, result: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(label, text) of the metric, and of what it stands beside: the preset's range, the document's number.

    home: the work's folder.
    """
    from paddle_models.trainer.settings import read_presets
    from reports.run_list import headline

    preset = str(result.get("preset", ""))
    expects = read_presets(home / "presets.yaml").get(preset, {}).get("expects", {})
    found, origin = headline(result, str(expects.get("metric", ""))), str(result.get("origin", ""))
    metric, (value, low, high, n) = found or ("", (None, None, None, None))
    if value is None:
        return []
    parts = [said(f"{amount(metric, value)} of {n} images") if n else amount(metric, value)]
    if low is not None and high is not None:
        parts.append(said(f"95 % interval {between(metric, low, high)}"))
    origin_of = said(ORIGINS.get(origin, origin or "unknown data"))
    behind = f"（{origin_of}）" if language() == "zh" else f" ({origin_of})"
    beside = _expected(preset, expects, value, origin) if metric == expects.get("metric") else ""
    document = _document(home)
    return [("result", f"{metric} {said(', ').join(parts)}{behind}"),
            ("beside", said("; ").join(part for part in (beside, document) if part))]


def _expected(preset: str, expects: Mapping[str, Any], value: float, origin: str) -> str:
    """Where a value lies in the range of a preset, as far as that was stated for such data."""
    metric, low, high = expects["metric"], expects.get("low"), expects.get("high")
    if low is None or high is None:
        return ""
    stated = said(f"{between(metric, low, high)}, preset {preset} on {ORIGINS[expects['data']]}")
    if origin != expects["data"]:
        return stated
    return f"{said('below' if value < low else 'above' if value > high else 'within')} {stated}"


def _document(home: Path) -> str:
    """The number of the document that stands for the work, with its title; "" where it has none."""
    from data_tools.files.plain_yaml import read_yaml
    from reports import tables

    claims, about = home / "claims.yaml", home / "about.yaml"
    if not (claims.is_file() and about.is_file()):
        return ""
    headline_id = read_yaml(about)["headline"]
    rows = tables.compare([claim for claim in tables.read_claims(claims) if claim["id"] == headline_id], {},
                          language())
    return said(f"the document: {rows[0].document_text} ({rows[0].title})") if rows else ""


def _training(result: Mapping[str, Any]) -> str:
    if "stopped" not in result:
        return ""
    best = said(f"best epoch {result['best_epoch']} of {result.get('epochs')}; ") if result.get("best_epoch") else ""
    return best + said(f"ended: {result['stopped']}")


def _time(result: Mapping[str, Any]) -> str:
    speed, memory = result.get("images_per_second"), result.get("peak_memory_mb")
    parts = [*([duration(result["seconds"])] if "seconds" in result else []),
             *([f"{speed:.1f} images/s"] if speed else []), *([f"{memory} MB at most"] if memory else []),
             *([f"{result['device']}, {result['threads']} threads"] if "threads" in result else [])]
    return said(", ").join(map(said, parts))


def _next(name: str, run: Path) -> list[str]:
    """The commands that follow, each to copy."""
    door, named = shlex.split(program()), named_shortly(run, name)
    return [said("next"), *(command([*door, *words]) for words in (
        ["figures", name, named], ["submit", named], ["compare", named, "OTHER"]))]


def named_shortly(run: Path, name: str) -> str:
    """What names a run folder of a work in a command: its own name where commands find it by that."""
    from data_tools.files import places

    home = places.runs() / name
    alone = run.parent == home and len(list(places.runs().glob(f"*/{run.name}"))) == 1
    return shlex.quote(run.name if alone and not Path(run.name).exists() else short_path(run))


def again(name: str, run: Path) -> str:
    """The command that goes on with a run folder of a work."""
    return command([*shlex.split(program()), "run", name, "--resume", shlex.quote(short_path(run))])


def row(label: str, text: str) -> list[str]:
    """A label and its text in lines of a terminal, in its language."""
    return lines(text, padded(cut(said(label), INDENT - 1), INDENT), " " * INDENT).splitlines()
