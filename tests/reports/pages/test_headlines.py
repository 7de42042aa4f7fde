"""Headlines as pictures: what stands on their axis, that no text leaves the picture or meets another, and the page
around them."""

import re
import shutil
from dataclasses import replace

import pytest

from reports import tables
from reports.figures import style
from reports.pages import headlines
from reports.pages.report import words, write_page, write_tree
from tests.reports.browser import CHROMIUM, Browser
from tests.reports.pages.test_report import BAD, drawings, make_work  # noqa: F401  drawings is a fixture

LONG = "Accuracy of the best weights on all images of the validation set that have a label of their own"


def one(drawings, origin="real", **of_row):  # noqa: F811
    """A work whose headline has changed values."""
    work = make_work(drawings, origin=origin)
    rows = [replace(work.rows[0], **of_row), *work.rows[1:]]
    numbers = [replace(work.numbers[0], cells=tables.cells(rows[0])), *work.numbers[1:]]
    return replace(work, rows=rows, numbers=numbers, context=replace(work.context, origin=origin))


def texts(figure):
    """(text, (left, top, right, bottom) in pixels) of a figure, checked to lie within it."""
    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()
    shown = [(text.get_text(), text.get_window_extent(renderer)) for text in figure.axes[0].texts]
    assert shown
    for text, box in shown:
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.width and box.y1 <= figure.bbox.height, text
    return shown


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("count", [1, 5, 9])
def test_no_text_of_the_slide_leaves_it_or_meets_another(drawings, language, count):  # noqa: F811
    t, w = style.start(language), words(language)
    works = [replace(one(drawings, ("drawn", "real", "subset")[number % 3], title=LONG,
                         document_text='"on par with the state of the art"'), title=LONG) for number in range(count)]
    figure = headlines.overview(works, t, w)
    width, height = figure.get_size_inches()
    assert width / height == pytest.approx(16 / 9)
    boxes = texts(figure)
    for number, (text, box) in enumerate(boxes):
        for other, beside in boxes[number + 1:]:
            assert not box.padded(-1).overlaps(beside.padded(-1)), (text, other)


def test_the_document_stands_on_the_axis_where_it_can_be_compared(drawings):  # noqa: F811
    t, w = style.start("en"), words("en")
    shown = {origin: [text for text, _ in texts(headlines.card(one(drawings, origin), t, w))]
             for origin in ("real", "subset", "drawn")}
    for origin, lines in shown.items():
        assert lines[0] == "Accuracy" and {"Measured: 90.0 %", "95 % interval 85.0 .. 94.0, n = 272"} <= set(lines)
        assert f"{w[origin]}, preset sample" in lines
    assert headlines._marks(one(drawings, "drawn")).keys() == {"value", "low", "high"}
    assert headlines._marks(one(drawings, "subset"))["document"] == 94.1
    assert "Document: 94.1 % (not comparable)" in shown["drawn"] and "Document: 94.1 %" in shown["real"]


@pytest.mark.parametrize("changes, said", [
    ({"value": None, "low": None, "high": None}, "Accuracy; Measured: not recorded; Document: 94.1 %; real data"),
    ({"document": None, "document_text": "-", "n": None}, "Accuracy; Measured: 90.0 %; 95 % interval"),
    ({"value": 94.1, "low": None, "high": None, "n": None}, "Accuracy; Measured: 94.1 %; Document: 94.1 %; real data"),
    ({"value": None, "low": None, "high": None, "document": None, "document_text": "fast"},
     "Accuracy; Measured: not recorded; Document: fast; real data"),
    ({"value": 0.0, "low": None, "high": None, "document": None, "unit": ""}, "Accuracy; Measured: 0.0"),
    ({"value": 120.0, "low": None, "high": None}, "Accuracy; Measured: 120.0 %"),
    ({"value": 0.0, "low": 0.0, "high": 0.0, "document": 100.0}, "Accuracy; Measured: 0.0 %"),
    ({"title": BAD}, BAD)])
def test_a_headline_may_lack_any_value(drawings, changes, said):  # noqa: F811
    work = one(drawings, **changes)
    assert headlines.said(work, words("en")).startswith(said)
    texts(headlines.card(work, style.start("en"), words("en")))


