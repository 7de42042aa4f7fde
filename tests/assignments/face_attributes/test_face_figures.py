"""All figures and tables of the facial attribute report from a drawn run folder, in both languages."""

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
import yaml

from assignments.face_attributes import attribute_table, figures, figures_ablation, names
from data_tools.drawing.attributes import ATTRIBUTES
from data_tools.errors import KitError
from paddle_models.networks.face_regions import HEAD_ORDER, REGIONS
from paddle_models.tasks.attribute_metrics import MEASURES
from reports.figures import style
from tests.figure_checks import (
    check_entries,
    check_help_is_light,
    check_legible,
    check_same_bytes,
    check_stand_in,
    labels_in,
    run_script,
)

SCRIPT = Path(figures.__file__)
JUDGED, SIDE, EPOCHS = 120, 24, 30
VARIANTS = ("base", "s1", "s2", "width-2048-1024", "depth-3", "dropout-0.5", "single", "focal", "positive-0.5",
            "by hand <$>")


def make_run(folder: Path, origin: str = "drawn", **settings) -> Path:
    """A run folder as a training would have written it, the same values every time."""
    random = np.random.default_rng(0)
    folder.mkdir(parents=True)
    settings = {"variant": "s0", "image_size": 96, "heads": "regions", "head_widths": [1024, 512],
                "augmentation": "strong", "epochs": EPOCHS, "batch_size": 64,
                "optimizer": {"name": "adamw", "lr": 0.002}, **settings}
    (folder / "config.yaml").write_text(yaml.safe_dump({"assignment": "face_attributes", "preset": "best",
                                                        "settings": settings}))
    (folder / "environment.json").write_text(json.dumps({"device": "cpu, 2 threads"}))
    rows = [{"kind": "epoch", "epoch": epoch, "step": 9 * epoch + 9, "train/loss": 0.2 + 0.4 * np.exp(-epoch / 5),
             "val/loss": 0.23 + 0.4 * np.exp(-epoch / 4), "train/accuracy": 0.9 - 0.3 * np.exp(-epoch / 5),
             "val/accuracy": 0.9 - 0.2 * np.exp(-epoch / 4), "val/balanced_accuracy": 0.78 - 0.28 * np.exp(-epoch / 6),
             "val/f1": 0.66 - 0.6 * np.exp(-epoch / 6)} for epoch in range(EPOCHS)]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    shares = np.linspace(0.02, 0.84, 40)[np.random.default_rng(1).permutation(40)]
    shares[ATTRIBUTES.index("Bald")] = 0.0  # an attribute that never occurs has no average precision
    labels = (random.random((JUDGED, 40)) < shares).astype(np.uint8)
    logits = 3 * (labels - 0.5) + random.normal(0, 1.4, labels.shape)
    np.savez(folder / "predictions.npz", labels=labels, attributes=np.array(ATTRIBUTES),
             probabilities=(1 / (1 + np.exp(-logits))).astype(np.float32),
             names=np.array([f"{i:06}.jpg" for i in range(JUDGED)]))
    pictures = random.integers(0, 255, (32, SIDE, SIDE, 3)).astype(np.uint8)
    np.savez(folder / "artifacts.npz", frequency_training=shares, augmented_originals=pictures[:4],
             augmented_examples=pictures[4:24].reshape(4, 5, SIDE, SIDE, 3), prediction_images=pictures[24:],
             prediction_index=np.sort(random.permutation(JUDGED)[:8]), most_wrong_images=pictures[:12],
             most_wrong_rows=np.arange(12))
    metric = {"value": 0.901, "n": JUDGED, "low": 0.88, "high": 0.92}
    (folder / "result.json").write_text(json.dumps({
        "preset": "best", "origin": origin, "judged_on": "validation",
        "metrics": {**{key: metric for name in MEASURES for key in (name, f"{name}_majority")},
                    "calibration_error": {"value": 0.055, "n": JUDGED},
                    "calibration_error_tempered": {"value": 0.011, "n": JUDGED}},
        "images": {"training": 8100, "choosing": 900, "validation": 1000}, "parameters": 8_206_040, "epochs": EPOCHS,
        "seconds": 3600.0, "images_per_second": 68.0, "peak_memory_mb": 2500}))
    return folder


