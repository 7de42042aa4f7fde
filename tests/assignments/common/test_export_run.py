"""`python -m assignments export` on a run folder."""

import numpy as np
import pytest

from assignments.__main__ import main
from assignments.common.export import samples
from assignments.face_attributes.run import WORK as FACES
from assignments.face_attributes.run import FaceSettings
from assignments.monkey_species.run import WORK as MONKEYS
from assignments.monkey_species.run import MonkeySettings
from data_tools.drawing.attributes import ATTRIBUTES
from data_tools.drawing.celeba_sample import draw_celeba
from data_tools.drawing.monkey_sample import draw_monkeys
from data_tools.errors import KitError
from data_tools.sets.monkeys import find_or_draw
from paddle_models.deploy.predictor import Predictor, relative_difference
from paddle_models.networks.face_regions import HEAD_ORDER
from paddle_models.trainer.checkpoint import network_arrays, save_checkpoint
from paddle_models.trainer.run_folder import RunFolder
from paddle_models.trainer.settings import to_dict
from paddle_models.weights.zoo import build_model
from tests.paddle_models.weights.imagenet_file import logits, signed_images, trained

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


def test_a_run_from_imagenet_weights_is_exported_with_their_inputs(tmp_path, capfd):
    network, settings = trained(len(CLASSES)), MonkeySettings(model="mobilenet_v2", image_size=32, weights="imagenet")
    with RunFolder(tmp_path / "run") as folder:
        folder.write_config("monkey_species", "best", to_dict(settings))
        folder.write_arrays("predictions", {"classes": np.array(CLASSES)})
        save_checkpoint(folder.best, {"networks/model": network_arrays(network)}, {})
    assert main(["export", str(folder.path), "-o", str(tmp_path / "out")]) == 0
    images, normalised = signed_images()
    predictor = Predictor(tmp_path / "out", "paddle")
    assert predictor.card.value_range == (-1.0, 1.0) and capfd.readouterr().err == ""
    assert relative_difference(predictor(images), logits(network, normalised)) < 1e-4
    assert relative_difference(predictor(images), logits(network, images)) > 1e-2


@pytest.mark.parametrize("target, spoil, words", [
    ("nothing", None, "neither an assignment"),
    ("backprop", None, "make one with: python assignments/backprop/run.py"),
    (None, lambda run: (run / "checkpoints" / "best.safetensors").unlink(),
     "best.safetensors: the run has not finished"),
    (None, lambda run: (run / "predictions.npz").unlink(), "has no predictions.npz"),
    (None, lambda run: (run / "config.yaml").write_text("assignment: os"), "'os' is no assignment"),
    (None, lambda run: (run / "config.yaml").write_text("- [", encoding="utf-8"), "is not valid YAML"),
])
def test_mistakes_get_one_message(run, capfd, target, spoil, words):
    folder, _ = run
    if spoil:
        spoil(folder)
    assert main(["export", target or str(folder)]) == 2
    errors = capfd.readouterr().err
    assert errors.startswith("error: ") and words in errors and "Traceback" not in errors


def test_fewer_bits_want_an_assignment_with_images(run, capfd):
    folder, _ = run
    assert main(["export", str(folder), "--data", "sample"]) == 2
    assert "--data names the images for --int8 and --bfloat16" in capfd.readouterr().err
    (folder / "config.yaml").write_text("assignment: swift_srgan\n")
    for option in ("--int8", "--bfloat16"):
        assert main(["export", str(folder), option]) == 2
        assert "swift_srgan has no right answers" in capfd.readouterr().err


def test_images_for_eight_bits_are_what_the_network_takes(tmp_path):
    found = find_or_draw(str(draw_monkeys(tmp_path / "monkeys", training_per_class=2, validation_per_class=1)))
    settings = MonkeySettings(image_size=32, data=str(tmp_path / "monkeys"))
    training, images, labels = samples(MONKEYS, settings, "", found.classes)
    assert training.shape == (20, 3, 32, 32) and images.shape == (10, 3, 32, 32) and sorted(labels) == list(range(10))
    assert -1 <= training.min() < -0.5 and 0.5 < training.max() <= 1
    with pytest.raises(KitError, match="give the data it was trained on with --data"):
        samples(MONKEYS, settings, "", CLASSES)

    draw_celeba(tmp_path / "faces", count=40, seed=1)
    training, images, labels = samples(FACES, FaceSettings(image_size=32), str(tmp_path / "faces"), ATTRIBUTES)
    assert training.shape == (32, 3, 32, 32) and images.shape == (4, 3, 32, 32) and labels.shape == (4, 40)
    assert 0 <= training.min() < 0.2 and 0.8 < training.max() <= 1
    lines = (tmp_path / "faces" / "list_attr_celeba.txt").read_text().splitlines()
    last = dict(zip(lines[1].split(), lines[-1].split()[1:]))
    assert labels[-1].tolist() == [last[name] == "1" for name in HEAD_ORDER]
