"""`compare`: runs side by side."""

import argparse
from pathlib import Path
from typing import Any

from assignments.common.command_line import add_command, speaks
from assignments.common.runs import find_run
from assignments.common.works import work_names
from data_tools.language import show


def add_to(commands: Any) -> None:
    """The command and its options."""
    command = speaks(add_command(commands, "compare", compare))
    command.add_argument("runs", nargs="+", metavar="RUN",
                         help="run folders, or their names under runs/; the first is what others differ from")
    command.add_argument("--out", type=Path, metavar="FOLDER", default=Path("comparison"),
                         help="of curves.png, .svg, .pdf, compare.md and two .csv (default: comparison)")


def compare(arguments: argparse.Namespace) -> int:
    """Runs side by side: settings that differ, metrics, curves overlaid."""
    from reports.pages.compare import compare_runs

    works = work_names()
    runs = [Path(run) if Path(run).exists() or run in works else find_run(run, works, ())[0] for run in arguments.runs]
    print(compare_runs(runs, arguments.out))
    show(f"\nwritten to {arguments.out}")
    return 0
