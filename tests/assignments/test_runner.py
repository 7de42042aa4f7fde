"""What every run.py shares: a resumed run's folder, Ctrl-C, wrong words; on a tiny network in this process."""

import json
import os
import signal

import pytest
import yaml

from assignments.monkey_species.run import MonkeySettings
from assignments.runner import Assignment, run_assignment

WORDS = ["--preset", "smoke", "--device", "cpu", "--epochs", "1", "--max_steps", "0", "--batch_size", "8"]


def assignment(interrupted=False):
    """One that trains a linear network on 40 random images; Ctrl-C comes after the training where `interrupted`."""

    def train(settings, run, device, resume):
        from paddle import nn

        from paddle_models.classification import ClassificationTask
        from paddle_models.trainer.fast_layers import Decision
        from paddle_models.trainer.fitting import fit_best
        from paddle_models.trainer.loop import Trainer, seed_everything
        from tests.paddle_models.trainer.tiny import TinyData

        seed_everything(settings.seed, 0)
        task = ClassificationTask(nn.Sequential(nn.Flatten(), nn.Linear(192, 3)), ("red", "green", "blue"))
        trainer = Trainer(task, TinyData(settings), settings, run, device)
        fit_best(trainer, resume, "none", Decision(False, "not asked for"))
        if interrupted:
            os.kill(os.getpid(), signal.SIGINT)
        return {"steps": trainer.position.step}

    return Assignment("monkey_species", MonkeySettings, train)


def contents(folder):
    return {name: (folder / name).read_bytes() for name in ("config.yaml", "environment.json", "result.json", "files.json",
                                                            "metrics.jsonl")}


def test_a_run_that_is_extended_forgets_its_result_only_when_it_goes_on(tmp_path, capfd):
    folder = tmp_path / "run"
    assert run_assignment(assignment(), [*WORDS, "--out", str(folder)]) == 0
    finished = contents(folder)
    assert run_assignment(assignment(), ["--resume", str(folder), "--epochs", "2", "--seed", "1"]) == 2
    assert "setting seed" in capfd.readouterr().err and contents(folder) == finished
    assert run_assignment(assignment(interrupted=True), ["--resume", str(folder), "--epochs", "2"]) == 130
    assert not (folder / "result.json").exists() and not (folder / "files.json").exists()
    assert yaml.safe_load((folder / "config.yaml").read_text())["settings"]["epochs"] == 2
    assert run_assignment(assignment(), ["--resume", str(folder)]) == 0
    assert json.loads((folder / "result.json").read_text())["steps"] == 10


@pytest.mark.parametrize("interrupted", [False, True])
def test_ctrl_c_outside_the_training_is_one_line_and_the_way_on_where_there_is_one(tmp_path, capfd, interrupted):
    folder = tmp_path / "a run"
    stopped = assignment(interrupted) if interrupted else Assignment("monkey_species", MonkeySettings, pack)
    assert run_assignment(stopped, [*WORDS, "--out", str(folder)]) == 130
    said, errors = capfd.readouterr()
    assert errors == "stopped\n"
    assert (f"run.py --resume '{folder}'" in said) == interrupted


def pack(settings, run, device, resume):
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("words, message", [
    (["--image_size", "0"], "setting image_size: 0 is below 8"),
    (["--label_smoothing", "1"], "setting label_smoothing: 1.0 is outside [0, 1)"),
    (["--mixup", "-1"], "setting mixup: -1.0 is negative"),
])
def test_wrong_numbers_are_named(capfd, words, message):
    assert run_assignment(assignment(), words) == 2
    assert message in capfd.readouterr().err
