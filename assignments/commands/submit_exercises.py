"""The zip of exercises that is handed in: the named files and the record of hints, tried as the teacher will do."""

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

from assignments.commands.grade import show
from assignments.common.exercises import exercises_of
from assignments.common.works import work_names
from assignments.common.zips import member
from data_tools.errors import KitError
from data_tools.files.atomic import atomic_path
from data_tools.files.places import expand, short_path
from data_tools.language import spoken


def submit_exercises(name: str, folder: Path, out: Path | None, language: str) -> int:
    """Write the zip of a student's files, and print what they get with numbers that are not the teacher's.

    KitError for files that would not be run, with the reason.
    """
    from reports.grading.chinese import said
    from reports.grading.exercises import grade_exercises, read_files
    from reports.grading.hints import HINTS, asked_hints
    from reports.grading.limits import Limits
    from reports.grading.source_rules import remarks

    exercises = exercises_of(name) if name in work_names() else None
    if exercises is None:
        raise KitError(f"{name} has no exercises; those that have: "
                       f"{', '.join(each for each in work_names() if exercises_of(each))}")
    folder, out = expand(folder), out or Path(f"{name}-exercises.zip")
    if out.suffix != ".zip":
        raise KitError(f"{out}: a submission is a zip file; give a name that ends in .zip")
    texts = read_files(folder, exercises, Limits())
    missing = [f"{file}.py" for file in exercises.files if file not in texts]
    if missing:
        raise KitError(f"{folder}: {', '.join(missing)} missing; name the folder with the files that were filled in")
    forbidden = [remark for file, text in texts.items() for remark in remarks(file, text)]
    if forbidden:
        raise KitError(f"these files would not be run: {forbidden[0][language == 'zh']}")
    replaced = out.exists()
    if replaced and not _is_ours(out, exercises.files):
        raise KitError(f"{out} is there already and no submission, so it is not replaced; give another name with -o, "
                       "or delete it")
    with atomic_path(out) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for file in exercises.files:
            archive.writestr(member(f"{file}.py"), texts[file].encode())
        asked = asked_hints(folder, [each.name for each in exercises.exercises], Limits())
        if asked is not None:
            archive.writestr(member(HINTS), json.dumps(dict.fromkeys(asked, True)).encode())
    made = grade_exercises(out, exercises, out.stem)
    if made.kinds:
        begin = "此处未试运行：" if language == "zh" else "not tried here: "
        print(begin + said(made.problems[0]["message"], language))
    else:
        show([made], language)
        print("这些数值不是老师所用的，因此这不是成绩。" if language == "zh" else
              "The teacher's numbers are others, so this is not your grade.")
    print(spoken(f"{'replaced' if replaced else 'written to'} {short_path(out)}"))
    return 0


def _is_ours(file: Path, names: Sequence[str]) -> bool:
    from reports.grading.hints import HINTS

    try:
        with zipfile.ZipFile(file) as archive:
            return set(archive.namelist()) - {HINTS} == {f"{name}.py" for name in names}
    except (OSError, ValueError, zipfile.BadZipFile):
        return False
