"""The process from which those that judge are forked: it imports everything once and computes nothing.

A fork of a process with threads may wait for ever for a lock that another thread held. So Paddle is imported here but
no operation of it runs, no thread is started, and the parent, which has a progress bar, is not forked at all.

It reads one JSON object per line from a socket and answers in the same way: first {works, options, limits, assignment},
then {id, name, path, scratch} per submission. It watches its children, ends those beyond their limits, and ends with
all of them when the socket closes. A child leaves its grade as scratch/grade.json.
"""

import gc
import hashlib
import importlib
import json
import os
import select
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_tools.errors import KitError
from reports.grading import likeness
from reports.grading.exercises import grade_exercises, holds_exercises
from reports.grading.grade_one import failed, grade
from reports.grading.graded_work import Works
from reports.grading.limits import Limits
from reports.grading.shut_in import lacking, needed, shut_in

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

GRADE, OUTPUT, CHOSEN = "grade.json", "output.txt", "assignment.txt"  # in the scratch folder
FORMAT = 6           # of a grade; a new number has every submission graded again
LOOK = 0.02          # seconds between looks at the children
MEASURE = 0.25       # seconds between measurements of their memory and disk space
OPEN_FILES = 512
CAN_FORK = hasattr(os, "fork")
OWN_TROUBLE = 3      # status of a child whose grader, not whose submission, had trouble
ROOM = 1 << 30       # bytes of address space beyond the memory limit: stacks and pools that are reserved, not used


def load(setup: dict[str, Any]) -> tuple[Works, Limits, str]:
    """(works, limits, key) of a setup line; the key changes with everything that a grade depends on."""
    module, _, function = setup["works"].partition(":")
    works = getattr(importlib.import_module(module), function)(**setup["options"])
    parts = [[work.assignment, work.rubric.sha256, work.data, work.fingerprint] for work in works.values()]
    whole = json.dumps([FORMAT, setup["works"], setup["assignment"], setup["limits"], sorted(parts)], sort_keys=True)
    return works, Limits(**setup["limits"]), hashlib.sha256(whole.encode()).hexdigest()


def main(descriptor: int) -> None:
    """The life of the process; `descriptor` is its end of the socket."""
    with socket.socket(fileno=descriptor) as line:
        setup = json.loads(line.makefile("rb").readline())
        works, limits, answer = _introduction(setup)
        _say(line, answer)
        if works is not None and limits is not None:
            _Keeper(line, works, limits, setup["assignment"]).run()


def introduce() -> None:
    """The first answer of a zygote on standard output and nothing more, for systems without fork."""
    print(json.dumps(_introduction(json.loads(sys.stdin.readline()))[2]))


def _introduction(setup: dict[str, Any]) -> tuple[Works | None, Limits | None, dict[str, Any]]:
    import paddle_models  # noqa: F401  sets the environment before Paddle is imported

    try:
        works, limits, key = load(setup)
    except KitError as error:
        return None, None, {"error": str(error)}
    except Exception:
        return None, None, {"fault": traceback.format_exc()}
    return works, limits, {"ready": key, "unwatched": unwatched(), "lacking": lacking() if CAN_FORK else "",
                           "blanks": blanks(works, setup["assignment"])}


def unwatched() -> list[str]:
    """Limits that this system cannot keep."""
    if not CAN_FORK:
        return ["cpu_seconds", "memory_mb", "disk_mb"]
    return (["cpu_seconds"] if resource is None else []) + (["memory_mb"]
                                                            if not os.path.exists("/proc/self/smaps_rollup") else [])


def once() -> None:
    """For systems without fork: one setup line and one submission from standard input, graded in this process."""
    import paddle_models  # noqa: F401

    setup, job = json.loads(sys.stdin.readline()), json.loads(sys.stdin.readline())
    works, limits, _ = load(setup)
    _judge(job, works, limits, setup["assignment"])


@dataclass
class _Child:
    pid: int
    job: dict[str, Any]
    start: float
    fate: tuple[str, str] | None = None  # kind of problem and message, once it was ended
    measured: float = 0.0


