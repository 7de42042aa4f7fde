"""Each judge on a real run: the run's own numbers come out again, and nothing in a submission is believed."""

import json
import math
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from assignments.__main__ import main
from assignments.backprop.experiments import digits
from assignments.commands.grade import choose, default_data, rubric_file, rubric_of, works
from assignments.commands.submit import submit
from assignments.common import judging
from assignments.common.works import FOLDER, work_names, work_of
from data_tools.errors import BadFile, KitError
from paddle_models.weights.files import load_weights, save_weights, sha256_of_weights
from reports.grading.grade_one import grade
from reports.grading.limits import Limits
from reports.grading.rubric import check_metrics, read_rubric
from reports.grading.seal import write_seal
from tests.assignments.graded_runs import make_run
from tests.paddle_models.weights.imagenet_file import publish, trained

NAMES = work_names()


@pytest.fixture(scope="module", params=NAMES)
def judged(request, tmp_path_factory):
    """(name, work, run folder, data, what the judge found)"""
    folder = tmp_path_factory.mktemp(request.param)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KIT_CACHE", str(folder / "cache"))
        patch.setenv("KIT_SAMPLES", str(folder / "samples"))
        if request.param == "backprop":
            run, data = request.getfixturevalue("backprop_run"), ""
        else:
            run, data = make_run(request.param, folder)
        work = work_of(request.param)
        yield request.param, work, run, data, work.judge(run, data)


def changed(run: Path, to: Path, **settings) -> Path:
    """A copy of a run without its checkpoint to go on from, with other settings."""
    shutil.copytree(run, to, ignore=shutil.ignore_patterns("last.safetensors", "vdl"))
    config = yaml.safe_load((to / "config.yaml").read_text())
    config["settings"].update(settings)
    (to / "config.yaml").write_text(yaml.safe_dump(config))
    return to


def test_every_assignment_has_a_judge_and_a_rubric():
    assert NAMES == sorted(path.parent.name for path in FOLDER.glob("*/run.py"))
    for name in NAMES:
        for file in (FOLDER / name).glob("rubric*.yaml"):
            rubric = read_rubric(file, name)
            assert (rubric.assignment, rubric.total) == (name, 100), file
            points = {criterion.id: criterion.points for criterion in rubric.criteria}
            assert sum(points[form] for form in ("whole", "weights", "seal", "consistent")) <= 20
            assert points["reproduced"] <= 20 and sum(points.values()) - points["reproduced"] - 8 >= 75
            for criterion in rubric.criteria:
                if criterion.kind == "metric":  # a run at the base line gets none of these points
                    assert criterion.start == "baseline", f"{file}: {criterion.id}"


def test_glasses_are_graded_by_what_their_images_are(judged, tmp_path):
    name, _, _, data, _ = judged
    if name != "glasses":
        return
    files = {place: rubric_file(name, place).name for place in ("sample", "celeba:sample", "celeba:/some/where", data)}
    assert list(files.values()) == ["rubric.yaml", "rubric_real.yaml", "rubric_photographs.yaml", "rubric_real.yaml"]
    goal = rubric_of(name, FOLDER / name / "rubric_real.yaml").criteria[-1].at_least
    assert 0.88 < goal <= 399 / 450  # what the document's network got on the document's own images gets all points


def test_the_judge_finds_the_numbers_of_the_run_again(judged):
    name, work, run, data, found = judged
    result = json.loads((run / "result.json").read_text())
    assert found.origin == result["origin"] and not found.drawn_signs
    assert set(found.baseline) >= {criterion.metric for criterion in rubric_of(name, rubric_file(name, data)).criteria
                                   if criterion.kind == "metric"} and all(map(math.isfinite, found.baseline.values()))
    for metric, value in found.metrics.items():
        assert value == pytest.approx(result["metrics"][metric]["value"], rel=1e-5, abs=1e-6), metric
    with np.load(run / "predictions.npz", allow_pickle=False) as submitted:
        assert set(found.predictions) <= set(submitted.files)
        for key, array in found.predictions.items():
            if array.dtype.kind == "U":
                assert (array == submitted[key]).all()
            else:
                np.testing.assert_allclose(array, submitted[key], rtol=1e-4, atol=1e-5, err_msg=key)
        scored = work.score({key: submitted[key] for key in submitted.files})
    assert scored and all(value == pytest.approx(result["metrics"][metric]["value"]) for metric,
                          value in scored.items())


