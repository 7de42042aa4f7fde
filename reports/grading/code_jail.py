"""A student's code in a process that is shut in as well as the system can: confined.py in there, this outside.

In this order: bubblewrap where it is installed, else namespaces of its own (user, mounts, network, processes), then
always Landlock, seccomp, no new privileges and limits. `notice` says in one line what was had. Where network, files or
processes cannot be kept apart by any of these, no code runs unless it is trusted.

What comes out of the process is bytes of a stranger: sizes are bounded, arrays are raw numbers, nothing is unpickled.
"""

import io
import json
import os
import selectors
import shutil
import signal
import struct
import subprocess
import sys
import sysconfig
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_tools.errors import KitError
from reports.grading import confined
from reports.grading.inert import plain
from reports.grading.limits import CodeLimits
from reports.grading.scratch import scratch_folder

LONGEST_HEADER = 1 << 20
SYSTEM_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64")
ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "LANG": "C.UTF-8"}
START = ("import json, sys, types\n"
         "for name, text in json.loads(sys.stdin.buffer.readline()):\n"
         "    module = sys.modules[name] = types.ModuleType(name)\n"
         "    exec(compile(text, name, 'exec'), module.__dict__)\n"
         "    parent, _, last = name.rpartition('.')\n"
         "    parent and setattr(sys.modules[parent], last, module)\n"
         "module.main()\n")
WARNINGS = ("overflow", "divide by zero", "invalid value")
SHUTS_IN = {"network": ("namespaces", "seccomp"), "files": ("namespaces", "landlock"),
            "processes": ("namespaces", "seccomp")}


@dataclass(frozen=True)
class Answer:
    """What a call gave. fate: "" where it answered, else "timeout", "memory", "ended" or "garbage": how it went wrong.

    error: (type, message, line or 0, file of the student). changed: numbers of the arguments that were changed in
    place. used_global: NumPy's global generator was used. warnings: what NumPy warned of, as "overflow".
    """

    value: Any = None
    error: tuple[str, str, int, str] | None = None
    fate: str = ""
    message: str = ""
    changed: Sequence[int] = ()
    used_global: bool = False
    warnings: Sequence[str] = ()


