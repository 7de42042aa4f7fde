"""What others read: Gradescope's results.json, JUnit XML, grades.csv, tables; texts of submissions appear inert
everywhere."""

import csv
import io
import json
import math
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from data_tools.errors import KitError
from reports.grading import gradescope
from reports.grading.class_page import html_page
from reports.grading.grade_one import Grade, Line
from reports.grading.grades_csv import COLUMNS, grades_csv
from reports.grading.inert import plain
from reports.grading.junit import junit
from reports.grading.table import details, markdown_page, table

EVIL = "=1+1\x1b[2J\x1b]0;title\x07<script>alert('x')</script>\u202e\x00\ud800 & \"q\" `c` | [l](http://x)"


def grade_of(name: str = "anna", text: str = "fine", verdict: str = "reproduced", **more) -> Grade:
    lines = [Line("whole", {"en": "All files", "zh": "文件齐全"}, 10, 10, True, {"en": text, "zh": text}),
             Line("accuracy", {"en": "Accuracy", "zh": "准确率"}, 20, 40, False, {"en": text, "zh": text})]
    values = {"score": 30.0, "max_score": 50.0, "claimed": {"accuracy": 0.8},
              "measured": {"accuracy": 0.8, "val_loss": 0.5},
              "compared": {"accuracy": "reproduced"}, "origin": "real", "n": 60, "seconds": 1.25, **more}
    return Grade(name, "toy", verdict, criteria=lines, notes=[text], **values)


def evil() -> Grade:
    return grade_of(EVIL, EVIL, "edited after the run", problems=[{"kind": "inconsistent", "message": EVIL}])


def errors_of(value, schema: dict, whole: dict, where: str = "$") -> list[str]:
    """Violations of the part of JSON Schema that gradescope_schema.json uses."""
    if "$ref" in schema:
        return errors_of(value, whole["definitions"][schema["$ref"].rsplit("/", 1)[1]], whole, where)
    kinds = {"object": dict, "array": list, "string": str, "number": (int, float)}
    found = []
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if types and not (any(isinstance(value, kinds[t]) for t in types) and not isinstance(value, bool)):
        return [f"{where} is no {types}"]
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{where} is {value}")
    if "minimum" in schema and value < schema["minimum"]:
        found.append(f"{where} is below {schema['minimum']}")
    if isinstance(value, dict):
        found += errors_in(value, schema, whole, where)
    if isinstance(value, list) and "items" in schema:
        found += [error for i, part in enumerate(value)
                  for error in errors_of(part, schema["items"], whole, f"{where}[{i}]")]
    if "anyOf" in schema and all(errors_of(value, {"type": "object", **part}, whole, where)
                                 for part in schema["anyOf"]):
        found.append(f"{where} is none of anyOf")
    return found


def errors_in(value: dict, schema: dict, whole: dict, where: str) -> list[str]:
    """Violations in the properties of an object."""
    found = [f"{where} lacks {key}" for key in schema.get("required", []) if key not in value]
    for key, part in value.items():
        if key in schema.get("properties", {}):
            found += errors_of(part, schema["properties"][key], whole, f"{where}.{key}")
        elif schema.get("additionalProperties") is False:
            found.append(f"{where} has {key}")
    return found


SCHEMA = json.loads(gradescope.SCHEMA.read_text())


@pytest.mark.parametrize("made", [grade_of(), evil(), Grade("x", "unknown", "incomplete"),
                                  grade_of(score=math.nan, measured={"accuracy": math.inf}, claimed={})])
@pytest.mark.parametrize("visibility", gradescope.VISIBILITIES)
def test_results_fit_gradescopes_specification(made, visibility):
    values = gradescope.results(made, visibility=visibility)
    assert errors_of(json.loads(json.dumps(values, allow_nan=False)), SCHEMA, SCHEMA) == []


@pytest.mark.parametrize("change, error", [
    ({"score": "1"}, "score is no"), ({"colour": 1}, "has colour"),
    ({"visibility": "sometimes"}, "visibility is sometimes"),
    ({"tests": [{"score": 1, "status": "maybe"}]}, "status is maybe"),
    ({"leaderboard": [{"name": "a"}]}, "lacks value"),
    ({"execution_time": -1}, "below 0"), ({"tests": [{"score": True}]}, "score is no")])
def test_the_schema_refuses_what_the_specification_does_not_have(change, error):
    assert any(error in text for text in errors_of({**gradescope.results(grade_of()), **change}, SCHEMA, SCHEMA))
    assert errors_of({"tests": [{"name": "no score anywhere"}]}, SCHEMA, SCHEMA) and errors_of({"output": "x"}, SCHEMA,
                                                                                               SCHEMA)


def test_results_say_what_the_grade_says():
    values = gradescope.results(grade_of(), "zh")
    assert (values["score"], values["execution_time"], values["tests"][1]["score"]) == (30, 1.25, 20)
    assert [test["status"] for test in values["tests"]] == ["passed", "failed"]
    assert values["tests"][0]["name"] == "文件齐全"
    assert values["leaderboard"] == [{"name": "accuracy", "value": 0.8, "order": "desc"},
                                     {"name": "val_loss", "value": 0.5, "order": "asc"}]
    assert "leaderboard" not in gradescope.results(evil())  # nobody leads by claims that were not believed
    with pytest.raises(KitError, match="visibility 'secret'"):
        gradescope.results(grade_of(), visibility="secret")


