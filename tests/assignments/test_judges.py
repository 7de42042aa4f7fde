"""Each judge on a real run: the run's own numbers come out again, and nothing in a submission is believed."""

import importlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from graded_runs import make_run

from assignments.grade import FOLDER, choose, default_data, graded_assignments, rubric_file
from data_tools.errors import BadFile, KitError
from paddle_models.weights import load_weights, save_weights
from reports.grading.rubric import check_metrics, read_rubric

NAMES = graded_assignments()


@pytest.fixture(scope="module", params=NAMES)
def judged(request, tmp_path_factory):
    """(name, judge module, run folder, data, what the judge found)"""
    folder = tmp_path_factory.mktemp(request.param)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KIT_CACHE", str(folder / "cache"))
        patch.setenv("KIT_SAMPLES", str(folder / "samples"))
        if request.param == "backprop":
            run, data = request.getfixturevalue("backprop_run"), ""
        else:
            run, data = make_run(request.param, folder)
        module = importlib.import_module(f"assignments.{request.param}.judge")
        yield request.param, module, run, data, module.judge(run, data)


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
            rubric = read_rubric(file)
            assert (rubric.assignment, rubric.total) == (name, 100), file
            for criterion in rubric.criteria:
                if criterion.kind == "metric":  # a run that just fails gets less, but not always nothing
                    assert 0 < max(step.points for step in criterion.partial) < criterion.points, f"{file}: {criterion.id}"


def test_the_judge_finds_the_numbers_of_the_run_again(judged):
    name, module, run, data, found = judged
    result = json.loads((run / "result.json").read_text())
    assert found.origin == result["origin"] and not found.drawn_signs
    for metric, value in found.metrics.items():
        assert value == pytest.approx(result["metrics"][metric]["value"], rel=1e-5, abs=1e-6), metric
    with np.load(run / "predictions.npz", allow_pickle=False) as submitted:
        assert set(found.predictions) <= set(submitted.files)
        for key, array in found.predictions.items():
            if array.dtype.kind == "U":
                assert (array == submitted[key]).all()
            else:
                np.testing.assert_allclose(array, submitted[key], rtol=1e-4, atol=1e-5, err_msg=key)
        scored = module.score({key: submitted[key] for key in submitted.files})
    assert scored and all(value == pytest.approx(result["metrics"][metric]["value"]) for metric, value in scored.items())


def test_the_ground_names_what_is_measured(judged):
    name, module, _, data, found = judged
    ground = module.ground(data)
    assert set(found.metrics) <= set(ground.metrics) and ground.origin == found.origin
    assert ground == module.ground(data) and len(ground.fingerprint) == 64
    check_metrics(read_rubric(rubric_file(name, data)), ground.metrics, name)


def test_weights_of_other_shapes_and_with_nan_are_named(judged, tmp_path):
    _, module, run, data, _ = judged
    changes = {"wrong-shapes": lambda array: array.ravel()[:1], "not-finite": lambda array: array * np.float32("nan")}
    for kind, change in changes.items():
        copy = changed(run, tmp_path / kind)
        best = copy / "checkpoints" / "best.safetensors"
        arrays, metadata = load_weights(best)
        first = next(key for key, array in arrays.items() if array.dtype == np.float32 and array.size > 1)
        save_weights(best, {**arrays, first: change(arrays[first])}, metadata)
        with pytest.raises(BadFile) as error:
            module.judge(copy, data)
        assert error.value.kind == kind


ABSURD = {"monkey_species": [{"image_size": 100_000}, {"model": "resnet9999"}, {"model": "x" * 500}],
          "face_attributes": [{"image_size": 32_000}, {"head_widths": [10**6]}, {"head_widths": [8] * 20}],
          "swift_srgan": [{"test_sets": ["/etc"]}, {"test_sets": ["Set5"] * 50}, {"model": "esrgan"}],
          "glasses": [{"filters": [10**6]}, {"kernel": 1001}, {"neurons": []}],
          "backprop": [{"digits_epochs": 10**9}, {"seeds": 10**6}]}


def test_absurd_settings_are_refused_at_once(judged, tmp_path):
    name, module, run, data, _ = judged
    general = [{"optimizer": {"class_path": "os.system"}} if name != "backprop" else {"rates": "x"}, {"seed": 10**40},
               {"seed": [[0] * 3000]}, {"unheard_of": 1}, {"epochs" if name != "backprop" else "seeds": "a" * 2000}]
    for number, settings in enumerate([*ABSURD[name], *general]):
        with pytest.raises(KitError):
            module.judge(changed(run, tmp_path / str(number), **settings), data)


def test_no_path_of_a_submission_is_opened(judged, tmp_path):
    _, module, run, data, found = judged
    own = yaml.safe_load((run / "config.yaml").read_text())["settings"]
    paths = {name: f"/nonexistent/{name}.safetensors" for name in ("weights", "data", "content_weights") if name in own}
    assert module.judge(changed(run, tmp_path / "run", **paths), data).metrics == found.metrics


def test_a_worked_example_with_a_wrong_number_is_named(backprop_run, tmp_path):
    copy = changed(backprop_run, tmp_path / "run")
    result = json.loads((copy / "result.json").read_text())
    result["worked"]["w5_plus"] += 1e-3
    (copy / "result.json").write_text(json.dumps(result))
    with pytest.raises(BadFile, match="w5_plus of the worked example") as error:
        importlib.import_module("assignments.backprop.judge").judge(copy, "")
    assert error.value.kind == "inconsistent"


def test_rubrics_follow_the_data():
    assert rubric_file("monkey_species", "sample").name == "rubric.yaml"
    assert rubric_file("monkey_species", "anywhere").name == "rubric_real.yaml"
    assert rubric_file("backprop", "anywhere").name == "rubric.yaml"
    assert rubric_file("swift_srgan", default_data("swift_srgan")).name == "rubric.yaml"
    chosen = choose("monkey_species", ["monkey_species=anywhere"])
    assert chosen["names"] == ["monkey_species"] and chosen["rubrics"]["monkey_species"].endswith("rubric_real.yaml")
    with pytest.raises(KitError, match="expected NAME=PATH"):
        choose(None, ["monkey=x"])
