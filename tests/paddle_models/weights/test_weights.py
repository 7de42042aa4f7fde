"""Weight files: round trip, untrusted headers, canonical hash."""

import json
import struct

import numpy as np
import pytest

from data_tools.errors import BadFile, KitError
from paddle_models.weights.files import check_layout, load_weights, save_weights, sha256_of_weights

ARRAYS = {"b": np.arange(6, dtype=np.float32).reshape(2, 3), "a": np.float32(2.5), "n": np.array([1, 2])}


def write(path, header, data=b"", length=None):
    text = json.dumps(header).encode() if isinstance(header, dict) else header
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + data)
    return path


def test_round_trip_with_metadata(tmp_path):
    path = tmp_path / "deep" / "w.safetensors"
    save_weights(path, {**ARRAYS, "turned": ARRAYS["b"].T}, {"epoch": "3"})
    arrays, metadata = load_weights(path)
    assert metadata == {"epoch": "3"}
    assert arrays["a"].shape == ()
    np.testing.assert_array_equal(arrays["turned"], ARRAYS["b"].T)
    assert [p.name for p in path.parent.iterdir()] == ["w.safetensors"]


def test_no_metadata_is_an_empty_dictionary(tmp_path):
    save_weights(tmp_path / "w.safetensors", ARRAYS)
    assert load_weights(tmp_path / "w.safetensors")[1] == {}


@pytest.mark.parametrize("length", [2**63, 10**9, 1000])
def test_a_header_longer_than_the_file_is_refused_before_reading(tmp_path, length):
    path = write(tmp_path / "liar.safetensors", {}, length=length)
    with pytest.raises(KitError, match=f"liar.safetensors.*{length}"):
        load_weights(path)


@pytest.mark.parametrize("header", [b"<!DOCTYPE html>", b"\xff\xfe", b"[1]", b"[" * 90_000])
def test_a_header_that_is_not_an_object_is_refused(tmp_path, header):
    with pytest.raises(KitError, match="page.safetensors"):
        load_weights(write(tmp_path / "page.safetensors", header))


@pytest.mark.parametrize("entry", [
    {"dtype": "F32", "shape": [2**60], "data_offsets": [0, 4]},  # claims more than there is
    {"dtype": "F32", "shape": [1], "data_offsets": [0, 4000]},
    {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]},
    {"dtype": "BF16", "shape": [3], "data_offsets": [0, 4]},
])
def test_false_claims_about_arrays_are_refused(tmp_path, entry):
    with pytest.raises(KitError, match="x.safetensors"):
        load_weights(write(tmp_path / "x.safetensors", {"x": entry}, b"\0" * 4))


def tensor(begin, end, shape=(1,), dtype="F32"):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


@pytest.mark.parametrize("header, length, kind", [
    ({"x": tensor(0, 4)}, 10 << 30, "huge-header"), ({"x": tensor(0, 4)}, 5000, "truncated"),
    ({"x": tensor(0, 400, [100])}, None, "truncated"), ({"x": tensor(0, 4), "y": tensor(0, 4)}, None, "bad-weights"),
    ({"x": tensor(4, 8)}, None, "bad-weights"), ({"x": tensor(0, 4, [2])}, None, "bad-weights"),
    ({}, None, "bad-weights"),
    ({"x": tensor(0, 4, [-1])}, None, "bad-weights"), ({"x": tensor(0, 4, [True])}, None, "bad-weights"),
    ({"x": tensor(0, 4, dtype="F33")}, None, "bad-weights"), ({"x": tensor(0, 4, dtype=[])}, None, "bad-weights"),
    ({"x": 1}, None, "bad-weights"), ({"x": {"shape": 1}}, None, "bad-weights")])
def test_the_layout_is_checked_without_reading_an_array(tmp_path, header, length, kind):
    with pytest.raises(BadFile, match="x.safetensors") as caught:
        check_layout(write(tmp_path / "x.safetensors", header, b"\0" * 4, length))
    assert caught.value.kind == kind


def test_the_layout_of_what_the_kit_writes_is_sound(tmp_path):
    arrays = {**ARRAYS, "none": np.zeros((0, 3), np.float32), "half": np.ones(3, np.float16), "yes": np.array([True])}
    save_weights(tmp_path / "w.safetensors", arrays, {"epoch": "3"})
    assert set(check_layout(tmp_path / "w.safetensors")) == {*arrays, "__metadata__"}


def test_short_and_missing_files_are_named(tmp_path):
    (tmp_path / "short.safetensors").write_bytes(b"abc")
    with pytest.raises(KitError, match="short.safetensors.*cut short"):
        load_weights(tmp_path / "short.safetensors")
    with pytest.raises(KitError, match="none.safetensors.*No such file"):
        load_weights(tmp_path / "none.safetensors")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_is_refused_on_request(tmp_path, bad):
    path = tmp_path / "nan.safetensors"
    save_weights(path, {"fine": np.ones(2), "ill": np.array([1.0, bad])})
    assert set(load_weights(path)[0]) == {"fine", "ill"}
    with pytest.raises(KitError, match="nan.safetensors.*'ill'"):
        load_weights(path, refuse_nan=True)


def test_hash_sees_names_shapes_types_and_values_but_no_order():
    reference = sha256_of_weights(ARRAYS)
    assert sha256_of_weights(dict(reversed(ARRAYS.items()))) == reference
    assert sha256_of_weights({**ARRAYS, "b": np.asfortranarray(ARRAYS["b"])}) == reference
    assert sha256_of_weights({**ARRAYS, "b": ARRAYS["b"].astype(">f4")}) == reference
    others = [{**ARRAYS, "b": ARRAYS["b"].reshape(3, 2)}, {**ARRAYS, "b": ARRAYS["b"] + 1e-6},
              {**ARRAYS, "n": ARRAYS["n"].astype(np.int32)},
              {"c": ARRAYS["b"], "a": ARRAYS["a"], "n": ARRAYS["n"]}]
    assert len({sha256_of_weights(other) for other in others} | {reference}) == 5
