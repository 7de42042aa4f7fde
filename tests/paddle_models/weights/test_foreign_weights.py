"""Weights from other people's code: torchvision's, prefixes before every name, half precision, averages beside."""

import hashlib
import json

import numpy as np
import paddle
import pytest

from data_tools.errors import KitError
from paddle_models.weights.convert import convert, torchvision_name
from paddle_models.weights.files import load_weights, save_weights
from paddle_models.weights.pdparams import read_pdparams
from paddle_models.weights.plain_names import plain_names
from paddle_models.weights.torch_weights import read_torch
from paddle_models.weights.zoo import build_model, rebuild_model
from tests.paddle_models.weights.torch_file import dictionary, of_array, save, write_zip

TORCHVISION = {  # arrays and the beginning of the SHA-256 of "name shape" lines of torchvision 0.29.1's own networks
    "resnet18": (122, "5191d63ec3989592"), "resnet34": (218, "f8de2a1812ef85e4"), "resnet50": (320, "a87e91cd6bd1f939"),
    "resnet101": (626, "dbc3ca74fffafc72"), "resnet152": (932, "7d486dbdc941506e"),
    "mobilenet_v2": (314, "e3eb10f890f74c6e")}


def network(name, classes=1000):
    paddle.seed(3)
    model = build_model(name, classes)
    model.eval()
    return model


def torch_state(model):
    """The state of a network as torchvision has it."""
    state = {}
    for name, value in model.state_dict().items():
        array = value.numpy()
        if name.endswith("._mean"):
            state[name.replace("._mean", ".num_batches_tracked")] = np.array(1, "int64")
        name = name.replace("._mean", ".running_mean").replace("._variance", ".running_var")
        state[name] = array.T if array.ndim == 2 else array
    return state


@pytest.mark.parametrize("name", TORCHVISION)
def test_names_and_shapes_are_those_of_torchvision(name):
    lines = sorted(f"{key} {value.shape}" for key, value in torch_state(network(name)).items())
    found = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
    assert (len(lines), found) == TORCHVISION[name]
    assert torchvision_name("bn1.num_batches_tracked") is None


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2"])
def test_torchvision_weights_are_converted_and_wanted_with_their_inputs(tmp_path, name):
    original, out = network(name, 7), tmp_path / "ours.safetensors"
    convert(save(tmp_path / "w.pth", torch_state(original)), name, out)
    x = paddle.rand([2, 3, 64, 64]) * 2 - 1
    plain, published = build_model(name, 7, str(out)), build_model(name, 7, f"imagenet:{out}")
    rebuilt = rebuild_model(name, 7, f"imagenet:{out}", plain.state_dict())
    rebuilt.set_state_dict(plain.state_dict())
    for model in (plain, published, rebuilt):
        model.eval()
    np.testing.assert_array_equal(plain(x).numpy(), original(x).numpy())
    mean, deviation = (paddle.to_tensor(v).reshape([1, 3, 1, 1]) for v in ((.485, .456, .406), (.229, .224, .225)))
    wanted = original(((x + 1) / 2 - mean) / deviation).numpy()
    np.testing.assert_array_equal(published(x).numpy(), wanted)
    np.testing.assert_array_equal(rebuilt(x).numpy(), wanted)


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "model.", "module._orig_mod.", "model.network."])
@pytest.mark.parametrize("suffix", [".ckpt", ".safetensors"])
def test_what_stands_before_every_name_is_taken_off_and_said(tmp_path, capsys, prefix, suffix):
    original, source = network("resnet18", 3), tmp_path / f"w{suffix}"
    state = {f"{prefix}{name}": array.astype("float16") if array.dtype == np.float32 else array
             for name, array in torch_state(original).items()}
    (save if suffix == ".ckpt" else save_weights)(source, state)
    convert(source, "resnet18", tmp_path / "ours.safetensors")
    assert f"{source}: {prefix} before every name is taken off" in capsys.readouterr().out
    arrays = load_weights(tmp_path / "ours.safetensors")[0]
    assert {array.dtype.name for array in arrays.values()} == {"float32"}
    weight = original.state_dict()["fc.weight"].numpy()
    np.testing.assert_array_equal(arrays["fc.weight"], weight.astype("float16").astype("float32"))


