"""The measured-versus-document table in its four forms."""

import csv
import io

import pytest

from data_tools.errors import KitError
from data_tools.terminal import display_width
from reports import tables

CLAIMS = [
    {"id": "accuracy", "title": {"en": "Accuracy", "zh": "准确率"}, "document": {"value": 94.1, "unit": "%"},
     "result": "metrics.accuracy", "scale": 100, "digits": 1, "note": {"en": "A note", "zh": "说明"}},
    {"id": "images", "title": {"en": "Images", "zh": "图像数"}, "document": {"value": 1400},
     "result": ["data.a", "data.b"]},
    {"id": "pace", "title": "Pace", "document": {"value": 45, "unit": "s"}, "result": "seconds", "divide_by": "epochs",
     "digits": 1},
    {"id": "cited", "title": "Cited", "document": {"value": 3.75, "unit": "%"}, "result": None, "digits": 2},
    {"id": "gone", "title": "Gone", "document": None, "result": "metrics.nothing"},
]
VALUES = {"metrics": {"accuracy": {"value": 0.9632, "n": 136, "low": 0.917, "high": 0.984}},
          "data": {"a": 1097, "b": 272}, "seconds": 90, "epochs": 2}
CONTEXT = tables.Context("best", "real", "cpu", 90)


def test_rows_measure_and_compare():
    cells = tables.shown_cells(tables.compare(CLAIMS, VALUES))
    assert cells == [("Accuracy", "94.1 %", "96.3 %", "91.7 .. 98.4", "136", "+2.2 points"),
                     ("Images", "1,400", "1,369", "-", "-", "-31"), ("Pace", "45.0 s", "45.0 s", "-", "-", "0.0 s"),
                     ("Cited", "3.75 %", "-", "-", "-", "-"), ("Gone", "-", "not recorded", "-", "-", "-")]


def test_the_kits_weights_have_a_column_where_a_row_has_them():
    claims = [{**CLAIMS[0], "kit": "released.accuracy"}, CLAIMS[1]]
    rows = tables.compare(claims, {**VALUES, "released": {"accuracy": {"value": 0.985, "n": 136}}})
    assert tables.header(rows)[-1] == "The kit's weights" and tables.header(rows[1:]) == tables.HEADER["en"]
    assert [cells[-1] for cells in tables.shown_cells(rows)] == ["98.5 %", "-"]
    lines = tables.as_markdown(rows, CONTEXT, "zh").splitlines()
    assert lines[2].endswith("| 自带权重 |") and "98.5 %" in lines[4]
    assert next(csv.DictReader(io.StringIO(tables.as_csv(rows, CONTEXT))))["kit"] == "98.5"
    assert "98.5" in tables.as_latex(rows, CONTEXT) and "98.5 %" in tables.as_text(rows, CONTEXT)
    old = tables.compare(claims, VALUES)  # of a run without them
    assert "kit's" not in tables.as_text(old, CONTEXT)


@pytest.mark.parametrize("bad", ["0.9", True, float("nan"), 1e300, [1], 10**400])
def test_values_that_are_no_numbers_count_as_missing(bad):
    row = tables.compare(CLAIMS[:1], {"metrics": {"accuracy": {"value": bad, "n": bad}}})[0]
    assert row.value is None and row.n is None and row.difference is None


def test_text_columns_align_in_chinese():
    lines = tables.as_text(tables.compare(CLAIMS, VALUES, "zh"), CONTEXT, "zh").splitlines()
    ends = {display_width(line) for line in lines[4:9]}
    assert len(ends) == 1 and display_width("图a") == 3
    assert "[1] 说明" in lines


