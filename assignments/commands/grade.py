"""Grade run folders and zips of them: python -m assignments grade PATH...

What is common to all works is in reports/grading/; how a work judges follows from its Work, and rubrics are YAML.
"""

import argparse
import json
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from assignments.common.command_line import add_command, speaks
from assignments.common.exercises import (
    exercise_files,
    exercises_of,
    has_exercises,
    hint_cost,
    kept_seed,
    named_by_files,
)
from assignments.common.works import FOLDER, PRESETS, work_names, work_of
from data_tools.errors import KitError
from data_tools.files.places import expand
from data_tools.language import language, spoken

OUT = Path("grading")  # where grades go unless told otherwise
MEMORY = 1500  # MB of all submissions that are judged at a time; with the kit itself, which they share, less than 2 GB
EACH, LEAST = 700, 300  # MB by which jobs are chosen; MB below which no network can be judged
NOT_PLACES = ("sample", "photographs")  # words for --data, even where a folder is called so


def add_to(commands: Any) -> None:
    """The command and its options."""
    command = add_command(commands, "grade", grade)
    command.add_argument("paths", nargs="*", type=Path, metavar="PATH",
                         help="run folders, zips of them, or folders of both")
    command.add_argument("--assignment", choices=work_names(), help="what every submission has to be of")
    command.add_argument("--data", action="append", default=[], metavar="NAME=PATH",
                         help="the grader's data, as --data of that "
                         "assignment's run.py; may be given several times (default: those of its preset sample)")
    command.add_argument("--rubric", type=Path, metavar="FILE",
                         help="default: that of the assignment for these data, "
                                                                     "rubric.yaml or another beside it")
    command.add_argument("--out", type=Path, default=OUT, metavar="FOLDER", help=f"default: {OUT}")
    command.add_argument("--jobs", type=int, metavar="N",
                         help=f"submissions at a time (default: as many as cores, with {EACH} MB "
                                                               "each)")
    command.add_argument("--time", type=float, default=120.0, metavar="SECONDS",
                         help="for one submission (default: 120)")
    command.add_argument("--memory", type=int, default=MEMORY, metavar="MB",
                         help="for all that are judged at a time, in equal "
                                                                                  f"shares (default: {MEMORY})")
    speaks(command)
    command.add_argument("--due", metavar="DATE", help="when it was due, as 2026-05-31 or "
                         "\"2026-05-31 18:00\"; the times of the files count")
    command.add_argument("--late", type=float, default=0.0, metavar="PERCENT",
                         help="of the points, for each begun day after --due (default: 0)")
    command.add_argument("--gradescope", type=Path, metavar="FILE", help="also results.json of a single submission")
    command.add_argument("--junit", type=Path, metavar="FILE", help="also junit.xml there")
    command.add_argument("--csv", type=Path, metavar="FILE", help="also grades.csv there")
    command.add_argument("--seed", type=int, metavar="N",
                         help="of the random numbers of exercises (default: one that is drawn and kept in --out)")
    command.add_argument("--per-student", action="store_true", help="numbers of their own in each student's exercises")
    command.add_argument("--hint-cost", type=float, default=0.0, metavar="PERCENT",
                         help="of a function's points, for a hint that the student's record says was asked for "
                         "(default: 0)")
    command.add_argument("--trust", action="store_true",
                         help="run exercises even where this system cannot shut their code in: for a container that "
                         "holds nothing to lose")
    command.add_argument("--again", action="store_true", help="also what is graded already and has not changed since")
    command.add_argument("--prepare", action="store_true", help="only find, draw and decode the grader's data; "
                         "else the time in which large data are decoded counts as the first submissions'")


