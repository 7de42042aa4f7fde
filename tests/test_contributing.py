"""The work that CONTRIBUTING.md builds: its files as they stand there, from training to a grade of 100."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from data_tools.files.places import PROJECT_ROOT

TEXT = (PROJECT_ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
MOST_LINES = 80


def files():
    """{name: text} of the blocks of code, the program and its presets."""
    return {name: re.search(rf"```{language}\n(.*?)```", TEXT, re.S)[1]
            for name, language in (("run.py", "python"), ("presets.yaml", "yaml"))}


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    """call(*words) in a copy of the kit in which the folder `digits` is all that is new."""
    copy = tmp_path_factory.mktemp("kit")
    left_out = shutil.ignore_patterns("__pycache__", "pretrained", "benchmarks", "out")
    for name in ("assignments", "data_tools", "paddle_models", "reports", "tests"):
        shutil.copytree(PROJECT_ROOT / name, copy / name, ignore=left_out)
    shutil.copy(PROJECT_ROOT / "pyproject.toml", copy)
    (copy / "assignments" / "digits").mkdir()
    for name, text in files().items():
        (copy / "assignments" / "digits" / name).write_text(text, encoding="utf-8")
    variables = {f"KIT_{name.upper()}": str(copy / name) for name in ("runs", "cache", "report")}

    def call(*words):
        done = subprocess.run([sys.executable, *words], cwd=copy, capture_output=True, text=True, timeout=200,
                              env={**os.environ, **variables, "PYTHONPATH": str(copy), "PYTHONIOENCODING": "utf-8"})
        assert done.returncode == 0 and "Traceback" not in done.stderr, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout

    return copy, call


def test_the_work_is_short():
    assert sum(text.count("\n") for text in files().values()) <= MOST_LINES


def test_the_work_goes_from_training_to_a_grade_of_100(kit):
    copy, call = kit
    commands = re.search(r"```text\n(.*?)```", TEXT, re.S)[1].splitlines()
    assert len(commands) == 5 and "digits: Handwritten digits\n" in call("-m", "assignments", "list")
    for command in commands:
        words = command.split()
        assert words[:3] == ["python", "-m", "assignments"]
        call(*words[1:])
    found = json.loads((copy / "data/grading/gradescope/digits.json").read_text(encoding="utf-8"))
    assert found["score"] == 100, found
    figures = {path.stem for path in (copy / "runs" / "digits").glob("*/figures/*.png")}
    assert {"curves", "confusion", "class_accuracy", "most_wrong"} <= figures
    assert "Handwritten digits" in (copy / "report" / "report.html").read_text(encoding="utf-8")


def test_a_copy_of_the_folder_is_a_work_of_its_own_name(kit):
    copy, call = kit
    shutil.copytree(copy / "assignments" / "digits", copy / "assignments" / "numerals")
    call("assignments/numerals/run.py", "--preset", "smoke", "--out", "runs/numerals/first")
    assert json.loads((copy / "runs/numerals/first/result.json").read_text())["assignment"] == "numerals"
    call("-m", "assignments", "figures", "numerals", "--only", "curves")
    shutil.rmtree(copy / "assignments" / "numerals")


@pytest.mark.slow
def test_the_tests_of_all_works_take_it(kit):
    _, call = kit
    said = call("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/assignments/test_works.py",
                "tests/assignments/common/test_judges.py", "-k", "digits")
    assert int(re.search(r"(\d+) passed", said)[1]) >= 10 and "failed" not in said
