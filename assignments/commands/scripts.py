"""`list`, and the scripts of a work as commands: `run`, `figures`, `predict`."""

import argparse
import importlib
from collections.abc import Sequence
from typing import Any

from assignments.common.command_line import add_command
from assignments.common.works import FOLDER, PRESETS, summary, work_names, work_of
from data_tools.errors import KitError


def add_to(commands: Any) -> None:
    """The four commands."""
    add_command(commands, "list", list_works)
    for name, run in (("run", run_work), ("figures", draw_figures)):
        _takes_rest(add_command(commands, name, run), work_names())
    predicting = sorted(file.parent.name for file in FOLDER.glob("*/predict.py"))
    _takes_rest(add_command(commands, "predict", predict), predicting)


def list_works(_: argparse.Namespace) -> int:
    """Name, purpose and presets of each work."""
    from paddle_models.trainer.settings import read_presets

    for name in work_names():
        try:
            lines = [f"{name}: {summary(name)}", *(f"  {preset:8} {details['hardware']}, {details['time']}" for
                     preset, details in read_presets(FOLDER / name / PRESETS).items())]
        except KitError as error:  # in a folder of somebody's own; the others are listed all the same
            lines = [f"{name}: cannot be taken: {error}"]
        print("\n".join(lines))
    return 0


def run_work(arguments: argparse.Namespace) -> int:
    """Train and judge a work, as assignments/NAME/run.py."""
    return work_of(arguments.name).main(arguments.rest)


def draw_figures(arguments: argparse.Namespace) -> int:
    """Draw the figures of a run, as assignments/NAME/figures.py."""
    from assignments.common.figure_scripts import script_of

    return script_of(arguments.name).main(f"Figures of {arguments.name}", arguments.rest)


def predict(arguments: argparse.Namespace) -> int:
    """A trained network at work on pictures of one's own, as assignments/NAME/predict.py."""
    return importlib.import_module(f"assignments.{arguments.name}.predict").main(list(arguments.rest))


def _takes_rest(command: argparse.ArgumentParser, names: Sequence[str]) -> None:
    command.add_argument("name", choices=names)
    command.add_argument("rest", nargs=argparse.REMAINDER, help="options of that script")
