"""PyTorch weights by name: the authors' names and timm's, heads, image sizes, and the command."""

import re

import numpy as np
import paddle
import pytest

from assignments.__main__ import main
from data_tools.errors import KitError
from paddle_models.networks.efficientformer_v2 import BiasTable, efficientformer_v2
from paddle_models.weights.convert import convert, load_converted
from paddle_models.weights.efficientformer_v2_weights import from_torch_name
from paddle_models.weights.files import load_weights, save_weights
from tests.paddle_models.weights.torch_file import save

STEPS = {"query": "q", "key": "k", "value": "v", "local": "v_local", "reduce": "stride_conv"}


def authors_name(name):
    """The authors' name of one of ours, or of a part of it, written the other way round than the kit's table."""
    name = name.replace("_mean", "running_mean").replace("_variance", "running_var").replace("bias.table",
                                                                                             "attention_biases")
    name = re.sub(r"^stem\.(\d)\.(conv|norm)", lambda m: f"patch_embed.{3 * int(m[1]) + (m[2] == 'norm')}", name)
    name = re.sub(r"^stages\.(\d)\.blocks", lambda m: f"network.{2 * int(m[1])}", name)
    name = re.sub(r"^stages\.(\d)\.downsample", lambda m: f"network.{2 * int(m[1]) - 1}", name)
    name = re.sub(r"^network\.([13])\.conv", r"network.\1.proj", name)
    name = name.replace("network.5.plain.norm", "network.5.bn").replace("network.5.plain", "network.5")
    name = name.replace("attention.query.local", "attention.q.local.0")
    name = re.sub(r"attention\.query\.project\.(conv|norm)", lambda m: f"attention.q.proj.{int(m[1] == 'norm')}", name)
    name = re.sub(r"attention\.(query|key|value|local|reduce)\.(conv|norm)",
                  lambda m: f"attention.{STEPS[m[1]]}.{int(m[2] == 'norm')}", name)
    name = re.sub(r"attention\.project\.(conv|norm)", lambda m: f"attention.proj.{1 + (m[1] == 'norm')}", name)
    name = name.replace("talk_before", "talking_head1").replace("talk_after", "talking_head2")
    name = name.replace("network.5.attention", "network.5.attn").replace("attention.", "token_mixer.")
    for ours, conv, norm in (("expand", "fc1", "norm1"), ("mix", "mid", "mid_norm"), ("project", "fc2", "norm2")):
        name = name.replace(f"ffn.{ours}.conv", f"mlp.{conv}").replace(f"ffn.{ours}.norm", f"mlp.{norm}")
    name = name.replace("attention_scale", "layer_scale_1").replace("ffn_scale", "layer_scale_2")
    return name.replace("distillation_head", "dist_head")


def authors_state(network):
    state = {"network.4.4.token_mixer.attention_bias_idxs": np.zeros((4, 4), "int64"),
             "norm.num_batches_tracked": np.array(5, "int64")}
    for name, value in network.state_dict().items():
        array = value.numpy()
        array = array.T if name in ("head.weight", "distillation_head.weight") else array
        state[authors_name(name)] = array[:, None, None] if name.endswith("_scale") else array
    return state


def lively(**options):
    paddle.seed(0)
    network = efficientformer_v2("s0", **options)
    for layer in network.sublayers():
        if isinstance(layer, BiasTable):
            layer.table.set_value(paddle.randn(layer.table.shape))
    network.eval()
    return network


def assert_equal_states(network, other):
    for name, value in network.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), other.state_dict()[name].numpy(), err_msg=name)


@pytest.mark.parametrize("theirs, ours", [  # as they stand in the published files
    ("patch_embed.4.running_mean", "stem.1.norm._mean"),
    ("network.3.proj.bias", "stages.2.downsample.conv.bias"),
    ("network.5.conv.weight", "stages.3.downsample.plain.conv.weight"),
    ("network.5.attn.q.proj.1.weight", "stages.3.downsample.attention.query.project.norm.weight"),
    ("network.4.5.token_mixer.stride_conv.0.weight", "stages.2.blocks.5.attention.reduce.conv.weight"),
    ("network.6.0.mlp.mid_norm.running_var", "stages.3.blocks.0.ffn.mix.norm._variance"),
    ("stem.conv2.bn.running_mean", "stem.1.norm._mean"),  # timm from here on
    ("stages.2.downsample.conv.conv.bias", "stages.2.downsample.conv.bias"),
    ("stages.3.downsample.conv.conv.weight", "stages.3.downsample.plain.conv.weight"),
    ("stages.3.downsample.attn.q.proj.bn.weight", "stages.3.downsample.attention.query.project.norm.weight"),
    ("stages.3.downsample.attn.q.local.weight", "stages.3.downsample.attention.query.local.weight"),
    ("stages.2.blocks.5.token_mixer.stride_conv.conv.weight", "stages.2.blocks.5.attention.reduce.conv.weight"),
    ("stages.2.blocks.5.token_mixer.proj.bn.bias", "stages.2.blocks.5.attention.project.norm.bias"),
    ("stages.3.blocks.0.mlp.mid.bn.running_var", "stages.3.blocks.0.ffn.mix.norm._variance"),
    ("stages.3.blocks.2.ls1.gamma", "stages.3.blocks.2.attention_scale"),
    ("head_dist.weight", "distillation_head.weight"),
    ("norm.num_batches_tracked", None),
    ("network.6.3.token_mixer.attention_bias_idxs", None),
])
def test_names(theirs, ours):
    assert from_torch_name(theirs) == ours


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_the_command_converts_and_the_weights_load(tmp_path, capsys, suffix):
    original = lively(image_size=64, classes=3, distilled=True)
    source, out = tmp_path / f"w{suffix}", tmp_path / "ours.safetensors"
    (save_weights if suffix == ".safetensors" else save)(source, authors_state(original))
    assert main(["weights", str(source), "--model", "efficientformer_v2_s0", "-o", str(out)]) == 0
    assert capsys.readouterr() == (f"written to {out} (model efficientformer_v2_s0, image_size 64x64)\n", "")
    network = efficientformer_v2("s0", 64, classes=3, distilled=True)
    load_converted(network, out)
    assert_equal_states(network, original)


