"""The commands of the teachers' guide are run, and both languages give the same ones."""

import re
import shlex
import subprocess
import sys

import pytest

from data_tools.files.places import PROJECT_ROOT

GUIDES = [PROJECT_ROOT / "docs" / name for name in ("teachers.md", "teachers.zh.md")]


def commands(guide) -> list[str]:
    """Lines of the ```sh blocks."""
    blocks = re.findall(r"```sh\n(.*?)```", guide.read_text(encoding="utf-8"), re.S)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def test_both_languages_give_the_same_commands_and_links_lead_somewhere():
    assert len(commands(GUIDES[0])) == 5 and commands(GUIDES[0]) == commands(GUIDES[1])
    for guide in GUIDES:
        for target in re.findall(r"\]\(([^)#]+)\)", guide.read_text(encoding="utf-8")):
            assert (guide.parent / target).exists(), f"{guide.name}: {target}"


@pytest.mark.skipif(sys.platform != "linux", reason="a student's code runs on Linux only")
def test_the_commands_of_the_guide_do_what_it_says(tmp_path):
    (tmp_path / "class").mkdir()
    for line in commands(GUIDES[0]):
        words = [word.replace("data/", f"{tmp_path}/") for word in shlex.split(line)]
        done = subprocess.run([sys.executable, *words[1:]], capture_output=True, text=True, cwd=PROJECT_ROOT)
        assert done.returncode == 0, f"{line}: {done.stderr}"
    assert "not filled in" not in (tmp_path / "grading" / "table.txt").read_text()
    assert re.search(r"solution +backprop +100 / 100 +graded", (tmp_path / "grading" / "table.txt").read_text())
    assert (tmp_path / "autograder.zip").exists() and (tmp_path / "exercises" / "check.py").exists()