def make_ablation(folder: Path, seeds: int = 3, origin: str = "drawn") -> Path:
    """ablation.json with a name that nobody knows among the variants."""
    folder.mkdir(parents=True)
    entries = []
    for number, name in enumerate(VARIANTS):
        share = 0.85 + 0.004 * number
        metric = {"mean": share, "spread": 0.004 if seeds > 1 else None, "n": seeds}
        backbone = name if name in ("s1", "s2") else "s0"
        times = {"low": 9.0 + 6 * number, "median": 10.0 + 6 * number, "high": 13.0 + 6 * number}
        timed = times if number < 3 else None
        entries.append({"variant": name, "backbone": backbone, "metrics": dict.fromkeys(MEASURES, metric),
                        "seconds": 1234.5, "best_epoch": 4.0 + (name == "dropout-0.5"), "peak_memory_mb": 1500.0,
                        "parameters": 8206040, "multiply_adds": 73_000_000,
                        "latency_ms": timed})
    (folder / "ablation.json").write_text(json.dumps({
        "gains": [{"variant": "width-2048-1024", "over": "base", "value": 0.012, "low": -0.002, "high": 0.026,
                   "n": JUDGED}],
        "preset": "sample", "origin": origin, "image_size": 64, "epochs": 6, "latency": {"threads": 2},
        "variants": entries}))
    return folder


def opened(folder, ablation=None):
    return figures.FaceRun(folder, "face_attributes", ablation)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """With the ablation beside it."""
    folder = make_run(tmp_path_factory.mktemp("runs") / "face_attributes" / "drawn")
    return opened(folder, figures_ablation.read_ablation(make_ablation(folder.with_name("ablation-sample"))))


def shown(entry, run):
    figure = entry.make(run, style.start())
    figure.canvas.draw()
    return figure, [text.get_text() for part in figure.axes for text in part.texts if text.get_text()]


def test_names_are_those_of_the_heads():
    assert list(names.REGION_NAMES) == list(REGIONS) and sorted(names.CHINESE_NAMES) == sorted(ATTRIBUTES)
    assert len(set(names.CHINESE_NAMES.values())) == 40
    assert names.attribute_name("5_o_Clock_Shadow") == "5 o'clock shadow"
    assert names.region_name("neck", True) == "颈部"


def test_every_figure_is_there():
    numbers = [entry.number for entry in figures.FIGURES]
    assert numbers[:3] == ["1", "2", "3"]
    check_entries(figures.FIGURES)
    assert not {entry.file for entry in figures.FIGURES} & {"measured", *figures.SCRIPT.more_tables}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_figure_is_made_and_legible(run, language):
    t = labels_in(language)
    for entry in figures.FIGURES:
        check_stand_in(entry, check_legible(entry, run, t))


def test_figure_2_shows_the_heads_of_the_run(tmp_path):
    entry = figures.FIGURES[1]
    seven = shown(entry, opened(make_run(tmp_path / "a", variant="s1", head_widths=[64])))[1]
    assert seven.count("Linear\n64\nReLU") == 7 and seven.count("Linear\n9") == 2 and "EfficientFormerV2-S1" in seven
    single = shown(entry, opened(make_run(tmp_path / "b", heads="single")))[1]
    assert "Linear\n40" in single and "image, 3 x 96 x 96" in single and len(single) == 6
    with pytest.raises(KitError, match="head_widths is"):
        shown(entry, opened(make_run(tmp_path / "c", head_widths=["$x$"])))


def test_figure_3_joins_equal_names(run):
    figure, texts = shown(figures.FIGURES[2], run)
    for line in figure.axes[0].lines[:]:
        if len(line.get_xdata()) > 4:
            start, end = round(line.get_ydata()[0]), round(line.get_ydata()[-1])
            assert ATTRIBUTES[start] == HEAD_ORDER[end]
            assert f"{names.attribute_name(ATTRIBUTES[start])}  {start}" in texts
    assert sum(len(line.get_xdata()) > 4 for line in figure.axes[0].lines) == 40


def test_a_missing_ablation_is_a_gap_with_its_command(run):
    for entry in figures.FIGURES[-2:]:
        texts = shown(entry, opened(run.path))[1]
        assert texts == ["Nothing measured yet. This command fills the gap:", figures_ablation.COMMAND]


def test_the_ablation_table_names_what_varies(run):
    texts, ablation = shown(figures.FIGURES[-2], run)[1], run.ablation
    for words in ("S0, 7 x 1024/512", "2048/1024", "one linear layer", "focal, gamma 1", "by hand <$>", "85.0 ± 0.4",
                  "8.21"):
        assert words in texts
    assert ablation.gain("s2", "s0") == {"value": pytest.approx(0.008)} and ablation.gain("l", "s2") is None
    assert ablation.cost("best_epoch", "dropout-0.5") == 1.25 and ablation.cost("seconds", "l", "s2") is None


