"""Fonts: text that stays text, bold without a bold face, the font that --font names."""

import re
from pathlib import Path

import numpy as np
import pytest

from data_tools.errors import KitError
from reports.figures import fonts, style
from tests.figure_checks import labels_in, text_of_pdf

TITLE = {"en": "Accuracy, not loss", "zh": "验证集准确率"}


def dejavu() -> Path:
    from matplotlib import font_manager

    return Path(font_manager.findfont("DejaVu Sans"))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_text_stays_text(tmp_path, language):
    figure = style.page(labels_in(language), TITLE[language], 1, notes=("a note",))
    figure.subplots().plot([1, 2], [3, 4])
    _, svg, pdf = (path.read_bytes() for path in style.save(figure, tmp_path, "a"))
    assert b"/Type3" not in pdf and b"/Subtype /CIDFontType2" in pdf and b"/ToUnicode" in pdf
    assert TITLE[language] in text_of_pdf(pdf) and text_of_pdf(pdf).count(TITLE[language]) == 1
    (heading,) = re.findall(rf"<text style=\"([^\"]*)\"[^>]*>{TITLE[language]}</text>", svg.decode())
    assert "font-weight: 700" in heading and heading.rstrip("; ").partition("text-anchor")[0].count("sans-serif") == 1


def ink(folder, language, weight):
    """Dark pixels of a page whose title has that weight."""
    from PIL import Image

    figure = style.page(labels_in(language), TITLE[language], 0.2)
    figure.texts[0].set_fontweight(weight)
    file, = style.save(figure, folder, f"{language}-{weight}", ("png",))
    return (255 - np.asarray(Image.open(file).convert("L"), dtype=int)).sum()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_titles_are_bold_in_both_languages(tmp_path, language):
    assert ink(tmp_path, language, "bold") > 1.1 * ink(tmp_path, language, "normal")


@pytest.mark.parametrize("wanted", ["dejavu serif", "DejaVu Serif", dejavu().with_name("DejaVuSerif.ttf")])
def test_a_family_or_a_file_may_be_named(monkeypatch, wanted):
    import matplotlib

    monkeypatch.setenv("KIT_CJK_FONT", "none")
    style.start(font=str(wanted))
    assert matplotlib.rcParams["font.family"][:2] == ["DejaVu Serif", "DejaVu Sans"]


def test_a_font_that_is_not_there_is_told_with_those_that_are(tmp_path):
    with pytest.raises(KitError, match=r"--font DejaVo Serif: no such font is installed; .*: DejaVu Serif, "):
        style.start(font="DejaVo Serif")
    (tmp_path / "a.ttf").write_bytes(b"no font")
    for name in ("a.ttf", "missing.otf"):
        with pytest.raises(KitError, match=f"{name}: not a font file that can be read"):
            style.start(font=str(tmp_path / name))


def test_a_font_without_chinese_is_refused_for_chinese():
    with pytest.raises(KitError, match="--font DejaVu Serif: it has no Chinese characters, which --lang zh needs"):
        style.start("zh", "DejaVu Serif")


def test_a_font_with_chinese_is_taken_for_chinese():
    labels_in("zh")
    font = fonts.find_cjk_font()
    assert style.start("zh", str(font)).chinese and style.start("zh", fonts.family_of(font).upper()).chinese