@pytest.mark.parametrize("formula", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", " =1", "＝1+1"])
def test_csv_formulas_are_inert(formula):
    context = tables.Context(tables.clean(formula), "real", formula, None)
    rows = list(csv.DictReader(io.StringIO(tables.as_csv(tables.compare(CLAIMS, VALUES), context))))
    assert all(row[key].startswith("'") for row in rows for key in ("preset", "device"))
    assert float(rows[1]["difference"]) == -31  # a number stays a number


def test_csv_holds_every_row_and_the_run():
    rows = list(csv.DictReader(io.StringIO(tables.as_csv(tables.compare(CLAIMS, VALUES), CONTEXT))))
    assert [row["id"] for row in rows] == [claim["id"] for claim in CLAIMS]
    assert (rows[0]["measured"], rows[0]["n"], rows[0]["origin"], rows[0]["seconds"]) == ("96.32", "136", "real", "90")
    assert rows[4]["measured"] == ""


def test_other_forms_are_inert_too():
    hostile = tables.Context("\x1b[31mred", "real", "a|b <script> & 5_% \\", None)
    rows = tables.compare(CLAIMS, VALUES)
    assert "\x1b" not in tables.as_text(rows, hostile)
    assert r"a\|b \<script\>" in tables.as_markdown(rows, hostile)
    assert r"\& 5\_\% \textbackslash{}" in tables.as_latex(rows, hostile)
    assert tables.as_latex(rows, CONTEXT).count(r"\\") == len(CLAIMS) + 1


def test_a_plain_table_in_three_forms(tmp_path):
    columns = [tables.Column("name", "Name"), tables.Column("share", "Share, %", 1, 100),
               tables.Column("gain", "Gain", 1, 100, signed=True)]
    rows = [{"name": "a|b_=", "share": 0.9632, "gain": 0.012}, {"name": "=1+1", "share": float("nan"), "gain": None},
            {"name": "c", "share": 0.5, "gain": 0.0001}, {"share": 1, "gain": -0.02}]
    markdown, table, latex = tables.write_table(columns, rows, "of <b>", tmp_path, "plain")
    assert markdown.read_text(encoding="utf-8") == (
        "of \\<b\\>\n\n| Name | Share, % | Gain |\n|---|---:|---:|\n| a\\|b\\_= | 96.3 | +1.2 |\n| =1+1 | - | - |\n"
        "| c | 50.0 | 0.0 |\n| - | 100.0 | -2.0 |\n")
    assert table.read_text(encoding="utf-8") == "name,share,gain\na|b_=,0.9632,0.012\n'=1+1,,\nc,0.5,0.0001\n,1,-0.02\n"
    text = latex.read_text(encoding="utf-8")
    assert r"\begin{tabular}{lrr}" in text and r"a\textbar{}b\_= & 96.3 & +1.2 \\" in text


def test_a_share_has_its_interval_divided_too():
    claim = {"id": "a", "title": "A", "document": None, "result": "seconds", "divide_by": "epochs", "scale": 10,
             "digits": 1}
    row, = tables.compare([claim], {"seconds": {"value": 90, "low": 80, "high": 110, "n": 3}, "epochs": 2})
    assert (row.value, row.low, row.high, row.n) == (450, 400, 550, 3)


@pytest.mark.parametrize("origin, chinese", [("real", "真实数据"), ("subset", "真实数据的一部分"), ("unknown", "未知"),
                                             ("points", "points")])
def test_origins_are_in_the_language_of_the_heading(origin, chinese):
    context = tables.Context("best", origin, "cpu", 90)
    assert f"数据：{chinese}；" in tables.heading(context, "zh") and f"data: {origin};" in tables.heading(context)


def test_what_was_measured_on_drawn_data_has_no_difference_from_the_document():
    rows = tables.compare(CLAIMS, {**VALUES, "origin": "drawn"})
    assert tables.header(rows) == tables.HEADER["en"][:-1]
    assert tables.shown_cells(rows)[0] == ("Accuracy", "94.1 %", "96.3 %", "91.7 .. 98.4", "136")
    for shown in (tables.as_text, tables.as_markdown, tables.as_latex):
        assert "Difference" not in shown(rows, CONTEXT) and "2.2" not in shown(rows, CONTEXT)
    assert {row["difference"] for row in csv.DictReader(io.StringIO(tables.as_csv(rows, CONTEXT)))} == {""}
    subset = tables.compare(CLAIMS, {**VALUES, "origin": "subset"})
    assert "+2.2 points" in tables.as_text(subset, CONTEXT)


def test_drawn_data_are_called_a_stand_in():
    drawn = tables.Context("sample", "drawn", "cpu", 5)
    assert "stand-in" in tables.as_text(tables.compare(CLAIMS, VALUES), drawn)
    assert "示例数据" in tables.heading(drawn, "zh")


def test_unknown_key_in_claims_is_named(tmp_path):
    (tmp_path / "claims.yaml").write_text("- {id: a, title: A, document: null, result: b, digit: 2}")
    with pytest.raises(KitError, match="claim a: unknown or missing keys"):
        tables.read_claims(tmp_path / "claims.yaml")
