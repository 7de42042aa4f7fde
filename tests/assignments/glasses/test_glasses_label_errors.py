"""Suspected label errors: planted ones are found, folds that are finished stay, the rule itself."""

import csv
import json

import numpy as np
import pytest

from assignments.glasses import label_errors
from assignments.glasses.label_errors import confident_errors, folds_of, precision_and_recall
from data_tools.errors import KitError
from reports.run_reader import Run
from tests.assignments.glasses.glasses_set import write_set

FLIPPED = (4, 9, 21, 40)
WORDS = ["--preset", "smoke", "--folds", "2", "--filters", "[8,8]", "--batch_size", "8", "--max_steps", "0", "--epochs",
         "6",
         "--optimizer.lr", "0.02", "--dropout", "0"]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """A drawn set of 60 easy pictures with four wrong labels that planted.csv tells, and what was found in it."""
    base = tmp_path_factory.mktemp("errors")
    faces = write_set(base / "set", flipped=FLIPPED)
    (faces / "DRAWN.txt").write_text("Drawn stand-in for a test\n")
    (faces / "planted.csv").write_text("id,kind\n" + "".join(f"{n},wrong label\n" for n in FLIPPED) + "7,uncertain\n")
    words = [*WORDS, "--data", str(faces), "--out", str(base / "out")]
    assert label_errors.main(words) == 0
    return base / "out", words


def test_planted_errors_are_found_and_measured(found):
    out, _ = found
    result = json.loads((out / "result.json").read_text())
    numbers = [int(entry["name"].rsplit("-", 1)[1].split(".")[0]) for entry in result["suspects"]]
    hits = set(numbers) & set(FLIPPED)
    assert result["n"] == 60 and result["origin"] == "drawn" and result["planted"] == {"uncertain": 1, "wrong label": 4}
    assert result["recall"] == len(hits) / 4 >= 0.75 and result["precision"] == len(hits) / len(numbers) >= 0.75
    assert all(entry["label"] == (number % 2) ^ (number in FLIPPED) for entry,
               number in zip(result["suspects"], numbers))
    rows = list(csv.DictReader(open(out / "suspects.csv", newline="")))
    assert [row["image"] for row in rows] == [entry["name"] for entry in result["suspects"]]
    assert [row["planted"] == "wrong label" for row in rows] == [number in FLIPPED for number in numbers]
    credible = [entry["probability"] if entry["label"] else 1 - entry["probability"] for entry in result["suspects"]]
    assert credible == sorted(credible) and max(credible) < 0.5
    run = Run(out, "glasses")
    shown = min(12, len(numbers))
    assert run.array("suspects.npz", "images", (shown, 160, 160, 3), "u").any()
    assert run.array("suspects.npz", "names", (shown,), "U").tolist() == [row["image"] for row in rows][:shown]


def test_finished_folds_are_kept_and_a_missing_one_comes_out_the_same(found, capsys):
    out, words = found
    before, kept = json.loads((out / "result.json").read_text()), (out / "fold-0.npz").stat().st_mtime_ns
    whole = (out / "fold-1.npz").read_bytes()
    (out / "fold-1.npz").unlink()
    assert label_errors.main(words) == 0
    rows = [json.loads(line) for line in (out / "fold-1" / "metrics.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows if row["kind"] == "epoch"] == list(range(6))  # none of the first time
    now = json.loads((out / "result.json").read_text())
    assert {**now, "suspects": [entry["name"] for entry in now["suspects"]]} == {
        **before, "suspects": [entry["name"] for entry in before["suspects"]]}
    assert [entry["probability"] for entry in now["suspects"]] == pytest.approx(
        [entry["probability"] for entry in before["suspects"]], abs=1e-3)
    assert (out / "fold-0.npz").stat().st_mtime_ns == kept
    for damaged in (b"damaged", whole[:-30]):
        (out / "fold-1.npz").write_bytes(damaged)
        capsys.readouterr()
        assert label_errors.main(words) == 2 and "fold-1.npz is damaged" in capsys.readouterr().err
    plan = json.loads((out / "plan.json").read_text())
    # an older preset's
    (out / "plan.json").write_text(json.dumps({**plan, "settings": {**plan["settings"], "dropout": 0.5}}))
    assert label_errors.main(words) == 2 and "begun with other words or settings" in capsys.readouterr().err


def test_the_rule_of_confident_learning():
    labels = np.array([0, 0, 0, 1, 1, 1, 1, 0])
    p = np.array([0.1, 0.2, 0.95, 0.9, 0.8, 0.1, 0.55, 0.45], np.float32)
    # thresholds: of 0 the mean of .9, .8, .05, .55 = .575; of 1 the mean of .9, .8, .1, .55 = .5875
    assert confident_errors(labels, p).tolist() == [2, 5]
    p[6] = 0.41  # now 0 has .59, beyond its threshold, and the label is 1
    assert confident_errors(labels, p).tolist() == [2, 5, 6]
    assert confident_errors(np.array([0, 1]), np.array([0.2, 0.7])).tolist() == []


def test_precision_and_recall():
    assert precision_and_recall(["a", "b"], ["b", "c", "d"]) == (1 / 2, 1 / 3)
    assert precision_and_recall([], ["a"]) == (None, 0.0) and precision_and_recall(["a"], []) == (0.0, None)


def test_every_fold_has_its_share_of_both_classes():
    labels = np.repeat([0, 1], [11, 22])
    fold = folds_of(labels, 3, seed=1)
    for number in range(3):
        assert set(np.bincount(labels[fold == number], minlength=2)) <= {3, 4, 7, 8}
    assert np.array_equal(fold, folds_of(labels, 3, 1)) and not np.array_equal(fold, folds_of(labels, 3, 2))
    with pytest.raises(KitError, match="--folds 12: only 11 images carry the label 0"):
        folds_of(labels, 12, 0)


def test_mistakes_get_one_message(tmp_path, capsys):
    assert label_errors.main(["--folds", "1", "--out", str(tmp_path / "out")]) == 2
    assert "--folds 1: at least 2" in capsys.readouterr().err and not (tmp_path / "out").exists()
