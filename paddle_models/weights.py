"""Weight files: safetensors in and out, with the care that files from elsewhere need, and a canonical hash.

Nothing here unpickles. Paddle's own `.pdparams` files are pickles; `pdparams.py` reads the arrays out of them
without executing anything.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from data_tools.errors import KitError
from data_tools.files import write_atomically

LARGEST_HEADER = 100_000_000  # bytes; the limit of the safetensors format


def save_weights(path: str | Path, arrays: dict[str, np.ndarray],
                 metadata: dict[str, str] | None = None) -> None:
    """Write {name: array} and {str: str} metadata as safetensors, whole or not at all."""
    contiguous = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    write_atomically(Path(path), save(contiguous, metadata))


def load_weights(path: str | Path, refuse_nan: bool = False) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """({name: array}, metadata) of a safetensors file.

    Raises KitError, naming the file, when it is missing, cut short or no safetensors file, when it holds a
    type that NumPy lacks (bfloat16, float8), and with `refuse_nan` when a floating array holds NaN or
    infinity.
    """
    path = Path(path)
    header = read_header(path)
    try:
        arrays = load_file(str(path))
    except (KeyError, TypeError) as error:
        raise KitError(f"{path}: holds a type that NumPy lacks ({error}); convert it to float32") from error
    except (OSError, SafetensorError, ValueError) as error:
        raise KitError(f"{path}: not readable as safetensors ({error}); fetch it again") from error
    if refuse_nan:
        _refuse_nan(path, arrays)
    return arrays, header.get("__metadata__", {})


def read_header(path: str | Path) -> dict:
    """The JSON header of a safetensors file: {name: {dtype, shape, data_offsets}, "__metadata__": {...}}.

    The claimed length is compared with the file's size before a byte of it is read.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        with open(path, "rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or length > min(size - 8, LARGEST_HEADER):
                raise KitError(f"{path}: not a safetensors file or cut short: {size} bytes, of which the "
                               f"header would take {length}; fetch it again")
            header = json.loads(file.read(length).decode("utf-8"))
    except OSError as error:
        raise KitError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise KitError(f"{path}: not a safetensors file, its header is no JSON; fetch it again") from error
    if not isinstance(header, dict):
        raise KitError(f"{path}: not a safetensors file, its header is no JSON object; fetch it again")
    return header


def _refuse_nan(path: Path, arrays: dict[str, np.ndarray]) -> None:
    bad = [name for name, a in arrays.items() if a.dtype.kind == "f" and not np.isfinite(a).all()]
    if bad:
        raise KitError(f"{path}: {len(bad)} arrays hold NaN or infinity, the first is {bad[0]!r}; "
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
