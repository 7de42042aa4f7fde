"""The exercises of each work but the oldest, whose own tests say more: from 0 to 100, mistakes, texts."""

import subprocess
import sys

import pytest

from assignments.common.exercises import has_exercises
from assignments.common.student_folder import write_folder
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


@pytest.mark.parametrize("work", [name for name in work_names() if has_exercises(name)])
def test_own_checks_catch_and_name_mistakes(work):
    exercise_checks.own_checks_catch_and_name_mistakes(work)


@pytest.mark.skipif(sys.platform != "linux", reason="a student's code runs on Linux only")
def test_a_student_is_told_what_is_typical_and_which_case_is_special(tmp_path):
    write_folder("glasses", tmp_path, "zh", solution=True)
    file = tmp_path / "convolution.py"
    source = file.read_text(encoding="utf-8").replace("w // 2, 2).max(axis=(3, 5))", "w // 2, 2).mean(axis=(3, 5))")
    file.write_text(source.replace("squares.argmax(axis=-1)", "3 - squares[..., ::-1].argmax(axis=-1)"), "utf-8")
    done = exercise_checks.check(tmp_path, "--only", "max_pool")
    assert "这是平均池化：[0, 0, 0, 0] 处为 0.5，应为 3" in done.stdout, done.stdout + done.stderr
    with subprocess.Popen([sys.executable, tmp_path / "check.py", "--only", "max_pool"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as checking:
        checking.stdout.close()  # as `| head` does
        assert (checking.stderr.read(), checking.wait()) == ("", 141)
    experiment = tmp_path / "experiment.py"
    wrong = experiment.read_text(encoding="utf-8").replace("crc >> 15 | crc << 17", "crc << 15 | crc >> 17")
    experiment.write_text(wrong, encoding="utf-8")
    lines = {line.id: line for line in exercise_checks.grade("glasses", tmp_path).criteria}
    assert not lines["experiment.masked_crc"].passed and lines["experiment.frame"].passed  # which calls it
    assert lines["experiment.frame"].message["zh"] == "改正 masked_crc 之后正确"
    told = {name: line.message for name, line in lines.items()}
    assert told["convolution.max_pool"]["zh"] == "这是平均池化"
    assert "special case: squares of equal values" in told["convolution.max_pool_gradient"]["en"]


@each_work
def test_texts_are_whole_and_give_nothing_away(work):
    exercise_checks.texts_are_whole_and_give_nothing_away(work)
