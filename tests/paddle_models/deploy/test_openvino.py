"""OpenVINO as an engine of exports, which is optional."""

import numpy as np
import paddle
import pytest

from data_tools import machine
from data_tools.errors import KitError
from paddle_models.deploy import openvino_engine
from paddle_models.deploy.export import export_network
from paddle_models.deploy.openvino_engine import OPENVINO, OPENVINO_BFLOAT16
from paddle_models.deploy.predictor import BFLOAT16_ERROR, Predictor, choose_engine, relative_difference
from paddle_models.networks.mobilenet_v2 import mobilenet_v2
from paddle_models.networks.swift_srgan import SwiftGenerator

SHAPE = (None, 3, 32, 32)


@pytest.fixture(scope="module")
def network():
    paddle.seed(1)
    made = mobilenet_v2(5)
    made.eval()
    return made


@pytest.fixture(scope="module")
def exported(network, tmp_path_factory):
    for package in ("openvino", "paddle2onnx", "onnx"):
        pytest.importorskip(package)
    folder = tmp_path_factory.mktemp("export") / "network"
    return folder, export_network(network, folder, SHAPE, onnx=True)


def images(count: int) -> np.ndarray:
    return np.random.default_rng(count).uniform(-1, 1, (count, *SHAPE[1:])).astype(np.float32)


def test_it_answers_as_the_network_for_batches_of_any_size(exported, network):
    folder, card = exported
    predictor = Predictor(folder, OPENVINO)
    assert card["largest_difference"][OPENVINO] < 1e-4
    for count in (1, 5, 2):
        assert relative_difference(predictor(images(count)), Predictor(folder, "eager", network)(images(count))) < 1e-4


def test_a_generator_goes_through_onnx(tmp_path):
    for package in ("openvino", "paddle2onnx", "onnx"):
        pytest.importorskip(package)
    generator = SwiftGenerator(2, residual=True)
    card = export_network(generator, tmp_path / "sr", (None, 3, 8, 12), onnx=True)
    assert card["largest_difference"][OPENVINO] < 1e-4
    larger = np.random.default_rng(0).random((1, 3, 10, 16), dtype=np.float32)  # than what it was exported for
    generator.eval()
    with paddle.no_grad():
        expected = generator(paddle.to_tensor(larger)).numpy()
    found = openvino_engine.session(tmp_path / "sr" / "model.onnx", OPENVINO)(larger)
    assert relative_difference(found, expected) < 1e-4


def test_bfloat16_is_compared_and_used_only_where_it_is_named(exported, network, tmp_path, monkeypatch):
    folder, card = exported
    if OPENVINO_BFLOAT16 not in openvino_engine.engines():
        pytest.skip("this processor has no bfloat16")
    monkeypatch.setenv("KIT_CACHE", str(tmp_path))
    exact, short = (Predictor(folder, engine)(images(4)) for engine in (OPENVINO, OPENVINO_BFLOAT16))
    assert 1e-5 < relative_difference(short, exact) < BFLOAT16_ERROR
    assert 1e-5 < card["largest_difference"][OPENVINO_BFLOAT16] < BFLOAT16_ERROR
    choice = choose_engine(folder)
    assert OPENVINO in choice.milliseconds and OPENVINO_BFLOAT16 not in {**choice.milliseconds, **choice.refused}


def test_the_obstacle_is_named(tmp_path, network):
    export_network(network, tmp_path / "plain", SHAPE)
    with pytest.raises(KitError, match="has no model.onnx; export with --onnx"):
        Predictor(tmp_path / "plain", OPENVINO)


def test_the_choice_is_remembered_for_the_processor_and_the_files_that_were_measured(network, tmp_path, monkeypatch):
    export_network(network, tmp_path / "plain", SHAPE)
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    assert not choose_engine(tmp_path / "plain").remembered
    assert choose_engine(tmp_path / "plain").remembered
    monkeypatch.setattr(machine, "processor", lambda: "another processor")
    assert not choose_engine(tmp_path / "plain").remembered
    monkeypatch.undo()
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    assert choose_engine(tmp_path / "plain").remembered
    other = mobilenet_v2(5)
    other.eval()
    export_network(other, tmp_path / "plain", SHAPE)
    assert not choose_engine(tmp_path / "plain").remembered
