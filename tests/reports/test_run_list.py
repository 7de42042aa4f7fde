"""Which run of a work is taken where none is named, and what is said of it."""

import json

import pytest

from data_tools.errors import KitError
from reports.run_list import best_run, headline, metric_of, runs_of, taken


def write(root, name, preset, value=None, origin="drawn", **metrics):
    """A run of the glasses; finished where it has a value."""
    folder = root / "glasses" / name
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(f"assignment: glasses\npreset: {preset}\nsettings: {{}}\n")
    if value is not None:
        said = {"origin": origin, "metrics": {**metrics, "accuracy": {"value": value, "n": 150}}}
        (folder / "result.json").write_text(json.dumps(said))
    return folder


def test_the_best_finished_run_of_the_fullest_preset_is_taken(tmp_path):
    write(tmp_path, "20260101-000000-sample", "sample", 0.90)
    best = write(tmp_path, "20260102-000000-sample", "sample", 0.93, loss=2.0)
    write(tmp_path, "20260103-000000-sample", "sample", 0.91)
    write(tmp_path, "20260104-000000-smoke", "smoke", 0.99)
    write(tmp_path, "20260105-000000-paper", "paper")
    assert best_run("glasses", tmp_path) == (
        best, "the best by accuracy of 3 finished with preset sample on drawn data; not of smoke")
    assert [run.path.name[:8] for run in runs_of("glasses", tmp_path)] == [f"2026010{day}" for day in range(1, 6)]
    folder, *reason = taken(*best_run("glasses", tmp_path)).splitlines()
    assert folder == f"run: {best}" and max(map(len, reason)) <= 80
    assert "sample on drawn data; not of smoke" in " ".join(map(str.strip, reason))
    real = write(tmp_path, "20251231-000000-sample", "sample", 0.7, origin="real")
    assert best_run("glasses", tmp_path)[0] == real
    paper = write(tmp_path, "20251230-000000-mine", "paper", 0.6, origin="real")
    assert best_run("glasses", tmp_path) == (
        paper, "the only finished with preset paper on real data; not of sample, smoke")


def test_of_equals_and_of_unfinished_ones_the_newest_is_taken(tmp_path):
    with pytest.raises(KitError, match="no run under .*make one with"):
        best_run("glasses", tmp_path)
    write(tmp_path, "20260105-000000-paper", "paper")
    newest = write(tmp_path, "20260106-000000-smoke", "smoke")
    assert best_run("glasses", tmp_path) == (newest, "no run has finished; this is the newest")
    write(tmp_path, "20260101-000000-smoke", "smoke", 0.5)
    later = write(tmp_path, "20260102-000000-smoke", "smoke", 0.5)
    assert best_run("glasses", tmp_path)[0] == later


def test_a_run_that_cannot_be_read_stands_behind_those_that_can(tmp_path):
    good = write(tmp_path, "20260101-000000-sample", "sample", 0.5)
    for name, text in (("half", "{half"), ("list", "[1]"), ("nan", '{"metrics": {"accuracy": NaN}}'),
                       ("odd", '{"metrics": [1], "origin": [2]}')):
        (write(tmp_path, f"20260102-000000-{name}", "sample") / "result.json").write_text(text)
    assert best_run("glasses", tmp_path)[0] == good
    (write(tmp_path, "20260103-000000-bad", "x") / "config.yaml").write_text("preset: [")
    assert len(runs_of("glasses", tmp_path)) == 6 and runs_of("glasses", tmp_path)[-1].preset == ""


def test_the_metric_is_the_preset_s(tmp_path):
    assert metric_of("swift_srgan", "best") == "Set5_psnr_y" and metric_of("nothing", "best") == ""
    result = {"metrics": {"macro_f1": 0.5, "accuracy": {"value": 0.75, "n": 4}}}
    assert headline(result, "accuracy") == ("accuracy", (0.75, None, None, 4))
    assert headline(result, "")[0] == "macro_f1" and headline({}, "accuracy") is None
