"""A class of submissions: several at a time, each grade written at once, so that the same command goes on where it
stopped."""

import csv
import hashlib
import io
import json
import os
import re
import signal
import stat
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from data_tools.errors import BadFile, KitError
from data_tools.files.atomic import write_atomically
from data_tools.language import said
from data_tools.progress import Progress, tell
from data_tools.terminal import is_live
from reports.grading import class_page, grades_csv, gradescope, junit, likeness, table
from reports.grading.class_folder import Handed, student_of
from reports.grading.grade_one import Grade
from reports.grading.inert import plain
from reports.grading.jail import GRADE_LIMIT, Jail, Task
from reports.grading.limits import Limits
from reports.grading.unpack import open_plain
from reports.grading.verdict import name_of
from reports.tables import csv_cell

LONGEST_STEM = 80  # characters of a file name that is made of a submission's name
# ends the file name of a submission whose own name does not do: nobody may choose it
MADE = re.compile("-[0-9a-f]{10}$")
HASHED = 1 << 16   # files of a folder that are looked at for changes
SAME = ("submission", "other", "share of weights that differ", "equal predictions", "sha256 of its weights",
        "sha256 of the other's")
SUFFIX = re.compile(r"(\.tar\.\w+|\.[A-Za-z0-9]{2,5})$")
LARGEST_HASHED = 4 << 30  # bytes of a zip, or of a folder's files together; what is more is told apart by size and time


def name_submissions(paths: Sequence[Path]) -> dict[str, Path]:
    """{name: path}: the student's number where a platform tells it, else file or folder names without .zip or the like;
    with it where two are called alike, with their folders' names where two would still be the same.

    KitError for a path that is not there.
    """
    paths = list(dict.fromkeys(Path(os.path.abspath(path)) for path in paths))
    for path in paths:
        if not os.path.lexists(path):
            raise KitError(f"{path}: there is no such submission; give run folders or zip files")
    plain_names = [student_of(path).id or _stem(path) for path in paths]
    alike = {name for name, count in Counter(plain_names).items() if count > 1}
    names = [path.name if name in alike else name for name, path in zip(plain_names, paths)]
    if len(set(names)) == len(names):
        return dict(zip(names, paths))
    for depth in range(2, max((len(path.parts) for path in paths), default=1) + 1):
        names = ["/".join((*path.parts[-depth:-1], _stem(path))) for path in paths]
        if len(set(names)) == len(names):
            return dict(zip(names, paths))
    return {str(path): path for path in paths}


def _stem(path: Path) -> str:
    """The name of a folder, of a file without what says its kind."""
    return path.name if path.is_dir() else SUFFIX.sub("", path.name) or path.name


def _compared(grades: Mapping[str, Grade], out: Path) -> dict[str, Grade]:
    """The grades with notes on weights and answers that others handed in, too; same.csv lists the pairs."""
    works: dict[str, dict[str, Any]] = defaultdict(dict)
    for name, grade in grades.items():
        if grade.sketches:
            works[grade.assignment][name] = grade.sketches
    pairs = [pair for sketches in works.values() for pair in likeness.alike(sketches)]
    stream = io.StringIO(newline="")
    rows = [(csv_cell(one), csv_cell(other), share, "yes" if same else "no", grades[one].weights, grades[other].weights)
            for one, other, share, same in pairs]
    csv.writer(stream, lineterminator="\n").writerows([SAME, *rows])
    write_atomically(out / "same.csv", stream.getvalue().encode())
    notes = likeness.notes_of(pairs)
    return {name: replace(grade, notes=[*grade.notes, *(plain(note) for note in notes.get(name, ()))])
            for name, grade in grades.items()}


def _with_student(grade: Grade, one: Handed) -> Grade:
    """A grade with what is known of who handed it in, and when."""
    def moment(seconds: float) -> str:
        return datetime.fromtimestamp(seconds).isoformat(" ", "seconds")

    return replace(grade, student=plain(one.student.name, 100), notes=[*grade.notes, *map(plain, one.notes)],
                   handed_in=moment(one.time) if one.time else "", due="" if one.due is None else moment(one.due),
                   penalty=round(grade.score * min(1.0, one.rate * one.days), 6))


