"""Images that are nearly the same: which go together, so that no split has one of them on either side."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import combinations

import numpy as np

from data_tools.errors import KitError
from data_tools.files import places
from data_tools.files.atomic import atomic_path
from data_tools.files.image_set import ImageSet
from data_tools.language import show
from data_tools.machine import cores
from data_tools.packed.arrays import Store
from data_tools.packed.store import with_stamps
from data_tools.sets.hashes import NEAR, perceptual_hash

MANY = 1000  # images from which the work is announced


def near_groups(hashes: np.ndarray) -> np.ndarray:
    """Number of each image's group, int64 (N,): chains of hashes (N,) uint64 that differ in at most NEAR bits."""
    parent = np.arange(len(hashes))

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = int(parent[row])
        return row

    for lefts, rights in near_pairs(hashes):
        for left, right in zip(lefts.tolist(), rights.tolist()):
            parent[root(left)] = root(right)
    return np.array([root(row) for row in range(len(hashes))], np.int64)


def near_pairs(hashes: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows of all pairs of hashes (N,) uint64 that differ in at most NEAR bits, each pair once or more.

    Six bits spoil at most six of the eight bytes, so two bytes of a pair are equal: only hashes that agree in two
    bytes are compared, a small part of all pairs.
    """
    octets = np.ascontiguousarray(hashes).view(np.uint8).reshape(-1, 8)
    for first, second in combinations(range(8), 8 - NEAR):
        keys = octets[:, first].astype(np.uint16) << 8 | octets[:, second]
        order = np.argsort(keys, kind="stable")
        keys, places, step = keys[order], np.arange(len(keys)), 1
        while len(places := places[places + step < len(keys)]):
            places = places[keys[places] == keys[places + step]]
            left, right = order[places], order[places + step]
            close = np.unpackbits(octets[left] ^ octets[right], axis=1).sum(axis=1) <= NEAR
            yield left[close], right[close]
            step += 1


def groups_in(store: Store) -> np.ndarray:
    """Number of the group of each image of a store, int64 (N,)."""
    return near_groups(np.array([perceptual_hash(np.asarray(store.images[row])) for row in range(len(store))],
                                np.uint64))


def groups_of(images: ImageSet) -> np.ndarray:
    """Number of the group of each encoded image, int64 (N,); one that cannot be decoded is a group of its own."""
    hashes, readable = _hashes(images)
    groups = np.arange(len(images), dtype=np.int64)
    rows = np.flatnonzero(readable)
    groups[rows] = rows[near_groups(hashes[rows])]
    return groups


def _hashes(images: ImageSet) -> tuple[np.ndarray, np.ndarray]:
    """(perceptual hashes uint64 (N,), which could be decoded, bool (N,)); kept in the cache until a file changes."""
    digest = with_stamps(images, f"{images.source.path}\n" + "\n".join(map(ascii, images.names))).hexdigest()
    file = places.cache("hashes") / f"{digest}.npz"
    with suppress(OSError, ValueError, KeyError, EOFError):  # absent or damaged: made anew
        with np.load(file, allow_pickle=False) as stored:
            return stored["hashes"], stored["readable"]
    if len(images) >= MANY:
        show(f"looking for near-duplicates among {len(images)} images")
    with ThreadPoolExecutor(min(8, cores())) as pool:
        found = list(pool.map(lambda row: _hash(images, row), range(len(images))))
    hashes = np.array([each or 0 for each in found], np.uint64)
    readable = np.array([each is not None for each in found])
    with suppress(KitError), atomic_path(file) as temporary, open(temporary, "wb") as opened:  # a wish, not a must
        np.savez(opened, hashes=hashes, readable=readable)
    return hashes, readable


def _hash(images: ImageSet, row: int) -> int | None:
    try:
        return int(perceptual_hash(images.decode(row)))
    except KitError:
        return None
