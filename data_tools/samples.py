"""The sets that the kit can draw, by name; each is imported only when it is asked for."""

import os
from pathlib import Path

from data_tools.errors import KitError

SAMPLES = ("monkeys", "celeba", "textures", "glasses")
PROJECT_ROOT = Path(__file__).resolve().parents[1]


def sample_folder(name: str) -> Path:
    """Where a drawn set lies unless told otherwise: drawn-NAME in $KIT_SAMPLES, else in data/ of the project."""
    return Path(os.environ.get("KIT_SAMPLES", PROJECT_ROOT / "data")) / f"drawn-{name}"


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
