"""The runner of facial attributes as a user calls it, and its ablations: results, choices, mistakes."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import paddle
import pytest

from assignments.commands.release import release, shortened
from assignments.common.export import trained
from assignments.face_attributes import ablation
from assignments.face_attributes.confidence import errors
from assignments.face_attributes.run import WORK, FaceSettings
from assignments.face_attributes.teacher import load_teacher
from data_tools.drawing.attributes import ATTRIBUTES
from data_tools.drawing.celeba_sample import draw_celeba
from data_tools.errors import KitError
from data_tools.packed.arrays import ArrayStore
from paddle_models.networks.face_regions import REGIONS
from paddle_models.tasks.attribute_metrics import MEASURES, majority, measure_attributes, right_share
from paddle_models.tasks.attribute_task import weights_of
from paddle_models.tasks.metrics import mean_interval
from paddle_models.weights.files import load_weights
from reports.run_reader import Run

FOLDER = Path(ablation.__file__).parent
TINY = ["--preset", "smoke", "--batch_size", "12", "--max_steps", "1"]


def call(script, *arguments, cwd=None):
    return subprocess.run([sys.executable, str(FOLDER / script), *map(str, arguments)], capture_output=True, text=True,
                          timeout=300, cwd=cwd, env=dict(os.environ))


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    """A drawn set of 32 training, 4 validation and 4 test pictures."""
    return draw_celeba(tmp_path_factory.mktemp("faces") / "set", count=40, seed=1)


@pytest.fixture(scope="module")
def without_test(faces, tmp_path_factory):
    """A part of it without its test images."""
    folder = Path(shutil.copytree(faces, tmp_path_factory.mktemp("part") / "set"))
    for number in range(37, 41):
        (folder / "img_align_celeba" / f"{number:06}.jpg").unlink()
    return folder


@pytest.fixture(scope="module")
def finished(faces, tmp_path_factory):
    """A finished run with weights on rare attributes, started from another folder than the project's."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    done = call("run.py", *TINY, "--json", "--data", faces, "--out", folder, "--positive_weights", 0.5, "--gamma", 1,
                "--flip_at_test", "true", "--dropout", 0.2, cwd=folder.parent)
    assert (done.returncode, done.stderr) == (0, "")
    return folder, done.stdout


@pytest.fixture(scope="module")
def ablated(without_test, tmp_path_factory):
    """An ablation of the base and the single linear layer, on data without a test split."""
    folder = tmp_path_factory.mktemp("ablated")
    words = [*TINY, "--data", without_test, "--variants", "s0", "single", "--out", folder]
    done = call("ablation.py", *words)
    assert (done.returncode, done.stderr) == (0, "")
    return folder, words, done.stdout


def test_the_run_folder_holds_everything(finished):
    folder, said = finished
    for name in ("config.yaml", "environment.json", "metrics.jsonl", "result.json", "predictions.npz", "artifacts.npz",
                 "checkpoints/best.safetensors", "checkpoints/last.safetensors"):
        assert (folder / name).stat().st_size
    result = json.loads((folder / "result.json").read_text(), parse_constant=pytest.fail)  # no NaN: plain JSON
    assert result == json.loads(said.splitlines()[-1].removeprefix("result "))
    assert result["origin"] == "drawn" and result["judged_on"] == "test" and result[
        "chosen_on"] == "the validation images"
    assert result["images"] == {"training": 32, "choosing": 4, "test": 4}
    assert result["parameters"] > 8e6 and result["multiply_adds"] > 1e7 and result["steps"] == 1


def test_a_run_learns_from_a_teacher_of_the_same_size(finished, faces, tmp_path):
    words = [*TINY, "--data", faces, "--teacher", finished[0], "--trust", 0.9]
    done = call("run.py", *words, "--out", tmp_path / "run")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"teacher: {finished[0]}" in (tmp_path / "run" / "config.yaml").read_text()
    done = call("run.py", *words, "--image_size", 64, "--out", tmp_path / "no")
    assert done.returncode == 2 and "trained on images of 32 pixels" in done.stderr and "Traceback" not in done.stderr


