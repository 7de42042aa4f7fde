"""A class as a learning platform gives it: which file is whose, and of two of one student the later.

Moodle makes a folder per student, "Ann Lee_20412_assignsubmission_file_", or begins every file with that; Canvas calls
files "leeann_LATE_1234_567890_backprop.zip" with the numbers of student and file.
"""

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from math import ceil
from pathlib import Path

from data_tools.errors import KitError
from reports.grading.submission import NEEDED
from reports.grading.unpack import is_archive

MOODLE = re.compile(r"(?P<name>.+)_(?P<id>\d+)_assignsubmission_[a-z]+_?")
CANVAS = re.compile(r"(?P<name>[^_\d][^_]*)_(?P<late>LATE_)?(?P<id>\d+)_(?P<file>\d+)_.+", re.IGNORECASE)
SYSTEM = re.compile(r"\.(?!.*\.(zip|rar|7z|tar|t?gz)$)|__MACOSX$|Thumbs\.db$|desktop\.ini$|\._", re.IGNORECASE)
TEACHERS = (".csv", ".tsv", ".txt", ".md", ".xls", ".xlsx", ".ods", ".yaml", ".yml", ".log")  # lists, notes, rubrics
CLUTTER = re.compile(r"__MACOSX$|Thumbs\.db$|desktop\.ini$|\._|\.DS_Store$", re.IGNORECASE)  # not worth a word
MOST = 5000  # files of a student's folder that are looked at
DAY = 86400


@dataclass(frozen=True)
class Student:
    """Of whom a submission is, as far as its name tells; late: the platform says so."""

    id: str = ""
    name: str = ""
    late: bool = False
    number: int = 0
    """of the file, which grows with every file that is handed in"""


@dataclass
class Handed:
    """What was handed in beside the file that is graded, and when. due: seconds since 1970; rate: share of the points
    that a begun day costs."""

    student: Student = field(default_factory=Student)
    time: float = 0.0
    left_out: Sequence[str] = ()
    due: float | None = None
    rate: float = 0.0

    @property
    def days(self) -> int:
        """Begun days after the due date."""
        return max(0, ceil((self.time - self.due) / DAY)) if self.due is not None else 0

    @property
    def notes(self) -> list[str]:
        """What the teacher should know, in words."""
        found = [f"of this student's files the last was taken; left out: {', '.join(self.left_out)}"
                 ] * bool(self.left_out)
        found += [f"{self.days} days late"] * bool(self.days)
        return found + ["late, says the platform"] * (self.student.late and not self.days)


def student_of(path: Path) -> Student:
    """The student that the name of a file or folder, or of the folder around it, tells; empty where none does."""
    moodle = MOODLE.match(path.name) or MOODLE.fullmatch(path.parent.name)
    if moodle:
        return Student(moodle["id"], moodle["name"])
    canvas = CANVAS.fullmatch(path.name)
    if canvas:
        return Student(canvas["id"], canvas["name"], bool(canvas["late"]), int(canvas["file"]))
    return Student()


def is_run(folder: Path, others: Iterable[str] = ()) -> bool:
    """Whether files of a run stand in it, or others that are handed in."""
    return any((folder / name).exists() for name in (*NEEDED, *others))


def members(folder: Path, out: Path | None = None) -> tuple[list[Path], list[str]]:
    """(all that was handed in in a folder of a class, names of what was left out) without the folder of grades: the
    teacher's own files (TEACHERS, hidden ones) are no submissions, unless a platform says whose they are."""
    return handed_in(sorted(folder.iterdir()), out)


def handed_in(paths: Iterable[Path], out: Path | None = None) -> tuple[list[Path], list[str]]:
    """As members(), of paths that were named together, perhaps by FOLDER/*."""
    own = out.resolve() if out else None
    paths = [path for path in paths if own is None or path.resolve() != own]
    handed = [path for path in paths if not _is_teachers(path)]
    return handed, [path.name for path in paths if _is_teachers(path) and not CLUTTER.match(path.name)]


def _is_teachers(entry: Path) -> bool:
    if SYSTEM.match(entry.name) or entry.name.startswith(".") and entry.is_dir():
        return True
    return entry.suffix.lower() in TEACHERS and not student_of(entry).id and not entry.is_dir()


def one_each(paths: Iterable[Path]) -> dict[Path, Handed]:
    """{what is graded: what is known of it}: of a student whom a platform names, runs and archives before other files,
    and of these the last."""
    found: dict[Path, Handed] = {}
    same: dict[str, list[Path]] = defaultdict(list)
    for path in paths:
        student = student_of(path)
        for file in _files_of(path) if student.id and path.is_dir() and not path.is_symlink() else [path]:
            same[student.id or str(file)].append(file)
    for files in same.values():
        *rest, last = sorted(files, key=lambda file: (is_archive(file) or file.is_dir(), student_of(file).number,
                                                      _time(file), file.name))
        found[last] = Handed(student_of(last), _time(last), [file.name for file in rest])
    return found


def _files_of(folder: Path) -> list[Path]:
    """The folder itself where it holds a run, at any depth; else the files in it."""
    inside = list(islice(folder.rglob("*"), MOST))
    if is_run(folder) or any(is_run(entry) for entry in inside if entry.is_dir()):
        return [folder]
    files = [entry for entry in folder.iterdir() if entry.is_file() and not SYSTEM.match(entry.name)]
    if any(file.suffix == ".py" for file in files) and not any(map(is_archive, files)):
        return [folder]  # exercises, which are several files
    return files or [folder]


def _time(path: Path) -> float:
    """When it was handed in: the time of the file, of a folder the last in it."""
    files = islice(path.rglob("*"), MOST) if path.is_dir() and not path.is_symlink() else [path]
    return max((os.lstat(file).st_mtime for file in files if os.path.lexists(file)), default=0.0)


def due_date(text: str) -> float:
    """Seconds since 1970 of "2026-05-31" (its end) or "2026-05-31 18:00", of this machine's time; KitError."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise KitError(f"--due {text}: expected a date or a date and a time, as 2026-05-31 or \"2026-05-31 18:00\""
                       ) from None
    return found.timestamp() + (DAY if len(text) <= 10 else 0)


def with_due(handed: Mapping[Path, Handed], due: str, percent: float) -> None:
    """Set the due date of all, and how many percent of the points a begun day costs."""
    if not 0 <= percent <= 100:
        raise KitError(f"--late {percent:g}: expected 0 to 100 percent a day")
    for one in handed.values():
        one.due, one.rate = due_date(due), percent / 100
