"""The run folder: the only thing that passes from a run to figures, grading and the report.

config.yaml         assignment, preset, exact command, effective settings
environment.json    versions, commit, device, threads, fingerprint of the data
metrics.jsonl       one JSON object per logged step or epoch
result.json         headline metrics, best epoch, why it stopped, seconds, images/s, peak memory, sha256 of the weights
predictions.npz     answers for every judged image; artifacts.npz: what the work's own figures need
checkpoints/        last.safetensors to go on from, best.safetensors; vdl/: curves for VisualDL
files.json          SHA-256 of the files of a finished run
"""

import json
import os
import platform
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import yaml

from data_tools import machine
from data_tools.errors import KitError
from data_tools.files import places
from data_tools.files.atomic import AGAIN, atomic_path, sweep, write_atomically
from data_tools.files.locks import Busy, locked
from data_tools.files.places import PROJECT_ROOT
from data_tools.files.plain_yaml import read_yaml
from paddle_models.environment import threads

LARGEST_TEXT, LARGEST_METRICS = 16 << 20, 256 << 20  # of files that may come from anybody
STAMP = "%Y%m%d-%H%M%S"  # begins the name of a run folder


class RunFolder:
    """Write side of a run folder; holds a lock so that no second run writes the same one.

    Use as a context manager. Only `writer` (rank 0) writes; for the other ranks every write is left out.
    on_ready: called with the Trainer at its beginning and the data set that was found.
    on_resume: called when a resumed run has found where it goes on; before that its folder stays as it is.
    """

    def __init__(self, path: Path, writer: bool = True):
        self.path, self.writer = Path(path), writer
        self.assignment = self.path.parent.name  # until write_config tells
        self._held = ExitStack()
        self.on_resume: Callable[[], None] = lambda: None
        self.on_ready: Callable[[Any, Any], None] = lambda trainer, found: None

    def __enter__(self) -> "RunFolder":
        if self.writer:
            self._make()
            try:
                self._held.enter_context(locked(self.path / ".lock", wait=False))
            except Busy as error:
                raise KitError(f"{self.path} is in use by another run; wait for it or choose another --out "
                               f"({error})") from None
            except OSError as error:
                raise KitError(f"{self.path} cannot be written to ({error.strerror}); choose another --out. To go on "
                               "with a run that is there, copy its folder to where you may write: --resume COPY"
                               ) from None
            for folder in (self.path, self.path / "checkpoints"):
                sweep(folder)
        return self

    def __exit__(self, *_: Any) -> None:
        self._held.close()

    def _make(self) -> None:
        try:
            (self.path / "checkpoints").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise KitError(f"cannot make the run folder {self.path}: {error.strerror}; choose another --out") from None

    @property
    def again(self) -> str:
        """What to do when a write has failed and its reason is gone."""
        return f"continue with --resume {shlex.quote(str(self.path))}" if self.begun else AGAIN

    @property
    def last(self) -> Path:
        """The checkpoint to go on from."""
        return self.path / "checkpoints" / "last.safetensors"

    @property
    def best(self) -> Path:
        """Weights of the best validation check."""
        return self.path / "checkpoints" / "best.safetensors"

    @property
    def finished(self) -> bool:
        """Whether the run has come to its end."""
        return (self.path / "result.json").exists()

    @property
    def begun(self) -> bool:
        """Whether a training has left anything to go on from, or to forget: a killed one's lines of metrics."""
        return self.last.exists() or (self.path / "metrics.jsonl").exists()

    @property
    def data_fingerprint(self) -> str | None:
        """Of the training data that this run was begun with; None where environment.json, of an older run, has none."""
        return self._begun_with("data_fingerprint")

    @property
    def threads(self) -> int | None:
        """That this run was begun with; None of an older one."""
        found = self._begun_with("threads")
        return found if isinstance(found, int) else None

    def _begun_with(self, key: str) -> Any:
        """A value of environment.json, None where there is none."""
        try:
            with open(self.path / "environment.json", encoding="utf-8") as file:
                return json.loads(file.read(LARGEST_TEXT))[key]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def write_config(self, assignment: str, preset: str, settings: dict[str, Any]) -> None:
        """config.yaml, with the exact command of this process."""
        self.assignment = assignment
        self._write("config.yaml", yaml.safe_dump(
            {"assignment": assignment, "preset": preset, "command": command(), "settings": settings},
            sort_keys=False, allow_unicode=True))

    def write_json(self, name: str, value: dict[str, Any]) -> None:
        """`name` as indented JSON."""
        self._write(name, json.dumps(value, indent=2, ensure_ascii=False) + "\n")

    def write_arrays(self, name: str, arrays: dict[str, np.ndarray]) -> None:
        """`name`.npz, compressed."""
        if self.writer:
            with atomic_path(self.path / f"{name}.npz", self.again) as temporary, open(temporary, "wb") as file:
                patient = _Patient(file)
                np.savez_compressed(patient, **arrays)
                if patient.error:
                    raise patient.error

    def append_metrics(self, row: dict[str, Any]) -> None:
        """One line of metrics.jsonl."""
        if self.writer:
            try:
                with open(self.path / "metrics.jsonl", "a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
            except OSError as error:
                raise KitError(f"cannot write {self.path / 'metrics.jsonl'}: {error.strerror}; make room and "
                               f"{self.again}") from None

    def go_on(self, step: int, epoch: int) -> None:
        """The first thing that a resumed run does to its folder: call on_resume, then forget lines of metrics.jsonl
        that a killed run wrote after its last checkpoint, of steps after `step` and epochs from `epoch` on.
        """
        self.on_resume()
        path = self.path / "metrics.jsonl"
        if not self.writer or not path.exists():
            return
        kept = []
        if path.stat().st_size > LARGEST_METRICS:
            raise KitError(f"{path} is larger than {LARGEST_METRICS >> 20} MB; a run does not write that much")
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                row = json.loads(line)
                if (row["epoch"] < epoch) if row["kind"] == "epoch" else (row["step"] <= step):
                    kept.append(line)
            except (ValueError, KeyError, TypeError, RecursionError):
                continue  # the half line of a kill, or none of a run
        self._write("metrics.jsonl", "".join(line + "\n" for line in kept))

    def _write(self, name: str, text: str) -> None:
        if self.writer:
            # a name that is no UTF-8 stays one: both JSON and YAML read the escape
            write_atomically(self.path / name, text.encode(errors="backslashreplace"), self.again)


class _Patient:
    """A file for zipfile, which takes a write that failed for a fault of its own: the first error is kept for later."""

    def __init__(self, file: BinaryIO):
        self._file = file
        self.error: OSError | None = None

    def write(self, content: Any) -> int:
        return self._try(self._file.write, memoryview(content).nbytes, content)

    def seek(self, *place: int) -> int:
        return self._try(self._file.seek, 0, *place)

    def tell(self) -> int:
        return self._try(self._file.tell, 0)

    def flush(self) -> None:
        self._try(self._file.flush, None)

    def _try(self, function: Callable, otherwise: Any, *arguments: Any) -> Any:
        if self.error is None:
            try:
                return function(*arguments)
            except OSError as error:
                self.error = error
        return otherwise

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def new_run_path(assignment: str, name: str) -> Path:
    """A fresh folder under runs/<assignment>/, named by time and `name`; made here, so that nobody else gets the
    same."""
    base = places.runs() / assignment / f"{time.strftime(STAMP)}-{name}"
    path, number = base, 2
    try:
        base.parent.mkdir(parents=True, exist_ok=True)
        while True:
            try:
                path.mkdir()
                return path
            except FileExistsError:
                path, number = base.with_name(f"{base.name}-{number}"), number + 1
    except OSError as error:
        raise KitError(f"cannot make the folder {path}: {error.strerror}; choose another --out, or another place for "
                       "all runs: KIT_RUNS=FOLDER") from None


def run_date(file: Path) -> tuple[str, str]:
    """What orders runs by time, of a file in the folder of each: (time, folder's name).

    The time with which new_run_path begins the name stays what it is where folders are copied; it counts. A folder of
    another name has the time of its file.
    """
    stamp = re.match(r"\d{8}-\d{6}(?!\d)", file.parent.name)
    return stamp[0] if stamp else time.strftime(STAMP, time.localtime(file.stat().st_mtime)), file.parent.name


def unfinished_run(assignment: str) -> Path:
    """The newest run folder of an assignment that has no result; one with a checkpoint before those without."""
    files = sorted((places.runs() / assignment).glob("*/config.yaml"), key=run_date, reverse=True)
    unfinished = [file.parent for file in files if not (file.parent / "result.json").exists()]
    if not unfinished:
        raise KitError(f"--resume: no unfinished run under {places.runs() / assignment}; name its folder, --resume DIR")
    return max(unfinished, key=lambda path: (path / "checkpoints" / "last.safetensors").exists())  # the first of equals


def read_config(path: Path, assignment: str) -> tuple[str, dict[str, Any]]:
    """(preset, settings dictionary) of a run folder of `assignment`; KitError when it is not one."""
    file = Path(path) / "config.yaml"
    if not file.is_file():
        raise KitError(f"{path} is not a run folder: config.yaml is missing")
    config = read_yaml(file)
    wanted = {"assignment": str, "preset": str, "settings": dict}
    values = config if isinstance(config, dict) else {}
    wrong = [key for key, kind in wanted.items() if not isinstance(values.get(key), kind)]
    if wrong:
        raise KitError(f"{file} cannot be read as a run's settings: {', '.join(wrong)} is missing or of another kind")
    if values["assignment"] != assignment:
        raise KitError(f"{path} is a run of {values['assignment'][:60]}, not of {assignment}")
    return values["preset"], values["settings"]


def command() -> str:
    """This process's command line, as one would type it from the project's root."""
    script = Path(sys.argv[0])
    if script.name == "__main__.py":
        shown = f"-m {script.parent.name}"
    else:
        resolved = script.resolve()
        shown = shlex.quote(str(resolved.relative_to(PROJECT_ROOT)) if resolved.is_relative_to(PROJECT_ROOT)
                            else script.name)
    return " ".join(["python", shown, *map(shlex.quote, sys.argv[1:])])


def describe_environment(data_fingerprint: str, device: str, notes: dict[str, Any]) -> dict[str, Any]:
    """What environment.json says: enough to explain a figure that differs elsewhere."""
    from importlib.metadata import distributions

    wanted = ("paddlepaddle", "paddlepaddle-gpu", "paddleclas", "numpy", "opencv-python", "pillow", "imaug",
              "safetensors", "scikit-learn", "scikit-image", "matplotlib")
    versions = {d.metadata["Name"]: d.version for d in distributions() if (d.metadata["Name"] or "").lower() in wanted}
    variables = {key: os.environ[key] for key in sorted(os.environ)
                 if key.startswith(("OMP_", "FLAGS_", "CUDA_VISIBLE"))}
    return {"python": platform.python_version(), "system": platform.platform(), "processor": machine.processor(),
            "versions": dict(sorted(versions.items())), "commit": _commit(), "device": device,
            "threads": threads(), "variables": variables,
            "data_fingerprint": data_fingerprint, **notes}


def _commit() -> str | None:
    """Commit of the kit, with "+changes" when files differ from it; None outside a git checkout."""
    try:
        def git(*words: str) -> str:
            return subprocess.run(["git", "-C", str(PROJECT_ROOT), *words], capture_output=True, text=True,
                                  check=True).stdout.strip()

        return git("rev-parse", "HEAD") + ("+changes" if git("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.CalledProcessError):
        return None
