"""A class of runs, exercises and hostile files, whose grader is killed twice; many.py does the same with 300."""

import sys

import pytest

from tests.assignments.commands.many import check, grade_and_kill, make_class

if sys.platform != "linux":
    pytest.skip("a student's code runs on Linux only", allow_module_level=True)


def test_nothing_is_lost_and_nothing_is_left_where_the_grader_is_killed_twice(backprop_run, tmp_path):
    for name in ("work", "temporary"):
        (tmp_path / name).mkdir()
    kinds = make_class(tmp_path / "class", {"backprop": backprop_run}, 12, tmp_path / "work")
    calls = grade_and_kill(tmp_path / "class", tmp_path / "out", tmp_path / "temporary", (4, 8))
    points = check(kinds, tmp_path / "out", tmp_path / "temporary", calls)
    assert max(points[name] for name, kind in kinds.items() if kind == "hostile") == 0
    assert {points[name] for name, kind in kinds.items() if kind == "exercises"} >= {0.0, 100.0}
    assert min(points[name] for name, kind in kinds.items() if kind == "run") >= 70
    assert max(call.megabytes for call in calls) < 2000 and not (tmp_path / "work" / "canary").exists()
