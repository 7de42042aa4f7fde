"""Super-resolution as a user calls it: training, evaluation, speed; mistakes."""

import csv
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import paddle
import pytest
from PIL import Image

from assignments.swift_srgan import evaluate, image_sets, speed
from assignments.swift_srgan.generators import SHARPNESS, build_generator, load_generator
from assignments.swift_srgan.measuring import metrics
from assignments.swift_srgan.paper import TABLE_III
from assignments.swift_srgan.run import WORK
from assignments.swift_srgan.settings import SuperResolutionSettings
from data_tools.errors import KitError
from data_tools.sets.samples import draw_sample
from paddle_models.networks.swift_srgan import SwiftGenerator
from paddle_models.tasks.image_metrics import measure
from paddle_models.trainer.checkpoint import network_arrays
from paddle_models.trainer.settings import from_dict, read_presets
from paddle_models.weights.convert import convert
from paddle_models.weights.files import save_weights
from reports.run_reader import Run

FOLDER = Path(evaluate.__file__).parent


def photographs(folder: Path, count: int = 2, side: int = 48) -> Path:
    """Smooth pictures of sizes that are no multiple of 4."""
    folder.mkdir(parents=True)
    for number in range(count):
        steps = np.random.default_rng(number).integers(-6, 7, (side + 3, side + number + 2, 3))
        Image.fromarray((np.cumsum(steps, axis=1).clip(-90, 90)
                         + 128).astype(np.uint8)).save(folder / f"photo{number}.png")
    return folder


def small_weights(path: Path, residual: bool = True, seed: int = 0, **metadata) -> Path:
    """A generator of one block, as the kit saves them."""
    paddle.seed(seed)
    network = SwiftGenerator(4, residual, blocks=1)
    named = {"model": "swift_srgan", "scale": "4", "residual": str(residual).lower(), **metadata}
    save_weights(path, network_arrays(network), {key: value for key, value in named.items() if value})
    return path


def same_arrays(one: dict, other: dict) -> None:
    assert one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def read_csv(path: Path) -> list[dict]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    """The preset smoke in a process of its own: a generator and a discriminator for three steps."""
    folder = tmp_path_factory.mktemp("smoke") / "run"
    done = subprocess.run([sys.executable, str(FOLDER / "run.py"), "--preset", "smoke", "--json", "--out", str(folder)],
                          capture_output=True, text=True, timeout=300, cwd=folder.parent, env=dict(os.environ))
    assert (done.returncode, done.stderr) == (0, "")
    return folder, done.stdout


def test_the_run_folder_holds_everything(smoke):
    folder, said = smoke
    result = json.loads((folder / "result.json").read_text(), parse_constant=pytest.fail)  # no NaN: plain JSON
    assert result == json.loads(said.splitlines()[-1].removeprefix("result "))
    assert result["parameters"] == {"generator": 201_209,
                                    "discriminator": 19_413_279} and result["multiply_adds_24"] == 187_445_952
    assert result["steps"] == 3 and result["origin"] == "drawn"
    run = Run(folder, "swift_srgan")
    steps = [row for row in run.metrics if row["kind"] == "step"]
    assert steps and all(row["loss/generator"] > 0 and row["loss/discriminator"] > 0 for row in steps)
    (epoch,) = [row for row in run.metrics if row["kind"] == "epoch"]
    assert 0 < epoch["train/d_real"] < 1 and 0 < epoch["train/d_fake"] < 1 and epoch["train/content"] > 0
    for key in ("psnr_y", "bicubic_ssim_rgb"):
        rows = run.prediction(f"drawn test/{key}", (result["images"]["test"]["drawn test"],), "f")
        assert result["metrics"][f"drawn test_{key}"]["value"] == pytest.approx(rows.mean())
    kit = result["released"]["drawn test_psnr_y"]
    assert set(kit) == {"value", "n"} and kit["value"] > result["metrics"]["drawn test_psnr_y"]["value"] + 3
    assert run.artifact("released_0", (None, None, 3), "u").shape == run.artifact("whole_0", (None, None, 3), "u").shape
    whole, enlarged = (run.artifact(f"{name}_0", (None, None, 3), "u") for name in ("whole", "enlarged"))
    assert measure(enlarged, whole, 4)["psnr_y"] == pytest.approx(run.prediction("drawn test/psnr_y", (None,), "f")[0])


