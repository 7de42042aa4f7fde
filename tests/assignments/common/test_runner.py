"""What every run.py shares: a resumed run's folder, Ctrl-C, wrong words; on a tiny network in this process."""

import json
import os
import signal
import time

import pytest
import yaml

from assignments.common.command_line import tells_errors
from assignments.common.runner import run_work
from assignments.common.work import Work
from assignments.common.works import work_of
from assignments.monkey_species.run import MonkeySettings
from data_tools.errors import KitError
from paddle_models.trainer.run_folder import unfinished_run

WORDS = ["--preset", "smoke", "--device", "cpu", "--epochs", "1", "--max_steps", "0", "--batch_size", "8"]


def assignment(interrupted=False, fingerprint="these"):
    """One that trains a linear network on 40 random images; Ctrl-C comes after the training where `interrupted`."""

    def train(self, settings, run, device, resume):
        from paddle import nn

        from paddle_models.fast.fast_layers import Decision
        from paddle_models.tasks.classification import ClassificationTask
        from paddle_models.trainer.fitting import fit_best
        from paddle_models.trainer.loop import Trainer, seed_everything
        from tests.paddle_models.trainer.tiny import TinyData

        seed_everything(settings.seed, 0)
        task = ClassificationTask(nn.Sequential(nn.Flatten(), nn.Linear(192, 3)), ("red", "green", "blue"))
        trainer = Trainer(task, TinyData(settings), settings, run, device)
        fit_best(trainer, resume, fingerprint, Decision(False, "not asked for"))
        if interrupted:
            os.kill(os.getpid(), signal.SIGINT)
        return {"steps": trainer.position.step}

    return tiny(train)


def tiny(train):
    """A work in the place of the monkeys that trains so."""
    folder = work_of("monkey_species").folder
    return type("Tiny", (Work,), {"settings": MonkeySettings, "train": train, "folder": folder})()


def contents(folder):
    return {name: (folder / name).read_bytes()
            for name in ("config.yaml", "environment.json", "result.json", "files.json",
                                                            "metrics.jsonl")}


def test_a_run_that_is_extended_forgets_its_result_only_when_it_goes_on(tmp_path, capfd):
    folder = tmp_path / "run"
    assert run_work(assignment(), [*WORDS, "--out", str(folder)]) == 0
    finished = contents(folder)
    assert run_work(assignment(), ["--resume", str(folder), "--epochs", "2", "--seed", "1"]) == 2
    assert "setting seed" in capfd.readouterr().err and contents(folder) == finished
    assert run_work(assignment(interrupted=True), ["--resume", str(folder), "--epochs", "2"]) == 130
    assert not (folder / "result.json").exists() and not (folder / "files.json").exists()
    assert yaml.safe_load((folder / "config.yaml").read_text())["settings"]["epochs"] == 2
    assert run_work(assignment(), ["--resume", str(folder)]) == 0
    assert json.loads((folder / "result.json").read_text())["steps"] == 10


def test_a_run_goes_on_with_the_images_it_was_begun_with_only(tmp_path, capfd):
    folder = tmp_path / "run"
    assert run_work(assignment(), [*WORDS, "--out", str(folder)]) == 0
    finished = contents(folder)
    for words in (["--epochs", "2"], ["--data", "other"]):
        assert run_work(assignment(fingerprint="others"), ["--resume", str(folder), *words]) == 2
        assert "begun with other images than these" in capfd.readouterr().err and contents(folder) == finished
    environment = json.loads(finished["environment.json"])
    del environment["data_fingerprint"]  # as of an older run
    (folder / "environment.json").write_text(json.dumps(environment))
    assert run_work(assignment(fingerprint="others"), ["--resume", str(folder), "--epochs", "2"]) == 0


