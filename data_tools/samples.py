"""The sets that the kit can draw, by name; each is imported only when it is asked for."""

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from data_tools.errors import KitError

SAMPLES = ("monkeys", "celeba", "textures", "glasses")
PROJECT_ROOT = Path(__file__).resolve().parents[1]


def sample_folder(name: str) -> Path:
    """Where a drawn set lies unless told otherwise: drawn-NAME in $KIT_SAMPLES, else in data/ of the project."""
    return Path(os.environ.get("KIT_SAMPLES", PROJECT_ROOT / "data")) / f"drawn-{name}"


def real_places(patterns: Sequence[str]) -> Iterator[Path]:
    """What is there of the patterns (~ is the home folder), in their order; folders and archives called drawn-... are not."""
    for pattern in patterns:
        for found in sorted(glob.glob(os.path.expanduser(pattern))):
            if not os.path.basename(found).startswith("drawn-"):
                yield Path(found)


def as_last_resort(drawn: Any, what: str, variable: str, patterns: Sequence[str]) -> Any:
    """The drawn set (a dataclass with `notes`) with a first note that says why it is taken: `what` was found in no place."""
    looked = ", ".join(pattern for pattern in patterns if not pattern.startswith(str(PROJECT_ROOT)))
    note = f"no {what} found: DRAWN pictures are used; name real ones with --data PATH (looked in ${variable}, {looked})"
    return replace(drawn, notes=(note, *drawn.notes))


def draw_sample(name: str, folder: str | Path | None = None, seed: int = 0, count: int | None = None,
                progress: bool = True) -> Path:
    """Draw the set `name` into `folder` and return it; `count` faces for celeba (labelled ones for glasses) or
    training pictures for textures.

    KitError for an unknown name.
    """
    if name not in SAMPLES:
        raise KitError(f"there is no drawn set called {name}; known are {', '.join(SAMPLES)}")
    folder = folder or sample_folder(name)
    if name == "celeba":
        from data_tools.celeba_sample import COUNT, draw_celeba

        return draw_celeba(folder, count=COUNT if count is None else count, seed=seed, progress=progress)
    if name == "glasses":
        from data_tools.glasses_sample import COUNT, draw_glasses

        return draw_glasses(folder, count=COUNT if count is None else count, seed=seed, progress=progress)
    if name == "textures":
        from data_tools.texture_sample import COUNT, draw_textures

        return draw_textures(folder, count=COUNT if count is None else count, seed=seed, progress=progress)
    if count is not None:
        raise KitError(f"the drawn {name} are always of one number; leave out --count {count}")
    from data_tools.monkey_sample import draw_monkeys

    return draw_monkeys(folder, seed=seed, progress=progress)
