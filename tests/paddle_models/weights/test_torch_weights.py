"""PyTorch's weight files are read without PyTorch; hostile and damaged ones run nothing and are named."""

import zipfile

import numpy as np
import pytest

from data_tools.errors import KitError
from paddle_models.weights.torch_weights import read_torch
from tests.paddle_models.weights.torch_file import (
    dictionary,
    name,
    number,
    of_array,
    pickled,
    save,
    save_legacy,
    sequence,
    tensor,
    text,
    write_zip,
)

RNG = np.random.default_rng(0)
ARRAYS = {"conv.weight": RNG.random((4, 3, 2, 2), dtype="float32"), "half": RNG.random(5).astype("float16"),
          "double": RNG.random((2, 3)), "count": np.array(7, "int64"), "flag": np.array([True, False]),
          "empty": np.zeros((0, 3), "float32")}


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for key, array in expected.items():
        np.testing.assert_array_equal(found[key], array)
        assert found[key].dtype == array.dtype and found[key].shape == array.shape


@pytest.mark.parametrize("writer", [save, save_legacy])
def test_reads_what_torch_saves(tmp_path, writer):
    assert_same(read_torch(writer(tmp_path / "w.pth", ARRAYS)), ARRAYS)


@pytest.mark.parametrize("key", ["state_dict", "model"])
def test_looks_into_a_checkpoint(tmp_path, key):
    options = name("argparse", "Namespace") + b")R" + dictionary({"lr": b"G" + bytes(8)}) + b"b"
    path = save(tmp_path / "w.pth.tar", ARRAYS, lambda state: dictionary(
        {"epoch": number(3), "args": options, "optimizer": dictionary({"state": dictionary({})}), key: state}))
    assert_same(read_torch(path), ARRAYS)


@pytest.mark.parametrize("key", ["state_dict", "params_ema"])
def test_a_stray_tensor_on_top_hides_no_weights(tmp_path, key):
    path = save(tmp_path / "w.pth.tar", ARRAYS, lambda state: dictionary(
        {"best_acc1": tensor("0", "FloatStorage", ARRAYS["conv.weight"].size, (), ()), key: state}))
    assert_same(read_torch(path), ARRAYS)


@pytest.mark.parametrize("writer", [save, save_legacy])
def test_nan_is_refused(tmp_path, writer):
    path = writer(tmp_path / "w.pth", {**ARRAYS, "bad": np.array([1, np.inf], "float32")})
    with pytest.raises(KitError, match="w.pth: 1 arrays hold NaN or infinity, the first is 'bad'"):
        read_torch(path)


@pytest.mark.parametrize("key", ["network", "state_dict_ema"])
def test_averages_alone_are_read_and_beside_weights_not(tmp_path, key):
    path = save(tmp_path / "w.pth", ARRAYS, lambda state: dictionary({key: state}))
    assert_same(read_torch(path), ARRAYS)
    other = tensor("0", "FloatStorage", ARRAYS["conv.weight"].size, (2,), (1,))
    path = save(tmp_path / "w.pth", ARRAYS, lambda state: dictionary({"model_ema": dictionary({"a": other}),
                                                                      "model": state}))
    assert_same(read_torch(path), ARRAYS)


def test_views_and_bfloat16(tmp_path):
    numbers = np.arange(12, dtype="float32")
    bits = (np.array([1.5, -2.0, 3e38], "float32").view("uint32") >> 16).astype("uint16")
    state = dictionary({"turned": tensor("0", "FloatStorage", 12, (4, 3), (1, 4)),
                        "part": tensor("0", "FloatStorage", 12, (2, 2), (4, 1), offset=5),
                        "parameter": name("torch._utils", "_rebuild_parameter") + sequence(
                            tensor("0", "FloatStorage", 12, (12,), (1,)), b"\x88", dictionary({}, True)) + b"R",
                        "brain": of_array("1", bits)})
    found = read_torch(write_zip(tmp_path / "w.pth", state, {"0": numbers.tobytes(), "1": bits.tobytes()}))
    np.testing.assert_array_equal(found["turned"], numbers.reshape(3, 4).T)
    np.testing.assert_array_equal(found["part"], [[5, 6], [9, 10]])
    np.testing.assert_array_equal(found["parameter"], numbers)
    np.testing.assert_allclose(found["brain"], [1.5, -2.0, 3e38], rtol=0.01)
    assert found["brain"].dtype == np.float32


# ---- hostile and damaged files