def test_a_teacher_is_as_sure_as_its_temperature_says(finished):
    run = Path(finished[0])
    settings = FaceSettings(variant="s0", image_size=32, teacher=str(run))
    images = paddle.to_tensor(np.random.default_rng(0).random((2, 3, 32, 32)).astype("float32"))
    network = trained(WORK, settings, run, WORK.classes)
    network.eval()
    with paddle.no_grad():
        raw, told = network(images).numpy(), load_teacher(WORK, settings)(images).numpy()
    temperature = json.loads((run / "result.json").read_text())["temperature"]
    near = {"rtol": 0.01, "atol": 0.002}  # the teacher's layers are fast ones
    np.testing.assert_allclose(told * temperature, raw, **near)
    assert not np.allclose(told, raw, **near)


def test_result_is_what_the_predictions_say(finished):
    run = Run(finished[0], "face_attributes")
    labels = run.prediction("labels", (4, 40), "u")
    probabilities = run.prediction("probabilities", (4, 40), "f")
    assert run.prediction("attributes", (40,), "U").tolist() == list(ATTRIBUTES)
    assert len(set(run.prediction("names", (4,), "U"))) == 4 and 0 <= probabilities.min() <= probabilities.max() <= 1
    model = measure_attributes(labels, probabilities)
    baseline = majority(run.artifact("frequency_training", (40,), "f")[None], labels)
    for name in MEASURES:
        assert run.result["metrics"][name]["value"] == pytest.approx(np.nanmean(model[name]))
        assert run.result["metrics"][f"{name}_majority"]["value"] == pytest.approx(np.nanmean(baseline[name]))
        assert list(run.result["regions"][name]["model"]) == list(REGIONS)
    accuracy = run.result["metrics"]["accuracy"]
    assert (accuracy["low"], accuracy["high"]) == mean_interval(right_share(labels, probabilities))
    assert accuracy["low"] <= accuracy["value"] <= accuracy["high"] and accuracy["n"] == 4
    assert run.result["temperature_images"] == 4 and 0.05 <= run.result["temperature"] <= 20
    for name, value in errors(labels, probabilities, run.result["temperature"]).items():
        assert run.result["metrics"][name] == {"value": pytest.approx(value, abs=1e-6), "n": 4}, name
    eyes = [ATTRIBUTES.index(name) for name in REGIONS["eyes"]]
    assert run.result["regions"]["accuracy"]["model"]["eyes"] == pytest.approx(model["accuracy"][eyes].mean())


def test_the_labels_are_those_of_the_files(finished, faces):
    lines = (faces / "list_attr_celeba.txt").read_text().splitlines()
    listed = {line.split()[0]: [value == "1" for value in line.split()[1:]] for line in lines[2:]}
    with np.load(finished[0] / "predictions.npz", allow_pickle=False) as stored:
        for name, labels in zip(stored["names"], stored["labels"]):
            assert labels.tolist() == listed[Path(str(name)).name]


def test_an_ablation_trains_each_variant_and_measures_latency(ablated):
    folder, _, said = ablated
    content = json.loads((folder / ablation.FILE).read_text())
    base, single = content["variants"]  # s0 is the base's own backbone and no variant
    assert (base["variant"], single["variant"]) == ("base", "single") and single["changes"] == {"heads": "single"}
    for entry in (base, single):
        result = json.loads((folder / f"{entry['variant']}-seed0" / "result.json").read_text())
        assert entry["metrics"]["f1"] == {"mean": pytest.approx(result["metrics"]["f1"]["value"]), "spread": None,
                                          "n": 1}
        assert entry["parameters"] == result["parameters"]
        assert [entry[key] for key in ablation.COSTS] == [result[key] for key in ablation.COSTS]
        assert result["judged_on"] == "validation" and result["images"] == {"training": 29, "choosing": 3,
                                                                            "validation": 4}
        assert result["chosen_on"] == "10% of the training images"
    assert base["parameters"] - single["parameters"] > 4e6
    assert 0 < base["latency_ms"]["low"] <= base["latency_ms"]["median"] <= base["latency_ms"]["high"]
    gain, = content["gains"]
    assert (gain["variant"], gain["over"], gain["n"], gain["seeds"]) == ("single", "base", 4, 1)
    assert gain["value"] == pytest.approx(single["metrics"]["accuracy"]["mean"] - base["metrics"]["accuracy"]["mean"])
    assert gain["low"] <= gain["value"] <= gain["high"]
    assert single["latency_ms"] is None and content["latency"]["image_size"] == 32
    assert "| single | 1 |" in said and r"\begin{tabular}" in (folder / "ablation.tex").read_text()
    assert (folder / "ablation.csv").read_text().startswith("variant,seeds,accuracy,accuracy_spread")


