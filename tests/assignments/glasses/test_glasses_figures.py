"""All figures and tables of the glasses report from small folders drawn by code, in both languages."""

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
import yaml

from assignments.glasses import figures, figures_document, figures_experiments
from data_tools.errors import KitError
from paddle_models.tasks.metrics import wilson_interval
from reports.figures import style
from reports.run_reader import look_up
from tests.figure_checks import (
    check_entries,
    check_help_is_light,
    check_legible,
    check_same_bytes,
    check_stand_in,
    labels_in,
)

SCRIPT = Path(figures.__file__)
EPOCHS, SIDE, TEST, VALIDATION, UNLABELLED = 30, 40, 150, 300, 60
LAYERS = {"conv 1": (16, 32), "pooling 1": (16, 16), "conv 2": (12, 16), "pooling 2": (12, 8)}


def face(random: np.random.Generator, glasses: bool, side: int = SIDE) -> np.ndarray:
    """A disc with eyes on a shaded ground, with or without rings around the eyes."""
    y, x = np.mgrid[-1:1:side * 1j, -1:1:side * 1j]
    image = np.stack([0.5 + 0.2 * y * random.random() + 0.1 * x] * 3, axis=-1)
    image[np.hypot(x, y) < 0.8] = 0.6 + 0.3 * random.random(3)
    eyes = np.hypot(np.abs(x) - 0.32, y + 0.15)
    image[eyes < 0.09] = 0.1
    image[(np.hypot(x, (y - 0.4) * 3) < 0.3)] = (0.7, 0.2, 0.2)
    if glasses:
        image[np.abs(eyes - 0.24) < 0.06] = 0.05
    return (np.clip(image + random.normal(0, 0.02, image.shape), 0, 1) * 255).astype(np.uint8)


def faces(random: np.random.Generator, labels) -> np.ndarray:
    return np.stack([face(random, label == 1) for label in labels])


def some_predictions(random: np.random.Generator, count: int, first: int):
    labels = (random.random(count) < 0.635).astype(np.uint8)
    logits = 5 * (labels - 0.5) + random.normal(0, 1.6, count)
    names = np.array([f"face-{first + i}.png" for i in range(count)])
    return names, labels, (1 / (1 + np.exp(-logits))).astype(np.float32)


