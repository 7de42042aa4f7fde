"""What this process may use of the machine: cores and memory, limits of containers (control groups) included. What
processor it has.
"""

import math
import os
import platform
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

OWN_GROUPS = Path("/proc/self/cgroup")  # lines of number:controllers:group, without controllers in version 2
GROUPS = Path("/sys/fs/cgroup")  # version 2; of version 1 a folder in it to each controller


def cores() -> int:
    """CPU cores that this process may use, at least 1: those it is bound to, fewer where a quota allows less time."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quotas = []
    for group in _groups("cpu"):
        words = _words(group / "cpu.max") or _words(group / "cpu.cfs_quota_us") + _words(group / "cpu.cfs_period_us")
        if len(words) == 2 and all(word.isdecimal() for word in words):  # "max" or -1: none
            quotas.append(math.ceil(int(words[0]) / max(1, int(words[1]))))
    return max(1, min([bound, *quotas]))


def memory() -> tuple[int, int | None]:
    """(bytes of this machine, 0 where the system does not tell; bytes that a lower limit leaves to this process, None
    without one).
    """
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0
    limits = [int(word) for group in _groups("memory")
              for word in _words(group / "memory.max") + _words(group / "memory.limit_in_bytes") if word.isdecimal()]
    least = min(limits, default=total)
    return total, least if least < total else None


def free_memory() -> int | None:
    """Bytes that this process may still take; None where the system does not tell."""
    rows = dict(line.split(":", 1) for line in _text(Path("/proc/meminfo")).splitlines() if ":" in line)
    free = [int(rows["MemAvailable"].split()[0]) << 10] if "MemAvailable" in rows else []
    for group in _groups("memory"):
        limit = _words(group / "memory.max") + _words(group / "memory.limit_in_bytes")
        used = _words(group / "memory.current") + _words(group / "memory.usage_in_bytes")
        cached = [int(line.split()[1]) for line in _text(group / "memory.stat").splitlines()
                  if line.startswith("inactive_file ")]
        if limit and used and limit[0].isdecimal():
            free.append(max(0, int(limit[0]) - int(used[0]) + sum(cached)))  # pages of files go when room is wanted
    return min(free, default=None)


def processor() -> str:
    """The processor's name, as far as the system tells it."""
    lines = _text(Path("/proc/cpuinfo")).splitlines()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")),
                platform.processor())


def _groups(controller: str) -> Iterator[Path]:
    """Folders of this process's control group and of those above it, which limit it too; of both versions."""
    for line in _text(OWN_GROUPS).splitlines():
        _, controllers, group = line.split(":", 2)
        if not controllers or controller in controllers.split(","):
            top = GROUPS / controller if controllers else GROUPS
            # Inside a container the group may be named as the host sees it; the container's own is then at the top.
            folder = top / group.lstrip("/")
            yield from (above for above in (folder, *folder.parents) if above.is_relative_to(top))


def _words(file: Path) -> list[str]:
    return _text(file).split()


def _text(file: Path) -> str:
    with suppress(OSError):  # a machine without control groups, or of the other version
        return file.read_text(encoding="ascii", errors="replace")
    return ""
