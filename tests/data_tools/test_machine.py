"""Cores and memory follow the limits of containers, which tell of them in files of either version."""

import os

import pytest

from data_tools import machine
from data_tools.batches import loader
from data_tools.packed import record_packing
from data_tools.packed import store as packed
from paddle_models import environment

GIGABYTE = 2**30
V2 = "0::/system.slice/job\n"
V1 = "5:memory:/docker/0123\n4:cpuset:/\n3:cpu,cpuacct:/docker/0123\n0::/docker/0123\n"


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """Lays out control groups, {path: content}, of a process in the group of that line, on a machine of 64 cores."""
    monkeypatch.setattr(machine, "OWN_GROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(machine, "GROUPS", tmp_path / "fs")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)

    def lay(own: str, files: dict[str, str]) -> None:
        (tmp_path / "cgroup").write_text(own)
        for name, content in files.items():
            (tmp_path / "fs" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "fs" / name).write_text(content)

    return lay


@pytest.mark.parametrize("own, files, expected", [
    (V2, {}, 64),
    (V2, {"cpu.max": "200000 100000\n"}, 2),  # a container: what it belongs to outside is not there
    (V2, {"system.slice/job/cpu.max": "max 100000\n", "system.slice/cpu.max": "350000 100000\n"}, 4),
    (V2, {"system.slice/job/cpu.max": "50000 100000\n", "system.slice/cpu.max": "350000 100000\n"}, 1),
    (V2, {"cpu.max": "9900000 100000\n"}, 64),
    (V2, {"cpu.max": ""}, 64),
    (V1, {"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 3),
    (V1, {"cpu/docker/0123/cpu.cfs_quota_us": "800000\n", "cpu/docker/0123/cpu.cfs_period_us": "100000\n"}, 8),
    (V1, {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 64),
    (V1, {"cpuset/cpu.cfs_quota_us": "300000\n", "cpuset/cpu.cfs_period_us": "100000\n"}, 64),
])
def test_cores_follow_the_quota(groups, own, files, expected):
    groups(own, files)
    assert machine.cores() == expected
    assert loader.fit_workers(99) == expected  # and so does what takes its number of workers from it
    assert packed.cores is record_packing.cores is environment.cores is machine.cores


def test_a_binding_to_fewer_cores_than_the_quota_counts(groups, monkeypatch):
    groups(V2, {"cpu.max": "800000 100000\n"})
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5, 7}, raising=False)
    assert machine.cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert machine.cores() == 1


@pytest.mark.parametrize("own, files, expected", [
    (V2, {}, None),
    (V2, {"memory.max": "max\n"}, None),
    (V2, {"memory.max": "max\n", "system.slice/memory.max": f"{2 * GIGABYTE}\n"}, 2 * GIGABYTE),
    (V2, {"memory.max": f"{80 * GIGABYTE}\n"}, None),  # more than there is
    (V1, {"memory/docker/0123/memory.limit_in_bytes": f"{GIGABYTE}\n"}, GIGABYTE),
    (V1, {"memory/memory.limit_in_bytes": "9223372036854771712\n"}, None),
])
def test_memory_follows_the_limit(groups, monkeypatch, own, files, expected):
    groups(own, files)
    monkeypatch.setattr(os, "sysconf", {"SC_PHYS_PAGES": 16 * GIGABYTE // 4096, "SC_PAGE_SIZE": 4096}.get)
    assert machine.memory() == (16 * GIGABYTE, expected)


@pytest.mark.parametrize("own, files", [
    (V2, {"system.slice/memory.max": "50000\n", "system.slice/memory.current": "40000\n",
          "system.slice/memory.stat": "anon 1\ninactive_file 3000\nactive_file 9\n"}),
    (V1, {"memory/docker/0123/memory.limit_in_bytes": "50000\n", "memory/docker/0123/memory.usage_in_bytes": "40000\n",
          "memory/docker/0123/memory.stat": "inactive_file 3000\ntotal_inactive_file 4000\n"})])
def test_free_memory_is_what_the_group_leaves(groups, own, files):
    groups(own, {})
    assert machine.free_memory() > 50000  # what the machine tells
    groups(own, files)
    assert machine.free_memory() == 13000  # pages of files go when room is wanted
