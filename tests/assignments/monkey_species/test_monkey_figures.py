"""All figures of the monkey report from a drawn run folder, in both languages, by command and by function."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from assignments.common.figure_scripts import script_of
from assignments.monkey_species import figures
from reports.figures import style
from reports.run_reader import Run, look_up
from tests.figure_checks import (
    check_entries,
    check_help_is_light,
    check_legible,
    check_same_bytes,
    check_stand_in,
    labels_in,
    run_script,
)
from tests.reports.make_run import make_run

SCRIPT = Path(figures.__file__)
NUMBERS = ["2.1", "2.2", "2.3", "2.4", "2.5", "2.6", "2.7", "2.8", "table-2.1", "2.9", "2.10", "3.1"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return Run(make_run(tmp_path_factory.mktemp("runs") / "monkey_species" / "drawn"), "monkey_species")


def test_every_figure_of_the_document_is_there():
    numbers = [entry.number for entry in figures.FIGURES]
    assert numbers[:len(NUMBERS)] == NUMBERS
    check_entries(figures.FIGURES, fixed=["2.6", "2.7"])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_figure_is_made_and_legible(run, language):
    t = labels_in(language)
    for entry in figures.FIGURES:
        check_stand_in(entry, check_legible(entry, run, t))


def test_real_data_carry_no_stand_in_caption(tmp_path):
    real = Run(make_run(tmp_path / "run", origin="real"), "monkey_species")
    texts = figures.FIGURES[0].make(real, style.start()).texts
    assert len(texts) == 1


def test_two_processes_write_the_same_bytes(run, tmp_path):
    only = ("--only", "2.1", "2.5", "2.9", "confusion")  # pictures, arrows, lines and shades
    check_same_bytes(SCRIPT, ("--run", run.path, *only), tmp_path, 4 * 3 + 2)  # two have numbers


def test_command_takes_the_latest_run_and_prints_the_table(run, tmp_path):
    variables = {"KIT_RUNS": str(run.path.parents[1]), "KIT_CJK_FONT": "none"}
    done = run_script(SCRIPT, "--lang", "zh", "--only", "2.9", folder=tmp_path, **variables)
    assert (done.returncode, done.stderr) == (0, "")
    assert "没有找到中文字体" in done.stdout and "程序生成的示例数据" in done.stdout
    assert "批大小" in done.stdout and "94.1 %" not in done.stdout  # values of the figure alone
    assert not (run.path / "figures" / "measured_zh.md").exists()
    assert (run.path / "figures" / "figure_2_9_zh.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize("language, words", [("en", ("validation", "held-out")), ("zh", ("验证", "留出"))])
def test_figures_name_the_images_that_chose_the_epoch(tmp_path, language, words):
    folder, t = make_run(tmp_path / "run"), labels_in(language)
    for chooser, word in zip(("validation", "holdout"), words):
        config = yaml.safe_load((folder / "config.yaml").read_text())
        config["settings"]["choose_on"] = chooser
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
        for entry in figures.FIGURES:
            if entry.number == "2.10":
                axes = check_legible(entry, Run(folder, "monkey_species"), t).axes
                assert len(axes) == 2 and all(word in one.get_ylabel() for one in axes)
            elif entry.number == "2.5":
                (axes,) = check_legible(entry, Run(folder, "monkey_species"), t).axes
                assert any(word in text.get_text().lower() for text in axes.texts)


def test_counts_come_from_the_run(run, tmp_path):
    entries = {entry.number: entry for entry in figures.FIGURES}

    def texts(number, folder, language="en"):
        figure = check_legible(entries[number], Run(folder, "monkey_species"), labels_in(language))
        return [text.get_text() for text in (*figure.texts, *figure.axes[0].texts)]

    folder = make_run(tmp_path / "run")  # of whose images fewer than the document's 200 can be drawn
    assert "all 136\ntest images" in texts("2.5", folder)
    assert "16 of 136 images, drawn at random." in texts("3.1", folder)
    assert any("7 x 7 places" in text for text in texts("grad-cam", folder))
    result = json.loads((folder / "result.json").read_text())
    result["metrics"]["accuracy_200"]["n"] = 100
    (folder / "result.json").write_text(json.dumps(result))
    with np.load(folder / "artifacts.npz", allow_pickle=False) as arrays:
        np.savez(folder / "artifacts.npz", **{**arrays, "gradcam_maps": arrays["gradcam_maps"][:, :2, :2],
                                              "prediction_images": arrays["prediction_images"][:9],
                                              "prediction_index": arrays["prediction_index"][:9]})
    assert "100 random\ntest images" in texts("2.5", folder)
    assert "9 of 136 images, drawn at random." in texts("3.1", folder)
    assert any("2 x 2 places" in text for text in texts("grad-cam", folder))


def test_missing_artifacts_leave_the_other_figures(tmp_path, capsys):
    folder = make_run(tmp_path / "run")
    (folder / "artifacts.npz").unlink()
    assert figures.main(["--run", str(folder), "--only", "2.8", "2.9", "grad-cam"]) == 2
    printed = capsys.readouterr()
    assert "figure_2_9.png .svg" in printed.out and "Batch size" in printed.out
    assert printed.err.count("\n") == 1 and "not drawn: 2.8, grad-cam." in printed.err
    assert "artifacts.npz is missing" in printed.err and "run.py --preset sample" in printed.err


@pytest.mark.parametrize("file, name, value", [
    ("artifacts.npz", "prediction_index", np.full(16, 10**6)), ("artifacts.npz", "prediction_index", np.full(16, -1)),
    ("predictions.npz", "labels", np.full(136, 10)),
    ("predictions.npz", "probabilities", np.zeros((136, 9), np.float32))])
def test_hostile_indices_are_refused(tmp_path, capsys, file, name, value):
    folder = make_run(tmp_path / "run")
    with np.load(folder / file, allow_pickle=False) as arrays:
        changed = {**arrays, name: value}
    np.savez(folder / file, **changed)
    assert figures.main(["--run", str(folder), "--only", "3.1"]) == 2
    assert file in capsys.readouterr().err


def test_a_run_of_another_work_is_refused_and_left_as_it_is(tmp_path, capsys):
    folder = make_run(tmp_path / "run")
    before = sorted(folder.iterdir())
    assert script_of("glasses").command("x")(["--run", str(folder)]) == 2
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", f"error: {folder} is a run of monkey_species, not of glasses\n")
    assert sorted(folder.iterdir()) == before


def test_the_run_may_be_named_without_an_option(tmp_path, capsys):
    folder = make_run(tmp_path / "run")
    for words in ([folder, "--only", "2.9"], ["--lang", "en", folder, "--only", "2.9"]):
        assert figures.main([*map(str, words), "--out", str(tmp_path / "out")]) == 0
        assert "figure_2_9.png .svg" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        figures.main([str(folder), "--run", str(folder)])
    assert "not allowed with argument" in capsys.readouterr().err


def test_no_run_is_one_line(tmp_path):
    done = run_script(SCRIPT, folder=tmp_path, KIT_RUNS=str(tmp_path))
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("error: no run under") and done.stderr.count("\n") == 1


def test_help_imports_nothing_heavy(tmp_path):
    check_help_is_light(SCRIPT, tmp_path, "--only")


def test_claims_answer_the_document(run):
    rows = {row.id: row for row in figures.measured(run)}
    claims = yaml.safe_load(SCRIPT.with_name("claims.yaml").read_text(encoding="utf-8"))
    assert len(rows) == len(claims)
    document = {"accuracy": 94.1, "val_accuracy_best": None, "images": 1400, "seconds_per_epoch": 45, "epochs": 300,
                "hours": 3,
                "parameters": 5.9, "imagenet_error": 3.75, "batch_size": 128, "learning_rate": 0.001, "image_size": 224,
                "classes": 10, "test_images": 200, "alexnet_parameters": 60, "connections": 1.068}
    assert {name: rows[name].document for name in document} == document
    unanswered = [name for name, row in rows.items() if row.value is None]
    assert unanswered == ["alexnet_parameters", "imagenet_error"]  # cited, not measured
    assert rows["seconds_per_epoch"].value == pytest.approx(40.3 / 8)
    about = yaml.safe_load(SCRIPT.with_name("about.yaml").read_text(encoding="utf-8"))
    judged = look_up(run.result, "metrics.accuracy.value")
    assert about["headline"] == "accuracy" and rows["accuracy"].value == pytest.approx(100 * judged)
