"""Images read back from TFRecord shards: the training path of packed records, with the shape of a PackedStore."""

import errno
import hashlib
import mmap
import operator
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from data_tools.errors import KitError
from data_tools.files import places
from data_tools.files.image_set import ImageSet
from data_tools.files.places import expand
from data_tools.packed.record_files import MANIFEST, PACK_AGAIN, fingerprint, map_file, read_index, read_manifest
from data_tools.packed.record_packing import SHARD, pack, source_state
from data_tools.packed.store import MOST_MAPPED, MappedStore

__all__ = ["RecordImages", "RecordStore", "pack"]
TOO_MANY = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)  # the last where there are too many maps


class RecordImages:
    """The images of mapped shards, uint8 RGB; a number, a slice, indices or a mask of images give copies."""

    dtype, ndim = np.dtype(np.uint8), 4

    def __init__(self, paths: list[str], places: np.ndarray, size: int, encoding: str):
        self._paths, self._places, self._encoding = paths, places, encoding
        _allow_files(len(paths))
        self._maps = [map_file(path) if os.path.getsize(path) else None for path in paths]
        self._bytes = [np.frombuffer(one, np.uint8) if one else np.zeros(0, np.uint8) for one in self._maps]
        ends = np.zeros(len(paths), np.int64)
        np.maximum.at(ends, places[:, 0], places[:, 2])
        short = [path for path, end, content in zip(paths, ends, self._bytes) if end > len(content)]
        if short:
            raise ValueError(f"{short[0]} has become shorter")
        self.shape = (len(places), size, size, 3)
        self._copied = 0

    def __len__(self) -> int:
        return len(self._places)

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return self[:].astype(dtype or self.dtype, copy=False)

    def __getitem__(self, item) -> np.ndarray:
        """(size, size, 3) for a number, else (B, size, size, 3)."""
        try:
            return self._gather(self._places[operator.index(item)][None])[0]
        except TypeError:
            return self._gather(self._places[np.arange(len(self))[item]])

    def _gather(self, places: np.ndarray) -> np.ndarray:
        out = np.empty((*places.shape[:-1], *self.shape[1:]), np.uint8)
        flat = out.reshape(-1, *self.shape[1:])
        for image, (shard, start, stop) in zip(flat, places.reshape(-1, 3).tolist()):
            encoded = self._bytes[shard][start:stop]
            image[:] = encoded.reshape(image.shape) if self._encoding == "raw" else self._decoded(encoded, shard, start)
            self._copied += stop - start
        if self._copied > MOST_MAPPED and hasattr(mmap, "MADV_DONTNEED"):
            for one in self._maps:  # else an epoch over 30 GB would count as 30 GB of this process
                if one:
                    one.madvise(mmap.MADV_DONTNEED)
            self._copied = 0
        return out

    def _decoded(self, encoded: np.ndarray, shard: int, start: int) -> np.ndarray:
        image = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
        if image is None or image.shape != self.shape[1:]:
            raise KitError(f"{self._paths[shard]}: the image at byte {start:,} is damaged; {PACK_AGAIN}")
        return image[..., ::-1]


def _allow_files(count: int) -> None:
    """Let this process hold `count` more open files than before, as far as the system permits; each map holds one."""
    with suppress(ImportError, OSError, ValueError):  # Windows has no such limit; the others may refuse
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft + count, hard), hard))


@dataclass(frozen=True, kw_only=True)
class RecordStore(MappedStore):
    """One packed image set, ready for training; `path` is its folder.

    images: (N, size, size, 3), see RecordImages. fingerprint: over hashes, labels, size and crop, equal to that of a
    PackedStore. places: (N, 3) int64, see Index.
    """

    size: int
    encoding: str
    shards: tuple[str, ...]
    places: np.ndarray

    def _views(self) -> dict[str, Any]:
        paths = [os.path.join(self.path, name) for name in self.shards]
        try:
            images = RecordImages(paths, self.places, self.size, self.encoding)
        except OSError as error:
            if error.errno in TOO_MANY:
                raise KitError(f"{self.path} has {len(paths):,} shards, more files than one process may hold open "
                               f"({error.strerror}): raise the limit (ulimit -n), or {PACK_AGAIN} with a larger "
                               "--shard") from error
            raise
        manifest = read_manifest(Path(self.path))  # after mapping: a pack that begins anew says so before it writes
        if manifest is None or (manifest["fingerprint"], manifest["encoding"]) != (self.fingerprint, self.encoding):
            raise ValueError("its manifest describes another pack")
        return {"images": images}

    @classmethod
    def open(cls, image_set: ImageSet, size: int, folder: str | Path | None = None, skip_unreadable: bool = False,
             progress: bool = True, crop: str | None = None, processes: int | None = None) -> "RecordStore":
        """The records of `image_set` at `size` x `size` in folder/NAME-SIZE, packed where there are none or a source
        file has changed since; of whatever encoding and length of shards they are.

        folder: one that `data pack` wrote, else a place of its own in places.cache("records"). Errors: as pack().
        """
        if folder is None:
            key = "\n".join((image_set.source.path, str(crop), *image_set.names))
            folder = places.cache("records") / hashlib.sha256(os.fsencode(key)).hexdigest()[:16]
        target = expand(folder).absolute() / f"{image_set.name}-{size}"
        encoding, shard = "raw", SHARD
        with suppress(KitError):  # absent or damaged shards: packed anew, and every shard is looked at
            found = read_manifest(target)
            if found is not None:
                encoding, shard = found["encoding"], found["shard"]
                same = (found["size"], found["crop"], found["state"]) == (size, crop, source_state(image_set))
                whole = skip_unreadable or not any(entry["left_out"] for entry in found["shards"].values())
                if found["complete"] and same and whole:
                    return cls.read(target)
        pack(image_set, size, folder, crop=crop, shard=shard, encoding=encoding, processes=processes, progress=progress,
             skip_unreadable=skip_unreadable)
        return cls.read(target)

    @classmethod
    def read(cls, folder: str | Path, check: bool = False) -> "RecordStore":
        """A packed folder alone; the original images are not needed. check: compare every checksum.

        KitError where the folder holds no finished pack, or a shard is absent, cut short or damaged.
        """
        folder = expand(folder).absolute()
        manifest = read_manifest(folder)
        if manifest is None:
            raise KitError(f"{folder} has no {MANIFEST}, so it is no packed folder; {PACK_AGAIN}")
        if not manifest["complete"]:
            raise KitError(f"the pack in {folder} was interrupted; run the same command again to finish it")
        index = read_index(folder, manifest, check)
        known = fingerprint(index.labels, index.hashes, manifest["size"], manifest["crop"])
        if known != manifest["fingerprint"]:
            raise KitError(f"the records in {folder} are not those that its manifest describes; {PACK_AGAIN}")
        left_out = tuple(name for shard in index.shards for name in manifest["shards"][shard]["left_out"])
        try:
            return cls(path=str(folder), labels=index.labels, names=index.names, hashes=index.hashes, fingerprint=known,
                       unreadable=left_out, size=manifest["size"], encoding=manifest["encoding"], shards=index.shards,
                       places=index.places)
        except (OSError, ValueError) as error:
            raise KitError(f"cannot read {folder}: {error}; another run packs it now, try again later") from error
