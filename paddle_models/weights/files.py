"""Weight files: safetensors in and out, with the care that files from elsewhere need, and a canonical hash.

Nothing here unpickles. Paddle's own `.pdparams` files are pickles; `pdparams.py` reads the arrays out of them
without executing anything.
"""

import hashlib
import json
import math
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from data_tools.errors import BadFile, KitError
from data_tools.files.atomic import AGAIN, write_atomically

LARGEST_HEADER = 100_000_000  # bytes; the limit of the safetensors format
ITEM_BYTES = {"BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "U16": 2, "I16": 2, "F16": 2, "BF16": 2,
              "U32": 4, "I32": 4, "F32": 4, "U64": 8, "I64": 8, "F64": 8}

NUMPY_KINDS = {"BOOL": "?", "U8": "u1", "I8": "i1", "U16": "<u2", "I16": "<i2", "F16": "<f2", "BF16": "<u2",
               "U32": "<u4", "I32": "<i4", "F32": "<f4", "U64": "<u8", "I64": "<i8", "F64": "<f8"}


def save_weights(path: str | Path, arrays: dict[str, np.ndarray],
                 metadata: dict[str, str] | None = None, again: str = AGAIN) -> None:
    """Write {name: array} and {str: str} metadata as safetensors, whole or not at all; `again` as of atomic_path."""
    contiguous = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    write_atomically(Path(path), save(contiguous, metadata), again)


def load_weights(path: str | Path, refuse_nan: bool = False) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """({name: array}, metadata) of a safetensors file; bfloat16 becomes float32, which loses nothing.

    Raises KitError, naming the file, when it is missing, cut short or no safetensors file, when it holds a
    type that NumPy lacks (float8), and with `refuse_nan` when a floating array holds NaN or
    infinity.
    """
    path = Path(path)
    header = read_header(path)
    try:
        halves = any(isinstance(entry, dict) and entry.get("dtype") == "BF16" for entry in header.values())
        arrays = _load_halves(path, header) if halves else load_file(str(path))
    except (KeyError, TypeError) as error:
        raise BadFile("bad-weights",
                      f"{path}: holds a type that NumPy lacks ({error}); convert it to float32") from error
    except (OSError, SafetensorError, ValueError) as error:
        raise BadFile("bad-weights", f"{path}: not readable as safetensors ({error}); fetch it again") from error
    if refuse_nan:
        check_finite(path, arrays)
    return arrays, header.get("__metadata__", {})


def _load_halves(path: Path, header: dict) -> dict[str, np.ndarray]:
    """The arrays of a file with bfloat16 among them, of which NumPy knows nothing."""
    check_layout(path)
    content = path.read_bytes()
    begin = 8 + int.from_bytes(content[:8], "little")
    arrays = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        first, last = entry["data_offsets"]
        kind = NUMPY_KINDS[entry["dtype"]]
        flat = np.frombuffer(content[begin + first:begin + last], kind)
        if entry["dtype"] == "BF16":
            flat = (flat.astype(np.uint32) << 16).view(np.float32)
        arrays[name] = flat.reshape(entry["shape"])
    return arrays


def read_header(path: str | Path, largest: int = LARGEST_HEADER) -> dict:
    """The JSON header of a safetensors file: {name: {dtype, shape, data_offsets}, "__metadata__": {...}}.

    The claimed length is compared with `largest` and with the file's size before a byte of it is read. Errors are of
    the kinds "huge-header", "truncated" and "bad-weights".
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        with open(path, "rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or length > min(size - 8, largest):
                kind = "huge-header" if size >= 8 and length > largest else "truncated"
                raise BadFile(kind, f"{path}: not a safetensors file or cut short: {size} bytes, of which the "
                                    f"header would take {length}; fetch it again")
            header = json.loads(file.read(length).decode("utf-8"))
    except OSError as error:
        raise KitError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except (ValueError, RecursionError) as error:
        raise BadFile("bad-weights",
                      f"{path}: not a safetensors file, its header is no JSON; fetch it again") from error
    if not isinstance(header, dict):
        raise BadFile("bad-weights", f"{path}: not a safetensors file, its header is no JSON object; fetch it again")
    return header


def check_layout(path: str | Path, largest: int = LARGEST_HEADER) -> dict:
    """read_header(), whose claims about shapes and places are compared with the file, of which no array is read.

    The arrays must lie one after the other from the header to the end of the file. Errors: "truncated" where the file
    ends before them, "bad-weights" for anything else.
    """
    path = Path(path)
    header = read_header(path, largest)
    with open(path, "rb") as file:
        room = path.stat().st_size - 8 - int.from_bytes(file.read(8), "little")
    places = []
    for name, entry in header.items():
        if name != "__metadata__":
            try:
                shape, (begin, end) = entry["shape"], entry["data_offsets"]
                numbers = [*shape, begin, end]
                sound = (all(type(n) is int and 0 <= n < 2**62 for n in numbers)
                         and math.prod(shape) * ITEM_BYTES[entry["dtype"]] == end - begin)
            except (KeyError, TypeError, ValueError):
                sound = False
            if not sound:
                raise BadFile("bad-weights", f"{path}: what the header says about {name[:80]!r} cannot be")
            places.append((begin, end))
    reached = 0
    for begin, end in sorted(places):
        if begin != reached:
            raise BadFile("bad-weights", f"{path}: its arrays overlap or leave gaps at byte {begin}")
        reached = end
    if reached > room:
        raise BadFile("truncated", f"{path}: cut short, {room} bytes of {reached}; fetch it again")
    if reached < room:
        raise BadFile("bad-weights", f"{path}: {room - reached} bytes more than its arrays take")
    return header


def check_finite(path: str | Path, arrays: dict[str, np.ndarray]) -> None:
    """BadFile naming the file and the first array that holds NaN or infinity."""
    bad = [name for name, a in arrays.items() if a.dtype.kind == "f" and not np.isfinite(a).all()]
    if bad:
        raise BadFile("not-finite", f"{path}: {len(bad)} arrays hold NaN or infinity, the first is {bad[0]!r}; "
                                    "take an earlier checkpoint")


def sha256_of_weights(state: dict[str, np.ndarray]) -> str:
    """Hex SHA-256 of {name: array}: names in sorted order, each with dtype, shape and little-endian bytes.

    It depends on the weights alone, neither on the order of the dict nor on the file format. Tensors are
    accepted too (anything `numpy.asarray` takes).
    """
    digest = hashlib.sha256()
    for name in sorted(state):
        array = np.asarray(state[name])
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        digest.update(json.dumps([name, array.dtype.str, list(array.shape)]).encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