def test_evaluate_finds_the_numbers_of_the_run_again(smoke, tmp_path, capfd):
    folder, _ = smoke
    result = json.loads((folder / "result.json").read_text())
    words = ["--weights", str(folder), "--sets", str(Path(result["data"]) / "test"), "--out", str(tmp_path / "out")]
    assert evaluate.main(words) == 0
    said, errors = capfd.readouterr()
    assert errors == "" and "Single images" in said
    rows = read_csv(tmp_path / "out" / "sets.csv")
    assert [row["method"] for row in rows] == ["bicubic", folder.name]
    for row, prefix in zip(rows, ("bicubic_", "")):
        for key in ("psnr_y", "ssim_y", "psnr_rgb", "ssim_rgb"):
            assert float(row[key]) == pytest.approx(result["metrics"][f"drawn test_{prefix}{key}"]["value"], rel=1e-6)
    assert len(read_csv(tmp_path / "out" / "images.csv")) == 2 * result["images"]["test"]["drawn test"]


def test_the_network_of_a_run_is_built_again_for_export(smoke):
    folder, _ = smoke
    network = WORK.rebuild(SuperResolutionSettings(), (), ())
    assert (WORK.input_shape(None)[0], WORK.outputs, WORK.value_range) == (3, (), (0.0, 1.0))
    arrays = network_arrays(load_generator(folder).network)
    assert {name: array.shape for name, array in arrays.items()} == {n: a.shape for n,
                                                                     a in network_arrays(network).items()}


def test_evaluate_compares_several_weights_and_shows_table_ii(tmp_path, capfd):
    photographs(tmp_path / "data" / "Set5")
    first = small_weights(tmp_path / "a" / "g.safetensors")
    second = small_weights(tmp_path / "b" / "g.safetensors", residual=False, seed=1)
    words = ["--weights", str(first), str(second), "--sets", "Set5", "--data", str(tmp_path / "data"), "--out",
             str(tmp_path / "o"), "--refine"]
    assert evaluate.main(words) == 0
    assert capfd.readouterr().err == ""
    rows = {row["method"]: row for row in read_csv(tmp_path / "o" / "sets.csv")}
    assert float(rows["paper, Table II: Swift-SRGAN"]["psnr_y"]) == 25.13
    assert len(rows) == 8 and float(rows["bicubic"]["features"]) > 0 and 2 <= int(rows["bicubic"]["noise"]) < 12
    assert float(rows[str(first)]["psnr_y"]) > float(rows[str(second)]["psnr_y"]) + 1
    for weights in map(str, (first, second)):
        assert float(rows[f"{weights}, refined"]["psnr_y"]) > float(rows[weights]["psnr_y"])
    assert (tmp_path / "o" / "images.md").read_text().count("photo0.png") == 5  # bicubic once


def test_set5_is_judged_with_and_without_the_woman(tmp_path):
    folder = photographs(tmp_path / "data" / "Set5")
    (folder / "photo1.png").rename(folder / "img_005.png")
    weights = small_weights(tmp_path / "g.safetensors")
    assert evaluate.main(["--weights", str(weights), "--sets", "Set5", "--data", str(tmp_path / "data"),
                          "--out", str(tmp_path / "o")]) == 0
    sets = {(row["set"], row["method"]): row for row in read_csv(tmp_path / "o" / "sets.csv")}
    images = {(row["image"], row["method"]): row for row in read_csv(tmp_path / "o" / "images.csv")}
    without, alone = sets["Set5_without_woman", "g.safetensors"], images["photo0.png", "g.safetensors"]
    assert (without["n"], without["psnr_y"]) == ("1", alone["psnr_y"]) and sets["Set5", "g.safetensors"]["n"] == "2"
    found = metrics({"Set5/names": np.array(["Set5/a.png", "Set5/woman_GT.bmp", "Set5/b.png"]),
                     "Set5/psnr_y": np.array([30.0, 10.0, 32.0]), "Set14/names": np.array(["Set14/woman.png"]),
                     "Set14/psnr_y": np.array([20.0])})
    assert found == {"Set5_psnr_y": {"value": 24.0, "n": 3}, "Set5_without_woman_psnr_y": {"value": 31.0, "n": 2},
                     "Set14_psnr_y": {"value": 20.0, "n": 1}}


