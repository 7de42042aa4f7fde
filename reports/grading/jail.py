"""Each submission in a process of its own, forked from one that has imported everything once (zygote.py).

Limits: wall time, processor time, memory that the process shares with no other, size of its scratch folder, of a single
file, open files. The number of processes is not limited: that limit counts all processes of the user. Where the system
has no fork (Windows), each submission gets a fresh interpreter and the time limit alone; Jail.notice says so.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from data_tools.errors import KitError
from data_tools.files.places import PROJECT_ROOT
from reports.grading.grade_one import Grade
from reports.grading.inert import plain
from reports.grading.limits import Limits
from reports.grading.rubric import LANGUAGES
from reports.grading.scratch import scratch_folder
from reports.grading.verdict import in_both, of_problem
from reports.grading.zygote import CAN_FORK, CHOSEN, GRADE, OUTPUT

GRADE_LIMIT = 4 << 20   # bytes of a grade
OUTPUT_LIMIT = 4 << 10  # bytes of what a child printed, from the end
TRIES = 2               # of a submission when the zygote itself is lost


@dataclass(frozen=True)
class Task:
    """A submission to be graded: its name in every output, and where it is."""

    name: str
    path: Path


class Jail:
    """Grades submissions in processes of their own; use as a context manager.

    works: "module:function" that is called once as function(**options) -> Works (work.py), before any fork: it may
    import Paddle and read data, which all processes then share, but run no operation of Paddle. options: JSON values.
    jobs: processes at a time. assignment: what every submission has to be of, if known. KitError of the function is
    raised here.
    """

    def __init__(self, works: str, options: Mapping[str, Any], limits: Limits, jobs: int = 1,
                 assignment: str | None = None, forking: bool = CAN_FORK):
        self.jobs, self.limits, self.forking = max(1, jobs), limits, forking
        self._setup = {"works": works, "options": dict(options), "limits": asdict(limits), "assignment": assignment}
        self.key, self.notice = "", ""
        """key: changes with the rubrics and the grader's data, and so with what a grade would be"""
        self._blanks: dict[str, Any] = {}
        self._held, self._scratch = ExitStack(), Path()
        self._process: subprocess.Popen | None = None

    def __enter__(self) -> "Jail":
        self._scratch = self._held.enter_context(scratch_folder())
        try:
            self._begin()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: Any) -> None:
        self._end()
        self._held.close()

    def grade(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Grade]]:
        """The grades in the order in which they are finished; a submission that fails has a grade that says so."""
        yield from (self._forked(iter(tasks)) if self.forking else self._spawned(iter(tasks)))

    def _environment(self) -> dict[str, str]:
        """Threads share the cores; one of OpenBLAS, whose threads are gone after a fork and may be waited for."""
        return {"OMP_NUM_THREADS": str(max(1, _cores() // self.jobs)), "OPENBLAS_NUM_THREADS": "1", **os.environ}

    # ------------------------------------------------------------------ the zygote

    def _begin(self) -> None:
        environment = {**self._environment(), "NUMBA_CACHE_DIR": str(self._scratch)}  # a home may be read-only
        if not self.forking:
            answer = _ask_once(self._setup, environment)
        else:
            ours, theirs = socket.socketpair()
            with theirs:
                self._errors = open(self._scratch / "zygote.txt", "wb")
                self._process = subprocess.Popen(
                    _python(f"main({theirs.fileno()})"), env=environment, pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL, stdout=self._errors, stderr=self._errors, start_new_session=True)
            self._line, self._reader = ours, ours.makefile("rb")
            self._say(self._setup)
            answer = self._hear() or {"fault": _tail(self._scratch / "zygote.txt")}
        if "error" in answer:
            raise KitError(answer["error"])
        if "fault" in answer:
            raise RuntimeError(f"grading could not begin:\n{answer['fault']}")
        self.key, self._blanks = answer["ready"], answer["blanks"]
        said = [f"this system does not keep the limits {', '.join(answer['unwatched'])}"] * bool(answer["unwatched"])
        said += [f"runs are judged without what would shut their process in ({answer['lacking']})"
                 ] * bool(answer["lacking"])
        self.notice = "; ".join(said)

    def _end(self) -> None:
        if self._process is None:
            return
        self._reader.close()
        self._line.close()  # it ends with all its children then
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._errors.close()
        self._process = None

    def _say(self, value: dict[str, Any]) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):  # the next answer is then none
            self._line.sendall(json.dumps(value).encode() + b"\n")

    def _hear(self) -> dict[str, Any] | None:
        """The next answer, None where the zygote is gone."""
        try:
            line = self._reader.readline()
        except ConnectionResetError:
            return None
        return json.loads(line) if line.endswith(b"\n") else None

    def _forked(self, tasks: Iterator[Task]) -> Iterator[tuple[Task, Grade]]:
        running: dict[int, tuple[Task, int]] = {}
        again: list[tuple[Task, int]] = []
        number = 0
        while True:
            while len(running) < self.jobs:
                task, tried = again.pop() if again else (next(tasks, None), 0)
                if task is None:
                    break
                number += 1
                running[number] = task, tried + 1
                self._say(self._job(number, task))
            if not running:
                return
            answer = self._hear()
            if answer is None:
                for number_lost, (task, tried) in list(running.items()):
                    self._clear(number_lost)
                    if tried < TRIES:
                        again.append((task, tried))
                    else:
                        yield task, self._lost(task, "grader-ended",
                                               "the process that judges ended twice while it was judged", 0, "")
                running = {}
                self._end()
                self._begin()
                continue
            task, _ = running.pop(answer["id"])
            made = self._collect(answer["id"], task, answer["kind"], answer["message"], answer["seconds"])
            self._clear(answer["id"])
            yield task, made

    # ------------------------------------------------------------------ without fork

    def _spawned(self, tasks: Iterator[Task]) -> Iterator[tuple[Task, Grade]]:
        with ThreadPoolExecutor(self.jobs) as pool:
            running: dict[Future[Grade], Task] = {}
            number = 0
            while True:
                while len(running) < self.jobs and (task := next(tasks, None)) is not None:
                    number += 1
                    running[pool.submit(self._spawn, number, task)] = task
                if not running:
                    return
                for done in wait(running, return_when=FIRST_COMPLETED).done:
                    yield running.pop(done), done.result()

    def _spawn(self, number: int, task: Task) -> Grade:
        job, start = self._job(number, task), time.monotonic()
        kind = message = ""
        with open(Path(job["scratch"]) / OUTPUT, "wb") as output:
            try:
                ended = subprocess.run(_python("once()"), env=self._environment(), stdout=output, stderr=output,
                                       input=f"{json.dumps(self._setup)}\n{json.dumps(job)}\n".encode(),
                                       timeout=self.limits.seconds).returncode
                if ended:
                    kind, message = "crashed", f"the process that judged it ended with status {ended}"
            except subprocess.TimeoutExpired:
                kind, message = "timeout", f"it was not judged within {self.limits.seconds:g} seconds"
        made = self._collect(number, task, kind, message, time.monotonic() - start)
        self._clear(number)
        return made

    # ------------------------------------------------------------------ grades

    def _job(self, number: int, task: Task) -> dict[str, Any]:
        scratch = self._scratch / str(number)
        scratch.mkdir()
        return {"id": number, "name": task.name, "path": str(Path(task.path).absolute()), "scratch": str(scratch)}

    def _clear(self, number: int) -> None:
        shutil.rmtree(self._scratch / str(number), ignore_errors=True)

    def _collect(self, number: int, task: Task, kind: str, message: str, seconds: float) -> Grade:
        """The grade that a child left, or one that says why it left none."""
        file, output = self._scratch / str(number) / GRADE, _tail(self._scratch / str(number) / OUTPUT)
        if not kind:
            try:
                with open(file, "rb") as stream:
                    content = stream.read(GRADE_LIMIT + 1)
                if len(content) > GRADE_LIMIT:
                    raise KitError("it is too large")
                made = Grade.from_dict(json.loads(content))
                made.output, made.seconds = "\n".join(filter(None, [made.output, output])), round(seconds, 3)
                return made
            except (OSError, ValueError, RecursionError, KitError) as error:
                kind, message = "crashed", f"the process that judged it left no grade: {error}"
        return self._lost(task, kind, message, seconds, output, _tail(self._scratch / str(number) / CHOSEN))

    def _lost(self, task: Task, kind: str, message: str, seconds: float, output: str, chosen: str = "") -> Grade:
        made = Grade.from_dict(self._blanks.get(chosen, self._blanks[""]))
        made.name, made.problems = plain(task.name, 200), [{"kind": kind, "message": plain(message)}]
        made.verdict, made.seconds, made.output = of_problem(kind).value, round(seconds, 3), output
        for line in made.criteria:
            line.message = dict(zip(LANGUAGES, map(plain, in_both(kind, message))))
        return made


def _python(call: str) -> list[str]:
    """A command line that runs a function of zygote.py; the current folder, which may hold anything, is not
    searched."""
    code = f"import sys; sys.path[0] = {str(PROJECT_ROOT)!r}; from reports.grading import zygote; zygote.{call}"
    return [sys.executable, "-c", code]


def _ask_once(setup: dict[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    """What the zygote would say at its beginning, from a process that ends at once."""
    ended = subprocess.run(_python("introduce()"), env=dict(environment), input=json.dumps(setup).encode() + b"\n",
                           capture_output=True)
    try:
        return json.loads(ended.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        return {"fault": plain(ended.stderr.decode("utf-8", "replace")[-OUTPUT_LIMIT:], OUTPUT_LIMIT, lines=True)}


def _tail(file: Path) -> str:
    try:
        with open(file, "rb") as stream:
            stream.seek(max(0, file.stat().st_size - OUTPUT_LIMIT))
            return plain(stream.read(OUTPUT_LIMIT).decode("utf-8", "replace"), OUTPUT_LIMIT, lines=True)
    except OSError:
        return ""


def _cores() -> int:
    from paddle_models.environment import cores

    return cores()
