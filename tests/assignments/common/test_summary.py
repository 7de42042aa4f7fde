"""What a run says at its end, to people and to programs."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from assignments.common.runner import run_work
from assignments.common.summary import CURVES, duration, save_curves, summary
from assignments.common.works import work_names, work_of
from data_tools.terminal import display_width
from tests.assignments.common.test_runner import WORDS, assignment
from tests.reports.make_run import make_run

RESULT = {"preset": "sample", "origin": "drawn", "metrics": {"macro_f1": {"value": 0.4},
          "accuracy": {"value": 0.75, "n": 136, "low": 0.67, "high": 0.815}}, "best_epoch": 3, "epochs": 8,
          "stopped": "val/accuracy has not improved in 5 validation checks (best 0.7500 in epoch 3)", "seconds": 83.4,
          "images_per_second": 45.14, "peak_memory_mb": 900, "device": "cpu", "threads": 2}


def said(result, run, name="monkey_species"):
    """{label: text} of the lines, those that are continued in one."""
    lines: dict[str, str] = {}
    told, following = summary(work_of(name), result, run).split("\nnext\n")
    for line in told.splitlines():
        label = line[:12].strip() or list(lines)[-1]
        lines[label] = f"{lines.get(label, '')} {line[12:]}".strip()
    return {**lines, "next": following}


def test_six_lines_say_what_came_of_a_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    run = tmp_path / "runs" / "monkey_species" / "20260102-030405-sample"
    lines = said(RESULT, run)
    assert list(lines) == ["result", "beside", "training", "time", "folder", "next"]
    assert lines["result"] == "accuracy 75.0 % of 136 images, 95 % interval 67.0 .. 81.5 % (drawn data)"
    assert lines["beside"] == ("within 50.0 .. 100.0 %, preset sample on drawn data; the document: 94.1 % (Accuracy of "
                               "the best weights, all validation images)")
    assert lines["training"] == f"best epoch 3 of 8; ended: {RESULT['stopped']}"
    assert lines["time"] == "1 min 23 s, 45.1 images/s, 900 MB at most, cpu, 2 threads"
    assert lines["folder"] == "runs/monkey_species/20260102-030405-sample"
    assert all(f"{command} " in lines["next"] for command in ("figures monkey_species", "submit", "compare"))
    assert max(map(display_width, summary(work_of("monkey_species"), RESULT, run).splitlines())) <= 80


@pytest.mark.parametrize("value, origin, begins", [(0.3, "drawn", "below 50.0"), (0.3, "real", "50.0 .. 100.0 %, pr")])
def test_a_value_is_placed_in_the_range_for_such_data_alone(tmp_path, value, origin, begins):
    lines = said({**RESULT, "origin": origin, "metrics": {"accuracy": value}}, tmp_path)
    assert lines["beside"].startswith(begins)


@pytest.mark.parametrize("name", work_names())
def test_a_result_with_nothing_in_it_is_still_told(tmp_path, name):
    assert list(said({"preset": "mine"}, tmp_path, name)) == ["folder", "next"]
    assert said({"metrics": {"loss": 0.25}}, tmp_path, name)["result"] == "loss 0.25 (unknown data)"


@pytest.mark.parametrize("seconds, text", [(4.21, "4.21 s"), (83.4, "1 min 23 s"), (119.6, "1 min 59 s"),
                                           (3600, "1 h 0 min"), (7530, "2 h 5 min")])
def test_times_are_told_in_words(seconds, text):
    assert duration(seconds) == text


def test_people_get_lines_and_programs_json(tmp_path, capfd):
    for words in ([], ["--json"]):
        folder = tmp_path / f"run{len(words)}"
        assert run_work(assignment(), [*WORDS, *words, "--out", str(folder)]) == 0
        out = capfd.readouterr().out
        result = json.loads((folder / "result.json").read_text())
        assert (folder / CURVES).read_bytes().startswith(b"\x89PNG")
        assert ('result {"' in out) == bool(words) == ("\nfolder " not in out)
        if words:
            assert json.loads(out.splitlines()[-1].removeprefix("result ")) == result


def test_curves_that_cannot_be_drawn_are_a_notice(tmp_path, capfd):
    run = make_run(tmp_path / "run")
    with open(run / "metrics.jsonl", "a") as file:
        file.write('{"kind": "epoch", "epoch": 9, "train/loss": "much"}\n')
    save_curves("monkey_species", run)
    assert "notice: no curves.png: " in capfd.readouterr().out and not (run / CURVES).exists()
    shutil.copy(make_run(tmp_path / "whole") / "metrics.jsonl", run)
    save_curves("monkey_species", run)
    assert (run / CURVES).is_file()
