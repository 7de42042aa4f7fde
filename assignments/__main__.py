"""Everything from one place: list, run, runs, figures, report, compare, grade, submit, export, predict, data, ...

A command and its options stand in a file of commands/; heavy modules are imported by the command that needs them, so
help and list answer at once.
"""

import argparse
import sys
from collections.abc import Sequence

from assignments.commands import (
    bench,
    compare,
    data,
    demo,
    doctor,
    exercises,
    export,
    grade,
    label_errors,
    new,
    notebooks,
    release,
    report,
    reproduce,
    runs,
    scripts,
    submit,
    weights,
)
from assignments.commands.autograder import build as gradescope
from assignments.common.command_line import first_line, tells_errors

COMMANDS = (scripts, runs, new, reproduce, report, compare, export, weights, release, data, label_errors, exercises,
            notebooks, submit, grade, gradescope, bench, demo, doctor)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m assignments", description=first_line(__doc__),
                                     allow_abbrev=False)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for each in COMMANDS:
        each.add_to(commands)
    return parser


@tells_errors
def main(argv: Sequence[str] | None = None) -> int:
    """The command line; 2 for an error that the user can mend."""
    arguments = _parser().parse_args(argv)
    return arguments.function(arguments)


if __name__ == "__main__":
    sys.exit(main())
