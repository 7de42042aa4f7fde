"""All figures and tables of the super-resolution report from a small run folder, in both languages."""

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
import yaml

from assignments.swift_srgan import figures, figures_document, figures_results
from assignments.swift_srgan.paper import TABLE_I, TABLE_I_TOTAL, TABLE_III
from data_tools.errors import KitError
from data_tools.sets import super_resolution
from reports.figures import style
from reports.run_reader import look_up
from tests.figure_checks import check_legible, labels_in

EPOCHS = 12
SETS = {"Set5": 5, "Set14": 14, "photographs": 4}


def make_run(folder: Path, adversarial: bool = True, **settings) -> Path:
    """A run folder as a training would have written it, the same values every time."""
    random = np.random.default_rng(0)
    folder.mkdir(parents=True)
    settings = {"model": "swift_srgan", "scale": 4, "residual": True, "crop": 96, "batch_size": 16,
                "adversarial": adversarial, "adversarial_weight": 0.001,
                "optimizer": {"name": "adam", "lr": 0.002}, **settings}
    (folder / "config.yaml").write_text(yaml.safe_dump({"assignment": "swift_srgan", "preset": "best",
                                                        "settings": settings}))
    (folder / "environment.json").write_text(json.dumps({"device": "cpu, 2 threads"}))
    rows = []
    for epoch in range(EPOCHS):
        row = {"kind": "epoch", "epoch": epoch, "step": 9 * epoch + 9, "val/psnr_y": 28 + epoch / 9,
               "val/psnr_rgb": 26 + epoch / 9}
        if adversarial:
            row |= {"train/loss/generator": 0.2 / (1 + epoch), "train/loss/discriminator": 1.3 - epoch / 40,
                    "train/d_real": 0.5 + epoch / 50, "train/d_fake": 0.5 - epoch / 50}
        else:
            row |= {"train/loss": 0.2 / (1 + epoch)}
        rows.append(row)
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    measured = {}
    for name, count in SETS.items():
        for prefix in ("", "bicubic_"):
            for key, middle in (("psnr_y", 30.0), ("ssim_y", 0.86), ("psnr_rgb", 28.0), ("ssim_rgb", 0.82)):
                measured[f"{name}/{prefix}{key}"] = middle + random.normal(0, 0.02, count) - (0.05 if prefix else 0)
    np.savez(folder / "predictions.npz", **measured)
    shapes = ((40, 48), (44, 40))
    np.savez(folder / "artifacts.npz", **{f"{name}_{i}": random.integers(0, 255, (*shape, 3)).astype(np.uint8)
                                          for i, shape in enumerate(shapes)
                                          for name in ("whole", "bicubic", "enlarged", "released")})
    (folder / "result.json").write_text(json.dumps({
        "preset": "best", "origin": "real", "images": {"training": {"T91": 88, "BSDS500_train": 194},
                                                       "validation": {"T91": 3, "BSDS500_train": 6}, "test": SETS},
        "released": {f"{name}_psnr_y": {"value": 31.3, "n": count} for name, count in SETS.items()},
        "parameters": {"generator": 201_209, "discriminator": 19_413_279}, "seconds": 3600.0}))
    return folder


def make_speed(folder: Path, quick: bool = False) -> Path:
    """What speed.py writes: every row takes ten or twenty times the paper's time."""
    folder.mkdir(parents=True)
    rows = [{"height": height, "model": model, "mode": mode, "engine": "paddle", "median_ms": ms * slower,
             "p95_ms": ms * slower * 2, "frames": 3 if model != "esrgan" else 0, "pieces": 36, "pieces_measured": 7,
             "parameters": 201_209, "multiply_adds": 4.2e10}
            for (height, model), ms in TABLE_III.items() for mode, slower in (("eager", 20), ("exported", 10))
            if height == 270 or not quick]
    (folder / "speed.json").write_text(json.dumps({"device": "cpu, 2 threads", "quick": quick, "rows": rows}))
    return folder


def opened(folder, speed=None):
    return figures.SwiftRun(folder, "swift_srgan", figures_results.read_speed(speed) if speed else None)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """With the times beside it."""
    base = tmp_path_factory.mktemp("figures")
    return opened(make_run(base / "run"), make_speed(base / "speed"))


