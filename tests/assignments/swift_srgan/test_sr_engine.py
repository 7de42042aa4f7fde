"""OpenVINO computes enlargements where it is installed: the same pictures, of any size, and refused by one message."""

import cv2
import numpy as np
import paddle
import pytest

from assignments.swift_srgan import engine
from assignments.swift_srgan.engine import AUTO, NETWORK, OPENVINO, OPENVINO_BFLOAT16, computed_by
from assignments.swift_srgan.generators import Generator, load_generator
from assignments.swift_srgan.predict import main, parser
from data_tools.batches.bicubic import reduce_bicubic
from data_tools.errors import KitError
from paddle_models.deploy import openvino_engine
from paddle_models.deploy.predictor import writes_onnx
from paddle_models.networks.swift_srgan import SwiftGenerator
from paddle_models.trainer.checkpoint import network_arrays
from paddle_models.weights.files import save_weights


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    paddle.seed(0)
    path, network = tmp_path_factory.mktemp("weights") / "small.safetensors", SwiftGenerator(4, True, blocks=1)
    save_weights(path, network_arrays(network), {"model": "swift_srgan", "scale": "4", "residual": "true"})
    return path


@pytest.fixture
def without_openvino(monkeypatch):
    monkeypatch.setattr(openvino_engine, "engines", lambda: ())


@pytest.fixture(scope="module")
def with_openvino():
    pytest.importorskip("openvino")
    if not writes_onnx():
        pytest.skip("no packages for ONNX")


def image(height, width):
    return np.random.default_rng(0).random((1, 3, height, width), dtype=np.float32)


def test_the_choices_of_the_command_line_are_the_engines():
    option = next(action for action in parser()._actions if action.dest == "engine")
    assert option.choices == engine.ENGINES


@pytest.mark.parametrize("named", [OPENVINO, OPENVINO_BFLOAT16])
def test_what_is_not_installed_is_named_and_auto_does_without(weights, without_openvino, named):
    generator = load_generator(weights)
    with pytest.raises(KitError, match=f"engine {named} cannot be used here: pip install -r requirements-openvino.txt"):
        computed_by(generator, named, "cpu")
    assert computed_by(generator, AUTO, "cpu").engine == NETWORK


def test_an_engine_that_differs_is_left_with_a_word(weights, with_openvino, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("KIT_CACHE", str(tmp_path))
    monkeypatch.setattr(openvino_engine, "session", lambda file, engine, any_size: lambda images: np.zeros(
        (1, 3, 4 * images.shape[2], 4 * images.shape[3]), np.float32))
    assert computed_by(load_generator(weights), AUTO, "cpu").engine == NETWORK
    assert "openvino differs from the network by 1.0e+00" in capsys.readouterr().out


def test_pictures_of_any_size_come_out_the_same_and_the_export_is_made_once(weights, with_openvino, tmp_path,
                                                                           monkeypatch, capsys):
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    network = load_generator(weights)
    chosen = computed_by(network, AUTO, "cpu")
    assert chosen.engine == OPENVINO and chosen.run and "exporting" in capsys.readouterr().out
    for size in ((21, 30), (64, 64), (9, 70)):
        assert np.abs(chosen(image(*size)) - Generator(network.network, "", "", "")(image(*size))).max() < 1e-5
    assert computed_by(network, AUTO, "gpu").engine == NETWORK
    picture = (255 * image(40, 33)[0].transpose(1, 2, 0)).astype(np.uint8)
    assert cv2.imwrite(str(tmp_path / "in.png"), picture)
    made = []
    for name in (NETWORK, OPENVINO):
        words = ["--source", tmp_path / "in.png", "--weights", weights, "--out", tmp_path / name, "--engine", name]
        assert main(list(map(str, words))) == 0
        made.append(cv2.imread(str(tmp_path / name / "in.png")).astype(int))
    said = capsys.readouterr().out
    assert "exporting" not in said and "by openvino on cpu" in said and np.abs(made[0] - made[1]).max() <= 1


def test_a_refined_picture_reduces_to_the_given_one_and_a_record_says_so(weights, tmp_path, capfd):
    given = np.random.default_rng(0).integers(0, 256, (12, 20, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), given)
    lost = {}
    for name, more in (("plain", []), ("fine", ["--refine"]), ("fine", ["--refine"])):
        words = ["--source", str(tmp_path), "--weights", str(weights), "--out", str(tmp_path.parent / name)]
        assert main([*words, "--engine", "network", *more]) == 0
        found = cv2.imread(str(tmp_path.parent / name / "a.png"))
        lost[name] = np.abs(reduce_bicubic(found, 4).astype(int) - given).mean()
    assert lost["fine"] < lost["plain"] / 2
    said = capfd.readouterr().out
    assert "small.safetensors, refined, x4" in said and "there already: 1" in said