def test_a_work_without_a_run_or_a_number_has_a_card_too(drawings):  # noqa: F811
    t, w = style.start("en"), words("en")
    for changes, said in (({"gap": ""}, "No run yet"), ({"gap": "damaged"}, w["damaged"])):
        work = make_work(drawings, has_run=False, origin="unknown", rows=[], numbers=[], **changes)
        assert headlines.said(work, w) == said and [text for text, _ in texts(headlines.card(work, t, w))] == [said]


@pytest.fixture(scope="module")
def written(drawings):  # noqa: F811
    """(folder, text) of a page of two works, one of them with many numbers, with its headlines."""
    out = drawings[0]
    work = make_work(drawings, origin="drawn", bad=BAD)
    numbers = [*work.numbers, *(replace(work.numbers[1], id=f"more{each}") for each in range(20))]
    own = shutil.copytree(out / "work" / "figures", out / "long" / "figures")
    pictures = [replace(each, files=[own / file.name for file in each.files]) for each in work.pictures]
    works = [replace(work, name="long", numbers=numbers, pictures=pictures, matter=["2"]), make_work(drawings)]
    pages = []
    for _ in range(2):
        shown, slide = headlines.with_headlines(works, out, "en")
        write_tree(shown, out, "en", slide)
        pages.append(write_page(shown, out, "en", True, slide).read_bytes() + slide.read_bytes())
    assert pages[0] == pages[1]
    return out, (out / "report.html").read_text(encoding="utf-8")


def test_every_address_of_the_page_leads_somewhere_in_it_or_beside_it(written):
    out, text = written
    ids = re.findall(r'id="([^"]*)"', text)
    targets = [target for target in re.findall(r'(?:href|src)="([^"]*)"', text) if not target.startswith("data:")]
    assert len(ids) == len(set(ids)) and {"#long-numbers", "#long-figures", "#long-commands", "#top"} <= set(targets)
    assert all(target[1:] in ids if target.startswith("#") else (out / target).is_file() or target == "report_zh.html"
               for target in targets)
    assert "<script" not in text and not re.search(r'(?:href|src)="(?:https?:|//)', text)
    assert not re.search(r"url\(|@import", text)
    tree = (out / "README.md").read_text(encoding="utf-8")
    assert "(overview.png)" in tree.replace(".svg", ".png") and "| 90.0 % (not comparable) |" in tree


def test_headline_then_figures_then_numbers_then_commands(written):
    section = written[1].split('<section id="long"')[1].split("</section>")[0]
    order = [section.index(part) for part in (
        'class="card"', 'id="long-figure-2"', 'id="long-figure-1"', 'id="long-numbers"', 'id="long-more0"', "<details>",
        'id="long-more19"', 'id="long-figures"', 'id="long-figure-3"', 'class="stack settings"', 'id="long-commands"')]
    assert order == sorted(order)
    short = written[1].split('<section id="work"')[1].split("</section>")[0]
    assert section.count("<details>") == 3 and short.count("<details>") == 2  # its numbers are not many


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_the_page_fits_on_a_screen_a_telephone_and_paper(written, tmp_path):
    browser = Browser(tmp_path / "profile")
    try:
        browser.open((written[0] / "report.html").as_uri())
        browser.wait("document.readyState === 'complete' && document.images.length > 5")
        nav = "(r => [r.right, r.bottom])(document.querySelector('nav').getBoundingClientRect())"
        page = "(r => [r.left, r.top])(document.querySelector('.page').getBoundingClientRect())"
        folded = "[...document.querySelectorAll('details > div')].map(part => part.checkVisibility())"
        for width in (1280, 390):
            browser.size(width)
            (right, bottom), (left, top) = browser.value(nav), browser.value(page)
            assert (right <= left) if width == 1280 else (bottom <= top)
            assert browser.overflow() <= 0 and not any(browser.value(folded))
            wider = f"[...document.querySelectorAll('.page *')].filter(e => e.getBoundingClientRect().right > {width})"
            assert width > 390 or browser.value(f"{wider}.map(e => e.outerHTML)") == []  # nothing to scroll sideways
        browser.size(700)
        browser.tell("Emulation.setEmulatedMedia", media="print")
        assert len(browser.value(folded)) == 5 and all(browser.value(folded)) and browser.overflow() <= 0
        assert browser.value("getComputedStyle(document.querySelector('nav')).display") == "none"
    finally:
        browser.close()
