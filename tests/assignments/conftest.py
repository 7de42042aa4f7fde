"""A finished run of backprop, which several files grade and none changes; an empty folder for works."""

import sys
from pathlib import Path

import pytest

import assignments
from assignments.common import works
from tests.assignments.graded_runs import make_run


@pytest.fixture(scope="session")
def backprop_run(tmp_path_factory) -> Path:
    """Its run folder, sealed."""
    return make_run("backprop", tmp_path_factory.mktemp("backprop-run"))[0]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty assignments/ whose works can be imported."""
    monkeypatch.setattr(works, "FOLDER", tmp_path)
    monkeypatch.setattr("assignments.commands.new.FOLDER", tmp_path)
    monkeypatch.setattr("assignments.commands.scripts.FOLDER", tmp_path)
    monkeypatch.setattr(assignments, "__path__", [*assignments.__path__, str(tmp_path)])
    before = set(sys.modules)
    yield tmp_path
    for module in set(sys.modules) - before:
        if module.startswith(("assignments.mine", "assignments.other")):
            del sys.modules[module]
