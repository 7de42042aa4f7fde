"""Exported networks: equal to the network itself, on every engine; damaged or foreign folders are refused."""

import importlib.util
import json

import numpy as np
import paddle
import pytest
from paddle import nn

from data_tools.errors import KitError
from data_tools.files import places
from paddle_models.deploy.export import export_network
from paddle_models.deploy.folding import fold_batch_norm, traceable_upsampling
from paddle_models.deploy.predictor import (
    ENGINES,
    Predictor,
    choose_engine,
    relative_difference,
    usable_engines,
)
from paddle_models.fast.fast_layers import accelerate
from paddle_models.networks.efficientformer_v2 import efficientformer_v2
from paddle_models.networks.mobilenet_v2 import mobilenet_v2

SHAPE = (None, 3, 64, 64)
NAMES = tuple(f"class {i}" for i in range(5))
BOUND = 1e-4


def stirred(network: nn.Layer) -> nn.Layer:
    """The network with BatchNorm statistics, layer scales and biases that matter, as after training."""
    rng = np.random.default_rng(0)
    for name, value in network.state_dict().items():
        if len(value.shape) == 1:
            low, high = (0.5, 1.5) if name.endswith(("variance", "weight", "scale")) else (-0.3, 0.3)
            value.set_value(rng.uniform(low, high, value.shape).astype(np.float32))
    return network


def answers(network: nn.Layer, inputs: np.ndarray) -> np.ndarray:
    network.eval()
    with paddle.no_grad():
        return network(paddle.to_tensor(inputs)).numpy()


@pytest.fixture(scope="module")
def former():
    paddle.seed(3)
    return stirred(efficientformer_v2("s0", 64, classes=5))


@pytest.fixture(scope="module")
def folder(former, tmp_path_factory):
    place = tmp_path_factory.mktemp("export") / "s0"
    export_network(former, place, SHAPE, NAMES)
    return place


def inputs(count: int) -> np.ndarray:
    """Noise, darker and lighter."""
    noise = np.random.default_rng(count).random((count, 3, 64, 64), dtype=np.float32)
    return noise * np.linspace(0.1, 1, count, dtype=np.float32).reshape(-1, 1, 1, 1)


@pytest.mark.compat
def test_every_engine_answers_as_the_network_for_batches_of_any_size(former, folder):
    predictors = [Predictor(folder, engine) for engine in usable_engines(Predictor(folder).card)]
    assert {predictor.engine for predictor in predictors} >= {"paddle", "paddle-onednn"}
    for count in (1, 2, 65):
        expected = answers(former, inputs(count))
        assert count == 1 or np.ptp(expected[:, 0]) > 1e-3  # the answers depend on the image
        for predictor in predictors:
            assert relative_difference(predictor(inputs(count)), expected) < BOUND, predictor.engine
    assert all(predictor(inputs(0)).shape == (0, 5) for predictor in predictors)


@pytest.mark.compat
def test_folding_leaves_the_network_alone_and_gives_the_same_answers(former):
    former.train()
    before = {name: value.numpy().copy() for name, value in former.state_dict().items()}
    folded = fold_batch_norm(former)
    assert former.training and not folded.training
    assert all(np.array_equal(before[name], value.numpy()) for name, value in former.state_dict().items())
    norms = [layer for layer in folded.sublayers() if isinstance(layer, nn.BatchNorm2D)]
    assert len(norms) == 1  # the one after the last stage, which no convolution precedes
    assert relative_difference(answers(folded, inputs(2)), answers(former, inputs(2))) < 1e-5


def test_folding_takes_convolutions_without_bias_and_norms_without_weights():
    network = nn.Sequential(nn.Conv2D(3, 4, 3, bias_attr=False), nn.BatchNorm2D(4, weight_attr=False, bias_attr=False),
                            nn.ReLU())
    network[1]._mean.set_value(paddle.rand([4]))
    network[1]._variance.set_value(paddle.rand([4]) + 0.5)
    folded = fold_batch_norm(network)
    assert isinstance(folded[1], nn.Identity)
    assert relative_difference(answers(folded, inputs(2)), answers(network, inputs(2))) < 1e-5


