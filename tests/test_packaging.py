"""House rules that a machine can check: requirements, imports between folders, forbidden calls, set-up."""

import ast
import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("assignments", "data_tools", "paddle_models", "reports", "tests")
SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
LONGEST_FILE = 420  # lines; a file that needs more is two files


def requirements(name: str) -> list[Requirement]:
    """All requirements of a file, those of the files it includes with `-r` among them."""
    found = []
    for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
        line = line.split(" #")[0].strip()
        if line.startswith("-r "):
            found += requirements(line[3:].strip())
        elif line and not line.startswith(("#", "-e ")):
            found.append(Requirement(line))
    return found


def applies(requirement: Requirement, python: str) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"python_version": python})


def syntax(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imported(tree: ast.Module) -> set[str]:
    """Every module imported anywhere in a file, inside functions and by importlib.import_module too."""
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


# ---- requirements

FILES = [path.name for path in sorted(ROOT.glob("requirements*.txt"))]


@pytest.mark.parametrize("name", FILES)
def test_every_requirement_is_pinned_or_bounded(name):
    for requirement in requirements(name):
        operators = {part.operator for part in requirement.specifier}
        assert operators & {"==", "<", "<=", "~="}, f"{name}: {requirement} has no upper bound"
        assert operators & {"==", ">", ">=", "~="}, f"{name}: {requirement} has no lower bound"


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("name", ["requirements.txt", "requirements-gpu.txt", "requirements-paddle26.txt"])
def test_each_python_gets_each_package_once(name, python):
    names = [requirement.name for requirement in requirements(name) if applies(requirement, python)]
    assert len(names) == len(set(names))
    assert sum(package.startswith("paddlepaddle") for package in names) == 1  # the wheels exclude each other
    assert ("paddleclas" in names) == (python in ("3.10", "3.11"))


@pytest.mark.parametrize("python", PYTHONS)
def test_the_two_opencv_packages_are_of_one_version(python):
    versions = {
        requirement.name: str(requirement.specifier)
        for requirement in requirements("requirements.txt")
        if requirement.name.startswith("opencv") and applies(requirement, python)
    }
    assert set(versions) == {"opencv-python", "opencv-python-headless"}
    assert len(set(versions.values())) == 1  # both write the folder cv2


# ---- what the repository holds


def repository_files() -> list[Path]:
    """Files that are, or are about to be, under version control."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git clone")
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def test_no_path_of_one_machine_and_no_registry_host():
    # The first letter of each pattern stands in brackets so that this file does not match itself.
    pattern = re.compile(
        r"[/]work/(main|shared)\b|[/]tmp/(kit|venvs)\b|[/]root/|[/]home/(?!aistudio\b)\w+/|[/]opt/(pypi|wheels)"
        r"|[p]ypi\.org|[p]ythonhosted\.org|[d]ownload\.pytorch|[p]ypi\.tuna|[m]irrors?\.\w+\.(com|cn|edu)"
    )
    text_files = {".py", ".md", ".txt", ".toml", ".yaml", ".yml", ".json", ".sh", ".svg", ".html", ""}
    for path in repository_files():
        if path.suffix in text_files:
            match = pattern.search(path.read_text(encoding="utf-8", errors="replace"))
            assert match is None, f"{path.relative_to(ROOT)}: {match.group()}"


def test_no_cache_run_or_data_set_is_under_version_control():
    for path in repository_files():
        name = path.relative_to(ROOT)
        assert name.parts[0] not in (".cache", "runs", "data"), f"{name}: take it out with git rm --cached"
        pretrained = name.parts[:2] == ("paddle_models", "pretrained") and name.suffix == ".safetensors"
        largest = 20_000_000 if pretrained else 10 * 2**20
        assert path.stat().st_size <= largest, f"{name} is larger than {largest} bytes"
        if pretrained:
            assert hashlib.sha256(path.read_bytes()).hexdigest() in path.with_suffix(".md").read_text(encoding="utf-8")


FORBIDDEN_IMPORTS = {"pickle", "dill", "joblib", "marshal", "paddle.load", "torch.load", "yaml.load"}
FORBIDDEN_CALL = re.compile(r"eval|exec|(paddle|torch)\.load|yaml\.(load|load_all|full_load|unsafe_load)")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_source_file_is_short_and_calls_nothing_that_runs_data_as_code(path):
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= LONGEST_FILE, f"{lines} lines: split it"
    tree = syntax(path)
    assert not imported(tree) & FORBIDDEN_IMPORTS
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = ast.unparse(call.func)
        assert not FORBIDDEN_CALL.fullmatch(name), f"line {call.lineno}: {name}"
        if name in ("np.load", "numpy.load"):
            assert "allow_pickle=False" in ast.unparse(call), f"line {call.lineno}: say allow_pickle=False"


MAY_NOT_IMPORT = {
    "data_tools": {"paddle_models", "reports", "assignments"},
    "paddle_models": {"reports", "assignments"},
    "reports": {"assignments"},
}


@pytest.mark.parametrize("folder", MAY_NOT_IMPORT)
def test_arrows_between_folders_run_one_way(folder):
    for path in (ROOT / folder).rglob("*.py"):
        wrong = {name.split(".")[0] for name in imported(syntax(path))} & MAY_NOT_IMPORT[folder]
        assert not wrong, f"{path.relative_to(ROOT)} imports {wrong}"


def test_data_tools_load_without_paddle():
    stems = sorted(path.stem for path in (ROOT / "data_tools").glob("*.py") if path.stem != "__init__")
    modules = [f"data_tools.{stem}" for stem in stems]
    code = f"import sys, {', '.join(modules)}; sys.exit('paddle' in sys.modules)"
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=ROOT).returncode == 0


@pytest.mark.compat
def test_zlib_works_after_the_kit_has_imported_paddle():
    code = "import paddle_models, paddle, zlib; print(zlib.decompress(zlib.compress(b'whole')).decode())"
    command = [sys.executable, "-W", "ignore", "-c", code]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.stdout.strip() == "whole", run.stderr  # Paddle 2.6.2 before zlib: a segmentation fault


# ---- set-up script


def bootstrap(*arguments: str, **settings: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, **settings}
    command = ["sh", str(ROOT / "bootstrap.sh"), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)


def test_the_makefile_has_the_commands_of_the_script():
    targets = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE).group(1).split()
    assert targets == ["help", "install", "reproduce", "test", "check", "clean"]
    shown = bootstrap("help")
    assert shown.returncode == 0 and not shown.stderr
    assert all(f"make {target} " in shown.stdout for target in targets[1:])


def test_environment_is_made_once_and_renewed_when_the_requirements_change(tmp_path):
    listed = tmp_path / "some.txt"
    listed.write_text("# nothing to install\n")
    settings = {"VENV": str(tmp_path / "venv"), "REQUIREMENTS": str(listed), "PYTHON": sys.executable}
    first = bootstrap("install", **settings)
    assert first.returncode == 0, first.stderr
    assert "Making" in first.stdout and "Installed" in first.stdout and not first.stderr
    assert bootstrap("install", **settings).stdout == ""
    listed.write_text("# changed\n")
    third = bootstrap("install", **settings)
    assert "Installing" in third.stdout and "Making" not in third.stdout
    listed.write_text(f"{tmp_path / 'absent.whl'}\n")
    failed = bootstrap("install", **settings)
    assert failed.returncode == 2 and "pip could not install" in failed.stderr
    again = bootstrap("install", **settings)
    assert again.returncode == 2  # a failed installation is not taken for a finished one


@pytest.mark.parametrize(
    "version, message",
    [("3.11", "install the package python3-venv"), ("3.8", "Python 3.10 to 3.13 is needed")],
)
def test_unfit_python_is_named_with_the_package_to_install(tmp_path, version, message):
    interpreter = tmp_path / "python3"  # knows its version, but has neither venv nor ensurepip
    interpreter.write_text(f'#!/bin/sh\ncase "$2" in *version_info*) echo {version} ;; *) exit 1 ;; esac\n')
    interpreter.chmod(0o755)
    run = bootstrap("install", VENV=str(tmp_path / "venv"), PYTHON=str(interpreter))
    assert run.returncode == 2
    assert message in run.stderr and "apt-get install" in run.stderr


def test_unknown_command_is_refused():
    run = bootstrap("reproduec")
    assert run.returncode == 2 and "unknown command: reproduec" in run.stderr
