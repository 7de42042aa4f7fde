"""Runs side by side: what differs, metrics with intervals, curves; hostile texts stay texts."""

import json

import pytest
import yaml

from data_tools.errors import KitError
from reports.figures import style
from reports.pages.compare import compare_runs, draw_curves, run_names
from reports.run_reader import Run, flat_settings
from tests.reports.make_run import make_run


@pytest.fixture
def runs(tmp_path):
    """Two runs that differ in a setting, a metric and a name."""
    a, b = make_run(tmp_path / "a"), make_run(tmp_path / "b", seed=1)
    change(b, "config.yaml", lambda config: config["settings"].update(batch_size=64, note="=cmd|'<b>'"))
    change(b, "result.json", lambda result: result["metrics"]["accuracy"].update(value=0.5, low=0.4, high=0.6))
    return a, b


def change(run, name, edit):
    file = run / name
    content = yaml.safe_load(file.read_text())
    edit(content)
    file.write_text(yaml.safe_dump(content) if name.endswith("yaml") else json.dumps(content))


def test_text_says_what_differs(runs, monkeypatch):
    monkeypatch.setattr("reports.text_table.columns", lambda: 120)
    text = compare_runs(runs, None)
    lines = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.split()}
    assert lines["batch_size"] == ["32", "64"] and lines["note"] == ["-", "=cmd|'<b>'"]
    assert "image_size" not in lines and "optimizer.lr" not in lines  # the same in both
    assert "0.5 (-" in text and "[0.4 .. 0.6] n=136" in text and lines["epochs"] == ["8", "8"]


def test_a_terminal_that_is_too_narrow_gets_its_rows_one_by_one(runs):
    text = compare_runs(runs, None).splitlines()
    assert max(map(len, text)) <= 80 and "epochs  a 8  b 8" in text


def test_runs_of_different_works_are_said_not_to_compare(runs, tmp_path):
    words = "runs of different works (glasses, monkey_species): their numbers do not compare"
    assert "different works" not in compare_runs(runs, None)
    change(runs[1], "config.yaml", lambda config: config.update(assignment="glasses"))
    assert words in compare_runs(runs, tmp_path / "out").splitlines()
    assert words in (tmp_path / "out" / "compare.md").read_text().replace("\\", "")


def test_files_are_the_same_bytes_and_inert(runs, tmp_path):
    for name in ("x", "y"):
        compare_runs(runs, tmp_path / name)
    names = sorted(path.name for path in (tmp_path / "x").iterdir())
    assert names == ["compare.md", "curves.pdf", "curves.png", "curves.svg", "metrics.csv", "settings.csv"]
    assert all((tmp_path / "x" / name).read_bytes() == (tmp_path / "y" / name).read_bytes() for name in names)
    assert "'=cmd|" in (tmp_path / "x" / "settings.csv").read_text()  # no formula in a spreadsheet
    assert "<b>" not in (tmp_path / "x" / "compare.md").read_text().replace("\\<b\\>", "")
    assert "accuracy,b,0.5,0.4,0.6,136" in (tmp_path / "x" / "metrics.csv").read_text()


def test_curves_of_all_runs_lie_over_each_other(runs):
    figure = draw_curves([Run(path, "x") for path in runs], ["a", "b"], style.start())
    shown = [axes for axes in figure.axes if axes.axison]
    assert {axes.get_ylabel() for axes in shown} == {"val/accuracy", "val/loss", "train/accuracy", "train/loss",
                                                     "loss/model"}
    assert all(len(axes.lines) == 2 for axes in shown)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b"]
    looks = {(line.get_color(), line.get_linestyle()) for line in shown[0].lines}
    assert len(looks) == 2


def test_names_stay_apart(tmp_path):
    folders = [tmp_path / part / "same" for part in ("x", "y")]
    runs = [Run(make_run(folder), "x") for folder in folders]
    assert run_names(runs) == ["x/same", "y/same"]
    assert run_names([runs[0], runs[0]]) == ["1 x/same", "2 x/same"]


def test_what_is_no_finished_run_is_named(runs, tmp_path):
    (runs[1] / "result.json").unlink()
    with pytest.raises(KitError, match="b is not the folder of a finished run: result.json is missing"):
        compare_runs(runs, tmp_path / "out")
    with pytest.raises(KitError, match="2 to 10 run folders, not 1"):
        compare_runs(runs[:1], None)


def test_settings_that_would_grow_without_end_are_cut(tmp_path):
    run = make_run(tmp_path / "bomb")
    levels = "".join(f"  l{n}: &l{n} {{{', '.join(f'k{m}: *l{n - 1}' for m in range(9))}}}\n" for n in range(1, 9))
    (run / "config.yaml").write_text("settings:\n  l0: &l0 {a: 1, b: {}}\n" + levels)
    with pytest.raises(KitError, match="anchor or alias 'l0'"):
        flat_settings(Run(run, "x"))
    wide = {"long": ["word" * 40] * 2000, **{f"k{n}": n for n in range(400)}}
    (run / "config.yaml").write_text(yaml.safe_dump({"settings": wide}, sort_keys=False))
    settings = flat_settings(Run(run, "x"))
    assert len(settings) == 300 and max(map(len, settings.values())) < 20_000
