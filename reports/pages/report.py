"""The report: one self-contained HTML page per language and a Markdown tree, from works that somebody gathered.

Texts of run folders are untrusted: Jinja2 escapes every text of the page, `tables.markdown` those of the tree.
Nothing depends on the time or the place of writing, so the same runs give the same bytes.
"""

import base64
import io
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from data_tools.errors import KitError
from data_tools.files.atomic import write_atomically
from reports import tables
from reports.figures.figure_script import suffix
from reports.figures.words import LANGUAGES
from reports.tables import PlainTable, Row, markdown

TEMPLATES = Path(__file__).with_name("templates")
MARK = ".kit-report"      # names a folder as one that a report may clear
SVG_LIMIT = 300_000       # bytes up to which a figure stands in the page as SVG; larger ones hold pictures
PHOTO_QUALITY = 88        # of the WebP that stands in the page then
MATTER = 3                # figures that are shown first
SLIDE_FORMATS = ("png", "svg")
SHORT = 8                 # rows of a table that are shown; the rest of a longer one is folded
SLIP = ("Slip in the", "文档笔误", "文档疏漏", "课件笔误")


@dataclass(frozen=True)
class Picture:
    """A figure: its number, title, note, and its files (.png, .svg, .pdf), or the message of what kept it from being
    drawn."""

    number: str
    title: str
    note: str
    files: Sequence[Path] = ()
    failure: str = ""

    @property
    def embedded(self) -> str:
        """A data: address of the figure: SVG, or WebP where it holds photographs."""
        by_suffix = {file.suffix: file for file in self.files}
        drawing = by_suffix[".svg"].read_bytes()
        if len(drawing) <= SVG_LIMIT:
            return _address("image/svg+xml", drawing)
        return _address("image/webp", _photograph(by_suffix[".png"]))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the .png in pixels."""
        from PIL import Image

        with Image.open(next(file for file in self.files if file.suffix == ".png")) as image:
            return image.size


@dataclass(frozen=True)
class Number:
    """A row of the table of numbers: cells of tables.HEADER, note, where the value stands, a command of its own or
    ""."""

    id: str
    cells: Sequence[str]
    note: str
    source: str
    command: str

    @property
    def is_slip(self) -> bool:
        """The note tells of a slip in the document."""
        return self.note.startswith(SLIP)


@dataclass(frozen=True)
class Setting:
    """A setting of the run beside the document's ("" where it has none, or an empty one)."""

    name: str
    value: str
    document: str

    @property
    def differs(self) -> bool:
        """The document's preset says something else."""
        return self.document != self.value


@dataclass(frozen=True)
class Preset:
    """A way to run the work, from presets.yaml."""

    name: str
    hardware: str
    time: str
    expects: str
    command: str
    departures: str = ""  # from the document, in the report's language


@dataclass(frozen=True)
class Work:
    """Everything that the report says about one assignment, in one language.

    gap: why the run or its numbers cannot be read ("" where they can, or where there is no run). fill: the command that
    makes a run. command: that of the run shown. facts: (label, value). files: others that were written, named in the
    page. matter: numbers of the figures that matter. said and card: the headline in words and as a picture, an SVG
    (headlines.py).
    """

    name: str
    title: str
    document: str
    asked: str
    headline_id: str
    slips: Sequence[str]
    has_run: bool
    gap: str
    fill: str
    command: str
    origin: str
    facts: Sequence[tuple[str, str]]
    rows: Sequence[tables.Row]
    numbers: Sequence[Number]
    context: tables.Context
    settings: Sequence[Setting]
    presets: Sequence[Preset]
    pictures: Sequence[Picture]
    tables: Sequence[PlainTable]
    files: Sequence[Path]
    published: Sequence[str] = ()  # values of others, with their sources
    matter: Sequence[str] = ()
    said: str = ""
    card: Path | None = None

    @property
    def headline(self) -> Number:
        """The number that stands for the work: the one it names, else its first, if it has any."""
        none = Number("", ("",) * len(tables.HEADER["en"]), "", "", "")
        named = (number for number in self.numbers if number.id == self.headline_id)
        return next(named, self.numbers[0] if self.numbers else none)

    @property
    def headline_row(self) -> Row | None:
        """The same as numbers."""
        return next((row for row in self.rows if row.id == self.headline.id), None)

    @property
    def apart(self) -> bool:
        """A value measured on drawn data stands beside one of the document, with which it cannot be compared."""
        row = self.headline_row
        return self.origin == "drawn" and row is not None and row.value is not None

    @property
    def first_pictures(self) -> list[Picture]:
        """Of the figures that are drawn, the three that matter: those that the work names, then others in their
        order."""
        rank = {number: place for place, number in enumerate(self.matter)}
        drawn = [picture for picture in self.pictures if picture.files]
        return sorted(drawn, key=lambda picture: rank.get(picture.number, len(rank)))[:MATTER]

    @property
    def other_pictures(self) -> list[Picture]:
        """All other figures."""
        return [picture for picture in self.pictures if picture not in self.first_pictures]


