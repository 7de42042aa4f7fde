"""The project's places, and the variables that move them."""

from pathlib import Path

import pytest

from data_tools.files import places

MOVED = {
    "KIT_CACHE": (lambda: places.cache("packed"), ".cache/packed", "packed"),
    "KIT_RUNS": (places.runs, "runs", ""),
    "KIT_REPORT": (places.report, "reports/out", ""),
    "KIT_SAMPLES": (lambda: places.sample_folder("monkeys"), "data/drawn-monkeys", "drawn-monkeys"),
}


@pytest.mark.parametrize("variable", MOVED)
def test_each_lies_in_the_project_until_its_variable_moves_it(variable, tmp_path, monkeypatch):
    place, usual, name = MOVED[variable]
    for empty in (False, True):
        monkeypatch.setenv(variable, "") if empty else monkeypatch.delenv(variable, raising=False)
        assert place() == places.PROJECT_ROOT / usual
    monkeypatch.setenv(variable, str(tmp_path))
    assert place() == tmp_path / name
    monkeypatch.setenv(variable, "~/kit")
    assert place() == Path.home() / "kit" / name
    monkeypatch.setenv(variable, "here")  # of the current folder, whichever that is when it is used
    assert place() == Path("here") / name


def test_the_root_is_that_of_the_four_folders():
    assert all((places.PROJECT_ROOT / name / "__init__.py").is_file()
               for name in ("assignments", "reports", "paddle_models", "data_tools"))
    assert places.data() == places.PROJECT_ROOT / "data"


def test_real_places_keep_the_patterns_order_and_leave_out_what_is_drawn(tmp_path):
    for name in ("b-monkeys", "a-monkeys", "drawn-monkeys", "first"):
        (tmp_path / name).mkdir()
    found = places.real_places([f"{tmp_path}/first", f"{tmp_path}/*monkeys", f"{tmp_path}/nothing*"])
    assert [path.name for path in found] == ["first", "a-monkeys", "b-monkeys"]
