"""Test images of super-resolution that also stand in the training sets: whole, at another size, or as a part.

A training picture that is a larger copy of a test picture teaches the very details that the test asks for. Square
windows of several sizes all over one image are compared, by perceptual hash, with the middle square of the other, both
ways round; what looks alike is then laid over each other. Two parts of one picture of which neither holds the other's
middle are not found, nor are copies below SMALLEST of the shorter side, turned or mirrored ones.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from data_tools.errors import KitError
from data_tools.files.image_set import ImageSet
from data_tools.sets.audit import hamming
from data_tools.sets.super_resolution import find_set

TRAINING, TEST = ("T91", "BSDS500_train", "DIV2K_train", "Flickr2K"), ("Set5", "Set14", "BSD100", "Urban100")
WINDOW, STEP, SHRINK, SMALLEST = 32, 4, 0.87, 0.3  # pixels; from one size to the next; of an image's shorter side
NEAR, ALIKE = 16, 0.92  # bits of 64 that may differ; correlation of the two grey pictures, laid over each other
_TERMS = cv2.dct(np.eye(WINDOW, dtype=np.float32), flags=cv2.DCT_ROWS).T[:8]  # (8, 32): the lowest cosines


@dataclass(frozen=True)
class _Windows:
    """Of one image: its grey copies in which a window has WINDOW pixels, and the hash of every window."""

    levels: list[np.ndarray]
    places: np.ndarray  # (N, 3) level, y, x
    hashes: np.ndarray  # (N,) uint64
    middle: np.ndarray  # (32, 32) uint8: the largest square in the middle
    middle_hash: np.ndarray  # (1,) uint64


def find_copies(training: Sequence[ImageSet], test: Sequence[ImageSet]) -> list[dict[str, Any]]:
    """Pairs of images that show the same, the most alike first: training and test (set and name), correlation."""
    tests = [(images.name, name, _windows(_grey(images, row)))
             for images in test for row, name in enumerate(images.names)]
    all_hashes = np.concatenate([windows.hashes for *_, windows in tests])
    owners = np.repeat(np.arange(len(tests)), [len(windows.hashes) for *_, windows in tests])
    middles = np.concatenate([windows.middle_hash for *_, windows in tests])
    found = []
    for images in training:
        for row, name in enumerate(images.names):
            here = _windows(_grey(images, row))
            inside = hamming(here.hashes, middles).min(axis=0) <= NEAR
            around = np.unique(owners[hamming(here.middle_hash, all_hashes)[0] <= NEAR])
            for index in sorted({*np.flatnonzero(inside).tolist(), *around.tolist()}):
                of, other, there = tests[index]
                alike = max(_alike(there, here), _alike(here, there))
                if alike >= ALIKE:
                    found.append({"training": f"{images.name}: {Path(name).name}", "test": f"{of}: {Path(other).name}",
                                  "correlation": round(alike, 3)})
    return sorted(found, key=lambda pair: -pair["correlation"])


def audit_copies(place: Path) -> dict[str, Any]:
    """The known sets below a place and find_copies() of them, ready for JSON; KitError where a side is missing."""
    sets = {side: list(_present(place, known)) for side, known in (("training", TRAINING), ("test", TEST))}
    if not sets["training"] or not sets["test"]:
        there = ", ".join(images.name for side in sets.values() for images in side) or "none of them"
        raise KitError(f"{place} holds {there}; to look for test images among training images it must hold one of "
                       f"{', '.join(TRAINING)} and one of {', '.join(TEST)}")
    return {"path": str(place), **{side: {images.name: len(images) for images in found}
                                   for side, found in sets.items()},
            "copies": find_copies(sets["training"], sets["test"])}


def holds_sets(place: Path) -> bool:
    """Whether there is any of the known sets of super-resolution."""
    return next(_present(place, (*TRAINING, *TEST)), None) is not None


def format_copies(report: dict[str, Any]) -> str:
    """The report for a terminal."""
    lines = [report["path"], *(f"  {side}: " + ", ".join(f"{name} {count}" for name, count in report[side].items())
                               for side in ("training", "test"))]
    lines += [f"  {pair['test']} is {pair['training']} (correlation {pair['correlation']})"
              for pair in report["copies"]]
    return "\n".join([*lines, f"  test images also in training: {len({pair['test'] for pair in report['copies']})}"])


def _present(place: Path, names: Sequence[str]) -> Iterator[ImageSet]:
    for name in names:
        try:
            yield find_set(name, place)
        except KitError:
            continue


def _grey(images: ImageSet, row: int) -> np.ndarray:
    return cv2.cvtColor(images.decode(row), cv2.COLOR_RGB2GRAY)


def _windows(grey: np.ndarray) -> _Windows:
    levels: list[np.ndarray] = []
    places, hashes, share = [], [], 1.0
    while share >= SMALLEST:
        scale = WINDOW / (share * min(grey.shape))
        size = [max(WINDOW, round(side * scale)) for side in grey.shape]
        level = cv2.resize(grey, size[::-1], interpolation=cv2.INTER_AREA)
        cut = np.lib.stride_tricks.sliding_window_view(level, (WINDOW, WINDOW))[::STEP, ::STEP]
        where = np.indices(cut.shape[:2]).reshape(2, -1).T * STEP
        places.append(np.column_stack([np.full(len(where), len(levels)), where]))
        hashes.append(_hashes(cut.reshape(-1, WINDOW, WINDOW)))
        levels.append(level)
        share *= SHRINK
    top, left = ((side - min(grey.shape)) // 2 for side in grey.shape)
    square = grey[top:top + min(grey.shape), left:left + min(grey.shape)]
    middle = cv2.resize(square, (WINDOW, WINDOW), interpolation=cv2.INTER_AREA)
    return _Windows(levels, np.concatenate(places), np.concatenate(hashes), middle, _hashes(middle[None]))


def _hashes(windows: np.ndarray) -> np.ndarray:
    """As audit.perceptual_hash, of (N, 32, 32) uint8 at once."""
    terms = (_TERMS @ windows.astype(np.float32) @ _TERMS.T).reshape(len(windows), 64)
    return np.packbits(terms > np.median(terms, axis=1, keepdims=True), axis=1).view(np.uint64)[:, 0]


def _alike(part: _Windows, whole: _Windows) -> float:
    """Greatest correlation of the middle of `part` with `whole`, near the windows that look like it, at sizes in
    between too; -1 where none does."""
    distances = hamming(whole.hashes, part.middle_hash)[:, 0]
    best = -1.0
    for place in whole.places[np.argsort(distances, kind="stable")[:4]]:
        level, y, x = (int(value) for value in place)
        around = whole.levels[level][max(0, y - STEP):y + WINDOW + STEP, max(0, x - STEP):x + WINDOW + STEP]
        for side in range(WINDOW - 4, min(WINDOW + 4, *around.shape) + 1):
            sized = cv2.resize(part.middle, (side, side), interpolation=cv2.INTER_AREA)
            best = max(best, float(cv2.matchTemplate(around, sized, cv2.TM_CCOEFF_NORMED).max()))
    return best
