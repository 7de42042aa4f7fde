"""`runs`: what there is under runs/, one run more closely, and what can go."""

import argparse
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assignments.common.command_line import add_command, speaks
from assignments.common.runs import find_run
from assignments.common.summary import again, amount, program, summary
from assignments.common.works import work_names, work_of
from data_tools.errors import KitError, harmless
from data_tools.files.places import short_path
from data_tools.language import said, show
from data_tools.progress import size
from data_tools.terminal import cut

if TYPE_CHECKING:
    from reports.run_list import Listed

LONGEST_NAME = 28  # columns; `runs show` tells the whole one


def add_to(commands: Any) -> None:
    """The command, and the two below it."""
    command = speaks(add_command(commands, "runs", list_runs))
    command.add_argument("--work", choices=work_names(), help="of this one alone")
    command.add_argument("--best", action="store_true",
                         help="of each work the one that report, submit and figures take")
    below = command.add_subparsers(metavar="[show | clean]")
    shown = speaks(add_command(below, "show", show_run))
    shown.add_argument("run", help="a run folder, or its name under runs/")
    clean = speaks(add_command(below, "clean", clean_runs))
    clean.add_argument("--work", choices=work_names(), help="of this one alone")
    clean.add_argument("--unfinished", action="store_true", help="also whole folders of runs that have not finished")
    clean.add_argument("--weights", action="store_true", help="also the best weights of finished runs")
    clean.add_argument("--yes", action="store_true", help="do not ask")


def list_runs(arguments: argparse.Namespace) -> int:
    """All runs: preset, data, metric, date, size, finished or not."""
    from reports.run_list import best_run
    from reports.text_table import text_table

    lines = [tuple(map(said, ("run", "preset", "data", "metric", "date", "size", "")))]
    works = _runs(arguments.work)
    for work, runs in works.items():
        best = best_run(work)[0]
        lines.append((work, *[""] * 6))
        lines += [_row(run, run.path == best) for run in runs if not arguments.best or run.path == best]
    if not works:
        show(f"no runs yet; make one with: {program()} run NAME")
        return 0
    print("\n".join(text_table(lines, "lllllrl")))
    show("* stands for its work in report, submit and figures")
    return 0


def show_run(arguments: argparse.Namespace) -> int:
    """A run: what came of it, its settings beside its preset's, its files."""
    from paddle_models.trainer.settings import read_presets
    from reports.run_list import Listed
    from reports.run_reader import Run, flat_settings, flatten

    path, name = find_run(arguments.run, work_names(), ())
    work, run = work_of(name), Listed(path, name)
    state = "finished" if run.finished else "not finished"
    show(harmless(f"{name}, preset {run.preset}, {state}, {_disk(path)}", 200))
    if run.finished:
        print(harmless(summary(work, run.result, path)))
    else:
        show(f"finish it with\n{again(name, path)}")
    preset = read_presets(work.folder / "presets.yaml").get(run.preset, {}).get("settings") or {}
    stated, settings = dict(flatten(preset)), flat_settings(Run(path, name))
    changed = [f"--{key} {shlex.quote(value)}" for key, value in settings.items()
               if key in stated and stated[key] != value]
    show(harmless(f"begun with {run.config.get('command', 'an unknown command')}"))
    if changed:
        show(harmless(f"other than its preset: {' '.join(changed)}"))
    for file in sorted(file for file in path.rglob("*") if file.is_file()):
        print(f"{size(file.stat().st_size):>8}  {harmless(file.relative_to(path))}")
    return 0


def clean_runs(arguments: argparse.Namespace) -> int:
    """Remove last checkpoints of finished runs, which only --resume needs; asks first, best weights stay."""
    found = [run for runs in _runs(arguments.work).values() for run in runs]
    going = [path for run in found for path in _going(run, arguments.unfinished, arguments.weights)]
    if not going:
        show("nothing to remove")
        return 0
    for path in going:
        print(f"{_disk(path):>8}  {short_path(path)}")
    whole = size(sum(map(_bytes, going)))
    if not arguments.yes:
        if not sys.stdin.isatty():
            raise KitError(f"nothing was removed: {whole} would go; say so with --yes")
        if input(said(f"remove these, {whole}? [y/N] ")).strip().lower() not in ("y", "yes", "是"):
            show("nothing was removed")
            return 0
    for path in going:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    show(f"removed {whole}")
    return 0


def _runs(work: str | None) -> dict[str, list["Listed"]]:
    """The runs of one work, or of all that have any."""
    from reports.run_list import runs_of

    found = {name: runs_of(name) for name in ([work] if work else work_names())}
    return {name: runs for name, runs in found.items() if runs}


def _row(run: "Listed", best: bool) -> tuple[str, ...]:
    """A line of the table."""
    found = run.metric
    metric = amount(found[0], found[1][0]) if found else "-"
    date = run.date[0]
    return (f"  {cut(run.path.name, LONGEST_NAME)}", run.preset, said(run.origin) if run.finished else "-", metric,
            f"{date[4:6]}-{date[6:8]} {date[9:11]}:{date[11:13]}", _disk(run.path),
            _state(run, best))


def _going(run: "Listed", unfinished: bool, weights: bool) -> Sequence[Path]:
    """What `clean` removes of a run; nothing of one that is being written."""
    if _in_use(run.path) or not (run.finished or unfinished):
        return ()
    if not run.finished:
        return (run.path,)
    names = ("last", "best") if weights else ("last",)
    files = [run.path / "checkpoints" / f"{name}.safetensors" for name in names]
    return [file for file in files if file.is_file()]


def _state(run: "Listed", best: bool) -> str:
    """A word, or the star of the best."""
    if run.finished:
        return "*" if best else ""
    return said("running" if _in_use(run.path) else "stopped")


def _in_use(run: Path) -> bool:
    """Whether a process writes a run folder."""
    from data_tools.files.locks import Busy, locked

    try:
        with locked(run / ".lock", wait=False):
            return False
    except Busy:
        return True
    except OSError:  # a folder in which nobody may write
        return False


def _bytes(path: Path) -> int:
    """Of a file, or of all files in a folder."""
    files = path.rglob("*") if path.is_dir() else (path,)
    return sum(file.stat().st_size for file in files if file.is_file())


def _disk(path: Path) -> str:
    return size(_bytes(path))