def grade_class(submissions: Mapping[str, Path], out: Path, works: str, options: Mapping[str, Any], *,
                assignment: str | None = None, limits: Limits | None = None, jobs: int | None = None,
                again: bool = False, progress: bool = True, language: str = "en", visibility: str = "visible",
                handed: Mapping[str, Handed] | None = None) -> list[Grade]:
    """Grade all and write out/: grades/NAME.json, gradescope/NAME.json, and over all grades.csv, junit.xml, table.*.

    handed: who handed in what, by the same names. works, options: see jail.Jail. jobs: at a time, default the cores. A
    submission whose bytes, rubric and data are as they were keeps its grade, unless `again`. The grades are returned in
    the order of `submissions`. After Ctrl-C or SIGTERM the outputs hold what is done and KeyboardInterrupt is raised.
    """
    with _own_trouble():
        return _grade_class(submissions, out, works, options, assignment=assignment, limits=limits, jobs=jobs,
                            again=again, progress=progress, language=language, visibility=visibility,
                            handed=handed or {})


@contextmanager
def _own_trouble() -> Iterator[None]:
    """An error of the system in this process, which opens no submission, is told as the grader's."""
    try:
        yield
    except OSError as error:
        raise KitError(f"grading stopped: {error.strerror or error}{f', {error.filename}' if error.filename else ''}. "
                       "What was graded is kept; mend this and repeat the command") from error


def _grade_class(submissions: Mapping[str, Path], out: Path, works: str, options: Mapping[str, Any], *,
                 assignment: str | None, limits: Limits | None, jobs: int | None, again: bool, progress: bool,
                 language: str, visibility: str, handed: Mapping[str, Handed]) -> list[Grade]:
    from paddle_models.environment import cores

    out, limits, jobs = Path(out), limits or Limits(), min(jobs or cores(), max(1, len(submissions)))
    files = _file_names(submissions)
    with _terminating_as_interrupt(), Jail(works, options, limits, jobs, assignment) as jail:
        if jail.notice:
            print(f"notice: {jail.notice}")
        kept = _Kept(out / "grades", jail.key, files)
        grades = kept.find(submissions)
        if again:
            grades = {}
        waiting = [Task(name, path) for name, path in submissions.items() if name not in grades]
        try:
            if progress and not is_live():
                tell(said(f"grading {len(waiting)} of {len(submissions)} submissions"))
            with Progress(len(submissions), "grading", progress).begun(len(grades)) as bar:
                for task, grade in jail.grade(waiting):
                    grades[task.name] = grade
                    kept.write(task.name, grade)
                    bar.advance(f"{plain(task.name, 24)} {name_of(grade.verdict, language)}")
        finally:
            done = {name: _with_student(grades[name], handed.get(name, Handed()))
                    for name in submissions if name in grades}
            done = _compared(done, out)
            write_outputs(list(done.values()), out, language)
            for name, grade in done.items():
                if not grade.unjudged:  # there would be a score in it
                    gradescope.write_results(out / "gradescope" / f"{files[name]}.json", grade, language, visibility)
    return list(done.values())


def write_outputs(grades: Sequence[Grade], out: Path, language: str = "en") -> None:
    """grades.csv (nbgrader's columns), verdicts.csv (two more), junit.xml, table.txt, table.md, table.html and
    counts.json."""
    grades_csv.write_grades_csv(out / "grades.csv", grades, language=language)
    grades_csv.write_grades_csv(out / "verdicts.csv", grades, True, language)
    junit.write_junit(out / "junit.xml", grades, language)
    for suffix, made in (("txt", table.table), ("md", table.markdown_page), ("html", class_page.html_page)):
        write_atomically(out / f"table.{suffix}", made(grades, language).encode())
    counts = {"graded": len(grades), "verdicts": Counter(grade.verdict for grade in grades),
              "problems": Counter(kind for grade in grades for kind in set(grade.kinds))}
    write_atomically(out / "counts.json", (json.dumps(counts, indent=2) + "\n").encode())


