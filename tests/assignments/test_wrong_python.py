"""Every entry of the kit, started by a Python that lacks the kit or what it needs, says in one line which to use."""

import subprocess
import sys
import venv
from pathlib import Path

import pytest

from assignments.common.works import FOLDER, work_names
from data_tools.files.places import PROJECT_ROOT

SCRIPTS = sorted(path for path in FOLDER.glob("*/*.py")
                 if path.parent.name in work_names() and '__name__ == "__main__"' in path.read_text(encoding="utf-8"))
TEMPLATE = FOLDER / "commands" / "templates" / "assignments.py"


@pytest.fixture(scope="module")
def bare(tmp_path_factory) -> Path:
    """A Python with nothing installed."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, symlinks=True)
    return folder / "bin" / "python"


def start(python: Path, *words: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run([python, *words], cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True,
                          timeout=60)


def is_told(done: subprocess.CompletedProcess) -> bool:
    """One line that names an interpreter, or what makes one; nothing else."""
    line, = done.stderr.splitlines()
    return (done.returncode != 0 and not done.stdout and line.startswith("error: this Python") and len(line) <= 80
            and (".venv/bin/python" in line or "make install" in line))


def test_every_script_of_a_work_is_one():
    assert len(SCRIPTS) > 15
    assert {path.name for path in SCRIPTS} >= {"run.py", "figures.py", "evaluate.py", "predict.py"}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_script_without_the_kit(bare, script):
    assert is_told(start(bare, str(script.relative_to(PROJECT_ROOT)), "--help"))


@pytest.mark.parametrize("words", ["-m assignments list", "-m assignments run glasses", "assignments/glasses/run.py"])
def test_a_python_that_finds_the_kit_but_not_what_it_needs(bare, words):
    assert is_told(start(bare, *words.split(), PYTHONPATH=str(PROJECT_ROOT)))


@pytest.mark.parametrize("name", work_names())
def test_the_right_python_does_not_notice(name):
    assert (FOLDER / name / TEMPLATE.name).read_bytes() == TEMPLATE.read_bytes()
    done = subprocess.run([sys.executable, str(FOLDER / name / "run.py"), "--preset", "none"], cwd=FOLDER / name,
                          env={"PYTHONPATH": str(PROJECT_ROOT)}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "--preset none: no such preset" in done.stderr
