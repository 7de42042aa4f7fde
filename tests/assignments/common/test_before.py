"""What a run says before its first step, and where it does not start."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from assignments.common import before
from assignments.common.runner import run_work
from assignments.common.works import work_of
from data_tools.terminal import display_width
from paddle_models.trainer.checkpoint import network_arrays
from paddle_models.trainer.run_folder import RunFolder
from paddle_models.trainer.trial import Needs, measure
from tests.assignments.glasses.glasses_set import write_set
from tests.paddle_models.trainer.tiny import tiny_network, tiny_trainer

GB = 10**9
WORDS = ["--preset", "smoke", "--image_size", "16", "--filters", "[4,6]", "--batch_size", "8", "--max_steps", "0",
         "--epochs", "40", "--device", "cpu"]


@pytest.fixture
def glasses(tmp_path, monkeypatch):
    """The work, on a small set of its own; runs and packed stores lie in a folder of the test."""
    for name in ("KIT_RUNS", "KIT_CACHE"):
        monkeypatch.setenv(name, str(tmp_path / name))
    return work_of("glasses"), ["--data", str(write_set(tmp_path / "faces"))]


def needs(fixed=1.0, each=0.25, batch=64, disk=0.2):
    return Needs(fixed * GB, each * GB, 3.0, batch, int(disk * GB), 8)


def trainer(parts=1, network=None):
    return SimpleNamespace(micro_batches=parts, task=SimpleNamespace(networks={"model": network or tiny_network()}))


def test_what_would_fit_is_computed():
    said = before.too_much(trainer(), needs(), 10 * GB, math.inf)
    assert "64 images at once needs about 17.0 GB of memory, and 10.0 GB are free" in said
    assert "--accumulate 3," in said and "about 6.5 GB" in said and "over 21 images, not over 64" in said
    assert "--batch_size 21" in said
    assert before.SPARE * needs().memory(2) > 9.9 * GB > before.SPARE * needs().memory(3)
    assert before.too_much(trainer(3), needs(), 10 * GB, math.inf) == ""
    assert "BatchNorm" not in before.too_much(trainer(1, tiny_network(norm=False)), needs(), 10 * GB, math.inf)
    assert "Not even one image" in before.too_much(trainer(), needs(fixed=9.0), 10 * GB, math.inf)
    assert "need 30.0 GB of disk and 5.0 GB are free" in before.too_much(trainer(), needs(disk=30), 20 * GB, 5 * GB)


def test_a_trial_leaves_the_trainer_as_it_was(tmp_path):
    weights = []
    for tried in (False, True):
        with RunFolder(tmp_path / str(tried)) as run:
            training = tiny_trainer(run, accumulate=2)
            if tried:
                found = measure(training)
                assert found.tried == 4 and found.batch == 8 and found.seconds > 0 and found.memory(1) > 1e7
                assert all(parameter.grad is None for parameter in training.task.networks["model"].parameters())
            training.fit()
            weights.append(network_arrays(training.task.networks["model"]))
    assert all(np.array_equal(weights[0][name], value) for name, value in weights[1].items())
    assert (tmp_path / "True" / "metrics.jsonl").read_text().count("train/loss") == 3


def test_time_is_told_from_a_pass_that_makes_nothing_anew(tmp_path, monkeypatch):
    seen: list[int] = []

    def passed(trainer, batch, size):
        seen.append(size)
        return 0.5 if seen.count(size) > 1 else 60.0

    monkeypatch.setattr("paddle_models.trainer.trial._timed_pass", passed)
    with RunFolder(tmp_path) as run:
        assert measure(tiny_trainer(run, accumulate=2)).seconds == 0.5 / 4 * 8
    assert seen == [1, 1, 2, 4, 4]


def test_a_dry_run_says_all_and_writes_nothing(glasses, tmp_path, capfd):
    work, data = glasses
    assert run_work(work, [*WORDS, *data, "--dry-run"]) == 0
    lines = capfd.readouterr().out.splitlines()
    block = [line for line in lines if line[:12].rstrip() in ("network", "preset", "here", "memory", "time", "disk")]
    assert len(block) == 6 and max(map(display_width, block)) <= 80 and "it fits" in lines[-1]
    assert "M parameters" in block[0] and "smoke, made for 2 CPU cores" in block[1] and "of" in block[3]
    assert not (tmp_path / "KIT_RUNS").exists()


def test_a_run_that_does_not_fit_does_not_start_but_anyway(glasses, tmp_path, capfd, monkeypatch):
    work, data = glasses
    monkeypatch.setattr("data_tools.machine.free_memory", lambda: -(10**12))
    assert run_work(work, [*WORDS, *data]) == 2
    said, errors = capfd.readouterr()
    assert "\nmemory " in said and "does not start" in errors.replace("\n", " ") and "--anyway" in errors
    assert max(map(display_width, errors.splitlines())) <= 80 and not list((tmp_path / "KIT_RUNS").glob("*/*"))
    assert run_work(work, [*WORDS, *data, "--epochs", "1"]) == 0  # a few steps are not tried
    assert "\nmemory " not in capfd.readouterr().out
    assert run_work(work, [*WORDS, *data, "--epochs", "5", "--anyway"]) == 0


def test_real_data_that_are_not_used_are_named_with_the_option(tmp_path):
    def search(path, origin):
        return lambda: SimpleNamespace(path=path, origin=origin)

    work = SimpleNamespace(searched=lambda: {"faces": search("/some/where", "real"), "more": lambda: None,
                                             "drawn": search("/else", "drawn")})
    lines = before.unused_real(work, SimpleNamespace(origin="drawn", path="/drawn"))
    assert len(lines) == 2 and "real data, faces: /some/where" in lines[0] and "--data with that folder" in lines[1]
    assert before.unused_real(work, SimpleNamespace(origin="real", path="/real")) == []
    assert before.unused_real(work, SimpleNamespace(origin="subset", path="/some/where")) == []


def test_a_work_without_steps_has_nothing_to_try(capfd):
    assert run_work(work_of("backprop"), ["--preset", "smoke", "--dry-run"]) == 2
    assert "no step to try" in capfd.readouterr().err
