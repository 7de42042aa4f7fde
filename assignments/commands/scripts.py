"""`list`, and the scripts of a work as commands: `run`, `figures`, `predict`."""

import argparse
import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assignments.common.command_line import add_command, speaks
from assignments.common.runs import find_run
from assignments.common.works import FOLDER, PRESETS, summary, work_names, work_of
from data_tools.errors import KitError
from data_tools.language import said
from data_tools.terminal import wrapped


def add_to(commands: Any) -> None:
    """The four commands."""
    speaks(add_command(commands, "list", list_works))
    for name, run in (("run", run_work), ("figures", draw_figures)):
        _takes_rest(add_command(commands, name, run), work_names())
    predicting = sorted(file.parent.name for file in FOLDER.glob("*/predict.py"))
    _takes_rest(add_command(commands, "predict", predict), predicting)


def list_works(_: argparse.Namespace) -> int:
    """Name, purpose and presets of each work."""
    from paddle_models.trainer.settings import read_presets

    for name in work_names():
        try:
            told = [*wrapped(f"{name}: {summary(name)}", rest="    "),
                    *(line for preset, details in read_presets(FOLDER / name / PRESETS).items()
                      for line in _preset(preset, details))]
        except KitError as error:  # in a folder of somebody's own; the others are listed all the same
            told = [said(f"{name}: cannot be taken: {error}")]
        print("\n".join(told))
    return 0


def _preset(name: str, details: dict[str, Any]) -> list[str]:
    """Hardware and time of a preset, under a name of a fixed width."""
    needs = said(", ").join(said(str(details[key])) for key in ("hardware", "time"))
    return wrapped(needs, f"  {name:13}", " " * 15)


def run_work(arguments: argparse.Namespace) -> int:
    """Train and judge a work, as assignments/NAME/run.py."""
    return work_of(arguments.name).main(arguments.rest)


def draw_figures(arguments: argparse.Namespace) -> int:
    """Draw the figures of a run, as assignments/NAME/figures.py."""
    from assignments.common.figure_scripts import script_of

    place, *rest = arguments.rest or [""]
    if place and not place.startswith("-") and not Path(place).exists():  # the name of a run
        arguments.rest = [str(find_run(place, [arguments.name], ())[0]), *rest]
    return script_of(arguments.name).main(f"Figures of {arguments.name}", arguments.rest)


def predict(arguments: argparse.Namespace) -> int:
    """A trained network at work on pictures of one's own, as assignments/NAME/predict.py."""
    return importlib.import_module(f"assignments.{arguments.name}.predict").main(list(arguments.rest))


def _takes_rest(command: argparse.ArgumentParser, names: Sequence[str]) -> None:
    command.add_argument("name", choices=names)
    command.add_argument("rest", nargs=argparse.REMAINDER, help="options of that script")
