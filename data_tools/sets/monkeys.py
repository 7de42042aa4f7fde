"""The 10 Monkey Species set as people have it: folder, doubled folder, zip archive, or a place above.

A class folder is recognised by its place, `.../training/n3/` or `.../validation/n3/`, an image by its first
bytes: a missing dot (`n9151jpg`) or a wrong suffix loses nothing.
"""

import shlex
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_tools.drawing.drawn_set import is_drawn
from data_tools.errors import KitError
from data_tools.files import places
from data_tools.files.image_set import ImageSet, image_format, suffix_format
from data_tools.files.sources import Source, richest
from data_tools.sets.class_folders import find_classes
from data_tools.sets.finder import Finder

SPLITS = ("training", "validation")
FOLDERS = tuple(f"n{i}" for i in range(10))
COMMON_NAMES = (
    "mantled_howler", "patas_monkey", "bald_uakari", "japanese_macaque", "pygmy_marmoset",
    "white_headed_capuchin", "silvery_marmoset", "common_squirrel_monkey", "black_headed_night_monkey",
    "nilgiri_langur",
)
LABELS_FILE = "monkey_labels.txt"
REAL_COUNTS = (1097, 272)

EXPECTED = ("training/n0..n9 and validation/n0..n9, in a folder or in one or several zip archives (an outer or doubled "
            "folder such as training/training/n0 is fine)")


@dataclass(frozen=True)
class MonkeyData:
    """Both splits. `classes` are the ten common names, index i for folder n{i}.

    `origin` is "real" (all images of the public set), "drawn" (the stand-in drawn by this kit) or "subset".
    """

    training: ImageSet
    validation: ImageSet
    classes: tuple[str, ...]
    origin: str
    path: str
    notes: tuple[str, ...]


def _read_at(path: Path, strict: bool) -> MonkeyData | None:
    """`path`: the data folder, zip archives, one of the split folders, or a folder above."""
    source = richest(path.parent if path.name in SPLITS and path.is_dir() else path, _count, strict)
    if source is None and strict:
        _refuse_own_classes(path)
    return None if source is None else read_monkeys(source)


def _refuse_own_classes(path: Path) -> None:
    """KitError where there are class folders of other names, with what to do with them."""
    if names := _own_classes(path):
        raise KitError(f"{path} holds no 10 Monkey Species set but {len(names)} folders of images of your own: "
                       f"{_some(names, 5)}. A work of your own trains on them:\n"
                       f"    python -m assignments new NAME --like images\n"
                       f"    python -m assignments run NAME --data {shlex.quote(str(path))}")


def _own_classes(path: Path) -> list[str]:
    """Names of class folders of somebody's own, none where there are no two."""
    try:
        return list(find_classes(path)[1])
    except KitError:  # no images at all, which the caller says, or one folder
        return []


def holds_own_classes(path: Path) -> bool:
    """Whether there are class folders, but not those of the monkeys."""
    path = places.expand(path)
    return path.exists() and richest(path, _count, strict=False) is None and bool(_own_classes(path))


def _count(source: Source) -> int:
    """Files in the class folders that are read."""
    names = source.names()
    listings = [_split_files(names, split, [])[1] for split in SPLITS]
    return sum(len(listing.get(folder, ())) for listing in listings for folder in FOLDERS)


def _place(name: str) -> tuple[str, str, str] | None:
    """(path of the split folder, split, what stands between it and the file), None outside both splits."""
    parts = name.split("/")
    for i in range(len(parts) - 2, -1, -1):
        if parts[i].lower() in SPLITS:
            return "/".join(parts[:i + 1]), parts[i].lower(), "/".join(parts[i + 1:-1])
    return None


def read_monkeys(source: Source) -> MonkeyData:
    """Read and check the set in `source`; KitError with everything that is wrong with it."""
    names = source.names()
    notes: list[str] = []
    problems: list[str] = []
    files = {}
    for split in SPLITS:
        root, listing = _split_files(names, split, notes)
        files[split] = _sort_files(source, root, split, listing, notes, problems)
    classes, listed = _read_labels(source, names, notes, problems)
    if problems:
        raise KitError(f"the data at {source.path} does not fit together:\n  - " + "\n  - ".join(problems) +
                       f"\nWanted: {EXPECTED}. Move or rename what is named above, or fetch it again.")
    sets = {split: _image_set(source, split, files[split]) for split in SPLITS}
    counts = tuple(len(sets[split]) for split in SPLITS)
    for split, count in zip(SPLITS, counts):
        if listed and count not in listed[split]:
            notes.append(f"{split}: {count} images, {LABELS_FILE} lists {listed[split][-1]}")
    origin = _origin(sets, counts)
    return MonkeyData(sets["training"], sets["validation"], classes, origin, source.path, tuple(notes))


def _split_files(names: list[str], split: str, notes: list[str]) -> tuple[str, dict[str, list[str]]]:
    """The split's folder with the most classified files, and its files by the folder they stand in."""
    by_root: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for name in names:
        place = _place(name)
        if place is not None and place[1] == split:
            by_root[place[0]][place[2]].append(name)
    if not by_root:
        return split, {}

    def rank(root: str) -> tuple:
        return -sum(len(by_root[root].get(folder, ())) for folder in FOLDERS), len(root), root

    ranked = sorted(by_root, key=rank)
    for other in ranked[1:]:
        if any(folder in FOLDERS for folder in by_root[other]):
            notes.append(f"{other} holds classes too and is left out; {ranked[0]} is read")
    return ranked[0], by_root[ranked[0]]