def test_a_repeated_ablation_trains_only_what_is_missing(ablated, capsys):
    folder, words, _ = ablated
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*-seed0/result.json")}
    assert len(before) == 2 and ablation.main([str(word) for word in words]) == 0
    assert capsys.readouterr().out.count("finished earlier") == 2
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())
    assert ablation.main([*map(str, words), "--epochs", "5"]) == 2
    assert "was trained with epochs 2, not 5" in capsys.readouterr().err
    # all folders are looked at before anything is trained
    shutil.copytree(folder / "base-seed0", folder / "base-seed1")
    assert ablation.main([*map(str, words), "--seeds", "2"]) == 2
    assert "base-seed1 was trained with seed 0, not 1" in capsys.readouterr().err


def test_the_plan_changes_one_thing_at_a_time(tmp_path):
    trainings = ablation.plan("best", list(ablation.VARIANTS), [0, 3], tmp_path, ["--epochs", "2", "--dropout", "0.1"])
    assert [t.variant for t in trainings[:15]] == ["base", *(name for name in ablation.VARIANTS if name != "s0")]
    assert len(trainings) == 30 and len({t.folder for t in trainings}) == 30
    base = vars(trainings[0].settings)
    assert base["gamma"] == 0 and base["dropout"] == 0.1 and base["head_widths"] == [1024, 512] and base["epochs"] == 2
    for training in trainings[1:15]:
        different = {key: value for key, value in vars(training.settings).items() if value != base[key]}
        assert different == ablation.VARIANTS[training.variant]
    assert trainings[15].settings.seed == 3


@pytest.mark.parametrize("rest, words", [(["--epohcs", "3"], "did you mean --epochs?"),
                                         (["--seed", "3"], "give --seeds"),
                                         (["--resume"], "repeating the command continues it"),
                                         (["--seeds", "0"], "--seeds 0: at least 1 is needed")])
def test_mistakes_in_an_ablation(rest, words, tmp_path, capsys):
    assert ablation.main(["--preset", "smoke", "--out", str(tmp_path), *rest]) == 2
    assert words in capsys.readouterr().err and not list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments, words", [
    (["--varaint", "s0"], "did you mean --variant?"),
    (["--heads", "one"], "regions"),
    (["--image_size", "100"], "100 is not a multiple of 32; the nearest is 96"),
    (["--dropout", "1"], "dropout: 1.0 is outside [0, 1)"),
    (["--drop_path", "-0.1"], "drop_path: -0.1"),
    (["--gamma", "0.5"], "gamma: 0.5 is neither 0 nor at least 1"),
    (["--positive_weights", "-1"], "positive_weights: -1.0 is below 0"),
    (["--head_widths", "[16, 0]"], "head_widths: [16, 0] holds 0"),
    (["--holdout", "1"], "holdout: 1.0"),
    (["--data", "/nonexistent"], "no data at /nonexistent"),
])
def test_mistakes_get_one_message(arguments, words, tmp_path, capsys):
    from assignments.face_attributes import run

    assert run.main([*TINY, "--out", str(tmp_path / "run"), *arguments]) == 2
    said = capsys.readouterr().err
    assert words in said and said.count("\n") == 1


def stores(training, **others):
    """A data set of stores with so many images each, all black."""
    sets = {name: ArrayStore(np.zeros((count, 2, 2, 3), np.uint8), np.zeros((count, 40), np.uint8))
            for name, count in {"training": training, "validation": 0, "test": 0, **others}.items()}
    return SimpleNamespace(**sets)


@pytest.mark.parametrize("choose_on, judge, there, held", [
    ("auto", "test", True, False), ("auto", "test", False, True), ("auto", "validation", True, True),
    ("holdout", "test", True, True), ("validation", "validation", True, False)])
def test_what_chooses_the_best_epoch(choose_on, judge, there, held):
    found = stores(50, validation=8 if there else 0, test=6 if judge == "test" else 0)
    settings = FaceSettings(choose_on=choose_on, holdout=0.2, seed=4)
    splits = WORK.split(settings, found)
    kept, rows = splits.rows
    assert splits.test is getattr(found, judge)
    if not held:
        assert splits.chooser is found.validation and kept is None and rows is None
        return
    assert splits.chooser is found.training and len(rows) == 10 and sorted([*kept, *rows]) == list(range(50))
    assert np.array_equal(rows, WORK.split(settings, found).rows[1])
    other = FaceSettings(choose_on="holdout", holdout=0.2)
    assert not np.array_equal(rows, WORK.split(other, found).rows[1])


