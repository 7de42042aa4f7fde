"""The command line of every figures.py: what there is, which of it, in which form."""

import struct

import pytest

from assignments.common.figure_scripts import script_of
from assignments.common.works import work_names
from assignments.monkey_species import figures
from data_tools.terminal import display_width
from reports.figures.words import LANGUAGES, lines_of
from tests.reports.make_run import make_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("runs") / "run")


def drawn(run, folder, *words):
    """Names of the files that the monkeys' figures.py writes, by suffix."""
    assert figures.main([str(run), "--out", str(folder), *words]) == 0
    return {file.name: file for file in folder.iterdir()}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", work_names())
def test_list_names_and_titles_all_and_needs_no_run(name, language, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("KIT_RUNS", str(tmp_path))
    script = script_of(name)
    assert script.main("x", ["--list", "--lang", language]) == 0
    lines = capsys.readouterr().out.splitlines()
    names = [*(entry.number for entry in script.figures), *script.more_tables, *script.others]
    assert [line.split()[0] for line in lines if not line.startswith(" ")] == names
    assert all(display_width(line) <= 80 and (line.startswith(" ") or len(line.split()) > 1) for line in lines)


@pytest.mark.parametrize("name", work_names())
def test_claims_belong_to_figures_that_there_are(name):
    script = script_of(name)
    known = {*(entry.number for entry in script.figures), *script.more_tables, *script.others}
    named = {figure for claim in script.claims() for figure in claim.get("figures", ())}
    assert named <= known and len(named) > len(known) / 2


def test_only_prints_what_belongs_to_the_figure(run, tmp_path, capsys):
    assert "measured.md" not in drawn(run, tmp_path, "--only", "2.10", "--format", "svg")
    printed = capsys.readouterr().out
    assert "Best accuracy on the images that choose the epoch" in printed and "Macro F1" not in printed
    drawn(run, tmp_path, "--only", "2.8", "--format", "svg")
    assert "Quantity" not in capsys.readouterr().out


def test_formats_and_resolution(run, tmp_path):
    files = drawn(run, tmp_path, "--only", "2.9", "--format", "png", "svg", "--dpi", "100")
    assert set(files) == {"figure_2_9.png", "figure_2_9.svg", "figure_2_9.csv"}
    assert struct.unpack(">I", files["figure_2_9.png"].read_bytes()[16:20]) == (630,)


@pytest.mark.parametrize("words, told", [
    (["--width", "1"], "'1' is no width from 2 to 20 inches"), (["--width", "wide"], "write 3.3, 3.3in or 8.4cm"),
    (["--width", "nan"], "no width"), (["--dpi", "5"], "'5' is no whole number from 30 to 1200"),
    (["--format", "gif"], "invalid choice")])
def test_what_cannot_be_is_told(run, capsys, words, told):
    with pytest.raises(SystemExit):
        figures.main([str(run), *words])
    assert told in capsys.readouterr().err


def test_a_font_that_is_not_there_draws_nothing(run, tmp_path, capsys):
    assert figures.main([str(run), "--out", str(tmp_path), "--font", "Nowhere Sans"]) == 2
    assert capsys.readouterr().err.startswith("error: --font Nowhere Sans: no such font")
    assert not list(tmp_path.iterdir())


def test_lines_break_at_spaces_and_between_chinese_characters():
    assert lines_of("one two three", lambda text: len(text) <= 7) == ["one two", "three"]
    assert lines_of("一二三，四五", lambda text: len(text) <= 3) == ["一二", "三，四", "五"]
    assert lines_of("x" * 9, lambda text: len(text) <= 3) == ["x" * 9] and lines_of("", bool) == [""]
