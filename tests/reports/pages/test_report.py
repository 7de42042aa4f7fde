"""The page and the tree from works made up here: complete, inert, the same bytes, and what a browser makes of them."""

import html
import json
import re

import pytest

from data_tools.errors import KitError
from data_tools.files.places import PROJECT_ROOT
from reports import tables
from reports.figures import style
from reports.pages import report
from reports.pages.report import Number, Picture, Preset, Setting, Work, clear, write_page, write_tree
from reports.tables import Column, PlainTable
from tests.reports.browser import CHROMIUM, look

BAD = "<img src=x onerror='window.owned=1'><script>window.owned=2</script>\"'>[a](javascript:1)|`{{7*7}}"
CLAIMS = [
    {"id": "accuracy", "title": {"en": "Accuracy", "zh": "准确率"}, "document": {"value": 94.1, "unit": "%"},
     "digits": 1, "result": "metrics.accuracy", "scale": 100,
     "note": {"en": "Slip in the document: 94.1.", "zh": "文档笔误：94.1。"}},
    {"id": "layers", "title": {"en": "Layers", "zh": "层数"}, "document": {"value": 50}, "result": None}]
VALUES = {"metrics": {"accuracy": {"value": 0.9, "low": 0.85, "high": 0.94, "n": 272}}}


@pytest.fixture(scope="module")
def drawings(tmp_path_factory):
    """The folder of a report and, in it, the files of a small figure and of one full of noise."""
    import numpy as np

    from reports.figures import plots

    out, t = tmp_path_factory.mktemp("report") / "out", style.start()
    clear(out, ["work"])
    small, large = style.page(t, "Small", 1), style.page(t, "Large", 3)
    small.subplots().plot([1, 2])
    noise = np.random.default_rng(0).integers(0, 255, (8, 128, 128, 3), dtype=np.uint8)
    plots.image_grid(large, list(noise), [""] * 8, columns=4)
    folder = out / "work" / "figures"
    return out, {"small": style.save(small, folder, "small"), "large": style.save(large, folder, "large")}


def make_work(drawings, bad="", **changes):
    """One work; `bad` stands wherever a run folder could bring a text."""
    rows = tables.compare(CLAIMS, VALUES)
    numbers = [Number(row.id, cells, row.note, "metrics.accuracy", "")
               for row, cells in zip(rows, tables.shown_cells(rows))]
    files = drawings[1]
    given = {
        "name": "work", "title": "A work", "document": "A document.", "asked": "To be asked.",
        "headline_id": "accuracy",
        "slips": ["A slip that no number carries."], "published": ["Others: <31.35> dB."],
        "has_run": True, "gap": bad, "fill": "python run.py",
        "origin": "real",
        "command": f"python run.py {bad}", "facts": [("Device", f"cpu {bad}")], "rows": rows, "numbers": numbers,
        "context": tables.Context(bad or "sample", "real", bad or "cpu", 3.0),
        "settings": [Setting(f"lr{bad}", f"1{bad}", "2")],
        "presets": [Preset("sample", "2 cores", "1 min", "accuracy", "python run.py --preset sample",
                           "No patience is named.")],
        "pictures": [Picture("1", "Figure 1", "A note", files["small"]), Picture("2", "Figure 2", "", files["large"]),
                     Picture("3", "Figure 3", "", (), f"no such array {bad}")],
        "tables": [PlainTable("More", f"above {bad}", (Column("a", "A"), Column("b", "B", 1)),
                              [{"a": bad or "x", "b": 2.0}])],
        "files": [], **changes}
    return Work(**given)


def written(drawings, language="en", **changes):
    out = drawings[0]
    works = [make_work(drawings, **changes)]
    write_tree(works, out, language)
    return write_page(works, out, language, other_language=True)


def test_page_has_every_part(drawings):
    text = written(drawings).read_text(encoding="utf-8")
    assert "Published by others" in text and "Others: &lt;31.35&gt; dB." in text
    assert "- Others: <31.35> dB." in (drawings[0] / "work" / "README.md").read_text(encoding="utf-8")
    for part in ("A work", "A document.", "To be asked.", "94.1 %", "90.0 %", "85.0 .. 94.0", "272", "-4.1 points",
                 "metrics.accuracy", "Slip in the document: 94.1.", "A slip that no number carries.", "Figure 1",
                 "python run.py --preset sample", "No patience is named.",
                 'id="work-figure-3"', "no such array", 'href="report_zh.html"',
                 "work/tables/measured.csv", "More", ">2.0<"):
        assert part in text, part
    assert 'class="note slip"' in text and text.count("<img ") == 2
    kinds = re.findall(r'src="data:(image/[a-z+]+);base64,', text)
    assert kinds == ["image/svg+xml", "image/webp"]  # lines stay lines, photographs get small
    addresses = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert not [a for a in addresses if re.match(r"(https?:|//|/|file:)", a)]
    assert all((drawings[0] / a).is_file() for a in addresses if not a.startswith(("#", "data:", "report_zh")))


