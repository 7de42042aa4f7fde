"""`notebooks`: the notebooks of the works, made anew from their sources."""

import argparse
from typing import Any

from assignments.common.command_line import add_command
from assignments.common.notebooks import works_with_notebooks, write_notebooks
from data_tools.errors import KitError


def add_to(commands: Any) -> None:
    """The command and its options."""
    command = add_command(commands, "notebooks", notebooks)
    command.add_argument("names", nargs="*", metavar="NAME", help="works (default: all with a notebook.py)")


def notebooks(arguments: argparse.Namespace) -> int:
    """Make the notebooks of works anew from notebook.py beside their run.py, in English and Chinese."""
    known = works_with_notebooks()
    unknown = [name for name in arguments.names if name not in known]
    if unknown:
        raise KitError(f"{unknown[0]} has no notebook.py; there are {', '.join(known)}")
    for name in arguments.names or known:
        for path in write_notebooks(name):
            print(path)
    return 0
