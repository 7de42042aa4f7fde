"""Measured values beside the document's, and plain tables: for a terminal, Markdown, CSV and LaTeX.

The document's numbers are rows of an assignment's claims.yaml, each naming the value of the run that answers it.
Texts from run folders are untrusted: control characters, markup and spreadsheet formulas come out inert.
"""

import csv
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_tools.errors import KitError
from data_tools.terminal import columns, wrapped
from reports.run_reader import Run, look_up
from reports.text_table import NONE, clean, fitted_table

MOST_METRICS = 100  # of a run, in a table of all
CLAIM_KEYS = {"id", "title", "document", "result", "divide_by", "scale", "digits", "note", "command", "kit", "figures"}
HEADER = {"en": ("Quantity", "Document", "Measured", "95 % interval", "n", "Difference"),
          "zh": ("项目", "文档", "实测", "95 % 区间", "n", "差值")}
WORDS = {"en": {"not recorded": "not recorded", "points": "points", "preset": "preset", "origin": "data",
                "device": "device", "seconds": "seconds"},
         "zh": {"not recorded": "未记录", "points": "个百分点", "preset": "预设", "origin": "数据",
                "device": "设备", "seconds": "秒"}}
KIT = {"en": "The kit's weights", "zh": "自带权重"}  # a column more, where a row has them
ORIGINS = {"en": {"drawn": "drawn stand-in data, not comparable with the document"},
           "zh": {"real": "真实数据", "subset": "真实数据的一部分", "unknown": "未知",
                  "drawn": "程序生成的示例数据，不可与文档比较"}}
ALIGNED = "llrlrrr"  # columns of HEADER, and of the kit's weights: left or right
DIFFERENCE = 5  # its place in HEADER
Measured = tuple[float | None, float | None, float | None, int | None]  # value, low, high, n


@dataclass(frozen=True)
class Row:
    """One line of the table; numbers are in `unit`, None where there is none."""

    id: str
    title: str
    document: float | None
    document_text: str
    value: float | None
    low: float | None
    high: float | None
    n: int | None
    unit: str
    digits: int
    note: str
    asks_run: bool
    kit: float | None = None  # the same of the weights that came with the kit, judged beside the run
    drawn: bool = False  # measured on drawn data

    @property
    def difference(self) -> float | None:
        """Measured minus document; None of drawn data, which the document's are not compared with."""
        return None if self.drawn or self.value is None or self.document is None else self.value - self.document


@dataclass(frozen=True)
class Context:
    """What holds for the whole run: preset, origin of the data ("real", "subset", "drawn"), device, seconds."""

    preset: str
    origin: str
    device: str
    seconds: float | None


def read_claims(file: Path) -> list[dict[str, Any]]:
    """Rows of claims.yaml (ours, so only its form is checked)."""
    import yaml

    claims = yaml.safe_load(Path(file).read_text(encoding="utf-8"))
    for claim in claims:
        unknown = set(claim) - CLAIM_KEYS
        if unknown or not {"id", "title", "document", "result"} <= set(claim):
            raise KitError(f"{file}: claim {claim.get('id')}: unknown or missing keys; it has {sorted(CLAIM_KEYS)}")
    return claims


def claims_of_metrics(run: Run) -> list[dict[str, Any]]:
    """A row for each metric of result.json, for a work without claims: what was measured, beside no document."""
    found = run.result.get("metrics")
    metrics = found if isinstance(found, dict) else {}
    names = [str(name) for name in metrics if "." not in str(name)]
    whole = [isinstance(measured_value(metrics[name])[0], int) for name in names]
    return [{"id": name, "title": clean(name.replace("_", " ")), "document": None, "result": f"metrics.{name}",
             "digits": 0 if count else 4} for name, count in zip(names[:MOST_METRICS], whole)]


def run_values(run: Run) -> dict[str, Any]:
    """Everything a claim's result key can name: result.json at the top, "config." and "environment." below it."""
    return {**run.result, "config": run.config, "environment": run.environment}


def run_context(run: Run) -> Context:
    """Preset, origin, device and seconds of a run."""
    return Context(clean(run.result.get("preset", NONE)), clean(run.origin), clean(run.environment.get("device", NONE)),
                   _number(run.result.get("seconds")))


