"""Small parts of the trainer: early stopping, moving average, precision, checkpoints, run folder."""

import errno
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import paddle
import pytest
from paddle import nn

from data_tools.errors import KitError
from data_tools.files.atomic import write_atomically
from paddle_models.trainer.checkpoint import load_checkpoint, save_checkpoint
from paddle_models.trainer.early_stopping import EarlyStopping
from paddle_models.trainer.ema import MovingAverage
from paddle_models.trainer.precision import Precision
from paddle_models.trainer.progress import ProgressBar
from paddle_models.trainer.run_folder import RunFolder, describe_environment, new_run_path, read_config, unfinished_run

pytestmark = pytest.mark.compat


def watch(values, mode="max", patience=0, min_delta=0.0):
    stopping = EarlyStopping(patience, min_delta, "score", mode)
    for epoch, value in enumerate(values):
        stopping.update(value, epoch)
    return stopping


def test_early_stopping_waits_for_its_patience():
    assert watch([0.5, 0.4, 0.4], patience=3).reason is None
    assert watch([0.5, 0.4, 0.4, 0.5], patience=3).reason == \
        "score has not improved in 3 validation checks (best 0.5000 in epoch 1)"
    assert watch([1.0] + [0.0] * 50).reason is None  # patience 0: never


def test_early_stopping_min_delta_and_direction():
    assert watch([0.5, 0.509, 0.52], patience=5, min_delta=0.01).best == 0.52
    assert watch([0.5, 0.509], patience=5, min_delta=0.01).best == 0.5
    assert watch([3.0, 2.0, 4.0], mode="min").best_epoch == 1


def test_of_equal_checks_the_one_with_the_smallest_loss_is_kept():
    stopping = EarlyStopping(3, 0.0, "score", "max")
    kept = []
    for epoch, loss in enumerate((0.5, 0.3, 0.4, 0.2)):
        stopping.update(0.9, epoch, loss)
        kept.append(stopping.improved)
    assert kept == [True, True, False, True] and stopping.best_epoch == 3
    assert stopping.reason.startswith("score has not improved in 3")  # patience is for the score
    other = EarlyStopping(3, 0.0, "score", "max")
    other.load_state_dict(stopping.state_dict())
    other.update(0.9, 4, 0.25)
    assert not other.improved
    old = {key: value for key, value in stopping.state_dict().items() if key != "best_loss"}
    other.load_state_dict(old)  # of a run from before: its first best stays
    other.update(0.9, 5, 0.0)
    assert not other.improved


def test_early_stopping_never_takes_nan_for_the_best():
    stopping = watch([float("nan"), float("nan")], patience=2)
    assert stopping.best is None and "no finite value" in stopping.reason
    assert watch([0.1, float("nan")]).best == 0.1


def test_early_stopping_continues_from_its_state():
    first = watch([0.5, 0.4], patience=3)
    second = EarlyStopping(3, 0.0, "score", "max")
    second.load_state_dict(first.state_dict())
    for epoch in (2, 3):
        second.update(0.3, epoch)
    assert second.reason and second.best == 0.5


def test_moving_average_follows_its_formula_and_gives_the_weights_back():
    paddle.seed(0)
    network = nn.Linear(2, 2)
    average = MovingAverage(network, 0.5)
    expected, own = network.weight.numpy().copy(), None
    for step in range(1, 4):
        own = np.full((2, 2), float(step), "float32")
        network.weight.set_value(own)
        average.update()
        decay = min(0.5, (1 + step) / (10 + step))
        expected = expected * decay + own * (1 - decay)
    with average.applied():
        np.testing.assert_allclose(network.weight.numpy(), expected, rtol=1e-6)
    np.testing.assert_array_equal(network.weight.numpy(), own)


def test_mixed_precision_is_off_on_a_cpu_and_says_so():
    precision = Precision("O1", "float16", "cpu", ["model"])
    assert precision.level == "off" and "gains nothing" in precision.notice
    assert Precision("off", "float16", "cpu", ["model"]).notice == ""
    loss = paddle.to_tensor(3.0)
    assert float(precision.scalers["model"].scale(loss)) == 3.0


def test_scaler_state_survives_json():
    import json

    precision = Precision("O1", "float16", "cpu", ["model"])
    scaler = paddle.amp.GradScaler(enable=True, init_loss_scaling=512.0)
    precision.scalers["model"] = scaler
    if not scaler.state_dict():
        pytest.skip("this Paddle keeps no scaler state on a CPU")
    state = json.loads(json.dumps(precision.state_dict()))
    assert state["model"]["scale"] == 512.0
    precision.scalers["model"] = paddle.amp.GradScaler(enable=True)
    precision.load_state_dict(state)
    assert precision.state_dict() == state


def test_checkpoint_round_trip(tmp_path):
    groups = {"networks/model": {"a.weight": np.arange(6, dtype="float32").reshape(2, 3),
                                 "b": np.float32(2).reshape(())},
              "optimizers/model": {"a.weight/moment1": np.ones(3, "float32")}}
    save_checkpoint(tmp_path / "c.safetensors", groups, {"step": 3, "best": None})
    loaded, state = load_checkpoint(tmp_path / "c.safetensors")
    assert state == {"step": 3, "best": None}
    assert {g: {n: a.tolist() for n, a in arrays.items()} for g, arrays in loaded.items()} == \
        {g: {n: a.tolist() for n, a in arrays.items()} for g, arrays in groups.items()}


