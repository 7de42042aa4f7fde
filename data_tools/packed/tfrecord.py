"""TFRecord files of tf.train.Example, read and written without TensorFlow.

A file is a row of records: length (uint64, little-endian), masked CRC-32C of these 8 bytes (uint32), data, masked
CRC-32C of the data. Here the data is one tf.train.Example, a protocol buffer: a map from names to lists of bytes,
float32 or int64 (tensorflow/core/example/feature.proto). Lengths in a file are never trusted.
"""

import os
import struct
from array import array
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import google_crc32c

from data_tools.errors import KitError

MAX_RECORD = 64 * 2**20  # bytes; one image needs no more
HEAD, TAIL = 12, 4  # bytes around the data
VARINT, FIXED64, DELIMITED, FIXED32 = 0, 1, 2, 5  # protocol buffers' wire types
BYTES, FLOATS, INTEGERS = 1, 2, 3  # numbers of the lists in Feature
Value = str | bytes | int | float | Iterable
Feature = tuple[int, list | array]  # the number of its list and the values


class Malformed(ValueError):
    """What is wrong in an Example; the reader adds file and offset."""


def masked_crc(data: bytes) -> int:
    """CRC-32C rotated right by 15 and shifted by a constant, as TFRecord stores it: uint32."""
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def frame(data: bytes) -> bytes:
    """One record around `data`, ready to be appended to a file."""
    length = struct.pack("<Q", len(data))
    return b"".join((length, struct.pack("<I", masked_crc(length)), data, struct.pack("<I", masked_crc(data))))


def record_spans(content, file: str, check: bool = True, base: int = 0) -> Iterator[tuple[int, int]]:
    """(start, stop) of the data of each record in `content`, the bytes or the memory map of a whole file.

    check: compare the data's checksums too; those of the lengths always are. base: where in the file `content` begins.
    KitError names `file` and offset of the first record that is cut short, longer than MAX_RECORD or not what its
    checksum says.
    """
    position, end = 0, len(content)
    while position < end:
        where = f"{file}, record at byte {base + position:,}"
        if position + HEAD > end:
            raise KitError(f"{where}: the file ends in the middle of a record; fetch or pack it again")
        head = bytes(content[position:position + HEAD])
        length, crc = struct.unpack("<QI", head)
        if masked_crc(head[:8]) != crc:
            raise KitError(f"{where}: the checksum of its length is wrong: no TFRecord file, or damaged; fetch or pack "
                           f"it again")
        if length > MAX_RECORD:
            raise KitError(f"{where} claims {length:,} bytes; more than {MAX_RECORD:,} are not read")
        start, stop = position + HEAD, position + HEAD + length
        if stop + TAIL > end:
            raise KitError(f"{where} claims {length:,} bytes and the file ends before that; fetch or pack it again")
        if check and masked_crc(bytes(content[start:stop])) != struct.unpack("<I", bytes(content[stop:stop + TAIL]))[0]:
            raise KitError(f"{where}: the checksum of its data is wrong, the file is damaged; fetch or pack it again")
        yield start, stop
        position = stop + TAIL


def read_examples(path: str | Path) -> Iterator[dict[str, list]]:
    """Each Example of a TFRecord file as {name: list of bytes, float or int}; holds one record at a time.

    Every checksum is compared. KitError names file and offset of what is damaged.
    """
    try:
        with open(path, "rb") as file:
            size, position = os.fstat(file.fileno()).st_size, 0
            while position < size:
                head = file.read(HEAD)
                length = min(int.from_bytes(head[:8], "little"), MAX_RECORD, size)
                record = head + file.read(length + TAIL)
                (start, stop), = record_spans(record, str(path), base=position)
                try:
                    features = decode_example(record[start:stop])
                except Malformed as error:
                    raise KitError(f"{path}, record at byte {position:,} holds no tf.train.Example: {error}") from None
                yield features
                position += len(record)
    except OSError as error:
        raise KitError(f"cannot read {path}: {error.strerror or error}") from error


def encode_example(features: Mapping[str, Value]) -> bytes:
    """A tf.train.Example of {name: value or list of values}, names in order, so the same features give the same bytes.

    str and bytes become a bytes_list, int an int64_list, float a float_list; a list is of one kind.
    """
    entries = []
    for name in sorted(features):
        value = features[name]
        values = [value] if isinstance(value, (str, bytes, int, float)) else list(value)
        entries.append(_field(1, _field(1, name.encode()) + _field(2, _encode_list(name, values))))
    return _field(1, b"".join(entries))


