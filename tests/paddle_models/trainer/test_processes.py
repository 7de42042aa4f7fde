"""Real processes: killed, interrupted, starved of disk, started twice, two at once."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from paddle_models.trainer.checkpoint import load_checkpoint
from paddle_models.trainer.run_folder import RunFolder
from paddle_models.weights.files import sha256_of_weights
from tests.paddle_models.trainer.tiny import tiny_trainer

SCRIPT = Path(__file__).with_name("tiny.py")


def tiny(*arguments, **options):
    return subprocess.run([sys.executable, str(SCRIPT), *map(str, arguments)], capture_output=True, text=True,
                          timeout=120,
                          **options)


def await_file(path, process, seconds=60):
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert process.poll() is None and time.monotonic() < deadline, path
        time.sleep(0.05)


def final_weights(folder, group="networks/model"):
    groups, _ = load_checkpoint(folder / "checkpoints" / "last.safetensors")
    return sha256_of_weights(groups[group])


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Hash of the weights of a run that nothing happened to."""
    folder = tmp_path_factory.mktemp("undisturbed")
    assert tiny(folder, "ema_decay=0.9").returncode == 0
    return final_weights(folder), final_weights(folder, "averages/model")


@pytest.mark.compat
@pytest.mark.parametrize("step, minutes", [(3, 5), (8, 0), (13, 5)])
def test_kill_and_resume_ends_with_the_same_weights(tmp_path, undisturbed, step, minutes):
    """Killed in the first epoch before any checkpoint; in the middle of an epoch; after a checkpoint at an epoch's
    end."""
    killed = tiny(tmp_path, f"kill_at={step}", f"checkpoint_minutes={minutes}", "ema_decay=0.9")
    assert killed.returncode == -signal.SIGKILL
    resumed = tiny(tmp_path, "--resume", "ema_decay=0.9")
    assert (resumed.returncode, resumed.stderr) == (0, "")
    assert (final_weights(tmp_path), final_weights(tmp_path, "averages/model")) == undisturbed
    steps = [json.loads(line)["step"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()
             if '"step", ' in line]
    assert steps == sorted(set(steps)) and steps[-1] == 15


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_polite_stop_saves_and_says_how_to_continue(tmp_path, undisturbed, number):
    process = subprocess.Popen([sys.executable, str(SCRIPT), str(tmp_path), "pause=0.3", "checkpoint_minutes=0",
                                "ema_decay=0.9"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    await_file(tmp_path / "checkpoints" / "last.safetensors", process)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "")
    assert "stopped after step " in out
    assert 0 < load_checkpoint(tmp_path / "checkpoints" / "last.safetensors")[1]["position"]["step"] < 15
    assert tiny(tmp_path, "--resume", "ema_decay=0.9").returncode == 0
    assert (final_weights(tmp_path), final_weights(tmp_path, "averages/model")) == undisturbed


def test_a_second_run_is_locked_out(tmp_path):
    process = subprocess.Popen([sys.executable, str(SCRIPT), str(tmp_path), "epochs=3000"], stdout=subprocess.DEVNULL)
    try:
        await_file(tmp_path / "metrics.jsonl", process)
        second = tiny(tmp_path)
    finally:
        process.kill()
        process.wait()
    assert second.returncode == 2
    assert "in use by another run" in second.stderr and "--out" in second.stderr


def test_a_full_disk_is_one_clear_error_and_leaves_the_checkpoint(tmp_path):
    assert tiny(tmp_path, "epochs=1").returncode == 0
    before = (tmp_path / "checkpoints" / "last.safetensors").read_bytes()

    def small_files_only():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # writes then fail with an error, as on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) - 100, len(before) - 100))

    full = tiny(tmp_path, "--resume", preexec_fn=small_files_only)
    assert full.returncode == 2
    assert "cannot write" in full.stderr and "make room" in full.stderr and "Traceback" not in full.stderr
    assert (tmp_path / "checkpoints" / "last.safetensors").read_bytes() == before
    assert not list((tmp_path / "checkpoints").glob("*.tmp"))
    assert tiny(tmp_path, "--resume").returncode == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_really_full_disk(tmp_path):
    mount = tmp_path / "disk"
    mount.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24k", "none", str(mount)], capture_output=True,
                             timeout=120)
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        full = tiny(mount / "run")
        assert full.returncode == 2
        assert "No space left on device" in full.stderr and "Traceback" not in full.stderr
    finally:
        subprocess.run(["umount", "-l", str(mount)], check=True, timeout=120)


def tiny_twice(folder, *arguments):
    """Two processes that train together."""
    own = ("PADDLE", "CUDA_VISIBLE")  # the launcher takes an empty list of GPUs for one nameless GPU
    environment = {key: value for key, value in os.environ.items() if not key.startswith(own)}
    two = subprocess.run([sys.executable, "-m", "paddle.distributed.launch", "--nproc_per_node", "2", "--log_dir",
                          str(folder.with_name("log")), str(SCRIPT), str(folder), *arguments],
                         capture_output=True, text=True, timeout=180, env=environment, cwd=folder.parent)
    assert two.returncode == 0, two.stdout + two.stderr


def losses(folder):
    rows = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    return [row["val/loss"] for row in rows if row["kind"] == "epoch"]


def test_two_processes_train_like_one(tmp_path):
    """Same losses, same weights as one process with the same global batch (no dropout, no BatchNorm)."""
    assert tiny(tmp_path / "one", "plain=true").returncode == 0
    tiny_twice(tmp_path / "two", "plain=true")
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), abs=1e-5)
    one, two = (load_checkpoint(tmp_path / name / "checkpoints" / "last.safetensors")[0]["networks/model"]
                for name in ("one", "two"))
    for name in one:
        assert two[name] == pytest.approx(one[name], abs=1e-5), name


@pytest.mark.parametrize("ema_decay", [0, 0.9])
def test_two_processes_judge_with_the_running_statistics_that_are_kept(tmp_path, ema_decay):
    """Each rank's BatchNorm sees other images; the loss of the epoch is that of the weights in the file."""
    tiny_twice(tmp_path / "run", "epochs=1", f"ema_decay={ema_decay}")
    with RunFolder(tmp_path / "run") as run:
        trainer = tiny_trainer(run)
        trainer.load_best()
        _, values = trainer.evaluate(trainer.data.validation())
    assert losses(tmp_path / "run") == pytest.approx([values["loss"]], abs=1e-6)
