"""`run NAME --find_lr`: a figure, a table and a command, and nothing that looks like a run."""

import csv
import json
import re

import numpy as np
import pytest

from assignments.common.find_lr import SEVERAL
from assignments.common.runner import run_work
from assignments.common.splits import DataSet
from assignments.common.work import Work
from assignments.common.works import work_of
from assignments.monkey_species.run import MonkeySettings
from data_tools.files import places
from data_tools.packed.arrays import ArrayStore


class Colours(Work):
    """Three colours told apart by a linear layer."""

    settings, classes, folder = MonkeySettings, ("red", "green", "blue"), work_of("monkey_species").folder

    def find(self, data):
        rng = np.random.default_rng(0)
        labels = rng.integers(0, 3, 60)
        images = rng.integers(0, 120, (60, 8, 8, 3)).astype(np.uint8)
        images[np.arange(60), :, :, labels] += 100
        parts = (slice(0, 40), slice(40, 50), slice(50, 60))
        training, validation, test = (ArrayStore(images[part], labels[part]) for part in parts)
        return DataSet(training, test, validation, origin="drawn", path="colours")

    def network(self, settings, classes):
        from paddle import nn

        return nn.Sequential(nn.Flatten(), nn.Linear(192, len(classes)))


class Rivals(Colours):
    """The same with a second network that learns from its answers."""

    def task(self, settings, network, classes, training=None):
        import paddle

        task = super().task(settings, network, classes, training)
        critic, plain = paddle.nn.Linear(3, 1), task.losses
        task.networks = {"model": network, "critic": critic}

        def losses(batch):
            yield from plain(batch)
            yield "critic", critic(network(batch["image"]).detach()).square().mean()

        task.losses = losses
        return task


WORDS = ["--preset", "smoke", "--device", "cpu", "--batch_size", "20", "--image_size", "8"]


def test_a_curve_a_table_and_the_command_to_use(tmp_path, capfd, caplog):
    caplog.set_level("INFO")  # as VisualDL leaves it
    assert run_work(Colours(), [*WORDS, "--find_lr", "--out", str(tmp_path / "found"), "--optimizer.lr", "3"]) == 0
    said = capfd.readouterr().out
    assert not [record for record in caplog.records if record.name.startswith(("fontTools", "matplotlib"))]
    found = json.loads((tmp_path / "found" / "find-lr.json").read_text())
    rows = list(csv.DictReader(open(tmp_path / "found" / "find-lr.csv", newline="")))
    rates = [float(row["rate"]) for row in rows]
    assert len(rows) == found["steps"] > 50 and rates == sorted(rates) and found["network"] == "model"
    assert found["suggestion"] == pytest.approx(found["lowest_loss_at"] / 10, rel=0.06)
    assert f"run.py {' '.join(WORDS)} --optimizer.lr {found['suggestion']:g}\n" in re.sub(r"\\\n +", "", said)
    assert {path.name for path in (tmp_path / "found").iterdir()} == {
        "find-lr.csv", "find-lr.json", "find-lr.png", "find-lr.svg", "find-lr.pdf"}


def test_nothing_of_it_is_taken_for_a_run_and_no_run_is_touched(tmp_path, capfd):
    from assignments.common.runs import find_run
    from data_tools.errors import KitError

    assert run_work(Colours(), [*WORDS, "--find_lr"]) == 0
    (folder,) = (places.runs() / "monkey_species_find_lr").iterdir()
    assert not list(folder.rglob("*.safetensors")) and not list(folder.rglob("config.yaml"))
    with pytest.raises(KitError, match="config.yaml is missing"):
        find_run(str(folder), ["monkey_species"], [])
    (tmp_path / "config.yaml").write_text("assignment: monkey_species\n")
    for words, message in ((["--find_lr", "--out", str(tmp_path)], "holds a run; choose another --out"),
                           (["--find_lr", "--resume", str(tmp_path)], "--find_lr is not for --resume")):
        assert run_work(Colours(), words) == 2
        assert message in capfd.readouterr().err


def test_several_networks_and_no_trainer_are_told(tmp_path, capfd):
    assert run_work(Rivals(), [*WORDS, "--find_lr", "--out", str(tmp_path)]) == 0
    assert SEVERAL.format(name="model") in capfd.readouterr().out
    assert json.loads((tmp_path / "find-lr.json").read_text())["note"].startswith("several networks learn")
    assert run_work(work_of("backprop"), ["--find_lr"]) == 2
    assert "nothing to find" in capfd.readouterr().err
