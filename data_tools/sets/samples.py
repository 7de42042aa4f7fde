"""The sets that the kit can draw, by name; each is imported only when it is asked for."""

from pathlib import Path

from data_tools.errors import KitError
from data_tools.files.places import sample_folder

SAMPLES = ("monkeys", "celeba", "textures", "glasses")


def draw_sample(name: str, folder: str | Path | None = None, seed: int = 0, count: int | None = None,
                progress: bool = True) -> Path:
    """Draw the set `name` into `folder` and return it; `count` faces for celeba (labelled ones for glasses) or
    training pictures for textures.

    KitError for an unknown name.
    """
    if name not in SAMPLES:
        raise KitError(f"there is no drawn set called {name}; known are {', '.join(SAMPLES)}")
    folder = Path(folder or sample_folder(name))
    if name == "celeba":
        from data_tools.drawing.celeba_sample import COUNT, draw_celeba

        return draw_celeba(folder, count=COUNT if count is None else count, seed=seed, progress=progress)
    if name == "glasses":
        from data_tools.drawing.glasses_sample import COUNT, draw_glasses

        return draw_glasses(folder, count=COUNT if count is None else count, seed=seed, progress=progress)
    if name == "textures":
        from data_tools.drawing.texture_sample import COUNT, draw_textures

        return draw_textures(folder, count=COUNT if count is None else count, seed=seed, progress=progress)
    if count is not None:
        raise KitError(f"the drawn {name} are always of one number; leave out --count {count}")
    from data_tools.drawing.monkey_sample import draw_monkeys

    return draw_monkeys(folder, seed=seed, progress=progress)