def test_the_ground_names_what_is_measured(judged):
    name, work, _, data, found = judged
    ground = work.ground(data)
    assert set(found.metrics) <= set(ground.metrics) and ground.origin == found.origin
    assert ground == work.ground(data) and len(ground.fingerprint) == 64
    check_metrics(rubric_of(name, rubric_file(name, data)), ground.metrics, name)


def with_weights(run: Path, to: Path, work, data: str, change) -> Path:
    """A copy of a run with other weights whose files all say what these weights give: nothing in it is wrong."""
    copy = changed(run, to)
    best = copy / "checkpoints" / "best.safetensors"
    arrays, metadata = load_weights(best)
    arrays = {name: change(array) if array.dtype.kind == "f" else array for name, array in arrays.items()}
    save_weights(best, arrays, metadata)
    found = work.judge(copy, data)
    with np.load(run / "predictions.npz", allow_pickle=False) as before:
        np.savez(copy / "predictions.npz", **{**{key: before[key] for key in before.files}, **found.predictions})
    result = json.loads((run / "result.json").read_text())
    result["metrics"].update({name: {"value": value} for name, value in found.metrics.items()})
    (copy / "result.json").write_text(json.dumps({**result, "weights_sha256": sha256_of_weights(arrays)}))
    write_seal(copy)
    return copy


def graded(run: Path, name: str, data: str, scratch: Path):
    """The grade by the kit's rubric, in this process."""
    scratch.mkdir()
    rubrics = {name: str(rubric_file(name, data) or "")}
    return grade(run, works([name], {name: data}, rubrics), scratch, Limits(), name)


@pytest.mark.parametrize("weights", ["random", "zero"])
def test_a_run_that_has_learnt_nothing_gets_a_few_points_for_form(judged, tmp_path, weights):
    name, work, run, data, _ = judged
    random = np.random.default_rng(5)
    change = {"zero": np.zeros_like, "random": lambda array: (
        np.abs(random.normal(0, 0.05, array.shape)) if array.ndim == 1 else random.normal(0, 0.05, array.shape)
    ).astype(array.dtype)}[weights]
    made = graded(with_weights(run, tmp_path / "run", work, data, change), name, data, tmp_path / "scratch")
    assert not made.problems and made.verdict in ("reproduced", "within tolerance"), made
    assert 14 <= made.score <= 25 and made.max_score == 100, (made.score, made.measured, made.baseline)
    assert set(made.baseline) >= {line.id for line in made.criteria if line.max > 20 and line.id != "psnr_y"}


def test_weights_of_other_shapes_and_with_nan_are_named(judged, tmp_path):
    _, work, run, data, _ = judged
    changes = {"wrong-shapes": lambda array: array.ravel()[:1], "not-finite": lambda array: array * np.float32("nan")}
    for kind, change in changes.items():
        copy = changed(run, tmp_path / kind)
        best = copy / "checkpoints" / "best.safetensors"
        arrays, metadata = load_weights(best)
        first = next(key for key, array in arrays.items() if array.dtype == np.float32 and array.size > 1)
        save_weights(best, {**arrays, first: change(arrays[first])}, metadata)
        with pytest.raises(BadFile) as error:
            work.judge(copy, data)
        assert error.value.kind == kind


ABSURD = {"monkey_species": [{"image_size": 100_000}, {"model": "resnet9999"}, {"model": "x" * 500}],
          "face_attributes": [{"image_size": 32_000}, {"head_widths": [10**6]}, {"head_widths": [8] * 20}],
          "swift_srgan": [{"test_sets": ["/etc"]}, {"test_sets": ["Set5"] * 50}, {"model": "esrgan"}],
          "glasses": [{"filters": [10**6]}, {"kernel": 1001}, {"neurons": []}],
          "backprop": [{"digits_epochs": 10**9}, {"seeds": 10**6}]}


