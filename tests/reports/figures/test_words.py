"""Words of figures: all of them are complete, used and said once; a missing one is told by file and key."""

import ast
from collections import Counter
from pathlib import Path
from string import Formatter

import pytest

from data_tools.errors import KitError
from data_tools.files.places import PROJECT_ROOT
from reports.figures import style
from reports.figures.words import COMMON, LANGUAGES, SHARED, Words, read_words, words_beside

FILES = [COMMON, *sorted(PROJECT_ROOT.glob("assignments/*/words.yaml"))]
NAMED_BY_DATA = {"species"}  # whose keys are names of classes
IMPLIED = {"title", "note"}  # read for every figure by figure_script.py

every_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)


def texts_of(file):
    """(figure, key, texts by language) of a words.yaml."""
    return [(figure, key, texts) for figure, words in read_words(file).items() for key, texts in words.items()]


def said_in(folder):
    """(texts, beginnings of texts with values in them) that the Python of a folder holds."""
    nodes = [node for file in folder.glob("*.py") for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))]
    whole = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    begun = {node.values[0].value for node in nodes if isinstance(node, ast.JoinedStr) and len(node.values) > 1
             and isinstance(node.values[0], ast.Constant)}
    return whole, tuple(text for text in begun if text.endswith("_"))


def placeholders(text):
    """Names and formats of the values that a text asks for."""
    return Counter((name, form) for _, name, form, _ in Formatter().parse(text) if name is not None)


def test_each_work_with_figures_has_words():
    assert {script.parent for script in PROJECT_ROOT.glob("assignments/*/figures.py")} <= {f.parent for f in FILES}


@every_file
def test_both_languages_ask_for_the_same_values(file):
    for figure, key, texts in texts_of(file):
        assert tuple(texts) == LANGUAGES and all(texts.values()), (figure, key)
        english, chinese = (placeholders(texts[language]) for language in LANGUAGES)
        assert english == chinese, (figure, key)
        assert all(name.isidentifier() for name, _ in english), (figure, key)  # values are named, never looked into


@every_file
def test_every_word_and_every_figure_is_used(file):
    whole, begun = said_in(file.parent)
    if file == COMMON:
        whole |= {text for other in FILES[1:] for text in said_in(other.parent)[0]}
    shared_figures = said_in(COMMON.parent)[0]  # most-wrong is one of several works
    for figure, words in read_words(file).items():
        assert figure == SHARED or figure in whole | shared_figures, figure
        for key in set(words) - IMPLIED:
            named = figure in NAMED_BY_DATA or key in whole or begun and key.startswith(begun)
            assert named, f"{file.parent.name}: {figure}: nothing says {key}"


@every_file
def test_what_several_figures_say_stands_once(file):
    count = Counter(tuple(texts.values()) for _, key, texts in texts_of(file) if key not in IMPLIED)
    common = {tuple(texts.values()) for figure, _, texts in texts_of(COMMON) if figure == SHARED and file != COMMON}
    assert not [texts for texts, times in count.items() if times > 1 or texts in common]


def made(tmp_path, text):
    file = tmp_path / "words.yaml"
    file.write_text(text, encoding="utf-8")
    return Words(file, "2.9")


def test_a_word_is_sought_in_the_figure_then_in_its_file_then_among_all(tmp_path):
    words = made(tmp_path, '"2.9":\n  a: {en: "one {n:.1f}", zh: "一 {n:.1f}"}\n'
                           "shared:\n  a: {en: two, zh: 二}\n  b: {en: three, zh: 三}\n")
    assert words("a", n=0.25) == "one 0.2" and words("b") == "three" and words("epoch") == "epoch"
    t = style.Labels(True, True, frozenset()).of(words)
    assert (t("a", n=2), t("b"), t("epoch"), t.language) == ("一 2.0", "三", "轮次", "zh")
    assert words.has("epoch") and not words.has("c")
    assert words_beside(str(tmp_path / "figures.py"), "2.9")("b") == "three"


@pytest.mark.parametrize("text, key, values, told", [
    ('"2.9":\n  a: {en: x, zh: y}\n', "b", {}, "2.9: the word b is missing"),
    ('"2.9":\n  a: {en: x}\n', "a", {}, "2.9: a must have one text under en and one under zh"),
    ('"2.9":\n  a: {en: x, zh: 3}\n', "a", {}, "2.9: a must have one text under en and one under zh"),
    ("2.9:\n  a: {en: x, zh: y}\n", "a", {}, "2.9 must be a figure's name"),
    ("confusion:\n  true: {en: x, zh: y}\n", "a", {}, "confusion must be a figure's name"),
    ("- a\n", "a", {}, "holds no words"), ("a: [\n", "a", {}, "cannot be read"),
    ('"2.9":\n  a: {en: "{n}", zh: "{n}"}\n', "a", {"m": 1}, "2.9: a (en): '{n}' does not fit the values ['m']"),
    ('"2.9":\n  a: {en: "{n:.1f}", zh: "{n:.1f}"}\n', "a", {"n": "x"}, "does not fit the values ['n']")])
def test_what_is_wrong_is_told_by_file_and_key(tmp_path, text, key, values, told):
    with pytest.raises(KitError, match="words.yaml") as error:
        made(tmp_path, text)(key, **values)
    assert told in str(error.value) and str(Path(tmp_path)) in str(error.value)


def test_a_figure_without_words_of_its_own_says_what_all_say(tmp_path):
    assert Words(tmp_path / "words.yaml", "curves")("step") == "step"
    with pytest.raises(KitError, match="the word other is missing"):
        Words(tmp_path / "words.yaml", "curves")("other")
