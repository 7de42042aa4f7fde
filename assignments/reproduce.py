"""Every assignment from nothing to its table: run.py, figures.py, measured values beside the document's."""

import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import List, Sequence

from data_tools.errors import KitError

FOLDER = Path(__file__).resolve().parent


def reproduce(names: Sequence[str], preset: str) -> int:
    """Each step in a process of its own, as a user would call it; the tables come together at the end."""
    from reports.run_reader import Run, latest_run
    from reports.tables import as_text, run_context

    start, tables = time.monotonic(), []
    for name in names:
        _step(name, "run.py", "--preset", preset)
        run = Run(latest_run(name), name)
        _step(name, "figures.py", "--run", str(run.path))
        rows = import_module(f"assignments.{name}.figures").measured(run)
        tables.append(as_text(rows, run_context(run)))
    print("\n" + "\n\n".join(tables))
    print(f"\n{len(tables)} assignment(s) reproduced in {time.monotonic() - start:.0f} s; figures are in the run folders")
    return 0


def _step(name: str, script: str, *arguments: str) -> None:
    command: List[str] = [sys.executable, str(FOLDER / name / script), *arguments]
    print(f"\n== {name}/{script} {' '.join(arguments)}", flush=True)
    status = subprocess.run(command).returncode
    if status:
        raise KitError(f"{name}/{script} ended with status {status}; its message is above")