def test_one_seed_has_no_spread(run, tmp_path):
    alone = figures_ablation.read_ablation(make_ablation(tmp_path / "alone", seeds=1))
    texts = [text for entry in figures.FIGURES[-2:] for text in shown(entry, opened(run.path, alone))[1]]
    assert "85.0" in texts and not any("±" in text for text in texts)


@pytest.mark.parametrize("change, words", [
    ({"variants": []}, "lists no variants"), ({"variants": [1]}, "metrics.accuracy.n is None"),
    ({"image_size": "64"}, "image_size is '64', expected a number"), ({"epochs": 1e300}, "epochs is 1e\\+300")])
def test_a_hostile_ablation_is_refused(tmp_path, change, words):
    folder = make_ablation(tmp_path / "ablation")
    content = json.loads((folder / "ablation.json").read_text())
    (folder / "ablation.json").write_text(json.dumps({**content, **change}))
    with pytest.raises(KitError, match=words):
        figures_ablation.read_ablation(folder)


@pytest.mark.parametrize("file, name, value", [
    ("artifacts.npz", "prediction_index", np.full(8, 10**6)), ("artifacts.npz", "prediction_index", np.full(3, 0)),
    ("predictions.npz", "labels", np.full((JUDGED, 40), 2)), ("predictions.npz", "attributes", np.array(HEAD_ORDER)),
    ("predictions.npz", "probabilities", np.full((JUDGED, 40), 1.5))])
def test_hostile_arrays_are_refused(tmp_path, file, name, value):
    folder = make_run(tmp_path / "run")
    with np.load(folder / file, allow_pickle=False) as arrays:
        changed = {**arrays, name: value}
    np.savez(folder / file, **changed)
    predictions = next(entry for entry in figures.FIGURES if entry.number == "predictions")
    with pytest.raises(KitError, match=file):
        shown(predictions, opened(folder))


def test_the_attribute_table_holds_every_number(run, tmp_path):
    rows = attribute_table.attribute_rows(run)
    assert len(rows) == 40 + 7 + 1
    model, baseline = attribute_table.measures(run)
    place = ATTRIBUTES.index("Wearing_Hat")
    hat = next(row for row in rows if row["attribute"] == "Wearing hat")
    assert hat["region"] == "Hair" and hat["f1"] == model["f1"][place]
    assert hat["gain"] == pytest.approx(model["accuracy"][place] - baseline["accuracy"][place])
    nose = [row for row in rows if row["region"] == "Nose"]
    assert nose[2]["attribute"] == "mean (2)" and nose[2]["f1"] == pytest.approx((nose[0]["f1"] + nose[1]["f1"]) / 2)
    assert rows[-1]["attribute"] == "mean (40)" and rows[-1]["accuracy"] == pytest.approx(model["accuracy"].mean())
    assert rows[-1]["average_precision"] == pytest.approx(np.nanmean(model["average_precision"]))
    for language in ("en", "zh"):
        markdown, table, latex = attribute_table.table(run, language).write(tmp_path, "attributes")
        text = markdown.read_text(encoding="utf-8")
        assert text.count("\n") == 2 + 2 + 48 and "nan" not in text
        assert ("| 头发 | 戴帽子 |" if language == "zh" else "| Hair | Wearing hat |") in text
        assert latex.read_text(encoding="utf-8").count(r" \\") == 49
        with open(table, encoding="utf-8", newline="") as stream:
            read = list(csv.DictReader(stream))
        assert len(read) == 48 and float(read[-1]["accuracy"]) == pytest.approx(rows[-1]["accuracy"])
        bald = next(row for row in read if row["attribute"] in ("Bald", "秃顶"))
        assert bald["average_precision"] == "" and float(bald["present"]) == 0


