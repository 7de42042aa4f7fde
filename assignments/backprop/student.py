"""Write the student's version: the hand-written modules with the bodies of the exercises taken out, and a check.

python assignments/backprop/student.py --out DIR [--lang en|zh] [--solution]
"""

import argparse
import ast
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from assignments.common.command_line import first_line, tells_errors
from data_tools.errors import KitError
from data_tools.files.atomic import write_atomically
from data_tools.files.places import PROJECT_ROOT

FOLDER = Path(__file__).resolve().parent
SOLVED = FOLDER / "by_hand"
OF_KIT = "assignments.backprop.by_hand."
MODULES = ("backprop", "descent", "practice")
HINTS = "hints.json"  # as in check.py and reports/grading/hints.py
RULES = PROJECT_ROOT / "reports" / "grading" / "source_rules.py"  # what a file may not do, known to both sides
WORDS = {
    "en": {"points": "points", "open": "not filled in yet", "score": "Public check", "formula": "Formula",
           "hint": "Hint", "exercise": "exercise", "title": "Back-propagation by hand: exercises",
           "note": "This is a check with public examples and not your grade: that is found with other numbers.",
           "asked": "(Which hints were asked for is written to hints.json, which is handed in; your teacher says "
           "whether one costs points.)",
           "how": "Fill in the functions that raise NotImplementedError in backprop.py, descent.py and practice.py; "
           "only NumPy is needed. `python check.py` tries them on public examples, `python check.py --hint NAME` "
           "shows formula and hint of one and writes down in hints.json, which is handed in, that it was asked "
           "for. The grade is found with other, random numbers, in a closed process without files and network: "
           "part of the points is for the shape and for float64, part for special cases (large numbers, 0/0) and "
           "for leaving the inputs as they are. What a file prints counts for nothing, and a file that uses os, "
           "sys, open, eval and the like, changes other modules, or imports the kit is not run at all."},
    "zh": {"points": "分", "open": "尚未填写", "score": "公开检查", "exercise": "练习", "formula": "公式",
           "hint": "提示", "title": "手写反向传播：练习",
           "note": "这是用公开示例做的检查，不是成绩：成绩由另外的数值得出。",
           "asked": "（看过哪些提示会记录在 hints.json 中并随作业提交；是否扣分请问老师。）",
           "how": "填写 backprop.py、descent.py 与 practice.py 中抛出 NotImplementedError 的函数，只需要 NumPy。"
           "`python check.py` 用公开示例检查，`python check.py --hint NAME` 显示某题的公式和提示，"
           "并把看过提示这件事记录在随作业提交的 hints.json 中。"
           "成绩用另外的随机数、在没有文件和网络的封闭进程中得出："
           "一部分分数给形状和 float64，一部分给特殊情况（很大的数、0/0）和不改动输入。"
           "文件打印的内容不计分；使用 os、sys、open、eval 等，改动其他模块，或导入本套件的文件不会被运行。"}}


def read_exercises() -> list[dict[str, Any]]:
    """The rows of exercises.yaml with their numbers, from 1."""
    return [{"number": number, **row} for number, row in enumerate(_read()["exercises"], 1)]


def read_texts() -> dict[str, dict[str, str]]:
    """{name of what is given: {language: docstring}}."""
    return _read()["texts"]


def _read() -> dict[str, Any]:
    import yaml

    return yaml.safe_load((FOLDER / "exercises.yaml").read_text(encoding="utf-8"))


def take_out(source: str, exercises: Sequence[dict[str, Any]], language: str = "en",
             texts: Mapping[str, Mapping[str, str]] | None = None, module: str = "") -> str:
    """`source` with the bodies of the named functions replaced by an error, without comments; docstrings are those of
    the rows and of `texts`, {"module" or "module.name": {language: text}}.

    KitError where a function is not there.
    """
    tree = ast.parse(source)
    places = {name: node for name, node in _named(tree)}
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
            node.module = node.module.removeprefix(OF_KIT)
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


def _named(tree: ast.Module) -> list[tuple[str, Any]]:
    """("", the module), then functions, classes and their methods by name."""
    found: list[tuple[str, Any]] = [("", tree)]
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.append((node.name, node))
        if isinstance(node, ast.ClassDef):
            found += [(f"{node.name}.{each.name}", each) for each in node.body if isinstance(each, ast.FunctionDef)]
    return found


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


def write_student(folder: Path, language: str = "en", solution: bool = False) -> list[Path]:
    """backprop.py, descent.py, practice.py, check.py, rules.py, exercises.json, hints.json and README.md in `folder`;
    with `solution` the bodies stay.

    Raises KitError where the folder already holds one of them: a student's work is never overwritten.
    """
    exercises, words = read_exercises(), WORDS[language]
    texts = {}
    for name in MODULES:
        source = (SOLVED / f"{name}.py").read_text(encoding="utf-8")
        rows = [row for row in exercises if row["file"] == name]
        texts[f"{name}.py"] = (source.replace(OF_KIT, "") if solution
                               else take_out(source, rows, language, read_texts(), name))
    table = [{"number": row["number"], "file": row["file"], "name": row["name"], "points": row["points"],
              "title": row[language], "formula": row["formula"], "hint": row[f"hint_{language}"]} for row in exercises]
    kept = {key: words[key] for key in ("open", "score", "note", "formula", "hint", "asked")}
    texts["check.py"] = (FOLDER / "check.py").read_text(encoding="utf-8")
    texts["rules.py"] = RULES.read_text(encoding="utf-8")
    texts["exercises.json"] = json.dumps({"language": language, "words": kept, "exercises": table}, indent=1,
                                         ensure_ascii=False) + "\n"
    rows = [f"| {row['number']} | `{row['file']}.py` | `{row['name']}` | {row['points']} | {row[language]} |"
            for row in exercises]
    texts[HINTS] = "{}\n"
    texts["README.md"] = "\n".join([f"# {words['title']}", "", words["how"], "", "```sh", "python check.py",
                                    "python -m assignments submit backprop --exercises .", "```", "",
                                    f"| | | | {words['points']} | |", "|---|---|---|---:|---|", *rows, ""])
    for name in texts:
        if (folder / name).exists():
            raise KitError(f"{folder / name} is already there and is not overwritten; choose another --out")
    for name, text in texts.items():
        write_atomically(folder / name, text.encode("utf-8"))
    return [folder / name for name in texts]


@tells_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Command line; 2 for an error that the user can mend."""
    parser = argparse.ArgumentParser(description=first_line(__doc__), allow_abbrev=False)
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--lang", choices=tuple(WORDS), default="en", help="language of statements and hints")
    parser.add_argument("--solution", action="store_true", help="leave the bodies in: the reference, for teachers")
    arguments = parser.parse_args(argv)
    for path in write_student(arguments.out, arguments.lang, arguments.solution):
        print(path)
    return 0


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="replace")
    sys.exit(main())
