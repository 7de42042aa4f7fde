"""Which image sets a run trains on, chooses by and is judged on."""

import glob
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import List, Tuple

import numpy as np

from data_tools.errors import KitError
from data_tools.image_set import ImageSet
from data_tools.photographs import find_photographs
from data_tools.samples import draw_sample, sample_folder
from data_tools.super_resolution import SETS, find_set, read_images

# Where the sets are looked for without --data, in this order; $SUPER_RESOLUTION_DATA comes before all of them.
SEARCH_PLACES = ("data/super-resolution", "data/DIV2K*", "data", "~/data/super-resolution", "~/data/data*", "~/work/data*")


@dataclass(frozen=True)
class ImageSets:
    """origin: "real", "subset" (the few photographs of packages) or "drawn". Each part is a tuple of sets; none is empty."""

    training: Tuple[ImageSet, ...]
    validation: Tuple[ImageSet, ...]
    test: Tuple[ImageSet, ...]
    origin: str
    path: str
    notes: Tuple[str, ...]


def find_sets(settings) -> ImageSets:
    """The sets that the settings name, in settings.data or the usual places; drawn ones where there are none."""
    if settings.data == "sample":
        return _drawn(settings)
    if settings.data == "photographs":
        return ImageSets(**find_photographs(), origin="subset", path="photographs", notes=(
            "photographs that scikit-image, scikit-learn and imgaug bring",))
    if settings.data:
        return _in(Path(settings.data).expanduser(), settings)
    for place in search_places():
        try:
            find_set(settings.train_sets[0], place)
        except KitError:
            continue
        return _in(place, settings)
    return _drawn(settings)


def search_places() -> List[Path]:
    """Folders that are there, of $SUPER_RESOLUTION_DATA and SEARCH_PLACES."""
    named = os.environ.get("SUPER_RESOLUTION_DATA")
    patterns = ([named] if named else []) + [os.path.expanduser(pattern) for pattern in SEARCH_PLACES]
    return [Path(path) for pattern in patterns for path in sorted(glob.glob(pattern))]


def _in(place: Path, settings) -> ImageSets:
    if not place.exists():
        raise KitError(f"--data {place}: there is nothing; give a folder that holds {', '.join(settings.train_sets)}, or "
                       "\"sample\" for drawn pictures")
    training = tuple(_set(name, place) for name in settings.train_sets)
    test = tuple(_set(name, place) for name in settings.test_sets)
    notes = tuple(f"{images.name} has {len(images)} images, {SETS[images.name].count} were published"
                  for images in (*training, *test) if images.name in SETS and SETS[images.name].count != len(images))
    if settings.validation_sets:
        return ImageSets(training, tuple(_set(name, place) for name in settings.validation_sets), test, "real", str(place), notes)
    training, validation = _hold_out(training, settings.holdout, settings.seed)
    return ImageSets(training, validation, test, "real", str(place), notes)


def _drawn(settings) -> ImageSets:
    folder = draw_sample("textures", sample_folder("textures"))
    training, validation = _hold_out((read_images(folder / "train", "drawn textures"),), settings.holdout, settings.seed)
    return ImageSets(training, validation, (read_images(folder / "test", "drawn test"),), "drawn", str(folder), ())


def _set(name: str, place: Path) -> ImageSet:
    """A known set by its name, or any folder of images by its path."""
    return find_set(name, place) if name in SETS else read_images(name if Path(name).exists() else place / name)


def _hold_out(sets: Tuple[ImageSet, ...], share: float, seed: int) -> Tuple[Tuple[ImageSet, ...], Tuple[ImageSet, ...]]:
    """(kept, held): of each set the share that chooses the best weights, at least one image."""
    kept, held = [], []
    for images in sets:
        order = np.random.default_rng(seed).permutation(len(images))
        count = max(1, round(share * len(images)))
        held.append(_part(images, order[:count]))
        kept.append(_part(images, order[count:]))
    return tuple(kept), tuple(held)


def _part(images: ImageSet, rows: np.ndarray) -> ImageSet:
    rows = np.sort(rows)
    if not len(rows):
        raise KitError(f"{images.name} has {len(images)} image(s), too few to hold one out; name a validation set")
    return replace(images, names=tuple(images.names[row] for row in rows), labels=images.labels[rows])
