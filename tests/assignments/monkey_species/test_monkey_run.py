"""The monkey runner as a user calls it: results, bad data, resume, honest words about the data."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from data_tools.drawing.monkey_sample import draw_monkeys
from data_tools.files.places import PROJECT_ROOT

RUN = PROJECT_ROOT / "assignments" / "monkey_species" / "run.py"
TINY = ["--preset", "smoke", "--model", "mobilenet_v2", "--batch_size", "10", "--max_steps", "3"]


def run(*arguments, cwd=None):
    return subprocess.run([sys.executable, str(RUN), *map(str, arguments)], capture_output=True, text=True, timeout=300,
                          cwd=cwd)


@pytest.fixture(scope="module")
def monkeys(tmp_path_factory):
    """A drawn set of 30 training and 20 validation pictures."""
    return draw_monkeys(tmp_path_factory.mktemp("monkeys") / "set", seed=1, training_per_class=3,
                        validation_per_class=2)


@pytest.fixture(scope="module")
def finished(monkeys, tmp_path_factory):
    """A finished run, started from another folder than the project's."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    done = run(*TINY, "--json", "--data", monkeys, "--out", folder, cwd=folder.parent)
    assert (done.returncode, done.stderr) == (0, "")
    return folder, done.stdout


def test_the_run_folder_holds_everything(finished):
    folder, said = finished
    for name in ("config.yaml", "environment.json", "metrics.jsonl", "result.json", "predictions.npz", "artifacts.npz",
                 "checkpoints/best.safetensors", "checkpoints/last.safetensors"):
        assert (folder / name).stat().st_size
    assert any(path.stat().st_size for path in (folder / "vdl").iterdir())
    result = json.loads((folder / "result.json").read_text())
    assert result == json.loads(said.splitlines()[-1].removeprefix("result "))
    assert result["origin"] == "drawn" and "(drawn)" in said
    with np.load(folder / "predictions.npz", allow_pickle=False) as predictions:
        right = (predictions["probabilities"].argmax(axis=1) == predictions["labels"]).mean()
    accuracy = result["metrics"]["accuracy"]
    assert accuracy["value"] == pytest.approx(right) and accuracy["low"] <= right <= accuracy["high"] and accuracy[
        "n"] == 20
    assert result["exploration"]["images_training"] == 30


def test_a_folder_that_holds_a_run_is_not_overwritten(finished, monkeys):
    again = run(*TINY, "--data", monkeys, "--out", finished[0])
    assert again.returncode == 2 and "already holds a run" in again.stderr and "--resume" in again.stderr


def test_same_command_same_weights(finished, monkeys, tmp_path):
    assert run(*TINY, "--data", monkeys, "--out", tmp_path / "run").returncode == 0
    first, second = (json.loads((folder / "result.json").read_text())["weights_sha256"]
                     for folder in (finished[0], tmp_path / "run"))
    assert first == second


def test_a_limited_run_continues_to_the_same_weights(monkeys, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    more = ["--max_steps", "0", "--epochs", "2", "--choose_on", "holdout", "--holdout", "0.3"]
    assert run(*TINY, "--data", monkeys, "--out", whole, *more).returncode == 0
    assert run(*TINY, "--data", monkeys, "--out", parts, *more, "--epochs", "1").returncode == 0
    resumed = run("--resume", parts, "--epochs", "2")
    assert resumed.returncode == 0 and "threads and goes on" not in resumed.stdout, resumed.stderr
    first, second = (json.loads((folder / "result.json").read_text())["weights_sha256"] for folder in (whole, parts))
    assert first == second


def test_threads_are_chosen_recorded_and_missed(monkeys, tmp_path):
    folder = tmp_path / "run"
    assert run(*TINY, "--data", monkeys, "--out", folder, "--threads", "1").returncode == 0
    for name in ("result.json", "environment.json"):
        assert json.loads((folder / name).read_text())["threads"] == 1
    assert json.loads((folder / "environment.json").read_text())["device"] == "cpu, 1 threads"
    resumed = run("--resume", folder, "--max_steps", "4", "--threads", "2")
    assert resumed.returncode == 0 and "begun with 1 threads and goes on with 2" in resumed.stdout


def test_two_processes_share_one_run_folder(monkeys, tmp_path):
    import os

    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PADDLE", "CUDA_VISIBLE"))}
    done = subprocess.run([sys.executable, "-m", "paddle.distributed.launch", "--nproc_per_node", "2", "--log_dir",
                           str(tmp_path / "log"), str(RUN), *TINY, "--data", str(monkeys)], capture_output=True,
                          text=True,
                          timeout=300, cwd=tmp_path, env={**environment, "KIT_RUNS": str(tmp_path / "runs")})
    assert done.returncode == 0, done.stdout + done.stderr
    (folder,) = (tmp_path / "runs" / "monkey_species").iterdir()
    result = json.loads((folder / "result.json").read_text())
    assert result["metrics"]["accuracy"]["n"] == 20 and result["steps"] == 3


def copied(monkeys, folder):
    import shutil

    return Path(shutil.copytree(monkeys, folder / "data"))


def test_corrupt_images_are_all_named_and_can_be_left_out(monkeys, tmp_path):
    data = copied(monkeys, tmp_path)
    for name in ("training/n3/n3001.jpg", "validation/n0/n000.jpg"):
        (data / name).write_bytes((data / name).read_bytes()[:500])
    (data / "training" / "n5" / "n5000.jpg").write_bytes(b"not an image")
    stopped = run(*TINY, "--data", data, "--out", tmp_path / "stopped")
    assert stopped.returncode == 2 and "Traceback" not in stopped.stderr
    for words in ("n3001.jpg", "n5000.jpg", "--skip_unreadable true"):
        assert words in stopped.stderr
    left_out = run(*TINY, "--data", data, "--out", tmp_path / "left", "--skip_unreadable", "true")
    assert left_out.returncode == 0, left_out.stderr
    result = json.loads((tmp_path / "left" / "result.json").read_text())
    assert sorted(Path(name).name for name in result["unreadable"]) == ["n000.jpg", "n3001.jpg", "n5000.jpg"]
    assert result["metrics"]["accuracy"]["n"] == 19


def test_a_wrong_label_is_named(monkeys, tmp_path):
    data = copied(monkeys, tmp_path)
    (data / "training" / "n9").rename(data / "training" / "n12")
    wrong = run(*TINY, "--data", data, "--out", tmp_path / "run")
    assert wrong.returncode == 2 and "Traceback" not in wrong.stderr
    assert "n12" in wrong.stderr and "n0 to n9" in wrong.stderr and "Move or rename" in wrong.stderr


@pytest.mark.parametrize("arguments, words", [
    (["--modle", "resnet50"], "did you mean --model?"),
    (["--model", "resnet51"], "resnet50"),
    (["--data", "/nonexistent"], "no data at /nonexistent"),
    (["--model", "mobilenet_v2", "--weights", "/nonexistent.safetensors"], "/nonexistent.safetensors"),
    (["--device", "gpu"], "sees no GPU"),
    (["--resume", "/nonexistent"], "is not a run folder"),
    (["--holdout", "2", "--choose_on", "holdout"], "holdout: 2.0 is outside (0, 1)"),
])
def test_mistakes_get_one_message(arguments, words, monkeys, tmp_path):
    given = [] if arguments[0] in ("--resume",) else [*TINY, "--data", monkeys, "--out", tmp_path / "run"]
    done = run(*given, *arguments)
    assert done.returncode == 2 and words in done.stderr and "Traceback" not in done.stderr
    assert arguments[1] != "resnet51" or "packing" not in done.stdout  # what can be known before is said before