@pytest.mark.parametrize("averages", ["model_ema.", "ema."])
def test_averages_beside_the_weights_are_left_out_and_said(capsys, averages):
    arrays = {"model.a": 1, "model.b": 2, f"{averages}a": 3, f"{averages}b": 4, "n_averaged": 5}
    assert plain_names(arrays, "w.pth") == {"a": 1, "b": 2}
    assert "moving averages beside them, are left out" in capsys.readouterr().out
    assert plain_names({f"{averages}a": 3}, "w.pth") == {"a": 3}
    capsys.readouterr()
    assert plain_names({"a.b": 1, "model.b": 2}, "w.pth") == {"a.b": 1, "model.b": 2} and capsys.readouterr().out == ""


@pytest.mark.parametrize("keys, taken, said", [
    (("model", "model_ema", "optimizer"), 0, "weights under 'model' are taken; moving averages under 'model_ema'"),
    (("ema", "state_dict"), 1, "weights under 'state_dict' are taken; moving averages under 'ema', beside them"),
    (("params", "params_ema"), 1, "moving averages under 'params_ema' are taken; weights under 'params', beside them"),
    (("teacher", "student"), 1, "weights under 'student' are taken; moving averages under 'teacher'"),
    (("g_ema",), 0, "")])
@pytest.mark.parametrize("kind", ["pth", "pdparams"])
def test_averages_under_a_key_of_their_own_are_said(tmp_path, capsys, keys, taken, said, kind):
    file = tmp_path / f"w.{kind}"
    states = [{"a": np.full(3, number, np.float32)} for number in range(len(keys))]
    if kind == "pdparams":
        paddle.save(dict(zip(keys, states)), str(file))
        arrays = read_pdparams(file)
    else:
        structure = dictionary({key: dictionary({"a": of_array(str(number), state["a"])})
                                for number, (key, state) in enumerate(zip(keys, states))})
        write_zip(file, structure, {str(number): state["a"].tobytes() for number, state in enumerate(states)})
        arrays = read_torch(file)
    assert set(arrays) == {"a"} and arrays["a"].tolist() == [taken] * 3
    out = capsys.readouterr().out
    assert said in out and out.count("\n") == bool(said)


def test_weights_one_dictionary_further_down(tmp_path, capsys):
    state = {"a": np.arange(3, dtype=np.float32)}
    of_a = dictionary({"a": of_array("0", state["a"])})
    for number, structure in enumerate((dictionary({"ema": dictionary({"module": of_a})}),
                                        dictionary({"model": dictionary({"state_dict": of_a})}))):
        file = write_zip(tmp_path / f"{number}.pth", structure, {"0": state["a"].tobytes()})
        assert read_torch(file)["a"].tolist() == [0, 1, 2]
    paddle.save({"ema": {"module": state}, "epoch": {"module": 3}}, str(tmp_path / "w.pdparams"))
    assert read_pdparams(tmp_path / "w.pdparams")["a"].tolist() == [0, 1, 2] and capsys.readouterr().out == ""


def test_a_prefix_in_weights_of_the_kit_s_own_kind(tmp_path, capsys):
    original = network("resnet18", 3)
    save_weights(tmp_path / "w.safetensors", {f"_layers.{n}": v.numpy() for n, v in original.state_dict().items()})
    model = build_model("resnet18", 3, str(tmp_path / "w.safetensors"))
    np.testing.assert_array_equal(model.fc.weight.numpy(), original.fc.weight.numpy())
    assert "_layers. before every name is taken off" in capsys.readouterr().out


def bfloat16_file(path, bits, dtype="BF16"):
    header = json.dumps({"w": {"dtype": dtype, "shape": list(bits.shape), "data_offsets": [0, bits.nbytes]},
                         "n": {"dtype": "I64", "shape": [], "data_offsets": [bits.nbytes, bits.nbytes + 8]}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + bits.tobytes() + (7).to_bytes(8, "little"))
    return path


def test_bfloat16_in_safetensors_is_widened(tmp_path):
    values = np.array([[1.5, -2.0], [3e38, 0.0078125]], "float32")
    bits = (values.view("uint32") >> 16).astype("uint16")
    arrays = load_weights(bfloat16_file(tmp_path / "w.safetensors", bits))[0]
    np.testing.assert_array_equal(arrays["w"], (bits.astype("uint32") << 16).view("float32"))
    assert arrays["w"].dtype == np.float32 and arrays["n"] == 7
    bad = bfloat16_file(tmp_path / "cut.safetensors", bits)
    bad.write_bytes(bad.read_bytes()[:-9])
    with pytest.raises(KitError, match="cut.safetensors"):
        load_weights(bad)