def test_a_finished_run_is_left_alone_unless_something_of_it_is_gone(tmp_path, capfd):
    folder = tmp_path / "run"
    assert run_work(assignment(), [*WORDS, "--out", str(folder)]) == 0
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert run_work(assignment(), ["--resume", str(folder)]) == 0
    assert f"{folder} is finished; nothing to do" in capfd.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    (folder / "files.json").write_text("{")
    assert run_work(assignment(), ["--resume",
                                         str(folder)]) == 0 and "nothing to do" not in capfd.readouterr().out
    (folder / "checkpoints" / "best.safetensors").unlink()
    assert run_work(assignment(), ["--resume", str(folder)]) == 2  # tried: there are no weights to judge any more


def refuse(self, settings, run, device, resume):
    raise KitError("no data there")


@pytest.mark.parametrize("existed", [False, True])
def test_a_start_that_is_refused_leaves_nothing_in_the_way_of_the_next(tmp_path, capfd, existed):
    folder = tmp_path / "new" / "run"
    if existed:
        folder.mkdir(parents=True)
    wrong = tiny(refuse)
    assert run_work(wrong, [*WORDS, "--out", str(folder)]) == 2 and "no data there" in capfd.readouterr().err
    assert list(tmp_path.rglob("*")) == ([tmp_path / "new", folder] if existed else [])
    assert run_work(assignment(), [*WORDS, "--out", str(folder)]) == 0
    finished = contents(folder)
    assert run_work(wrong, [*WORDS, "--out",
                                  str(folder)]) == 2 and "already holds a run" in capfd.readouterr().err
    assert contents(folder) == finished


def test_a_folder_with_files_of_the_user_is_refused(tmp_path, capfd):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "me.jpg").write_bytes(b"me")
    assert run_work(assignment(), [*WORDS, "--out", str(tmp_path)]) == 2
    assert "holds files that are no run" in capfd.readouterr().err
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["me.jpg", "photos"]
    (tmp_path / "config.yaml").write_text("of: another program")
    assert run_work(assignment(), [*WORDS, "--out", str(tmp_path)]) == 2
    assert (tmp_path / "config.yaml").read_text() == "of: another program"


@pytest.mark.parametrize("interrupted", [False, True])
def test_ctrl_c_outside_the_training_is_one_line_and_the_way_on(tmp_path, capfd, monkeypatch, interrupted):
    monkeypatch.setenv("KIT_RUNS", str(tmp_path))
    folder = tmp_path / "monkey_species" / "a run"
    stopped = assignment(interrupted) if interrupted else tiny(pack)
    assert run_work(stopped, [*WORDS, "--out", str(folder)]) == 130
    said, errors = capfd.readouterr()
    assert errors == "stopped\n"
    assert f"--resume \\\n        '{folder}'" in said and ("nothing was trained yet" in said) != interrupted
    assert unfinished_run("monkey_species") == folder
    assert run_work(assignment(), ["--resume"]) == 0 and (folder / "result.json").exists()


def pack(self, settings, run, device, resume):
    os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_in_an_import_waits_for_its_end(tmp_path, capfd, monkeypatch):
    (tmp_path / "interrupted_import.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nwhole = "
                                                    "True\n")
    monkeypatch.syspath_prepend(tmp_path)
    found = []

    @tells_errors
    def main():
        import interrupted_import

        found.append(interrupted_import.whole)
        time.sleep(10)
        return 0

    assert main() == 130 and found == [True] and capfd.readouterr().err == "stopped\n"
    assert signal.getsignal(signal.SIGINT) == signal.default_int_handler


@pytest.mark.parametrize("words, message", [
    (["--image_size", "0"], "setting image_size: 0 is outside [8, 512]"),
    (["--label_smoothing", "1"], "setting label_smoothing: 1.0 is outside [0, 1)"),
    (["--mixup", "-1"], "setting mixup: -1.0 is below 0"),
])
def test_wrong_numbers_are_named(capfd, words, message):
    assert run_work(assignment(), words) == 2
    assert message in capfd.readouterr().err
