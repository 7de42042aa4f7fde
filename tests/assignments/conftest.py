"""A finished run of backprop, which several files grade; it is never changed."""

from pathlib import Path

import pytest

from tests.assignments.graded_runs import make_run


@pytest.fixture(scope="session")
def backprop_run(tmp_path_factory) -> Path:
    """Its run folder, sealed."""
    return make_run("backprop", tmp_path_factory.mktemp("backprop-run"))[0]