def make_run(folder: Path, origin: str = "drawn", **settings) -> Path:
    """A run folder as a training would have written it, the same values every time."""
    random = np.random.default_rng(0)
    folder.mkdir(parents=True)
    settings = {"image_size": 32, "epochs": EPOCHS, "batch_size": 32, "uncertain": [0.4, 0.6],
                "optimizer": {"name": "adam", "lr": 0.001}, **settings}
    (folder / "config.yaml").write_text(yaml.safe_dump({"assignment": "glasses", "preset": "sample",
                                                        "settings": settings}))
    (folder / "environment.json").write_text(json.dumps({"device": "cpu, 2 threads"}))
    rows = [{"kind": "epoch", "epoch": epoch, "step": 9 * epoch + 9, "train/loss": 0.6 * np.exp(-epoch / 5),
             "train/accuracy": 1 - 0.4 * np.exp(-epoch / 5), "val/accuracy": 0.9 - 0.3 * np.exp(-epoch / 4),
             "val/loss": 0.3 + 0.4 * np.exp(-epoch / 4) + 0.004 * epoch} for epoch in range(EPOCHS)]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    names, labels, probabilities = some_predictions(random, TEST, 1)
    val_names, val_labels, val_probabilities = some_predictions(random, VALIDATION, 2000)
    unlabelled_names, _, unlabelled_probabilities = some_predictions(random, UNLABELLED, 4501)
    np.savez(folder / "predictions.npz", names=names, labels=labels, probabilities=probabilities, val_names=val_names,
             val_labels=val_labels, val_probabilities=val_probabilities, unlabelled_names=unlabelled_names,
             unlabelled_probabilities=unlabelled_probabilities)
    doubt = np.argsort(np.abs(probabilities - 0.5))
    kept = np.concatenate([doubt[:1], np.arange(9)])
    ten = np.arange(10) % 3 > 0
    maps = {f"feature_maps_{i}": np.maximum(0, random.normal(-0.3 * i, 1, (count, side, side))).astype(np.float32)
            for i, (count, side) in enumerate(LAYERS.values())}
    np.savez(folder / "artifacts.npz", example_images=faces(random, ten), example_labels=ten.astype(np.uint8),
             example_names=np.array([f"face-{900 + 7 * i}.png" for i in range(10)]),
             uncertain_images=faces(random, labels[doubt[:8]]), uncertain_names=names[doubt[:8]],
             uncertain_probabilities=probabilities[doubt[:8]], prediction_images=faces(random, labels[kept]),
             prediction_names=names[kept], prediction_labels=labels[kept], prediction_probabilities=probabilities[kept],
             eyes_image=face(random, True, 160)[40:90, 20:140], feature_image=face(random, True, 32),
             feature_names=np.array(list(LAYERS)), **maps,
             first_filters=random.normal(0, 1, (16, 3, 3, 3)).astype(np.float32),
             most_wrong_images=faces(random, labels[:12]), most_wrong_rows=np.arange(12))
    metric = {"value": 0.887, "n": TEST, "low": 0.83, "high": 0.93}
    (folder / "result.json").write_text(json.dumps({
        "assignment": "glasses", "preset": "sample", "origin": origin, "epochs": EPOCHS, "seconds": 33.4,
        "metrics": dict.fromkeys(("accuracy", "balanced_accuracy", "accuracy_certain", "calibration_error",
                                  "threshold"), metric)
                   | {"loss": {"value": 0.388, "n": TEST}, "uncertain": {"value": 9, "n": TEST}}, "parameters": 355_000,
        "images": {"training": 1050, "validation": VALIDATION, "test": TEST, "unlabelled": UNLABELLED}}))
    return folder


def make_experiments(folder: Path, seeds: int = 3, origin: str = "drawn", **changed) -> Path:
    """What experiments.py writes, with a setting that nobody knows among them."""
    random = np.random.default_rng(1)
    folder.mkdir(parents=True)

    def choice(label: str, **more):
        runs = []
        for seed in range(seeds):
            length = EPOCHS - seed
            curve = 0.9 - 0.3 * np.exp(-np.arange(length) / 5) + random.normal(0, 0.004, length)
            runs.append({"seed": seed, "val_accuracy": 0.87 + 0.01 * seed, "val_loss": 0.3,
                         "test_accuracy": 0.86 + 0.01 * seed, "test_loss": 0.35 + 0.01 * seed,
                         "seconds": 20.0 + seed, "epochs": length,
                         "curve": {"train_accuracy": (curve + 0.08).tolist(), "val_accuracy": curve.tolist(),
                                   "val_loss": (1 - curve).tolist()}})
        return {"label": label, "setting": {"image_size": 32}, "runs": runs, **more}

    made = {"resolution": [choice(str(side), record_bytes=900 * side**2 * 2, record_images=900)
                           for side in (32, 64, 128)],
            "batch_size": [choice(str(size)) for size in (32, 64, 128, "by hand <$>")],
            "dropout": [choice(label) for label in ("on", "off")],
            "models": [choice(label) for label in ("untuned", "architecture", "learning rate")]}
    (folder / "result.json").write_text(json.dumps({"assignment": "glasses", "preset": "sample", "origin": origin,
                                                    "seeds": list(range(seeds)), "experiments": {**made, **changed}}))
    return folder


def make_suspects(folder: Path, count: int = 13, origin: str = "drawn") -> Path:
    """What label_errors.py writes; the first suspect is one of the run's ten examples."""
    random = np.random.default_rng(2)
    folder.mkdir(parents=True)
    labels = np.arange(count) % 2
    names = np.array(["face-907.png", *(f"face-{300 + 90 * i}.png" for i in range(count - 1))][:count], dtype="U20")
    probabilities = np.where(labels, 0.02, 0.98) + 0.01 * np.arange(count) * np.where(labels, 1, -1)
    (folder / "result.json").write_text(json.dumps({
        "origin": origin, "n": 1050, "planted": 12, "precision": 11 / 13, "recall": 11 / 12,
        "suspects": [{"name": str(name), "label": int(label), "probability": float(p)}
                     for name, label, p in zip(names, labels, probabilities)]}))
    if count:
        np.savez(folder / "suspects.npz", images=faces(random, 1 - labels), names=names, labels=labels,
                 probabilities=probabilities)
    return folder


