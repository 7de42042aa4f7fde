"""Seals, and what shows without them: weights, course, metrics and predictions that contradict each other."""

import json

import numpy as np
import pytest

from data_tools.errors import BadFile
from reports.grading.consistency import check_course, check_predictions, check_score, claims
from reports.grading.seal import SEALED, check_seal, write_seal
from reports.run_reader import Run
from tests.reports.grading.toy import WEIGHTS, make_toy_run, score


@pytest.fixture
def run(tmp_path):
    return make_toy_run(tmp_path / "run")


def test_the_seal_names_every_changed_file(run):
    assert check_seal(run) == []
    present = [name for name in SEALED if (run / name).exists()]
    for name in present:
        with open(run / name, "ab") as file:
            file.write(b" ")
    assert check_seal(run) == present and WEIGHTS in present
    write_seal(run)
    assert check_seal(run) == []
    (run / "artifacts.npz").write_bytes(b"x")
    assert check_seal(run) == ["artifacts.npz"]  # put there after the run
    (run / "files.json").unlink()
    assert check_seal(run) is None


@pytest.mark.parametrize("content", ["[1]", "{", '{"config.yaml": 1}', '{"config.yaml": "../../etc"}', "[" * 50_000,
                                     '{"a": "' + "0" * 70_000 + '"}'])
def test_what_is_no_seal_is_said(run, content):
    (run / "files.json").write_text(content)
    with pytest.raises(BadFile, match="files.json is not a seal") as caught:
        check_seal(run)
    assert caught.value.kind == "bad-json"


@pytest.mark.parametrize("values, message", [
    ({"epochs": 3}, "3 epochs in result.json, 2 in metrics.jsonl"), ({"steps": 5}, "5 steps in result.json, 2 in"),
    ({"best_epoch": 1}, "best epoch 1 in result.json, the weights are of epoch 2"),
    ({"metrics": {"val_accuracy_best": {"value": 0.9}}},
     "val_accuracy_best is 0.9 in result.json, the weights were kept for")])
def test_the_course_of_the_training_is_compared(run, values, message):
    assert check_course(Run(run, "toy")) == []
    result = json.loads((run / "result.json").read_text())
    (run / "result.json").write_text(json.dumps({**result, **values}))
    problems = check_course(Run(run, "toy"))
    assert [problem.kind for problem in problems] == ["inconsistent"] and message in problems[0].message


@pytest.mark.parametrize("values", [{"epochs": "many", "steps": None, "best_epoch": [1]}, {"metrics": []},
                                    {"metrics": {"a": None}}])
def test_values_of_other_types_are_left_out(run, values):
    result = {**json.loads((run / "result.json").read_text()), **values}
    (run / "result.json").write_text(json.dumps(result))
    assert check_course(Run(run, "toy")) == []
    assert all(isinstance(value, float) for value in claims(result).values())


def test_claims_are_finite_numbers():
    metrics = {"a": {"value": 1}, "b": 0.5, "c": {"value": float("nan")}, "d": {"value": "1"}, "e": True,
               "f": {"value": 10**400}}
    assert claims({"metrics": metrics}) == {"a": 1, "b": 0.5} and claims({}) == {}
    assert len(claims({"metrics": {str(i): 1.0 for i in range(10_000)}})) == 500


NAMES = np.array(["a", "b", "c"])
JUDGED = {"names": NAMES, "labels": np.array([0, 1, 2]),
          "scores": np.array([[0.1, 0.9], [0.2, 0.8], [0.3, 0.7]], np.float32),
          "classes": np.array(["x", "y"])}


def test_predictions_may_stand_in_another_order():
    order = np.array([2, 0, 1])
    shuffled = {key: value[order] if len(value) == 3 else value for key, value in JUDGED.items()}
    assert check_predictions(shuffled, JUDGED, 0.01) == ([], [])
    shuffled["labels"] = JUDGED["labels"]
    assert "labels of 3 of 3 samples" in check_predictions(shuffled, JUDGED, 0.01)[0][0].message


@pytest.mark.parametrize("change, found", [
    ({"scores": JUDGED["scores"] + np.float32(0.005)}, 0), ({"scores": JUDGED["scores"] + np.float32(0.02)}, 1),
    ({"scores": JUDGED["scores"][:2]}, 1), ({"scores": JUDGED["scores"] * np.nan}, 1), ({"scores": NAMES}, 1),
    ({"classes": np.array(["x", "z"])}, 1), ({"labels": np.array([0, 1, 1])}, 1), ({"scores": None}, 1)])
def test_predictions_are_compared_within_the_tolerance(change, found):
    submitted = {key: value for key, value in {**JUDGED, **change}.items() if value is not None}
    problems, notes = check_predictions(submitted, JUDGED, 0.01)
    assert [problem.kind for problem in problems] == ["predictions-differ"] * found and not notes


@pytest.mark.parametrize("names", [np.array(["a", "b", "d"]), np.array(["a", "b"]), np.array([1, 2, 3]), None])
def test_predictions_of_other_samples_are_not_compared(names):
    submitted = {**JUDGED, "names": names} if names is not None else {"labels": JUDGED["labels"]}
    problems, notes = check_predictions(submitted, JUDGED, 0.01)
    assert not problems and "not those of the grader's data" in notes[0]


def test_sets_have_names_of_their_own():
    judged = {"set5/names": NAMES, "set5/psnr": np.array([30.0, 31.0, 32.0]), "set14/names": NAMES,
              "set14/psnr": np.ones(3)}
    submitted = {**judged, "set14/names": np.array(["x", "y", "z"]), "set5/psnr": np.array([30.0, 31.0, 40.0])}
    problems, notes = check_predictions(submitted, judged, 0.01)
    assert len(problems) == 1 and "set5/psnr of 1 of 3" in problems[0].message and "set14/names" in notes[0]


@pytest.mark.parametrize("predictions, kind", [
    ({}, "bad-arrays"), ({"probabilities": np.zeros(3), "labels": np.zeros(3)}, "bad-arrays"),
    ({"probabilities": np.eye(3), "labels": np.array([0, 1, 1])}, "inconsistent")])
def test_the_result_is_compared_with_its_own_predictions(predictions, kind):
    assert check_score({"accuracy": 1.0}, {"probabilities": np.eye(3), "labels": np.arange(3)}, score) == []
    assert [problem.kind for problem in check_score({"accuracy": 1.0}, predictions, score)] == [kind]
    assert check_score({"accuracy": 1.0}, predictions, None) == []