def test_absurd_settings_are_refused_at_once(judged, tmp_path):
    name, work, run, data, _ = judged
    general = [{"optimizer": {"class_path": "os.system"}} if name != "backprop" else {"rates": "x"}, {"seed": 10**40},
               {"seed": [[0] * 3000]}, {"unheard_of": 1}, {"epochs" if name != "backprop" else "seeds": "a" * 2000}]
    for number, settings in enumerate([*ABSURD.get(name, []), *general]):
        with pytest.raises(KitError):
            work.judge(changed(run, tmp_path / str(number), **settings), data)


def test_no_path_of_a_submission_is_opened(judged, tmp_path):
    _, work, run, data, found = judged
    own = yaml.safe_load((run / "config.yaml").read_text())["settings"]
    paths = {name: f"/nonexistent/{name}.safetensors" for name in ("weights", "data", "content_weights") if name in own}
    assert work.judge(changed(run, tmp_path / "run", **paths), data).metrics == found.metrics


def test_data_that_cannot_be_packed_are_not_the_submissions_fault(judged, tmp_path, monkeypatch, capfd):
    name, work, run, data, found = judged
    if not data or name == "glasses":
        return  # nothing is packed, or beside the cache
    (tmp_path / "full").touch()
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "full"))
    with pytest.raises(BadFile, match="--prepare") as error:
        work.judge(run, data)
    assert error.value.kind == "grader-data"
    with monkeypatch.context() as patch:  # a place that cannot be written: they are packed for this one alone
        patch.setattr(judging, "_is_writable", lambda _: False)
        assert work.judge(run, data).metrics == found.metrics
    if name == "monkey_species":  # whose weights fit images of any size
        with monkeypatch.context() as patch, pytest.raises(BadFile, match="image_size 512 is in no preset") as error:
            patch.setattr(judging, "MOST_ALONE", 1 << 20)
            work.judge(changed(run, tmp_path / "unusual", image_size=512), data)
        assert error.value.kind == "disk"
        # What the teacher sees of the first:
        assert main(["grade", str(run), "--data", f"{name}={data}", "--out", str(tmp_path / "out")]) == 2
        errors = capfd.readouterr().err
        assert errors.startswith("error: 1 of 1 could not be judged, by no fault of theirs") and errors.count(
            "\n") == 1, errors
        assert json.loads((tmp_path / "out" / "counts.json").read_text())["problems"] == {"grader-data": 1}


def test_a_size_that_no_preset_has_leaves_nothing_in_the_graders_cache(judged, tmp_path, monkeypatch):
    name, work, run, data, _ = judged
    odd = {"monkey_species": {"image_size": 40}, "glasses": {"zoom": 3.99}}.get(name)
    if odd is None:
        return
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    found = work.judge(changed(run, tmp_path / "odd", **odd), data)
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert f"{next(iter(odd))} {next(iter(odd.values()))} are of no preset" in found.notes[0]


def test_no_seed_chooses_the_digits_that_are_judged_on(judged, tmp_path):
    name, work, run, data, found = judged
    if name != "backprop":
        return
    for seed in (0, 7):  # the labels of predictions.npz are those of the grader's digits whatever the seed
        again = work.judge(changed(run, tmp_path / str(seed), seed=seed), data)
        assert (again.predictions["labels"] == found.predictions["labels"]).all()
        assert again.metrics["digits_accuracy"] == found.metrics["digits_accuracy"]
    shopped = changed(run, tmp_path / "shopped", seed=9)
    with np.load(run / "predictions.npz", allow_pickle=False) as file:
        arrays = {key: file[key] for key in file.files}
    np.savez(shopped / "predictions.npz", **{**arrays, "labels": digits(9)[3].argmax(axis=1)})
    with pytest.raises(BadFile, match="other held-out digits than those that everybody is judged on") as error:
        work.judge(shopped, data)
    assert error.value.kind == "other-split"