def compare(claims: Sequence[dict[str, Any]], values: dict[str, Any], language: str = "en") -> list[Row]:
    """One Row per claim, in order; values: run_values, and what a work adds to them."""
    return [_row(claim, values, language) for claim in claims]


def _row(claim: dict[str, Any], values: dict[str, Any], language: str) -> Row:
    document, scale = claim["document"] or {}, claim.get("scale", 1)
    value, low, high, n = _measured(claim["result"], values)
    if claim.get("divide_by"):
        by = _number(look_up(values, claim["divide_by"]))
        value, low, high = _ratio(value, by), _ratio(low, by), _ratio(high, by)
    value, low, high = (None if v is None else v * scale for v in (value, low, high))
    kit = _measured(claim.get("kit"), values)[0]
    unit, digits = document.get("unit", ""), claim.get("digits", 0)
    number = document.get("value")
    text = _language(document.get("text"), language) or (NONE if number is None else _amount(number, unit, digits))
    return Row(claim["id"], _language(claim["title"], language), number, text, value, low, high, n, unit, digits,
               _language(claim.get("note"), language), claim["result"] is not None,
               None if kit is None else kit * scale, values.get("origin") == "drawn")


def _measured(key: Any, values: dict[str, Any]) -> Measured:
    """(value, low, high, n) under a dotted key; a list of keys is their sum; a metric is a dictionary of these four."""
    if isinstance(key, list):
        parts = [_number(look_up(values, part)) for part in key]
        numbers = [part for part in parts if part is not None]
        return (sum(numbers) if len(numbers) == len(parts) else None), None, None, None
    return measured_value(look_up(values, key) if key else None)


def measured_value(found: Any) -> Measured:
    """(value, low, high, n) of a metric as result.json holds it: a dictionary of these four, or a number alone."""
    if isinstance(found, dict):
        value, low, high, n = (_number(found.get(part)) for part in ("value", "low", "high", "n"))
        return value, low, high, None if n is None else int(n)
    return _number(found), None, None, None


def _number(value: Any) -> float | None:
    """The value when it is a finite number of ordinary size, else None."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if abs(value) < 1e15 and math.isfinite(value) else None


def _ratio(value: float | None, by: float | None) -> float | None:
    return value / by if value is not None and by else None


def _language(text: Any, language: str) -> str:
    found = text.get(language, text.get("en", "")) if isinstance(text, dict) else text
    return "" if found is None else str(found)


def _amount(value: float, unit: str, digits: int, sign: str = "") -> str:
    shown = f"{round(value, digits) + 0.0:{sign if round(value, digits) else ''},.{digits}f}"
    return f"{shown} {unit}".strip()


def has_kit(rows: Sequence[Row]) -> bool:
    """Whether the kit's weights have a column."""
    return any(row.kit is not None for row in rows)


def header(rows: Sequence[Row], language: str = "en") -> tuple[str, ...]:
    """HEADER, without the difference where the data are drawn, and the kit's weights where a row has them."""
    return _chosen((*HEADER[language], KIT[language]), rows)


def cells(row: Row, language: str = "en") -> tuple[str, ...]:
    """The seven texts of a row: under HEADER, and of the kit's weights."""
    words = WORDS[language]
    value = NONE if not row.asks_run else words["not recorded"]
    if row.value is not None:
        value = _amount(row.value, row.unit, row.digits)
    interval = NONE if row.low is None or row.high is None else f"{row.low:.{row.digits}f} .. {row.high:.{row.digits}f}"
    unit = words["points"] if row.unit == "%" else row.unit
    difference = NONE if row.difference is None else _amount(row.difference, unit, row.digits, "+")
    kit = NONE if row.kit is None else _amount(row.kit, row.unit, row.digits)
    return row.title, row.document_text, value, interval, NONE if row.n is None else str(row.n), difference, kit


def shown_cells(rows: Sequence[Row], language: str = "en") -> list[tuple[str, ...]]:
    """The texts of all rows under header(rows)."""
    return [_chosen(cells(row, language), rows) for row in rows]


