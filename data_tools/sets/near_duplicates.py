"""Images that are nearly the same: which go together, so that no split has one of them on either side."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from data_tools.packed.arrays import Store
from data_tools.sets.audit import NEAR, perceptual_hash


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
