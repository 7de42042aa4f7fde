"""The folder that students get: solved modules with the bodies of the exercises taken out, texts, and a check."""

import ast
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from assignments.common.exercise_rows import driver_text, read_exercises, tried_case, wrong_answers
from assignments.common.exercises import exercises_of
from assignments.common.works import FOLDER
from data_tools.errors import KitError
from data_tools.files.atomic import write_atomically
from data_tools.files.places import PROJECT_ROOT
from reports.grading.callees import functions_of

if TYPE_CHECKING:
    from reports.grading.exercises import Exercises

GRADING = PROJECT_ROOT / "reports" / "grading"
SHARED = {"rules.py": GRADING / "source_rules.py", "mistakes.py": GRADING / "mistakes.py"}  # known to both sides
CHECK = FOLDER / "common" / "student_check.py"
PUBLIC = "public.py"  # checks of a work's own, for exercises without an example
HINTS = "hints.json"  # as in student_check.py and the grader
WORDS = {
    "en": {"points": "points", "colon": ": ", "open": "not filled in yet", "score": "Public check",
           "formula": "Formula", "hint": "Hint", "exercise": "exercise",
           "note": "This is a check with a public example each and not your grade: that is found with other numbers.",
           "asked": "(Which hints were asked for is written to hints.json, which is handed in; your teacher says "
           "whether one costs points.)",
           "how": "Fill in the functions that raise NotImplementedError in {files}; only NumPy is needed. `python "
           "check.py` tries them on a public example each (`--only NAME` those alone) and names what is typical of a "
           "wrong answer; `python check.py --hint NAME` shows formula and hint of one "
           "and writes down in hints.json, which is handed in, that it was asked for. The grade is found with other, "
           "random numbers, in a closed process without files and network: part of the points is for the shape and for "
           "float64, part for special cases (large numbers, 0/0, what never occurs) and for leaving the inputs as they "
           "are; a function that calls another of yours that is wrong is tried with the right one, too. "
           "What a file prints counts for nothing, and a file that uses os, sys, open, eval and the like, changes "
           "other modules, or imports the kit is not run at all."},
    "zh": {"points": "分", "colon": "：", "open": "尚未填写", "score": "公开检查", "exercise": "练习",
           "formula": "公式", "hint": "提示", "note": "这是用公开示例做的检查，不是成绩：成绩由另外的数值得出。",
           "asked": "（看过哪些提示会记录在 hints.json 中并随作业提交；是否扣分请问老师。）",
           "how": "填写 {files} 中抛出 NotImplementedError 的函数，只需要 NumPy。"
           "`python check.py` 用公开示例检查（`--only NAME` 只检查这些），并指出典型的错误；"
           "`python check.py --hint NAME` 显示某题的公式和提示，"
           "并把看过提示这件事记录在随作业提交的 hints.json 中。"
           "成绩用另外的随机数、在没有文件和网络的封闭进程中得出：一部分分数给形状和 float64，"
           "一部分给特殊情况（很大的数、0/0、从不出现的类别）和不改动输入；"
           "若函数调用了你写错的另一个函数，会再用正确的那个试一次。"
           "文件打印的内容不计分；使用 os、sys、open、eval 等，改动其他模块，或导入本套件的文件不会被运行。"}}


def write_folder(work: str, folder: Path, language: str = "en", solution: bool = False) -> list[Path]:
    """The exercises of a work in `folder`: its modules, check.py and what that needs, README.md; with `solution` the
    bodies stay.

    Raises KitError where the folder already holds one of them: a student's work is never overwritten.
    """
    texts = _texts(work, language, solution)
    refuse_existing(folder, texts)
    for name, text in texts.items():
        write_atomically(folder / name, text.encode("utf-8"))
    return [folder / name for name in texts]


def refuse_existing(folder: Path, names: Mapping[str, str]) -> None:
    """KitError where one of the files is there."""
    for name in names:
        if (folder / name).exists():
            raise KitError(f"{folder / name} is already there and is not overwritten; choose another --out")


