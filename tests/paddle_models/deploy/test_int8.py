"""Exports in 8 bits: judged by accuracy, refused where it falls; nothing half is left. ONNX Runtime is optional."""

import json

import numpy as np
import pytest
from paddle import nn

from data_tools.errors import KitError
from paddle_models.deploy import int8, openvino_engine
from paddle_models.deploy.export import export_network
from paddle_models.deploy.judged import accuracy, judge_engines
from paddle_models.deploy.openvino_engine import OPENVINO_BFLOAT16, OPENVINO_INT8
from paddle_models.deploy.predictor import INT8, INT8_ENGINE, Predictor, choose_engine, read_card

SIDE, CLASSES = 8, 3


def colours(count):
    """Noise whose strongest colour is the label, and the labels."""
    rng = np.random.default_rng(count)
    labels = rng.integers(0, CLASSES, count)
    images = rng.uniform(0, 0.7, (count, 3, SIDE, SIDE)).astype(np.float32)
    images[np.arange(count), labels] += 0.3
    return images, labels


def mean_colour():
    """A network that tells the strongest colour."""
    convolution = nn.Conv2D(3, CLASSES, 1, bias_attr=False)
    convolution.weight.set_value(np.eye(CLASSES, dtype=np.float32)[:, :, None, None])
    return nn.Sequential(convolution, nn.ReLU(), nn.AdaptiveAvgPool2D(1), nn.Flatten())


@pytest.fixture
def exported(tmp_path, monkeypatch):
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    for package in ("paddle2onnx", "onnx", "onnxruntime"):
        pytest.importorskip(package)
    export_network(mean_colour(), tmp_path / "exported", (None, 3, SIDE, SIDE), onnx=True)
    return tmp_path / "exported"


def test_eight_bits_keep_the_answers_and_become_an_engine(exported):
    images, labels = colours(100)
    found = int8.add_int8(exported, colours(40)[0], images, labels)
    assert found == {"accuracy": 1.0, "accuracy_float32": 1.0, "images": 100, "calibrated_on": 40}
    card = json.loads((exported / "card.json").read_text())
    assert card["int8"] == found and INT8 in read_card(exported).files
    short, exact = (Predictor(exported, engine)(images) for engine in (INT8_ENGINE, "onnxruntime"))
    assert 0 < np.abs(short - exact).max() < 0.02 and (short.argmax(axis=1) == labels).all()
    assert INT8_ENGINE in choose_engine(exported).milliseconds
    assert sorted(path.name for path in exported.iterdir()) == ["card.json", "model.int8.onnx", "model.json",
                                                                "model.onnx",
                                                                "model.pdiparams"]


def test_openvino_is_chosen_with_fewer_bits_only_where_it_was_judged_and_keeps_the_answers(exported):
    pytest.importorskip("openvino")
    images, labels = colours(100)
    int8.add_int8(exported, colours(40)[0], images, labels)
    few = {OPENVINO_BFLOAT16, OPENVINO_INT8} & set(openvino_engine.engines())
    assert not few & set(choose_engine(exported).milliseconds)
    card = json.loads((exported / "card.json").read_text())
    card["not_usable"] = dict.fromkeys(few, "its outputs differ")  # on noise, at the export: right answers count
    (exported / "card.json").write_text(json.dumps(card))
    assert judge_engines(exported, images, labels) == {
        engine: {"accuracy": 1.0, "accuracy_float32": 1.0, "images": 100} for engine in few}
    assert few <= set(choose_engine(exported).milliseconds) and set(read_card(exported).judged) == few
    assert json.loads((exported / "card.json").read_text())["not_usable"] == {}
    exact, short = (Predictor(exported, engine)(images) for engine in ("openvino", OPENVINO_INT8))
    assert 0 < np.abs(short - exact).max() < 0.02 and (short.argmax(axis=1) == labels).all()

    found = judge_engines(exported, images * 50, labels)  # far outside the ranges of the calibration
    assert found[OPENVINO_INT8]["accuracy"] < 0.9 < found[OPENVINO_INT8]["accuracy_float32"]
    assert OPENVINO_INT8 not in read_card(exported).judged
    assert OPENVINO_INT8 in json.loads((exported / "card.json").read_text())["not_usable"]
    assert OPENVINO_INT8 not in choose_engine(exported).milliseconds


def test_lost_accuracy_is_refused_and_nothing_is_left(exported):
    images, labels = colours(100)
    before = {path.name: path.read_bytes() for path in exported.iterdir()}
    with pytest.raises(KitError, match="more than 0.3 points are lost"):
        int8.add_int8(exported, colours(40)[0] * 1e-3, images, labels)  # ranges of images that are nearly black
    assert {path.name: path.read_bytes() for path in exported.iterdir()} == before


def test_without_images_or_onnx_it_is_refused(exported, tmp_path):
    images, labels = colours(4)
    with pytest.raises(KitError, match="need images"):
        int8.add_int8(exported, images[:0], images, labels)
    export_network(mean_colour(), tmp_path / "plain", (None, 3, SIDE, SIDE))
    with pytest.raises(KitError, match="export with --onnx"):
        int8.add_int8(tmp_path / "plain", images, images, labels)


def test_accuracy_of_classes_and_of_attributes():
    outputs = np.array([[1, 2], [3, -1], [-1, -2]], np.float32)
    assert accuracy(lambda part: part, outputs, np.array([1, 0, 1])) == pytest.approx(2 / 3)
    assert accuracy(lambda part: part, outputs, np.array([[1, 1], [1, 1], [0, 0]])) == pytest.approx(5 / 6)


def test_spread_takes_no_image_twice():
    assert int8.spread(10, 3).tolist() == [0, 4, 9] and int8.spread(2, 5).tolist() == [0,
                                                                                       1] and not len(int8.spread(0, 5))