class CodeJail:
    """Runs functions of a student's files; use as a context manager.

    files: {module: text}, imported in their order. trust: run even where the system keeps nothing apart. without: of
    "bubblewrap", "namespaces", "landlock", "seccomp" those that are not tried. `loaded`: {module: None, or the error
    of its import}; `begun`: how the imports ended the process, None where they did not.
    """

    def __init__(self, files: Mapping[str, str], limits: CodeLimits | None = None, trust: bool = False,
                 without: Sequence[str] = ()):
        self.files, self.limits, self.trust, self.without = dict(files), limits or CodeLimits(), trust, tuple(without)
        self.got: dict[str, Any] = {}
        self.loaded: dict[str, Any] = {}
        self.begun: Answer | None = None
        self._process: subprocess.Popen | None = None
        self._asked = 0
        self._folder, self._held = Path(), ExitStack()

    def __enter__(self) -> "CodeJail":
        self._folder = self._held.enter_context(scratch_folder("grading-code-"))
        self._output = open(self._folder / "output.txt", "a+b")
        try:
            self.begun = self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: Any) -> None:
        self._end()
        self._output.close()
        self._held.close()

    @property
    def notice(self) -> str:
        """What the system offered, in one line."""
        return describe(self.got)

    @property
    def output(self) -> str:
        """The end of what was printed."""
        most = self.limits.output_kb << 10
        printed = os.pread(self._output.fileno(), most, max(0, os.fstat(self._output.fileno()).st_size - most))
        return plain(printed.decode("utf-8", "replace"), most, lines=True)

    def call(self, module: str, name: str, arguments: Sequence[Any]) -> Answer:
        """The answer of module.name(modules, *arguments), modules: {name: module} of all files."""
        if self._process is None:
            fate = self._start()
            if fate is not None:
                return fate
        payload = bytearray()
        request = {"module": module, "name": name, "arguments": [confined.encode(item, payload) for item in arguments]}
        return self._ask(request, bytes(payload))

    # ------------------------------------------------------------------ the process

    def _start(self) -> Answer | None:
        """None, or how it went wrong when the files were imported. KitError where nothing shuts it in."""
        bubblewrap = None if "bubblewrap" in self.without else shutil.which("bwrap")
        if bubblewrap and not self._begin(bubblewrap):
            bubblewrap = None
        if not bubblewrap and not self._begin(None):
            raise RuntimeError(f"the jail did not begin:\n{self.output}")
        missing = open_doors(self.got)
        if missing and not self.trust:
            why = "; ".join(f"{name}: {text}" for name, text in self.got["why"].items())
            raise KitError(f"this system cannot keep {' and '.join(missing)} of a student's code apart ({why}); "
                           "grade on Linux with user namespaces or Landlock, install bubblewrap, or say --trust where "
                           "nothing can be lost, as in a container of its own")
        answer = self._exchange({"files": self.files}, b"")
        if isinstance(answer, Answer):
            return answer
        loaded = answer[0].get("loaded")
        if not self.loaded:
            self.loaded = {name: _error(loaded.get(name)) if isinstance(loaded, dict) else None for name in self.files}
        return None

    def _begin(self, bubblewrap: str | None) -> bool:
        """Start it; whether it got as far as being shut in."""
        self._end()
        for name in ("root", "scratch"):
            shutil.rmtree(self._folder / name, ignore_errors=True)
            (self._folder / name).mkdir()
        python, packages, readable = _python_files()
        answers, theirs = os.pipe()
        command = [python, "-I", "-S", "-c", START]
        if bubblewrap:
            command = [*_bubblewrap(bubblewrap, readable, self.limits), *command]
        limits = self.limits
        spec = {"answers": theirs, "packages": packages, "readable": readable, "folder": str(self._folder / "root"),
                "scratch": "/tmp" if bubblewrap else str(self._folder / "scratch"), "without": self.without,
                "namespaces": "bubblewrap" if bubblewrap else "", "memory_mb": limits.memory_mb,
                "cpu_seconds": limits.cpu_seconds, "scratch_mb": limits.scratch_mb, "files": limits.files}
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=self._output, stderr=self._output,
                                         pass_fds=[theirs], env=ENVIRONMENT, cwd="/")
        os.close(theirs)
        self._answers = answers
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(_sources()).encode() + b"\n")
            confined.write_frame(self._process.stdin, spec)
        except BrokenPipeError:
            pass
        started = self._receive()
        if isinstance(started, Answer):
            self._end()
            return False
        self.got = started[0]["got"]
        return True

    def _end(self) -> int:
        """The status it ended with, once it and all that it started are gone."""
        if self._process is None:
            return 0
        process, self._process = self._process, None
        process.kill()
        os.close(self._answers)
        process.stdin.close() if process.stdin else None
        return process.wait()

    # ------------------------------------------------------------------ frames

    def _ask(self, request: dict[str, Any], payload: bytes) -> Answer:
        received = self._exchange(request, payload)
        if isinstance(received, Answer):
            return received
        answer, arrays = received
        about: dict[str, Any] = {"changed": _numbers(answer.get("changed")),
                                 "used_global": answer.get("used_global") is True,
                                 "warnings": [text for text in _list(answer.get("float")) if text in WARNINGS]}
        error = _error(answer.get("error"))
        if error:
            return Answer(error=error, fate="memory" if error[0].endswith("MemoryError") else "", **about)
        try:
            return Answer(confined.decode(answer["value"], io.BytesIO(arrays)), **about)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
            return Answer(fate="garbage", message=plain(error, 200), **about)

    def _exchange(self, request: dict[str, Any], payload: bytes) -> tuple[dict[str, Any], bytes] | Answer:
        assert self._process is not None and self._process.stdin is not None
        self._asked += 1
        try:
            confined.write_frame(self._process.stdin, {"id": self._asked, **request}, payload)
        except BrokenPipeError:
            return self._fate()
        received = self._receive()
        if isinstance(received, tuple) and received[0].get("id") != self._asked:  # written before it was asked
            self._end()
            return Answer(fate="garbage", message="an answer that was not asked for")
        return received

    def _receive(self) -> tuple[dict[str, Any], bytes] | Answer:
        """The next frame, or how the process came to send none; it is ended then."""
        deadline = time.monotonic() + self.limits.seconds
        try:
            text, payload = struct.unpack("=II", self._read(8, deadline))
            if text > LONGEST_HEADER or payload > self.limits.answer_mb << 20:
                raise ValueError("an answer that is too large")
            answer = json.loads(self._read(text, deadline))
            if not isinstance(answer, dict):
                raise ValueError("no answer")
            return answer, self._read(payload, deadline)
        except TimeoutError:
            self._end()
            return Answer(fate="timeout", message=f"no answer within {self.limits.seconds:g} s")
        except EOFError:
            return self._fate()
        except (ValueError, RecursionError) as error:
            self._end()
            return Answer(fate="garbage", message=plain(error, 200))

    def _fate(self) -> Answer:
        """The pipe has closed: the process has ended, or is made to."""
        assert self._process is not None
        try:
            status = self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            status = 0
        self._end()
        number = -status if status < 0 else status - 128
        if number in (signal.SIGKILL, signal.SIGXCPU):
            return Answer(fate="timeout", message=f"it took more than {self.limits.cpu_seconds} s of the processor")
        return Answer(fate="ended", message=f"its process ended with status {status} before it answered")

    def _read(self, count: int, deadline: float) -> bytes:
        found = bytearray()
        with selectors.DefaultSelector() as selector:
            selector.register(self._answers, selectors.EVENT_READ)
            while len(found) < count:
                left = deadline - time.monotonic()
                if left <= 0 or not selector.select(left):
                    raise TimeoutError
                chunk = os.read(self._answers, min(count - len(found), 1 << 20))
                if not chunk:
                    raise EOFError
                found += chunk
        return bytes(found)


