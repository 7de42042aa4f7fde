"""A student's function that calls another of theirs which is wrong is tried once more, with the right one in its place.

The right one is a text after the student's own, in a jail that shows nothing: what it prints, and what its errors say,
stays there, and each function has been graded with the student's own before.
"""

import ast
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def calls(texts: Mapping[str, str], file: str, name: str, others: Mapping[str, str]) -> list[str]:
    """Of other exercises, {name: file}, those that a function may call, over any number of steps; [] for one that
    is not written yet. Operators (+, *) leave no name of their methods: those of the file count always."""
    try:
        places = {place: node for text in texts.values() for place, node in functions_of(ast.parse(text))}
        own = dict(functions_of(ast.parse(texts.get(file, ""))))
    except (SyntaxError, ValueError):
        return []
    seen, to_read = set[str](), [own[name]] if name in own else []
    if any(getattr(part, "id", "") == "NotImplementedError" for node in to_read for part in ast.walk(node)):
        return []
    while to_read:
        for part in ast.walk(to_read.pop()):
            used = getattr(part, "id", None) or getattr(part, "attr", None)
            if used and used not in seen:
                seen.add(used)
                to_read += [node for place, node in places.items() if place.rpartition(".")[2] == used]
    return [other for other, where in others.items() if (last := other.rpartition(".")[2]) in seen
            or last.startswith("__") and where == file and seen]


def with_right_ones(texts: Mapping[str, str], wrong: Iterable[tuple[str, str]],
                    solved: Mapping[str, str]) -> dict[str, str]:
    """The student's files in which the functions `wrong`, (file, name), are those of `solved`."""
    found = dict(texts)
    for file, name in wrong:
        found[file] = f"{found.get(file, '')}\n\n{_text_of(solved[file], name)}\n"
    return found


def said(names: Sequence[str], passed: bool) -> tuple[str, str]:
    """What a function earns only so, in English and Chinese."""
    english, chinese = ", ".join(names), "、".join(names)
    return (f"right, once {english} is", f"改正 {chinese} 之后正确") if passed else (
        f"not yet right, also once {english} is", f"改正 {chinese} 之后仍不完全正确")


def functions_of(tree: ast.Module) -> list[tuple[str, Any]]:
    """Functions, classes and methods by name."""
    found: list[tuple[str, Any]] = []
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.append((node.name, node))
        if isinstance(node, ast.ClassDef):
            found += [(f"{node.name}.{each.name}", each) for each in node.body if isinstance(each, ast.FunctionDef)]
    return found


def _text_of(source: str, name: str) -> str:
    """A function without its annotations and docstring, or one that becomes a method of a class that is there."""
    node = dict(functions_of(ast.parse(source)))[name]
    for part in ast.walk(node):
        if isinstance(part, ast.arg):
            part.annotation = None
        if isinstance(part, ast.FunctionDef):
            part.returns = None
    if ast.get_docstring(node) is not None:
        node.body.pop(0)
    if "." in name:
        node.name = f"right_{re.sub(r'[^a-z]', '_', name.lower())}"
        return f"{ast.unparse(node)}\n{name} = {node.name}"
    return ast.unparse(node)
