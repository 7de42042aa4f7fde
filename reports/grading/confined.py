"""The process in which a student's code runs: shuts itself in (kernel.py), then answers calls. Standard library, NumPy.

It is started from its text (code_jail.py), so that nothing of the kit needs to be readable. Frames, both ways: 8 bytes
with the lengths of a JSON object and of raw array bytes, then these. Nothing that comes out of here is to be believed.
"""

import importlib
import io
import json
import os
import signal
import struct
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from reports.grading import kernel

LONGEST_TEXT = 300
OWN = ("reports.grading.confined", "reports.grading.kernel", "reports.grading", "reports")
KINDS = "fiubc"  # of dtypes that go through the pipe


# ---- frames


def write_frame(stream: Any, value: dict[str, Any], payload: bytes = b"") -> None:
    """One frame."""
    text = json.dumps(value).encode()
    stream.write(struct.pack("=II", len(text), len(payload)) + text + payload)
    stream.flush()


def read_frame(stream: BinaryIO) -> tuple[dict[str, Any], bytes]:
    """(object, array bytes) of the next frame; EOFError at the end. For frames of the kit's own."""
    head = stream.read(8)
    if len(head) < 8:
        raise EOFError
    text, payload = struct.unpack("=II", head)
    return json.loads(stream.read(text)), stream.read(payload)


def encode(value: Any, payload: bytearray) -> Any:
    """A value as JSON, the bytes of its arrays one after the other in `payload`; what else it may be is only named."""
    import numpy as np

    if value is None or isinstance(value, (bool, str)):
        return value if not isinstance(value, str) else {"text": value[:LONGEST_TEXT]}
    if isinstance(value, (int, float)) and not isinstance(value, np.generic):
        return {"number": value} if isinstance(value, float) or abs(value) < 1 << 62 else {"other": "a huge integer"}
    if isinstance(value, (np.ndarray, np.generic)):
        array = np.asarray(value)
        if array.dtype.kind not in KINDS or array.dtype.hasobject:
            return {"other": f"array of dtype {array.dtype.name[:20]}"}
        payload += np.ascontiguousarray(array).tobytes()
        return {"array": [array.dtype.newbyteorder("=").str, list(array.shape)]}
    if isinstance(value, (list, tuple)):
        return {"tuple" if isinstance(value, tuple) else "list": [encode(item, payload) for item in value[:10_000]]}
    if isinstance(value, dict):
        return {"dict": {str(key)[:40]: encode(item, payload) for key, item in list(value.items())[:100]}}
    return {"other": type(value).__name__[:40]}


def decode(value: Any, payload: BinaryIO) -> Any:
    """The counterpart of encode; arrays can be written to. ValueError for what encode does not make."""
    if value is None or isinstance(value, bool):
        return value
    [(kind, inside)] = value.items()
    if kind == "array":
        return _decode_array(inside, payload)
    if kind in ("list", "tuple"):
        return (list if kind == "list" else tuple)(decode(item, payload) for item in inside)
    if kind == "dict":
        return {name: decode(item, payload) for name, item in inside.items()}
    if kind == "number":
        return float(inside) if isinstance(inside, float) else int(inside)
    if kind == "text":
        return str(inside)
    raise ValueError(f"no array and no number: {inside!s:.60}")


def _decode_array(described: Any, payload: BinaryIO) -> Any:
    import numpy as np

    name, shape = described
    dtype = np.dtype(str(name))
    if dtype.kind not in KINDS or dtype.hasobject or dtype.itemsize > 16 or len(shape) > 8:
        raise ValueError(f"no array of numbers: dtype {name!s:.20}")
    count = 1
    for side in shape:
        if type(side) is not int or not 0 <= side <= 1 << 24:
            raise ValueError("no shape of an array")
        count *= side
    found = payload.read(count * dtype.itemsize)  # each byte once: what comes out is not larger than what came in
    if len(found) < count * dtype.itemsize:
        raise ValueError("an array that is cut short")
    return np.frombuffer(found, dtype, count).reshape(shape).copy()


# ---- shutting in


def main() -> None:
    """The life of the process: the first frame says how, the others what to call."""
    requests = sys.stdin.buffer
    kernel.control(kernel.DIE_WITH_PARENT, signal.SIGKILL)
    spec, _ = read_frame(requests)
    answers = os.fdopen(spec["answers"], "wb")
    sys.path.insert(0, spec["packages"])
    importlib.import_module("numpy.random")
    got = _shut_in(spec)
    os.environ.clear()
    os.environ.update(HOME=spec["scratch"], TMPDIR=spec["scratch"])
    sys.path.insert(0, spec["scratch"])
    sys.dont_write_bytecode = True
    for name in OWN:
        sys.modules.pop(name, None)
    write_frame(answers, {"got": got})
    _answer(requests, answers, spec["scratch"])


