"""CelebA as people have it: aligned images in a folder or in the official zip (read in place), label files as
published (.txt) or as on Kaggle (.csv), all of the 202,599 images or any part of them."""

import os
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_tools.drawing.attributes import ATTRIBUTES
from data_tools.drawing.drawn_set import is_drawn
from data_tools.errors import KitError
from data_tools.files import places
from data_tools.files.image_set import MAX_HEADER, ImageSet, image_size
from data_tools.files.sources import FolderSource, Source, richest
from data_tools.sets.celeba_labels import read_rows, split_header
from data_tools.sets.finder import Finder

SPLITS = ("training", "validation", "test")  # 0, 1 and 2 of list_eval_partition
ATTRIBUTE_FILES = ("list_attr_celeba.txt", "list_attr_celeba.csv")
PARTITION_FILES = ("list_eval_partition.txt", "list_eval_partition.csv")
LABEL_FOLDERS = ("", "Anno/", "anno/", "Eval/", "eval/")  # as in the official tree
TOTAL = 202_599
IMAGE_SIZE = (178, 218)  # width, height as published
CROP = "centre"  # of PackedStore.open: the document's square of 178 x 178 from the middle
SMALLEST_SIDE = 32  # pixels; below it nothing of a face is left
LOOKED_AT = 400  # images whose size is checked, evenly spread: all 202,599 headers would take half a minute
IMAGE_NAME = re.compile(r"\d{6}\.(jpe?g|png)", re.IGNORECASE)
DEPTH = 3  # folders below the given one that are looked into

EXPECTED = ("img_align_celeba (a folder, or img_align_celeba.zip) with list_attr_celeba and list_eval_partition, .txt "
            "or .csv, beside it, all in one folder or in one zip archive")


@dataclass(frozen=True)
class CelebAData:
    """The three splits; labels are uint8 (N, 40), 0 or 1, in the order of `attributes`.

    A split may be empty where only a part of the images is there; `notes` says so. `origin` is "real" (all images of
    the public set), "drawn" (the stand-in drawn by this kit) or "subset".
    """

    training: ImageSet
    validation: ImageSet
    test: ImageSet
    attributes: tuple[str, ...]
    origin: str
    path: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Place:
    """Where things lie: the images' source and their folder in it ("" or ending in /), the label files' source and the
    attribute file in it."""

    images: Source
    prefix: str
    labels: Source
    listing: str


def _read_at(path: Path, strict: bool) -> CelebAData | None:
    """`path`: the data folder, the image folder, a zip archive (with the label files inside or beside it), or a folder
    above.
    """
    place = _place_at(path, strict)
    return None if place is None else read_celeba(place)


def _place_at(path: Path, strict: bool) -> _Place | None:
    """The images and label files at `path`; None where either is missing.

    Where `strict`, a damaged zip or images without label files raise KitError, which otherwise pass for nothing.
    """
    try:
        images = _images_at(path, strict)
        if images is None:
            return None
        source, prefix = images
        labels = _labels_near(source, path, strict)
    except KitError:
        if strict:
            raise
        return None
    if labels is None and strict:
        raise KitError(f"there are CelebA images in {source.path}, but no {ATTRIBUTE_FILES[0]} (or .csv) in it or "
                       f"beside it. Wanted: {EXPECTED}")
    return _Place(source, prefix, *labels) if labels is not None else None


def _images_at(path: Path, strict: bool) -> tuple[Source, str] | None:
    """Source of the images and the folder in it that holds them."""
    folder = None if path.is_file() else _image_folder(path, DEPTH)
    if folder is not None:
        return FolderSource(folder), ""
    source = richest(path, lambda source: _most_images(source)[0], strict)
    return None if source is None else (source, _most_images(source)[1])


def _most_images(source: Source) -> tuple[tuple, str]:
    """What the folder with the images is worth, and that folder; () and "" where there is none."""
    folders = Counter(name[:name.rfind("/") + 1] for name in source.names()
                      if IMAGE_NAME.fullmatch(name, name.rfind("/") + 1))
    if not folders:
        return (), ""
    # img_celeba holds the same names, not aligned
    folder = min(folders, key=lambda name: ("align" not in name.lower(), -folders[name], name))
    return ("align" in f"{Path(source.path).name}/{folder}".lower(), folders[folder]), folder