def test_the_table_of_all_images_names_the_worst_attribute(run, tmp_path):
    (file,) = figures.SCRIPT.others["images"](run, tmp_path, "en")
    with open(file, encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    labels, probabilities = attribute_table.predictions(run)
    losses = [float(row["loss"]) for row in rows]
    assert len(rows) == JUDGED and losses == sorted(losses, reverse=True) and rows[0]["split"] == "validation"
    for row in rows[:3]:
        place, worst = int(row["file"][:-4]), ATTRIBUTES.index(row["worst_attribute"])
        given = np.where(labels[place], probabilities[place], 1 - probabilities[place])
        assert given.argmin() == worst and int(row["label"]) == labels[place, worst]
        assert float(row["loss"]) == pytest.approx(-np.log(given).mean(), abs=1e-4)
        assert int(row["wrong"]) == ((probabilities[place] > 0.5) != labels[place]).sum()


def test_two_processes_write_the_same_bytes(run, tmp_path):
    only = ("--only", "1", "2", "latency", "attributes")  # pictures, boxes, points
    check_same_bytes(SCRIPT, ("--run", run.path, "--ablation", run.ablation.path, *only), tmp_path, 3 * 3 + 1 + 3)


def test_command_takes_the_latest_run_and_ablation_and_prints_the_table(run, tmp_path):
    variables = {"KIT_RUNS": str(run.path.parents[1]), "KIT_CJK_FONT": "none"}
    done = run_script(SCRIPT, "--lang", "zh", "--only", "training", "attributes", "ablation", "--out", tmp_path,
                      folder=tmp_path, **variables)
    assert (done.returncode, done.stderr) == (0, "")
    assert "没有找到中文字体" in done.stdout
    assert "准确率（百分点）：用 S2 代替 S0" in done.stdout and "0.8 pp" in done.stdout  # from the ablation
    assert "40 个属性的平均准确率" in done.stdout and "90.1 %" in done.stdout
    assert (tmp_path / "training_zh.png").read_bytes()[:4] == b"\x89PNG" and (tmp_path / "attributes_zh.tex").exists()


def test_an_ablation_on_drawn_faces_does_not_hide_one_on_photographs(tmp_path, monkeypatch):
    monkeypatch.setenv("KIT_RUNS", str(tmp_path))
    folder = make_run(tmp_path / "face_attributes" / "photographs", origin="subset")
    for age, (name, origin) in enumerate((("ablation-best", "subset"), ("ablation-sample", "drawn"))):
        file = make_ablation(folder.with_name(name), origin=origin) / "ablation.json"
        os.utime(file, (1000 + age, 1000 + age))
    run = figures.open_run(folder)
    assert run.ablation.path.name == "ablation-best"
    assert {row.id: row for row in figures.measured(run)}["s2_over_s0"].value == pytest.approx(0.8)


def test_missing_artifacts_leave_the_other_figures(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("KIT_RUNS", str(tmp_path))
    folder = make_run(tmp_path / "run")
    (folder / "artifacts.npz").unlink()
    assert figures.main(["--run", str(folder), "--only", "1", "2", "predictions"]) == 2
    printed = capsys.readouterr()
    assert "figure_2.png .svg" in printed.out
    assert "artifacts.npz is missing" in printed.err and "run.py --preset sample" in printed.err


def test_help_imports_nothing_heavy(tmp_path):
    for script in (SCRIPT, SCRIPT.with_name("ablation.py")):
        check_help_is_light(script, tmp_path, "--out")


def test_claims_answer_the_document(run):
    rows = {row.id: row for row in figures.measured(run)}
    document = {"images": 200000, "attributes": 40, "width": 178, "height": 218, "crop": 178, "jitter": 0.1,
                "hue": 0.05,
                "flip": 50, "heads": 7, "head_whole_face": 9, "head_hair": 10, "head_eyes": 5, "head_nose": 2,
                "head_lips_and_chin": 9, "head_cheeks_and_ears": 3, "head_neck": 2, "first_layer": 1024,
                "second_layer": 512,
                "batch_size": 64, "epochs": 3, "minutes_per_epoch": 10, "minutes": 30, "memory": 8}
    assert {name: rows[name].document for name in document} == document
    constants = {"width", "height", "crop", "jitter", "hue", "flip"}  # which no run measures
    same = set(document) - {"images", "epochs", "minutes_per_epoch", "minutes", "memory"} - constants
    assert all(rows[name].value == pytest.approx(rows[name].document) for name in same)
    unanswered = [name for name, row in rows.items() if row.value is None]
    assert unanswered == ["width", "height", "crop", "bits", "jitter", "hue", "flip", "reordering", "l_over_s2",
                          "l_seconds", "l_memory", "frame_rate"]  # L was not trained
    assert (rows["calibration_error_tempered"].value, rows["wider"].low, rows["wider"].n) == (
        pytest.approx(1.1), pytest.approx(-0.2), JUDGED)
    assert rows["minutes_per_epoch"].value == pytest.approx(2) and rows["images"].value == 10_000
    assert rows["s2_over_s0"].value == pytest.approx(0.8) and rows["dropout_epochs"].value == 1.25
    slips = [name for name, row in rows.items() if row.note.startswith("Slip in the document")]
    assert slips == ["image_size", "bits", "last_layer", "reordering", "l_over_s2"]
    assert all("无法得出" in row.note for row in figures.measured(run, "zh") if row.id == "epochs")