def opened(folder, made=None, doubted=None):
    return figures.GlassesRun(folder, "glasses", figures_experiments.read_experiments(made) if made else None,
                              figures_experiments.read_suspects(doubted) if doubted else None)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """With experiments and suspects beside it."""
    base = tmp_path_factory.mktemp("runs")
    return opened(make_run(base / "glasses" / "drawn"), make_experiments(base / "glasses_experiments" / "a"),
                  make_suspects(base / "glasses_label_errors" / "a"))


def entry_of(number: str):
    return next(entry for entry in figures.FIGURES if entry.number == number)


def shown(entry, run, language: str = "en"):
    figure = entry.make(run, style.start(language))
    figure.draw_without_rendering()
    return figure, [text.get_text() for part in figure.axes for text in (part.title, *part.texts) if text.get_text()]


def test_every_figure_is_there():
    numbers = [entry.number for entry in figures.FIGURES]
    assert numbers[:12] == ["1", "2", *map(str, range(4, 14))]  # 3 is a photograph
    check_entries(figures.FIGURES, fixed=["4"])  # which is computed
    assert not {entry.file for entry in figures.FIGURES} & {"measured", *figures.SCRIPT.more_tables}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_figure_is_made_and_legible(run, language):
    t = labels_in(language)
    for entry in figures.FIGURES:
        check_stand_in(entry, check_legible(entry, run, t))


def test_the_filter_of_figure_4_finds_its_line_alone():
    found = figures_document.correlate(image := figures_document.toy_image(), figures_document.VERTICAL_LINE)
    assert found.shape == (5, 5) and (found == 3).sum() == 1 and np.partition(found.ravel(), -2)[-2] < 3
    row, column = np.argwhere(found == 3)[0]
    window = image[row:row + 5, column:column + 5]
    assert window[1:4, 2].tolist() == [1, 1, 1] and window.sum() == 3
    by_hand = [[sum(image[i + k, j + m] * figures_document.VERTICAL_LINE[k, m] for k in range(5) for m in range(5))
                for j in range(5)] for i in range(5)]
    assert np.array_equal(found, by_hand)


def test_sobel_answers_to_horizontal_edges():
    image = np.zeros((7, 7))
    image[4:] = 10
    assert np.array_equal(figures_document.correlate(image, figures_document.SOBEL)[:, 0], [0, 0, 40, 40, 0])
    assert not figures_document.correlate(image.T, figures_document.SOBEL).any()


def test_figure_9_frames_the_suspects_and_names_the_command_without_them(run):
    figure, texts = shown(entry_of("9"), run)
    framed = [axes.get_title() for axes in figure.axes if axes.patches]
    assert len(texts) == 10 and len(framed) == 5 and all("P = " in title for title in framed)
    assert "no glasses\nP = 0.98" in "".join(framed)  # face-907.png, a suspect that is also one of the ten examples
    figure = check_legible(entry_of("9"), opened(run.path), style.start())
    assert len(figure.axes) == 10 and not any(axes.patches for axes in figure.axes)
    assert any(figures_experiments.COMMANDS["label_errors"] in text.get_text() for text in figure.texts)


def test_few_images_are_calibrated_in_few_groups_each_with_an_interval(run):
    figure = check_legible(entry_of("calibration"), run, style.start())
    given, right = (errorbar := figure.axes[0].containers[0]).lines[0].get_xydata().T
    _, labels, probabilities = figures.results.predictions(run)
    groups = np.split(labels[np.argsort(probabilities, kind="stable")], 6)  # 150 images, 25 each
    assert errorbar.lines[0].get_linestyle() == "None" and right.tolist() == [part.mean() for part in groups]
    assert (np.diff(given) > 0).all() and any("150 test images in 6 groups" in text.get_text() for text in figure.texts)
    for segment, part in zip(errorbar.lines[2][1].get_segments(), groups):
        assert tuple(segment[:, 1]) == pytest.approx(wilson_interval(int(part.sum()), 25))


