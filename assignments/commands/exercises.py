"""`exercises`: what students of a work get, functions to fill in with a check, or the solution for the teacher."""

import argparse
from pathlib import Path
from typing import Any

from assignments.common.command_line import add_command, speaks
from assignments.common.exercises import has_exercises
from assignments.common.works import work_names
from data_tools.errors import KitError
from data_tools.files.places import expand
from data_tools.language import language


def add_to(commands: Any) -> None:
    """The command and its options."""
    command = add_command(commands, "exercises", exercises)
    command.add_argument("name", metavar="NAME", help="the assignment")
    command.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="folder to write")
    speaks(command)
    command.add_argument("--solution", action="store_true", help="leave the bodies in: the reference, for teachers")


def exercises(arguments: argparse.Namespace) -> int:
    """Write the exercises of an assignment into a folder: functions to fill in, their statements, hints and a check."""
    name, out = arguments.name, expand(arguments.out)
    having = [each for each in work_names() if has_exercises(each)]
    if name not in having:
        raise KitError(f"{name} has no exercises; those that have: {', '.join(having)}")
    from assignments.common.student_folder import write_folder

    for path in write_folder(name, out, language(), arguments.solution):
        print(path)
    return 0
