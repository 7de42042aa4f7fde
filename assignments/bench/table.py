"""The written table: table.json holds the rows, table.md shows them. A row keeps its date, commit and machine."""

import json
import os
import subprocess
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from assignments.bench.cases import CASES, Case, Rival
from assignments.bench.harness import Result, quartiles
from data_tools.errors import KitError
from data_tools.files.atomic import write_atomically
from data_tools.files.places import PROJECT_ROOT

PACKAGES = ("paddlepaddle", "paddlepaddle-gpu", "torch", "onnxruntime", "numpy", "opencv-python", "imaug")
BUSY = 0.5  # cores that others use from which a goal is neither met nor missed (PyTorch's waiting threads suffer most)
INTRODUCTION = """# Speed, measured in turns

Written by `python -m assignments bench`. The two sides of a row ran in processes of their own, took turns of a few
seconds (ours, theirs, ours, theirs, ...), and each round gives one ratio of their speeds: above 1 the kit is
faster. Shown is the median with the quartiles of the rounds. Every side starts without thread settings in its
environment: the kit then makes its own, theirs keep their defaults. The goal of a row that says "best rival" holds
against the fastest of its rivals. "of the limit": share of what the machine could do, measured in the same turns: for
networks their convolutions alone, each in the layouts that oneDNN prefers, for data a copy of as many bytes. "others":
cores that were busy with other programs meanwhile; from 0.5 on the row is not judged. A row keeps the date, commit and
machine it was measured with.
"""
SECTIONS = {"float32": "## Networks in float32", "bfloat16": "## Networks in bfloat16",
            "8 bits": "## Networks in 8 bits", "": "## Data and start"}


def read_table(folder: Path) -> dict[str, Any]:
    """{"machines": {number: description}, "rows": {id: row}}; empty where there is none yet."""
    path = Path(folder) / "table.json"
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        if not all(isinstance(table[key], dict) for key in ("machines", "rows")):
            raise ValueError("machines and rows should be objects")
        return {"machines": table["machines"], "rows": table["rows"]}
    except FileNotFoundError:
        return {"machines": {}, "rows": {}}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise KitError(f"{path} is not a table of this command ({error}); move it away or choose "
                       "another --out") from None


def update_table(folder: Path, results: list[Result], machine: dict[str, str], commit: str | None,
                 quick: bool = False) -> dict[str, Any]:
    """Put results into the rows of folder/table.json and draw table.md anew; returns the table.

    A row that was measured stays when now something is only not installed.
    """
    table = read_table(folder)
    for result in results:
        key = row_id(result)
        if not (result.absent and table["rows"].get(key, {}).get("ratio")):
            table["rows"][key] = make_row(result, _number(table["machines"], machine), commit, quick)
    used = {row["machine"] for row in table["rows"].values()}
    table["machines"] = {number: text for number, text in sorted(table["machines"].items()) if number in used}
    write_atomically(Path(folder) / "table.json", (json.dumps(table, indent=1, ensure_ascii=False) + "\n").encode())
    write_atomically(Path(folder) / "table.md", as_markdown(table).encode())
    return table


def row_id(result: Result) -> str:
    """Name of a row, the same in every run."""
    return f"{result.case.name} / {result.rival.peer.name}"


