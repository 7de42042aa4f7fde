"""The experiments of glasses: what is planned, what is trained once, what a stopped command goes on with."""

import json
import statistics
from pathlib import Path

import pytest

from assignments.glasses import experiments
from assignments.glasses.trainings import merged
from data_tools.errors import KitError
from tests.assignments.glasses.glasses_set import run_killed, write_set

TINY = ["--preset", "smoke", "--filters", "[4,6]", "--batch_size", "16", "--max_steps", "0"]


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    """60 labelled and 6 unlabelled pictures."""
    return write_set(tmp_path_factory.mktemp("glasses") / "set")


@pytest.fixture(scope="module")
def stopped_and_finished(faces, tmp_path_factory):
    """Dropout on and off over two seeds; the command was killed in between and given again."""
    out = tmp_path_factory.mktemp("experiments") / "out"
    words = ["dropout", *TINY, "--data", str(faces), "--seeds", "2", "--epochs", "2", "--threads", "1",
             "--out", str(out)]
    run_killed("assignments.glasses.experiments", words, epoch=4)  # two in a training
    before = {file: file.stat().st_mtime_ns for file in out.glob("trainings/*/result.json")}
    assert len(before) == 1 and len(list(out.glob("trainings/*/checkpoints/last.safetensors"))) == 1
    assert experiments.main(words) == 0
    return out, words, before


def test_finished_trainings_are_not_made_again(stopped_and_finished, capsys):
    out, words, before = stopped_and_finished
    assert all(file.stat().st_mtime_ns == age for file, age in before.items())
    assert len(list(out.glob("trainings/*/result.json"))) == 4
    assert {json.loads(file.read_text())["threads"] for file in out.glob("trainings/*/environment.json")} == {1}
    assert experiments.main(words) == 0 and capsys.readouterr().out.count("finished earlier") == 4
    assert experiments.main([*words, "--dropout", "0.3"]) == 2
    assert "begun with other words or settings" in capsys.readouterr().err
    environment = next(out.glob("trainings/*/environment.json"))
    environment.write_text(json.dumps({**json.loads(environment.read_text()), "data_fingerprint": "another"}))
    assert experiments.main(words) == 2 and "was trained on other images" in capsys.readouterr().err


def test_result_holds_every_run_and_its_curve(stopped_and_finished):
    out, _, _ = stopped_and_finished
    result = json.loads((out / "result.json").read_text())
    assert (result["assignment"], result["preset"], result["origin"], result["seeds"]) == ("glasses", "smoke", "subset",
                                                                                           [0, 1])
    assert result["complete"] and list(result["experiments"]) == ["dropout"]
    on, off = result["experiments"]["dropout"]
    assert (on["label"], on["setting"], off["label"], off["setting"]) == ("on", {}, "off", {"dropout": 0.0})
    assert on["record_images"] == 66 and on["record_bytes"] > 66 * 32 * 32 * 3
    for run in (*on["runs"], *off["runs"]):
        assert 0 <= run["val_accuracy"] <= 1 and 0 <= run["test_accuracy"] <= 1 and run["epochs"] == 2
        assert 0 <= run["seconds"] < 60  # rounded; so small a training may take less than 0.005 s
        assert all(len(run["curve"][key]) == 2 for key in ("train_accuracy", "val_accuracy", "val_loss"))
        assert run["test_right"].count("1") / len(run["test_right"]) == pytest.approx(run["test_accuracy"])
        assert run["val_loss"] == pytest.approx(min(run["curve"]["val_loss"]), rel=1e-5)
    assert [run["seed"] for run in on["runs"]] == [0, 1] and on["runs"][0]["val_loss"] != on["runs"][1]["val_loss"]
    lines = experiments.table(result, width=200).splitlines()
    row = next(line.split() for line in lines if line.startswith("dropout     on"))
    assert float(row[3]) == pytest.approx(100 * statistics.mean(run["val_accuracy"] for run in on["runs"]), abs=0.06)


def test_differences_are_paired_over_the_images():
    runs = {name: [{"seed": seed, "test_right": right} for seed, right in enumerate(rights)] for name, rights in
            {"first": ("1100" * 25, "1000" * 25), "second": ("1110" * 25, "1100" * 25, "0000" * 25)}.items()}
    assert experiments._gain(runs["first"], runs["first"]) == "-"
    shown = experiments._gain(runs["second"], runs["first"])  # of seeds 0 and 1, a quarter of the images more each
    mean, low, _, high = shown.replace("(", "").replace(")", "").split()
    assert float(mean) == 25 and 15 < float(low) < 25 < float(high) < 35
    assert experiments._gain([{"seed": 0}], runs["first"]) == "-"  # of a run from before


