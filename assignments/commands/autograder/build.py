"""Builds the autograder zip: setup.sh and run_autograder at its root, the kit's code, the rubric, the grader's data."""

import argparse
import json
import re
import shlex
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from assignments.commands.grade import data_words, default_data, is_place, rubric_file, standard_rubric, works
from assignments.common.command_line import add_command, speaks
from assignments.common.exercises import has_exercises, hint_cost
from assignments.common.works import work_names
from assignments.common.zips import member
from data_tools.errors import KitError
from data_tools.files.atomic import atomic_path
from data_tools.files.places import PROJECT_ROOT, expand
from data_tools.language import language, show

HERE = Path(__file__).resolve().parent
FOLDERS = ("assignments", "data_tools", "paddle_models", "reports")
LEFT_OUT = {"__pycache__", "pretrained", "benchmarks", "out"}  # folders that grading does not need
SUFFIXES = {".py", ".yaml", ".html", ".css", ".js", ".json"}
SCRIPTS = ("setup.sh", "run_autograder")
INSTALLED_BY = ("pyproject.toml", "setup.py")  # what `-e .` of the requirements files reads
DATA = "grader_data"  # the grader's data inside the zip
LARGEST = 100 * 2**20  # bytes of the data; Gradescope takes no larger zip


def add_to(commands: Any) -> None:
    """The command and its options."""
    command = add_command(commands, "gradescope", gradescope)
    command.add_argument("name", choices=work_names())
    command.add_argument("-o", "--out", type=Path, default=Path("autograder.zip"), metavar="FILE.zip",
                         help="default: autograder.zip")
    command.add_argument("--data", default="",
                         help="the grader's data: a folder or file, which goes into the zip, or sample, "
                                                    "for swift_srgan also photographs (default: as the preset sample)")
    command.add_argument("--rubric", type=Path, metavar="FILE", help="default: the kit's for these data")
    command.add_argument("--hint-cost", type=float, default=0.0, metavar="PERCENT", help="as of `grade`")
    speaks(command, "language of the grades")


def gradescope(arguments: argparse.Namespace) -> int:
    """Build the autograder zip with which Gradescope grades submissions of a work."""
    count = build_autograder(arguments.name, arguments.out, arguments.data, arguments.rubric, language(),
                             percent=hint_cost(arguments.hint_cost))
    show(f"written to {arguments.out} ({count} files, {arguments.out.stat().st_size / 1e6:.1f} MB)")
    return 0


def build_autograder(name: str, out: Path, data: str = "", rubric: Path | None = None, language: str = "en",
                     seconds: int = 300, megabytes: int = 1500, percent: float = 0.0) -> int:
    """Write the autograder of the assignment `name` to `out`; returns the number of files in it.

    data: as --data of the assignment's run.py; a folder or file is opened as `grade` opens it, then packed into the
    zip.
    Empty: what the preset sample takes. rubric: a teacher's file, else the kit's for these data. percent: what a hint
    costs of an exercise's points. KitError for a rubric with mistakes, and for data that are not there, not this
    assignment's, or too much.
    """
    from reports.grading.likeness import FINGERPRINTS, fingerprints
    from reports.grading.rubric import read_rubric

    if out.suffix != ".zip":
        raise KitError(f"{out}: the autograder is a zip file; give a name that ends in .zip")
    data, words = data or default_data(name), data_words(name)
    if data and data not in words and not (words and is_place(data)):
        wanted = f"there is no such folder or file; give a path, or the word {' or '.join(words)}"
        packaged = f"{name} is graded on data that come with its packages; leave --data out"
        raise KitError(f"--data {data}: {wanted if words else packaged}")
    if rubric and read_rubric(rubric).assignment != name:
        raise KitError(f"{rubric} is a rubric of {read_rubric(rubric).assignment}, not of {name}")
    rubric = rubric or rubric_file(name, data)
    members = dict(_kit())
    if is_place(data):
        place = expand(data).resolve()
        # here its errors are read, there all submissions would get 0
        works([name], {name: str(place)}, {name: str(rubric or "")})
        members.update(_data(place))
        show(f"{data} goes into the zip, to be uploaded with it: mind the terms of these data")
        data = f"{DATA}/{place.name}"
    members["rubric.yaml"] = _rubric(name, rubric)
    members[FINGERPRINTS.relative_to(PROJECT_ROOT).as_posix()] = json.dumps(fingerprints()).encode()
    members["settings.sh"] = _settings(name, data, language, seconds, megabytes, percent)
    for script in SCRIPTS:
        members[script] = _text(HERE / script)
    with atomic_path(out) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name in sorted(members):
            archive.writestr(member(name, executable=name in SCRIPTS), members[name])
    return len(members)


def _rubric(name: str, file: Path | None) -> bytes:
    """The rubric as a file that says what it is of."""
    import yaml

    text = _text(file) if file else yaml.safe_dump(standard_rubric(name), allow_unicode=True).encode()
    return text if re.search(rb"^assignment:", text, re.MULTILINE) else f"assignment: {name}\n".encode() + text


def _kit() -> Iterator[tuple[str, bytes]]:
    """The kit's code and what it reads beside its modules; no tests, runs, caches or weights."""
    for folder in FOLDERS:
        for path in sorted((PROJECT_ROOT / folder).rglob("*")):
            inside = path.relative_to(PROJECT_ROOT)
            hidden = any(part in LEFT_OUT or part.startswith(".") for part in inside.parts)
            if not hidden and path.suffix in SUFFIXES and path.is_file():
                yield inside.as_posix(), _text(path)
    for path in (*sorted(PROJECT_ROOT.glob("requirements*.txt")), *(PROJECT_ROOT / name for name in INSTALLED_BY)):
        yield path.name, _text(path)


def _data(place: Path) -> dict[str, bytes]:
    """The grader's data: a file, or every file of a folder."""
    files = [place] if place.is_file() else sorted(path for path in place.rglob("*") if path.is_file())
    size = sum(path.stat().st_size for path in files)
    if size > LARGEST:
        raise KitError(f"{place} has {size >> 20} MB, and Gradescope takes zip files of {LARGEST >> 20} MB; give a "
                       f"folder with a "
                       "part of the data (the images that are judged on, and the label files)")
    return {f"{DATA}/{path.relative_to(place.parent).as_posix()}": path.read_bytes() for path in files}


def _settings(name: str, data: str, language: str, seconds: int, megabytes: int, percent: float) -> bytes:
    """Shell variables for the two scripts."""
    trusted = f"--trust --hint-cost {percent:g}"  # the container holds nothing else to lose
    lines = [f"exercises={shlex.quote(trusted) if has_exercises(name) else ''}",
             f"assignment={shlex.quote(name)}", f"data={shlex.quote(data)}", f"language={shlex.quote(language)}",
             f"seconds={int(seconds)}", f"megabytes={int(megabytes)}", 'python=${KIT_PYTHON:-$root/venv/bin/python}',
             'export KIT_CACHE=$root/cache KIT_SAMPLES=$root/samples KIT_RUNS=$root/runs']
    return ("\n".join(lines) + "\n").encode()


def _text(path: Path) -> bytes:
    """Text of the kit with LF at its line ends, wherever it was checked out."""
    return path.read_bytes().replace(b"\r\n", b"\n")
