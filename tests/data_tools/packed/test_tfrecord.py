"""TFRecord and tf.train.Example without TensorFlow: bytes that TensorFlow wrote, and bytes that nobody should write."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_tools.errors import KitError
from data_tools.packed.tfrecord import (
    MAX_RECORD,
    Malformed,
    decode_example,
    encode_example,
    frame,
    masked_crc,
    parse_example,
    read_examples,
    record_spans,
)

# A file of one record, written by TensorFlow 2.21 (tf.io.TFRecordWriter, SerializeToString(deterministic=True)) of the
# features below and one without any list, "none".
BY_TENSORFLOW = bytes.fromhex(
    "6e00000000000000c4bf33640a6c0a2f0a11696d6167652f636c6173732f6c6162656c121a1a180a1601ffffffffffffffffff01ac0280808080"
    "80808080400a180a0d696d6167652f656e636f64656412070a050a030001ff0a080a046e6f6e6512000a150a0573636f7265120c120a0a080000"
    "003f000000c04aa1cdc1")
FEATURES = {"image/encoded": b"\x00\x01\xff", "image/class/label": [1, -1, 300, 2**62], "score": [0.5, -2.0]}
NONE = bytes.fromhex("0a080a046e6f6e651200")  # the entry "none", which encode_example has no use for


def lists(features: dict) -> dict:
    return {name: value if isinstance(value, list) else [value] for name, value in features.items()}


def test_reads_what_tensorflow_wrote(tmp_path):
    path = tmp_path / "one.tfrecord"
    path.write_bytes(BY_TENSORFLOW)
    assert list(read_examples(path)) == [{**lists(FEATURES), "none": []}]


def test_writes_what_tensorflow_writes():
    (start, stop), = record_spans(BY_TENSORFLOW, "one")
    theirs = BY_TENSORFLOW[start:stop]
    ours = encode_example(FEATURES)
    assert ours[2:] == theirs[2:].replace(NONE, b"") and ours[:1] == theirs[:1] and ours[1] == theirs[1] - len(NONE)
    assert frame(theirs) == BY_TENSORFLOW


def test_masked_crc_of_the_check_value():
    """CRC-32C of "123456789" is 0xE3069283 (RFC 3720); the mask is TFRecord's."""
    crc = 0xE3069283
    assert masked_crc(b"123456789") == ((crc >> 15 | crc << 17 & 0xFFFFFFFF) + 0xA282EAD8) % 2**32


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.text(max_size=5), st.one_of(
    st.lists(st.binary(max_size=9), min_size=1, max_size=4), st.lists(st.integers(-2**63, 2**63 - 1), max_size=4),
    st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=4)), max_size=4))
def test_what_is_encoded_is_decoded(features):
    assert decode_example(encode_example(features)) == features


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 109), st.integers(0, 255))
def test_no_bytes_are_read_beyond_or_crash(noise, place, value):
    changed = bytearray(BY_TENSORFLOW[12:-4])
    changed[place] = value
    for data in (noise, bytes(changed)):
        try:
            found = parse_example(data)
        except Malformed:
            continue
        assert all(0 <= a <= b <= len(data) for kind, values in found.values() if kind == 1 for a, b in values)


def test_unpacked_numbers_and_unknown_fields_are_read():
    """Old writers do not pack; a newer one may add fields of any wire type."""
    def part(number, content):
        return bytes([number << 3 | 2, len(content)]) + content
    integers = part(3, b"\x08\x05\x08\xac\x02" + b"\x10\x07")  # 5 and 300; field 2 is unknown
    floats = part(2, b"\x0d" + struct.pack("<f", 1.5))
    entries = part(1, part(1, b"i") + part(2, integers)) + part(1, part(1, b"f") + part(2, floats))
    data = part(1, entries) + b"\x10\x01" + b"\x19" + bytes(8) + b"\x25" + bytes(4)
    assert decode_example(data) == {"i": [5, 300], "f": [1.5]}


@pytest.mark.parametrize("data, problem", [
    (b"\x0a\x05\x0a", "claims"), (b"\x0a" + b"\xff" * 9 + b"\x01", "claims"),
    (b"\x0a" + b"\xff" * 10 + b"\x01", "ten bytes"),
    (b"\x0b", "wire type 3"), (b"\x0a", "cut short"), (b"\x02\x00", "field number 0"),
    (b"\x0a\x0a\x0a\x08\x12\x06\x12\x04\x0a\x02ab", "float32"),
    (b"\x0a\x08\x0a\x06\x12\x04\x0a\x02\x08\x01", "wire type 0"),
])
def test_malformed_examples_say_what_is_wrong(data, problem):
    with pytest.raises(Malformed, match=problem):
        parse_example(data)


HUGE = struct.pack("<Q", 2**63)


@pytest.mark.parametrize("content, problem", [
    (BY_TENSORFLOW[:-1], "ends before that"), (BY_TENSORFLOW * 2 + b"abc", "middle of a record"),
    (b"not a TFRecord at all", "checksum of its length"),
    (HUGE + struct.pack("<I", masked_crc(HUGE)) + bytes(9), f"more than {MAX_RECORD:,}"),
    (BY_TENSORFLOW[:40] + b"?" + BY_TENSORFLOW[41:], "checksum of its data"),
    (BY_TENSORFLOW + frame(b"\x0a\x05\x0a"), "holds no tf.train.Example: field 1 claims"),
])
def test_damaged_files_are_named_with_the_place(tmp_path, content, problem):
    path = tmp_path / "damaged.tfrecord"
    path.write_bytes(content)
    with pytest.raises(KitError, match=problem) as caught:
        list(read_examples(path))
    place = content.startswith(BY_TENSORFLOW) * (len(content) // len(BY_TENSORFLOW)) * len(BY_TENSORFLOW)
    assert f"{path}, record at byte {place:,}" in str(caught.value)


def test_unchecked_reading_still_compares_the_lengths():
    damaged = BY_TENSORFLOW[:40] + b"?" + BY_TENSORFLOW[41:]
    assert list(record_spans(damaged, "x", check=False)) == [(12, 122)]
    with pytest.raises(KitError, match="checksum of its length"):
        list(record_spans(b"\x6f" + damaged[1:], "x", check=False))


def test_absent_file_and_numbers_out_of_range(tmp_path):
    with pytest.raises(KitError, match="cannot read .*nowhere"):
        list(read_examples(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match="outside int64"):
        encode_example({"x": 2**63})


def test_a_long_file_is_read_record_by_record(tmp_path):
    path, file = tmp_path / "long.tfrecord", io.BytesIO()
    for number in range(50):
        file.write(frame(encode_example({"number": number, "payload": np.full(1000, number, np.uint8).tobytes()})))
    path.write_bytes(file.getvalue())
    assert [example["number"] for example in read_examples(path)] == [[number] for number in range(50)]