def test_doubt_is_told_in_the_run_s_own_band(tmp_path, run):
    doubtful = [text for text in shown(entry_of("12"), run)[1] if "uncertain" in text]
    assert len(doubtful) == 2
    narrow = opened(make_run(tmp_path / "narrow", uncertain=[0.5, 0.52]))
    assert [text for text in shown(entry_of("12"), narrow)[1] if "uncertain" in text] == doubtful[:1]
    values = figures.values(narrow)["derived"]
    assert (values["band_low"], values["band_high"]) == (0.5, 0.52)


def test_missing_experiments_and_suspects_are_gaps_with_their_commands(run):
    for number, kind in (("11", "experiments"), ("dropout-curves", "experiments"), ("label-errors", "label_errors")):
        figure = check_legible(entry_of(number), opened(run.path), style.start())
        texts = [text.get_text() for text in figure.axes[0].texts]
        assert texts == ["Nothing measured yet. This command fills the gap:", figures_experiments.COMMANDS[kind]]
    for make in figures.TABLES.values():
        above = make(opened(run.path), "en").above
        assert figures_experiments.COMMANDS["experiments"] in above or make is figures.class_shares


def test_the_tables_hold_the_document_beside_the_seeds(run, tmp_path):
    tables = {name: make(run, "en") for name, make in figures.TABLES.items()}
    shares = tables["class_shares"].rows
    assert [row["document"] for row in shares] == [.635, 0.365] and sum(row["n"] for row in shares) == TEST + VALIDATION
    assert sum(row["share"] for row in shares) == pytest.approx(1)
    models = {row["setting"]: row for row in tables["models"].rows}
    assert models["Untuned"]["document_test_accuracy"] == 0.887 and models["Tuned learning rate"][
        "document_test_loss"] == 0.318
    assert models["Tuned architecture"]["test_accuracy"] == pytest.approx(0.87)
    assert models["Tuned architecture"]["test_accuracy_spread"] == pytest.approx(0.01) and models["Untuned"]["n"] == 3
    assert tables["resolution"].rows[0]["chunk"] == pytest.approx(450 * 32 * 32 * 2 / 1e6)
    assert [row["document_chunk"] for row in tables["resolution"].rows] == [1.1, 3.6, 13]
    batches = tables["batch_size"].rows
    assert [row["document_seconds"] for row in batches] == [33.4, 40, 34.4,
                                                            None] and batches[3]["setting"] == "by hand <$>"
    assert not any(column.key.startswith("document") for column in tables["dropout"].columns)
    figures.TABLES["batch_size"](run, "zh").write(tmp_path, "batch_size_zh")
    assert r"| by hand \<$\> | - | 21.0 | 1.0 |" in (tmp_path / "batch_size_zh.md").read_text(encoding="utf-8")
    with open(tmp_path / "batch_size_zh.csv", encoding="utf-8", newline="") as stream:
        assert float(next(csv.DictReader(stream))["val_accuracy"]) == pytest.approx(0.88)


def test_one_seed_has_no_spread(run, tmp_path):
    alone = opened(run.path, make_experiments(tmp_path / "alone", seeds=1))
    assert figures.TABLES["models"](alone, "en").rows[0]["test_accuracy_spread"] is None
    assert "(n = 1)" in shown(entry_of("11"), alone)[1][0]


def curves(**changed):
    run = {**dict.fromkeys(figures_experiments.MEASURES, 0.5),
           "curve": dict.fromkeys(figures_experiments.CURVES, [0.5, 0.6])}
    return {"models": [{"label": "untuned", "runs": [{**run, **changed}]}]}