class _Keeper:
    """Starts a child per submission, watches it, and tells how it ended."""

    def __init__(self, line: socket.socket, works: Works, limits: Limits, assignment: str | None):
        self.line, self.works, self.limits, self.assignment = line, works, limits, assignment
        self.children: list[_Child] = []
        self.prepared = False
        self.life, self.held = os.pipe()  # children read `life`; that it ends tells them that this process has

    def run(self) -> None:
        """Until the socket closes."""
        waiting = b""
        try:
            while True:
                ready, _, _ = select.select([self.line], [], [], LOOK if self.children else None)
                if ready:
                    received = self.line.recv(1 << 16)
                    if not received:
                        return
                    *lines, waiting = (waiting + received).split(b"\n")
                    for text in lines:
                        self._start(json.loads(text))
                for child in list(self.children):
                    self._look_after(child)
        except (BrokenPipeError, ConnectionResetError):  # the parent has left
            return
        finally:
            for child in self.children:
                _end(child.pid)

    def _start(self, job: dict[str, Any]) -> None:
        if not self.prepared:  # at the latest: works may have imported Paddle already, or nothing is left to grade
            self.prepared = True
            importlib.import_module("paddle")
            likeness.fingerprints()  # read once for all
            gc.collect()
            gc.freeze()  # what was imported stays shared: the collector of a child does not touch it
        pid = os.fork()
        if pid:
            self.children.append(_Child(pid, job, time.monotonic()))
            return
        status = 1
        try:
            os.close(self.held)
            self.line.close()
            os.setsid()
            _redirect(Path(job["scratch"]))
            _limit(self.limits)
            _judge(job, self.works, self.limits, self.assignment, self.life)
            status = 0
        except OSError:  # of a submission's own files it would have become a grade
            traceback.print_exc()
            status = OWN_TROUBLE
        except BaseException:
            traceback.print_exc()
        finally:
            try:
                sys.stdout.flush()
                sys.stderr.flush()
            finally:
                os._exit(status)  # nothing of the process it was forked from is tidied up twice

    def _look_after(self, child: _Child) -> None:
        now = time.monotonic()
        pid, status = os.waitpid(child.pid, os.WNOHANG)
        if pid:
            self.children.remove(child)
            _end_group(child.pid, reaped=True)
            kind, message = child.fate or _fate(status, self.limits)
            _say(self.line, {"id": child.job["id"], "kind": kind, "message": message, "seconds": now - child.start})
        elif child.fate is None and now - child.measured > MEASURE:
            child.measured = now
            child.fate = self._beyond(child, now)
            if child.fate:
                _end_group(child.pid)

    def _beyond(self, child: _Child, now: float) -> tuple[str, str] | None:
        limits = self.limits
        if now - child.start > limits.seconds:
            return "timeout", f"it was not judged within {limits.seconds:g} seconds"
        if own_memory(child.pid) > limits.memory_mb << 20:
            return "out-of-memory", f"judging it took more than {limits.memory_mb} MB"
        if folder_size(Path(child.job["scratch"])) > limits.disk_mb << 20:
            return "disk", f"judging it took more than {limits.disk_mb} MB of disk space"
        return None