def test_the_kits_own_weights_are_blended_by_sharpness():
    pixel, adversarial = (network_arrays(load_generator(name).network) for name in ("pixel", "adversarial"))
    same_arrays(network_arrays(load_generator("blend:0").network), pixel)
    same_arrays(network_arrays(load_generator("blend:1").network), adversarial)
    between = load_generator("blend:0.25")
    assert between.source == "blend, sharpness 0.25" and between.residual
    for name, array in network_arrays(between.network).items():
        np.testing.assert_allclose(array, 0.75 * pixel[name] + 0.25 * adversarial[name], rtol=1e-5, atol=1e-7)
    assert load_generator("blend").source == f"blend, sharpness {SHARPNESS}"
    with pytest.raises(KitError, match="sharpness 1.5: is a number from 0 .* to 1"):
        load_generator("blend:1.5")


def test_lpips_stands_beside_where_its_weights_are_given(tmp_path):
    from paddle_models.networks.lpips import LPIPS

    paddle.seed(3)
    network = LPIPS()
    for layer in network.weighings:
        layer.weight.set_value(layer.weight.abs())
    save_weights(tmp_path / "lpips.safetensors", network_arrays(network), {"model": "lpips"})
    weights = small_weights(tmp_path / "g.safetensors")
    words = ["--weights", str(weights), "--sets", str(photographs(tmp_path / "some", 1)), "--out", str(tmp_path / "o")]
    assert evaluate.main([*words, "--lpips", str(tmp_path / "lpips.safetensors")]) == 0
    assert all(float(row["lpips"]) > 0 for row in read_csv(tmp_path / "o" / "images.csv"))


def test_the_woman_of_set5_is_left_out_of_training(tmp_path):
    for name, stems in (("BSDS500-train", ("2092", "302003", "8049")), ("Set5", ("img_005",))):
        (tmp_path / name).mkdir()
        for value, stem in enumerate(stems):
            Image.new("RGB", (8, 8), (value, 0, 0)).save(tmp_path / name / f"{stem}.png")
    given = {"data": str(tmp_path), "train_sets": ["BSDS500_train"], "validation_sets": ["Set5"], "test_sets": ["Set5"]}
    found = image_sets.find_sets(SuperResolutionSettings(**given))
    assert [Path(name).stem for name in found.training[0].names] == ["2092", "8049"]
    assert any("302003" in note and "left out of training" in note for note in found.notes)
    whole = image_sets.find_sets(SuperResolutionSettings(**given, leave_out=[]))
    assert len(whole.training[0]) == 3 and not any("left out" in note for note in whole.notes)


