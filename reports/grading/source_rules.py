"""What the file of an exercise may not do, seen in its text before it runs. Students have a copy; it needs no package.

This names what is tried; what keeps it from working is the jail.
"""

import ast
from collections.abc import Iterator

KIT = ("assignments", "reports", "data_tools", "paddle_models")
SYSTEM = ("os", "sys", "subprocess", "ctypes", "socket", "multiprocessing", "threading", "signal", "importlib",
          "inspect", "gc", "builtins", "pickle", "marshal", "shutil", "pathlib", "tempfile", "io", "mmap", "resource",
          "asyncio", "urllib", "http", "pty", "fcntl", "atexit", "runpy", "posix", "nt", "_posixsubprocess",
          "traceback", "site")
CALLS = ("exec", "eval", "compile", "__import__", "open", "globals", "vars", "setattr", "delattr", "breakpoint",
         "input")
FILES = ("load", "save", "savez", "savez_compressed", "savetxt", "loadtxt", "fromfile", "tofile", "memmap",
         "genfromtxt", "DataSource")
HARMLESS = ("__init__", "__name__", "__doc__", "__class__", "__post_init__", "__call__", "__len__", "__all__")
WORDS = {
    "kit": ("imports {}, which belongs to the kit", "导入了属于本套件的 {}"),
    "system": ("uses {}, which reaches outside of the exercise", "使用了 {}，越出练习范围"),
    "call": ("calls {}, which no exercise needs", "调用了任何练习都不需要的 {}"),
    "files": ("reads or writes files ({})", "读写文件（{}）"),
    "patch": ("changes {}, which is not its own", "改动了不属于自己的 {}"),
    "text": ("cannot be read as Python: {}", "无法作为 Python 读取：{}"),
}
LARGEST = 200_000  # characters of a file


def remarks(file: str, text: str) -> list[tuple[str, str]]:
    """What is not allowed in a file, in English and Chinese: (file, line and what it does) each; [] for most.

    A file with a mistake in its syntax has none: its import says where the mistake is.
    """
    if len(text) > LARGEST:
        return [_said(file, 1, "text", f"{len(text)} characters")]
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return []
    except (ValueError, RecursionError, MemoryError) as error:
        return [_said(file, 1, "text", type(error).__name__)]
    return [_said(file, line, kind, what) for line, kind, what in _found(tree)]


def _said(file: str, line: int, kind: str, what: str) -> tuple[str, str]:
    english, chinese = WORDS[kind]
    return f"{file}.py, line {line}: it {english.format(what)}", f"{file}.py 第 {line} 行：{chinese.format(what)}"


def _found(tree: ast.AST) -> Iterator[tuple[int, str, str]]:
    imported = {alias.asname or alias.name.split(".")[0] for node in ast.walk(tree)
                if isinstance(node, (ast.Import, ast.ImportFrom)) for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _module(node.lineno, alias.name)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from _module(node.lineno, node.module)
        elif isinstance(node, ast.Name) and node.id in CALLS:
            yield node.lineno, "call", node.id
        elif isinstance(node, ast.Attribute):
            yield from _attribute(node, imported)


def _module(line: int, name: str) -> Iterator[tuple[int, str, str]]:
    top = name.split(".")[0]
    if top in KIT:
        yield line, "kit", name
    elif top in SYSTEM:
        yield line, "system", name


def _attribute(node: ast.Attribute, imported: set[str]) -> Iterator[tuple[int, str, str]]:
    whole, root = ast.unparse(node)[:60], node.value
    while isinstance(root, ast.Attribute):
        root = root.value
    of_module = isinstance(root, ast.Name) and root.id in imported
    if of_module and isinstance(node.ctx, (ast.Store, ast.Del)):
        yield node.lineno, "patch", whole
    elif node.attr in SYSTEM and of_module or node.attr.startswith("__") and node.attr not in HARMLESS:
        yield node.lineno, "system", whole
    elif of_module and node.attr in FILES:
        yield node.lineno, "files", whole