def _image_folder(folder: Path, depth: int) -> Path | None:
    """The first folder, from here down, that directly holds images; aligned ones come first."""
    below = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if IMAGE_NAME.fullmatch(entry.name):
                    return folder
                if depth and not entry.name.startswith(".") and entry.is_dir():
                    below.append(Path(entry.path))
    except OSError as error:
        raise KitError(f"cannot read {folder}: {error.strerror or error}") from error
    found = (_image_folder(path, depth - 1) for path in sorted(below, key=_align_first))
    return next((path for path in found if path is not None), None)


def _align_first(path: Path) -> tuple[bool, str]:
    return "align" not in path.name.lower(), str(path)


def _labels_near(source: Source, given: Path, strict: bool) -> tuple[Source, str] | None:
    """What has the attribute file, and that: the archive itself, the given folder, the images' folder or above it, or
    archives beside them.
    """
    images = Path(source.path)
    candidates: list[Source] = [] if isinstance(source, FolderSource) else [source]
    candidates += [_LabelFolder(folder) for folder in (given, images, *list(images.parents)[:DEPTH]) if folder.is_dir()]
    for labels in candidates:
        listing = _label_file(labels, ATTRIBUTE_FILES)
        if listing is not None:
            return labels, listing
    beside = richest(given if given.is_dir() else given.parent, _label_files, strict)
    return None if beside is None else (beside, str(_label_file(beside, ATTRIBUTE_FILES)))


def _label_files(source: Source) -> int:
    """How many of the two a source has, 0 without the attributes."""
    attributes, partition = (_label_file(source, files) is not None for files in (ATTRIBUTE_FILES, PARTITION_FILES))
    return attributes + (attributes and partition)


class _LabelFolder(FolderSource):
    """The label files in a folder and its LABEL_FOLDERS: whatever else is there, images above all, is not listed."""

    def names(self) -> list[str]:
        wanted = (*ATTRIBUTE_FILES, *PARTITION_FILES)
        candidates = [f"{inside}{name}" for inside in LABEL_FOLDERS for name in wanted]
        return [name for name in candidates if os.path.isfile(os.path.join(self.path, name))]


def _label_file(source: Source, wanted: tuple[str, ...]) -> str | None:
    """The uppermost file of these names; .txt before .csv."""
    found = [name for name in source.names() if name.endswith(wanted) and name.rsplit("/", 1)[-1] in wanted]
    return min(found, key=lambda name: (name.count("/"), wanted.index(name.rsplit("/", 1)[-1]), name), default=None)


def read_celeba(place: _Place) -> CelebAData:
    """Read and check the set; KitError where its files contradict each other."""
    notes: list[str] = []
    numbers, labels = _read_attributes(place.labels, place.listing, notes)
    partition = _read_partition(place.labels, numbers)
    names = _image_names(place)
    there = np.array([int(name[-10:-4] if name[-4] == "." else name[-11:-5]) for name in names], np.int64)
    there, chosen = np.unique(there, return_index=True)  # a .jpg and a .png of one number count once
    order = np.argsort(numbers)
    row = np.searchsorted(numbers, there, sorter=order)
    row = order[np.minimum(row, len(numbers) - 1)]
    listed = numbers[row] == there
    if not listed.any():
        raise KitError(f"none of the {len(names):,} images in {place.images.path} is listed in "
                       f"{place.listing} of {place.labels.path}; they belong to other sets")
    if not listed.all():
        notes.append(f"{np.sum(~listed):,} images have no labels and are left out, the first is "
                     f"{names[chosen[~listed][0]]}")
    chosen, row = chosen[listed], row[listed]
    notes.append(f"{len(row):,} of the {len(numbers):,} listed images are there (all of CelebA: {TOTAL:,})")
    sets = {}
    for code, split in enumerate(SPLITS):
        mine = np.flatnonzero(partition[row] == code)
        sets[split] = ImageSet(split, place.images, tuple(names[i] for i in chosen[mine]), labels[row[mine]])
        if not len(mine):
            notes.append(f"the {split} split has no image")
    drawn = is_drawn(place.images, names[:1]) or is_drawn(place.labels, [place.listing])
    origin = "drawn" if drawn else "real" if len(row) == TOTAL else "subset"
    if origin == "real":
        notes.clear()
    notes += _check_sizes(place.images, [names[i] for i in chosen])
    return CelebAData(**sets, attributes=ATTRIBUTES, origin=origin, path=place.images.path, notes=tuple(notes))


