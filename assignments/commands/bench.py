"""`bench`: speed beside others; what is measured and how stands in assignments/bench."""

import argparse
from pathlib import Path
from typing import Any

from assignments.common.command_line import add_command


def add_to(commands: Any) -> None:
    """The command and its options."""
    command = add_command(commands, "bench", bench_command)
    command.add_argument("names", nargs="*", metavar="NAME",
                         help="cases (default: all; a wrong name lists them), growth, scale")
    command.add_argument("--rounds", type=int, help="turns of each side that count (default: 9; growth: 3)")
    command.add_argument("--out", type=Path, metavar="FOLDER",
                         help="of table.md and table.json (default: reports/benchmarks)")
    command.add_argument("--quick", action="store_true",
                         help="tiny sizes: shows that everything runs, measures nothing")
    command.add_argument("--where", action="store_true",
                         help="print where the time of a training step goes, part by part; measures nothing else")
    command.add_argument("--sizes", type=int, nargs="+", default=[], metavar="IMAGES",
                         help="of growth (default: 1000 10000 50000 200000)")


def bench_command(arguments: argparse.Namespace) -> int:
    """Speed beside Paddle's defaults, PyTorch and the documents' ways, measured in turns; writes reports/benchmarks."""
    from assignments.bench.command import bench, show_where

    if arguments.where:
        return show_where(arguments.names, arguments.quick)
    return bench(arguments.names, arguments.rounds, arguments.out, arguments.quick, arguments.sizes)