@cache
def words(language: str) -> dict[str, str]:
    """Texts of the page by key."""
    import yaml

    texts = yaml.safe_load((TEMPLATES / "words.yaml").read_text(encoding="utf-8"))
    return {key: text[language] for key, text in texts.items()}


def clear(folder: Path, names: Sequence[str]) -> None:
    """Make `folder` ready for a report of `names`: takes away what an older one left, and refuses a folder of other
    things."""
    folder = Path(folder)
    if folder.exists() and not (folder / MARK).is_file() and any(folder.iterdir()):
        raise KitError(f"{folder} holds other things than a report; name another folder with --out")
    write_atomically(folder / MARK,
                     b"Written by python -m assignments report; its files are replaced by the next report.\n")
    for name in names:
        shutil.rmtree(folder / name, ignore_errors=True)
    slides = [folder / f"overview{suffix(language)}.{kind}" for language in LANGUAGES for kind in SLIDE_FORMATS]
    for page in [*folder.glob("report*.html"), *folder.glob("README*.md"), *slides]:
        page.unlink(missing_ok=True)


def page_name(language: str) -> str:
    """report.html, in Chinese report_zh.html."""
    return f"report{suffix(language)}.html"


def write_page(works: Sequence[Work], folder: Path, language: str, other_language: bool,
               slide: Path | None = None) -> Path:
    """The HTML page; `other_language`: link to its twin. slide: the SVG of the overview, whose PNG lies beside it."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined,
                              trim_blocks=True, lstrip_blocks=True)
    environment.filters["beside"] = lambda file: Path(file).relative_to(folder).as_posix()
    environment.filters["embedded"] = lambda file: _address("image/svg+xml", Path(file).read_bytes())
    other = page_name("en" if language == "zh" else "zh") if other_language else ""
    page = environment.get_template("page.html").render(
        works=works, w=words(language), header=tables.header, language=language, aligned=tables.ALIGNED, other=other,
        tag="zh-CN" if language == "zh" else "en", suffix=suffix(language), slide=slide, short=SHORT)
    file = Path(folder) / page_name(language)
    write_atomically(file, page.encode("utf-8"))
    return file


def write_tree(works: Sequence[Work], folder: Path, language: str, slide: Path | None = None) -> list[Path]:
    """The Markdown tree: an index in `folder`, and one page with its tables for each work."""
    name, w = f"README{suffix(language)}.md", words(language)
    lines = [f"# {w['title']}", "", w["introduction"], "", f"[HTML]({page_name(language)})", ""]
    if slide:
        lines += [f"![{w['overview']}]({slide.name})", ""]
    table: list[tuple[str, ...]] = [(w["work"], w["headline"], w["document"], w["measured"], w["data"])]
    for work in works:
        data = w[work.origin] if work.has_run else w["damaged"] if work.gap else w["no_run"]
        quantity, document, measured, *_ = work.headline.cells
        table.append((work.title, quantity, document, measured + (w["not_comparable"] if work.apart else ""), data))
    lines += tables.markdown_table(table, "lllll")
    lines += ["", *(f"- [{markdown(work.title)}]({work.name}/{name})" for work in works)]
    written = [_text(folder / name, lines)]
    for work in works:
        tables.write_all(work.rows, work.context, folder / work.name / "tables", "measured" + suffix(language),
                         language)
        written.append(_text(folder / work.name / name, _chapter(work, folder / work.name, language)))
    return written


def _chapter(work: Work, folder: Path, language: str) -> list[str]:
    """Lines of one work's Markdown page."""
    w = words(language)
    lines = [*_head(work, w), *(f"- {label}: {markdown(value)}" for label, value in work.facts)]
    lines += ["", f"## {w['numbers']}", "", tables.as_markdown(work.rows, work.context, language)]
    lines += [w["from_note"], ""]
    sources = [(number.cells[0], number.command or number.source) for number in work.numbers]
    lines += tables.markdown_table([(w["numbers"], w["from"]), *sources], "ll")
    if work.slips:
        lines += ["", f"## {w['slips']}", "", *(f"- {slip}" for slip in work.slips)]
    if work.published:
        lines += ["", f"## {w['published']}", "", *(f"- {value}" for value in work.published)]
    lines += ["", f"## {w['figures']}", ""]
    for picture in (*work.first_pictures, *work.other_pictures):
        lines += [f"**{picture.title}**", ""]
        if picture.files:
            places = {file.suffix: file.relative_to(folder).as_posix() for file in picture.files}
            links = " ".join(f"[{kind[1:].upper()}]({place})" for kind, place in places.items())
            lines += [f"![{picture.title}]({places['.png']})", "", *picture.note.split("\n"), "", links, ""]
        else:
            lines += [f"{w['not_drawn']}: {markdown(picture.failure)}", ""]
    for table in work.tables:
        lines += [f"## {table.title}", "", markdown(table.above), "",
                  *tables.markdown_table(table.lines, table.aligned), ""]
    if work.files:
        lines += [*(f"- [{file.name}]({file.relative_to(folder).as_posix()})" for file in work.files), ""]
    lines += [f"## {w['rerun']}", "", *(_code(work.command) if work.command else [])]
    presets = [(preset.name, preset.hardware, preset.time, preset.expects, preset.command) for preset in work.presets]
    lines += tables.markdown_table([(w["preset"], w["hardware"], w["time"], w["expects"], w["command"]), *presets],
                                   "lllll")
    lines += [line for preset in work.presets if preset.departures
              for line in ("", f"{w['departures']}, `{preset.name}`: {markdown(preset.departures)}")]
    if work.settings:
        settings = [(setting.name, setting.value, setting.document) for setting in work.settings]
        lines += ["", f"## {w['settings']}", "",
                  *tables.markdown_table([(w["setting"], w["this_run"], w["paper"]), *settings], "lll")]
    return lines