def describe(got: Mapping[str, Any]) -> str:
    """One line of what a process got when it shut itself in."""
    parts = {"bubblewrap": ["bubblewrap"], "unshare": ["own mounts, network and processes"]}.get(got["namespaces"], [])
    parts += [f"Landlock {got['landlock']}"] * bool(got["landlock"]) + ["seccomp"] * bool(got["seccomp"])
    missing = open_doors(got)
    return (f"student code is shut in by {', '.join([*parts, 'limits'])}"
            + (f"; NOT kept apart, and trusted: {', '.join(missing)}" if missing else ""))


def open_doors(got: Mapping[str, Any]) -> list[str]:
    """Of network, files and processes those that nothing keeps apart."""
    return [door for door, means in SHUTS_IN.items() if not any(got[name] for name in means)]


def _bubblewrap(program: str, readable: Sequence[str], limits: CodeLimits) -> list[str]:
    command = [program, "--unshare-all", "--die-with-parent", "--cap-drop", "ALL"]
    for path in readable:
        command += ["--symlink", os.readlink(path), path] if os.path.islink(path) else ["--ro-bind", path, path]
    return [*command, "--size", str(limits.scratch_mb << 20), "--tmpfs", "/tmp", "--chdir", "/tmp", "--"]


def _python_files() -> tuple[str, str, list[str]]:
    """(interpreter, folder from which NumPy is imported, paths that have to be readable for both), links
    first."""
    import numpy

    python = os.path.realpath(sys.executable)
    arrays = os.path.realpath(os.path.dirname(numpy.__file__))
    packages = os.path.dirname(arrays)
    standard = [os.path.dirname(os.__file__), sysconfig.get_config_var("DESTSHARED") or ""]
    paths = [*SYSTEM_LIBRARIES, python, *map(os.path.realpath, filter(None, standard))]
    library = os.path.join(sysconfig.get_config_var("LIBDIR") or "", sysconfig.get_config_var("INSTSONAME") or "")
    paths += [os.path.realpath(library), arrays, os.path.join(packages, "numpy.libs")]
    found: list[str] = []
    for path in map(os.path.realpath, filter(os.path.exists, paths)):
        if not any(path == above or path.startswith(above + "/") for above in found):
            found.append(path)
    return python, packages, [*filter(os.path.islink, SYSTEM_LIBRARIES), *found]


def _sources() -> list[tuple[str, str]]:
    """(module, text) of what runs inside, in the order of their imports."""
    here = Path(__file__)
    return [("reports", ""), ("reports.grading", ""),
            *((f"reports.grading.{name}", here.with_name(f"{name}.py").read_text(encoding="utf-8"))
              for name in ("kernel", "confined"))]


def _error(told: Any) -> tuple[str, str, int, str] | None:
    if not told:
        return None
    kind, message, line, file = (*_list(told)[:4], "", "", 0, "")[:4]
    return plain(kind, 60), plain(message, 300), line if type(line) is int else 0, plain(file, 60)


def _list(value: Any) -> list[Any]:
    return value[:100] if isinstance(value, list) else []


def _numbers(value: Any) -> list[int]:
    return [item for item in _list(value) if type(item) is int]