def _encode_list(name: str, values: list) -> bytes:
    if all(isinstance(value, (str, bytes)) for value in values) and values:
        return _field(BYTES, b"".join(_field(1, v.encode() if isinstance(v, str) else v) for v in values))
    if any(isinstance(value, float) for value in values):
        return _field(FLOATS, _field(1, struct.pack(f"<{len(values)}f", *values)))
    if not all(-2**63 <= value < 2**63 for value in values):
        raise ValueError(f"{name} has a value outside int64")
    return _field(INTEGERS, _field(1, b"".join(_varint(value & 2**64 - 1) for value in values)))


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | DELIMITED) + _varint(len(content)) + content


def decode_example(data) -> dict[str, list]:
    """{name: list of bytes, float or int} of an encoded Example; Malformed says what is wrong in it."""
    return {name: [bytes(data[start:stop]) for start, stop in values] if kind == BYTES else list(values)
            for name, (kind, values) in parse_example(data).items()}


def parse_example(data, start: int = 0, stop: int | None = None) -> dict[str, Feature]:
    """{name: (BYTES, FLOATS or INTEGERS, values)} of the Example in data[start:stop]; bytes are given as the places
    (start, stop) in `data` where they stand, so that nothing large is copied. kind 0: a feature without any list.

    Unknown fields are passed over, as protocol buffers ask for. Raises Malformed.
    """
    found: dict[str, Feature] = {}
    for features in _parts(data, (start, len(data) if stop is None else stop), 1):  # Example.features
        for entry in _parts(data, features, 1):  # Features.feature, an entry of the map
            name = ""
            feature: Feature = (0, [])
            for number, _, span in _fields(data, *entry):
                if number == 1:
                    name = bytes(data[slice(*span)]).decode("utf-8", errors="replace")
                elif number == 2:
                    feature = _parse_feature(data, span)
            found[name] = feature  # the last of several counts
    return found


def _parse_feature(data, feature: tuple[int, int]) -> Feature:
    chosen = 0
    values: list | array = []
    for number, kind, content in _fields(data, *feature):
        if number not in (BYTES, FLOATS, INTEGERS) or kind != DELIMITED:
            continue
        if number != chosen:  # of a choice, the last one counts
            chosen, values = number, [] if number == BYTES else array("f" if number == FLOATS else "q")
        for inner, kind, span in _fields(data, *content):
            if inner == 1:
                _append(data, values, chosen, kind, *span)
    return chosen, values


def _append(data, values: list | array, chosen: int, kind: int, begin: int, end: int) -> None:
    """One value, or a run of packed ones."""
    if chosen == BYTES and kind == DELIMITED:
        values.append((begin, end))
    elif chosen == FLOATS and kind in (DELIMITED, FIXED32):
        if (end - begin) % 4:
            raise Malformed(f"{end - begin} bytes are no list of float32")
        values.extend(struct.unpack(f"<{(end - begin) // 4}f", bytes(data[begin:end])))
    elif chosen == INTEGERS and kind in (DELIMITED, VARINT):
        while begin < end:
            value, begin = _read_varint(data, begin, end)
            values.append(value - 2**64 if value >> 63 else value)
    else:
        raise Malformed(f"a list of kind {chosen} has a value of wire type {kind}")


def _parts(data, message: tuple[int, int], wanted: int) -> Iterator[tuple[int, int]]:
    """Places of the messages that stand under the number `wanted`."""
    return (span for number, kind, span in _fields(data, *message) if (number, kind) == (wanted, DELIMITED))


def _fields(data, position: int, end: int) -> Iterator[tuple[int, int, tuple[int, int]]]:
    """(number, wire type, place of the content) of each field of a message, all inside of it."""
    while position < end:
        key, position = _read_varint(data, position, end)
        number, kind = key >> 3, key & 7
        start = position
        if kind == VARINT:
            _, position = _read_varint(data, position, end)
        elif kind == FIXED64:
            position += 8
        elif kind == FIXED32:
            position += 4
        elif kind == DELIMITED:
            length, start = _read_varint(data, position, end)
            position = start + length
        else:
            raise Malformed(f"wire type {kind}")
        if position > end:
            raise Malformed(f"field {number} claims {position - start:,} bytes where {end - start:,} are left")
        if not number:
            raise Malformed("field number 0")
        yield number, kind, (start, position)


def _read_varint(data, position: int, end: int) -> tuple[int, int]:
    """(value below 2^64, position after it)."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= end:
            raise Malformed("a number is cut short")
        byte = data[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value & 2**64 - 1, position
    raise Malformed("a number of more than ten bytes")
