"""Start-up time of commands, each in a fresh interpreter."""

import subprocess
import sys
from pathlib import Path
from typing import Sequence

from assignments.bench.turns import Turns

ROOT = Path(__file__).resolve().parents[2]


def run(command: Sequence[str], turns: Turns) -> None:
    """`python COMMAND`, from the project's folder, from start to end."""
    for turn in turns:
        while turn.lasts():
            subprocess.run([sys.executable, *command], cwd=ROOT, check=True, stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL)
            turn.done(1)