@pytest.mark.parametrize("made, words", [
    ({}, "holds no experiments"), ([1], "holds no experiments"), ({"models": []}, "models is \\[\\], expected a list"),
    ({"models": [1]}, "runs is None, expected a list"),
    (curves(val_accuracy="high"), "val_accuracy is 'high', expected a number"),
    (curves(test_accuracy=86.7), "test_accuracy is 86.7, expected a number from 0 to 1;"),
    (curves(seconds=float("nan")), "seconds is nan"),
    (curves(curve={"train_accuracy": [True]}), "train_accuracy is True"),
    (curves(curve=[]), "curve.train_accuracy is None")])
def test_hostile_experiments_are_refused(tmp_path, made, words):
    (tmp_path / "result.json").write_text(json.dumps({"experiments": made}))
    with pytest.raises(KitError, match=words):
        figures_experiments.read_experiments(tmp_path)


def test_hostile_suspects_are_refused(tmp_path):
    with pytest.raises(KitError, match="holds no result.json; make one with: .*label_errors.py"):
        figures_experiments.read_suspects(tmp_path)
    folder = make_suspects(tmp_path / "suspects")
    with np.load(folder / "suspects.npz", allow_pickle=False) as arrays:
        arrays = dict(arrays)
    for name, value, words in (("labels", arrays["labels"] + 1, "outside 0..1"),
                               ("names", arrays["names"][1:], "names is"),
                               ("images", arrays["images"].astype(np.float32), "images is float32")):
        np.savez(folder / "suspects.npz", **{**arrays, name: value})
        with pytest.raises(KitError, match=words):
            figures_experiments.read_suspects(folder)
    (folder / "result.json").write_text(json.dumps({"suspects": "all"}))
    with pytest.raises(KitError, match="suspects is 'all', expected a list"):
        figures_experiments.read_suspects(folder)


def test_no_suspect_is_said(run, tmp_path):
    clean = opened(run.path, None, make_suspects(tmp_path / "none", count=0))
    figure = check_legible(entry_of("label-errors"), clean, style.start())
    assert "No label is suspect." in [text.get_text() for text in figure.texts] and not figure.axes


@pytest.mark.parametrize("file, name, value, number", [
    ("artifacts.npz", "example_labels", np.full(10, 2), "9"),
    ("artifacts.npz", "uncertain_probabilities", np.full(8, 1.5), "2"),
    ("artifacts.npz", "prediction_labels", np.zeros(3, np.int64), "12"),
    ("artifacts.npz", "feature_names", np.full(30, "x"), "13"),
    ("artifacts.npz", "first_filters", np.zeros((4, 5, 3, 3)), "5"),
    ("predictions.npz", "probabilities", np.full(TEST, 1.5), "calibration"),
    ("predictions.npz", "labels", np.full(TEST, 7), "uncertain"),
    ("predictions.npz", "probabilities", np.full(TEST, -0.5), "uncertain")])
def test_hostile_arrays_are_refused(tmp_path, file, name, value, number):
    folder = make_run(tmp_path / "run")
    with np.load(folder / file, allow_pickle=False) as arrays:
        changed = {**arrays, name: value}
    np.savez(folder / file, **changed)
    with pytest.raises(KitError, match=file):
        shown(entry_of(number), opened(folder))


@pytest.mark.parametrize("setting, number", [({"image_size": "$x$"}, "9"), ({"uncertain": [0.9, 0.1]}, "12")])
def test_hostile_settings_are_refused(tmp_path, setting, number):
    with pytest.raises(KitError, match="config.yaml"):
        shown(entry_of(number), opened(make_run(tmp_path / "run", **setting)))


def test_two_processes_write_the_same_bytes(run, tmp_path):
    words = ("--run", run.path, "--experiments", run.experiments.path, "--only", "5", "file-size", "models")
    check_same_bytes(SCRIPT, words, tmp_path, 2 * 3 + 1 + 3)


def test_help_imports_nothing_heavy(tmp_path):
    check_help_is_light(SCRIPT, tmp_path, "--label_errors")


