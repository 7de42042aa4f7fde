"""A packed folder: TFRecord shards and manifest.json, which says what is in them.

Each record is a tf.train.Example with the field names that TensorFlow's own image examples use:

    image/encoded      bytes   the pixels: raw RGB, rows from the top, or a PNG
    image/format       bytes   "raw" or "png"
    image/height, image/width, image/channels    int64
    image/class/label  int64   the class (-1 where none is known), or one number for each attribute
    image/filename     bytes   name of the original inside of its folder or archive
    image/sha256       bytes   of the original file, in hexadecimal
"""

import hashlib
import json
import mmap
import os
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_tools.errors import KitError
from data_tools.files.atomic import file_sha256, write_atomically
from data_tools.files.image_set import DECODE_VERSION
from data_tools.packed.store import CROPS
from data_tools.packed.tfrecord import BYTES, INTEGERS, Malformed, parse_example, record_spans

RECORD_VERSION = 1
FORMAT = f"TFRecord shards of tf.train.Example, packed by this kit, version {RECORD_VERSION}"
MANIFEST = "manifest.json"
MAX_MANIFEST = 64 * 2**20  # bytes
MOST_LAYOUTS = 4  # of one length that are compared with a record before it is parsed: one for each common label
ENCODINGS = ("raw", "png")
LARGEST_SIZE = 4096
SHARD_NAME = re.compile(r"shard-(\d{5})-of-(\d{5})\.tfrecord")
PACK_AGAIN = "pack the images again (python -m assignments data pack)"


def shard_names(count: int) -> tuple[str, ...]:
    """Of `count` shards, in their order."""
    return tuple(f"shard-{number:05}-of-{count:05}.tfrecord" for number in range(count))


def read_manifest(folder: Path) -> dict | None:
    """manifest.json as far as it can be trusted: types and ranges are checked, files are not. None where there is none.

    KitError for one that is damaged or of another program.
    """
    path = folder / MANIFEST
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_MANIFEST + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise KitError(f"cannot read {path}: {error.strerror or error}") from error
    try:
        found = json.loads(content[:MAX_MANIFEST])
        fits = (found["format"] == FORMAT and found["encoding"] in ENCODINGS and found["crop"] in CROPS
                and all(_counts(found[key]) for key in ("size", "shard", "images", "attributes"))
                and 0 < found["size"] <= LARGEST_SIZE and found["shard"] > 0 and isinstance(found["complete"], bool)
                and all(isinstance(found[key], str) for key in ("name", "state", "fingerprint"))
                and isinstance(found["seconds"], (int, float))
                and all(SHARD_NAME.fullmatch(name) and _counts(entry["images"]) and _counts(entry["bytes"])
                        and isinstance(entry["sha256"], str) and all(isinstance(one, str) for one in entry["left_out"])
                        for name, entry in found["shards"].items()))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        fits = False
    if not fits:
        raise KitError(f"{path} is damaged or of another program or version; remove its folder and {PACK_AGAIN}")
    return found


