"""`python -m assignments export` on a run folder."""

import numpy as np
import pytest

from assignments.__main__ import main
from assignments.monkey_species.run import MonkeySettings
from paddle_models.predictor import Predictor, relative_difference
from paddle_models.trainer.checkpoint import network_arrays, save_checkpoint
from paddle_models.trainer.run_folder import RunFolder
from paddle_models.trainer.settings import to_dict
from paddle_models.zoo import build_model

CLASSES = ("mantled howler", "patas monkey", "bald uakari")


@pytest.fixture
def run(tmp_path):
    """A run folder of a small classifier as the runner leaves it, and the classifier."""
    settings = MonkeySettings(model="mobilenet_v2", image_size=32)
    network = build_model("mobilenet_v2", len(CLASSES))
    with RunFolder(tmp_path / "run") as folder:
        folder.write_config("monkey_species", "smoke", to_dict(settings))
        folder.write_arrays("predictions", {"classes": np.array(CLASSES)})
        save_checkpoint(folder.best, {"networks/model": network_arrays(network)}, {})
    return folder.path, network


def test_the_best_weights_of_a_run_are_exported(run, tmp_path, capfd):
    folder, network = run
    assert main(["export", str(folder), "-o", str(tmp_path / "out")]) == 0
    said, errors = capfd.readouterr()
    assert f"written to {tmp_path / 'out'}" in said and errors == ""
    predictor = Predictor(tmp_path / "out", "paddle")
    assert predictor.card.classes == CLASSES and predictor.card.value_range == (-1.0, 1.0)
    inputs = np.random.default_rng(0).uniform(-1, 1, (2, 3, 32, 32)).astype(np.float32)
    assert relative_difference(predictor(inputs), Predictor(tmp_path / "out", "eager", network)(inputs)) < 1e-4


@pytest.mark.parametrize("target, spoil, words", [
    ("nothing", None, "neither an assignment"),
    ("backprop", None, "no run of backprop with weights"),
    (None, lambda run: (run / "checkpoints" / "best.safetensors").unlink(), "no checkpoints/best.safetensors yet"),
    (None, lambda run: (run / "predictions.npz").unlink(), "has no predictions.npz"),
    (None, lambda run: (run / "config.yaml").write_text("assignment: os"), "'os' is no assignment"),
    (None, lambda run: (run / "config.yaml").write_text("- [", encoding="utf-8"), "cannot be read as a run's settings"),
])
def test_mistakes_get_one_message(run, capfd, target, spoil, words):
    folder, _ = run
    if spoil:
        spoil(folder)
    assert main(["export", target or str(folder)]) == 2
    errors = capfd.readouterr().err
    assert errors.startswith("error: ") and words in errors and "Traceback" not in errors


def test_eight_bits_want_an_assignment_with_images(run, capfd):
    folder, _ = run
    assert main(["export", str(folder), "--data", "sample"]) == 2
    assert "--data names the images for --int8" in capfd.readouterr().err
    (folder / "config.yaml").write_text("assignment: swift_srgan\n")
    assert main(["export", str(folder), "--int8"]) == 2
    assert "swift_srgan cannot be exported in 8 bits" in capfd.readouterr().err
