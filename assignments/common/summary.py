"""What a run says at its end: a few lines for people, and its curves as a picture."""

import shutil
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data_tools.errors import KitError

WIDTH, INDENT = 80, 12
ORIGINS = {"drawn": "drawn data", "subset": "a few real pictures", "real": "real data"}
CURVES = "curves.png"


def summary(work: Any, result: Mapping[str, Any], run: Path) -> str:
    """Six lines: the metric, what it stands beside, the training, time, the folder, what to do next.

    work: a Work. result: of result.json. run: its folder.
    """
    from data_tools.files.places import short_path

    folder = short_path(run)
    parts = [*_measured(work.folder, result), ("training", _training(result)), ("time", _time(result)),
             ("folder", folder)]
    lines = [line for label, text in parts if text for line in wrapped(label, text)]
    return "\n".join([*lines, *_next(work.name, folder)])


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
        return f"{seconds:.3g} s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min {rest} s"


def program() -> str:
    """The kit's command as it can be typed here."""
    from data_tools.files.places import short_path

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
    text = amount(metric, value) + (f" of {n} images" if n else "")
    if low is not None and high is not None:
        text += f", 95 % interval {between(metric, low, high)}"
    beside = _expected(preset, expects, value, origin) if metric == expects.get("metric") else ""
    document = _document(home)
    return [("result", f"{metric} {text} ({ORIGINS.get(origin, origin or 'unknown data')})"),
            ("beside", "; ".join(part for part in (beside, document) if part))]


def _expected(preset: str, expects: Mapping[str, Any], value: float, origin: str) -> str:
    """Where a value lies in the range of a preset, as far as that was stated for such data."""
    metric, low, high = expects["metric"], expects.get("low"), expects.get("high")
    if low is None or high is None:
        return ""
    stated = f"{between(metric, low, high)}, preset {preset} on {ORIGINS[expects['data']]}"
    if origin != expects["data"]:
        return stated
    return f"{'below' if value < low else 'above' if value > high else 'within'} {stated}"


def _document(home: Path) -> str:
    """The number of the document that stands for the work, with its title; "" where it has none."""
    from data_tools.files.plain_yaml import read_yaml
    from reports import tables

    claims, about = home / "claims.yaml", home / "about.yaml"
    if not (claims.is_file() and about.is_file()):
        return ""
    headline_id = read_yaml(about)["headline"]
    rows = tables.compare([claim for claim in tables.read_claims(claims) if claim["id"] == headline_id], {})
    return f"the document: {rows[0].document_text} ({rows[0].title})" if rows else ""


def _training(result: Mapping[str, Any]) -> str:
    if "stopped" not in result:
        return ""
    best = f"best epoch {result['best_epoch']} of {result.get('epochs')}; " if result.get("best_epoch") else ""
    return f"{best}ended: {result['stopped']}"


def _time(result: Mapping[str, Any]) -> str:
    speed, memory = result.get("images_per_second"), result.get("peak_memory_mb")
    return ", ".join([*([duration(result["seconds"])] if "seconds" in result else []),
                      *([f"{speed:.1f} images/s"] if speed else []), *([f"{memory} MB at most"] if memory else []),
                      *([f"{result['device']}, {result['threads']} threads"] if "threads" in result else [])])


def _next(name: str, folder: str) -> list[str]:
    """The commands that follow, each on a line to copy."""
    import shlex

    run, door = shlex.quote(folder), program()
    return ["next", *(f"    {door} {words}" for words in (f"figures {name} {run}", f"submit {run}",
                                                          f"compare {run} OTHER"))]


def wrapped(label: str, text: str) -> list[str]:
    """A label and its text in lines of a terminal."""
    return textwrap.wrap(text, WIDTH, initial_indent=f"{label[:INDENT - 1]:{INDENT}}", subsequent_indent=" " * INDENT,
                         break_long_words=False, break_on_hyphens=False)
