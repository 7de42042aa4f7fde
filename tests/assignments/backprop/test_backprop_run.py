"""The back-propagation runner and its figures as a user calls them: one smoke run, every figure, the animation."""

import csv
import json
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from assignments.backprop import figures
from assignments.backprop.run import main
from data_tools.errors import KitError
from data_tools.files.places import PROJECT_ROOT
from reports.run_reader import Run
from tests.figure_checks import check_entries, check_legible, check_same_bytes, labels_in, run_script

FOLDER = PROJECT_ROOT / "assignments" / "backprop"
ARRAYS = ("artifacts.npz", "predictions.npz")


def script(name, *words, cwd=None, **variables):
    return run_script(FOLDER / name, *words, folder=cwd, **variables)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished smoke run, started from another folder than the project's, and what it printed."""
    folder = tmp_path_factory.mktemp("backprop") / "runs" / "backprop" / "smoke"
    done = script("run.py", "--preset", "smoke", "--json", "--out", folder, cwd=folder.parents[2])
    assert (done.returncode, done.stderr) == (0, "")
    return folder, done.stdout


@pytest.fixture(scope="module")
def run(finished):
    return Run(finished[0], "backprop")


def test_the_run_folder_holds_everything(finished):
    folder, said = finished
    for name in ("config.yaml", "environment.json", "metrics.jsonl", "result.json", *ARRAYS,
                 "checkpoints/best.safetensors"):
        assert (folder / name).stat().st_size
    result = json.loads((folder / "result.json").read_text())
    assert result == json.loads(said.splitlines()[-1].removeprefix("result "))
    with np.load(folder / "predictions.npz", allow_pickle=False) as predictions:
        right = (predictions["probabilities"].argmax(axis=1) == predictions["labels"]).mean()
    accuracy = result["metrics"]["digits_accuracy"]
    assert accuracy["value"] == pytest.approx(right) and accuracy["low"] <= right <= accuracy["high"] and accuracy[
        "n"] == 450
    expects = yaml.safe_load((FOLDER / "presets.yaml").read_text())["smoke"]["expects"]
    assert expects["low"] <= result["metrics"][expects["metric"]]["value"] <= expects["high"]
    assert result["worked"]["steps"] == 9868 and result["worked"]["E_total_end"] < 3.6e-5
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert {row["kind"] for row in rows} == {"step", "epoch"} and rows[0]["loss/worked"] == pytest.approx(0.298371109)


def test_the_weights_load_into_the_paddle_network(finished):
    import paddle

    from assignments.backprop.experiments import HIDDEN, centred_digits
    from paddle_models.networks.mlp import MLP
    from paddle_models.weights.files import load_weights

    network = MLP((64, HIDDEN, 10))
    weights, _ = load_weights(finished[0] / "checkpoints" / "best.safetensors")
    missing, unexpected = network.set_state_dict({key: paddle.to_tensor(value) for key, value in weights.items()})
    assert not missing and not unexpected
    _, _, x, t = centred_digits(0)
    right = (network(paddle.to_tensor(x.astype(np.float32))).numpy().argmax(axis=1) == t.argmax(axis=1)).mean()
    assert right == pytest.approx(json.loads((finished[0] / "result.json").read_text())["metrics"]["digits_accuracy"][
        "value"])


def test_another_process_computes_the_same_arrays(finished):
    from threadpoolctl import threadpool_limits

    from assignments.backprop import checks, experiments, features
    from assignments.backprop.run import BackpropSettings

    settings = BackpropSettings(**yaml.safe_load((FOLDER / "presets.yaml").read_text())["smoke"]["settings"])
    with threadpool_limits(1):
        again = {**checks.check_gradients(settings.check_networks, 0),
                 **experiments.gradient_noise(settings.noise_draws, 0),
                 **experiments.compare_on_digits(settings)[0], **experiments.digits_in_paddle(settings),
                 **features.rotation_pretraining(settings.rotation_epochs, settings.seeds, 0)}
    with np.load(finished[0] / "artifacts.npz", allow_pickle=False) as arrays:
        for name, values in again.items():
            np.testing.assert_array_equal(arrays[name], values, err_msg=name)


def test_ctrl_c_ends_with_the_command_that_begins_anew(tmp_path):
    command = [sys.executable, str(FOLDER / "run.py"), "--check_networks", "100000", "--out", str(tmp_path / "run")]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while "gradients" not in started.stdout.readline():
        assert started.poll() is None
    started.send_signal(signal.SIGINT)
    said, errors = started.communicate(timeout=60)
    assert (started.returncode, errors) == (130, "") and re.search(rf"--resume[\\\s]+{tmp_path / 'run'}", said)


def test_a_finished_run_is_not_replaced(finished, capsys):
    folder, _ = finished
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert main(["--resume", str(folder), "--seed", "1"]) == 2
    assert "setting seed" in capsys.readouterr().err
    assert main(["--resume", str(folder)]) == 0 and "is finished; nothing to do" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in before} == before


