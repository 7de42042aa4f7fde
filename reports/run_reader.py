"""Read side of a run folder. Its files may come from anybody: sizes and shapes are checked, nothing is unpickled."""

import json
import math
import reprlib
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from data_tools.errors import BadFile, KitError
from data_tools.files import places
from data_tools.files.plain_yaml import YAML_LIMIT, parse_yaml
from data_tools.language import show
from paddle_models.trainer.run_folder import run_date

TEXT_LIMIT = 16 << 20      # bytes of a JSON file
METRICS_LIMIT = 256 << 20  # bytes of metrics.jsonl
MOST_LINES = 5_000_000     # of metrics.jsonl
LINE_LIMIT = 64 << 10      # bytes of one of its lines
ARRAYS_LIMIT = 512 << 20   # bytes of all arrays of one .npz, unpacked
SHORT = reprlib.Repr()     # of a setting that is a list: bounded, however its parts refer to each other
SHORT.maxlevel, SHORT.maxlist = 2, 20
PLAIN_KINDS = "biufU"      # bool, integers, floats, text: no objects, no records


def latest_beside_runs(assignment: str, file: str, **wanted: Any) -> Path | None:
    """The folder with the newest `file` beside the runs of an assignment, under $KIT_RUNS, else runs/; None where none
    is.

    wanted: values at the top of that JSON file; the newest that has them goes before all that have not.
    """
    files = sorted((places.runs() / assignment).glob(f"*/{file}"), key=run_date, reverse=True)
    fitting = (path for path in files if all(peek(path, key) == value for key, value in wanted.items()))
    newest = next(fitting, files[0] if files else None)
    return newest.parent if newest else None


def peek(file: Path, key: str) -> Any:
    """A value at the top of a JSON file; None where it has none or cannot be read, which whoever needs the file will
    say."""
    try:
        return Run(file.parent, "").json(file.name).get(key)
    except KitError:
        return None


@dataclass(frozen=True)
class Run:
    """A run folder, each file read when first asked for. `assignment` says which command would make a missing one."""

    path: Path
    assignment: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(self.path))
        if not self.path.is_dir():
            raise KitError(f"{self.path}: no such run folder; make one with: {first_command(self.assignment)}")

    @cached_property
    def config(self) -> dict[str, Any]:
        """config.yaml: assignment, preset, command, settings."""
        return _mapping(parse_yaml(self._text("config.yaml", YAML_LIMIT), self.path / "config.yaml"),
                        self.path / "config.yaml", "bad-yaml")

    @cached_property
    def environment(self) -> dict[str, Any]:
        """environment.json: versions, device, data fingerprint."""
        return self._json("environment.json")

    @cached_property
    def result(self) -> dict[str, Any]:
        """result.json: headline metrics."""
        return self._json("result.json")

    @cached_property
    def metrics(self) -> list[dict[str, Any]]:
        """Rows of metrics.jsonl in order; the half line of a killed run at the end is left out."""
        return list(self.rows())

    def rows(self, most: int = MOST_LINES) -> Iterator[dict[str, Any]]:
        """The rows of metrics.jsonl one by one, so that a long file takes no memory; BadFile beyond `most` lines."""
        file = self._file("metrics.jsonl")
        number = read = 0
        with open(file, "rb") as stream:
            while line := stream.readline(LINE_LIMIT + 1):
                number, read = number + 1, read + len(line)
                if read > METRICS_LIMIT:
                    raise BadFile("metrics-too-large", f"{file} is larger than {METRICS_LIMIT >> 20} MB; "
                                                       "a run does not write that much")
                if number > most:
                    raise BadFile("metrics-too-large", f"{file} has more than {most:,} lines; "
                                                       "a run does not write that many")
                if not line.strip():
                    continue
                try:
                    yield _row(line, file, number)
                except KitError:
                    if line.endswith(b"\n") or len(line) > LINE_LIMIT:
                        raise
                    show(f"notice: {file}: the last line is incomplete and left out")

    def json(self, name: str) -> dict[str, Any]:
        """Any other JSON file of the folder that holds named values."""
        return self._json(name)

    @property
    def origin(self) -> str:
        """"real", "subset" or "drawn": where the pictures came from."""
        return str(self.result.get("origin", "unknown"))

    def setting(self, key: str, default: Any = None) -> Any:
        """A setting of the run by its dotted name, as "optimizer.lr"."""
        return look_up(self.config.get("settings"), key, default)

    def series(self, kind: str, x: str, y: str) -> tuple[np.ndarray, np.ndarray]:
        """Columns x and y, float64 (T,), of the metrics rows of a kind ("step", "epoch") that have both."""
        pairs = [(row[x], row[y]) for row in self.metrics if row.get("kind") == kind and x in row and y in row]
        for value in (value for pair in pairs for value in pair):
            if not _is_number(value):
                raise KitError(f"{self.path / 'metrics.jsonl'}: {x} or {y} of a {kind} row is not a number "
                               f"but {value!r:.40}; make the run again with: {first_command(self.assignment)}")
        columns = np.array(pairs, dtype=np.float64).reshape(-1, 2)
        return columns[:, 0], columns[:, 1]

    def prediction(self, name: str, shape: Sequence[int | None], kinds: str = PLAIN_KINDS) -> np.ndarray:
        """Array of predictions.npz, checked; see `array`."""
        return self.array("predictions.npz", name, shape, kinds)

    def artifact(self, name: str, shape: Sequence[int | None], kinds: str = PLAIN_KINDS) -> np.ndarray:
        """Array of artifacts.npz, checked; see `array`."""
        return self.array("artifacts.npz", name, shape, kinds)

    def array(self, file: str, name: str, shape: Sequence[int | None], kinds: str) -> np.ndarray:
        """Array `name` of an .npz file; `shape` has None for any length >= 1, `kinds` are NumPy's kind letters."""
        arrays = self.arrays(file)
        if name not in arrays:
            raise KitError(f"{self.path / file} has no array {name}; make it with: {first_command(self.assignment)}")
        array = arrays[name]
        fits = array.ndim == len(shape) and all(n >= 1 if m is None else n == m for n, m in zip(array.shape, shape))
        if not fits or array.dtype.kind not in kinds:
            expected = tuple("any" if m is None else m for m in shape)
            raise KitError(f"{self.path / file}: {name} is {array.dtype} {array.shape}, expected shape {expected} "
                           f"of kind {kinds}; make the run again with: {first_command(self.assignment)}")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise KitError(f"{self.path / file}: {name} holds NaN or infinity; look for what went wrong in the run")
        return array

    def arrays(self, file: str) -> dict[str, np.ndarray]:
        """All arrays of an .npz file, unchecked."""
        cache = self.__dict__.setdefault("_archives", {})
        if file not in cache:
            cache[file] = read_arrays(self._file(file))
        return cache[file]

    def _file(self, name: str) -> Path:
        file = self.path / name
        if not file.is_file():  # also refuses pipes and devices, on which reading would hang
            raise BadFile("missing", f"{file} is missing: the run has not finished or is of another kind; "
                                     f"make it with: {first_command(self.assignment)}")
        return file

    def _text(self, name: str, limit: int) -> str:
        file = self._file(name)
        with open(file, "rb") as stream:
            content = stream.read(limit + 1)
        if len(content) > limit:
            raise BadFile("too-large", f"{file} is larger than {limit >> 20} MB; a run does not write that much")
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise BadFile("bad-text", f"{file} is not UTF-8 text (byte {error.start})") from None

    def _json(self, name: str) -> dict[str, Any]:
        return _mapping(_parse(self._text(name, TEXT_LIMIT), str(self.path / name)), self.path / name)


