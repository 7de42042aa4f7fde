"""grades.csv of a class in the columns that nbgrader exports, and one of notes; no cell is a formula."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from data_tools.files.atomic import write_atomically
from reports.grading.chinese import said
from reports.grading.grade_one import Grade
from reports.tables import csv_cell

COLUMNS = ("assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email", "raw_score",
           "late_submission_penalty", "score", "max_score", "notes")  # the last is none of nbgrader's
MORE = ("verdict", "problems")  # after nbgrader's, so that a reader of its columns finds them where they are


def grades_csv(grades: Sequence[Grade], more: bool = False, language: str = "en") -> str:
    """A line per submission; its name is the student_id. more: verdict and problems in two further columns.
    language: of the notes."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS + (MORE if more else ()))
    for grade in grades:
        first, _, last = grade.student.rpartition(" ")
        # no points, not even none, for what the grader could not judge
        raw, score = ("", "") if grade.unjudged else (grade.score, round(grade.score - grade.penalty, 6))
        notes = " | ".join(said(note, language) for note in grade.notes)
        row = [grade.assignment, grade.due, grade.handed_in, grade.name, last, first, "", raw, grade.penalty, score,
               grade.max_score, notes]
        writer.writerow([csv_cell(value) for value in row + ([grade.verdict, " ".join(grade.kinds)] if more else [])])
    return stream.getvalue()


def write_grades_csv(path: Path, grades: Sequence[Grade], more: bool = False, language: str = "en") -> None:
    """Write grades.csv."""
    write_atomically(Path(path), grades_csv(grades, more, language).encode())