def test_the_heads_are_left_out_and_the_bias_is_resized(tmp_path):
    original = lively(image_size=64, classes=3)
    save_weights(tmp_path / "w.safetensors", authors_state(original))
    convert(tmp_path / "w.safetensors", "efficientformer_v2_s0", tmp_path / "ours.safetensors")
    network = efficientformer_v2("s0", (96, 64))
    network.eval()
    load_converted(network, tmp_path / "ours.safetensors")
    x = paddle.randn([1, 3, 96, 64])
    # The original resizes its own tables for such an input.
    np.testing.assert_allclose(network.features(x), original.features(x), rtol=1e-3, atol=1e-5)


def test_tables_of_a_size_that_is_not_square_are_resized_by_the_metadata(tmp_path):
    original = lively(image_size=(64, 128))
    arrays = {name: value.numpy() for name, value in original.state_dict().items()}
    save_weights(tmp_path / "w.safetensors", arrays, {"image_size": "64x128"})
    network = efficientformer_v2("s0", (128, 64))  # as many numbers in each table, which mean something else
    network.eval()
    load_converted(network, tmp_path / "w.safetensors")
    x = paddle.randn([1, 3, 128, 64])
    np.testing.assert_allclose(network.features(x), original.features(x), rtol=1e-3, atol=1e-5)


@pytest.fixture(scope="module")
def state():
    return authors_state(lively(image_size=64))


@pytest.mark.parametrize("change, message", [
    (lambda state: state.pop("norm.weight"), "norm.weight is missing"),
    (lambda state: state.update({"norm.extra": np.ones(2)}), "norm.extra is unexpected"),
    (lambda state: state.update({"norm.bias": np.ones(2)}), r"norm.bias has shape \(2,\) instead of \(176,\)"),
    (lambda state: state.update({"stem.conv1.conv.bias": np.ones(16)}), "mixes two namings"),
    (lambda state: state.update({"network.6.3.token_mixer.attention_biases": np.ones((8, 10**6))}), "1024 pixels"),
    (lambda state: state.clear(), "is missing.* and 486 more"),
])
def test_names_and_shapes_that_do_not_fit_are_one_message(tmp_path, state, change, message):
    state = dict(state)
    change(state)
    save_weights(tmp_path / "odd.safetensors", state)
    with pytest.raises(KitError, match=message):
        convert(tmp_path / "odd.safetensors", "efficientformer_v2_s0", tmp_path / "ours.safetensors")
    assert not (tmp_path / "ours.safetensors").exists()


@pytest.mark.parametrize("source, model, out, message", [
    ("w.pth", "resnet", "o.safetensors", "unknown model 'resnet'.*efficientformer_v2_s0"),
    ("w.onnx", "efficientformer_v2_s0", "o.safetensors", "w.onnx: PyTorch weights are read from"),
    ("w.pth", "efficientformer_v2_s0", "o.npz", "o.npz: weights are written as .safetensors"),
    ("w.pth", "efficientformer_v2_s0", "o.safetensors", "w.pth: cannot be read"),
])
def test_arguments_that_do_not_fit_are_named(capsys, source, model, out, message):
    assert main(["weights", source, "--model", model, "--out", out]) == 2
    assert re.search(message, capsys.readouterr().err)


def test_a_file_that_does_not_fit_leaves_the_network_untouched(tmp_path):
    network = lively(image_size=64)
    before = {name: value.numpy().copy() for name, value in network.state_dict().items()}
    save_weights(tmp_path / "w.safetensors", {name: array * 2 for name, array in list(before.items())[1:]})
    with pytest.raises(KitError, match="w.safetensors does not fit EfficientFormerV2: stem.0.conv.weight is missing;"):
        load_converted(network, tmp_path / "w.safetensors")
    assert all(np.array_equal(value.numpy(), before[name]) for name, value in network.state_dict().items())


@pytest.mark.realdata
def test_golden_file_through_the_conversion(realdata, tmp_path):
    golden = load_weights(realdata / "golden" / "efficientformerv2_s0_128.safetensors")[0]
    save_weights(tmp_path / "w.safetensors", {name[len("weights/"):]: array for name, array in golden.items()
                                              if name.startswith("weights/")})
    convert(tmp_path / "w.safetensors", "efficientformer_v2_s0", tmp_path / "ours.safetensors")
    network = efficientformer_v2("s0", 128, classes=1000, distilled=True)
    network.eval()
    load_converted(network, tmp_path / "ours.safetensors")  # after eval()
    logits = network(paddle.to_tensor(golden["input"])).numpy()
    assert np.linalg.norm(logits - golden["logits"]) / np.linalg.norm(golden["logits"]) < 1e-4
