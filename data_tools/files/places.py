"""Where things lie: the project's own folder, its cache, its runs, its data, and where people keep theirs.

Nothing else in the kit asks where it stands. Each place can be moved by a variable of the environment.
"""

import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

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
    return Path(os.environ.get(variable) or PROJECT_ROOT / default).expanduser()


def real_places(patterns: Sequence[str]) -> Iterator[Path]:
    """What is there of the patterns (~ is the home folder), in their order; what is called drawn-... is not."""
    for pattern in patterns:
        for found in sorted(glob.glob(os.path.expanduser(pattern))):
            if not os.path.basename(found).startswith("drawn-"):
                yield Path(found)
