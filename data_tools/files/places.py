"""Where things lie: the project's own folder, its cache, its runs, its data, and where people keep theirs.

Nothing else in the kit asks where it stands. Each place can be moved by a variable of the environment.
"""

import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from data_tools.errors import KitError

PROJECT_ROOT = Path(__file__).resolve().parents[2]


def cache(name: str = "") -> Path:
    """Folder `name` of what can be made again: in $KIT_CACHE, else in .cache of the project."""
    return _place("KIT_CACHE", ".cache") / name


def runs() -> Path:
    """Where run folders are made: $KIT_RUNS, else runs/ of the project."""
    return _place("KIT_RUNS", "runs")


def report() -> Path:
    """Where the report is written: $KIT_REPORT, else reports/out of the project."""
    return _place("KIT_REPORT", "reports/out")


def data() -> Path:
    """Where data sets are fetched to: data/ of the project."""
    return PROJECT_ROOT / "data"


def sample_folder(name: str) -> Path:
    """Where a drawn set lies unless told otherwise: drawn-NAME in $KIT_SAMPLES, else in data/ of the project."""
    return _place("KIT_SAMPLES", "data") / f"drawn-{name}"


def _place(variable: str, default: str) -> Path:
    return expand(os.environ.get(variable) or PROJECT_ROOT / default)


def expand(path: str | Path) -> Path:
    """The path with ~ and ~USER replaced by the home folder; KitError where that is unknown."""
    expanded = os.path.expanduser(path)
    if expanded.startswith("~") and not os.path.lexists(expanded):
        user = expanded.split("/")[0]
        how = "set the variable HOME" if user == "~" else f"there is no user {user[1:]}"
        raise KitError(f"{path}: the home folder {user} is unknown; {how}, or give a path without ~ "
                       f"(./{path} for a file of that name)")
    return Path(expanded)


def short_path(path: Path) -> str:
    """A path as short as it goes: relative to the current folder when inside it."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def nearest(folder: Path) -> Path:
    """A folder, else the nearest one above it that is there: where it will lie."""
    folder = expand(folder).absolute()
    return next(there for there in (folder, *folder.parents) if there.exists())


def real_places(patterns: Sequence[str]) -> Iterator[Path]:
    """What is there of the patterns (~ is the home folder), in their order; what is called drawn-... is not."""
    for pattern in patterns:
        home = os.path.expanduser(pattern)  # of a user without home it stays as it is and is nowhere
        for found in sorted(glob.glob(home)) if not home.startswith("~") else ():
            if not os.path.basename(found).startswith("drawn-"):
                yield Path(found)
