"""Anybody's own classes: a folder (or zip) of class folders, split so that near-duplicates stand on one side."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_tools.errors import KitError
from data_tools.files.image_set import ImageSet
from data_tools.sets.audit import perceptual_hash
from data_tools.sets.folders import folder_classes, folder_images
from data_tools.sets.near_duplicates import near_groups

FEWEST = 5  # images of a class: three to train on, one to choose by, one to judge by


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


def read_class_folders(path: str | Path, share: float = 0.15, seed: int = 0, origin: str = "real") -> ClassFolders:
    """The images below `path`, of each class about `share` to choose by and as many to judge by.

    Images whose perceptual hashes differ in at most NEAR bits go together. KitError for fewer than two classes, and for
    a class with fewer than FEWEST groups of images, with its name.
    """
    images = folder_images(path)
    names = folder_classes(images)
    if len(names) < 2:
        raise KitError(f"{images.source.path} holds {len(names) or 'no'} class folder(s); wanted is a folder with a "
                       "folder of images for each class")
    groups = near_groups(np.array([perceptual_hash(images.decode(row)) for row in range(len(images))]))
    splits = np.zeros(len(images), np.int64)
    for label, name in names.items():
        own = np.unique(groups[images.labels == label])
        if len(own) < FEWEST:
            raise KitError(f"{images.source.path}: class {name} has {len(own)} different image(s), {FEWEST} are needed")
        drawn, count = np.random.default_rng((seed, label)).permutation(own), max(1, round(share * len(own)))
        splits[np.isin(groups, drawn[:count])], splits[np.isin(groups, drawn[count:2 * count])] = 2, 1
    copies = len(images) - len(np.unique(groups))
    notes = (f"{copies} image(s) nearly repeat another one; they stand in one split with it",) if copies else ()
    training, validation, test = (images.subset(np.flatnonzero(splits == split)) for split in range(3))
    return ClassFolders(training, validation, test, tuple(names[label] for label in sorted(names)), origin,
                        images.source.path, notes)