def _texts(work: str, language: str, solution: bool) -> dict[str, str]:
    """{file: what it holds}."""
    read, declared = read_exercises(work), exercises_of(work)
    assert declared is not None
    rows, words, texts = read["exercises"], WORDS[language], {}
    package = f"assignments.{work}.by_hand."
    for name in declared.files:
        source = (FOLDER / work / "by_hand" / f"{name}.py").read_text(encoding="utf-8")
        own = [row for row in rows if row["file"] == name]
        texts[f"{name}.py"] = (source.replace(package, "") if solution else
                               take_out(source, own, language, read.get("texts"), name, package))
    public = FOLDER / work / PUBLIC
    if public.is_file():
        texts[PUBLIC] = public.read_text(encoding="utf-8")
    table = {"language": language, "words": {key: words[key] for key in ("open", "score", "colon", "note", "formula",
                                                                         "hint", "asked")},
             "exercises": [_row(declared, row, language) for row in rows]}
    files = ", ".join(f"{name}.py" for name in declared.files)
    lines = [f"| {row['number']} | `{row['file']}.py` | `{row['name']}` | {row['points']} | {row[language]} |"
             for row in rows]
    return {**texts, "check.py": CHECK.read_text(encoding="utf-8"),
            **{name: file.read_text(encoding="utf-8") for name, file in SHARED.items()},
            "drivers.py": driver_text(work), HINTS: "{}\n",
            "exercises.json": json.dumps(table, indent=1, ensure_ascii=False) + "\n",
            "README.md": "\n".join([
                f"# {read[f'title_{language}']}", "", words["how"].format(files=files), "", "```sh", "python check.py",
                f"python -m assignments submit {work} --exercises .", "```", "",
                f"| | | | {words['points']} | |", "|---|---|---|---:|---|", *lines, ""])}


def _row(declared: "Exercises", row: Mapping[str, Any], language: str) -> dict[str, Any]:
    """What check.py is told of an exercise: by numbers alone, no code of a solution or of a mistake."""
    from reports.grading.mistakes import parts

    told = {"number": row["number"], "file": row["file"], "name": row["name"], "points": row["points"],
            "title": row[language], "formula": row["formula"], "hint": row[f"hint_{language}"]}
    if "example" not in row:
        told["check"] = f"check_{row['name'].replace('.', '_').lower()}"
    each = next(each for each in declared.exercises if each.name == row["name"])
    if each.judge:
        return told
    driver, case, answer = tried_case(declared.work, row, each)
    wrong = wrong_answers(row, each, declared.texts, case, language)
    return {**told, "driver": driver, "example": [_plain(item) for item in case],
            "answer": [_plain(part) for part in parts(answer) or []],
            "mistakes": {text: [_plain(part) for part in own] for text, own in wrong.items()}}


def _plain(value: Any) -> Any:
    """An array as {"array", "dtype"}; what JSON knows as it is."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return {"array": value.tolist(), "dtype": value.dtype.name} if isinstance(value, np.ndarray) else value


# ---- bodies out


def take_out(source: str, exercises: Sequence[Mapping[str, Any]], language: str = "en",
             texts: Mapping[str, Mapping[str, str]] | None = None, module: str = "", package: str = "") -> str:
    """`source` with the bodies of the named functions replaced by an error, without comments; docstrings are those of
    the rows and of `texts`, {"module" or "module.name": {language: text}}. package: taken off the names of imports.

    KitError where a function is not there.
    """
    tree = ast.parse(source)
    places = dict(named(tree))
    missing = [row["name"] for row in exercises if not isinstance(places.get(row["name"]), ast.FunctionDef)]
    if missing:
        raise KitError(f"exercises.yaml: no function {missing[0]} in its file; correct the name")
    for name, node in places.items():
        described = (texts or {}).get(f"{module}.{name}" if name else module)
        if described:
            _describe(node, described[language], name)
    for row in exercises:
        node = places[row["name"]]
        error = f'raise NotImplementedError("{WORDS[language]["exercise"]} {row["number"]}: {row["name"]}")'
        node.body = ast.parse(error).body
        node.body.insert(0, _docstring(row[f"doc_{language}"], row["name"]))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            node.module = node.module.removeprefix(package)
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


def named(tree: ast.Module) -> list[tuple[str, Any]]:
    """("", the module), then functions, classes and their methods by name."""
    return [("", tree), *functions_of(tree)]


def _describe(node: Any, text: str, name: str) -> None:
    if ast.get_docstring(node) is not None:
        node.body.pop(0)
    node.body.insert(0, _docstring(text, name))


def _docstring(text: str, name: str) -> ast.Expr:
    """As a statement; lines after the first are indented as they will stand."""
    indent = " " * (0 if not name else 8 if "." in name else 4)
    first, *rest = text.splitlines()
    whole = "\n".join([first, *((indent + line).rstrip() for line in rest), *([indent] if rest else [])])
    return ast.Expr(ast.Constant(whole))
