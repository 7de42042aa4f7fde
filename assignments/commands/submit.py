"""The student's zip of a finished run, checked as a teacher's machine will check it: python -m assignments submit
RUN"""

import argparse
import shutil
import zipfile
from pathlib import Path
from typing import Any

from assignments.commands.grade import MEMORY, choose, draw, show
from assignments.common.command_line import add_command, speaks
from assignments.common.runs import find_run
from assignments.common.works import work_names
from assignments.common.zips import member
from data_tools.errors import KitError
from data_tools.files.atomic import atomic_path
from data_tools.files.places import short_path
from data_tools.language import language, spoken
from data_tools.progress import size


def add_to(commands: Any) -> None:
    """The command and its options."""
    command = add_command(commands, "submit", submit_command)
    command.add_argument("target", metavar="RUN|NAME", help="a run folder, or an assignment (its best run)")
    command.add_argument("--exercises", type=Path, metavar="FOLDER",
                         help="hand in the exercises of the assignment NAME that are filled in there")
    command.add_argument("-o", "--out", type=Path, metavar="FILE.zip", help="default: NAME-RUN.zip here")
    command.add_argument("--rubric", type=Path, metavar="FILE", help="the teacher's (default: the kit's)")
    speaks(command)


def submit_command(arguments: argparse.Namespace) -> int:
    """The zip of a finished run that is handed in, checked as the teacher will check it."""
    if arguments.exercises:
        from assignments.commands.submit_exercises import submit_exercises

        return submit_exercises(arguments.target, arguments.exercises, arguments.out, language())
    return submit(arguments.target, arguments.out, arguments.rubric, language())


def submit(target: str, out: Path | None = None, rubric: Path | None = None, language: str = "en") -> int:
    """Write the zip of a run folder, or of an assignment's best finished run, grade it and print how it fared.

    out: default NAME-RUN.zip here; an earlier submission there is replaced, anything else is left alone. rubric: the
    teacher's, else the kit's for the run's own data. KitError for a run that has not finished, with the command that
    finishes it, for one that nobody could grade, and for an `out` that is something else.
    """
    from reports.grading.submission import NEEDED
    from reports.run_reader import Run

    run, name = find_run(target, work_names(), NEEDED)
    options = choose([name], [f"{name}={Run(run, name).setting('data', '')}"], rubric)
    draw(options["data"])
    out = out or Path(f"{name}-{run.name}.zip")
    if out.suffix != ".zip":
        raise KitError(f"{out}: a submission is a zip file; give a name that ends in .zip")
    replaced = out.exists()
    if replaced and not _is_submission(out):
        raise KitError(f"{out} is there already and no submission, so it is not replaced; give another name with -o, "
                       f"or delete it")
    with atomic_path(out) as temporary:
        pack(run, temporary)
        grade = _grade(temporary, out.stem, options, language)
        # a machine with the real data can judge that one
        if grade.verdict == "incomplete" and grade.kinds != ["other-data"]:
            raise KitError(f"{run} cannot be graded: "
                           f"{grade.problems[0]['message'] if grade.problems else 'nothing was measured'}")
        show([grade], language)
    print(spoken(f"{'replaced' if replaced else 'written to'} {short_path(out)} ({size(out.stat().st_size)})"))
    return 0


def pack(run: Path, out: Path) -> None:
    """The files that grading reads and nothing else, as a zip whose bytes depend on them alone."""
    from reports.grading.submission import TAKEN

    with zipfile.ZipFile(out, "w") as archive:
        for name in TAKEN:
            if (run / name).is_file():
                with open(run / name, "rb") as source, archive.open(member(name), "w", force_zip64=True) as target:
                    shutil.copyfileobj(source, target, 1 << 20)


def _is_submission(file: Path) -> bool:
    """Whether it is a zip as pack() makes them."""
    from reports.grading.submission import NEEDED, TAKEN

    try:
        with zipfile.ZipFile(file) as archive:
            return set(NEEDED) <= set(archive.namelist()) <= set(TAKEN)
    except (OSError, ValueError, zipfile.BadZipFile):
        return False


def _grade(file: Path, name: str, options, language: str):
    """The grade of a zip, in a process of its own as for a class."""
    from reports.grading.class_run import grade_class
    from reports.grading.limits import Limits
    from reports.grading.scratch import scratch_folder

    with scratch_folder("kit-submit-") as folder:
        return grade_class({name: file}, folder, "assignments.commands.grade:works", options,
                           assignment=options["names"][0],
                           limits=Limits(memory_mb=MEMORY), jobs=1, progress=False, language=language)[0]