def test_wishes_are_planned_by_name(tmp_path):
    trainings = experiments.plan(list(experiments.WISHES), "paper", [0], tmp_path, ["--epochs", "9"], {})
    found = {(t.experiment, t.label): t.settings for t in trainings}
    assert found["longer", "epochs x 2"].epochs == 18 and found["share", "10 %"].training_share == 0.1
    first = {t.folder for t in trainings if t.label in ("0.001", "3 blocks", "epochs", "100 %", "none")}
    assert len(first) == 1 and len({t.folder for t in trainings}) == 1 + len(trainings) - 5


def test_shares_of_the_training_images_are_those_trained_on(faces, tmp_path, capsys):
    words = ["share", *TINY, "--data", str(faces), "--seeds", "2", "--epochs", "1", "--threads", "1"]
    assert experiments.main([*words, "--out", str(tmp_path / "out")]) == 0
    shown = [line.split()[0] for line in capsys.readouterr().out.splitlines() if "are trained on" in line]
    entries = json.loads((tmp_path / "out" / "result.json").read_text())["experiments"]["share"]
    losses = {run["val_loss"] for entry in entries for run in entry["runs"]}
    assert shown == ["20", "20", "10", "10", "4", "4"] and len(losses) == 8
    assert {entry["record_images"] for entry in entries} == {66}


def test_what_is_equal_is_trained_once(tmp_path):
    tuned = experiments.tuned_models(())
    names = list(experiments.CHOICES)
    trainings = experiments.plan(names, "sample", range(3), tmp_path, [], tuned)
    assert len(trainings) == 33 and len({training.folder for training in trainings}) == 24
    base = [t for t in trainings if t.seed == 0 and t.label in ("32", "on", "untuned")]
    assert len(base) == 4 and len({t.folder for t in base}) == 1
    paper = experiments.plan(names, "paper", [0], tmp_path, [], tuned)
    found = {(t.experiment, t.label): t.settings for t in paper}
    assert {found["resolution", str(side)].image_size for side in (32, 64, 128)} == {32, 64, 128}
    assert found["resolution", "64"].epochs == 20 and found["models", "untuned"].epochs == 30
    assert found["models", "architecture"].optimizer == found["models", "untuned"].optimizer
    assert found["models", "learning rate"].filters == found["models", "untuned"].filters
    given = experiments.plan(["resolution"], "paper", [0], tmp_path, ["--epochs", "5"], tuned)
    assert {t.settings.epochs for t in given} == {5} and {t.settings.early_stopping.patience for t in given} == {0}


def test_tuned_models_come_from_searches_where_they_are_named(tmp_path):
    (tmp_path / "best.yaml").write_text("space: learning_rate\nsettings: {optimizer: {lr: 0.5}}\n")
    tuned = experiments.tuned_models([tmp_path])
    assert tuned["learning rate"] == {"optimizer": {"lr": 0.5}} and tuned["architecture"]["filters"]
    (tmp_path / "best.yaml").write_text("space: both\nsettings: {}\n")
    with pytest.raises(KitError, match="the models need one of architecture, learning_rate"):
        experiments.tuned_models([tmp_path])
    with pytest.raises(KitError, match="no best.yaml"):
        experiments.tuned_models([tmp_path / "absent"])


def test_nested_settings_are_merged():
    values = {"a": 1, "b": {"c": 2, "d": 3}, "e": [1]}
    assert merged(values, {"b": {"c": 4}, "e": [2, 3]}) == {"a": 1, "b": {"c": 4, "d": 3}, "e": [2, 3]}
    assert values["b"] == {"c": 2, "d": 3}


@pytest.mark.parametrize("words, said", [
    (["resolutoin"], "resolutoin: no such experiment; there are resolution, batch_size"),
    (["dropout", "--seeds", "0"], "--seeds 0"), (["dropout", "--seed", "3"], "give --seeds"),
    (["dropout", "--resume"], "the same command goes on"),
    (["dropout", "--epohcs", "3"], "did you mean --epochs?"), (["models", "--preset", "papre"], "did you mean paper?")])
def test_mistakes_get_one_message_and_no_folder(words, said, tmp_path, capsys):
    assert experiments.main([*words, "--out", str(tmp_path / "out")]) == 2
    shown = capsys.readouterr().err
    assert said in shown and shown.count("\n") == 1 and not Path(tmp_path / "out").exists()
