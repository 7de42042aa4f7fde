"""A few photographs that come inside packages which the kit needs anyway: a set to try super-resolution on without a
download. They are read where they lie; each package names their origin and terms (all may be used freely).
"""

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np

from data_tools.errors import KitError
from data_tools.files.image_set import ImageSet
from data_tools.files.sources import FolderSource

# part -> module -> files in its folder. Judged are four of one package, so that they make one set.
FILES: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType({
    "training": {
        "skimage": tuple(f"data/{name}" for name in (
            "astronaut.png", "brick.png", "grass.png", "gravel.png", "hubble_deep_field.jpg", "ihc.png",
            "motorcycle_left.png", "retina.jpg", "rocket.jpg")),
        "sklearn": ("datasets/images/china.jpg",),
        "imgaug": ("quokka.jpg",),
    },
    "validation": {"sklearn": ("datasets/images/flower.jpg",)},
    "test": {"skimage": ("data/chelsea.png", "data/coffee.png", "data/camera.png", "data/clock_motion.png")},
})


def find_photographs() -> dict[str, tuple[ImageSet, ...]]:
    """{"training", "validation", "test"}: one set for each package. KitError where a package lacks a file."""
    return {part: tuple(_of_package(module, files, part) for module, files in modules.items())
            for part, modules in FILES.items()}


def _of_package(module: str, files: tuple[str, ...], part: str) -> ImageSet:
    spec = importlib.util.find_spec(module)  # finds it without the seconds of importing it
    folder = Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else None
    missing = [name for name in files if folder is None or not (folder / name).is_file()]
    if folder is None or missing:
        raise KitError(f"the package {module} does not bring {', '.join(missing)}; pip install -r requirements.txt, or "
                       "take --data sample for drawn pictures")
    name = "photographs" if part == "test" else f"photographs ({module})"
    return ImageSet(name, FolderSource(folder), files, np.zeros(len(files), np.int64))
