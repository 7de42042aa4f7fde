"""The figures of a work: its own figures.py, else what can be drawn of any run."""

import importlib

from assignments.common.works import FOLDER
from data_tools.errors import KitError
from reports.figures.figure_script import FigureScript


def script_of(name: str) -> FigureScript:
    """SCRIPT of a work's figures.py; without one the first figures."""
    if not (FOLDER / name / "figures.py").is_file():
        from reports.figures.first_figures import first_script

        return first_script(FOLDER / name)
    script = getattr(importlib.import_module(f"assignments.{name}.figures"), "SCRIPT", None)
    if not isinstance(script, FigureScript):
        raise KitError(f"assignments/{name}/figures.py has no SCRIPT = FigureScript(...), which the report reads")
    return script