def test_drawn_sets_are_the_last_resort_and_keep_their_mark(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SUPER_RESOLUTION_DATA", raising=False)
    monkeypatch.setenv("KIT_SAMPLES", str(tmp_path / "data"))
    monkeypatch.setattr(image_sets, "SEARCH_PLACES", ("data/super*", "data"))
    monkeypatch.setattr(image_sets, "draw_sample", partial(draw_sample, count=2, progress=False))
    settings = SuperResolutionSettings(train_sets=["T91"], test_sets=["Set5"], holdout=0.5)
    sets = image_sets.find_sets(settings)
    assert sets.origin == "drawn" and sets.notes[0].startswith(
        "no training set T91 found: DRAWN pictures are used; name real ones with --data PATH (looked in "
        "$SUPER_RESOLUTION_DATA, ")
    archive = shutil.make_archive(str(tmp_path / "d"), "zip", "data", "drawn-textures")
    for training, test in (("train", "test"), (archive, archive)):
        asked = image_sets.find_sets(replace(settings, data=sets.path, train_sets=[training], test_sets=[test]))
        assert asked.origin == "drawn" and not asked.notes
    for name in ("T91", "Set5"):
        photographs(tmp_path / "data" / "super-resolution" / name)
    found = image_sets.find_sets(settings)
    assert (found.origin, found.path) == ("real", "data/super-resolution")


def test_evaluate_takes_the_photographs_where_no_set5_lies(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    small_weights(tmp_path / "g.safetensors")
    assert evaluate.main(["--weights", "g.safetensors", "--out", "found"]) == 0
    assert capfd.readouterr().out.startswith("Set5 was not found: four photographs that scikit-image brings")
    rows = (tmp_path / "found" / "sets.csv").read_text().splitlines()
    assert rows[1].startswith("photographs,bicubic,4,4,32.456")  # the base line of the README
    assert evaluate.main(["--weights", "g.safetensors", "--data", str(tmp_path)]) == 2
    assert "Set5 was not found" in capfd.readouterr().err
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "Set5.zip").write_bytes(b"PK cut off")  # there, and damaged: that is what is said
    assert evaluate.main(["--weights", "g.safetensors"]) == 2
    assert "Set5.zip" in (said := capfd.readouterr().err) and "not found" not in said


@pytest.mark.parametrize("words, expected", [
    (["--sets", "Set6"], "neither a known set"),
    (["--sets", "Urban100"], "was not found"),
    (["--weights", "absent.safetensors"], "there is no such file or run folder"),
    (["--weights", "pixle"], "pixle: there is no such file or run folder - did you mean pixel?; give"),
    (["--weights", "exported"], "exported is an exported network, which is not taken here"),
    (["--weights", "authors.pth.tar"], "python -m assignments weights"),
    (["--weights", "nameless.safetensors"], "give --model"),
    (["--weights", "g.safetensors", "--model", "esrgan"], "does not fit RRDBNet"),
    (["--weights", "empty"], "config.yaml"),
])
def test_a_mistake_gets_one_message(words, expected, tmp_path, capfd, monkeypatch):
    photographs(tmp_path / "Set5", 1)
    (tmp_path / "authors.pth.tar").touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "exported").mkdir()
    (tmp_path / "exported" / "card.json").touch()
    small_weights(tmp_path / "g.safetensors")
    small_weights(tmp_path / "nameless.safetensors", model="")
    monkeypatch.chdir(tmp_path)
    usual = [] if "--weights" in words else ["--weights", "g.safetensors"]
    assert evaluate.main([*usual, "--data", str(tmp_path), *words]) == 2
    errors = capfd.readouterr().err
    assert errors.startswith("error: ") and errors.count("\n") == 1 and expected in errors


@pytest.mark.parametrize("change, words", [({"holdout": 1.0}, "holdout"),
                                           ({"model": "srgan", "scale": 2}, "enlarges 4 times"),
                                           ({"train_sets": []}, "at least one set"),
                                           ({"discriminator_rate": 0.0}, "is not above 0")])
def test_settings_that_contradict_each_other_are_named(change, words):
    with pytest.raises(KitError, match=words):
        SuperResolutionSettings(**change)


def test_presets_have_the_losses_of_the_paper_and_of_its_code():
    presets = read_presets(Path(evaluate.__file__).with_name("presets.yaml"))
    losses = {"paper": ("l1", 0.0, 1.0, 1e-3, "non_saturating", 0.0),
              "authors_code": ("mse", 1.0, 6e-3, 1e-3, "one_minus", 2e-8)}
    for name, expected in losses.items():
        chosen = from_dict(SuperResolutionSettings, presets[name]["settings"], name)
        assert (chosen.pixel_loss, chosen.pixel_weight, chosen.content_weight, chosen.adversarial_weight,
                chosen.adversarial_loss,
                chosen.variation_weight) == expected


def test_a_run_starts_from_a_run_a_file_or_the_kits_own(smoke, tmp_path):
    file = small_weights(tmp_path / "g.safetensors")
    started = build_generator(SuperResolutionSettings(weights=str(file), residual=True))
    same_arrays(network_arrays(started), network_arrays(load_generator(file).network))
    of_run = build_generator(SuperResolutionSettings(weights=str(smoke[0])))
    same_arrays(network_arrays(of_run), network_arrays(load_generator(smoke[0]).network))
    assert build_generator(SuperResolutionSettings(weights="pixel", residual=True)).adds_to_bicubic
    with pytest.raises(KitError, match="residual true; this run has scale 4, residual false"):
        build_generator(SuperResolutionSettings(weights=str(file)))


def test_the_discriminator_learns_at_its_own_rate():
    settings = SuperResolutionSettings(discriminator_rate=0.1, content_weight=0.0)
    task = WORK.task(settings, WORK.network(settings, ()), ())
    assert task.rates == {"discriminator": 0.1}