def _chosen(texts: tuple[str, ...], rows: Sequence[Row]) -> tuple[str, ...]:
    """Of seven texts, those of the columns that the rows have."""
    absent = {DIFFERENCE} if any(row.drawn for row in rows) else set()
    return tuple(text for column, text in enumerate(texts[:6 + has_kit(rows)]) if column not in absent)


def heading(context: Context, language: str = "en") -> str:
    """One line: preset, data, device, seconds; drawn data are called a stand-in."""
    words = WORDS[language]
    origin = ORIGINS[language].get(context.origin, context.origin)
    seconds = NONE if context.seconds is None else f"{context.seconds:.0f}"
    between, colon = ("；", "：") if language == "zh" else ("; ", ": ")
    return between.join(f"{words[key]}{colon}{value}" for key, value in (
        ("preset", context.preset), ("origin", origin), ("device", context.device), ("seconds", seconds)))


def _body(rows: Sequence[Row], language: str) -> tuple[list[tuple[str, ...]], list[str]]:
    """(lines of cells with note marks, the header first; notes)."""
    notes = [row.note for row in rows if row.note]
    lines, number = [header(rows, language)], 0
    for row, (first, *rest) in zip(rows, shown_cells(rows, language)):
        if row.note:
            number += 1
            first = f"{first} [{number}]"
        lines.append((first, *rest))
    return lines, notes


def as_text(rows: Sequence[Row], context: Context, language: str = "en") -> str:
    """For a terminal: columns aligned, Chinese characters counted as two wide."""
    lines, notes = _body(rows, language)
    table = fitted_table(lines, ALIGNED[:len(lines[0])])
    width = columns()
    return "\n".join([*wrapped(clean(heading(context, language), 1000), width=width), *table,
                      *(line for number, note in enumerate(notes, 1)
                        for line in wrapped(note, f"[{number}] ", "    ", width))]) + "\n"


def as_markdown(rows: Sequence[Row], context: Context, language: str = "en") -> str:
    """A Markdown table with its heading above and its notes below."""
    lines, notes = _body(rows, language)
    return "\n".join([markdown(heading(context, language)), "", *markdown_table(lines, ALIGNED[:len(lines[0])]),
                      "",
                      *(f"{number}. {markdown(note)}" for number, note in enumerate(notes, 1))]) + "\n"