def _shut_in(spec: dict[str, Any]) -> dict[str, Any]:
    """What could be had: {"namespaces": how or "", "landlock": version or 0, "seccomp", "rights": bool, "why": {}}."""
    got: dict[str, Any] = {"namespaces": spec["namespaces"], "why": {}}
    space, nobody = kernel.address_space() + (spec["memory_mb"] << 20), False
    if not spec["namespaces"] and "namespaces" not in spec["without"]:
        with _or_why(got, "namespaces"):
            how = kernel.unshare()
            _init()
            kernel.new_root(spec["folder"], spec["readable"], spec["scratch_mb"])
            spec["scratch"] = "/tmp"
            got["namespaces"], nobody = "unshare", how == "root"
    kernel.limit(space, spec["cpu_seconds"], spec["scratch_mb"], spec["files"])
    with _or_why(got, "rights"):
        kernel.drop_rights(nobody)
        got["rights"] = True
    with _or_why(got, "landlock"):
        if "landlock" in spec["without"]:
            raise OSError("left out")
        got["landlock"] = kernel.landlock(spec["readable"], [spec["scratch"]])
    with _or_why(got, "seccomp"):
        if "seccomp" in spec["without"]:
            raise OSError("left out")
        kernel.seccomp()
        got["seccomp"] = True
    os.chdir(spec["scratch"])
    return got


@contextmanager
def _or_why(got: dict[str, Any], name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        got[name], got["why"][name] = "" if name == "namespaces" else 0, str(error)[:LONGEST_TEXT]


def _init() -> None:
    """Go on as a child of the first process of the new space, with which all others end; this one waits for it."""
    outer = os.getpid()
    first = os.fork()
    if first:
        _wait_as(first)
    kernel.control(kernel.DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() not in (0, outer):
        os._exit(1)
    worker = os.fork()
    if worker:
        _wait_as(worker)


def _wait_as(child: int) -> None:
    """End as the child ends, and hold no pipe open meanwhile."""
    os.closerange(0, 1)
    os.closerange(3, 256)
    while True:
        pid, status = os.wait()
        if pid == child:
            os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))


# ---- answering


def _answer(requests: BinaryIO, answers: BinaryIO, scratch: str) -> None:
    modules: dict[str, Any] = {}
    while True:
        try:
            request, payload = read_frame(requests)
        except EOFError:
            return
        if "files" in request:
            for name, text in request["files"].items():
                with open(os.path.join(scratch, f"{name}.py"), "w", encoding="utf-8") as file:
                    file.write(text)
            write_frame(answers, {"id": request["id"], "loaded": _load(request["files"], modules)})
        else:
            answer, found = _call(modules, request, payload)
            sys.stdout.flush()
            sys.stderr.flush()
            write_frame(answers, {"id": request["id"], **answer}, bytes(found))


def _load(names: Any, modules: dict[str, Any]) -> dict[str, Any]:
    """{file: None, or [type of the error, message, line, file] where its import failed}."""
    found: dict[str, Any] = {}
    for name in names:
        try:
            modules[name] = importlib.import_module(name)
            found[name] = None
        except BaseException as error:  # SystemExit too
            found[name] = _told(error)
    return found


def _call(modules: dict[str, Any], request: dict[str, Any], payload: bytes) -> tuple[dict[str, Any], bytearray]:
    """What a function gave: {"value" | "error", "changed": numbers of arguments, "used_global", "float": what NumPy
    warned of}."""
    import numpy as np

    arrays = io.BytesIO(payload)
    arguments = [decode(item, arrays) for item in request["arguments"]]
    before = [np.array(item, copy=True) if isinstance(item, np.ndarray) else None for item in arguments]
    warned: list[str] = []
    state: Any = np.random.get_state()
    found = bytearray()
    try:
        with np.errstate(all="ignore"), np.errstate(over="call", invalid="call", divide="call",
                                                    call=lambda kind, _: warned.append(kind)):
            value = getattr(modules[request["module"]], request["name"])(modules, *arguments)
        answer: dict[str, Any] = {"value": encode(value, found)}
    except BaseException as error:  # whatever it is, it only costs this call
        answer = {"error": _told(error)}
        del found[:]
    after: Any = np.random.get_state()
    answer["changed"] = [number for number, (old, new) in enumerate(zip(before, arguments))
                         if old is not None and not (old.shape == new.shape and np.array_equal(old, new))]
    answer["used_global"] = after[2] != state[2] or not np.array_equal(after[1], state[1])
    answer["float"] = sorted(set(warned))
    return answer, found


def _told(error: BaseException) -> list[Any]:
    """[type, message, line, file] of an error; line 0 where it is not in a student's file."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [(frame.lineno or 0, os.path.basename(frame.filename)) for frame in frames
              if os.path.dirname(frame.filename) == sys.path[0] and frame.name != "call"]
    if isinstance(error, SyntaxError):
        places = [(error.lineno or 0, os.path.basename(error.filename or ""))]
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    line, file = places[-1] if places else (0, "")
    return [type(error).__name__[:60], " ".join(str(text).split())[:LONGEST_TEXT], line, file]
