"""Several stores of images of one size as one, without a copy of what is in them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from data_tools.packed.arrays import Store


@dataclass(frozen=True)
class JoinedStore:
    """A store of the images of others, in their order. It goes to other processes as its parts do."""

    stores: tuple[Store, ...]

    @property
    def images(self) -> "JoinedRows":
        """images[rows]: (B, H, W, 3) uint8, read when asked for."""
        return JoinedRows([store.images for store in self.stores])

    @cached_property
    def labels(self) -> np.ndarray:
        return np.concatenate([store.labels for store in self.stores])

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(name for store in self.stores for name in store.names)

    @cached_property
    def fingerprint(self) -> str:
        return hashlib.sha256("".join(store.fingerprint for store in self.stores).encode()).hexdigest()

    def __len__(self) -> int:
        return sum(len(store) for store in self.stores)


class JoinedRows:
    """Arrays (N, ...) of one kind, indexed as one by a number or an array of numbers."""

    def __init__(self, parts: Sequence[Any]):
        self._parts = parts
        self._starts = np.cumsum([0, *(len(part) for part in parts)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __getitem__(self, rows: Any) -> np.ndarray:
        wanted = np.atleast_1d(np.asarray(rows, np.int64))
        which = np.searchsorted(self._starts, wanted, side="right") - 1
        found = np.empty((len(wanted), *np.shape(self._parts[0][0])), np.asarray(self._parts[0][0]).dtype)
        for number in np.unique(which):
            mine = which == number
            found[mine] = self._parts[number][wanted[mine] - self._starts[number]]
        return found if np.ndim(rows) else found[0]
