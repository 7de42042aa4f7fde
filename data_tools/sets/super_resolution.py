"""The image sets of super-resolution as people have them.

A set is found by its name in a folder or a zip archive, or any folder of images is taken as it is; nothing is copied.
Beside the photographs some archives hold reduced and enlarged versions of them: those are left out.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np

from data_tools.errors import KitError
from data_tools.files.image_set import ImageSet, image_format, suffix_format
from data_tools.files.sources import Source, open_source, richest


class SetNotFound(KitError):
    """No place holds the set; a set that is there and damaged is another KitError."""


@dataclass(frozen=True)
class KnownSet:
    """folders: path endings that hold the set, without regard to case. count: images that were published."""

    folders: tuple[str, ...]
    count: int


SETS = MappingProxyType({
    "Set5": KnownSet(("Set5",), 5),
    "Set14": KnownSet(("Set14",), 14),
    "BSD100": KnownSet(("BSD100", "BSDS100", "B100"), 100),
    "Urban100": KnownSet(("Urban100",), 100),
    "DIV2K_train": KnownSet(("DIV2K_train_HR",), 800),
    "DIV2K_valid": KnownSet(("DIV2K_valid_HR",), 100),
    "DIV2K_test": KnownSet(("DIV2K_test_HR",), 100),  # low resolution alone was published
    "Flickr2K": KnownSet(("Flickr2K_HR", "Flickr2K"), 2650),
    "T91": KnownSet(("T91", "91-images"), 91),
    "BSDS500_train": KnownSet(("BSDS500-train", "BSDS200", "BSDS500/data/images/train", "BSDS500/images/train"), 200),
    "BSDS500_val": KnownSet(("BSDS500-val", "BSDS500/data/images/val", "BSDS500/images/val"), 100),
    "BSDS500_test": KnownSet(("BSDS500-test", "BSDS500/data/images/test", "BSDS500/images/test"), 200),
})

# What file and folder names tell of an image; words are separated by _ - . or space.
ORIGINAL = re.compile(r"(?:^|[_\-. ])(?:HR|GTmod\d+|GT|original)(?=$|[_\-. ])", re.IGNORECASE)
DERIVED = re.compile(  # LR, LRbicx4, ..._SRF_4_bicubic (or the name of any method) of SelfExSR, 0001x4 of DIV2K
    r"(?:^|[_\-. ])LR(?:bic\w*)?(?=$|[_\-. ])|(?:^|[_\-. ])bicubic(?=$|[_\-. ])|SRF_\d_(?!HR$)\w+|^\d{4,}x[2348]$",
    re.IGNORECASE)
SCALED_FOLDER = re.compile(r"image_SRF_\d")  # the same photographs once more, cut for each scale
DEEPEST = 5  # folders below the given one in which a set is looked for


def read_images(path: str | Path, name: str | None = None) -> ImageSet:
    """Every photograph in a folder or zip archive, sorted by path, as the set `name` (the folder's own by default).

    Where some are marked as originals (HR, GTmod12, original in a name), only these; reduced or enlarged versions
    (LR, bicubic, x4, ...) never. Raises KitError where nothing remains.
    """
    source = open_source(path)
    if not any(_is_image(source, held) for held in source.names()):  # but in archives
        source = richest(Path(source.path), lambda held: sum(_is_image(held, each) for each in held.names()),
                         strict=True) or source
    return _image_set(source, "", name or Path(path).stem, str(path))


def find_set(name: str, *places: str | Path) -> ImageSet:
    """The known set `name` in the first of the places that has it: the set's own folder or zip, or one above.

    Raises KitError for an unknown name, SetNotFound, naming what was looked for, where no place holds it.
    """
    known = _known(name)
    for place in map(Path, places):
        for path, inside in _candidates(place, known):
            source = open_source(path)
            prefix = _prefix(source, known) if not inside else ""
            if prefix is not None:
                return _image_set(source, prefix, name, str(path))
        parts = richest(place, lambda held: _prefixed(held, known), strict=True) if place.exists() else None
        if parts is not None:
            return _image_set(parts, str(_prefix(parts, known)), name, parts.path)
    folders = " or ".join(known.folders)
    raise SetNotFound(f"{name} was not found in {', '.join(map(str, places)) or 'no place at all'}: a folder or zip "
                      f"archive named {folders} is looked for; fetch it (data fetch), unpack it if it is a .tar or "
                      ".tgz, or name its folder")


def _known(name: str) -> KnownSet:
    if name not in SETS:
        raise KitError(f"unknown set {name!r}; known are {', '.join(SETS)}, and any folder by its path")
    return SETS[name]


def _candidates(place: Path, known: KnownSet):
    """(path, whether the path itself is the set's folder) that may hold it: the place, what it is named after, zips."""
    if not place.exists():
        return
    wanted = {folder.lower() for folder in known.folders}
    if place.is_file():
        yield place, place.stem.lower() in wanted
        return
    if _ends_like(place.absolute().as_posix(), known):
        yield place, True
    archives = sorted(path for depth in ("*.zip", "*/*.zip") for path in place.glob(depth))
    yield place, False
    yield from ((path, True) for path in archives if path.stem.lower() in wanted)


def _ends_like(path: str, known: KnownSet) -> bool:
    return any(f"/{path.lower()}".endswith(f"/{folder.lower()}") for folder in known.folders)


def _prefix(source: Source, known: KnownSet) -> str | None:
    """The folder inside the source that holds the set, the uppermost one; None where there is none."""
    folders = {"/".join(parts[:depth])
               for parts in (name.split("/")[:-1] for name in source.names() if suffix_format(name))
               for depth in range(1, min(len(parts), DEEPEST) + 1)}
    fitting = [folder for folder in folders if _ends_like(folder, known)]
    ranked = sorted(fitting, key=lambda folder: (_rank(folder, known), folder.count("/"), folder))
    return f"{ranked[0]}/" if ranked else None


def _prefixed(source: Source, known: KnownSet) -> int:
    """How many images a source has in the folder that holds the set."""
    prefix = _prefix(source, known)
    return 0 if prefix is None else sum(name.startswith(prefix) for name in source.names() if suffix_format(name))


def _rank(folder: str, known: KnownSet) -> int:
    return next(i for i, name in enumerate(known.folders) if f"/{folder.lower()}".endswith(f"/{name.lower()}"))


def _image_set(source: Source, prefix: str, name: str, where: str) -> ImageSet:
    names = [path for path in source.names() if path.startswith(prefix) and _is_image(source, path)]
    kinds = {path: _kind(path[len(prefix):]) for path in names}
    originals = [path for path in names if kinds[path] == "original"]
    chosen = _one_scale(originals or [path for path in names if kinds[path] != "derived"])
    if not chosen:
        raise KitError(f"{where} holds no images of {name}; name a folder or zip archive of PNG, JPEG or other images")
    return ImageSet(name, source, tuple(chosen), np.zeros(len(chosen), np.int64))


def _is_image(source: Source, name: str) -> bool:
    """By its suffix, else by its first bytes; damage is found when it is decoded."""
    return suffix_format(name) is not None or image_format(source.head(name, 16)) is not None


def _kind(path: str) -> str:
    """"original", "derived" or "plain", by the last word that tells: the file's own name before its folders'."""
    *folders, file = path.split("/")
    for part in (file.rpartition(".")[0] or file, *reversed(folders)):
        if DERIVED.search(part):
            return "derived"
        if ORIGINAL.search(part):
            return "original"
    return "plain"


def _one_scale(names: list[str]) -> list[str]:
    """Of the folders image_SRF_2, image_SRF_3, ... the first; anything else as it is."""
    scaled = sorted({found[0] for found in map(SCALED_FOLDER.search, names) if found})
    return [name for name in names if scaled[0] in name] if scaled else names
