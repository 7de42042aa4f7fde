"""The grades of a class as a table, for the terminal and as Markdown; nothing of a submission is obeyed."""

from collections import Counter
from collections.abc import Sequence

from data_tools.terminal import cut, wrapped
from reports.grading.grade_one import Grade
from reports.grading.gradescope import summary
from reports.grading.inert import plain
from reports.grading.verdict import in_both, name_of
from reports.tables import markdown_table
from reports.text_table import fitted_table, text_table

HEADER = {"en": ("submission", "assignment", "points", "verdict", "claimed", "measured", "what is wrong"),
          "zh": ("提交", "作业", "得分", "结论", "所称", "实测", "问题")}
LINES = {"en": ("criterion", "points", "met", "what was found"), "zh": ("评分项", "得分", "达到", "依据")}
TITLE = {"en": "Grades", "zh": "成绩"}
GRADED = {"en": "{} graded: {}", "zh": "共评 {} 份：{}"}
WRONG = {"en": "; ", "zh": "；"}  # between problems
ALIGNED = "llrlrrl"
_WIDEST = (32, 16, 12, 22, 12, 12, 100)


def rows(grades: Sequence[Grade], language: str = "en") -> list[tuple[str, ...]]:
    """The cells under HEADER, plain text; claimed and measured are of the first metric."""
    found: list[tuple[str, ...]] = []
    for grade in grades:
        metric = next(iter(grade.measured), "")
        wrong = WRONG[language].join(_problem(problem, language) for problem in grade.problems)
        found.append((plain(f"{grade.name} {grade.student}", 200), plain(grade.assignment, 60),
                      f"{grade.score:g} / {grade.max_score:g}",
                      name_of(grade.verdict, language), _value(grade.claimed, metric), _value(grade.measured, metric),
                      plain(wrong)))
    return found


def counts(grades: Sequence[Grade], language: str = "en") -> str:
    """One line: how many there are of each verdict."""
    found = Counter(name_of(grade.verdict, language) for grade in grades)
    return GRADED[language].format(len(grades),
                                   ", ".join(f"{count} {verdict}" for verdict, count in found.most_common()))


def table(grades: Sequence[Grade], language: str = "en") -> str:
    """For a file, columns aligned; over-long cells are cut."""
    return "\n".join([*text_table(_cells(grades, language), ALIGNED), counts(grades, language)]) + "\n"


def shown_table(grades: Sequence[Grade], language: str = "en") -> str:
    """The same for a terminal: not wider than it."""
    return "\n".join([*fitted_table(_cells(grades, language), ALIGNED), *wrapped(counts(grades, language))]) + "\n"


def _cells(grades: Sequence[Grade], language: str) -> list[list[str]]:
    return [[cut(cell, most) for cell, most in zip(row, _WIDEST)]
            for row in (HEADER[language], *rows(grades, language))]


def details(grade: Grade, language: str = "en") -> str:
    """A single grade for a terminal: each criterion, then what was found."""
    cells = [LINES[language]]
    cells += [(cut(plain(line.title.get(language) or line.id), 48), f"{line.points:g} / {line.max:g}",
               "✓" if line.passed else "✗", cut(plain(line.message[language]), 110)) for line in grade.criteria]
    whole = f"{plain(grade.name, 80)}: {grade.score:g} / {grade.max_score:g}, {name_of(grade.verdict, language)}"
    return "\n".join([*fitted_table(cells, "lrll"), *(line for text in summary(grade, language).splitlines()
                                                     for line in wrapped(text)), "", *wrapped(whole)]) + "\n"


def markdown_page(grades: Sequence[Grade], language: str = "en") -> str:
    """Markdown, in which no text of a submission is markup."""
    lines = markdown_table([HEADER[language], *rows(grades, language)], ALIGNED)
    return "\n".join([f"# {TITLE[language]}", "", counts(grades, language), "", *lines]) + "\n"


def _problem(problem: dict[str, str], language: str) -> str:
    """Its kind, in Chinese what that means, and what was found."""
    kind, message = problem["kind"], problem["message"]
    return in_both(kind, message)[1] if language == "zh" else f"{kind}: {message}"


def _value(values: dict[str, float], metric: str) -> str:
    return f"{values[metric]:.4f}" if metric in values else ""
