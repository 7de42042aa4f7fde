"""Every assignment from nothing to its table: run.py, experiments, figures.py, values beside the document's, the
report."""

import subprocess
import sys
import time
from collections.abc import Sequence

from data_tools.errors import KitError
from data_tools.files.places import PROJECT_ROOT

FOLDER = PROJECT_ROOT / "assignments"
MORE = {  # what figures and tables show beside a run; "PRESET" stands for the preset
    "glasses": (("experiments.py", "all", "--seeds", "2", "--epochs", "4", "--preset", "PRESET"),
                ("label_errors.py", "--preset", "PRESET")),
    "swift_srgan": (("speed.py", "--quick"),),
}


def reproduce(names: Sequence[str], preset: str) -> int:
    """Each step in a process of its own, as a user would call it; tables and report come together at the end."""
    from assignments.commands.report import build_report, script_of
    from reports.figures.figure_script import short_path
    from reports.run_reader import Run, latest_run
    from reports.tables import as_text, run_context

    start, tables, runs = time.monotonic(), [], {}
    for name in names:
        _step(name, "run.py", "--preset", preset)
        for script, *arguments in MORE.get(name, ()):
            _step(name, script, *(preset if word == "PRESET" else word for word in arguments))
        run = Run(latest_run(name), name)
        _step(name, "figures.py", "--run", str(run.path))
        runs[name] = run.path
        tables.append(as_text(script_of(name).measured(script_of(name).open(run.path)), run_context(run)))
    print("\n" + "\n\n".join(tables))
    page, = build_report(runs=runs, languages=("en",), drawn=names)
    print(f"\n{len(tables)} assignment(s) reproduced in {time.monotonic() - start:.0f} s; figures are in the run "
          f"folders")
    print(f"report: {short_path(page)} (both languages: python -m assignments report)")
    return 0


def _step(name: str, script: str, *arguments: str) -> None:
    command: list[str] = [sys.executable, str(FOLDER / name / script), *arguments]
    print(f"\n== {name}/{script} {' '.join(arguments)}", flush=True)
    status = subprocess.run(command).returncode
    if status:
        raise KitError(f"{name}/{script} ended with status {status}; its message is above")
