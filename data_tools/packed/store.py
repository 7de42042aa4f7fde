"""Images of a set decoded and resized once into one uint8 file that is memory mapped ever after.

The monkeys' document resizes each image straight to S x S (its proportions are not kept), and so does this store
unless it is told to crop the middle square first. The store lies in a cache folder, two files to a set: the pixels,
and a JSON file that, written last, vouches for them.
"""

import errno
import glob
import hashlib
import json
import mmap
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from data_tools.errors import KitError
from data_tools.files import places
from data_tools.files.atomic import atomic_path, write_atomically
from data_tools.files.image_set import DECODE_VERSION, ImageSet, decode
from data_tools.files.locks import locked
from data_tools.files.places import expand
from data_tools.language import said
from data_tools.machine import cores
from data_tools.progress import followed, tell
from data_tools.terminal import is_live

STORE_VERSION = 2
CHUNK = 32  # decoded images held in memory at a time
STAMPS = 4096  # sizes and times of files held in memory at a time
CROPS = (None, "centre")
MOST_MAPPED = 8 * 2**20  # bytes copied out after which mapped pages (up to five times as many) are given back


class Pixels(np.memmap):
    """The mapped pixels. Rows taken by an array of indices are copies, and the pages they came from are given back
    now and then: an epoch over 30 GB would otherwise count as 30 GB of this process (the system's cache keeps them).
    """

    _mmap: mmap.mmap  # of np.memmap, which sets it to None in a copy

    def __getitem__(self, item):
        taken = super().__getitem__(item)
        if isinstance(taken, Pixels) and taken._mmap is None:  # a copy
            taken = taken.view(np.ndarray)
            self.copied(taken.nbytes)
        return taken

    def copied(self, count: int) -> None:
        """Note that so many bytes were copied out."""
        self._copied = getattr(self, "_copied", 0) + count
        if self._copied > MOST_MAPPED and hasattr(mmap, "MADV_DONTNEED"):
            self._mmap.madvise(mmap.MADV_DONTNEED)  # of a file, read only: what is needed again is mapped again
            self._copied = 0


@dataclass(frozen=True, kw_only=True)
class MappedStore:
    """A store in files that are mapped into memory; it goes to other processes by its path: a pickled map would be a
    copy of all images.

    labels: as in the image set; names, hashes: name and sha256 of each encoded file; fingerprint: the same wherever
    the files lie; unreadable: names left out (with skip_unreadable). images: uint8 RGB, of the mapped files.
    """

    path: str
    labels: np.ndarray
    names: tuple[str, ...]
    hashes: tuple[str, ...]
    fingerprint: str
    unreadable: tuple[str, ...] = ()
    images: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self):
        object.__setattr__(self, "path", os.path.abspath(self.path))  # good in every process
        self._map()

    def _views(self) -> dict[str, Any]:
        """{"images": the mapped files} and other views of them. OSError or ValueError where they do not fit."""
        raise NotImplementedError

    def _map(self) -> None:
        self.__dict__.update(self._views())

    def __len__(self) -> int:
        return len(self.names)

    def __getstate__(self) -> dict:
        return {field.name: getattr(self, field.name) for field in fields(self) if field.init}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        try:
            self._map()
        except (OSError, ValueError) as error:
            raise KitError(f"the packed images in {self.path} are gone or changed: {error}; another run has "
                           "packed them anew, start this one again") from error


@dataclass(frozen=True, kw_only=True)
class PackedStore(MappedStore):
    """One image set, ready for training. images: (N, size, size, 3); fingerprint: over hashes, labels, size and crop.
    """

    size: int

    def _views(self) -> dict[str, Any]:
        shape = (len(self.names), self.size, self.size, 3)
        return {"images": Pixels(self.path, dtype=np.uint8, mode="r", shape=shape)}

    @classmethod
    def open(cls, image_set: ImageSet, size: int, folder: str | Path | None = None,
             skip_unreadable: bool = False, progress: bool = True, crop: str | None = None) -> "PackedStore":
        """The store of `image_set` at `size` x `size` pixels in `folder`.

        folder: default places.cache("packed").
        crop: "centre" takes the middle square before resizing; None squeezes the whole image into the square.

        Built when there is none or a source file has changed since; processes that ask at once get one store.
        Raises KitError that lists every image that cannot be read, unless skip_unreadable leaves them out, and when
        the disk is full.
        """
        if crop not in CROPS:
            raise ValueError(f"crop {crop!r} is none of {CROPS}")

        form = f"{size}{crop or ''}"

        def prepare(image: np.ndarray) -> np.ndarray:
            return resize(middle_square(image) if crop else image, size)

        def make(pixels: str, packed: Packed) -> "PackedStore":
            return cls(path=pixels, size=size, **packed.fields_of_store(form))

        return open_store(image_set, form, prepare, make, folder, skip_unreadable, progress, 3 * size * size)


