"""The floor plan, checked: imports run one way and in no circle, files are short, one place knows the project's folder.

Every module is read as text, so imports inside functions count like those on top.
"""

import ast
import graphlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from data_tools.files.places import PROJECT_ROOT

FOLDERS = ("assignments", "reports", "paddle_models", "data_tools")  # each may import those to its right
WORK = "(a work)"  # any folder of assignments/ that STOREYS does not name
# The rooms of each folder, from the upper storey to the lowest: a module may import from its own room and from lower
# storeys. Rooms on one storey do not know each other, nor does one work know another.
STOREYS = {
    "assignments": (("__main__",), ("commands",), ("bench", "demo"), ("api",), (WORK,), ("common",)),
    "reports": (("pages",), ("figures", "grading"), ("run_list",), ("tables",), ("text_table",), ("run_reader",)),
    "paddle_models": (("deploy", "trainer"), ("tasks",), ("weights",), ("networks",), ("fast",), ("environment",)),
    "data_tools": (("batches",), ("sets",), ("packed",), ("drawing",), ("files",), ("progress",), ("language",),
                   ("errors", "machine", "pipes", "quiet", "terminal")),
}
LONGEST_FILE = 400  # lines; a file that needs more is two files
FINDS_ITSELF = {"data_tools.files.places"}  # the one module that asks where the project lies
# so that the files that a student writes are found: beside the first, in the jail's scratch folder
CHANGES_THE_PATH = {"assignments.common.aside", "assignments.common.student_check", "reports.grading.confined"}
HEAVY = ("paddle", "matplotlib", "cv2", "sklearn", "imgaug", "paddleclas")


def source_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (PROJECT_ROOT / folder).rglob("*.py"))


