"""`report`: runs of all works as pages; what they hold is gathered in common/chapters.py."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assignments.common.command_line import add_command
from data_tools.errors import KitError
from data_tools.language import show


def add_to(commands: Any) -> None:
    """The command and its options."""
    command = add_command(commands, "report", report_command)
    command.add_argument("--runs", nargs="+", default=[], metavar="NAME=DIR",
                         help="run folders (default: of each work the best finished one of the fullest preset)")
    command.add_argument("--lang", choices=("en", "zh", "both"), default="both")
    command.add_argument("--out", type=Path, metavar="FOLDER", help="default: $KIT_REPORT, else reports/out")
    command.add_argument("--names", nargs="+", metavar="NAME", help="assignments (default: all)")


def report_command(arguments: argparse.Namespace) -> int:
    """Runs of all works as HTML pages and a Markdown tree: every number and figure beside the documents'."""
    return report(arguments.names or (), arguments.runs, arguments.lang, arguments.out)


def report(names: Sequence[str], runs: Sequence[str], language: str, out: Path | None) -> int:
    """The command: `runs` are NAME=DIR, language is en, zh or both."""
    from assignments.common.chapters import build_report
    from data_tools.files.places import short_path

    named = {}
    for text in runs:
        name, equals, folder = text.partition("=")
        if not equals or not folder:
            raise KitError(f"--runs {text}: expected NAME=DIR, as monkey_species=runs/monkey_species/mine")
        named[name] = Path(folder)
    for page in build_report(names, named, ("en", "zh") if language == "both" else (language,), out):
        show(f"written to {short_path(page)} ({page.stat().st_size / 2**20:.1f} MB)")
    return 0
