"""A run as export, submit and release are told of it: by its folder, or by the name of its assignment."""

import re
from collections.abc import Sequence
from pathlib import Path

from assignments.common.summary import again
from data_tools.errors import KitError
from data_tools.files.places import expand


def find_run(target: str, names: Sequence[str], needed: Sequence[str]) -> tuple[Path, str]:
    """(run folder, assignment): `target` is a run folder; its name, or how that ends, under runs/; or one of the
    assignments `names`: of its runs the best finished one of the fullest preset is taken, and a line says so.

    needed: files that it has to have. KitError where one is missing, with the command that finishes the run.
    """
    from reports.run_list import best_run, taken
    from reports.run_reader import Run

    run = expand(target)
    if not (run / "config.yaml").is_file():
        if target in names:
            run, why = best_run(target)
            print(taken(run, why), flush=True)
        else:
            run = named_run(target, names)
    name = Run(run, target).config.get("assignment")
    if name not in names:
        raise KitError(f"{run / 'config.yaml'}: {str(name)[:60]!r} is no assignment of this kit; there are "
                       f"{', '.join(names)}")
    missing = [file for file in needed if not (run / file).is_file()]
    if missing:
        raise KitError(f"{run} has no {missing[0]}: the run has not finished. Finish it with\n"
                       f"{again(str(name), run)}")
    return run, str(name)


def named_run(name: str, works: Sequence[str]) -> Path:
    """The run of one of the works whose folder is called `name`, or ends so after its time; KitError unless it is one.
    """
    from reports.run_list import runs_of

    wanted = re.compile(rf"(\d{{8}}-\d{{6}}-)?{re.escape(name)}")
    found = [run.path for work in works for run in runs_of(work) if wanted.fullmatch(run.path.name)]
    if len(found) > 1:
        raise KitError(f"{name} may be one of {', '.join(map(str, found))}; name its folder")
    if not found:
        raise KitError(f"{name} is neither an assignment ({', '.join(works)}) nor a run folder: config.yaml is missing")
    return found[0]