def _read_attributes(source: Source, name: str, notes: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Image numbers (N,) and labels (N, 40) uint8 in CelebA's order, whatever the order of the file's columns."""
    file = f"{name} in {source.path}"
    claimed, columns, rows, line = split_header(source.read(name), file, "image_id")
    problems = [f"{what} {', '.join(some[:5])}{' ...' * (len(some) > 5)}" for what, some in (
        ("lacks", [a for a in ATTRIBUTES if a not in columns]),
        ("has the unknown", [a[:40] for a in columns if a not in ATTRIBUTES]),
        ("twice has", sorted({a for a in columns if columns.count(a) > 1}))) if some]
    if problems:
        raise KitError(f"the header of {file} {' and '.join(problems)}; wanted are the 40 attributes of CelebA: "
                       "fetch the file again")
    numbers, values = read_rows(rows, file, columns, {"1": 1, "-1": 0}, line)
    if claimed not in (None, len(numbers)):
        notes.append(f"{name} says that it lists {claimed:,} images and lists {len(numbers):,}")
    in_order = [columns.index(attribute) for attribute in ATTRIBUTES]
    return numbers, values if in_order == sorted(in_order) else np.ascontiguousarray(values[:, in_order])


def _read_partition(source: Source, numbers: np.ndarray) -> np.ndarray:
    """0, 1 or 2 for each of `numbers`; KitError where the file lists other images."""
    name = _label_file(source, PARTITION_FILES)
    if name is None:
        raise KitError(f"{source.path} has no {PARTITION_FILES[0]} (or .csv), which says which image is for training, "
                       "validation and test; fetch it too")
    file = f"{name} in {source.path}"
    _, _, rows, line = split_header(source.read(name), file, "image_id")
    listed, codes = read_rows(rows, file, ["partition"], {"0": 0, "1": 1, "2": 2}, line)
    if np.array_equal(listed, numbers):
        return codes[:, 0]
    different = np.setxor1d(listed, numbers)
    if len(different):
        first = different[0]
        lacking = ("the attribute file", "the partition")[int(first in numbers)]
        raise KitError(f"{file} does not match the attribute file: {len(different):,} images stand in one of them "
                       f"only, the first is {first:06}.jpg, which {lacking} lacks; fetch both from the same place")
    place = np.argsort(listed)
    return codes[place[np.searchsorted(listed, numbers, sorter=place)], 0]


def _image_names(place: _Place) -> list[str]:
    if not isinstance(place.images, FolderSource):
        start = len(place.prefix)
        return [name for name in place.images.names()
                if name.startswith(place.prefix) and IMAGE_NAME.fullmatch(name, start)]
    return sorted(name for name in os.listdir(place.images.path) if IMAGE_NAME.fullmatch(name))


def _check_sizes(source: Source, names: list[str]) -> list[str]:
    """A note on how many of LOOKED_AT images are not of CelebA's size; KitError for one too small to use."""
    seen = names
    if len(names) > LOOKED_AT:
        seen = [names[row] for row in np.linspace(0, len(names) - 1, LOOKED_AT, dtype=int)]
    others = {}
    for name in seen:
        size = image_size(source.head(name, MAX_HEADER))
        if size == (0, 0):  # damaged; packing names all of these
            continue
        if min(size) < SMALLEST_SIDE:
            raise KitError(f"{name} in {source.path} is {size[0]}x{size[1]}, smaller than {SMALLEST_SIDE} pixels; "
                           f"CelebA's aligned images are {IMAGE_SIZE[0]}x{IMAGE_SIZE[1]}")
        if size != IMAGE_SIZE:
            others[name] = size
    if not others:
        return []
    name, size = next(iter(others.items()))
    return [f"{len(others):,} of {len(seen):,} images looked at are not {IMAGE_SIZE[0]}x{IMAGE_SIZE[1]}, for example "
            f"{name} is {size[0]}x{size[1]}; the middle square of each is used"]


FINDER = Finder(
    name="CelebA", pictures="CelebA", wanted=EXPECTED, sample="celeba",
    variable="CELEBA_DATA", read=_read_at, places=(
        "data/[cC]eleb[aA]*",
        f"{places.data()}/[cC]eleb[aA]*",
        "~/data/[cC]eleb[aA]*",
        "data/*[cC]eleb[aA]*",
        "~/data/*[cC]eleb[aA]*",
        "~/data/data*/*[cC]eleb[aA]*",  # AI Studio mounts a data set as ~/data/dataNNNNN/
        "~/work/data*/*[cC]eleb[aA]*",
        "~/data/data*",
        "~/work/data*",
    ))
find_celeba, find_or_draw = FINDER.find, FINDER.find_or_draw