def _head(work: Work, w: dict[str, str]) -> list[str]:
    """Lines of what the work is, its headline, and what is to be known of its data."""
    lines = [f"# {work.title}", "", work.document, ""]
    if work.card:
        lines += [f"![{markdown(work.said)}]({work.card.name})", ""]
    lines += [f"## {w['asked']}", "", work.asked, ""] if work.asked else []
    if work.gap or not work.has_run:
        lines += [f"**{w['damaged'] if work.gap else w['no_run']}.** {markdown(work.gap)}", "", w["fill"], "",
                  *_code(work.fill)]
    return lines + ([f"**{w[work.origin + '_warning']}**", ""] if work.origin in ("drawn", "subset") else [])


def _code(command: str) -> list[str]:
    """A command as an indented block: no mark in it can end the block."""
    return ["    " + tables.clean(command, 1000), ""]


def _text(file: Path, lines: Sequence[str]) -> Path:
    write_atomically(file, ("\n".join(lines).rstrip("\n") + "\n").encode("utf-8"))
    return file


def _address(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _photograph(file: Path) -> bytes:
    """A .png as WebP, a fraction of its size."""
    from PIL import Image

    stream = io.BytesIO()
    with Image.open(file) as image:
        image.convert("RGB").save(stream, "WEBP", quality=PHOTO_QUALITY, method=4)
    return stream.getvalue()


def origin_of(value: Any) -> str:
    """"real", "subset", "drawn" or "unknown"."""
    return value if value in ("real", "subset", "drawn") else "unknown"