def test_preparing_packs_what_runs_of_every_preset_are_judged_on(judged, tmp_path, monkeypatch):
    name, work, _, data, _ = judged
    monkeypatch.setenv("KIT_CACHE", str(tmp_path))
    work.prepare(data)
    # 128: 64, zoomed
    sides = {"monkey_species": {32, 64, 96, 224}, "face_attributes": {32, 64, 96, 192}, "glasses": {32, 128}}
    found = (re.match(r"[a-z]+-(\d+)", path.name) for path in tmp_path.rglob("*"))
    assert {int(match[1]) for match in found if match} >= sides.get(name, set())


def test_real_claims_can_be_handed_in_where_the_real_data_are_not(judged, tmp_path, capsys):
    name, work, run, data, _ = judged
    if name != "swift_srgan":
        return
    copy = changed(run, tmp_path / "run", test_sets=["Set14"])
    write_seal(copy)
    with pytest.raises(BadFile, match="Set14 was not found") as error:
        work.judge(copy, data)
    assert error.value.kind == "other-data"
    assert submit(str(copy), tmp_path / "mine.zip") == 0 and (tmp_path / "mine.zip").is_file()
    assert "cannot show: Set14 was not found" in capsys.readouterr().out


def test_a_run_from_imagenet_weights_is_judged_with_their_inputs(tmp_path, monkeypatch):
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    publish(trained(20), tmp_path, monkeypatch)
    run, data = make_run("monkey_species", tmp_path, "--weights", "imagenet", "--train", "head")
    shutil.rmtree(tmp_path / "paddle-imagenet")  # the judge needs no file
    with np.load(run / "predictions.npz", allow_pickle=False) as submitted:
        expected = submitted["probabilities"]
    found = work_of("monkey_species").judge(run, data).predictions["probabilities"]
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)
    # the one word counts, alone
    for number, weights in enumerate(["", "/nonexistent/imagenet", "./imagenet", ["imagenet"]]):
        judged = work_of("monkey_species").judge(changed(run, tmp_path / str(number), weights=weights), data)
        others = judged.predictions["probabilities"]
        assert np.abs(others - expected).max() > 0.01


@pytest.mark.parametrize("place, sign", [
    ("/data/drawn-monkeys", "drawn-monkeys"), ("/data/drawn-celeba/img_align_celeba", "drawn-celeba"),
    ("C:\\kit\\data\\drawn-glasses", "drawn-glasses"), ("my/drawn-textures.zip", "drawn-textures"),
    ("/data/celeba/img_align_celeba", None), ("/data/hand-drawn-monkeys", None), (None, None),
    (["drawn-monkeys"], None)])
def test_a_place_with_drawn_pictures_is_a_sign(tmp_path, monkeypatch, place, sign):
    monkeypatch.setenv("KIT_SAMPLES", str(tmp_path / "none"))
    for origin in ("real", "drawn"):
        (tmp_path / "result.json").write_text(json.dumps({"origin": origin, "data": place}))
        signs = judging.drawn_signs(tmp_path, "celeba", pytest.fail)
        assert signs == ([f"result.json says that its data lie in {sign}"] if sign and origin == "real" else [])


def test_a_worked_example_with_a_wrong_number_is_named(backprop_run, tmp_path):
    copy = changed(backprop_run, tmp_path / "run")
    result = json.loads((copy / "result.json").read_text())
    result["worked"]["w5_plus"] += 1e-3
    (copy / "result.json").write_text(json.dumps(result))
    with pytest.raises(BadFile, match="w5_plus of the worked example") as error:
        work_of("backprop").judge(copy, "")
    assert error.value.kind == "inconsistent"


def test_rubrics_follow_the_data():
    assert rubric_file("monkey_species", "sample").name == "rubric.yaml"
    assert rubric_file("monkey_species", "anywhere").name == "rubric_real.yaml"
    assert rubric_file("backprop", "anywhere").name == "rubric.yaml"
    assert rubric_file("swift_srgan", default_data("swift_srgan")).name == "rubric.yaml"
    chosen = choose(["monkey_species"], ["monkey_species=anywhere"])
    assert chosen["names"] == ["monkey_species"] and chosen["rubrics"]["monkey_species"].endswith("rubric_real.yaml")
    with pytest.raises(KitError, match="expected NAME=PATH"):
        choose([], ["monkey=x"])