@pytest.mark.parametrize("words, message", [
    (["--learning_rat", "1"], "did you mean --learning_rate?"),
    (["--seeds", "0"], "setting seeds: 0 is outside [1, 20]"),
    (["--target_error", "0.5"], "target_error"), (["--learning_rate", "-1"], "learning_rate"),
    (["--rates", "fast"], "rates"),
    (["--resume", "/nonexistent"], "is not a run folder")])
def test_mistakes_get_one_message(words, message, tmp_path):
    from assignments.backprop.run import BackpropSettings
    from paddle_models.trainer.run_folder import read_config
    from paddle_models.trainer.settings import parse_command_line

    with pytest.raises(KitError, match=re.escape(message)):
        parse_command_line(BackpropSettings, FOLDER / "presets.yaml", words,
                           lambda name: read_config(Path(name), "backprop"))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_figure_is_made_and_legible(run, language):
    t = labels_in(language)
    for entry in figures.FIGURES:
        figure = check_legible(entry, run, t)
        ticks = [label.get_text() for part in figure.axes
                 for label in (*part.get_xticklabels(), *part.get_yticklabels())]
        assert not any("$" in label for label in ticks), entry.number  # math text would not be drawn as such
    check_entries(figures.FIGURES, fixed=["network", "paths", "iris"])


def test_two_processes_write_the_same_bytes(run, tmp_path):
    words = ("--run", run.path, "--only", "network", "momentum", "animation")
    check_same_bytes(FOLDER / "figures.py", words, tmp_path, 2 * 3 + 1 + 1)


def test_command_takes_the_latest_run_and_prints_the_table(run, tmp_path):
    done = script("figures.py", "--lang", "zh", "--only", "network", "momentum", cwd=tmp_path,
                  KIT_RUNS=str(run.path.parents[1]), KIT_CJK_FONT="none")
    assert (done.returncode, done.stderr) == (0, "")
    assert "没有找到中文字体" in done.stdout and "0.298371109" in done.stdout and "更新一步后的 w5" in done.stdout
    assert (run.path / "figures" / "momentum_zh.png").read_bytes()[:4] == b"\x89PNG"
    with open(run.path / "figures" / "momentum_zh.csv", encoding="utf-8", newline="") as file:
        _, *rows = csv.reader(file)
    np.testing.assert_allclose([float(row[-1]) for row in rows], np.concatenate(
        [run.artifact(f"momentum_{key}", (2, None), "f").ravel() for key in ("fixed", "dropped")]), rtol=1e-9)


def test_the_animation_needs_nothing_else(run, tmp_path):
    from assignments.backprop.animation import write_animation

    page = write_animation(run, tmp_path / "page.html").read_text(encoding="utf-8")
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|<link|<img|src=|import |fetch\(", page)
    assert not re.search(r"__[A-Z]+__", page)
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.S).group(1))
    assert data["steps"][0] == 0 and data["steps"][-1] == 9868 and len(data["weights"]) == len(data["units"]) == len(
        data["steps"])
    assert data["units"][0] == pytest.approx([0.593269992, 0.596884378, 0.75136507, 0.772928465], abs=1e-9)
    chinese = write_animation(run, tmp_path / "zh.html", "zh").read_text(encoding="utf-8")
    assert "播放" in chinese and 'lang="zh-CN"' in chinese


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_script_of_the_animation_parses(run, tmp_path):
    from assignments.backprop.animation import write_animation

    page = write_animation(run, tmp_path / "page.html").read_text(encoding="utf-8")
    (tmp_path / "page.js").write_text(re.search(r"<script>(.*?)</script>", page, re.S).group(1), encoding="utf-8")
    done = subprocess.run(["node", "--check", str(tmp_path / "page.js")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_missing_artifacts_are_one_message(finished, tmp_path, capsys):
    shutil.copytree(finished[0], tmp_path / "run")
    (tmp_path / "run" / "artifacts.npz").unlink()
    assert figures.main(["--run", str(tmp_path / "run"), "--only", "network", "worked-table", "animation"]) == 2
    printed = capsys.readouterr()
    assert "worked_table.png .svg" in printed.out and printed.err.count("\n") == 1
    assert "not drawn: network, animation." in printed.err and "artifacts.npz is missing" in printed.err


def test_claims_answer_the_slides(run):
    rows = {row.id: row for row in figures.measured(run)}
    for name in ("E_total", "dE_dw5", "w5_plus", "net_h1", "out_o1"):
        assert abs(rows[name].difference) < 0.5 * 10.0**-rows[name].digits
    unanswered = [name for name, row in rows.items() if row.value is None]
    assert unanswered == ["neurons", "synapses", "alexnet_classes", "alexnet_images", "layers"]  # cited, not measured
    chinese = {row.id: row.title for row in figures.measured(run, "zh")}
    assert chinese["E_total"] == "总误差" and chinese.keys() == rows.keys()


def test_help_imports_nothing_heavy():
    for name in ("run.py", "figures.py", "student.py"):
        done = subprocess.run([sys.executable, "-X", "importtime", str(FOLDER / name), "--help"], capture_output=True,
                              text=True)
        imported = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
        assert done.returncode == 0 and not imported & {"paddle", "matplotlib", "scipy", "sklearn", "cv2"}, name
