"""Files as `torch.save` writes them, put together by hand: pickle opcodes of protocol 2 and a zip archive."""

import struct
import zipfile

import numpy as np

KINDS = {"float32": "FloatStorage", "float64": "DoubleStorage", "float16": "HalfStorage", "int64": "LongStorage",
         "bool": "BoolStorage", "uint16": "BFloat16Storage"}


def text(value):
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def number(value):
    return b"J" + struct.pack("<i", value)


def sequence(*items):
    return b"(" + b"".join(items) + b"t"


def name(module, attribute):
    return f"c{module}\n{attribute}\n".encode()


def dictionary(pairs, ordered=False):
    start = name("collections", "OrderedDict") + b")R" if ordered else b"}"
    return start + b"(" + b"".join(text(key) + value for key, value in pairs.items()) + b"u"


def tensor(key, kind, count, shape, stride, offset=0, old=False):
    """A view of storage `key`, whose `kind` is that of torch and whose elements are `count`."""
    identity = sequence(text("storage"), name("torch", kind), text(key), text("cpu"), number(count),
                        *([b"N"] if old else []))
    view = [identity + b"Q", number(offset), sequence(*map(number, shape)), sequence(*map(number, stride))]
    return name("torch._utils", "_rebuild_tensor_v2") + sequence(*view, b"\x89", dictionary({}, ordered=True)) + b"R"


def pickled(value):
    return b"\x80\x02" + value + b"."


def of_array(key, array, old=False):
    strides = [step // array.itemsize for step in array.strides]
    return tensor(key, KINDS[array.dtype.name], array.size, array.shape, strides, old=old)


def write_zip(path, structure, storages, method=zipfile.ZIP_STORED, extra=()):
    """structure: what `pickled` takes. storages: {key: bytes}. extra: further members, {name: bytes}."""
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("archive/data.pkl", pickled(structure))
        for key, content in storages.items():
            archive.writestr(f"archive/data/{key}", content)
        for member, content in dict(extra).items():
            archive.writestr(member, content)
    return path


def save(path, arrays, wrap=lambda state: state):
    """{name: array} as torch.save(state_dict); wrap: puts the pickled state into something larger."""
    arrays = {key: np.ascontiguousarray(array).reshape(np.shape(array)) for key, array in arrays.items()}
    state = dictionary({key: of_array(str(i), a) for i, (key, a) in enumerate(arrays.items())}, ordered=True)
    state += dictionary({"_metadata": dictionary({})}) + b"b"
    return write_zip(path, wrap(state), {str(i): a.tobytes() for i, a in enumerate(arrays.values())})


def save_legacy(path, arrays):
    """The same as PyTorch wrote it before 1.6."""
    magic = b"\x8a\x0a" + (0x1950A86A20F9469CFC6C).to_bytes(10, "little")
    info = dictionary({"protocol_version": number(1001), "little_endian": b"\x88"})
    state = dictionary({key: of_array(key, a, old=True) for key, a in arrays.items()}, ordered=True)
    keys = b"](" + b"".join(map(text, arrays)) + b"e"
    content = b"".join(map(pickled, (magic, number(1001), info, state, keys)))
    path.write_bytes(content + b"".join(struct.pack("<q", a.size) + a.tobytes() for a in arrays.values()))
    return path
