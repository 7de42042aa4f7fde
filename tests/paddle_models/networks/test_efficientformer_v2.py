"""EfficientFormerV2: the published sizes, the authors' outputs, and every way in which it is used."""

import numpy as np
import paddle
import pytest
from paddle import nn
from paddle.static import InputSpec
from safetensors.numpy import load_file

from data_tools.errors import KitError
from paddle_models.networks.efficientformer_v2 import (
    ATTENTION_BLOCKS,
    WIDTHS,
    Attention,
    AttentionDownsample,
    BiasTable,
    DropPath,
    efficientformer_v2,
    resize_table,
)
from paddle_models.networks.parts import count_parameters
from paddle_models.tasks.complexity import multiply_adds
from paddle_models.weights.convert import load_converted
from paddle_models.weights.efficientformer_v2_weights import fit_bias_tables, from_torch_name
from paddle_models.weights.files import save_weights

# shared reference: parameters without and with two heads of 1,000 classes, BatchNorm statistics, G multiply-adds
SIZES = {
    "s0": (3_246_256, 3_600_256, 49_312, 0.396),
    "s1": (5_735_560, 6_185_560, 70_912, 0.652),
    "s2": (12_132_112, 12_710_112, 121_792, 1.247),
    "l": (25_552_288, 26_322_288, 196_424, 2.553),
}


def relative_error(found, expected):
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


def lively(network, seed=0):
    """The network with bias tables and layer scales that show in its outputs."""
    rng = np.random.default_rng(seed)
    for name, value in network.state_dict().items():
        if name.endswith(("table", "_scale")):
            value.set_value(rng.normal(0, 0.5, value.shape).astype("float32"))
    return network


def image(*shape, seed=0):
    return paddle.to_tensor(np.random.default_rng(seed).random(shape, dtype="float32"))


@pytest.mark.parametrize("variant", WIDTHS)
def test_sizes_are_the_published_ones(variant):
    without, with_heads, statistics, giga = SIZES[variant]
    assert count_parameters(efficientformer_v2(variant)) == without
    network = efficientformer_v2(variant, classes=1000, distilled=True)
    assert count_parameters(network) == with_heads
    running = [value for name, value in network.state_dict().items() if name.endswith(("._mean", "._variance"))]
    assert sum(value.size for value in running) == statistics
    assert round(multiply_adds(network, (1, 3, 224, 224)) / 1e9, 3) == giga
    assert sum(isinstance(layer, Attention) for layer in network.sublayers()) == 2 * ATTENTION_BLOCKS[variant]


@pytest.mark.parametrize("variant, size", [("s0", 64), ("s1", (64, 32)), ("s2", 32), ("l", 32)])
def test_every_parameter_gets_a_gradient(variant, size):
    paddle.seed(0)
    network = lively(efficientformer_v2(variant, size, classes=5, distilled=True, drop_path=0.0))
    height, width = network.image_size
    logits, taught = network(image(4, 3, height, width))
    assert logits.shape == taught.shape == [4, 5]
    (logits.square().sum() + taught.square().sum()).backward()
    silent = [name for name, value in network.named_parameters() if not value.stop_gradient and value.grad is None]
    assert silent == []
    if size == 64:  # larger than 1x1 at the end, so every parameter but biases before a norm matters
        zero = {name for name, value in network.named_parameters()
                if not value.stop_gradient and not np.abs(value.grad.numpy()).max() > 0}
        assert all(name.endswith(("conv.bias", "talk_before.bias")) for name in zero), zero  # a norm or softmax follows


@pytest.mark.compat
def test_outputs_and_features():
    network = efficientformer_v2("s0", 64)
    x = image(2, 3, 64, 64)
    network.eval()
    assert network.features(x).shape == [2, 176, 2, 2]
    np.testing.assert_allclose(network(x).numpy(), network.features(x).numpy().mean((2, 3)), atol=1e-6)
    two = efficientformer_v2("s0", 64, classes=7, distilled=True)
    two.eval()
    pooled = two.features(x).mean([2, 3])
    expected = (two.head(pooled) + two.distillation_head(pooled)) / 2
    np.testing.assert_allclose(two(x).numpy(), expected.numpy(), atol=1e-6)
    assert efficientformer_v2("s0", 64, classes=7)(x).shape == [2, 7]


