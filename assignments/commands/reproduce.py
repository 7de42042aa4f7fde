"""Every assignment from nothing to its table: run.py, experiments, figures.py, values beside the document's, the
report."""

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assignments.common.command_line import add_command, speaks
from assignments.common.works import FOLDER, work_names, work_of
from data_tools.errors import KitError
from data_tools.language import language, said, show


def add_to(commands: Any) -> None:
    """The command and its options."""
    command = add_command(commands, "reproduce", reproduce_command)
    command.add_argument("names", nargs="*", metavar="NAME", help="assignments (default: all)")
    command.add_argument("--preset", default="sample")
    speaks(command)


def reproduce_command(arguments: argparse.Namespace) -> int:
    """Train each work with a preset, draw its figures and print the measured values beside the document's."""
    return reproduce(arguments.names or work_names(), arguments.preset)


def reproduce(names: Sequence[str], preset: str) -> int:
    """Each step in a process of its own, as a user would call it; tables and report come together at the end."""
    from assignments.common.chapters import build_report
    from assignments.common.figure_scripts import script_of
    from data_tools.files.download import ARCHIVES
    from data_tools.files.places import short_path
    from data_tools.terminal import joined
    from reports.run_list import runs_of
    from reports.run_reader import Run
    from reports.tables import as_text, run_context

    start, tables, runs = time.monotonic(), [], {}
    works = {name: work_of(name) for name in names}  # an unknown name is refused before any of them begins
    for name, work in works.items():
        _step(name, "run.py", "--preset", preset)
        for script, *arguments in work.experiments:
            _step(name, script, *(preset if word == "PRESET" else word for word in arguments))
        run = Run(runs_of(name)[-1].path, name)  # the newest: the one that this has just made
        _step(name, "figures.py", "--run", str(run.path))
        runs[name] = run.path
        rows = script_of(name).measured(script_of(name).open(run.path), language())
        tables.append(as_text(rows, run_context(run), language()))
    print("\n" + "\n\n".join(tables))
    page, = build_report(runs=runs, languages=(language(),), drawn=names)
    seconds = time.monotonic() - start
    show(f"\n{len(tables)} assignment(s) reproduced in {seconds:.0f} s; figures are in the run folders")
    print(joined(map(said, (f"report: {short_path(page)}", "(both languages: `python -m assignments report`)"))))
    if any(Run(path, name).origin in ("drawn", "subset") for name, path in runs.items()):
        public = ", ".join(name for name, archive in ARCHIVES.items() if archive.option == "--data")
        show("Numbers on drawn pictures, or on a few photographs, are not the documents'. `python -m "
             f"assignments data fetch NAME` brings public sets ({public}), and `run WORK --preset best` "
             "trains on them; the column of the kit's weights is what such a training comes to.")
    return 0


def _step(name: str, script: str, *arguments: str) -> None:
    from data_tools.files.places import short_path
    from data_tools.terminal import joined

    command: list[str] = [sys.executable, str(FOLDER / name / script), *arguments]
    shown = [short_path(Path(word)) if Path(word).is_absolute() else word for word in arguments]
    print("\n" + joined([f"== {name}/{script}", " ".join(shown)]), flush=True)
    status = subprocess.run(command).returncode
    if status:
        raise KitError(f"{name}/{script} ended with status {status}; its message is above")