def test_a_norm_that_serves_two_convolutions_stays():
    norm = nn.BatchNorm2D(3)
    network = nn.Sequential(nn.Sequential(nn.Conv2D(3, 3, 1), norm), nn.Sequential(nn.Conv2D(3, 3, 1), norm))
    norm._mean.set_value(paddle.rand([3]))
    folded = fold_batch_norm(network)
    assert relative_difference(answers(folded, inputs(1)), answers(network, inputs(1))) < 1e-5


@pytest.mark.parametrize("mode, factor, shape", [("bilinear", 2, (2, 3, 4, 7)), ("bilinear", 3, (1, 2, 5, 1)),
                                                 ("bicubic", 4, (2, 3, 4, 7)), ("bicubic", 3, (1, 2, 5, 1))])
def test_traceable_upsampling_is_paddles(mode, factor, shape):
    x = paddle.to_tensor(np.random.default_rng(1).random(shape, dtype=np.float32))
    expected = nn.functional.interpolate(x, scale_factor=factor, mode=mode).numpy()
    original = nn.functional.interpolate
    with traceable_upsampling():
        assert nn.functional.interpolate is not original
        found = nn.functional.interpolate(x, scale_factor=factor, mode=mode).numpy()
        by_layer = nn.Upsample(scale_factor=factor, mode=mode)(x).numpy()
    assert nn.functional.interpolate is original
    np.testing.assert_allclose(found, expected, atol=2e-6)
    assert np.array_equal(by_layer, found)


def test_an_accelerated_network_is_exported_and_stays_accelerated(tmp_path):
    network = stirred(mobilenet_v2(5))
    used = accelerate(network).used
    kinds = [type(layer) for layer in network.sublayers()]
    card = export_network(network, tmp_path / "mobile", SHAPE, NAMES, (-1.0, 1.0))
    assert kinds == [type(layer) for layer in network.sublayers()] and used == (nn.Conv2D not in kinds)
    assert max(card["largest_difference"].values()) < BOUND and network.training


