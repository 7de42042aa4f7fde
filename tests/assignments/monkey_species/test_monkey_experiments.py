"""What each wish of the monkeys' document buys: the plan, the trainings, the table."""

import csv

import numpy as np
import pytest

from assignments.common import variants
from assignments.monkey_species import experiments
from tests.data_tools.small_set import monkey_files, write_folder


def planned(tmp_path, *rest, seeds=(0,)):
    return variants.plan("monkey_species", "paper", experiments.BASE, experiments.WISHES, seeds, tmp_path, rest)


def test_each_variant_differs_in_one_wish(tmp_path):
    trainings = planned(tmp_path, "--epochs", "3", seeds=(0, 2))
    assert [training.variant for training in trainings[:8]] == ["base", *experiments.WISHES] and len(trainings) == 16
    base, found = trainings[0].settings, {training.variant: training.settings for training in trainings[:8]}
    assert (base.model, base.image_size, base.epochs, base.schedule.name, base.amp.level) == (
        "resnet50", 64, 3, "fixed", "off")
    assert found["epochs-20"].epochs == 20 and found["adamp"].optimizer.name == "adamp" and base.choose_on == "holdout"
    assert (found["efficientnet-head"].model, found["efficientnet-head"].train) == ("efficientnet_lite0", "head")
    assert found["bfloat16"].amp.dtype == "bfloat16" and found["warm-up"].schedule.warmup_epochs == 1


def test_wishes_are_trained_once_and_compared(tmp_path, capfd):
    data = write_folder(tmp_path / "data", monkey_files())
    words = ["--data", str(data), "--variants", "adamp", "--seeds", "1", "--image_size", "32", "--epochs", "1",
             "--model", "mobilenet_v2", "--augmentation", "none", "--out", str(tmp_path / "out")]
    assert experiments.main(words) == 0
    with open(tmp_path / "out" / "wishes.csv", newline="") as file:
        base, adamp = csv.DictReader(file)
    assert (base["variant"], adamp["variant"], base["gain_value"]) == ("base", "adamp", "")
    assert float(adamp["gain_value"]) == pytest.approx(float(adamp["accuracy"]) - float(base["accuracy"]))
    assert float(adamp["gain_low"]) <= float(adamp["gain_value"]) <= float(adamp["gain_high"])
    capfd.readouterr()
    assert experiments.main(words) == 0 and capfd.readouterr().out.count("finished earlier") == 2
    assert experiments.main([*words, "--batch_size", "4"]) == 2
    assert "was trained with batch_size 32, not 4: repeat the command" in capfd.readouterr().err


def test_other_images_are_not_compared(tmp_path):
    trainings = planned(tmp_path)[:2]
    answers = {"base": (np.array(["a", "b"]), np.array([1.0, 0.0])),
               "efficientnet": (np.array(["a", "c"]), np.array([1.0, 1.0]))}
    assert variants.gains(trainings, lambda training: answers[training.variant]) == []