def syntax(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def module_name(path: Path) -> str:
    parts = path.relative_to(PROJECT_ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(tree: ast.Module) -> set[str]:
    """Every name imported anywhere in a file: inside functions, from packages, by importlib.import_module too."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.update({node.module} | {f"{node.module}.{alias.name}" for alias in node.names})
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            names.update(arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant))
    return names


def test_the_import_reader_sees_every_way_to_import():
    tree = ast.parse("import a.b\nfrom c import d\ndef f():\n  import e\nimport_module('g')\nfrom . import i")
    assert imported(tree) == {"a.b", "c", "c.d", "e", "g"}


NOTEBOOK = "notebook.py"  # cells that stand outside the house and see its api alone
SOURCES = [path for path in source_files(*FOLDERS) if path.name != NOTEBOOK]
TREES = {module_name(path): syntax(path) for path in SOURCES}
IMPORTS = {name: imported(tree) & TREES.keys() - {name} for name, tree in TREES.items()}
FILES = {path.relative_to(PROJECT_ROOT).as_posix(): path for path in (*SOURCES, *source_files("tests"))}


def room(module: str) -> tuple[str, ...]:
    """Folder and room of a module: ("reports", "figures"); a folder's own map is in no room."""
    return tuple(module.split(".")[:2])


def storey(folder: str, name: str) -> int:
    """Number of a room's storey, 0 the uppermost; KeyError where STOREYS does not name it."""
    numbers = {name: number for number, names in enumerate(STOREYS[folder]) for name in names}
    return numbers[name] if name in numbers or WORK not in numbers else numbers[WORK]


def test_files_are_found_in_every_room():
    assert len(SOURCES) > 200 and len(FILES) > 400 and sum(map(len, IMPORTS.values())) > 500
    rooms = {room(module) for module in TREES} - {(folder,) for folder in FOLDERS}
    for folder, name in rooms:
        storey(folder, name)
    named = {(folder, name) for folder, storeys in STOREYS.items() for names in storeys for name in names}
    assert named - rooms == {("assignments", WORK)}, "STOREYS names rooms that are gone"


# ---- arrows


def test_there_is_no_circle():
    try:
        graphlib.TopologicalSorter(IMPORTS).prepare()
    except graphlib.CycleError as error:
        pytest.fail("a circle: " + " <- ".join(error.args[1]))


@pytest.mark.parametrize("folder", FOLDERS)
def test_arrows_between_folders_run_one_way(folder):
    upper = FOLDERS[: FOLDERS.index(folder)]
    wrong = {f"{module} imports {name}" for module in TREES if room(module)[0] == folder
             for name in imported(TREES[module]) if name.split(".")[0] in upper}
    assert not wrong


@pytest.mark.parametrize("folder", FOLDERS)
def test_arrows_between_rooms_run_down(folder):
    arrows = [(module, name) for module in TREES for name in IMPORTS[module]
              if folder == room(module)[0] == room(name)[0] and room(module) != room(name)
              and (folder,) not in (room(module), room(name))]
    wrong = {f"{module} imports {name}" for module, name in arrows
             if storey(*room(module)) >= storey(*room(name))}
    assert arrows and not wrong


# ---- files


@pytest.mark.parametrize("name", FILES)
def test_file_is_short(name):
    lines = FILES[name].read_text(encoding="utf-8").count("\n")
    assert lines <= LONGEST_FILE, f"{lines} lines: split it"


FORBIDDEN_IMPORTS = {"pickle", "dill", "joblib", "marshal", "paddle.load", "torch.load", "yaml.load"}
FORBIDDEN_CALL = re.compile(r"eval|exec|(paddle|torch)\.load|yaml\.(load|load_all|full_load|unsafe_load)")


@pytest.mark.parametrize("name", FILES)
def test_nothing_runs_data_as_code(name):
    tree = syntax(FILES[name])
    assert not imported(tree) & FORBIDDEN_IMPORTS
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        function = ast.unparse(call.func)
        assert not FORBIDDEN_CALL.fullmatch(function), f"line {call.lineno}: {function}"
        if function in ("np.load", "numpy.load"):
            assert "allow_pickle=False" in ast.unparse(call), f"line {call.lineno}: say allow_pickle=False"


def climbs(tree: ast.Module) -> bool:
    """Whether a module goes from its own file to a folder above its own."""
    names = [ast.unparse(node.targets[0]) for node in ast.walk(tree)
             if isinstance(node, ast.Assign) and "__file__" in ast.unparse(node.value)]
    climb = r"__file__\).*\.(parents|parent\.parent)\b" + "".join(rf"|\b{name}\.parents?\b" for name in names)
    return bool(re.search(climb, ast.unparse(tree)))


def test_a_climb_is_seen():
    assert climbs(ast.parse("ROOT = Path(__file__).resolve().parents[2]"))
    assert climbs(ast.parse("HERE = Path(__file__).parent\ndef f(): return HERE.parent / 'runs'"))
    assert climbs(ast.parse("print(Path(__file__).parent.parent)"))
    assert not climbs(ast.parse("HERE = Path(__file__).parent\nOTHER = Path(__file__).with_name('presets.yaml')"))


def test_one_module_knows_where_the_project_lies():
    assert {module for module, tree in TREES.items() if climbs(tree)} == FINDS_ITSELF


def test_nothing_changes_where_modules_are_found():
    changed = {module for module, tree in TREES.items() for node in ast.walk(tree)
               if isinstance(node, ast.Attribute) and ast.unparse(node) == "sys.path"}
    assert changed <= CHANGES_THE_PATH


# ---- weight of what is imported


def loaded(code: str, *packages: str) -> list[str]:
    """Those of the packages that a fresh process has imported after the code."""
    code += f"; import sys; print(); print([name for name in {packages} if name in sys.modules])"
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return ast.literal_eval(done.stdout.splitlines()[-1])


LIST = "from assignments.__main__ import main; main(['list'])"
HELP = "from assignments.__main__ import main\ntry: main(['--help'])\nexcept SystemExit: pass\n0"


@pytest.mark.parametrize("code", ["import assignments.__main__", LIST, HELP], ids=["import", "list", "help"])
def test_the_door_opens_at_once(code):
    assert loaded(code, *HEAVY) == []


def test_data_tools_load_without_paddle():
    modules = [module for module in TREES if room(module)[0] == "data_tools"]
    assert loaded(f"import {', '.join(modules)}", "paddle", "cv2") == ["cv2"]
