"""JUnit XML of a class: a suite per submission, a case per criterion."""

import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from data_tools.files.atomic import write_atomically
from reports.grading.grade_one import Grade
from reports.grading.gradescope import summary
from reports.grading.inert import plain
from reports.grading.verdict import Verdict, name_of

POINTS = {"en": "{:g} of {:g} points", "zh": "{:g} 分，满分 {:g}"}
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(grades: Sequence[Grade], language: str = "en") -> bytes:
    """The XML, UTF-8. A criterion that was not met is a failure; a submission that could not be judged has an error."""
    top = ElementTree.Element("testsuites", name="grading")
    for grade in grades:
        broken = grade.verdict == Verdict.INCOMPLETE.value
        missed = [line for line in grade.criteria if not line.passed]
        suite = ElementTree.SubElement(
            top, "testsuite", name=_text(grade.name), tests=str(len(grade.criteria) + 1), failures=str(len(missed)),
            errors=str(int(broken)), skipped="0", time=f"{grade.seconds:.3f}")
        properties = ElementTree.SubElement(suite, "properties")
        for name, value in (("assignment", grade.assignment), ("verdict", grade.verdict), ("score", f"{grade.score:g}"),
                            ("max_score", f"{grade.max_score:g}"), ("problems", " ".join(grade.kinds))):
            ElementTree.SubElement(properties, "property", name=name, value=_text(value))
        case = _case(suite, grade, "judged")
        if broken:
            ElementTree.SubElement(case, "error", type=_text(" ".join(grade.kinds)),
                                   message=_text(name_of(grade.verdict, language))
                                   ).text = _text(summary(grade, language))
        for line in grade.criteria:
            case = _case(suite, grade, line.title.get(language) or line.id)
            if not line.passed:
                ElementTree.SubElement(case, "failure", message=_text(POINTS[language].format(line.points, line.max))
                                       ).text = _text(line.message[language])
        ElementTree.SubElement(suite, "system-out").text = _text(summary(grade, language))
    ElementTree.indent(top)
    return ElementTree.tostring(top, encoding="utf-8", xml_declaration=True) + b"\n"


def write_junit(path: Path, grades: Sequence[Grade], language: str = "en") -> None:
    """Write the XML of a class."""
    write_atomically(Path(path), junit(grades, language))


def _case(suite: ElementTree.Element, grade: Grade, name: str) -> ElementTree.Element:
    return ElementTree.SubElement(suite, "testcase", classname=_text(f"{grade.assignment}.{grade.name}"),
                                  name=_text(name))


def _text(value: str) -> str:
    return _NOT_XML.sub("\ufffd", plain(value, 4000, lines=True))
