"""Which image sets a run trains on, chooses by and is judged on."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data_tools.drawing.drawn_set import is_drawn
from data_tools.errors import BadFile, KitError
from data_tools.files.image_set import ImageSet
from data_tools.files.places import expand, real_places, sample_folder
from data_tools.sets.finder import as_last_resort
from data_tools.sets.photographs import find_photographs
from data_tools.sets.samples import draw_sample
from data_tools.sets.super_resolution import SETS, find_set, read_images

# Where the sets are looked for without --data, in this order; the variable comes before all of them.
VARIABLE = "SUPER_RESOLUTION_DATA"
SEARCH_PLACES = ("data/super-resolution", "data/DIV2K*", "data", "~/data/super-resolution", "~/data/data*",
                 "~/work/data*")

MOST_GRADED = 8  # test sets of one submission


@dataclass(frozen=True)
class ImageSets:
    """origin: "real", "subset" (the few photographs of packages) or "drawn". Each part is a tuple of sets; none is
    empty."""

    training: tuple[ImageSet, ...]
    validation: tuple[ImageSet, ...]
    test: tuple[ImageSet, ...]
    origin: str
    path: str
    notes: tuple[str, ...]


def find_sets(settings) -> ImageSets:
    """The sets that the settings name, in settings.data or the first of the usual places that holds the first training
    set.

    Drawn ones, and a note that says so, where no place does.
    """
    if settings.data == "sample":
        return _drawn(settings)
    if settings.data == "photographs":
        return ImageSets(**find_photographs(), origin="subset", path="photographs", notes=(
            "photographs that scikit-image, scikit-learn and imgaug bring",))
    if settings.data:
        return _in(expand(settings.data), settings)
    found = find_place(settings.train_sets[0])
    if found is not None:
        return _in(found.path, settings)
    return as_last_resort(_drawn(settings), f"training set {settings.train_sets[0]}", VARIABLE, SEARCH_PLACES)


def graded_sets(settings) -> ImageSets:
    """The sets of settings.data, of which the test sets count: known ones that are there, never folders of a
    submission."""
    unknown = [name for name in settings.test_sets if name not in SETS]
    if unknown or len(settings.test_sets) > MOST_GRADED:
        raise BadFile("bad-file", "config.yaml: setting test_sets: "
                                  f"{unknown[0] if unknown else len(settings.test_sets)!s:.60} is not graded; known "
                                  f"sets are {', '.join(SETS)}")

    def there(name: str) -> bool:
        try:
            return bool(find_set(name, *([expand(settings.data)] if settings.data else search_places())))
        except KitError:
            return False

    drawn = settings.data in ("sample", "photographs")
    names = settings.test_sets if drawn else [name for name in settings.test_sets if there(name)] or settings.test_sets
    try:
        return find_sets(replace(settings, train_sets=names[:1], validation_sets=names[:1], test_sets=names))
    except KitError as error:
        raise BadFile("other-data", str(error)) from None  # of a submission: sets that the grader does not have


class Place(NamedTuple):
    """Where a set was found, and whether it is "real" or "drawn"."""

    path: Path
    origin: str


def find_place(name: str) -> Place | None:
    """The first of the search places that holds the set `name`, a known one or a folder; None where none does."""
    for place in search_places():
        try:
            return Place(place, _origin(_set(name, place)))
        except KitError:
            continue
    return None


def search_places() -> list[Path]:
    """What is there of $SUPER_RESOLUTION_DATA and SEARCH_PLACES."""
    named = os.environ.get(VARIABLE)
    return ([expand(named)] if named else []) + list(real_places(SEARCH_PLACES))


def _in(place: Path, settings) -> ImageSets:
    if not place.exists():
        raise KitError(f"--data {place}: there is nothing; give a folder that holds {', '.join(settings.train_sets)}, "
                       f"or "
                       "\"sample\" for drawn pictures")
    training = tuple(_set(name, place) for name in settings.train_sets)
    test = tuple(_set(name, place) for name in settings.test_sets)
    notes = tuple(f"{images.name} has {len(images)} images, {SETS[images.name].count} were published"
                  for images in (*training, *test) if images.name in SETS and SETS[images.name].count != len(images))
    origin = _origin(*training, *test)
    training, left_out = zip(*(_without(images, settings.leave_out) for images in training))
    notes += tuple(f"{images.name}: {', '.join(names)} left out of training (setting leave_out)"
                   for images, names in zip(training, left_out) if names)
    if settings.validation_sets:
        return ImageSets(training, tuple(_set(name, place) for name in settings.validation_sets), test, origin,
                         str(place), notes)
    training, validation = _hold_out(training, settings.holdout, settings.seed)
    return ImageSets(training, validation, test, origin, str(place), notes)


def _without(images: ImageSet, unwanted: list[str]) -> tuple[ImageSet, list[str]]:
    """The set without the images of these names, and those that it had."""
    left_out = [name for name in images.names if Path(name).stem in unwanted]
    kept = np.array([row for row, name in enumerate(images.names) if name not in left_out], np.int64)
    return (_part(images, kept), left_out) if left_out else (images, [])


def _origin(*sets: ImageSet) -> str:
    return "drawn" if any(is_drawn(images.source, images.names) for images in sets) else "real"


def _drawn(settings) -> ImageSets:
    folder = draw_sample("textures", sample_folder("textures"))
    training, validation = _hold_out((read_images(folder / "train", "drawn textures"),), settings.holdout,
                                     settings.seed)
    return ImageSets(training, validation, (read_images(folder / "test", "drawn test"),), "drawn", str(folder), ())


def _set(name: str, place: Path) -> ImageSet:
    """A known set by its name, or any folder of images by its path."""
    return find_set(name, place) if name in SETS else read_images(name if Path(name).exists() else place / name)


def _hold_out(sets: tuple[ImageSet, ...], share: float, seed: int) -> tuple[tuple[ImageSet, ...], tuple[ImageSet, ...]]:
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