def make_row(result: Result, machine: str, commit: str | None, quick: bool = False) -> dict[str, Any]:
    """A row as it stands in table.json; speeds in units per second."""
    case, row = result.case, {}
    row.update(what=case.title + (" (tiny sizes: means nothing)" if quick else ""), ours=case.ours.name,
               against=result.rival.peer.name, unit=case.unit, ratio=None, goal=_goal(result), met=None)
    if result.ratios:
        low, middle, high = result.quartiles()
        speeds = {"ours": quartiles(result.ours), "against": quartiles(result.theirs)}
        met = middle >= (result.goal or 0.0)
        if case.seconds_goal is not None:
            met = met and 1 / speeds["ours"][1] <= case.seconds_goal
        row.update(ratio={"median": _short(middle), "quartiles": [_short(low), _short(high)],
                          "rounds": len(result.ratios)},
                   speed={side: {"median": _short(m), "quartiles": [_short(a), _short(b)]} for side,
                          (a, m, b) in speeds.items()},
                   met=met if row["goal"] and (result.others or 0.0) < BUSY else None,
                   limit=_short(speeds["ours"][1] / quartiles(result.limit)[1]) if result.limit else None)
    row.update(obstacle=result.obstacle, idle_cpu=result.idle_cpu, others=result.others, notes=result.notes,
               date=datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"), commit=commit, machine=machine)
    return row


def _goal(result: Result) -> str:
    if result.case.seconds_goal is not None:
        return f"under {result.case.seconds_goal:g} s"
    if result.goal is None:
        return ""
    return f"{'best rival, ' if result.rival.goal is None else ''}{result.goal:g} x"


def _short(value: float) -> float:
    return float(f"{value:.4g}")


def _number(machines: dict[str, dict[str, str]], machine: dict[str, str]) -> str:
    """The number under which this machine stands in the table, a new one where it is new."""
    known = [number for number, described in machines.items() if described == machine]
    free = next(number for number in map(str, range(1, len(machines) + 2)) if number not in machines)
    machines[known[0] if known else free] = machine
    return known[0] if known else free


def as_markdown(table: dict[str, Any]) -> str:
    """The table for people; rows in the order of the registry, those of GPUs last."""
    rows = [(case, rival, table["rows"][name]) for case in CASES for rival in case.rivals
            if (name := f"{case.name} / {rival.peer.name}") in table["rows"]]
    on_gpu = [row for row in rows if row[0].gpu]
    lines = [INTRODUCTION]
    for numbers, title in SECTIONS.items():
        part = [row for row in rows if row[0].numbers == numbers and not row[0].gpu]
        lines += [title, "", *_as_table(part), ""] if part else []
    lines.pop()
    if any(row["ratio"] for *_, row in on_gpu):
        lines += ["", "## On a GPU", "", *_as_table(on_gpu)]
    elif on_gpu:
        names = ", ".join(f"`{case.name}`" for case, *_ in on_gpu)
        lines += ["", "## On a GPU", "", f"Not measured, {on_gpu[0][2]['obstacle']}: {names}."]
    lines += ["", "A commit with + had changed files."]
    for number, machine in table["machines"].items():
        lines += ["", f"## Machine {number}", "", *(f"- {key}: {value}" for key, value in machine.items())]
    return "\n".join(lines) + "\n"


def _as_table(rows: list[tuple[Case, Rival, dict[str, Any]]]) -> list[str]:
    """Lines of a Markdown table with its notes below."""
    head = ("what", "against", "ratio (quartiles)", "goal", "measured", "of the limit", "rounds", "others", "date",
            "commit", "machine")
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    notes = []
    for case, rival, row in rows:
        if rival.note:
            notes.append(rival.note)
        ours = "" if row["ours"] == "kit" else f"{row['ours']}: "
        lines.append(" | ".join([
            f"| {ours}{row['what']}", row["against"], ratio_text(row) + (f" [{len(notes)}]" if rival.note else ""),
            goal_text(row), speed_text(row, case.seconds_goal is not None), limit_text(row),
            str((row["ratio"] or {}).get("rounds", "")),
            "" if row["others"] is None else f"{row['others']:.1f}", row["date"], commit_text(row),
            f"{row['machine']} |"]))
    return lines + (["", *(f"[{number}] {note}  " for number, note in enumerate(notes, 1))] if notes else [])


def ratio_text(row: dict[str, Any]) -> str:
    """"4.61 (4.50 to 4.72)", or why there is none."""
    if not row["ratio"]:
        return row["obstacle"].replace("|", "/")
    low, high = row["ratio"]["quartiles"]
    return f"{row['ratio']['median']:.2f} ({low:.2f} to {high:.2f})"


def goal_text(row: dict[str, Any]) -> str:
    """"4 x: met"; not judged where others used the machine, too."""
    unjudged = ": machine busy" if row["goal"] and row["ratio"] else ""
    return row["goal"] + {True: ": met", False: ": missed", None: unjudged}[row["met"]]


def speed_text(row: dict[str, Any], seconds: bool) -> str:
    """Both medians: "1,690 and 1.49 images/s", or "0.21 and 2.1 s"."""
    if not row["ratio"]:
        return ""
    ours, theirs = (row["speed"][side]["median"] for side in ("ours", "against"))
    if seconds:
        return f"{1 / ours:.2f} and {1 / theirs:.2f} s"
    return " and ".join(f"{float(f'{speed:.3g}'):,.10g}" for speed in (ours, theirs)) + f" {row['unit']}/s"


def limit_text(row: dict[str, Any]) -> str:
    """"64 %" of what the machine could do; empty where no limit was measured."""
    return f"{row['limit']:.0%}".replace("%", " %") if row.get("limit") else ""


def commit_text(row: dict[str, Any]) -> str:
    """Twelve digits, and a + where files had changed."""
    commit, changed, _ = (row["commit"] or "none").partition("+")
    return commit[:12] + changed


def describe_machine(environment: dict[str, Any], cores: int) -> dict[str, str]:
    """Processor, cores, memory, system and versions; environment: of run_folder.describe_environment."""
    return {"processor": environment["processor"], "cores": str(cores), "memory": _memory(),
            "system": environment["system"],
            "Python": environment["python"], **{name: _version(name) for name in PACKAGES}}


def find_commit() -> str | None:
    """Commit of the kit, with "+changes" where tracked files differ (the tables left out); None outside a git
    checkout."""
    def git(*words: str) -> str:
        return subprocess.run(["git", "-C", str(PROJECT_ROOT), *words], capture_output=True, text=True,
                              check=True).stdout.strip()

    try:
        changed = git("status", "--porcelain", "-uno", "--", ".", ":!reports/benchmarks")
        return git("rev-parse", "HEAD") + ("+changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _memory() -> str:
    if "SC_PHYS_PAGES" not in getattr(os, "sysconf_names", {}):
        return "unknown"
    return f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GB"
