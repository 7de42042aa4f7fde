"""Progress on terminals of any width, in files and below a notebook's cell."""

import re
import sys

import pytest

from data_tools import progress
from data_tools.progress import Progress, followed, size, tell
from data_tools.terminal import display_width
from tests.terminal import on_terminal, states

SCRIPT = """
import time
from data_tools.progress import Progress, followed, tell
with Progress(40, "step") as bar:
    for number in range(40):
        time.sleep(0.03)
        bar.advance("loss 0.1234", "macro_f1 0.5678", "123.4 images/s", "1812 MB")
        if number == 20:
            tell("a notice above")
            list(time.sleep(0.03) for _ in followed(range(9), 9, "judging, batch"))
"""


@pytest.mark.parametrize("columns, language", [(40, "en"), (60, "zh"), (80, "en"), (120, "zh")])
def test_the_live_line_never_exceeds_the_terminal(columns, language):
    told = on_terminal(columns, [sys.executable, "-c", SCRIPT], KIT_LANG=language)
    found = states(told)
    assert max(map(display_width, found)) < columns and len(found) > 10 and "a notice above" in found
    steps = [state.strip() for state in found if ("step " if language == "en" else "步 ") in state]
    first = {"en": r"\d+%  step \d+/40  ETA 0:\d\d:\d\d", "zh": r"\d+%  步 \d+/40  剩余 0:\d\d:\d\d"}[language]
    assert all(re.match(first, state) for state in steps)
    assert all("loss 0.1234  macro_f1 0.5678  123.4 images/s  1812 MB".startswith(state.split("  ", 3)[3])
               for state in steps if state.count("  ") > 2)  # memory goes first, then speed
    assert {40: 3, 60: 5, 80: 6, 120: 7}[columns] == min(len(state.split("  ")) for state in steps)
    assert any("judging, batch" in state or "评测，批次" in state for state in found)
    assert told.rstrip("\r").endswith(" ")  # the line is gone at the end


def test_a_file_and_a_notebooks_cell_get_few_lines_without_control_characters(monkeypatch, capfd):
    clock = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    with Progress(1000, "step") as bar:
        for _ in range(1000):
            clock[0] += 0.5
            bar.advance("loss 0.5")
    lines = capfd.readouterr().out.splitlines()
    assert [int(re.search(r"step (\d+)", line)[1]) for line in lines] == [4, 12, 28, 60, 124, 244, 364, 484, 604, 724,
                                                                           844, 964]
    assert lines[0] == "0%  step 4/1,000  ETA 0:08:18  loss 0.5" and not re.search(r"[\x00-\x09\x0b-\x1f]",
                                                                                    "".join(lines))
    told = on_terminal(80, [sys.executable, "-c", SCRIPT], JPY_PARENT_PID="1", KIT_LANG="en")
    assert "\r" not in told.replace("\r\n", "\n") and "a notice above" in told


def test_the_innermost_has_the_line_and_unknown_totals_are_counted(monkeypatch, capfd):
    monkeypatch.setattr(progress, "FIRST", -1.0)
    with Progress(2, "outer") as outer:
        assert list(followed("ab", 0, "inner")) == ["a", "b"]
        outer.advance()
        Progress(1, "hidden", shown=False).advance()
    assert [line.split("  ")[0] for line in capfd.readouterr().out.splitlines()] == ["inner 1", "inner 2", "50%"]
    tell("plain")
    assert capfd.readouterr().out == "plain\n" and size(1_500_000) == "1.5 MB" and size(23_000_000_000) == "23 GB"