def _counts(value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def write_manifest(folder: Path, manifest: dict) -> None:
    write_atomically(folder / MANIFEST, (json.dumps(manifest, indent=1, ensure_ascii=True) + "\n").encode())


def attribute_count(labels: np.ndarray) -> int:
    """K of uint8 (N, K) attributes; 0 of int64 (N,) classes."""
    return labels.shape[1] if labels.ndim == 2 else 0


def class_counts(labels: np.ndarray) -> dict[str, int]:
    """{label: images}; of attributes, {their number in the row: images that have them}."""
    if labels.ndim == 1:
        return {str(label): count for label, count in sorted(Counter(labels.tolist()).items())}
    return {str(column): int(count) for column, count in enumerate(labels.sum(axis=0, dtype=np.int64))}


def fingerprint(labels: np.ndarray, hashes: tuple[str, ...], size: int, crop: str | None) -> str:
    """sha256 over originals, labels, size and crop: that of a PackedStore of the same images, of the same pixels."""
    digest = hashlib.sha256(f"{DECODE_VERSION} {size}{crop or ''} {labels.dtype} {labels.shape}\n".encode())
    digest.update(np.ascontiguousarray(labels).tobytes())
    digest.update("\n".join(hashes).encode())
    return digest.hexdigest()


@dataclass(frozen=True)
class Index:
    """What the records of a folder hold, in the order of the shards.

    places: (N, 3) int64, number of the shard and start and stop of image/encoded in it; labels: int64 (N,) or
    uint8 (N, K).
    """

    shards: tuple[str, ...]
    places: np.ndarray
    labels: np.ndarray
    names: tuple[str, ...]
    hashes: tuple[str, ...]


def map_file(path: str | Path) -> mmap.mmap:
    """The file, mapped read only; OSError or ValueError where that fails, an empty one included."""
    with open(path, "rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def read_index(folder: Path, manifest: dict, check: bool = False) -> Index:
    """Read where everything stands; KitError naming the file where shards are absent, cut short, damaged or not as the
    manifest says. check: compare every checksum, of the files and of the records, too.
    """
    shards = tuple(sorted(manifest["shards"]))
    if not shards or shards != shard_names(len(shards)):
        raise KitError(f"{folder / MANIFEST} lists no whole row of shards; {PACK_AGAIN}")
    places: list[tuple[int, int, int]] = []
    labels: list[tuple[int, ...]] = []
    names: list[str] = []
    hashes: list[str] = []
    for number, name in enumerate(shards):
        path, entry = folder / name, manifest["shards"][name]
        try:
            size = os.path.getsize(path)
            if size != entry["bytes"]:
                raise KitError(f"{path} has {size:,} bytes and {entry['bytes']:,} are in the manifest; {PACK_AGAIN}")
            if check and file_sha256(path) != entry["sha256"]:
                _name_damage(path)
            before = len(names)
            if size:
                with map_file(path) as content:
                    _read_shard(content, path, number, manifest, check, (places, labels, names, hashes))
        except OSError as error:
            raise KitError(f"cannot read {path}: {error.strerror or error}; {PACK_AGAIN}") from error
        if len(names) - before != entry["images"]:
            raise KitError(f"{path} holds {len(names) - before} images and {entry['images']} are in the manifest; "
                           f"{PACK_AGAIN}")
    if not names:
        raise KitError(f"{folder} holds no image; {PACK_AGAIN}")
    attributes = manifest["attributes"]
    values = {value for row in labels for value in row}
    if {len(row) for row in labels} != {attributes or 1} or (attributes and not values <= {0, 1}):
        wanted = f"{attributes} attributes" if attributes else "one class"
        raise KitError(f"the labels in {folder} are not {wanted} for each image, as its manifest says; {PACK_AGAIN}")
    array = np.array(labels, np.uint8) if attributes else np.array(labels, np.int64)[:, 0]
    return Index(shards, np.array(places, np.int64), array, tuple(names), tuple(hashes))


def _name_damage(path: Path) -> None:
    """Say which record is damaged or, where all agree with their own checksums, that the file is another one."""
    with map_file(path) as content:
        for _ in record_spans(content, str(path)):
            pass
    raise KitError(f"{path} is not the file that was packed: its checksum is not the one in the manifest; {PACK_AGAIN}")


def _read_shard(content: mmap.mmap, path: Path, number: int, manifest: dict, check: bool,
                into: tuple[list, ...]) -> None:
    places, labels, names, hashes = into
    known: dict[int, list[_Layout]] = {}  # by the length of the record
    for start, stop in record_spans(content, str(path), check):
        alike = known.setdefault(stop - start, [])
        layout = next((layout for layout in alike if layout.fits(content, start)), None)
        if layout is None:
            try:
                layout = _layout(content, start, stop, manifest)
            except Malformed as error:
                raise KitError(f"{path}, record at byte {start - 12:,}: {error}; {PACK_AGAIN}") from error
            alike[:] = [layout, *alike[:MOST_LAYOUTS - 1]]
        begin, end = layout.encoded
        name, digest = (content[start + first:start + last] for first, last in (layout.name, layout.digest))
        places.append((number, start + begin, start + end))
        labels.append(layout.label)
        names.append(name.decode("utf-8", "surrogateescape"))
        hashes.append(digest.decode("utf-8", "replace"))  # what is damaged has another fingerprint


@dataclass(frozen=True)
class _Layout:
    """Where an Example has its pixels, name and hash, counted from its start, and `fixed`, all of its other bytes.

    Another Example of the same length and with the same other bytes is parsed to the same places and the same label, so
    it need not be parsed: of 200,000 raw images that saves most of a quarter of a minute.
    """

    encoded: tuple[int, int]
    name: tuple[int, int]
    digest: tuple[int, int]
    label: tuple[int, ...]
    fixed: tuple[tuple[int, int, bytes], ...]

    def fits(self, content: mmap.mmap, start: int) -> bool:
        """Whether the Example of the same length at `start` has the same other bytes."""
        return all(content[start + first:start + last] == part for first, last, part in self.fixed)


def _layout(content: mmap.mmap, start: int, stop: int, manifest: dict) -> _Layout:
    """Of the Example in content[start:stop]; Malformed where it is not what the manifest says."""
    size, encoding = manifest["size"], manifest["encoding"]
    features = parse_example(content, start, stop)
    spans = {key: _one(features, f"image/{key}", BYTES) for key in ("encoded", "format", "filename", "sha256")}
    shape = [_one(features, f"image/{side}", INTEGERS) for side in ("height", "width", "channels")]
    form = content[slice(*spans.pop("format"))].decode("utf-8", "replace")
    begin, end = spans["encoded"]
    if shape != [size, size, 3] or form != encoding or (form == "raw" and end - begin != 3 * size * size):
        raise Malformed(f"{'x'.join(map(str, shape))} {form[:20]!r} of {end - begin:,} bytes is not {size}x{size} "
                        f"{encoding}")
    kind, label = features.get("image/class/label", (0, ()))
    if kind != INTEGERS:
        raise Malformed("image/class/label is absent")
    edges = [start, *(edge for span in sorted(spans.values()) for edge in span), stop]
    fixed = tuple((first - start, last - start, content[first:last]) for first, last in zip(edges[::2], edges[1::2]))
    encoded, name, digest = ((first - start, last - start) for first, last in spans.values())
    return _Layout(encoded, name, digest, tuple(label), fixed)


def _one(features: dict, name: str, kind: int):
    """The only value of a feature."""
    found, values = features.get(name, (0, ()))
    if found != kind or len(values) != 1:
        raise Malformed(f"{name} is absent or not one value of its kind")
    return values[0]
