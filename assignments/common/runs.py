"""A run as export, submit and release are told of it: by its folder, or by the name of its assignment."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from data_tools.errors import KitError
from data_tools.files.places import expand


def find_run(target: str, names: Sequence[str], needed: Sequence[str]) -> tuple[Path, str]:
    """(run folder, assignment): `target` is a run folder, or one of the assignments `names`, whose newest run is taken.

    needed: files that it has to have. KitError where one is missing, with the command that finishes the run.
    """
    from reports.run_reader import Run, latest_run

    run = expand(target)
    if not (run / "config.yaml").is_file():
        if target not in names:
            raise KitError(f"{target} is neither an assignment ({', '.join(names)}) nor a run folder: config.yaml is "
                           f"missing")
        run = latest_run(target)
    name = Run(run, target).config.get("assignment")
    if name not in names:
        raise KitError(f"{run / 'config.yaml'}: {str(name)[:60]!r} is no assignment of this kit; there are "
                       f"{', '.join(names)}")
    missing = [file for file in needed if not (run / file).is_file()]
    if missing:
        raise KitError(f"{run} has no {missing[0]}: the run has not finished. Finish it with\n"
                       f"    python assignments/{name}/run.py --resume {shlex.quote(str(run))}")
    return run, str(name)
