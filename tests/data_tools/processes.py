"""Processes as /proc shows them, and programs that a test starts and ends."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path


def parents() -> dict[int, int]:
    """{process: its parent} of all processes that run."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:  # it has just ended
            continue
        if state not in "ZX":
            found[int(folder.name)] = int(parent)
    return found


def running(process: int) -> bool:
    return process in parents()


def descendants(ancestor: int | None = None) -> set[int]:
    """Processes below `ancestor`, or below this one."""
    known, family = parents(), {ancestor or os.getpid()}
    while more := {child for child, parent in known.items() if parent in family} - family:
        family |= more
    return family - {ancestor or os.getpid()}


def workers_of(ancestor: int) -> set[int]:
    """Children of its fork server."""
    known = parents()
    return {process for process in descendants(ancestor) if known.get(process) != ancestor}


def wait_until(true: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def python(arguments: list[str], **more) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=120, **more)


@contextmanager
def program(code: str):
    """A program in a process group of its own, which does not survive the test."""
    with tempfile.TemporaryDirectory() as folder:  # a killed program leaves the socket of its fork server there
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True,
                                   start_new_session=True, env={**os.environ, "TMPDIR": folder})
        try:
            yield process
        finally:
            process.kill()
            process.communicate(timeout=60)