@dataclass(frozen=True)
class Packed:
    """What the JSON file tells of a store: the images in it, sha256 of each file, (height, width) of each as stored,
    and the names that were left out.
    """

    chosen: ImageSet
    hashes: tuple[str, ...]
    shapes: np.ndarray
    left_out: tuple[str, ...]

    def fields_of_store(self, form: str) -> dict[str, Any]:
        """What every MappedStore is made of, but its path."""
        return {"labels": self.chosen.labels, "names": self.chosen.names, "hashes": self.hashes,
                "fingerprint": self.fingerprint(form), "unreadable": self.left_out}

    def fingerprint(self, form: str) -> str:
        """sha256 over files, labels and the form in which they are stored."""
        labels = self.chosen.labels
        digest = hashlib.sha256(f"{DECODE_VERSION} {form} {labels.dtype} {labels.shape}\n".encode())
        digest.update(np.ascontiguousarray(labels).tobytes())
        digest.update("\n".join(self.hashes).encode())
        return digest.hexdigest()


def open_store(image_set: ImageSet, form: str, prepare: Callable, make: Callable, folder: str | Path | None = None,
               skip_unreadable: bool = False, progress: bool = True, each: int = 0):
    """`make(path of the pixels, Packed)` of a store of `image_set`, built where there is none or a source has changed.

    form: how images are stored, part of the file names. prepare: decoded (H, W, 3) uint8 RGB to the same as stored.
    each: bytes of one image, where all are of one size; looked for on the disk before anything is decoded.
    folder, skip_unreadable and errors: as PackedStore.open.
    """
    if not len(image_set):
        raise KitError(f"{image_set.name}: no images in {image_set.source.path}")
    folder = expand(folder or places.cache("packed"))
    stem = folder / _stem(image_set, form)
    state = _state(image_set)
    store = _load(stem, image_set, state, skip_unreadable, make)
    if store is not None:
        return store
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(f"{stem}.lock"):
            # Another process may have built it meanwhile.
            store = _load(stem, image_set, state, skip_unreadable, make)
            if store is None:
                _build(stem, image_set, prepare, state, skip_unreadable, progress, each * len(image_set))
                store = _load(stem, image_set, state, skip_unreadable, make)
    except OSError as error:
        raise KitError(f"cannot write the packed images to {folder}: {error.strerror or error}; make "
                       "room there or name another folder in KIT_CACHE") from error
    if store is None:
        raise KitError(f"the files in {image_set.source.path} change while being read; try again later")
    return store


def _stem(image_set: ImageSet, form: str) -> str:
    """The same for the same names from the same place, so that a changed set replaces its old store."""
    key = "\n".join((image_set.source.path, *image_set.names))
    return f"{image_set.name}-{form}-{hashlib.sha256(os.fsencode(key)).hexdigest()[:16]}"


def _state(image_set: ImageSet) -> str:
    """Hash of sizes and times of change, or of an archive's checksums: cheap, and other after any change."""
    digest = with_stamps(image_set, f"[{STORE_VERSION}, {DECODE_VERSION}, [")
    digest.update(b"]]")
    return digest.hexdigest()


def with_stamps(image_set: ImageSet, head: str):
    """SHA-256 begun with `head` and the stamps of all images as JSON."""
    digest = hashlib.sha256(head.encode())
    for start in range(0, len(image_set), STAMPS):  # as JSON of all would be, without 200,000 pairs in memory
        stamps = json.dumps([image_set.source.stamp(name) for name in image_set.names[start:start + STAMPS]])
        digest.update(f"{', ' if start else ''}{stamps[1:-1]}".encode())
    return digest


