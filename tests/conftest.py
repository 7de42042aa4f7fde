"""Shared fixtures. Real data are never needed: tests marked `realdata` skip without KIT_REALDATA."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import paddle_models  # noqa: E402,F401  sets the environment before anything imports Paddle
from paddle_models.environment import USER_THREADS  # noqa: E402


@pytest.fixture
def realdata() -> Path:
    """Folder of real data sets, from KIT_REALDATA."""
    folder = os.environ.get("KIT_REALDATA")
    if not folder:
        pytest.skip("KIT_REALDATA is not set")
    return Path(folder)


@pytest.fixture(autouse=True)
def own_caches(tmp_path_factory, monkeypatch):
    """Runs, packed stores and reports of a test go to its own folders."""
    base = tmp_path_factory.getbasetemp()
    monkeypatch.setenv("KIT_RUNS", str(base / "runs"))
    monkeypatch.setenv("KIT_CACHE", str(base / "cache"))
    monkeypatch.setenv("KIT_REPORT", str(base / "report"))
    if USER_THREADS is None:  # set to 1 by importing Paddle; a run in a process of its own would take it for a wish
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