def grade(arguments: argparse.Namespace) -> int:
    """Grade run folders or zips of them, one or a class: weights judged again, claims compared, points by a rubric.

    0 when grading worked, whatever the grades, 130 when it was stopped. KitError for the grader's mistakes.
    """
    from reports.grading.class_folder import handed_in, one_each, with_due
    from reports.grading.class_run import grade_class, name_submissions
    from reports.grading.gradescope import write_results
    from reports.grading.limits import Limits

    if arguments.prepare:
        options = choose([arguments.assignment] if arguments.assignment else [], arguments.data, arguments.rubric)
        return prepare({**options, **_of_exercises(options, arguments)})
    if not arguments.paths:
        raise KitError("nothing to grade: name run folders, zips of them, or a folder of both")
    single = arguments.gradescope is not None
    several = len(arguments.paths) > 1  # perhaps by FOLDER/*, the teacher's own files among them
    named_paths, left_out = handed_in(arguments.paths, arguments.out) if several else (arguments.paths, [])
    given = [found_in(path, single, arguments.out) for path in named_paths]
    handed = one_each(path for found, _ in given for path in found)
    _say_left_out([*left_out, *(name for _, names in given for name in names)])
    paths = list(handed)
    if arguments.due:
        with_due(handed, arguments.due, arguments.late)
    if single and len(paths) != 1:
        raise KitError(f"--gradescope takes one submission, {len(paths)} were named")
    jobs, megabytes = shares(arguments.memory, arguments.jobs)
    limits = Limits(seconds=arguments.time, cpu_seconds=2 * arguments.time, memory_mb=megabytes)
    wanted = [arguments.assignment] if arguments.assignment else []
    seen = seen_in(paths, limits)
    check_data(seen, arguments.data)
    names = wanted or sorted({name for name, _ in seen.values() if name})
    options = choose(names if wanted or not arguments.rubric else [], arguments.data, arguments.rubric,
                     names[0] if len(names) == 1 else "")
    only = options["names"][0] if wanted or arguments.rubric else None
    if single:
        _remove(arguments.gradescope)  # one from before would pass for this submission's if grading failed
    draw(options["data"])
    options.update(_of_exercises(options, arguments))  # writes into --out
    try:
        named = name_submissions(paths)
        grades = grade_class(named, arguments.out, "assignments.commands.grade:works", options,
                             assignment=only,
                             limits=limits, jobs=jobs, again=arguments.again, language=language(),
                             handed={name: handed[path] for name, path in zip(named, paths)})
    except KeyboardInterrupt:
        print("\n" + spoken(f"stopped; what is graded is in {arguments.out}, the same command goes on from there"))
        return 130
    show(grades, language())
    _say_what_shut_in(grades)
    if any("out-of-memory" in made.kinds for made in grades):
        print(spoken(f"{megabytes} MB each were not enough for every submission; --memory gives more, fewer --jobs "
                     "larger shares"))
    _write_elsewhere(arguments)
    if single and not grades[0].unjudged:  # else run_autograder says that it failed itself
        write_results(arguments.gradescope, grades[0], language())
    print(spoken(f"written to {arguments.out}"))
    unjudged = [made.unjudged for made in grades if made.unjudged]
    if unjudged:
        raise KitError(f"{len(unjudged)} of {len(grades)} could not be judged, by no fault of theirs; mend this and "
                       f"repeat the "
                       f"command: {unjudged[0]}")
    return 0


def seen_in(paths: Sequence[Path], limits: Any) -> dict[Path, tuple[str | None, str | None]]:
    """{submission: (work, origin of its data)}, as far as they say so themselves."""
    from reports.grading.submission import peek

    seen = {path: peek(path, work_names(), limits) for path in paths}
    return {path: (name or named_by_files(path, limits), origin) for path, (name, origin) in seen.items()}


def check_data(seen: Mapping[Path, tuple[str | None, str | None]], data: Sequence[str]) -> None:
    """KitError where runs on real data would be judged on drawn or bundled pictures because --data was forgotten."""
    told = {pair.partition("=")[0] for pair in data}
    for name in sorted({name for name, _ in seen.values() if name} - told):
        default = default_data(name)
        others = {"sample": ("real", "subset"), "photographs": ("real",)}.get(default, ())
        real = [path.name for path, (work, origin) in seen.items() if work == name and origin in others]
        if real:
            raise KitError(f"{len(real)} of {len(seen)} submissions say that they are runs of {name} on real data "
                           f"({', '.join(real[:3])}{', ...' if len(real) > 3 else ''}), which {default} cannot judge. "
                           f"Nothing was graded; add --data {name}=PATH (--data {name}={default} grades them all the "
                           f"same)")


def _say_what_shut_in(grades: Sequence) -> None:
    """What the system offered to shut students' code in, once."""
    for line in sorted({made.output.partition("\n")[0] for made in grades if made.verdict == "graded"}):
        print(line)