CALLS = {
    "posix.system": name("posix", "system") + sequence(text("touch marker")) + b"R",
    "builtins.eval": b"\x8c\x08builtins\x8c\x04eval\x93" + sequence(text("open('marker', 'w')")) + b"R",
    "torch._utils._rebuild_tensor_v2.__globals__": name("torch._utils", "_rebuild_tensor_v2.__globals__"),
    "numpy.load": name("numpy", "load"),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("legacy", [False, True])
def test_hostile_files_run_nothing(tmp_path, monkeypatch, call, legacy):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "hostile.pth"
    if legacy:
        path.write_bytes(pickled(CALLS[call]))
    else:
        write_zip(path, dictionary({"a": CALLS[call]}), {})
    with pytest.raises(KitError, match=f"hostile.pth.*it would call {call}.*safetensors"):
        read_torch(path)
    assert not (tmp_path / "marker").exists()


FLOATS = np.zeros(4, "float32")
LIES = {
    "larger than its storage": (tensor("0", "FloatStorage", 4, (5,), (1,)), "reaches beyond"),
    "offset": (tensor("0", "FloatStorage", 4, (2,), (1,), offset=3), "reaches beyond"),
    "stride": (tensor("0", "FloatStorage", 4, (2, 2), (4, 1)), "reaches beyond"),
    "stride 0 makes a gigantic view": (tensor("0", "FloatStorage", 4, (2**30, 2**30), (0, 0)), "reaches beyond"),
    "negative stride": (tensor("0", "FloatStorage", 4, (2,), (-1,)), "not made of numbers"),
    "many dimensions": (tensor("0", "FloatStorage", 4, (1,) * 50, (1,) * 50), "not a view"),
    "longer storage": (tensor("0", "FloatStorage", 2**30, (4,), (1,)), "16 bytes instead of 4294967296"),
    "another type": (tensor("0", "DoubleStorage", 4, (4,), (1,)), "16 bytes instead of 32"),
    "unknown type": (tensor("0", "ComplexFloatStorage", 4, (4,), (1,)), "torch.ComplexFloatStorage"),
    "absent storage": (tensor("../../secret", "FloatStorage", 4, (4,), (1,)), "secret"),
    "no tensor": (number(3), "no dictionary of tensors"),
    "nested key": (b"}" + b")" + b"\x85" * 100_000 + b"Ns", "neither text nor numbers"),
    "set state": (name("torch", "FloatStorage") + dictionary({"a": b"N"}) + b"b", "state for something"),
}


@pytest.mark.parametrize("lie", LIES)
def test_false_claims_are_refused(tmp_path, lie):
    value, message = LIES[lie]
    path = write_zip(tmp_path / "liar.pth", dictionary({"a": value}), {"0": FLOATS.tobytes()})
    with pytest.raises(KitError, match=f"liar.pth.*{message}"):
        read_torch(path)


def test_compressed_archives_are_refused(tmp_path):
    """torch never compresses; a small file could claim gigabytes."""
    path = write_zip(tmp_path / "bomb.pth", dictionary({}), {"0": bytes(10**6)}, zipfile.ZIP_DEFLATED)
    with pytest.raises(KitError, match="bomb.pth.*compressed"):
        read_torch(path)


def test_big_endian_files_are_refused(tmp_path):
    path = write_zip(tmp_path / "w.pth", dictionary({}), {}, extra={"archive/byteorder": b"big"})
    with pytest.raises(KitError, match="big-endian"):
        read_torch(path)


@pytest.mark.parametrize("content", [b"", b"PK\3\4", b"<!DOCTYPE html>", b"\x80\x02", b"\x80\x02]."])
def test_other_files_are_named(tmp_path, content):
    (tmp_path / "page.pth").write_bytes(content)
    with pytest.raises(KitError, match="page.pth: not a plain PyTorch weight file"):
        read_torch(tmp_path / "page.pth")


@pytest.mark.parametrize("writer", [save, save_legacy])
def test_damage_anywhere_is_a_message_and_nothing_else(tmp_path, writer):
    """Every second cut and 300 flipped bytes: either the arrays are read or a KitError names the file."""
    good = writer(tmp_path / "good.pth", {"a": ARRAYS["conv.weight"], "b": ARRAYS["half"]}).read_bytes()
    rng, refused = np.random.default_rng(1), 0
    damaged = [good[:length] for length in range(0, len(good), 2)]
    for _ in range(300):
        copy = bytearray(good)
        copy[rng.integers(len(copy))] ^= 1 << rng.integers(8)
        damaged.append(bytes(copy))
    for content in damaged:
        (tmp_path / "bad.pth").write_bytes(content)
        try:
            read_torch(tmp_path / "bad.pth")
        except KitError as error:
            assert "bad.pth" in str(error)
            refused += 1
    assert refused > len(good) // 2 - 2


def test_missing_file(tmp_path):
    with pytest.raises(KitError, match="none.pth.*No such file"):
        read_torch(tmp_path / "none.pth")


@pytest.mark.realdata
def test_the_published_swift_srgan_weights(realdata):
    arrays = read_torch(realdata / "weights" / "swift_srgan_4x.pth.tar")
    trained = sum(array.size for key, array in arrays.items()
                  if not key.endswith(("running_mean", "running_var", "num_batches_tracked")))
    assert trained == 201_209  # the generator's published size
    assert all(np.isfinite(array).all() for array in arrays.values())