@pytest.mark.parametrize("content", [b"", b"\x80\x04", b"\xff" * 8 + b"{}", b"\x02" + bytes(7) + b"{}"])
def test_broken_checkpoints_are_named(tmp_path, content):
    path = tmp_path / "last.safetensors"
    path.write_bytes(content)
    with pytest.raises(KitError, match="last.safetensors"):
        load_checkpoint(path)


def test_atomic_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    write_atomically(path, b"old")
    (tmp_path / "folder").mkdir()
    with pytest.raises(KitError, match="cannot write"):
        write_atomically(tmp_path / "folder", b"new")  # a folder stands there
    assert path.read_bytes() == b"old" and sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]


def test_run_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("KIT_RUNS", str(tmp_path))
    path = new_run_path("monkey_species", "smoke")
    with RunFolder(path) as run:
        run.write_config("monkey_species", "smoke", {"epochs": 3})
        with pytest.raises(KitError, match="in use by another run"):
            with RunFolder(path):
                raise AssertionError("the lock did not hold")
        assert new_run_path("monkey_species", "smoke") != path
    assert read_config(path, "monkey_species") == ("smoke", {"epochs": 3})
    with pytest.raises(KitError, match="a run of monkey_species, not of glasses"):
        read_config(path, "glasses")
    with pytest.raises(KitError, match="no unfinished run"):
        unfinished_run("glasses")
    assert unfinished_run("monkey_species") == path  # stopped before its first checkpoint
    save_checkpoint(path / "checkpoints" / "last.safetensors", {}, {})
    with RunFolder(path.with_name("20990101-000000-newer")) as run:
        run.write_config("monkey_species", "smoke", {})
    assert unfinished_run("monkey_species") == path
    for folder in (path, run.path):
        write_atomically(folder / "result.json", b"{}")
    with pytest.raises(KitError, match="no unfinished run"):
        unfinished_run("monkey_species")


def test_a_resumed_run_beyond_its_last_step_takes_no_negative_time():
    bar = ProgressBar(total=5).begun(9)
    bar.start -= 100
    assert bar.eta() == "0:00:00"


def test_environment_names_every_package_that_shapes_a_result():
    found = {name.lower() for name in describe_environment("", "cpu", {})["versions"]}
    assert {"paddlepaddle", "numpy", "opencv-python", "pillow", "scikit-learn", "scikit-image", "matplotlib"} <= found


def test_metrics_after_the_checkpoint_are_forgotten(tmp_path):
    with RunFolder(tmp_path / "run") as run:
        for step in range(1, 5):
            run.append_metrics({"kind": "step", "step": step, "epoch": 0})
        run.append_metrics({"kind": "epoch", "step": 4, "epoch": 0})
        with open(run.path / "metrics.jsonl", "a") as file:
            file.write('{"kind": "st')
        run.go_on(step=3, epoch=0)
        assert (run.path / "metrics.jsonl").read_text().count("\n") == 3


def test_runs_that_are_begun_in_the_same_second_get_a_folder_each(tmp_path, monkeypatch):
    monkeypatch.setenv("KIT_RUNS", str(tmp_path))
    monkeypatch.setattr("paddle_models.trainer.run_folder.time.strftime", lambda *_: "20260101-120000")
    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(lambda _: new_run_path("glasses", "smoke"), range(24)))
    assert len(set(paths)) == 24 and all(path.is_dir() for path in paths)


def test_what_a_killed_run_left_is_swept_by_the_next_start(tmp_path):
    checkpoints = tmp_path / "run" / "checkpoints"
    checkpoints.mkdir(parents=True)
    for path in (checkpoints / ".last.safetensors.1.tmp", tmp_path / "run" / ".result.json.1.tmp"):
        path.write_bytes(b"half")
    with RunFolder(tmp_path / "run") as run:
        run.write_json("result.json", {"name": os.fsdecode(b"\xb2\xe2.png")})
    assert [path.name for path in sorted((tmp_path / "run").rglob("*"))] == ["checkpoints", "result.json"]
    assert os.fsencode(json.loads((tmp_path / "run" / "result.json").read_text())["name"]) == b"\xb2\xe2.png"


def test_a_folder_that_cannot_be_written_says_how_to_go_on(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("data_tools.files.locks.os.open", refuse)
    with pytest.raises(KitError, match=r"Read-only file system.*--resume COPY"):
        with RunFolder(tmp_path / "run"):
            pass


def test_a_disk_that_fills_while_arrays_are_written_is_one_message(tmp_path):
    script = ("import resource, signal, sys, numpy, pathlib\n"
              "from paddle_models.trainer.run_folder import RunFolder\n"
              "from data_tools.errors import KitError\n"
              "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
              "resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))\n"
              "with RunFolder(pathlib.Path(sys.argv[1])) as run:\n"
              "    run.append_metrics({'kind': 'step'})\n"
              "    try:\n"
              "        run.write_arrays('predictions', {n: numpy.random.rand(5000) for n in 'ab'})\n"
              "    except KitError as error:\n"
              "        print(error)\n")
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, timeout=120)
    assert done.stderr == "" and done.stdout.count("\n") == 1 and f"continue with --resume {tmp_path}" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoints", "metrics.jsonl"]
