"""Any folder or zip of images as sets: a layout that the kit knows, or as it is."""

from pathlib import Path

import numpy as np

from data_tools.errors import KitError
from data_tools.files.image_set import ImageSet, image_format, suffix_format
from data_tools.files.places import expand
from data_tools.files.sources import Source, open_source, richest
from data_tools.sets.glasses import CELEBA_PREFIX, find_or_draw, holds_glasses

SPLITS = ("training", "validation", "test", "unlabelled")


def find_images(source: str, split: str = "all") -> dict[str, ImageSet]:
    """{name: images} of a glasses layout (folder or zip), `sample`, `celeba:PATH`, or any folder or zip of images.

    Images of the last kind are one set called "images", their labels the names of their folders, numbered in
    alphabetical order; -1 where all lie in one folder. KitError where there are none, or `split` is not among them.
    """
    if source == "sample" or source.startswith(CELEBA_PREFIX) or holds_glasses(expand(source)):
        data = find_or_draw(source)
        found = {name: getattr(data, name) for name in SPLITS if len(getattr(data, name))}
    else:
        found = {"images": folder_images(source)}
    if split == "all":
        return found
    if split not in found:
        raise KitError(f"{source} has no split {split}; there are {', '.join(found)}")
    return {split: found[split]}


def folder_images(path: str | Path) -> ImageSet:
    """All images below a folder or in a zip, recognised by suffix or first bytes; see find_images()."""
    source = open_source(path)
    names = image_names(source)
    if not names:  # but in archives
        source = richest(Path(source.path), lambda held: len(image_names(held)), strict=True) or source
        names = image_names(source)
    if not names:
        raise KitError(f"{source.path} holds no image; name a folder or zip archive with images")
    folders = [name.split("/")[-2] if "/" in name else "" for name in names]
    classes = sorted(set(folders))
    labels = [classes.index(folder) for folder in folders] if len(classes) > 1 else [-1] * len(names)
    return ImageSet("images", source, tuple(names), np.array(labels, np.int64))


def image_names(source: Source) -> list[str]:
    """Names of the images, by suffix or first bytes; damage is found when they are decoded."""
    return [name for name in source.names() if suffix_format(name) or image_format(source.head(name, 16))]


def folder_classes(images: ImageSet) -> dict[int, str]:
    """{label: name of its folder} of folder_images()."""
    return {label: name.split("/")[-2] if "/" in name else "."
            for name, label in zip(images.names, images.labels.tolist()) if label >= 0}
