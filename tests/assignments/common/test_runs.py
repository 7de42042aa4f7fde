"""Which run export, submit and release take, and what "the newest" is: the same everywhere, wherever the folders were
copied."""

import os

import pytest

from assignments.__main__ import main
from assignments.common.pretrained import newest
from assignments.common.runs import find_run
from data_tools.errors import KitError
from paddle_models.trainer.run_folder import unfinished_run
from reports.run_reader import latest_beside_runs

NAMES = ("backprop", "glasses")
BEST = "checkpoints/best.safetensors"


@pytest.fixture
def root(tmp_path, monkeypatch):
    """$KIT_RUNS."""
    monkeypatch.setenv("KIT_RUNS", str(tmp_path / "runs"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs"


def make(folder, changed, *files):
    """A run folder whose files were changed `changed` seconds after 1970."""
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "config.yaml").write_text("assignment: glasses\npreset: sample\nsettings: {}\n")
    for name in files:
        (folder / name).write_text("{}")
    for name in ("config.yaml", *files):
        os.utime(folder / name, (changed, changed))
    return folder


def test_the_newest_run_is_told_by_its_name_which_copies_keep(root):
    old = make(root / "glasses" / "20260101-120000-sample", 2000, "result.json", "plan.json", BEST)
    new = make(root / "glasses" / "20260301-120000-sample", 1000, "result.json", "plan.json", BEST)
    begun = make(root / "glasses" / "20260401-120000-paper", 1500, "checkpoints/last.safetensors")
    make(root / "glasses" / "20260201-120000-best", 3000, "checkpoints/last.safetensors")
    make(root / "glasses" / "mine", 4000, "checkpoints/last.safetensors", "plan.json")  # named by hand, in 1970
    assert find_run("glasses", NAMES, [BEST])[0] == new
    assert latest_beside_runs("glasses", "plan.json") == new
    assert unfinished_run("glasses") == begun
    os.utime(root / "glasses" / "mine" / "plan.json")  # written now
    assert latest_beside_runs("glasses", "plan.json").name == "mine"
    assert find_run(str(old), NAMES, [BEST]) == (old, "glasses")


def test_weights_that_came_with_the_kit_are_told_by_their_names_too(tmp_path, monkeypatch):
    monkeypatch.setattr("assignments.common.pretrained.FOLDER", tmp_path)
    for name, changed in (("faces_1", 2000), ("faces_2", 1000)):
        (tmp_path / f"{name}.safetensors").touch()
        os.utime(tmp_path / f"{name}.safetensors", (changed, changed))
    assert newest("faces", "faces", "").name == "faces_2.safetensors"


def test_a_folder_called_as_an_assignment_is_no_run(root):
    (root.parent / "glasses").mkdir()
    run = make(root / "glasses" / "20260101-120000-sample", 1000, "result.json")
    assert find_run("glasses", NAMES, ["result.json"]) == (run, "glasses")


def test_one_message_for_each_mistake(root):
    with pytest.raises(KitError, match="nowhere is neither an assignment .backprop, glasses. nor a run folder"):
        find_run("nowhere", NAMES, [])
    with pytest.raises(KitError, match="no run under .*make one with: python assignments/backprop/run.py"):
        find_run("backprop", NAMES, [])
    run = make(root / "glasses" / "mine", 1000)
    with pytest.raises(KitError, match=rf"no result.json: .*\n *\S+kit run glasses --resume \S*{run.name}"):
        find_run("glasses", NAMES, ["result.json"])
    with pytest.raises(KitError, match="'glasses' is no assignment of this kit; there are backprop"):
        find_run(str(run), ["backprop"], [])


@pytest.mark.parametrize("words, name, said", [
    (["export"], "face_attributes", BEST), (["release", "-o", "a.safetensors"], "face_attributes", BEST),
    (["submit", "-o", "a.zip"], "backprop", "result.json is not valid JSON")])
def test_the_commands_take_folders_and_names(words, name, said, root, capfd):
    command, *rest = words
    assert main([command, "nowhere", *rest]) == 2
    assert "nowhere is neither an assignment" in capfd.readouterr().err
    run = make(root / name / "20260101-120000-sample", 1000, "environment.json", "metrics.jsonl", "predictions.npz",
               BEST)
    (run / "config.yaml").write_text(f"assignment: {name}\npreset: sample\nsettings: {{}}\n")
    (run / "result.json").write_text("{half")
    assert main([command, name, *rest]) == 2
    errors = capfd.readouterr().err
    assert errors.startswith("error: ") and said in errors and "Traceback" not in errors and errors.count(
        "\n") == 1, errors