def own_memory(pid: int) -> int:
    """Bytes of memory that a process shares with no other, 0 where the system does not tell."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            return sum(int(row.split()[1]) << 10 for row in file if row.startswith(b"Private_"))
    except (OSError, ValueError, IndexError):
        return 0


def folder_size(folder: Path) -> int:
    """Bytes that a folder takes on disk; what vanishes meanwhile counts nothing."""
    total = 0
    waiting: list[str | Path] = [folder]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as found:
                for item in found:
                    if item.is_dir(follow_symlinks=False):
                        waiting.append(item.path)
                    else:
                        about = item.stat(follow_symlinks=False)
                        total += getattr(about, "st_blocks", about.st_size // 512 + 1) * 512
        except OSError:
            continue
    return total


def _judge(job: dict[str, Any], works: Works, limits: Limits, assignment: str | None, life: int | None = None) -> None:
    """Grade the submission and leave the grade in its scratch folder; end with the process that holds the other end of
    `life`. A run is judged shut in; exercises need a new process, which is shut in better (code_jail.py)."""
    scratch = Path(job["scratch"])
    path = Path(job["path"])
    found = [work.exercises for name, work in works.items() if work.exercises and assignment in (None, name)
             and holds_exercises(path, work.exercises, limits)]
    if life is not None:
        if not found:
            shut_in(*needed(path, scratch, [work.data for work in works.values()]))
        threading.Thread(target=_leave_with, args=(life,), daemon=True).start()
    if found:
        (scratch / CHOSEN).write_text(found[0].work)
        made = grade_exercises(path, found[0], job["name"], limits)
    else:
        made = grade(path, works, scratch, limits, assignment, job["name"], (scratch / CHOSEN).write_text)
    shutil.rmtree(scratch / "run", ignore_errors=True)  # makes room for the grade where the disk was full
    (scratch / f"{GRADE}.part").write_text(json.dumps(made.to_dict()), encoding="utf-8")
    os.replace(scratch / f"{GRADE}.part", scratch / GRADE)


def blanks(works: Works, assignment: str | None) -> dict[str, Any]:
    """{assignment, "" where it is not known: the grade of a submission whose process writes none}: no points."""
    likely = works.get(assignment or (next(iter(works)) if len(works) == 1 else ""))
    return {name: failed("", work, "crashed", "it was not judged", 0.0).to_dict() for name,
            work in {"": likely, **works}.items()}


def _redirect(scratch: Path) -> None:
    """Standard output and error to a file of the scratch folder; temporary files go there too."""
    empty = os.open(os.devnull, os.O_RDONLY)
    output = os.open(scratch / OUTPUT, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(empty, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ["TMPDIR"] = tempfile.tempdir = str(scratch)  # the second where the folder was already asked for
    os.environ["NUMBA_CACHE_DIR"] = str(scratch)  # imgaug's functions want to be kept somewhere


def _limit(limits: Limits) -> None:
    if resource is None:
        return
    with open("/proc/self/statm") if os.path.exists("/proc/self/statm") else open(os.devnull) as file:
        pages = file.read().split()[:1]
    largest = max(limits.disk_mb, limits.weights_mb) << 20
    wanted = {"RLIMIT_CPU": int(limits.cpu_seconds) + 1, "RLIMIT_FSIZE": largest, "RLIMIT_NOFILE": OPEN_FILES,
              "RLIMIT_CORE": 0}
    if pages:
        wanted["RLIMIT_AS"] = int(pages[0]) * resource.getpagesize() + (limits.memory_mb << 20) + ROOM
    for name, value in wanted.items():
        number = getattr(resource, name, None)
        if number is not None:
            most = resource.getrlimit(number)[1]
            value = value if most == resource.RLIM_INFINITY else min(value, most)
            resource.setrlimit(number, (value, value if name != "RLIMIT_CPU" else most))


def _fate(status: int, limits: Limits) -> tuple[str, str]:
    """("", "") for a child that ended by itself as it should."""
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) == OWN_TROUBLE:
        return "grader-disk", "the grader's own disk or folders failed while it was judged"
    if os.WIFEXITED(status):
        return ("", "") if os.WEXITSTATUS(status) == 0 else ("crashed", "the process that judged it failed")
    number = os.WTERMSIG(status)
    if number == getattr(signal, "SIGXCPU", None):
        return "timeout", f"judging it took more than {limits.cpu_seconds:g} seconds of the processor"
    if number == signal.SIGKILL:
        return "grader-ended", "the process that judged it was ended from outside; perhaps others took the memory"
    return "crashed", f"the process that judged it ended by {signal.Signals(number).name}"


def _leave_with(life: int) -> None:
    os.read(life, 1)
    with suppress(PermissionError):  # one that is shut in has started nothing
        os.killpg(0, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


def _end_group(pid: int, reaped: bool = False) -> None:
    """The child and what it may have started; it leads a group of its own, or is about to."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        if not reaped:  # else the number may be another process's by now
            os.kill(pid, signal.SIGKILL)
    except PermissionError:  # macOS, of a group that has only ended members
        pass


def _end(pid: int) -> None:
    _end_group(pid)
    os.waitpid(pid, 0)


def _say(line: socket.socket, answer: dict[str, Any]) -> None:
    line.sendall(json.dumps(answer).encode() + b"\n")
