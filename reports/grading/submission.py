"""A run folder or an archive of one, brought into a scratch folder: only the files that grading reads, each checked for
size."""

import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from data_tools.errors import BadFile
from paddle_models.weights.files import check_layout
from reports.grading.limits import Limits
from reports.grading.seal import SEAL
from reports.grading.unpack import Entry, has_small_directory, inner, listing, take
from reports.grading.verdict import Problem

WEIGHTS = "checkpoints/best.safetensors"
NEEDED = ("config.yaml", "environment.json", "metrics.jsonl", "result.json", "predictions.npz", WEIGHTS)
# artifacts.npz belongs to a run but says nothing that grading could check: it is left where it is
TAKEN = (*NEEDED, SEAL)
PEEKED = 64 << 10  # bytes of config.yaml and of result.json
PEEKED_MB = 700  # of an archive that is looked into, packed and unpacked
DEEPEST_ARCHIVE = 2  # a zip in a zip in a zip
WEIGHTS_HEADER = 4 << 20  # bytes; a thousand arrays take a tenth of a megabyte
PICKLES = (".pdparams", ".pdopt", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".tar", ".joblib", ".npy")
OTHER_SYSTEMS = ("__MACOSX/",)  # folders that a packing program adds beside what it was given


@dataclass(frozen=True)
class Submission:
    """run: the scratch copy. ignored: files that were left where they are. problems: of single files, which were not
    taken."""

    run: Path
    files: Sequence[str]
    ignored: Sequence[str]
    problems: Sequence[Problem]


def open_submission(path: Path, scratch: Path, limits: Limits) -> Submission:
    """The files of a run folder or of an archive (the one run in it, at any depth), copied to scratch/run.

    BadFile, with a kind of verdict.PROBLEMS, where the whole cannot be trusted; what is wrong with single files becomes
    Submission.problems. Nothing is parsed yet.
    """
    run = Path(scratch) / "run"
    run.mkdir(parents=True)
    taken, problems = [], []
    with opened(Path(path), limits) as (entries, root):
        for name in TAKEN:
            entry = entries.get(root + name)
            if entry is not None:
                try:
                    _take(name, entry, run, limits)
                    taken.append(name)
                except BadFile as error:
                    if error.kind in ("zip-bomb", "damaged-zip"):
                        raise
                    (run / name).unlink(missing_ok=True)
                    problems.append(Problem(error.kind, str(error)))
            elif name in NEEDED:
                problems.append(_missing(name, root, entries))
        ignored = sorted(entry for entry in entries if not (entry.startswith(root) and entry[len(root):] in TAKEN))
    return Submission(run, tuple(taken), tuple(ignored), tuple(problems))


def peek(path: Path, known: Sequence[str], limits: Limits) -> tuple[str | None, str | None]:
    """(assignment of `known` that config.yaml names, origin of the data that result.json names) of a submission, None
    for what is not to be seen at little cost.

    Nothing is parsed or believed: it spares preparing what is not needed, and grading checks the files again.
    """
    try:
        zipped = path.is_file() and zipfile.is_zipfile(path)
        if zipped and not has_small_directory(path):
            return None, None
        with opened(path, replace(limits, archive_mb=PEEKED_MB, disk_mb=PEEKED_MB)) as (entries, root):
            starts = []
            for name in ("config.yaml", "result.json"):
                entry = entries.get(root + name)
                with entry.open() if entry else io.BytesIO() as stream:
                    starts.append(stream.read(PEEKED).decode("utf-8", "replace"))
    except (BadFile, OSError):  # it is named when the submission is graded
        return None, None
    named = re.search(r"^[\"']?assignment[\"']?: *[\"']?(\w+)[\"']? *\r?$", starts[0], re.MULTILINE)
    origin = re.search(r'"origin": *"(\w+)"', starts[1])
    return named[1] if named and named[1] in known else None, origin[1] if origin else None


def check_weights(file: Path) -> None:
    """BadFile for weights that are a pickle, cut short, or claim what the file cannot hold; no array is read.

    A pickle is recognised by its bytes and never loaded.
    """
    with open(file, "rb") as stream:
        start = stream.read(9)
        stream.seek(max(0, file.stat().st_size - 1))
        end = stream.read(1)
    safetensors = start[8:9] == b"{"
    if start[:4] == b"PK\x03\x04":
        raise BadFile("pickle", f"{WEIGHTS} is a zip, as PyTorch writes its pickles; it was not opened. "
                                "Weights are handed in as safetensors, which the kit writes")
    pickled = start[:1] == b"\x80" and start[1:2] <= b"\x05" or start[:1] in b"(]}cdlI" and end == b"."
    if start and pickled and not safetensors:
        raise BadFile("pickle", f"{WEIGHTS} is a pickle, which could run code; it was not loaded. "
                                "Weights are handed in as safetensors, which the kit writes")
    check_layout(file, WEIGHTS_HEADER)


def _take(name: str, entry: Entry, run: Path, limits: Limits) -> None:
    limit = limits.of_file(name)
    if entry.size > limit and name == "metrics.jsonl":
        raise BadFile("metrics-too-large", f"metrics.jsonl has {entry.size >> 20} MB, more than the {limit >> 20} MB "
                                           "allowed; it was not read")
    take(entry, run / name, limit)


@contextmanager
def opened(path: Path, limits: Limits) -> Iterator[tuple[dict[str, Entry], str]]:
    """(entries, where in them the run is) of a folder or archive, or of the one archive in it."""
    with ExitStack() as stack:
        entries = stack.enter_context(listing(path, limits))
        for _ in range(DEEPEST_ARCHIVE):
            if _runs(entries):
                break
            entries = stack.enter_context(inner(entries, limits))
        yield entries, _root(entries, path)


def _runs(entries: dict[str, Entry]) -> list[str]:
    """"" or "folder/" of each run, whatever its depth."""
    found = {name[:-len(needed)] for name in entries for needed in NEEDED
             if (name == needed or name.endswith("/" + needed)) and not name.startswith(OTHER_SYSTEMS)}
    return [""] if "" in found else sorted(found)


def _root(entries: dict[str, Entry], path: Path) -> str:
    """"" or "folder/": where the run is."""
    runs = _runs(entries)
    if len(runs) > 1:
        raise BadFile("not-a-run", f"{path.name} holds {len(runs)} runs, {runs[0]} and {runs[1]}; hand in one")
    if not runs:
        raise BadFile("not-a-run", f"{path.name} holds no run: there is no {NEEDED[0]} in it; hand in the zip that "
                                   "`python -m assignments submit` writes of a run")
    return runs[0]


def _missing(name: str, root: str, entries: dict[str, Entry]) -> Problem:
    if name == WEIGHTS:
        for other in sorted(entries):
            if other.startswith(root) and other.lower().endswith(PICKLES):
                return Problem("pickle",
                               f"{name} is missing and {other[len(root):][:80]!r}, a pickle, stands in its place; it "
                               f"was "
                                         "not loaded. Weights are handed in as safetensors, which the kit writes")
    return Problem("missing", f"{name} is missing; hand in the folder of a run that came to its end")
