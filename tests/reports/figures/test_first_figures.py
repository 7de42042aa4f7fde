"""First figures of works without a figures.py: of a classifier, a regression, an image-to-image network."""

import json

import numpy as np
import pytest
import yaml

from reports.figures import style
from reports.figures.first_figures import FIRST, first_script
from reports.run_reader import Run
from tests.figure_checks import check_entries, check_legible, labels_in

ROWS = [{"kind": "epoch", "epoch": epoch, "step": 4 * epoch + 4, "train/loss": 2 / (epoch + 1), "seconds": 1.0,
         "val/loss": 2.5 / (epoch + 1), "val/accuracy": 0.5 + 0.1 * epoch} for epoch in range(4)]


def made(folder, rows=ROWS, **predictions):
    """A run of a work that exists nowhere."""
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(yaml.safe_dump({"assignment": "sixth", "preset": "smoke", "settings": {}}))
    (folder / "environment.json").write_text('{"device": "cpu"}')
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "result.json").write_text(json.dumps(
        {"origin": "real", "preset": "smoke", "seconds": 3.2, "metrics": {
            "accuracy": {"value": 0.75, "low": 0.5, "high": 0.9, "n": 40}, "macro_f1": {"value": 0.5, "n": 40}}}))
    if predictions:
        np.savez(folder / "predictions.npz", **predictions)
    return folder


def classified(count, kinds, **more):
    """labels and probabilities of a classifier that is right in three of four cases."""
    labels = np.arange(count) % kinds
    answers = np.where(np.arange(count) % 4 == 3, (labels + 1) % kinds, labels)
    return {"labels": labels, "probabilities": np.eye(kinds, dtype=np.float32)[answers], **more}


def drawn(folder, tmp_path, *words):
    """Names of the files that the command draws."""
    script = first_script(tmp_path / "sixth")
    assert script.command("First figures.")([str(folder), "--out", str(tmp_path / "out"), *words]) == 0
    return {path.stem for path in (tmp_path / "out").iterdir()}


def test_entries_are_complete():
    check_entries(FIRST)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("predictions, numbers", [
    (classified(40, 4, classes=np.array(["red_fox", "owl", "hare", "elk"])), ["curves", "confusion", "class-accuracy"]),
    (classified(300, 60), ["curves", "confusion", "class-accuracy"]),
    ({"labels": np.array([0, 1, 1]), "probabilities": np.array([0.2, 0.9, 0.3], np.float32)},
     ["curves", "confusion", "class-accuracy"]),
    ({"expected": np.linspace(0, 1, 9), "predicted": np.linspace(0.1, 0.9, 9)}, ["curves", "predicted"]),
    ({"expected": np.ones((9, 5)), "predicted": np.arange(45.0).reshape(9, 5)}, ["curves", "predicted"]),
    ({"labels": np.zeros((3, 40), int), "probabilities": np.zeros((3, 40))}, ["curves"]), ({}, ["curves"])])
def test_each_kind_of_run_gets_its_figures_legibly(tmp_path, predictions, numbers, language):
    run, t = Run(made(tmp_path / "run", **predictions), "sixth"), labels_in(language)
    entries = first_script(tmp_path / "sixth").figures_of(run)
    assert [entry.number for entry in entries] == numbers
    for entry in entries:
        check_legible(entry, run, t)


def test_the_command_draws_and_prints_a_row_for_each_metric(tmp_path, capsys):
    files = drawn(made(tmp_path / "run", **classified(40, 4)), tmp_path)
    assert files == {"curves", "confusion", "class_accuracy", "measured"}
    printed = capsys.readouterr().out
    assert "accuracy" in printed and "0.7500" in printed and "macro f1" in printed
    assert (tmp_path / "out" / "measured.md").is_file()


def test_a_figure_that_a_run_cannot_give_is_refused_by_name_only(tmp_path, capsys):
    folder, script = made(tmp_path / "run"), first_script(tmp_path / "sixth")
    assert script.command("x")([str(folder), "--out", str(tmp_path), "--only", "confusion"]) == 2
    assert "not drawn: confusion." in capsys.readouterr().err
    assert script.command("x")([str(folder), "--out", str(tmp_path)]) == 0


def test_counts_and_shares_are_those_of_the_run(tmp_path):
    run = Run(made(tmp_path / "run", **classified(40, 4)), "sixth")
    by_number = {entry.number: entry.make(run, style.start()) for entry in FIRST[:3]}
    (matrix,) = by_number["confusion"].axes
    assert sorted(text.get_text() for text in matrix.texts) == ["10"] * 4
    (shares,) = by_number["class-accuracy"].axes
    assert list(shares.lines[0].get_xdata()) == [1.0, 1.0, 1.0, 0.0]  # only the fourth class is ever wrong, and always
    assert [axes.get_ylabel() for axes in by_number["curves"].axes] == ["loss", "accuracy"]


@pytest.mark.parametrize("predictions, file", [
    ({**classified(40, 4), "labels": np.full(40, 9)}, "predictions.npz"),
    ({**classified(40, 4), "classes": np.array(["a"])}, "predictions.npz")])
def test_predictions_that_do_not_fit_are_told(tmp_path, capsys, predictions, file):
    folder = made(tmp_path / "run", **predictions)
    assert first_script(tmp_path / "sixth").command("x")([str(folder), "--out", str(tmp_path)]) == 2
    printed = capsys.readouterr()
    assert file in printed.err and "curves.png .svg" in printed.out


def test_damaged_predictions_leave_the_curves(tmp_path, capsys):
    folder = made(tmp_path / "run")
    (folder / "predictions.npz").write_bytes(b"PK no")
    assert first_script(tmp_path / "sixth").command("x")([str(folder), "--out", str(tmp_path)]) == 2
    printed = capsys.readouterr()
    assert "predictions.npz is damaged" in printed.err and "curves.png .svg" in printed.out


def test_no_epoch_yet_is_told(tmp_path, capsys):
    folder = made(tmp_path / "run", rows=[{"kind": "step", "step": 1, "loss/model": 2.0}])
    assert first_script(tmp_path / "sixth").command("x")([str(folder), "--out", str(tmp_path)]) == 2
    assert "has not finished its first epoch" in capsys.readouterr().err