def as_csv(rows: Sequence[Row], context: Context) -> str:
    """Plain numbers with a unit column, every row with the run's preset, origin, device and seconds."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["id", "quantity", "document", "document_text", "measured", "low", "high", "n", "difference",
                     "unit", "preset", "origin", "device", "seconds", "note", "kit"])
    run = (context.preset, context.origin, context.device, context.seconds)
    for row in rows:
        numbers = (row.value, row.low, row.high, row.n, row.difference)
        line = (row.id, row.title, row.document, row.document_text, *numbers, row.unit, *run, row.note, row.kit)
        writer.writerow(map(csv_cell, line))
    return stream.getvalue()


def as_latex(rows: Sequence[Row], context: Context, language: str = "en") -> str:
    """A tabular that needs no package (Chinese text needs ctex), heading and notes around it."""
    lines, notes = _body(rows, language)
    return "\n".join([_latex(heading(context, language)), "", *_latex_table(lines, ALIGNED[:len(lines[0])]), "",
                      *(f"[{number}] {_latex(note)}\n" for number, note in enumerate(notes, 1))]) + "\n"


def write_all(rows: Sequence[Row], context: Context, folder: Path, name: str, language: str = "en") -> list[Path]:
    """`name`.md, .csv and .tex in `folder`."""
    return _write({"md": as_markdown(rows, context, language), "csv": as_csv(rows, context),
                   "tex": as_latex(rows, context, language)}, folder, name)


@dataclass(frozen=True)
class Column:
    """Of a plain table: key (in the rows and in CSV), title, and how people see its numbers: value * scale with
    `digits`, a signed one as +1.2. A column of texts has digits None and stands to the left."""

    key: str
    title: str
    digits: int | None = None
    scale: float = 1
    signed: bool = False

    def shown(self, value: Any) -> str:
        """A cell for people; "-" for None, NaN and infinity."""
        if self.digits is None:
            return NONE if value is None else str(value)
        number = _number(value)
        return NONE if number is None else _amount(number * self.scale, "", self.digits, "+" if self.signed else "")


@dataclass(frozen=True)
class PlainTable:
    """Columns and rows ({key of a column: value}; a row may lack keys) under a title; `above` is a line over the
    table."""

    title: str
    above: str
    columns: Sequence[Column]
    rows: Sequence[dict[str, Any]]

    @property
    def lines(self) -> list[list[str]]:
        """Cells for people, the header first."""
        return [[column.title for column in self.columns],
                *([column.shown(row.get(column.key)) for column in self.columns] for row in self.rows)]

    @property
    def aligned(self) -> str:
        """"l" or "r" for each column."""
        return "".join("l" if column.digits is None else "r" for column in self.columns)

    def write(self, folder: Path, name: str) -> list[Path]:
        """`name`.md, .csv and .tex in `folder`."""
        return write_table(self.columns, self.rows, self.above, folder, name)


def write_table(columns: Sequence[Column], rows: Sequence[dict[str, Any]], above: str, folder: Path,
                name: str) -> list[Path]:
    """A plain table as `name`.md, .csv and .tex in `folder`; `above` is a line over it (not in CSV).

    rows: {key of a column: value}; a row may lack keys. CSV holds the values as they are, unscaled.
    """
    table = PlainTable("", above, columns, rows)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([csv_cell(column.key) for column in columns])
    for row in rows:
        values = (row.get(column.key) for column in columns)
        writer.writerow([csv_cell(_number(value) if isinstance(value, float) else value) for value in values])
    return _write({"md": "\n".join([markdown(above), "", *markdown_table(table.lines, table.aligned)]) + "\n",
                   "csv": stream.getvalue(),
                   "tex": "\n".join([_latex(above), "", *_latex_table(table.lines, table.aligned)]) + "\n"}, folder,
                  name)


def _write(texts: dict[str, str], folder: Path, name: str) -> list[Path]:
    """Texts by suffix, as `name`.suffix in `folder`."""
    from data_tools.files.atomic import write_atomically

    paths = [Path(folder) / f"{name}.{suffix}" for suffix in texts]
    for path, text in zip(paths, texts.values()):
        write_atomically(path, text.encode("utf-8"))
    return paths


def markdown_table(lines: Sequence[Sequence[str]], aligned: str) -> list[str]:
    """Lines of a Markdown table, the first of `lines` is its header; aligned: "l" or "r" for each column."""
    table = ["| " + " | ".join(map(markdown, line)) + " |" for line in lines]
    return [table[0], "|" + "".join("---|" if side == "l" else "---:|" for side in aligned), *table[1:]]


def _latex_table(lines: Sequence[Sequence[str]], aligned: str) -> list[str]:
    """Lines of a tabular that needs no package, the first of `lines` is its header."""
    table = [" & ".join(map(_latex, line)) + r" \\" for line in lines]
    return [rf"\begin{{tabular}}{{{aligned}}}", r"\hline", table[0], r"\hline", *table[1:], r"\hline", r"\end{tabular}"]


def markdown(text: Any) -> str:
    """One line of Markdown that shows the text as it is: no markup, no HTML, no control characters."""
    return re.sub(r"([\\|`*_<>\[\]])", r"\\\1", clean(text, 1000))


def csv_cell(value: Any) -> Any:
    """A cell of a CSV file: numbers as they are; text that a spreadsheet would take for a formula gets an apostrophe in
    front."""
    if value is None:
        return ""
    if isinstance(value, (int, float)):
        return f"{value:.10g}"
    text = clean(value, 1000)
    return "'" + text if re.match(r"\s*[=+\-@＝＋－＠]", text) else text


_LATEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
          ">": r"\textgreater{}", "|": r"\textbar{}", **{c: "\\" + c for c in "&%$#_{}"}}


def _latex(text: str) -> str:
    return "".join(_LATEX.get(c, c) for c in clean(text, 1000))