def test_page_in_chinese(drawings):
    text = written(drawings, "zh").read_text(encoding="utf-8")
    assert '<html lang="zh-CN">' in text and "已知笔误" in text and 'href="report.html"' in text
    keys = {key for key, value in report.words("zh").items() if value == report.words("en")[key]}
    assert not keys and set(report.words("zh")) == set(report.words("en"))


def test_every_text_of_the_page_is_used():
    kit = PROJECT_ROOT
    pages = kit / "reports" / "pages"
    places = (*report.TEMPLATES.glob("pa*.html"), pages / "report.py", pages / "headlines.py",
              kit / "assignments" / "common" / "chapters.py")
    said = " ".join(place.read_text(encoding="utf-8") for place in places)
    origins = {"real", "subset", "drawn", "unknown", "drawn_warning", "subset_warning"}  # by the origin of the run
    keys = set(report.words("en")) - origins
    assert not [key for key in keys if not re.search(rf"""w\.{key}\b|\[["']{key}["']\]""", said)]


def test_same_works_same_bytes(drawings):
    first = written(drawings).read_bytes()
    assert written(drawings).read_bytes() == first


def test_a_work_without_a_run_is_a_visible_gap(drawings):
    changes = {"has_run": False, "gap": "", "origin": "unknown", "command": "", "facts": [], "settings": [],
               "pictures": [Picture("1", "Figure 1", "", (), "No run yet")], "tables": []}
    text = written(drawings, **changes).read_text(encoding="utf-8")
    assert "| No run yet |" in (drawings[0] / "README.md").read_text(encoding="utf-8")
    assert 'class="gap"' in text and "No run yet" in text and "<code>python run.py</code>" in text
    assert 'id="work-figure-1"' in text and "<img" not in text and "94.1 %" in text


def test_a_run_that_cannot_be_opened_is_called_so_in_page_and_tree(drawings):
    page = written(drawings, has_run=False, gap="config.yaml is missing").read_text(encoding="utf-8")
    tree = (drawings[0] / "README.md").read_text(encoding="utf-8")
    assert all("The numbers could not be read" in text and "No run yet" not in text for text in (page, tree))


def test_texts_of_a_run_are_inert_in_page_and_tree(drawings):
    page = written(drawings, bad=BAD).read_text(encoding="utf-8")
    assert page.count("&lt;script&gt;") >= 6 and "<script" not in page
    assert "<img src=x" not in page and "{{7*7}}" in page
    tree = (drawings[0] / "work" / "README.md").read_text(encoding="utf-8")
    for line in tree.splitlines():
        if not line.startswith("    "):  # an indented block shows everything as it is
            assert not re.search(r"(?<!\\)<(img|script)", line), line
            assert not re.search(r"(?<!\\)\]\(javascript", line), line


@pytest.mark.parametrize("origin", ["drawn", "subset"])
def test_data_that_are_not_the_documents_say_so(drawings, origin):
    page = html.unescape(written(drawings, origin=origin).read_text(encoding="utf-8"))
    assert report.words("en")[f"{origin}_warning"] in page
    assert report.words("en")[f"{origin}_warning"] in (drawings[0] / "work" / "README.md").read_text(encoding="utf-8")


def test_only_a_folder_of_its_own_is_cleared(tmp_path):
    mine = tmp_path / "mine"
    (mine / "monkey_species").mkdir(parents=True)
    (mine / "monkey_species" / "thesis.txt").write_text("precious")
    with pytest.raises(KitError, match="holds other things"):
        clear(mine, ["monkey_species"])
    assert (mine / "monkey_species" / "thesis.txt").read_text() == "precious"
    clear(tmp_path / "new", ["work"])
    (tmp_path / "new" / "work").mkdir()
    (tmp_path / "new" / "notes.txt").write_text("kept")
    clear(tmp_path / "new", ["work"])
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [report.MARK, "notes.txt"]


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
@pytest.mark.parametrize("dark", [False, True])
def test_in_a_browser(drawings, dark):
    """Images load, nothing of the run is executed, every text can be read, nothing is wider than the window."""
    page = written(drawings, bad=BAD)
    found, _ = look(page, dark=dark, width=500)
    assert found["images"] == 2 and found["broken"] == [] and found["errors"] == []
    # the one script is the probe
    assert found["owned"] == "undefined" and found["scripts"] == 1 and found["handlers"] == 0
    assert found["contrast"] >= 4.5 and (found["ground"] < 0.1) == dark and found["overflow"] <= 0, json.dumps(found)
    assert look(page, dark=dark, probe=False)[1] == ""