def test_every_figure_is_drawn_and_the_same_again(run, tmp_path):
    names = {entry.file for entry in figures.FIGURES}
    assert {"figure_1", "figure_2", "figure_3", "table_1", "table_2", "table_3", "training", "speed"} == names
    some = {"2": "figure_2", "table-2": "table_2", "table-3": "table_3"}
    for language, ending, only, drawn in (("en", "", None, names), ("zh", "_zh", [*some, "table_iii"], some.values())):
        assert figures.draw(run, tmp_path, language, only) == []
        for name in drawn:
            for kind in style.FORMATS:
                assert (tmp_path / f"{name}{ending}.{kind}").stat().st_size > 1000
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert figures.draw(run, tmp_path, "en", ["3", "table_ii"]) == []
    assert before == {path.name: path.read_bytes() for path in tmp_path.iterdir()}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_figure_is_made_and_legible(run, language):
    t = labels_in(language)
    for entry in figures.FIGURES:
        check_legible(entry, run, t)


def test_table_ii_holds_the_papers_rows_and_the_runs(run):
    rows = figures_results.table_2_rows(run)
    found = {(row["set"], row["method"]): row for row in rows}
    assert found["Set14", "ESRGAN, paper"]["psnr"] == 28.7 and found["Set5", "Swift-SRGAN, paper"]["ssim"] == 0.794
    assert found["Set5", "Swift-SRGAN, authors' weights, measured"]["psnr"] == 30.01
    assert found["Set14", "Swift-SRGAN, authors' weights, measured elsewhere"]["psnr"] == 27.37
    in_chinese = {(row["set"], row["method"]): row["psnr"] for row in figures_results.table_2_rows(run, "zh")}
    assert in_chinese["Set14", "Swift-SRGAN, 作者公布的权重，他处测得"] == 27.37
    assert in_chinese["Set5", "Swift-SRGAN, 作者公布的权重，实测"] == 30.01
    assert found["photographs", "the kit's weights"]["psnr"] == 31.3
    mine = found["Set5", "Swift-SRGAN, this run"]
    assert mine["n"] == 5 and mine["psnr"] == pytest.approx(run.prediction("Set5/psnr_y", (5,), "f").mean())
    assert found["Set14", "bicubic"]["ssim_rgb"] == pytest.approx(run.prediction("Set14/bicubic_ssim_rgb", (14,),
                                                                                 "f").mean())


def test_table_i_adds_up(run):
    assert sum(count for *_, count in TABLE_I) == TABLE_I_TOTAL
    names = ("DIV2K_train", "Flickr2K", "DIV2K_valid", "DIV2K_test", "Set5", "Set14")
    assert sum(super_resolution.SETS[name].count for name in names) == TABLE_I_TOTAL
    rows = {row["part"]: row for row in figures_results.table_1_rows(run)}
    assert rows["train"]["run"] == "88 (T91) + 194 (BSDS500_train)" and rows["total"]["images"] == 88 + 194 + 9 + 23


def test_every_claim_that_asks_the_run_is_answered(run):
    claims, values = figures.SCRIPT.claims(), figures.values(run)
    for claim in claims:
        if claim["result"]:
            assert look_up(values, claim["result"]) is not None, claim["id"]
    rows = {row.id: row for row in figures.measured(run)}
    assert rows["photographs_psnr"].kit == 31.3 and rows["set5_bicubic"].kit is None
    assert rows["times_faster"].value == pytest.approx(1210 / 16.18) and rows["swift_270"].value == pytest.approx(56.05)
    assert rows["smaller"].value == pytest.approx(7.70, abs=0.01) and rows["low_side"].value == 24
    about = yaml.safe_load((Path(figures.__file__).parent / "about.yaml").read_text())
    assert about["headline"] in rows


