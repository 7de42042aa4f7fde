"""Where things lie: the project's own folder, its cache, its runs, its data, and where people keep theirs.

Nothing else in the kit asks where it stands. Each place can be moved by a variable of the environment.
"""

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

PROJECT_ROOT = Path(__file__).resolve().parents[2]


def cache(name: str = "") -> Path:
    """Folder `name` of what can be made again: in $KIT_CACHE, else in .cache of the project."""
    return _place("KIT_CACHE", ".cache") / name


def runs() -> Path:
    """Where run folders are made: $KIT_RUNS, else runs/ of the project."""
    return _place("KIT_RUNS", "runs")


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


def as_last_resort(drawn: Any, what: str, variable: str, patterns: Sequence[str]) -> Any:
    """The drawn set (a dataclass with `notes`) with a first note on why it is taken: `what` was found in no place."""
    looked = ", ".join(pattern for pattern in patterns if not pattern.startswith(str(PROJECT_ROOT)))
    note = f"no {what} found: DRAWN pictures are used; name real ones with --data PATH (looked in ${variable}, {looked})"
    return replace(drawn, notes=(note, *drawn.notes))