def content_hash(path: Path) -> str:
    """Changes with the bytes that are handed in: of a zip, or of a folder's files and their names. Links are not
    followed.

    Times would not do: those of all files that were unpacked from the zips of `submit` are the same.
    """
    digest = hashlib.sha256()
    try:
        about = os.lstat(path)
        if stat.S_ISREG(about.st_mode) and about.st_size > LARGEST_HASHED:
            digest.update(f"{about.st_size} {about.st_mtime_ns}".encode())
        elif stat.S_ISREG(about.st_mode):
            digest.update(_sha256_of(path, about))
        elif stat.S_ISDIR(about.st_mode):
            left = LARGEST_HASHED
            for name, file in sorted(_files_of(path)):
                left -= file.st_size
                told = _sha256_of(path / os.fsdecode(name), file) if stat.S_ISREG(file.st_mode) and left >= 0 else b""
                times = b"" if told else f" {file.st_mtime_ns}".encode()
                digest.update(name + f" {file.st_mode} {file.st_size} ".encode() + told + times + b"\n")
        else:
            digest.update(f"{about.st_mode} {about.st_ino}".encode())
    except BadFile as error:
        digest.update(error.kind.encode())
    except OSError as error:
        digest.update(f"{error.errno}".encode())
    return digest.hexdigest()


def _sha256_of(path: Path, listed: os.stat_result) -> bytes:
    digest = hashlib.sha256()
    with open_plain(path, listed) as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.digest()


def _files_of(top: Path) -> Iterator[tuple[bytes, os.stat_result]]:
    """(path inside, what the system says about it) of all that is in a folder, at most HASHED; links and folders
    too."""
    waiting, count = [top], 0
    while waiting:
        with os.scandir(waiting.pop()) as found:
            for item in found:
                count += 1
                if count > HASHED:
                    return
                about = item.stat(follow_symlinks=False)
                if stat.S_ISDIR(about.st_mode):
                    waiting.append(Path(item.path))
                yield os.fsencode(os.path.relpath(item.path, top)), about


@dataclass
class _Kept:
    """Grades of earlier calls: {"key", "content", "grade"} per submission."""

    folder: Path
    key: str
    files: Mapping[str, str]

    def __post_init__(self) -> None:
        self.contents: dict[str, str] = {}

    def find(self, submissions: Mapping[str, Path]) -> dict[str, Grade]:
        """The grades that still hold."""
        self.contents = {name: content_hash(path) for name, path in submissions.items()}
        found = {name: self._read(name) for name in submissions}
        return {name: grade for name, grade in found.items() if grade is not None}

    def write(self, name: str, grade: Grade) -> None:
        """Keep a grade."""
        kept = {"key": self.key, "content": self.contents[name], "grade": grade.to_dict()}
        text = json.dumps(kept, indent=2, ensure_ascii=False, allow_nan=False)
        write_atomically(self.folder / f"{self.files[name]}.json", (text + "\n").encode())

    def _read(self, name: str) -> Grade | None:
        file = self.folder / f"{self.files[name]}.json"
        if not file.is_file() or file.stat().st_size > 2 * GRADE_LIMIT:
            return None
        try:
            kept = json.loads(file.read_bytes())
            if kept["key"] == self.key and kept["content"] == self.contents[name]:
                grade = Grade.from_dict(kept["grade"])
                return None if grade.unjudged else grade  # the key does not tell what was mended meanwhile
        except (ValueError, KeyError, TypeError, KitError):
            return None  # no grade of this kit: it is made again
        return None


def _file_names(names: Sequence[str] | Mapping[str, Any]) -> dict[str, str]:
    """{name: a file name without suffix} that is safe everywhere; changed names end in a part of their hash."""
    found = {}
    for name in names:
        stem = re.sub(r"[^\w.-]", "_", name)[:LONGEST_STEM].strip(".")
        if stem.casefold() != name or len(stem.encode()) > 200 or MADE.search(name):
            stem = f"{stem[:40]}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:10]}"
        found[name] = stem
    return found


@contextmanager
def _terminating_as_interrupt() -> Iterator[None]:
    """SIGTERM within is what Ctrl-C is: outputs are written on the way out."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