def _of_exercises(options: Mapping[str, Any], arguments: argparse.Namespace) -> dict[str, Any]:
    """The grader's settings of exercises, where a work has some; the seed is kept in --out."""
    if not any(map(has_exercises, options["names"])):
        return {}
    return {"exercises": {"seed": kept_seed(arguments.out, arguments.seed), "trust": arguments.trust,
                          "per_student": arguments.per_student, "hint_cost": hint_cost(arguments.hint_cost)}}


def _write_elsewhere(arguments: argparse.Namespace) -> None:
    for name, target in (("junit.xml", arguments.junit), ("grades.csv", arguments.csv)):
        if target:
            _copy(arguments.out / name, target)


def prepare(options: Mapping[str, Any]) -> int:
    """Find, draw and decode the grader's data, and no more."""
    draw(options["data"])
    works(**options)
    for name, place in options["data"].items():
        work_of(name).prepare(place)
    return 0


def choose(names: Sequence[str] = (), data: Sequence[str] = (), rubric: Path | None = None,
           likely: str = "") -> dict[str, Any]:
    """{"names", "data", "rubrics"} for works(), of these works or of all. data: NAME=PATH each. rubric: a teacher's
    file; likely: its work where it names none.

    KitError for a rubric with mistakes and for names that there are not.
    """
    from reports.grading.rubric import read_rubric

    names = list(names) or work_names()
    if rubric is not None:
        named = read_rubric(rubric, likely).assignment
        if named not in names:
            raise KitError(f"{rubric} is a rubric of {named}; wanted is one of {', '.join(names)}")
        names = [named]
    places = {name: default_data(name) for name in names}
    for pair in data:
        name, equals, place = pair.partition("=")
        if not equals or name not in work_names():
            raise KitError(f"--data {pair}: expected NAME=PATH, NAME one of {', '.join(work_names())}")
        if name in places:
            places[name] = str(expand(place).absolute()) if is_place(place) else place
    rubrics = {name: str(rubric or rubric_file(name, places[name]) or "") for name in names}
    for name in names:
        rubric_of(name, rubrics[name])
    return {"names": names, "data": places, "rubrics": rubrics}