def _load(stem: Path, image_set: ImageSet, state: str, skip_unreadable: bool, make: Callable):
    """The store at `stem`, or None where it is absent, damaged, stale or lacks images that were asked for."""
    try:
        described = json.loads(Path(f"{stem}.json").read_text(encoding="utf-8"))
        kept, hashes = np.array(described["kept"], dtype=np.int64), tuple(described["hashes"])
        shapes = np.array(described["shapes"], dtype=np.int64).reshape(len(kept), 2)
        pixels = str(stem.parent / Path(described["pixels"]).name)
        complete = len(kept) == len(image_set) or skip_unreadable
        if described["state"] != state or not complete or os.path.getsize(pixels) != 3 * int(shapes.prod(axis=1).sum()):
            return None
        left_out = tuple(image_set.names[i] for i in np.setdiff1d(np.arange(len(image_set)), kept))
        return make(pixels, Packed(image_set.subset(kept), hashes, shapes, left_out))
    except (OSError, ValueError, KeyError, TypeError, IndexError):  # absent or damaged: built anew
        return None


def _build(stem: Path, image_set: ImageSet, prepare: Callable, state: str, skip_unreadable: bool,
           progress: bool, needed: int) -> None:
    """Write pixels, then the JSON file. The caller holds the lock. OSError where `needed` bytes are not free."""
    kept, hashes, shapes, errors = [], [], [], []
    for leftover in stem.parent.glob(f".{glob.escape(stem.name)}*.tmp"):  # of a build that was killed
        leftover.unlink()
    free = shutil.disk_usage(stem.parent).free
    if needed > free:
        raise OSError(errno.ENOSPC, f"they need {needed / 1e6:,.1f} MB and {free / 1e6:,.1f} MB are free")
    pixels = Path(f"{stem}.{state[:8]}.u8")
    with atomic_path(pixels) as temporary, open(temporary, "wb") as file:
        # Written in order, not into a memory map: on a full disk a map ends in a bus error, a write in a
        # clear one.
        for index, result in _watched(_decoded(image_set, prepare), image_set, progress):
            if isinstance(result, KitError):
                errors.append((image_set.names[index], str(result)))
                continue
            image, digest = result
            file.write(image.tobytes())
            kept.append(index)
            hashes.append(digest)
            shapes.append(image.shape[:2])
        if errors and not skip_unreadable:
            listing = "".join(f"\n  - {text}" for _, text in errors)
            raise KitError(f"{len(errors)} of {len(image_set)} images in {image_set.source.path} cannot be "
                           f"read:{listing}\nRepair or delete them, or leave them out with --skip_unreadable true")
        if not kept:
            raise KitError(f"none of the {len(image_set)} images in {image_set.source.path} can be read")
    described = {"state": state, "pixels": pixels.name, "kept": kept, "hashes": hashes, "shapes": shapes,
                 "source": image_set.source.path, "unreadable": [name for name, _ in errors]}
    write_atomically(Path(f"{stem}.json"), json.dumps(described).encode())
    # stale pixels; a run that still maps them keeps them
    for old in stem.parent.glob(f"{glob.escape(stem.name)}.*.u8"):
        if old != pixels:
            old.unlink()


def _decoded(image_set: ImageSet, prepare: Callable) -> Iterator[tuple[int, "tuple[np.ndarray, str] | KitError"]]:
    """(index, (pixels, sha256) or the error), in order; threads suffice, decoding releases the lock."""

    def one(index: int):
        try:
            content = image_set.read(index)
            return prepare(decode(content, image_set.names[index])), hashlib.sha256(content).hexdigest()
        except KitError as error:
            return error

    with ThreadPoolExecutor(max_workers=min(8, cores())) as pool:
        for start in range(0, len(image_set), CHUNK):
            indices = range(start, min(start + CHUNK, len(image_set)))
            yield from zip(indices, pool.map(one, indices))


def middle_square(image: np.ndarray) -> np.ndarray:
    """(H, W, C) to its (S, S, C) middle, S the shorter side; a view. CelebA's 178x218 gives rows 20 to 197."""
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return image[top:top + side, left:left + side]


def resize(image: np.ndarray, size: int) -> np.ndarray:
    """(H, W, 3) uint8 to (size, size, 3), proportions not kept: area averages to shrink, else linear."""
    if image.shape[:2] == (size, size):
        return image
    shrinks = image.shape[0] >= size and image.shape[1] >= size
    return cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def _watched(results: Iterator, image_set: ImageSet, progress: bool) -> Iterator:
    if not progress:
        return results
    if not is_live():
        tell(said(f"packing {len(image_set)} {image_set.name} images"))
    return followed(results, len(image_set), f"packing {image_set.name}")
