"""What the repository holds: requirements, no path of one machine, no data; the set-up script."""

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from data_tools.files.places import PROJECT_ROOT as ROOT

PYTHONS = ("3.10", "3.11", "3.12", "3.13")


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
    following = f"\nNext:\n    . {tmp_path / 'venv'}/bin/activate\n    kit list\n"
    assert first.stdout.endswith(following) and bootstrap("install", **settings).stdout == following
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