class Mirrored(nn.Layer):
    """Another function when it is traced than when it is called."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2D(3, 5, 1)

    def forward(self, x):
        x = x if paddle.in_dynamic_mode() else -x
        return self.conv(x).mean(axis=[2, 3])


def test_an_export_that_answers_otherwise_is_refused_and_nothing_is_left(tmp_path):
    with pytest.raises(KitError, match="does not answer as the network itself"):
        export_network(Mirrored(), tmp_path / "wrong", SHAPE)
    assert list(tmp_path.iterdir()) == []


def test_class_names_must_fit_and_foreign_folders_are_left_alone(tmp_path):
    small = nn.Sequential(nn.Flatten(), nn.Linear(12, 5))
    with pytest.raises(KitError, match="5 outputs and 2 class names"):
        export_network(small, tmp_path / "export", (None, 3, 2, 2), ("a", "b"))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("kept")
    with pytest.raises(KitError, match="is no earlier export"):
        export_network(small, tmp_path / "mine", (None, 3, 2, 2), NAMES)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "kept"


def copied(folder, target):
    target.mkdir()
    for path in folder.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    return target


def test_a_damaged_folder_is_refused_before_paddle_reads_it(folder, tmp_path):
    cut = copied(folder, tmp_path / "cut")
    (cut / "model.pdiparams").write_bytes((cut / "model.pdiparams").read_bytes()[:-7])
    with pytest.raises(KitError, match=r"model\.pdiparams has [\d,]+ bytes where its card says"):
        Predictor(cut)
    changed = copied(folder, tmp_path / "changed")
    content = bytearray((changed / "model.pdiparams").read_bytes())
    content[1000] ^= 1
    (changed / "model.pdiparams").write_bytes(bytes(content))
    with pytest.raises(KitError, match="SHA-256 differs"):
        Predictor(changed)
    with pytest.raises(KitError, match=r"card\.json is missing"):
        Predictor(tmp_path)


@pytest.mark.parametrize("change", [
    {"format": 99}, {"files": {"../../secret": {"bytes": 1, "sha256": ""}}}, {"input_shape": [None, 3, 10**9, 10**9]},
    {"classes": [{}]}, {"value_range": "x"}, {"files": 5}])
def test_a_card_of_another_form_is_refused(folder, tmp_path, change):
    place = copied(folder, tmp_path / "folder")
    card = json.loads((place / "card.json").read_text())
    (place / "card.json").write_text(json.dumps({**card, **change}))
    with pytest.raises(KitError, match="is not a card of this kit"):
        Predictor(place)


@pytest.mark.parametrize("text", ["", "[]", "{", '"' + "x" * 10, "[" * 100_000])
def test_a_card_that_is_no_json_object_is_refused(folder, tmp_path, text):
    place = copied(folder, tmp_path / "folder")
    (place / "card.json").write_text(text)
    with pytest.raises(KitError, match="is not a card of this kit"):
        Predictor(place)


def test_the_fastest_engine_is_measured_once_and_remembered(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("KIT_CACHE", str(tmp_path))
    first, second = choose_engine(folder), choose_engine(folder)
    assert not first.remembered and second.remembered and first.engine == second.engine
    assert first.engine == min(first.milliseconds, key=first.milliseconds.get)
    (memory,) = (places.cache() / "engines").iterdir()
    for broken in ("{", json.dumps({"engine": "rm", "milliseconds": {}, "refused": {}})):
        memory.write_text(broken)
        assert not choose_engine(folder).remembered
    assert Predictor(folder).engine in ENGINES


def test_wrong_inputs_and_engines_are_named(folder):
    with pytest.raises(KitError, match=r"takes inputs of shape \(N, 3, 64, 64\), not \(1, 3, 32, 32\)"):
        Predictor(folder, "paddle")(np.zeros((1, 3, 32, 32)))
    with pytest.raises(KitError, match="unknown engine 'warp'"):
        Predictor(folder, "warp")
    with pytest.raises(KitError, match="export with --onnx"):
        Predictor(folder, "onnxruntime")
    with pytest.raises(KitError, match="needs the network itself"):
        Predictor(folder, "eager")


def test_an_earlier_export_is_replaced(tmp_path):
    for value in (1.0, 2.0):
        small = nn.Sequential(nn.Flatten(), nn.Linear(12, 5))
        small[1].weight.set_value(paddle.full([12, 5], value))
        export_network(small, tmp_path / "export", (None, 3, 2, 2), NAMES)
        assert Predictor(tmp_path / "export", "paddle")(np.ones((1, 3, 2, 2)))[0, 0] == pytest.approx(12 * value)
    assert [path.name for path in tmp_path.iterdir()] == ["export"]


def test_onnx_is_written_and_equal_or_the_missing_packages_are_named(tmp_path, former):
    if importlib.util.find_spec("paddle2onnx") and importlib.util.find_spec("onnxruntime"):
        card = export_network(former, tmp_path / "export", SHAPE, NAMES, onnx=True)
        assert card["largest_difference"]["onnxruntime"] < BOUND
    else:
        with pytest.raises(KitError, match=r"pip install paddle2onnx==\d"):
            export_network(former, tmp_path / "export", SHAPE, NAMES, onnx=True)
        assert list(tmp_path.iterdir()) == []


class Unknown(nn.Layer):
    """A network that paddle2onnx ends its process for."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2D(3, 2, 1)

    def forward(self, x):
        return nn.functional.interpolate(self.conv(x), scale_factor=[2.0, 2.0], mode="bicubic")


def test_a_network_that_onnx_does_not_know_is_told(tmp_path):
    for package in ("paddle2onnx", "onnx"):
        pytest.importorskip(package)
    with pytest.raises(KitError, match="paddle2onnx cannot convert the network: .*export it without --onnx"):
        export_network(Unknown(), tmp_path / "export", (None, 3, 8, 8), onnx=True)
    assert list(tmp_path.iterdir()) == []
