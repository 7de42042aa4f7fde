"""The runner of glasses as a user calls it: what it leaves behind, settings, mistakes."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import balanced_accuracy_score, log_loss

from assignments.glasses import framing, lists, run
from paddle_models.tasks.calibration import reliability
from reports.run_reader import Run
from tests.assignments.glasses.glasses_set import write_set

TINY = ["--preset", "smoke", "--image_size", "16", "--filters", "[4,6]", "--batch_size", "8", "--max_steps", "12"]


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    """60 labelled and 6 unlabelled pictures."""
    return write_set(tmp_path_factory.mktemp("glasses") / "set")


@pytest.fixture(scope="module")
def finished(faces, tmp_path_factory):
    """A finished run, started from another folder than the project's."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    done = subprocess.run([sys.executable, run.__file__, *TINY, "--json", "--data", faces, "--out", folder,
                           "--augmentation", "light", "--flip_at_test", "true", "--ema_decay", "0.5",
                           "--uncertain", "[0.45,0.55]"],
                          capture_output=True, text=True, timeout=200, cwd=folder.parent, env=dict(os.environ))
    assert (done.returncode, done.stderr) == (0, "")
    return folder, json.loads(done.stdout.splitlines()[-1].removeprefix("result "))


def test_result_is_what_the_predictions_say(finished):
    folder, said = finished
    opened = Run(folder, "glasses")
    result, metrics = opened.result, opened.result["metrics"]
    assert result == said and result["origin"] == "subset" and result["steps"] == 12
    assert result["images"] == {"training": 42, "validation": 12, "test": 6, "unlabelled": 6}
    labels, p = opened.prediction("labels", (6,), "i"), opened.prediction("probabilities", (6,), "f").astype(np.float64)
    assert metrics["accuracy"]["value"] == np.mean((p >= 0.5) == labels) and metrics["accuracy"]["n"] == 6
    assert metrics["accuracy"]["low"] <= metrics["accuracy"]["value"] <= metrics["accuracy"]["high"]
    assert metrics["loss"]["value"] == pytest.approx(log_loss(labels, p), rel=1e-5)
    assert metrics["balanced_accuracy"]["value"] == pytest.approx(balanced_accuracy_score(labels, p >= 0.5))
    val_labels, val_p = opened.prediction("val_labels", (12,), "i"), opened.prediction("val_probabilities", (12,), "f")
    assert metrics["val_accuracy"]["value"] == np.mean((val_p >= 0.5) == val_labels)
    reached = balanced_accuracy_score(val_labels, val_p >= metrics["threshold"]["value"])
    assert reached == max(balanced_accuracy_score(val_labels, val_p >= cut) for cut in (0.0, *val_p, 1.1))
    assert metrics["accuracy_at_threshold"]["value"] == np.mean((p >= metrics["threshold"]["value"]) == labels)
    assert metrics["uncertain"]["value"] == lists.flagged(p, (0.45, 0.55)).sum()


def test_the_lists_hold_every_image_that_was_not_trained_on_once(finished, faces):
    folder, said = finished
    opened = Run(folder, "glasses")
    probabilities = {str(name): p for prefix in ("", "val_", "unlabelled_") for name, p in zip(
        opened.prediction(f"{prefix}names", (None,), "U"), opened.prediction(f"{prefix}probabilities", (None,), "f"))}
    lists = {name: list(csv.DictReader(open(folder / f"{name}.csv", newline="")))
             for name in ("keep_list", "uncertain")}
    listed = {row["image"]: float(row["probability"]) for rows in lists.values() for row in rows}
    assert listed.keys() == probabilities.keys() and sum(map(len, lists.values())) == 24
    assert listed == pytest.approx({name: float(p) for name, p in probabilities.items()}, abs=1e-6)
    assert all(0.45 <= float(row["probability"]) <= 0.55 for row in lists["uncertain"])
    assert not any(0.45 <= float(row["probability"]) <= 0.55 for row in lists["keep_list"])
    submission = list(csv.reader(open(folder / "submission.csv", newline="")))
    assert submission[0] == ["id", "glasses"] and [row[0] for row in submission[1:]] == [str(n) for n in range(61, 67)]
    assert [row[0] for row in submission[1:]] == [line.split(",")[0]
                                                  for line in (faces / "test.csv").read_text().split()[1:]]
    for number, value in submission[1:]:
        name = next(name for name in probabilities if name.endswith(f"face-{number}.png"))
        assert float(value) == pytest.approx(float(probabilities[name]), abs=1e-6)


