"""`runs`: the list, one run, what can go; `--name`, and a setting that keeps no last checkpoint."""

import json

import pytest

from assignments.__main__ import main
from assignments.common.runner import run_work
from assignments.common.runs import find_run
from data_tools.errors import KitError
from data_tools.files.locks import locked
from data_tools.terminal import display_width
from tests.assignments.common.test_runner import WORDS, assignment
from tests.reports.make_run import make_run

NAMES = ("monkey_species", "glasses")


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """$KIT_RUNS with two finished runs of the monkeys, one that was stopped and one that is being written."""
    monkeypatch.setenv("KIT_RUNS", str(tmp_path))
    for name in ("20260101-120000-sample", "20260102-120000-first-try"):
        folder = make_run(tmp_path / "monkey_species" / name)
        (folder / "checkpoints").mkdir()
        for checkpoint in ("last", "best"):
            (folder / "checkpoints" / f"{checkpoint}.safetensors").write_bytes(bytes(3_000_000))
    stopped = tmp_path / "glasses" / "20260103-120000-smoke"
    stopped.mkdir(parents=True)
    (stopped / "config.yaml").write_text("assignment: glasses\npreset: smoke\nsettings: {}\n")
    return tmp_path


def test_the_list_fits_a_terminal_and_says_all(runs, capfd):
    assert main(["runs"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert max(map(display_width, lines)) <= 80
    assert lines[1].split() == ["run", "preset", "data", "metric", "date", "size"]
    rows = {line.split()[0]: line.split()[1:] for line in lines[3:-2]}
    assert rows["20260103-120000-smoke"][:3] == ["smoke", "-", "-"] and rows["20260103-120000-smoke"][-1] == "stopped"
    first, second = rows["20260101-120000-sample"], rows["20260102-120000-first-try"]
    assert first[:2] == ["sample", "drawn"] and first[3] == "%" and first[4:6] == ["01-01", "12:00"]
    assert float(first[2]) == float(second[2]) and (first[-1], second[-1]) == ("MB", "*")  # the later of equals
    with locked(runs / "glasses" / "20260103-120000-smoke" / ".lock"):
        assert main(["runs", "--work", "glasses"]) == 0
    said = capfd.readouterr().out
    assert "running" in said and "monkey_species" not in said
    assert main(["runs", "--best", "--work", "monkey_species"]) == 0
    assert "first-try" in (said := capfd.readouterr().out) and "20260101" not in said


def test_without_runs_the_command_that_makes_one_is_told(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("KIT_RUNS", str(tmp_path))
    assert main(["runs"]) == 0 and capfd.readouterr().out.startswith("no runs yet; make one with: ")


def test_a_run_is_shown_by_the_end_of_its_name(runs, capfd):
    assert find_run("first-try", NAMES, ()) == (runs / "monkey_species" / "20260102-120000-first-try", "monkey_species")
    assert main(["runs", "show", "first-try"]) == 0
    said = capfd.readouterr().out
    assert said.startswith("monkey_species, preset sample, finished, 6.") and "\nresult      accuracy " in said
    assert "other than its preset: " in said and "--epochs 8" in said and "3.0 MB  checkpoints/best.safetensors" in said
    assert main(["runs", "show", "smoke"]) == 0 and "run glasses --resume" in capfd.readouterr().out
    make_run(runs / "monkey_species" / "20260104-120000-first-try")
    with pytest.raises(KitError, match="first-try may be one of .*; name its folder"):
        find_run("first-try", NAMES, ())
    with pytest.raises(KitError, match="try is neither an assignment"):
        find_run("try", NAMES, ())


def test_clean_asks_and_keeps_the_best_weights(runs, capfd, monkeypatch):
    def left():
        return sorted(str(path.relative_to(runs)) for path in runs.rglob("*.safetensors"))

    before = left()
    assert main(["runs", "clean"]) == 2 and "nothing was removed: 6.0 MB" in capfd.readouterr().err
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda question: "n")
    assert main(["runs", "clean"]) == 0 and left() == before
    monkeypatch.setattr("builtins.input", lambda question: "y")
    assert main(["runs", "clean"]) == 0 and "removed 6.0 MB" in capfd.readouterr().out
    assert left() == [name for name in before if "best" in name] and (runs / "glasses").is_dir()
    assert main(["runs", "clean"]) == 0 and "nothing to remove" in capfd.readouterr().out
    unfinished = runs / "glasses" / "20260103-120000-smoke"
    with locked(unfinished / ".lock"):
        assert main(["runs", "clean", "--unfinished", "--yes"]) == 0 and unfinished.is_dir()
    assert main(["runs", "clean", "--unfinished", "--weights", "--yes"]) == 0
    assert left() == [] and not unfinished.exists() and len(list(runs.glob("*/*/result.json"))) == 2


def test_a_run_can_have_a_name_and_keep_no_last_checkpoint(tmp_path, capfd, monkeypatch):
    monkeypatch.setenv("KIT_RUNS", str(tmp_path))
    assert run_work(assignment(), [*WORDS, "--name", "first-try", "--keep_last", "false"]) == 0
    folder, = (tmp_path / "monkey_species").iterdir()
    assert folder.name.endswith("-first-try") and json.loads((folder / "result.json").read_text())["preset"] == "smoke"
    assert [file.name for file in (folder / "checkpoints").iterdir()] == ["best.safetensors"]
    capfd.readouterr()
    before = (folder / "result.json").read_bytes()
    assert run_work(assignment(), ["--resume", str(folder), "--epochs", "2"]) == 2
    assert "last checkpoint was removed" in capfd.readouterr().err and (folder / "result.json").read_bytes() == before
    for words in (["--name", "a/b"], ["--name", "x", "--out", str(tmp_path / "x")], ["--name", "x", "--resume"]):
        assert run_work(assignment(), [*WORDS[2:], *words]) == 2 and "--name" in capfd.readouterr().err