def test_without_a_discriminator_the_task_has_the_generator_alone():
    settings = SuperResolutionSettings(adversarial=False, residual=True)
    assert list(WORK.task(settings, WORK.network(settings, ()), ()).networks) == ["generator"]


@pytest.mark.realdata
def test_the_authors_weights_give_what_the_reference_says(realdata, tmp_path, capfd):
    convert(realdata / "weights" / "swift_srgan_4x.pth.tar", "swift_srgan", tmp_path / "authors.safetensors")
    words = ["--weights", str(tmp_path / "authors.safetensors"), "--sets", "Set5", "--data",
             str(realdata / "super-resolution")]
    assert evaluate.main([*words, "--out", str(tmp_path / "o")]) == 0
    assert capfd.readouterr().err == ""
    rows = {row["method"]: row for row in read_csv(tmp_path / "o" / "sets.csv") if row["set"] == "Set5"}
    ours, bicubic = rows["authors.safetensors"], rows["bicubic"]
    assert float(ours["psnr_y"]) == pytest.approx(30.01, abs=0.01) and float(ours["ssim_y"]) == pytest.approx(0.850,
                                                                                                              abs=0.001)
    assert float(ours["psnr_rgb"]) == pytest.approx(27.94, abs=0.01) and float(bicubic["psnr_y"]) == pytest.approx(
        28.43, abs=0.01)


# ---- speed


def test_speed_measures_both_ways_and_writes_table_iii(tmp_path, capfd, monkeypatch):
    monkeypatch.setenv("KIT_RUNS", str(tmp_path))
    words = ["--models", "swift_srgan", "--quick", "--piece", "9", "--seconds", "1", "--device", "cpu"]
    assert speed.main(words) == 0
    folder, = (tmp_path / "swift_srgan").iterdir()
    assert folder.name == "speed-quick"  # a full measurement in speed/ is kept
    said, errors = capfd.readouterr()
    assert errors == "" and "Table III" in said and "Tesla K80" in said
    found = json.loads((folder / "speed.json").read_text())
    assert [row["mode"] for row in found["rows"]] == ["eager", "exported"]
    for row in found["rows"]:
        assert row["p95_ms"] >= row["median_ms"] > 0 and row["ratio"] == 1 and row["paper_ms"] == 5.605
        assert (row["parameters"], row["pieces"]) == (201_209, 900) and round(row["multiply_adds"] / 1e9, 2) == 42.18
    assert len(read_csv(folder / "table_iii.csv")) == 2


def test_whole_frames_are_told_from_parts_of_one():
    half = speed.summary([0.01, 0.03, 0.02], 6)
    assert (half["frames"], half["pieces_measured"]) == (0, 3) and half["median_ms"] == pytest.approx(120)
    assert speed.measured_on(half, False) == "3 of 6 pieces, extrapolated"
    whole = speed.summary([0.01, 0.03, 0.02, 0.02, 0.05], 2)
    assert whole["frames"] == 2 and whole["median_ms"] == pytest.approx(40)
    assert speed.measured_on(whole, False) == "2 frames of 2 pieces"
    calls = []
    assert len(speed.measure(lambda: calls.append(1), 3, 60)) == 3 * speed.FRAMES_MOST == len(calls) - speed.WARM_UP
    assert len(speed.measure(lambda: calls.append(1), 3, -1)) == speed.PIECES_LEAST


def test_the_papers_ratios_are_those_that_its_text_names():
    rows = [{"height": height, "model": model, "mode": "eager", "median_ms": ms} for (height, model),
            ms in TABLE_III.items()]
    ratios = {(row["height"], row["model"]): row["paper_ratio"] for row in speed.with_ratios(rows)}
    assert int(ratios[540, "srgan"]) == 74 and round(ratios[270, "srgan"]) == 145
    assert all(row["ratio"] == pytest.approx(row["paper_ratio"]) for row in speed.with_ratios(rows))


@pytest.mark.parametrize("words", [["--piece", "50"], ["--piece", "1"], ["--seconds", "0"]])
def test_a_speed_option_that_cannot_be_is_named(words, capfd):
    assert speed.main(words) == 2
    assert words[0] in capfd.readouterr().err
