"""The exercises of each work but the oldest, whose own tests say more: from 0 to 100, mistakes, texts."""

import sys

import pytest

from assignments.common.exercises import has_exercises
from assignments.common.works import work_names
from tests.assignments import exercise_checks

each_work = pytest.mark.parametrize("work", [name for name in work_names()
                                             if name != "backprop" and has_exercises(name)])


@pytest.mark.skipif(sys.platform != "linux", reason="a student's code runs on Linux only")
@pytest.mark.parametrize("language", ["en", "zh"])
@each_work
def test_nothing_before_and_all_after(work, tmp_path, language):
    exercise_checks.nothing_before_and_all_after(work, tmp_path, language)


@each_work
def test_mistakes_are_told_by_name(work):
    exercise_checks.mistakes_are_told_by_name(work)


@each_work
def test_texts_are_whole_and_give_nothing_away(work):
    exercise_checks.texts_are_whole_and_give_nothing_away(work)