def test_command_takes_the_newest_of_all_three(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("KIT_RUNS", str(run.path.parents[1]))
    assert figures.main(["--out", str(tmp_path), "--only", "8", "models"]) == 0
    printed = capsys.readouterr()
    assert printed.err == "" and (tmp_path / "figure_8.svg").exists()
    shown = [line.split(",") for line in (tmp_path / "figure_8.csv").read_text(encoding="utf-8").splitlines()]
    assert shown[0] == ["series", "x", "y"]
    assert all(float(y) == max(0, float(x)) for name, x, y in shown if name == "f(x)")
    assert "88.7 %" in printed.out and "Test loss, tuned learning rate" in printed.out
    assert "not recorded" not in printed.out
    assert figures.main(["--out", str(tmp_path), "--only", "models", "--experiments", str(tmp_path)]) == 2
    assert "holds no result.json; make one with: python assignments/glasses/experiments.py" in capsys.readouterr().err


def test_what_was_made_on_drawn_faces_later_does_not_hide_what_was_made_on_photographs(tmp_path, monkeypatch):
    monkeypatch.setenv("KIT_RUNS", str(tmp_path))
    folder = make_run(tmp_path / "glasses" / "photographs", origin="real")
    for age, (name, origin) in enumerate((("mine", "real"), ("sample", "drawn"))):
        for kind, make in (("experiments", make_experiments), ("label_errors", make_suspects)):
            file = make(tmp_path / f"glasses_{kind}" / name, origin=origin) / "result.json"
            os.utime(file, (1000 + age, 1000 + age))
    rows = {row.id: row for row in figures.measured(figures.open_run(folder))}
    assert rows["accuracy_untuned"].n == 3 and rows["suspects"].value == 13
    drawn = figures.open_run(make_run(tmp_path / "glasses" / "drawn"))
    assert (drawn.experiments.path.name, drawn.suspects.origin) == ("sample", "drawn")
    (folder / "result.json").write_text("{broken")
    assert figures.open_run(folder).experiments.path.name == "sample"  # and whoever reads the result says what is wrong


def test_claims_answer_the_document(run):
    claims, values = figures.SCRIPT.claims(), figures.values(run)
    absent = [claim["id"] for claim in claims if isinstance(claim["result"], str)
              and look_up(values, claim["result"]) is None]
    assert not absent
    rows = {row.id: row for row in figures.measured(run)}
    document = {"test_accuracy": 88.7, "test_loss": 0.388, "nearest_to_half": 0.491, "images": 5000, "labelled": 4500,
                "unlabelled": 500, "share_glasses": 0.635, "share_no_glasses": 0.365, "width": 1024, "latent": 512,
                "attributes": 52, "nodes_original": 3_145_728, "nodes": 3072, "chunk": 450, "chunk_32": 1.1,
                "packed": 0.011,
                "original_size": 6, "resolution_32": 86.11, "batch_64": 89.9, "seconds_64": 40,
                "loss_architecture": 0.32,
                "val_loss_last": 0.409, "epochs": 100, "epochs_models": 30, "epochs_resolution": 20, "trials": 5,
                "threshold": 0.5}
    assert {name: rows[name].document for name in document} == document
    assert rows["nodes"].value == 3072 and rows["images"].value == 1050 + VALIDATION + TEST + UNLABELLED
    assert rows["packed"].value == pytest.approx(0.0092, abs=1e-4) and rows["suspects"].value == 13
    assert rows["epochs_to_full"].value == 23 and rows["accuracy_learning_rate"].n == 3
    slips = [name for name, row in rows.items() if row.note.startswith("Slip in the document")]
    assert slips == ["attributes", "seconds_32", "decay"]
    about = yaml.safe_load(SCRIPT.with_name("about.yaml").read_text(encoding="utf-8"))
    assert about["headline"] == "test_accuracy" and all(set(slip) == {"en", "zh"} for slip in about["slips"])


def test_figures_that_need_a_run_s_arrays_leave_the_others(tmp_path, capsys):
    folder = make_run(tmp_path / "run")
    (folder / "artifacts.npz").unlink()
    failures = figures.draw(opened(folder), tmp_path, "en", ["1", "6", "13"])
    assert len(failures) == 1 and failures[0].startswith("not drawn: 1, 13.") and "run.py --preset sample" in failures[
        0]
    assert "figure_6.png .svg" in capsys.readouterr().out
