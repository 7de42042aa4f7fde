"""Notebooks of the works from one source each: notebook.py of the work, in percent format with both languages.

A cell with lang="en" or lang="zh" is of that language, the others are of both. A cell with exercise="NAME" becomes the
statement of that exercise, the function without its body, and its check.
"""

import re
from pathlib import Path
from typing import Any

from assignments.common.in_place import exercise_row
from assignments.common.works import FOLDER, work_names
from data_tools.errors import KitError
from data_tools.files.atomic import write_atomically

SOURCE = "notebook.py"
LANGUAGES = {"en": "notebook.ipynb", "zh": "notebook.zh.ipynb"}
CELL = 112  # letters of a line that a cell shows on a small screen
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def write_notebooks(name: str) -> list[Path]:
    """Both notebooks of a work, beside its source; KitError where jupytext is missing or the source is."""
    paths = []
    for language, file in LANGUAGES.items():
        path = FOLDER / name / file
        write_atomically(path, as_text(name, language).encode("utf-8"))
        paths.append(path)
    return paths


def works_with_notebooks() -> list[str]:
    """The works that have a source."""
    return [name for name in work_names() if (FOLDER / name / SOURCE).is_file()]


def as_text(name: str, language: str) -> str:
    """The notebook of a work as the text of an .ipynb file, without outputs; the same source gives the same bytes."""
    try:
        import jupytext
        import nbformat
    except ImportError:
        raise KitError("notebooks are made by jupytext: pip install -r requirements-notebooks.txt") from None
    source = FOLDER / name / SOURCE
    cells: list[Any] = []
    for cell in jupytext.reads(source.read_text(encoding="utf-8"), fmt="py:percent").cells:
        said = cell.metadata
        if "exercise" in said:
            cells += _exercise(name, said["exercise"], language)
        elif said.get("lang", language) == language:
            cells.append(nbformat.v4.new_markdown_cell(cell.source) if cell.cell_type == "markdown" else
                         nbformat.v4.new_code_cell(cell.source.replace('"LANGUAGE"', f'"{language}"')))
    for number, cell in enumerate(cells):
        cell["id"] = f"{name}-{number}"[:64].replace("_", "-")
    return nbformat.writes(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL})) + "\n"


def _exercise(work: str, name: str, language: str) -> list[Any]:
    """Statement, function to fill in, check."""
    import ast

    import nbformat

    from assignments.common.student_folder import named, take_out

    row = exercise_row(work, name)
    source = (FOLDER / work / "by_hand" / f"{row['file']}.py").read_text(encoding="utf-8")
    taken = ast.parse(take_out(source, [{**row, "number": row["number"]}], language))
    stub = _wrapped(ast.unparse(dict(named(taken))[name]))
    used = {node.id for node in ast.walk(ast.parse(stub)) if isinstance(node, ast.Name)} | {"np"}
    imports = [ast.unparse(node) for node in taken.body if isinstance(node, (ast.Import, ast.ImportFrom))
               and used.intersection(alias.asname or alias.name for alias in node.names)]
    text = row[f"doc_{language}"]
    constants = [ast.unparse(node) for node in taken.body if isinstance(node, ast.Assign)
                 and any(isinstance(part, ast.Name) and part.id in text for target in node.targets
                         for part in ast.walk(target))]
    number, code = row["number"], "\n".join([*imports, *constants]) + f"\n\n\n{stub}"
    title = f"### 练习 {number}：{row['zh']}" if language == "zh" else f"### Exercise {number}: {row['en']}"
    check = f'print(api.check("{work}", {name}, language="{language}"))'
    return [nbformat.v4.new_markdown_cell(f"{title} ({row['points']} {'分' if language == 'zh' else 'points'})"),
            nbformat.v4.new_code_cell(code), nbformat.v4.new_code_cell(check)]


def _wrapped(stub: str) -> str:
    """A function whose first line is broken between arguments where it is wider than a cell."""
    head, rest = stub.split("\n", 1)
    lines, indent = [""], " " * (head.index("(") + 1)
    for part in re.split(r", (?=\w+:)", head):
        if len(lines[-1]) + len(part) + 2 > CELL:
            lines.append(indent)
        lines[-1] += f"{part}, "
    return "\n".join(line.rstrip() for line in lines)[:-1] + f"\n{rest}"
