"""Fonts, languages and files of the figures."""

import warnings

import pytest

from data_tools.errors import KitError
from reports.figures import fonts, style

FONT = fonts.find_cjk_font()
needs_font = pytest.mark.skipif(FONT is None, reason="no Chinese font is installed")


def test_without_a_font_chinese_falls_back_to_english(monkeypatch, capsys):
    monkeypatch.setenv("KIT_CJK_FONT", "none")
    t = style.start("zh")
    assert t("step") == "step" and t.both("Crop", "裁切") == "Crop" and t.plain("裁a") == "?a"
    printed = capsys.readouterr()
    assert printed.out.count("no Chinese font found") == 1 and printed.err == ""


@needs_font
def test_with_a_font_labels_are_chinese_and_without_boxes():
    t = style.start("zh")
    figure = style.page(t, t("step"), 1, stand_in=True, notes=(t("epoch"),))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib warns of each missing glyph
        figure.canvas.draw()
    assert [text.get_text() for text in figure.texts[:2]] == ["步数", "轮次"]


def test_a_matplotlibrc_of_the_user_does_not_change_the_figures(monkeypatch):
    import matplotlib

    monkeypatch.setenv("KIT_CJK_FONT", "none")
    backend = matplotlib.get_backend()
    with matplotlib.rc_context({"axes.facecolor": "black", "lines.linestyle": "--"}):
        style.start()
        assert matplotlib.rcParams["axes.facecolor"] == "white" and matplotlib.rcParams["lines.linestyle"] == "-"
        assert matplotlib.get_backend() == backend and matplotlib.rcParams["axes.linewidth"] == 0.8


def test_stand_in_caption_stands_on_the_page_only_when_asked(monkeypatch):
    monkeypatch.setenv("KIT_CJK_FONT", "none")
    t = style.start()
    shown = [[text.get_text() for text in style.page(t, "Title", 1, stand_in).texts] for stand_in in (True, False)]
    assert shown == [["Title", "Drawn stand-in data, not photographs"], ["Title"]]


def test_named_font_must_be_one(monkeypatch, tmp_path):
    (tmp_path / "font.ttf").write_bytes(b"not a font")
    monkeypatch.setenv("KIT_CJK_FONT", str(tmp_path / "font.ttf"))
    with pytest.raises(KitError, match="KIT_CJK_FONT=.*font.ttf: not a font file"):
        style.start("zh")


def test_names_from_a_run_are_made_safe(monkeypatch):
    monkeypatch.setenv("KIT_CJK_FONT", "none")
    t = style.start()
    assert t.plain("a\nb\x1b$x$") == "a?b?$x$"
    assert len(t.plain("x" * 1000)) == 40 and t.plain("x" * 1000).endswith("…")


def test_dollar_signs_are_not_formulas(monkeypatch, tmp_path):
    monkeypatch.setenv("KIT_CJK_FONT", "none")
    figure = style.page(style.start(), r"$\broken{$", 1)
    paths = style.save(figure, tmp_path / "new", "a")
    assert [path.suffix for path in paths] == [".png", ".svg", ".pdf"]
    assert all(path.stat().st_size > 500 for path in paths)
