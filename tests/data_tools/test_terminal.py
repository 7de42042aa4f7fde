"""Texts that fit: broken between words and Chinese characters, commands continued, parts left out from the end."""

import pytest

from data_tools.terminal import command, cut, display_width, fitted, joined, wrapped

CHINESE = "这个运行（预设 sample）需要约 24 GB 内存，可用的只有 8 GB：运行不会开始。"


@pytest.mark.parametrize("width", [20, 31, 40, 80])
def test_lines_are_as_wide_as_they_may_be(width):
    for text in (CHINESE, "a step with 64 images at once needs about 17.0 GB of memory"):
        lines = wrapped(text, "> ", "  ", width)
        assert max(map(display_width, lines)) <= width and lines[0].startswith("> ")
        assert "".join(lines).replace(" ", "") == ">" + text.replace(" ", "")
        assert not any(line.strip()[0] in "，。：）" for line in lines)
        assert len(lines) <= 1 + display_width(text) // (width - 10)


def test_a_path_stays_whole():
    path = "/a/long/path/" * 5
    assert wrapped(f"see {path} there", width=40) == [f"see {path}", "there"]


def test_commands_are_continued_by_backslashes():
    words = ["kit", "run", "monkey_species", "--resume", "runs/monkey_species/20260102-030405-sample"]
    assert command(words, width=120) == "    " + " ".join(words)
    lines = command(words, width=60).splitlines()
    assert max(map(len, lines)) <= 60 and " ".join(line.rstrip("\\").strip() for line in lines) == " ".join(words)
    assert all(line.endswith(" \\") for line in lines[:-1])


def test_parts_go_from_the_end():
    parts = ["50%", "步 5/10", "loss 0.5", "812 MB"]
    assert fitted(parts, 80) == "50%  步 5/10  loss 0.5  812 MB" and fitted(parts, 24) == "50%  步 5/10  loss 0.5"
    assert fitted(["much too long"], 6) == cut("much too long", 6) == "much …"
    assert joined(parts, width=24) == "50%  步 5/10  loss 0.5\n    812 MB"
