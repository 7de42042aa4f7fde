"""`compare`: runs side by side."""

import argparse
from pathlib import Path
from typing import Any

from assignments.common.command_line import add_command


def add_to(commands: Any) -> None:
    """The command and its options."""
    command = add_command(commands, "compare", compare)
    command.add_argument("runs", nargs="+", type=Path, metavar="RUN",
                         help="run folders; the first is what others differ from")
    command.add_argument("--out", type=Path, metavar="FOLDER", default=Path("comparison"),
                         help="of curves.png, .svg, .pdf, compare.md and two .csv (default: comparison)")


def compare(arguments: argparse.Namespace) -> int:
    """Runs side by side: settings that differ, metrics, curves overlaid."""
    from reports.pages.compare import compare_runs

    print(compare_runs(arguments.runs, arguments.out))
    print(f"\nwritten to {arguments.out}")
    return 0