def test_without_times_and_without_a_discriminator(tmp_path):
    run = opened(make_run(tmp_path / "run", adversarial=False, residual=False))
    assert figures.draw(run, tmp_path / "out", "en", ["2", "training", "table-3", "speed", "table_iii"]) == []
    with open(tmp_path / "out" / "table_iii.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(TABLE_III) and rows[0]["median_ms"] == "" and float(rows[0]["paper_ms"]) == 812
    assert {row.id: row for row in figures.measured(run)}["swift_270"].value is None


def test_a_quick_measurement_gives_way_to_a_full_one_and_says_what_it_is(tmp_path, monkeypatch):
    monkeypatch.setenv("KIT_RUNS", str(tmp_path))
    folder = make_run(tmp_path / "swift_srgan" / "run")
    make_speed(tmp_path / "swift_srgan" / "speed-quick", quick=True)
    run, entries = figures.open_run(folder), {entry.number: entry for entry in figures.FIGURES}
    for language in ("en", "zh"):
        t = style.start(language)
        for number in ("table-3", "speed"):
            shown = [text.get_text() for text in check_legible(entries[number], run, t).texts]
            assert any("speed.py --quick" in text for text in shown)
        assert "speed.py --quick" in figures.speed_table(run, language).above
    full = make_speed(tmp_path / "swift_srgan" / "speed") / "speed.json"
    os.utime(full, (1000, 1000))  # older than the quick one
    run = figures.open_run(folder)
    assert len(run.speed["rows"]) == 2 * len(TABLE_III) and "--quick" not in figures.speed_table(run).above
    assert not any("--quick" in text.get_text() for text in entries["table-3"].make(run, style.start()).texts)


def test_times_and_psnr_stand_together_only_where_both_were_measured(run):
    entries, t = {entry.number: entry for entry in figures.FIGURES}, style.start()
    (axes,) = entries["speed"].make(run, t).axes
    places = {line.get_label(): line.get_xydata() for line in axes.lines}
    own = run.prediction("Set5/psnr_y", (5,), "f").mean()
    assert places["Swift-SRGAN, this run"].tolist() == [[pytest.approx(56.05), pytest.approx(own)]]
    assert places["Swift-SRGAN, authors' weights"].tolist() == [[pytest.approx(56.05), 30.01]]
    assert places["SRGAN, paper (Tesla K80)"].tolist() == [[812, 29.4]]
    assert places["SRGAN, time here"][:, 0].tolist() == [8120, 8120] and len(places) == 7  # a line: no PSNR of it
    header = [text.get_text() for text in entries["table-3"].make(run, t).axes[0].texts[:9]]
    assert len(set(header)) == 9


def test_long_cells_of_table_i_go_on_in_a_second_line(tmp_path):
    folder = make_run(tmp_path / "run")
    result = json.loads((folder / "result.json").read_text())
    result["images"]["training"] = {"photographs (skimage)": 9, "photographs (sklearn)": 1, "photographs (imgaug)": 1}
    (folder / "result.json").write_text(json.dumps(result))
    entry = next(entry for entry in figures.FIGURES if entry.number == "table-1")
    texts = [text.get_text() for text in check_legible(entry, opened(folder), style.start()).axes[0].texts]
    assert "9 (photographs (skimage)) + 1 (photographs\n(sklearn)) + 1 (photographs (imgaug))" in texts
    assert not any("…" in text for text in texts)


def test_the_detail_is_where_most_happens():
    image = np.full((60, 90, 3), 100, np.uint8)
    image[30:40, 60:72] = np.random.default_rng(0).integers(0, 255, (10, 12, 3))
    top, left, side = figures_document.detail_of(image)
    assert top <= 30 and left <= 60 and top + side >= 40 and left + side >= 72


@pytest.mark.parametrize("change, words", [
    (lambda row: row.update(median_ms="fast"), "numbers out of range"),
    (lambda row: row.update(height=99), "numbers out of range"),
    (lambda row: row.update(model="<b>"), "a row of <b>"), (lambda row: row.pop("p95_ms"), "KeyError"),
    (lambda row: row.update(median_ms=0), "a row of")])
def test_times_of_another_kind_are_refused(change, words, tmp_path):
    file = make_speed(tmp_path / "speed") / "speed.json"
    found = json.loads(file.read_text())
    change(found["rows"][2])
    file.write_text(json.dumps(found))
    with pytest.raises(KitError, match=words):
        figures_results.read_speed(file.parent)


def test_a_run_of_another_kind_gets_one_message_each(tmp_path):
    run = opened(make_run(tmp_path / "run", scale="four"))
    with pytest.raises(KitError, match="scale is four; expected 2, 4 or 8"):
        figures_document.scale_of(run)
    result = json.loads((run.path / "result.json").read_text())
    (run.path / "result.json").write_text(json.dumps({**result, "images": [1]}))
    with pytest.raises(KitError, match="names no test set"):
        figures_results.judged_sets(opened(run.path))
    with pytest.raises(KitError, match="speed.json cannot be read"):
        figures_results.read_speed(tmp_path / "absent")
