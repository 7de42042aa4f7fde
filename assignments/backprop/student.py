"""Write the student's version: the hand-written modules with the bodies of the exercises taken out, and their grader.

python assignments/backprop/student.py --out DIR [--lang en|zh] [--solution]
"""

import argparse
import ast
import json
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assignments.common.command_line import first_line, tells_errors
from data_tools.errors import KitError
from data_tools.files.atomic import write_atomically

FOLDER = Path(__file__).resolve().parent
SOLVED = FOLDER / "by_hand"
MODULES = ("backprop", "descent")
INDENT, WIDTH = "    ", 110
WORDS = {
    "en": {"exercise": "Exercise", "points": "points", "formula": "Formula", "hint": "Hint",
           "open": "not filled in yet",
           "score": "Score", "title": "Back-propagation by hand: exercises", "how": "Fill in the functions that raise "
           "NotImplementedError in backprop.py and descent.py; only NumPy is needed. Every docstring gives the "
           "statement, the "
           "formula and a hint. Each function is graded on its own, so any order will do:"},
    "zh": {"exercise": "练习", "points": "分", "formula": "公式", "hint": "提示", "open": "尚未填写", "score": "得分",
           "title": "手写反向传播：练习",
           "how": "填写 backprop.py 与 descent.py 中抛出 NotImplementedError 的函数，只需要 NumPy。"
           "每个函数的文档字符串给出题目、公式和提示。各函数单独评分，顺序不限："}}


def read_exercises() -> list[dict[str, Any]]:
    """The rows of exercises.yaml with their numbers, from 1."""
    import yaml

    rows = yaml.safe_load((FOLDER / "exercises.yaml").read_text(encoding="utf-8"))
    return [{"number": number, **row} for number, row in enumerate(rows, 1)]


def take_out(source: str, exercises: Sequence[dict[str, Any]], language: str = "en") -> str:
    """`source` with the bodies of the named functions replaced by an error; their docstrings gain the exercise.

    Raises KitError where a function is not there or has no docstring.
    """
    functions = {node.name: node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}
    lines = source.splitlines()
    missing = [row["name"] for row in exercises if row["name"] not in functions]
    if missing:
        raise KitError(f"exercises.yaml: no function {missing[0]} at the top level of its file; correct the name")
    # from below: line numbers above stay true
    for row in sorted(exercises, key=lambda row: -functions[row["name"]].lineno):
        node = functions[row["name"]]
        text = ast.get_docstring(node)
        if not text:
            raise KitError(f"exercises.yaml: {row['name']} has no docstring to keep; write one")
        lines[node.body[0].lineno - 1:node.end_lineno] = _open_body(text, row, language)
    return "\n".join(lines) + "\n"


def _open_body(text: str, row: dict[str, Any], language: str) -> list[str]:
    """Docstring with statement, formula and hint, and the error in place of the body."""
    words = WORDS[language]
    colon = "：" if language == "zh" else ": "
    parts = [f"{words['exercise']} {row['number']} ({row['points']} {words['points']}){colon}{row[language]}",
             f"{words['formula']}{colon}{row['formula']}", f"{words['hint']}{colon}{row[f'hint_{language}']}"]
    wrapped = [line for part in parts for line in textwrap.wrap(part, WIDTH - len(INDENT), subsequent_indent="  ")]
    first, *rest = text.splitlines()
    error = f'raise NotImplementedError("exercise {row["number"]}: {row["name"]}")'
    return [(INDENT + line).rstrip() for line in ['"""' + first, *rest, "", *wrapped, '"""', error]]


def write_student(folder: Path, language: str = "en", solution: bool = False) -> list[Path]:
    """backprop.py, descent.py, grade.py, exercises.json and README.md in `folder`; with `solution` the bodies stay.

    Raises KitError where the folder already holds one of them: a student's work is never overwritten.
    """
    exercises, words = read_exercises(), WORDS[language]
    texts = {f"{name}.py": (SOLVED / f"{name}.py").read_text(encoding="utf-8") for name in MODULES}
    if not solution:
        texts = {name: take_out(text, [row for row in exercises if f"{row['file']}.py" == name], language)
                 for name, text in texts.items()}
    table = [{"number": row["number"], "file": row["file"], "name": row["name"], "points": row["points"],
              "title": row[language]}
             for row in exercises]
    texts["grade.py"] = (FOLDER / "grade.py").read_text(encoding="utf-8")
    texts["exercises.json"] = json.dumps({"words": {key: words[key] for key in ("open", "score")}, "exercises": table},
                                         indent=1,
                                         ensure_ascii=False) + "\n"
    rows = [f"| {row['number']} | `{row['file']}.py` | `{row['name']}` | {row['points']} | {row[language]} |"
            for row in exercises]
    texts["README.md"] = "\n".join([f"# {words['title']}", "", words["how"], "", "```sh", "python grade.py", "```", "",
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
