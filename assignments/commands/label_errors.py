"""`label_errors`: labels that networks doubt which have not seen the image."""

import argparse
import importlib
from typing import Any

from assignments.common.command_line import add_command
from assignments.common.works import FOLDER, work_names, work_of


def add_to(commands: Any) -> None:
    """The command and its options."""
    command = add_command(commands, "label_errors", label_errors)
    command.add_argument("name", choices=work_names())
    command.add_argument("rest", nargs=argparse.REMAINDER,
                         help="--folds N, --seed N, --out DIR, --lang zh, and settings as of run")


def label_errors(arguments: argparse.Namespace) -> int:
    """Suspected label errors of a classifier's data: a list for `run NAME --without`, and a page to look at."""
    if (FOLDER / arguments.name / "label_errors.py").is_file():  # one that knows more of its data
        return importlib.import_module(f"assignments.{arguments.name}.label_errors").main(list(arguments.rest))
    from assignments.common.label_errors import main

    return main(work_of(arguments.name), list(arguments.rest))