def shares(memory: int, jobs: int | None) -> tuple[int, int]:
    """(submissions at a time, MB for each) of --memory and --jobs; KitError where too little is left for each."""
    from paddle_models.environment import cores

    if jobs is not None and jobs < 1:
        raise KitError(f"--jobs {jobs}: give 1 or more")
    jobs = jobs or max(1, min(cores(), memory // EACH))
    if memory // jobs < LEAST:
        raise KitError(f"--memory {memory} leaves {memory // jobs} MB for each of {jobs} at a time, and judging takes "
                       f"{LEAST} or "
                       "more; give more memory or fewer --jobs")
    return jobs, memory // jobs


def is_place(data: str) -> bool:
    """Whether a value of --data is a folder or file that is there."""
    return bool(data) and data not in NOT_PLACES and expand(data).exists()


def data_words(name: str) -> list[str]:
    """What --data of an assignment may be when it is no folder or file: names of data that come with the kit."""
    return sorted({default_data(name), *(["sample"] if work_of(name).drawn else [])} - {""})


def default_data(name: str) -> str:
    """The data of the assignment's preset sample: what most submissions were made with, and what everybody has."""
    from paddle_models.trainer.settings import read_presets

    return str((read_presets(FOLDER / name / PRESETS)["sample"]["settings"] or {}).get("data", ""))


def rubric_file(name: str, data: str) -> Path | None:
    """The rubric in the folder of a work for these data; None where it has none."""
    wanted, usual = FOLDER / name / work_of(name).rubric(data, default_data(name)), FOLDER / name / "rubric.yaml"
    return next((file for file in (wanted, usual) if file.is_file()), None)


def rubric_of(name: str, file: str | Path | None):
    """The Rubric of a file; without one, form and claims, and what the preset sample expects."""
    from reports.grading.rubric import read_rubric, rubric_from

    return read_rubric(Path(file), name) if file else rubric_from(standard_rubric(name), f"assignments/{name}", name)


def standard_rubric(name: str) -> dict[str, Any]:
    """The values of the rubric of a work that has none of its own."""
    from paddle_models.trainer.settings import read_presets

    expects = read_presets(FOLDER / name / PRESETS)["sample"]["expects"]
    metric = str(expects["metric"])
    return {"tolerance": 0.02, "standard": True, "criteria": [
        {"id": metric, "kind": "metric", "metric": metric, "points": 86, "from": "baseline",
         "at_least": float(expects["low"] or expects["high"]),
         "title": {"en": f"Measured: {metric}", "zh": f"实测：{metric}"}}]}


def draw(data: Mapping[str, str]) -> None:
    """Draw the sets that are wanted, {assignment: data}, where there are none yet: here, where people see it."""
    from data_tools.sets.samples import draw_sample

    for name, place in data.items():
        if place == "sample" and work_of(name).drawn:
            draw_sample(work_of(name).drawn)


def works(names: Sequence[str], data: Mapping[str, str], rubrics: Mapping[str, str],
          exercises: Mapping[str, Any] | None = None):
    """{assignment: Work} for reports.grading: data found, rubrics checked against what is measured. exercises: the
    grader's settings of exercises_of()."""
    from assignments.common.settings import preset_settings
    from reports.grading.graded_work import GradedWork
    from reports.grading.rubric import check_metrics

    found = {}
    for name in names:
        work = work_of(name)
        ground, rubric = work.ground(data[name]), rubric_of(name, rubrics[name])
        preset_settings(work)
        check_metrics(rubric, ground.metrics, rubrics[name] or f"assignments/{name}")
        asked = exercises_of(name, exercises)
        fingerprint = ground.fingerprint + (json.dumps(exercises, sort_keys=True) if asked and exercises else "")
        found[name] = GradedWork(name, rubric, work.judge, data[name], fingerprint, work.score,
                                 documented(name, ground.metrics), asked)
    return found


def documented(name: str, metrics: Sequence[str]) -> dict[str, float]:
    """{metric: its number in the work's document}, of those that claims.yaml of the work has."""
    from data_tools.files.plain_yaml import parse_yaml

    file, found = FOLDER / name / "claims.yaml", {}
    for claim in parse_yaml(file.read_text(encoding="utf-8"), file) if file.is_file() else ():
        metric = re.sub(r"^sets\.([^.]+)\.", r"\1_", str(claim.get("result", "")).removeprefix("metrics."))
        value = (claim.get("document") or {}).get("value")
        if metric in metrics and isinstance(value, (int, float)):
            found[metric] = value / claim.get("scale", 1)
    return found


def _say_left_out(names: Sequence[str]) -> None:
    """The teacher's own files, once."""
    from reports.grading.inert import plain

    if names:
        more = f" and {len(names) - 10} more" * (len(names) > 10)
        print(spoken(f"left out, as no submissions: {', '.join(plain(name, 60) for name in names[:10])}{more}"))


def found_in(path: Path, single: bool = False, out: Path | None = None) -> tuple[list[Path], list[str]]:
    """(the submissions at a path: itself, or where it is a class, all that was handed in in it, without `out`; names
    of what was left out).

    single: a folder is one submission, unless all that is in it is a zip.
    """
    from reports.grading.class_folder import is_run, members

    written = exercise_files()
    if not path.exists() and not path.is_symlink():
        raise KitError(f"{path}: there is nothing of that name to grade")
    if path.is_symlink() or not path.is_dir() or is_run(path, written):
        return [path], []
    inside, left_out = members(path, out)
    zips = [entry for entry in inside if entry.suffix.lower() == ".zip"]
    if single:
        return (zips if len(zips) == 1 and not any(entry.is_dir() for entry in inside) else [path]), []
    if not inside or not left_out and len(inside) == 1 and inside[0].is_dir() and is_run(inside[0], written):
        return [path], []  # nothing, or a run in a folder of its own
    return inside, left_out


def show(grades: Sequence, language: str) -> None:
    """The table for the eye; of a single submission each criterion."""
    from reports.grading.table import details, shown_table

    print("\n" + (details(grades[0], language) if len(grades) == 1 else shown_table(grades, language)))


def _remove(target: Path) -> None:
    try:
        target.unlink(missing_ok=True)
    except OSError as error:
        raise KitError(f"cannot write {target}: {error.strerror}; choose another place") from None


def _copy(source: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    except OSError as error:
        raise KitError(f"cannot write {target}: {error.strerror}; choose another place") from None