def test_nothing_left_to_choose_on_or_to_train_on():
    with pytest.raises(KitError, match="choose_on: the validation split has no images"):
        WORK.split(FaceSettings(choose_on="validation"), stores(5, test=3))
    with pytest.raises(KitError, match="holdout: 95% of 5 training images leaves none"):
        WORK.split(FaceSettings(choose_on="holdout", holdout=0.95), stores(5, test=3))


def test_positive_weights():
    labels = np.zeros((100, 40), np.uint8)
    labels[:20, 1], labels[:, 2], labels[:50, 3] = 1, 1, 1
    weights = weights_of(labels, 0.5)
    assert weights.dtype == np.float32 and weights.shape == (40,)
    np.testing.assert_allclose(weights[[1, 3]], [2, 1], rtol=1e-6)
    assert weights[0] == pytest.approx(999**0.5) and weights[2] == pytest.approx(999**-0.5)  # never and always: finite
    np.testing.assert_allclose(weights_of(labels, 1.0), weights**2, rtol=1e-5)


def test_released_weights_judge_as_the_run_did(finished, faces, tmp_path):
    folder, _ = finished
    out = tmp_path / "small.safetensors"
    print(release(str(folder), out))
    arrays, metadata = load_weights(out)
    assert metadata["variant"] == "s0" and metadata["image_size"] == "32" and metadata[
        "assignment"] == "face_attributes"
    assert {array.dtype for name, array in arrays.items()
            if not name.endswith(("._mean", "._variance"))} == {np.dtype("float16")}
    done = call("evaluate.py", "--weights", out, "--data", faces)
    assert (done.returncode, done.stderr) == (0, "")
    *_, shown, interval, sure = (line.split() for line in done.stdout.splitlines())
    result = json.loads((folder / "result.json").read_text())
    accuracy, temperature = result["metrics"]["accuracy"]["value"], result["temperature"]
    assert float(metadata["temperature"]) == pytest.approx(temperature, rel=1e-5) and interval[:2] == ["95", "%"]
    assert f"temperature {temperature:.3g}:" in " ".join(sure)
    assert shown[:4] == ["mean", "of", "all", "40"] and abs(float(shown[4]) - 100 * accuracy) < 1


def test_a_set_of_test_images_alone_is_compared_with_its_own_majority(faces, tmp_path):
    data = Path(shutil.copytree(faces, tmp_path / "faces"))
    listed = next(data.rglob("list_eval_partition.txt"))
    lines = [f"{line.split()[0]} 2" for line in listed.read_text().splitlines() if line.strip()]
    listed.write_text("\n".join(lines) + "\n")
    done = call("evaluate.py", "--data", data, "--no-flip")
    assert (done.returncode, done.stderr) == (0, "")
    _, first, title, *_, last, _, sure = done.stdout.splitlines()
    assert "expected calibration error" in sure
    assert first.startswith(f"{len(lines)} test images") and title.rstrip().endswith("their own majority")
    labels = next(data.rglob("list_attr_celeba.txt")).read_text().splitlines()[2:]
    present = np.array([[value == "1" for value in line.split()[1:]] for line in labels if line.strip()]).mean(axis=0)
    assert float(last.split()[-2]) == pytest.approx(100 * np.maximum(present, 1 - present).mean(), abs=0.01)


def test_mistakes_in_releasing_are_told(finished, tmp_path):
    folder, _ = finished
    with pytest.raises(KitError, match="nor a run folder"):
        release(str(tmp_path), tmp_path / "a.safetensors")
    with pytest.raises(KitError, match="ends so"):
        release(str(folder), tmp_path / "a.npz")
    with pytest.raises(KitError, match="beyond float16"):
        shortened("w", np.full(3, 1e6, np.float32))
    assert shortened("bn._variance", np.full(3, 1e-9, np.float32)).dtype == np.float32
    done = call("evaluate.py", "--weights", tmp_path / "none.safetensors")
    assert done.returncode == 2 and done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
