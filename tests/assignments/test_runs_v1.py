"""Runs that the code of version 1 of the run folder made (docs/run-folder.md) are read, drawn, judged and resumed.

Their networks begin from repeating weights, so that they compress; each is a run of its work in all else.
"""

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from assignments.common.figure_scripts import script_of
from assignments.common.works import work_of
from reports.run_reader import Run

PLACE = Path(__file__).parents[1] / "data" / "runs-v1"
NAMES = sorted(path.name.rpartition("-")[0] for path in PLACE.glob("*-finished.zip"))
DATA = {"backprop": ""}  # the others' runs are of drawn data


@pytest.fixture(params=NAMES)
def runs(request, tmp_path):
    """(name, folder of a finished run, folder of one that was stopped)"""
    for kind in ("finished", "stopped"):
        with zipfile.ZipFile(PLACE / f"{request.param}-{kind}.zip") as archive:
            archive.extractall(tmp_path / kind)
    return request.param, tmp_path / "finished", tmp_path / "stopped"


def test_there_is_one_of_each_work_that_there_was():
    assert NAMES == ["backprop", "face_attributes", "glasses", "monkey_species", "swift_srgan"]


@pytest.mark.slow
@pytest.mark.timeout(900)  # the set of faces is drawn and packed where it is not there yet
def test_old_runs_are_read_drawn_judged_and_resumed(runs):
    name, finished, stopped = runs
    opened = Run(finished, name)
    assert opened.config["assignment"] == name and opened.metrics and opened.result["metrics"]

    script = script_of(name)
    entry = script.figures_of(script.open(finished))[-1]
    assert script.draw(script.open(finished), finished / "figures", only=[entry.number]) == []
    assert (finished / "figures" / f"{entry.file}.png").stat().st_size > 5000

    found = work_of(name).judge(finished, DATA.get(name, "sample"))
    with np.load(finished / "predictions.npz", allow_pickle=False) as claimed:
        for key, array in found.predictions.items():
            if array.dtype.kind == "f":
                np.testing.assert_allclose(array, claimed[key], rtol=2e-3, atol=2e-4, err_msg=key)

    assert work_of(name).main(["--resume", str(stopped)]) == 0
    again, before = (json.loads((folder / "result.json").read_text()) for folder in (stopped, finished))
    assert set(before) <= set(again) and set(before["metrics"]) <= set(again["metrics"])
    assert again["steps"] == before["steps"] if "steps" in before else again["epochs"] == before["epochs"]
    shutil.rmtree(stopped)