def test_layers_can_be_replaced_by_class():
    kinds = {type(layer) for layer in efficientformer_v2("s0", 64, classes=2).sublayers() if not layer.sublayers()}
    assert kinds == {nn.Conv2D, nn.BatchNorm2D, nn.GELU, nn.Linear, nn.Upsample, BiasTable, DropPath}


# ---- attention against its definition


def places(rows, columns):
    return [(y, x) for y in range(rows) for x in range(columns)]


@pytest.mark.parametrize("grid, step", [((3, 5), 1), ((4, 6), 2)])
def test_bias_table_by_hand(grid, step):
    table = BiasTable(grid, step)
    numbers = np.random.default_rng(0).random((8, grid[0] * grid[1]), dtype="float32")
    table.table.set_value(numbers)
    bias = table(*grid).numpy()
    queries = [(y, x) for y, x in places(*grid) if y % step == 0 and x % step == 0]
    assert bias.shape == (8, len(queries), grid[0] * grid[1])
    for row, (qy, qx) in enumerate(queries):
        for column, (ky, kx) in enumerate(places(*grid)):
            assert bias[3, row, column] == numbers[3, abs(qy - ky) * grid[1] + abs(qx - kx)]


def test_attention_by_hand():
    """On NumPy, token by token, from the projections of the layers themselves."""
    paddle.seed(1)
    layer = Attention(16, (2, 3))
    layer.eval()
    lively(layer)
    x = image(1, 16, 2, 3)
    q, k, v = (part(x).numpy().reshape(8, -1, 6) for part in (layer.query, layer.key, layer.value))
    scores = np.einsum("hcq,hck->hqk", q, k) / np.sqrt(32) + layer.bias(2, 3).numpy()

    def talk(heads, conv):
        return np.einsum("gh,hqk->gqk", conv.weight.numpy()[:, :, 0, 0], heads) + conv.bias.numpy()[:, None, None]

    scores = talk(scores, layer.talk_before)
    weights = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    mixed = np.einsum("hqk,hck->hcq", talk(weights, layer.talk_after), v).reshape(1, 1024, 2, 3)
    expected = layer.project(layer.act(paddle.to_tensor(mixed.astype("float32")) + layer.local(layer.value(x))))
    assert relative_error(layer(x).numpy(), expected.numpy()) < 1e-5


def test_downsampling_halves_a_grid_that_is_not_square():
    assert AttentionDownsample(8, 12, (4, 6))(image(2, 8, 4, 6)).shape == [2, 12, 2, 3]


# ---- image sizes


@pytest.mark.parametrize("size", [(64, 96), (32, 32), (128, 64)])
def test_other_sizes_than_the_built_one(size):
    """Equal to a network built for that size whose tables were resized beforehand."""
    network, native = lively(efficientformer_v2("s0", 64)), efficientformer_v2("s0", size)
    arrays = {name: value.numpy() for name, value in network.state_dict().items()}
    native.set_state_dict({k: paddle.to_tensor(v) for k, v in fit_bias_tables(native, arrays, 64).items()})
    network.eval(), native.eval()
    x = image(1, 3, *size)
    assert relative_error(network(x).numpy(), native(x).numpy()) < 1e-5


def test_resizing_keeps_the_nearest_and_the_farthest_distance():
    table = paddle.to_tensor(np.random.default_rng(0).random((8, 4 * 4), dtype="float32"))
    resized = resize_table(table, (4, 4), (7, 5)).reshape([8, 7, 5])
    square = table.reshape([8, 4, 4])
    for corner in [(0, 0), (0, -1), (-1, 0), (-1, -1)]:
        np.testing.assert_allclose(resized[:, corner[0], corner[1]], square[:, corner[0], corner[1]], rtol=1e-5)
    np.testing.assert_allclose(resize_table(table, (4, 4), (4, 4)), table, rtol=1e-6)
    middle = resized[:, 3, 0].numpy()  # half way between rows 1 and 2 of the old table
    np.testing.assert_allclose(middle, (square[:, 1, 0] + square[:, 2, 0]).numpy() / 2, rtol=1e-5)


