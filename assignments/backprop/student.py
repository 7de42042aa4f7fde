"""Write the student's version: the hand-written modules with the bodies of the exercises taken out, and a check.

python assignments/backprop/student.py --out DIR [--lang en|zh] [--solution]
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assignments.common import exercise_rows, student_folder
from assignments.common.command_line import first_line, speaks, tells_errors
from data_tools.language import language

SOLVED = Path(__file__).resolve().parent / "by_hand"
MODULES = ("backprop", "descent", "practice", "autograd")


def read_exercises() -> list[dict[str, Any]]:
    """The rows of exercises.yaml with their numbers, from 1."""
    return exercise_rows.read_exercises("backprop")["exercises"]


def write_student(folder: Path, language: str = "en", solution: bool = False) -> list[Path]:
    """As `python -m assignments exercises backprop`; returns the files."""
    return student_folder.write_folder("backprop", folder, language, solution)


@tells_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Command line; 2 for an error that the user can mend."""
    parser = argparse.ArgumentParser(description=first_line(__doc__), allow_abbrev=False)
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    speaks(parser, "language of statements and hints")
    parser.add_argument("--solution", action="store_true", help="leave the bodies in: the reference, for teachers")
    arguments = parser.parse_args(argv)
    for path in write_student(arguments.out, language(), arguments.solution):
        print(path)
    return 0


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="replace")
    sys.exit(main())
