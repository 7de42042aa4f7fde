"""Anybody's own classes: a folder (or zip) of class folders, split so that near-duplicates stand on one side."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_tools.errors import KitError
from data_tools.files.image_set import ImageSet
from data_tools.files.names import shown
from data_tools.files.sources import archives_in
from data_tools.sets.folders import folder_images
from data_tools.sets.near_duplicates import groups_of

FEWEST = 5  # different images of a class: three to train on, one to choose by, one to judge by
MOST_SAID = 5  # names in a message
SPLITS = frozenset("train training trn val valid validation dev eval test testing".split())


@dataclass(frozen=True)
class ClassFolders:
    """Three splits of one folder; classes are the names of its folders, in the order of the labels."""

    training: ImageSet
    validation: ImageSet
    test: ImageSet
    classes: tuple[str, ...]
    origin: str
    path: str
    notes: tuple[str, ...]


def find_classes(path: str | Path) -> tuple[ImageSet, tuple[str, ...], tuple[str, ...]]:
    """(the images below `path` with their labels, names of the classes, notes on what is read how).

    A class is the folder that an image lies in; where folders of one name lie in several others (sessions of each
    person, say) and these are not called training, test and the like, it is the upper one. Images that lie in no class
    folder are left out. KitError for fewer than two classes.
    """
    images = folder_images(path)
    tops, notes = _class_folders(images.names), []
    loose = [name for name, top in zip(images.names, tops) if not top]
    kept = [row for row, top in enumerate(tops) if top]
    classes = sorted({tops[row] for row in kept})
    if len(classes) < 2:
        raise KitError(f"{images.source.path} holds {len(classes) or 'no'} class folder(s); wanted is a folder with a "
                       "folder of images for each class")
    if loose:
        notes.append(f"{len(loose)} image(s) lie in no class folder and are left out: {_some(loose)}")
    if archives := archives_in(images.source):
        notes.append(f"archives beside the images are not read: {_some(archives)}; unpack them, or give a folder that "
                     "holds archives alone")
    splits = sorted({part for name in images.names for part in name.split("/")[:-2] if part.lower() in SPLITS})
    if splits:
        notes.append(f"the folders {_some(splits)} are read together and divided anew, near-duplicates on one side")
    labels = np.array([classes.index(tops[row]) for row in kept], np.int64)
    chosen = ImageSet(images.name, images.source, tuple(images.names[row] for row in kept), labels)
    return chosen, tuple(map(shown, classes)), tuple(notes)


def _class_folders(names: tuple[str, ...]) -> list[str]:
    """The class of each image, "" where it lies in no folder."""
    paths = [tuple(part for part in name.split("/")[:-1]) for name in names]
    own = [[part for part in path if part.lower() not in SPLITS] for path in paths]
    above = defaultdict(set)
    for path in own:
        if path:
            above[path[-1]].add(tuple(path[:-1]))
    several = Counter(len(parents) > 1 for parents in above.values())
    if not several[True]:
        return [path[-1] if path else "" for path in own]
    common = 0  # folders that all images lie in
    while all(len(path) > common + 1 for path in own if path) and len({path[common] for path in own if path}) == 1:
        common += 1
    return [path[common] if path else "" for path in own]


def read_class_folders(path: str | Path, share: float = 0.15, seed: int = 0, origin: str = "real") -> ClassFolders:
    """The images below `path`, of each class about `share` to choose by and as many to judge by.

    Images whose perceptual hashes differ in at most NEAR bits go together; one that cannot be decoded stands alone, and
    is named when it is packed. KitError as of find_classes(), and for a class with fewer than FEWEST groups of images,
    with its name.
    """
    images, classes, found = find_classes(path)
    groups = groups_of(images)
    splits, notes = np.zeros(len(images), np.int64), list(found)
    for label, name in enumerate(classes):
        own = np.unique(groups[images.labels == label])
        if len(own) < FEWEST:
            raise KitError(f"{images.source.path}: class {name} has {len(own)} different image(s), {FEWEST} are needed")
        drawn, count = np.random.default_rng((seed, label)).permutation(own), max(1, round(share * len(own)))
        splits[np.isin(groups, drawn[:count])], splits[np.isin(groups, drawn[count:2 * count])] = 2, 1
    copies = len(images) - len(np.unique(groups))
    if copies:
        notes.append(f"{copies} image(s) nearly repeat another one; they stand in one split with it")
    training, validation, test = (images.subset(np.flatnonzero(splits == split)) for split in range(3))
    return ClassFolders(training, validation, test, classes, origin, images.source.path, tuple(notes))


def _some(names: list[str]) -> str:
    more = f" and {len(names) - MOST_SAID} more" if len(names) > MOST_SAID else ""
    return ", ".join(map(shown, names[:MOST_SAID])) + more
