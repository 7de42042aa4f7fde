"""Shared fixtures. Real data are never needed: tests marked `realdata` skip without KIT_REALDATA."""

import os
import signal
from pathlib import Path

import pytest

if os.environ.get("KIT_TEST_GPU") != "1":  # the suite is one of CPUs, its bits included; tests/gpu asks for more
    os.environ["CUDA_VISIBLE_DEVICES"] = ""

import paddle_models  # noqa: F401  sets the environment before anything imports Paddle
from paddle_models.environment import USER_THREADS

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job, and all it starts, ignores Ctrl-C


def pytest_collection_modifyitems(items):
    """Files with slow tests go first: the last file of one worker leaves the others with nothing to do."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture
def realdata() -> Path:
    """Folder of real data sets, from KIT_REALDATA."""
    folder = os.environ.get("KIT_REALDATA")
    if not folder:
        pytest.skip("KIT_REALDATA is not set")
    return Path(folder)


@pytest.fixture(scope="session", autouse=True)
def own_folders(tmp_path_factory):
    """Runs, packed stores, reports and drawn sets of the tests go to their own folders; nobody's data are found."""
    base = tmp_path_factory.getbasetemp()
    drawn = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "samples"  # once for all workers
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KIT_SAMPLES", str(drawn))
        patch.setenv("KIT_LANG", "en")  # whatever the locale is
        for word in ("RUNS", "CACHE", "REPORT"):
            patch.setenv(f"KIT_{word}", str(base / word.lower()))
        for word in ("MONKEY", "CELEBA", "GLASSES", "SUPER_RESOLUTION"):
            patch.delenv(f"{word}_DATA", raising=False)
        if USER_THREADS is None:
            import paddle  # noqa: F401  sets the variable to 1, which a run in a process of its own would take for a wish

            patch.delenv("OMP_NUM_THREADS", raising=False)
        yield
