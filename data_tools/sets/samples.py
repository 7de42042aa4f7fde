"""The sets that the kit can draw, by name; each is imported only when it is asked for."""

import importlib
from pathlib import Path

from data_tools.errors import KitError
from data_tools.files.places import sample_folder

# name: the module that draws it, its function, and whether its number of pictures can be chosen
SAMPLES = {
    "monkeys": ("monkey_sample", "draw_monkeys", False),
    "celeba": ("celeba_sample", "draw_celeba", True),
    "textures": ("texture_sample", "draw_textures", True),
    "glasses": ("glasses_sample", "draw_glasses", True),
}


def draw_sample(name: str, folder: str | Path | None = None, seed: int = 0, count: int | None = None,
                progress: bool = True) -> Path:
    """Draw the set `name` into `folder` and return it; `count` faces for celeba (labelled ones for glasses) or
    training pictures for textures.

    KitError for an unknown name.
    """
    if name not in SAMPLES:
        raise KitError(f"there is no drawn set called {name}; known are {', '.join(SAMPLES)}")
    module, function, counted = SAMPLES[name]
    if count is not None and not counted:
        raise KitError(f"the drawn {name} are always of one number; leave out --count {count}")
    draw = getattr(importlib.import_module(f"data_tools.drawing.{module}"), function)
    number = {} if count is None else {"count": count}
    return draw(Path(folder or sample_folder(name)), seed=seed, progress=progress, **number)
