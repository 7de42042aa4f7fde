"""Paddle's own weight files are read without unpickling, and a hostile one runs nothing."""

import time

import numpy as np
import paddle
import pytest
from paddle import nn

from data_tools.errors import KitError
from paddle_models.weights.pdparams import read_pdparams


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_reads_what_paddle_saves(tmp_path, protocol):
    paddle.seed(0)
    layer = nn.Sequential(nn.Conv2D(3, 4, 3), nn.BatchNorm2D(4))
    path = tmp_path / "layer.pdparams"
    paddle.save(layer.state_dict(), str(path), protocol=protocol)
    arrays = read_pdparams(path)
    assert arrays.keys() == layer.state_dict().keys()
    for name, value in layer.state_dict().items():
        np.testing.assert_array_equal(arrays[name], value.numpy())
        assert arrays[name].dtype == value.numpy().dtype


def test_other_types_and_shapes(tmp_path):
    state = {"scalar": np.array(3.5, "float32"), "count": np.arange(6).reshape(2, 3),
             "half": np.ones(2, "float16"), "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3))}
    path = tmp_path / "x.pdparams"
    paddle.save(state, str(path))
    arrays = read_pdparams(path)
    assert arrays.keys() == state.keys()
    for name in state:
        np.testing.assert_array_equal(arrays[name], state[name])


@pytest.mark.parametrize("content", [
    b"cos\nsystem\n(S'touch marker'\ntR.",  # the classic
    b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x0ctouch marker\x85R.",
    b"\x80\x02cnumpy\ndtype\n(cos\nsystem\ntR.",
    b"\x80\x02cnumpy\nload\n.",
])
def test_hostile_files_run_nothing(tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "hostile.pdparams"
    path.write_bytes(content)
    with pytest.raises(KitError, match="hostile.pdparams.*(it would call|opcode)"):
        read_pdparams(path)
    assert not (tmp_path / "marker").exists()


@pytest.mark.parametrize(
    "content", [b"", b"<!DOCTYPE html>", b"\x80\x04}", b"\x80\x04\x8e" + b"\xff" * 8, b"]."])
def test_damaged_files_are_named(tmp_path, content):
    path = tmp_path / "cut.pdparams"
    path.write_bytes(content)
    with pytest.raises(KitError, match="cut.pdparams: not a plain dictionary"):
        read_pdparams(path)


def test_object_arrays_are_refused(tmp_path):
    path = tmp_path / "objects.pdparams"
    paddle.save({"a": np.array([{}, None], dtype=object)}, str(path))
    with pytest.raises(KitError, match="objects"):
        read_pdparams(path)


@pytest.mark.parametrize("value", [3, "text", {"inner": np.ones(2, "float32")}, [np.ones(2, "float32")]])
def test_what_is_no_array_is_refused(tmp_path, value):
    path = tmp_path / "mixed.pdparams"
    paddle.save({"a": np.ones(2, "float32"), "odd one": value}, str(path))
    with pytest.raises(KitError, match="mixed.pdparams: not a plain dictionary of arrays .odd one is no array"):
        read_pdparams(path)


def test_nan_is_refused(tmp_path):
    path = tmp_path / "nan.pdparams"
    paddle.save({"a": np.ones(2, "float32"), "b": np.array([1, np.nan], "float32")}, str(path))
    with pytest.raises(KitError, match="nan.pdparams: 1 arrays hold NaN or infinity, the first is 'b'"):
        read_pdparams(path)


def test_missing_file(tmp_path):
    with pytest.raises(KitError, match="No such file"):
        read_pdparams(tmp_path / "none.pdparams")


def long_text(text):
    return b"X" + len(text).to_bytes(4, "little") + text


HUGE = {
    "marks far down": b"\x80\x02" + b"N" * 200_000 + b"(t" * 100_000 + b".",
    "marks that are not there": b"\x80\x02(0t.",
    "a large text again and again": b"\x80\x02c_codecs\nencode\nq\x00" + long_text(b"a" * 200_000) + b"q\x01"
                                    + long_text(b"latin1") + b"\x86q\x02" + b"h\x00h\x02R" * 40_000 + b".",
    "keys with one hash": b"\x80\x02}(" + b"".join(
        b"\x8a\x0b" + ((2**61 - 1) * n).to_bytes(11, "little") + b"N" for n in range(1, 30_000)) + b"u.",
    "a kind that takes for ever to write": b"\x80\x02cnumpy\ndtype\n" + b")" + b"q\x00h\x00h\x00\x86" * 200 + b"\x85R.",
}


@pytest.mark.parametrize("kind", HUGE)
def test_a_small_file_takes_no_long_time(tmp_path, kind):
    path = tmp_path / "slow.pdparams"
    path.write_bytes(HUGE[kind])
    begin = time.monotonic()
    with pytest.raises(KitError, match="slow.pdparams"):
        read_pdparams(path)
    assert time.monotonic() - begin < 20
