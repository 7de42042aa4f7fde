"""The pages for a course and for AI Studio: commands run, both languages say the same, links lead somewhere."""

import re
import shlex
import subprocess
import sys

import pytest

from data_tools.files.places import PROJECT_ROOT

DOCS = PROJECT_ROOT / "docs"
PAGES = ("aistudio", "api", "course")


def commands(page):
    text = (DOCS / page).read_text(encoding="utf-8")
    return [line for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]


@pytest.mark.parametrize("page", PAGES)
def test_both_languages_hold_the_same_commands_and_their_links_lead_somewhere(page):
    assert commands(f"{page}.md") == commands(f"{page}.zh.md")
    for name in (f"{page}.md", f"{page}.zh.md"):
        text = (DOCS / name).read_text(encoding="utf-8")
        assert len(text.splitlines()) < 80
        for link in re.findall(r"\]\(([^)#]+)", text):
            assert (DOCS / link).exists(), link


@pytest.mark.slow
def test_the_commands_of_the_course_run(tmp_path):
    lines = commands("course.md")
    assert len(lines) == 3
    for line in lines:
        words = [word.replace("data/", f"{tmp_path}/") for word in shlex.split(line)]
        done = subprocess.run([sys.executable, *words[1:]], cwd=PROJECT_ROOT, capture_output=True, text=True)
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    assert (tmp_path / "exercises-monkeys" / "check.py").is_file() and (tmp_path / "monkey-run.zip").is_file()
