"""Packing sets at several sizes, and what that brings: files, megabytes, seconds, reading speed."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_tools.errors import KitError
from data_tools.files.image_set import ImageSet
from data_tools.packed.record_files import read_manifest
from data_tools.packed.record_packing import SHARD, pack
from data_tools.packed.records import RecordStore
from data_tools.packed.store import middle_square, resize

SIZES = (32, 64, 128)
MOST_DECODED = 200  # originals, evenly spread: of 1024x1024 that is some five seconds
MOST_READ = 20_000  # records
BATCH = 32


@dataclass(frozen=True)
class PackedSize:
    """All sets at one size.

    bytes: of the shards; seconds: of packing; records: images a second that one thread reads back, in shuffled batches
    of 32; originals: images a second that one thread decodes and resizes.
    """

    size: int
    folders: tuple[Path, ...]
    images: int
    files: int
    bytes: int
    seconds: float
    records: float
    originals: float

    def __str__(self) -> str:
        return (f"{self.size}x{self.size}: {self.images:,} images in {self.files:,} files, {self.bytes / 1e6:.1f} MB, "
                f"packed in {self.seconds:.1f} s; reading {self.records:,.0f} images/s, "
                f"decoding originals {self.originals:,.0f} images/s: "
                f"{self.records / self.originals:,.0f} times as fast")


def pack_all(sets: Sequence[ImageSet], folder: str | Path, sizes: Sequence[int] = SIZES, *, crop: str | None = None,
             shard: int = SHARD, encoding: str = "raw", processes: int | None = None,
             skip_unreadable: bool = False) -> Iterator[PackedSize]:
    """Pack `sets` into folder/NAME-SIZE, yielding what each size brings; errors as pack()."""
    originals = None
    for size in sizes:
        folders = tuple(pack(images, size, folder, crop=crop, shard=shard, encoding=encoding, processes=processes,
                             skip_unreadable=skip_unreadable) for images in sets)
        manifests = [manifest for one in folders if (manifest := read_manifest(one))]
        stores = [RecordStore.read(one) for one in folders]
        originals = originals or decoding_speed(sets, sizes[0], crop)
        total = {key: sum(manifest[key] for manifest in manifests) for key in ("images", "bytes", "seconds")}
        yield PackedSize(size, folders, files=sum(len(store.shards) for store in stores), **total,
                         records=reading_speed(stores), originals=originals)


def reading_speed(stores: Sequence[RecordStore]) -> float:
    """Images a second, one thread, shuffled batches, the second of two passes over at most MOST_READ images."""
    rng = np.random.default_rng(0)
    for _ in range(2):
        count, begin = 0, time.perf_counter()
        for store in stores:
            order = rng.permutation(len(store))[:max(0, MOST_READ - count)]
            for start in range(0, len(order), BATCH):
                store.images[order[start:start + BATCH]]
            count += len(order)
    return count / (time.perf_counter() - begin)


def decoding_speed(sets: Sequence[ImageSet], size: int, crop: str | None = None) -> float:
    """Originals a second that one thread decodes and resizes, of at most MOST_DECODED; damaged ones count for 0."""
    places = [(images, row) for images in sets for row in range(len(images))]
    count, begin = 0, time.perf_counter()
    for at in np.linspace(0, len(places) - 1, min(MOST_DECODED, len(places)), dtype=int):
        images, row = places[at]
        try:
            image = images.decode(row)
        except KitError:  # packing has left it out
            continue
        resize(middle_square(image) if crop else image, size)
        count += 1
    return count / (time.perf_counter() - begin)
