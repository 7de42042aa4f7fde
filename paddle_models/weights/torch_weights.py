"""Arrays out of PyTorch's .pth and .pth.tar files without PyTorch and without unpickling.

`torch.save` writes a pickle of the structure and, beside it, the raw bytes of every storage; a tensor is a view of a
storage. Since PyTorch 1.6 (2020) all that is a zip archive with members data.pkl and data/0, data/1 ...; before, it was
a row of pickles followed by the storages. Both are read. `pickle_reader` interprets the pickles; what a file claims
about sizes is compared with the bytes that are there before anything is made of it.
"""

import io
import math
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from data_tools.errors import KitError
from paddle_models.weights.files import check_finite
from paddle_models.weights.pickle_reader import MALFORMED, interpret
from paddle_models.weights.plain_names import weights_in

LARGEST_RANK = 8
MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001  # how a file before 1.6 begins
BFLOAT16 = np.dtype([("bfloat16", "<u2")])  # NumPy has none; such arrays are widened to float32
ADVICE = "if you trust it, load it where PyTorch is installed and save its state_dict as .safetensors"


@dataclass(frozen=True)
class _Storage:
    dtype: np.dtype
    key: str
    count: int


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


class _Inert:
    """Stands for an object whose content is of no interest (training options, say)."""


def _tensor(storage, offset, size, stride, *_flags) -> _Tensor:
    if not isinstance(storage, _Storage) or not len(size) == len(stride) <= LARGEST_RANK:
        raise ValueError("a tensor that is not a view of a storage")
    if not all(isinstance(number, int) and number >= 0 for number in (offset, *size, *stride)):
        raise ValueError("a tensor whose shape is not made of numbers")
    count, last = math.prod(size), offset + sum((n - 1) * step for n, step in zip(size, stride))
    if count > storage.count or (count and last >= storage.count):
        raise ValueError(f"a tensor that reaches beyond its storage {storage.key[:20]}")
    return _Tensor(storage, offset, tuple(size), tuple(stride))


STORAGES: dict[str, Any] = {
    "FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2", "BFloat16Storage": BFLOAT16,
    "LongStorage": "<i8", "IntStorage": "<i4", "ShortStorage": "<i2", "CharStorage": "i1",
    "ByteStorage": "u1", "BoolStorage": "?"}
ALLOWED = {
    "collections OrderedDict": lambda: {},
    "torch._utils _rebuild_tensor_v2": _tensor,
    "torch._utils _rebuild_parameter": lambda tensor, *_flags: tensor,
    "argparse Namespace": _Inert,
    **{f"torch {name}": np.dtype(code) for name, code in STORAGES.items()},
}


def read_torch(path: str | Path) -> dict[str, np.ndarray]:
    """{name: array} of a state dictionary saved by `torch.save`, read-only; bfloat16 becomes float32.

    The dictionary may lie in a larger one, as training codes write it, see weights_in(). Raises KitError, naming the
    file, when it cannot be read, is cut short, holds no such dictionary, NaN or infinity, or would call something that
    is not on the list above.
    """
    path = Path(path)
    try:
        with open(path, "rb") as file:
            is_zip = file.read(4) == b"PK\3\4"
            file.seek(0)
            content, load = _read_zip(file, path.stat().st_size) if is_zip else _read_legacy(file)
        tensors = weights_in(content, lambda value: isinstance(value, _Tensor), str(path))
        arrays = {name: _array(tensor, load) for name, tensor in tensors.items()}
    except OSError as error:
        raise KitError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except (*MALFORMED, zipfile.BadZipFile, NotImplementedError, EOFError) as error:
        raise KitError(f"{path}: not a plain PyTorch weight file ({error}); {ADVICE}") from error
    check_finite(path, arrays)
    return arrays


def _read_zip(file, size: int) -> tuple[object, Callable[[_Storage], bytes]]:
    """Structure of a zip archive, and a function that gives the bytes of a storage."""
    with zipfile.ZipFile(file) as archive:
        members = {member.filename: member for member in archive.infolist()}
        if any(m.compress_type != zipfile.ZIP_STORED or m.flag_bits & 1 or m.file_size != m.compress_size
               for m in members.values()):
            raise ValueError("members of the archive are compressed or encrypted, which PyTorch does not do")
        if sum(member.file_size for member in members.values()) > size:
            raise ValueError("the archive claims more bytes than it has")
        roots = [name[:-len("data.pkl")] for name in members if name.endswith("/data.pkl") and name.count("/") == 1]
        if len(roots) != 1:
            raise ValueError("the archive has no member data.pkl")
        if roots[0] + "byteorder" in members and archive.read(roots[0] + "byteorder") != b"little":
            raise ValueError("big-endian numbers")
        content = interpret(archive.read(roots[0] + "data.pkl"), ALLOWED, _build, _storage)
        blobs = {name: archive.read(name) for name in members if name.startswith(roots[0] + "data/")}
    return content, lambda storage: blobs[f"{roots[0]}data/{storage.key}"]


def _read_legacy(file) -> tuple[object, Callable[[_Storage], bytes]]:
    """Structure of a file from before PyTorch 1.6, and a function that gives the bytes of a storage."""
    rest = io.BytesIO(file.read())
    storages: dict[str, _Storage] = {}

    def persistent(identity) -> _Storage:
        if len(identity) == 6 and identity[5] is not None:
            raise ValueError("storages that are parts of others")
        storage = _storage(identity[:5])
        return storages.setdefault(storage.key, storage)

    def following(persistent=None):
        return interpret(rest, ALLOWED, _build, persistent)

    if following() != MAGIC or following() != PROTOCOL:
        raise ValueError("it begins like no file of torch.save")
    if following().get("little_endian") is not True:
        raise ValueError("big-endian numbers")
    content, keys, blobs = following(persistent), following(), {}
    for key in keys:
        if not isinstance(key, str):
            raise ValueError("a storage without a name")
        size = storages[key].count * storages[key].dtype.itemsize
        if int.from_bytes(rest.read(8), "little") != storages[key].count or key in blobs:
            raise ValueError(f"storage {key[:20]} has another length than its tensors say")
        blobs[key] = rest.read(size)
    return content, lambda storage: blobs[storage.key]


def _storage(identity) -> _Storage:
    kind, dtype, key, _device, count = identity
    if kind != "storage" or not (isinstance(dtype, np.dtype) and isinstance(key, str) and isinstance(count, int)
                                 and count >= 0):
        raise ValueError("something beside the pickle that is no storage of numbers")
    return _Storage(dtype, key, count)


def _build(target, _state) -> None:
    """The attribute _metadata of a state dictionary and the content of an inert object are left out."""
    if not isinstance(target, (dict, _Inert)):
        raise ValueError("state for something that is not a dictionary")


def _array(tensor: _Tensor, load: Callable[[_Storage], bytes]) -> np.ndarray:
    storage = tensor.storage
    raw = load(storage)
    if len(raw) != storage.count * storage.dtype.itemsize:
        raise ValueError(f"storage {storage.key[:20]} has {len(raw)} bytes instead of "
                         f"{storage.count * storage.dtype.itemsize}; the file may be cut short")
    flat = np.frombuffer(raw, storage.dtype)[tensor.offset:]
    strides = [step * storage.dtype.itemsize for step in tensor.stride]
    view = np.lib.stride_tricks.as_strided(flat, tensor.size, strides, writeable=False)
    if storage.dtype == BFLOAT16:
        return (view["bfloat16"].astype(np.uint32) << 16).view(np.float32)
    return view