def _sort_files(source: Source, root: str, split: str, listing: dict[str, list[str]], notes: list[str],
                problems: list[str]) -> list[tuple[str, int]]:
    """(name, label) of every image of a split, sorted by name; what does not fit goes into `problems`."""
    images, misplaced = [], []
    for folder, names in listing.items():
        found = [name for name in names if _is_image(source, name, notes)]
        if folder in FOLDERS:
            images += [(name, FOLDERS.index(folder)) for name in found]
        elif folder and "/" not in folder and found:
            problems.append(f"{root}/{folder} ({len(found)} images) is no class folder: n0 to n9 are")
        else:
            misplaced += found
    if misplaced:
        problems.append(f"{len(misplaced)} images stand in no class folder: {_some(misplaced)}")
    present = Counter(label for _, label in images)
    missing = [f"{root}/{folder}" for label, folder in enumerate(FOLDERS) if not present[label]]
    if missing:
        problems.append(f"{split} has no images in {', '.join(missing)}")
    return sorted(images)


def _is_image(source: Source, name: str, notes: list[str]) -> bool:
    """By content; a file that only claims to be an image stays in, so that its damage is reported."""
    base = name.rsplit("/", 1)[-1]
    actual, promised = image_format(source.head(name, 16)), suffix_format(name)
    if actual is None and promised is None:
        notes.append(f"{name} is no image and is left out")
        return False
    if promised is None:
        notes.append(f"{base} has no known suffix (a missing dot?); read as {actual}")
    elif actual not in (None, promised):
        notes.append(f"{base} is named as {promised} and holds {actual}; read as {actual}")
    elif actual not in (None, "JPEG"):
        notes.append(f"{base} is a {actual} file among JPEG files")
    return True


def _read_labels(source: Source, names: list[str], notes: list[str],
                 problems: list[str]) -> tuple[tuple[str, ...], dict[str, tuple[int, ...]]]:
    """Common names, and per split the totals of images that agree with the labels file.

    The public file's "Train Images" counts training and validation together, so both readings are accepted.
    """
    files = [name for name in names if name.rsplit("/", 1)[-1] == LABELS_FILE]
    files.sort(key=lambda name: (name.count("/"), name))  # the uppermost first
    if not files:
        notes.append(f"no {LABELS_FILE}; the ten species are taken in their usual order")
        return COMMON_NAMES, {}
    rows, wrong = parse_labels(source.read(files[0], limit=2**20).decode("utf-8", errors="replace"))
    problems += [f"{files[0]}, {text}" for text in wrong]
    absent = [folder for folder in FOLDERS if folder not in rows]
    if absent:
        problems.append(f"{files[0]} has no row for {', '.join(absent)}")
    if wrong or absent:
        return COMMON_NAMES, {}
    names_of_classes, in_training, in_validation = zip(*(rows[folder] for folder in FOLDERS))
    train, validation = sum(in_training), sum(in_validation)
    return names_of_classes, {"training": (train, train - validation), "validation": (validation,)}


def parse_labels(text: str) -> tuple[dict[str, tuple[str, int, int]], list[str]]:
    """{folder: (common name, train images, validation images)} of monkey_labels.txt, and what is wrong in it.

    Tabs, spaces, empty lines and either kind of line end are allowed.
    """
    rows, wrong = {}, []
    for number, line in enumerate(text.lstrip("\ufeff").splitlines(), start=1):
        cells = [cell.strip() for cell in line.split(",")]
        if not any(cells) or cells[0].lower() == "label":
            continue
        if len(cells) != 5 or not (cells[3].isdecimal() and cells[4].isdecimal()):
            wrong.append(f"line {number}: {line.strip()!r} is not `label, latin, common name, count, count`")
        elif cells[0] not in FOLDERS:
            wrong.append(f"line {number}: unknown class {cells[0]!r}; known are n0 to n9")
        elif cells[0] in rows:
            wrong.append(f"line {number}: class {cells[0]} stands there twice")
        else:
            rows[cells[0]] = (cells[2], int(cells[3]), int(cells[4]))
    return rows, wrong


def _origin(sets: dict[str, ImageSet], counts: tuple[int, ...]) -> str:
    if any(is_drawn(images.source, images.names) for images in sets.values()):
        return "drawn"
    # Copies of the public set differ by an image or two.
    return "real" if all(abs(count - real) <= 3 for count, real in zip(counts, REAL_COUNTS)) else "subset"


def _image_set(source: Source, split: str, files: list[tuple[str, int]]) -> ImageSet:
    names, labels = zip(*files)
    return ImageSet(split, source, names, np.array(labels, np.int64))


def _some(names: list[str], most: int = 8) -> str:
    return ", ".join(sorted(names)[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


FINDER = Finder(
    name="10 Monkey Species set", pictures="monkey images", wanted=EXPECTED, sample="monkeys",
    variable="MONKEY_DATA", read=_read_at, places=(
        "data/10-monkey-species*",
        f"{places.data()}/10-monkey-species*",
        "~/data/10-monkey-species*",
        "data/*monkey*",
        "~/data/*monkey*",
        "~/data/data*/*monkey*",  # AI Studio mounts a data set as ~/data/dataNNNNN/, usually holding one zip
        "~/work/data*/*monkey*",
        "~/data/data*",
        "~/work/data*",
    ))
find_monkeys, find_or_draw = FINDER.find, FINDER.find_or_draw