def test_arrays_of_the_figures(finished):
    opened = Run(finished[0], "glasses")
    labels, p = opened.prediction("labels", (6,), "i"), opened.prediction("probabilities", (6,), "f")
    assert opened.artifact("example_images", (10, 160, 160, 3), "u").std() > 1
    assert set(opened.artifact("example_labels", (10,), "i")) <= {0, 1}
    near = np.abs(opened.artifact("uncertain_probabilities", (8,), "f") - 0.5)
    every = np.concatenate([p, *(opened.prediction(f"{n}_probabilities", (None,), "f") for n in ("val", "unlabelled"))])
    np.testing.assert_allclose(near, np.sort(np.abs(every - 0.5))[:8], rtol=1e-6)
    shown = opened.artifact("prediction_probabilities", (6,), "f")
    assert np.abs(shown[0] - 0.5) == np.abs(p - 0.5).min() and sorted(shown) == sorted(p)
    assert sorted(opened.artifact("prediction_labels", (6,), "i")) == sorted(labels)
    assert opened.artifact("eyes_image", (None, 40, 3), "u").shape[0] == 10  # rows 15 to 25 of 40, as stored
    names = opened.artifact("feature_names", (4,), "U").tolist()
    assert names == ["conv 1", "pooling 1", "conv 2", "pooling 2"]
    assert [opened.artifact(f"feature_maps_{i}", (None,) * 3, "f").shape for i in range(4)] == [
        (4, 16, 16), (4, 8, 8), (6, 8, 8), (6, 4, 4)]
    assert opened.artifact("feature_image", (16, 16, 3), "u").any() and opened.artifact("first_filters", (4, 3, 3, 3),
                                                                                        "f").any()
    bins = reliability(labels, p)
    assert opened.artifact("calibration_count", (None,), "i").tolist() == bins.count[bins.count > 0].tolist()
    np.testing.assert_allclose(opened.artifact("calibration_accuracy", (None,), "f"), bins.accuracy[bins.count > 0])


def test_the_best_weights_give_the_predictions_again(finished, faces):
    from assignments.common.export import export_run
    from data_tools.batches.loader import to_signed_unit
    from data_tools.packed.records import RecordStore
    from paddle_models.deploy.predictor import Predictor

    opened = Run(finished[0], "glasses")
    predictor = Predictor(export_run(str(finished[0]), False, finished[0] / "exported"))
    assert predictor.card.classes == ("glasses",) or predictor.card.classes == ["glasses"]
    from data_tools.sets.glasses import find_or_draw

    store = RecordStore.open(find_or_draw(str(faces)).test, 16, crop="centre", progress=False)
    images = to_signed_unit(np.asarray(store.images[np.arange(6)]))
    p = [1 / (1 + np.exp(-predictor(view)[:, 0])) for view in (images, images[..., ::-1].copy())]
    np.testing.assert_allclose((p[0] + p[1]) / 2, opened.prediction("probabilities", (6,), "f"), rtol=1e-3)


@pytest.mark.parametrize("arguments, words", [
    (["--filtres", "[3]"], "did you mean --filters?"),
    (["--filters", "[4,4,4,4,4,4]"], "6 blocks do not fit an image of 16x16"),
    (["--filters", "[0]"], "filters: [0] holds 0, which is outside [1, 1024]"),
    (["--dropout", "1"], "dropout: 1.0 is outside [0, 1)"),
    (["--uncertain", "[0.6,0.4]"], "the lower one first"),
    (["--zoom", "0.5"], "zoom: 0.5 is neither 0 nor between 1 and 4"),
    (["--kernel", "4"], "4x4 has no middle"),
    (["--data", "/nonexistent"], "no data at /nonexistent"),
])
def test_mistakes_get_one_message(arguments, words, tmp_path, capsys):
    assert run.main([*TINY, "--out", str(tmp_path / "run"), *arguments]) == 2
    said = capsys.readouterr().err
    assert words in said and said.count("\n") == 1


def test_the_middle_of_photographs_framed_as_celebas_is_used(faces):
    from types import SimpleNamespace

    from data_tools.sets.glasses import find_or_draw

    def framed(*sizes):
        images = SimpleNamespace(sizes=lambda: np.array(sizes), subset=lambda indices: images)
        return type("Images", (), {"__len__": lambda self: len(sizes), "subset": lambda self, _: images})()

    assert framing.fitting_zoom(0.0, framed((178, 218), (128, 157))) == 1.5
    assert framing.fitting_zoom(0.0, framed((178, 218), (128, 128))) == framing.fitting_zoom(0.0, framed((0, 0))) == 1
    assert framing.fitting_zoom(2.0, framed((10, 10))) == 2
    settings = run.GlassesSettings(image_size=16, zoom=1.25)
    store = run.WORK.pack(find_or_draw(str(faces)).test, settings, progress=False)
    images = np.asarray(store.images[np.arange(2)])
    assert images.shape == (2, 20, 20, 3)
    inputs = run.WORK.normalize(settings)(images)
    np.testing.assert_allclose(inputs, images[:, 2:18, 2:18].transpose(0, 3, 1, 2) / 127.5 - 1, atol=1e-6)


def test_all_splits_are_packed_at_one_size_whatever_their_images_look_like(tmp_path):
    from data_tools.sets.glasses import find_or_draw

    faces = write_set(tmp_path / "set")
    training = find_or_draw(str(faces)).training
    for name in training.names[:8]:
        Image.new("RGB", (36, 44)).save(Path(training.source.path, name))
    splits = run.WORK.splits(run.GlassesSettings(image_size=16, data=str(faces)))
    assert [store.size for store in splits.stores] == [24] * 4


def test_every_preset_is_one_that_can_be_built():
    from paddle_models.trainer.settings import from_dict, read_presets

    presets = read_presets(Path(run.__file__).with_name("presets.yaml"))
    assert list(presets) == ["smoke", "sample", "paper", "best"]
    for name, preset in presets.items():
        run.WORK.check(from_dict(run.GlassesSettings, preset["settings"], name))
    paper = from_dict(run.GlassesSettings, presets["paper"]["settings"], "paper")
    assert (paper.image_size, paper.batch_size, paper.epochs, paper.augmentation) == (32, 32, 100, "none")
    assert (paper.optimizer.name, paper.schedule.name) == ("adam", "exponential") and paper.early_stopping.patience
