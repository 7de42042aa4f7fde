"""Suspected label errors: planted ones are found, folds that are finished stay; see also common/test_label_errors."""

import csv
import json

import pytest

from assignments.glasses import label_errors
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
    assert [row["file"] for row in rows] == [entry["name"] for entry in result["suspects"]]
    assert {(row["given"], row["suggested"]) for row in rows} <= {("glasses", "no glasses"), ("no glasses", "glasses")}
    assert [row["planted"] == "wrong label" for row in rows] == [number in FLIPPED for number in numbers]
    credible = [entry["probability"] if entry["label"] else 1 - entry["probability"] for entry in result["suspects"]]
    assert credible == sorted(credible) and max(credible) < 0.5
    run = Run(out, "glasses")
    shown = min(12, len(numbers))
    assert run.array("suspects.npz", "images", (shown, 160, 160, 3), "u").any()
    assert run.array("suspects.npz", "names", (shown,), "U").tolist() == [row["file"] for row in rows][:shown]


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


def test_mistakes_get_one_message(tmp_path, capsys):
    assert label_errors.main(["--folds", "1", "--out", str(tmp_path / "out")]) == 2
    assert "--folds 1: at least 2" in capsys.readouterr().err and not (tmp_path / "out").exists()
