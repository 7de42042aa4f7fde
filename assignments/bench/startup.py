"""Start-up time of commands, each in a fresh interpreter."""

import subprocess
import sys
from collections.abc import Sequence

from assignments.bench.turns import Turns
from data_tools.files.places import PROJECT_ROOT


def run(command: Sequence[str], turns: Turns) -> None:
    """`python COMMAND`, from the project's folder, from start to end."""
    for turn in turns:
        while turn.lasts():
            subprocess.run([sys.executable, *command], cwd=PROJECT_ROOT, check=True, stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL)
            turn.done(1)
