"""images.csv of the glasses: every image with a label that the network was not trained on."""

import csv

import pytest

from assignments.glasses import figures
from tests.assignments.glasses.test_glasses_figures import TEST, VALIDATION, make_run, opened


def test_the_table_of_all_images_has_both_splits(tmp_path):
    run = opened(make_run(tmp_path / "run"))
    (file,) = figures.SCRIPT.others["images"](run, tmp_path, "en")
    with open(file, encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {split: sum(row["split"] == split for row in rows) for split in ("test", "validation")} == {
        "test": TEST, "validation": VALIDATION} and len(rows) == TEST + VALIDATION
    probabilities = dict(zip(run.prediction("names", (TEST,)), run.prediction("probabilities", (TEST,)).tolist()))
    for row in [row for row in rows if row["split"] == "test"][:5]:
        given = probabilities[row["file"]] if row["label"] == "glasses" else 1 - probabilities[row["file"]]
        assert float(row["probability_of_label"]) == pytest.approx(given, abs=1e-6)
        assert (row["right"] == "1") == (row["label"] == row["predicted"])