@pytest.mark.parametrize("shape", [(1, 3, 100, 128), (1, 3, 128, 16), (1, 4, 64, 64), (3, 64, 64), (1, 3, 0, 32)])
def test_inputs_that_do_not_fit_are_named(shape):
    with pytest.raises(KitError, match=r"multiples of 32, not \(" + str(shape[0])):
        efficientformer_v2("s0", 64)(paddle.zeros(shape))


@pytest.mark.parametrize("change, message", [
    ({"variant": "S2"}, "'S2'; did you mean 's2'"), ({"variant": "x"}, "There are s0, s1, s2, l"),
    ({"image_size": 100}, "image_size 100"), ({"image_size": (64, 33)}, "multiples of 32"),
    ({"image_size": (64, 64, 64)}, "multiples of 32"), ({"distilled": True}, "classes"),
])
def test_settings_that_do_not_fit_are_named(change, message):
    with pytest.raises(KitError, match=message):
        efficientformer_v2(**{"variant": "s0", **change})


# ---- drop path


def test_drop_path_drops_whole_samples_in_training_only():
    paddle.seed(0)
    layer, x = DropPath(0.25), paddle.ones([4000, 2, 1, 2])
    y = layer(x).numpy().reshape(4000, 4)
    assert (y == y[:, :1]).all() and set(np.unique(y)) == {np.float32(0), np.float32(1 / 0.75)}
    assert abs((y[:, 0] == 0).mean() - 0.25) < 0.03
    layer.eval()
    assert layer(x) is x


def test_drop_path_grows_with_depth():
    rates = [layer.rate for layer in efficientformer_v2("l", 32).sublayers() if isinstance(layer, DropPath)]
    assert rates[0] == 0 and rates[-1] == pytest.approx(0.1)
    np.testing.assert_allclose(np.diff(rates), 0.1 / 34)


# ---- weights and export


def test_loading_after_eval_works(tmp_path):
    network, other = lively(efficientformer_v2("s0", 64)), lively(efficientformer_v2("s0", 64), seed=1)
    network.eval(), other.eval()
    x = image(1, 3, 64, 64)
    before, expected = network(x).numpy(), other(x).numpy()
    assert relative_error(before, expected) > 0.01
    arrays = {name: value.numpy() for name, value in other.state_dict().items()}
    save_weights(tmp_path / "w.safetensors", arrays, {"image_size": "64x64"})
    load_converted(network, tmp_path / "w.safetensors")
    np.testing.assert_array_equal(network(x).numpy(), expected)


@pytest.mark.compat
@pytest.mark.parametrize("size", [(64, 64), (32, 96)])
def test_the_exported_network_gives_equal_outputs(tmp_path, size):
    paddle.seed(0)
    network = lively(efficientformer_v2("s0", 64, classes=9, distilled=True))
    network.eval()
    x = image(2, 3, *size)
    expected = network(x).numpy()
    static = paddle.jit.to_static(network, input_spec=[InputSpec([None, 3, *size], "float32")], full_graph=True)
    paddle.jit.save(static, str(tmp_path / "exported"))
    found = paddle.jit.load(str(tmp_path / "exported"))(x).numpy()
    assert relative_error(found, expected) < 1e-4


def test_export_asks_for_one_image_size(tmp_path):
    spec = [InputSpec([None, 3, None, None], "float32")]
    with pytest.raises(KitError, match="exported for one image size"):
        paddle.jit.save(paddle.jit.to_static(efficientformer_v2("s0", 64), input_spec=spec, full_graph=True),
                        str(tmp_path / "x"))


@pytest.mark.realdata
def test_golden_file(realdata):
    golden = load_file(str(realdata / "golden" / "efficientformerv2_s0_128.safetensors"))
    weights = {from_torch_name(name[len("weights/"):]): array.astype("float32")
               for name, array in golden.items() if name.startswith("weights/")}
    weights.pop(None)
    network = efficientformer_v2("s0", 128, classes=1000, distilled=True)
    network.eval()
    own = network.state_dict()
    assert own.keys() == weights.keys()
    for name, value in own.items():
        array = weights[name].T if name in ("head.weight", "distillation_head.weight") else weights[name]
        value.set_value(array.reshape(value.shape))
    x = paddle.to_tensor(golden["input"])
    with paddle.no_grad():
        assert relative_error(network.features(x).mean([2, 3]).numpy(), golden["features"]) < 1e-4
        assert relative_error(network(x).numpy(), golden["logits"]) < 1e-4