def test_a_chinese_grade_gives_its_reasons_in_chinese():
    made = grade_of(verdict="edited after the run",
                    problems=[{"kind": "seal-broken", "message": "changed: result.json"}])
    for line in made.criteria:
        line.message = {"en": "no seal", "zh": "没有封存文件"}
    values = gradescope.results(made, "zh")
    assert [test["output"] for test in values["tests"]] == ["没有封存文件"] * 2
    assert values["output"].splitlines() == [
        "toy：运行后被改动", "有文件与运行结束时的封存不符：changed: result.json",
        "accuracy：所称 0.8000，在 60 个样本上实测 0.8000，与所称一致",
        "val_loss：未给出所称值，在 60 个样本上实测 0.5000，", "说明：fine"]
    shown = [details(made, "zh"), junit([made], "zh").decode(), table([made], "zh")]
    assert all("没有封存文件" in text and "所称 0.8000" in text for text in shown[:2])
    assert all("有文件与运行结束时的封存不符" in text for text in shown)
    assert not any("no seal" in text or "claimed" in text for text in shown)


def test_results_are_written_whole(tmp_path):
    gradescope.write_results(tmp_path / "results" / "results.json", grade_of())
    assert json.loads((tmp_path / "results" / "results.json").read_text())["score"] == 30


def test_junit_is_well_formed_whatever_the_names_are():
    broken = grade_of("bob", verdict="incomplete", problems=[{"kind": "pickle", "message": "a pickle"}])
    top = ElementTree.fromstring(junit([evil(), broken, grade_of()]))
    suites = top.findall("testsuite")
    assert [suite.get("tests") for suite in suites] == ["3"] * 3 and [s.get("errors") for s in suites] == ["0", "1",
                                                                                                           "0"]
    assert [suite.get("failures") for suite in suites] == ["1"] * 3
    assert suites[1].find("testcase/error").get("type") == "pickle"
    assert "\x1b" not in ElementTree.tostring(top, "unicode") and "<script>" in suites[0].get("name")  # as text
    assert b"<script>" not in junit([evil()])


def test_grades_csv_has_nbgraders_columns_and_no_formula():
    names = ("+1", "-1", "@x", "\t=1", "\r=1", "a,b")
    rows = list(csv.reader(io.StringIO(grades_csv([grade_of(), evil(), *map(grade_of, names)]))))
    assert tuple(rows[0]) == COLUMNS
    assert rows[1] == ["toy", "", "", "anna", "", "", "", "30", "0", "30", "50", " | ".join(grade_of().notes)]
    shown = [row[3] for row in rows[2:]]
    assert shown[0].startswith("'=1+1") and shown[1:] == ["'+1", "'-1", "'@x", "' =1", "' =1", "a,b"]
    more = list(csv.reader(io.StringIO(grades_csv([evil()], more=True))))
    assert more[1][-2:] == ["edited after the run", "inconsistent"]


class Tags(HTMLParser):
    """Names of the tags of a page."""

    def __init__(self, page: str):
        super().__init__()
        self.found: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.add(tag)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_tables_obey_nothing_of_a_submission(language):
    shown = table([grade_of(), evil()], language)
    assert "\x1b" not in shown and "\u202e" not in shown and "30 / 50" in shown
    assert ("edited after the run" if language == "en" else "运行后被改动") in shown
    assert "\x1b" not in details(evil(), language) and "Accuracy" in details(grade_of(), "en")
    assert "script" not in Tags(html_page([evil()], language)).found and "&lt;script&gt;" in html_page([evil()],
                                                                                                       language)
    assert "<script>" not in markdown_page([evil()], language).replace("\\<", "")
    assert len({line.count("|") - line.count("\\|") for line in markdown_page([evil()]).splitlines()
                if line.startswith("|")}) == 1


@pytest.mark.parametrize("language, words", [("en", ("base line", "the document", "middle 0.8")),
                                             ("zh", ("基线", "文档", "中位 0.8"))])
def test_the_page_of_a_class_shows_values_beside_base_line_and_document(language, words):
    grades = [replace(grade_of(name), measured={"accuracy": value}, baseline={"accuracy": 0.33},
                      document={"accuracy": 0.887}, notes=["equal <b>weights</b>"])
              for name, value in (("a", 0.5), ("b", 0.8), ("c", 0.9))]
    page = html_page(grades, language)
    assert all(word in page for word in words) and page.count("<rect") == 3 and page.count("<line") == 2
    assert page.count("<tr>") == 4 and "equal &lt;b&gt;weights" in page
    assert "<svg" not in html_page([grade_of()], language)  # nothing to compare with


@pytest.mark.parametrize("text, shown", [
    ("a\x1b[31mred\x1b[0m", "ared"), ("a\nb\t c", "a b c"), ("x" * 600, "x" * 499 + "…"), ("\u202eabc", "\ufffdabc"),
    ("\ud800", "\ufffd"), ("文件", "文件"), (None, "None")])
def test_plain_text(text, shown):
    assert plain(text) == shown