def read_arrays(file: Path, limit: int | None = None) -> dict[str, np.ndarray]:
    """All arrays of an .npz file; headers are checked against the bytes that are there before anything is allocated.

    limit: of their bytes together, ARRAYS_LIMIT without.
    """
    limit = limit or ARRAYS_LIMIT
    try:
        with zipfile.ZipFile(file) as archive:
            total = sum(member.file_size for member in archive.infolist())
            if total > limit:
                raise BadFile("bad-arrays",
                              f"{file} unpacks to {total >> 20} MB, more than the {limit >> 20} MB allowed")
            for member in archive.infolist():
                _check_header(archive, member, file)
        with np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise BadFile("bad-arrays", f"{file} is damaged or not an .npz file: {_short(error)}") from None


def _check_header(archive: zipfile.ZipFile, member: zipfile.ZipInfo, file: Path) -> None:
    with archive.open(member) as stream:
        version = np.lib.format.read_magic(stream)
        if version not in ((1, 0), (2, 0)):
            raise BadFile("bad-arrays", f"{file}: {member.filename} has .npy version {version}; 1.0 and 2.0 are read")
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(stream)
        # any number of elements without a width fits into no bytes
        if dtype.kind not in PLAIN_KINDS or not dtype.itemsize:
            raise BadFile("bad-arrays",
                          f"{file}: {member.filename} has elements of type {dtype}; only numbers and text are read")
        if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize + stream.tell() != member.file_size:
            raise BadFile("bad-arrays", f"{file}: {member.filename} claims shape {shape}, "
                           f"which its {member.file_size} bytes do not fit")


def look_up(mapping: Any, key: str, default: Any = None) -> Any:
    """Value under a dotted key of nested dictionaries, `default` when any part is absent."""
    for part in key.split("."):
        if not isinstance(mapping, dict) or part not in mapping:
            return default
        mapping = mapping[part]
    return mapping


def flat_settings(run: Run, most: int = 300) -> dict[str, str]:
    """The run's settings as {dotted name: text}, at most `most`; bounded work however nested or aliased the YAML is."""
    return dict(islice(flatten(run.config.get("settings")), most))


def flatten(values: Any, prefix: str = "", depth: int = 8) -> Iterator[tuple[str, str]]:
    """(dotted name, text) of each value of nested dictionaries; what is empty or deeper than `depth` counts as a
    value."""
    if isinstance(values, dict) and values and depth:
        for key, value in values.items():
            yield from flatten(value, f"{prefix}{str(key)[:60]}.", depth - 1)
    elif prefix:
        yield prefix[:-1], values[:200] if isinstance(values, str) else SHORT.repr(values)


def _is_number(value: Any) -> bool:
    """A float, or an integer that a float can hold; JSON's true and false are not numbers."""
    return isinstance(value, float) or type(value) is int and abs(value) < 2**62


def _row(line: bytes, file: Path, number: int) -> dict[str, Any]:
    where = f"{file}, line {number}"
    if len(line) > LINE_LIMIT:
        raise BadFile("bad-metrics", f"{where} is longer than {LINE_LIMIT >> 10} KB")
    return _mapping(_parse(line, where, "bad-metrics"), where, "bad-metrics")


def _parse(text: str | bytes, where: str, kind: str = "bad-json") -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadFile(kind, f"{where} is not valid JSON: {_short(error)}") from None


def _mapping(value: Any, where: Any, kind: str = "bad-json") -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadFile(kind, f"{where} holds a {type(value).__name__}, expected named values")
    return value


def _short(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def first_command(assignment: str) -> str:
    """What makes a run of it."""
    return f"python assignments/{assignment}/run.py --preset sample"
