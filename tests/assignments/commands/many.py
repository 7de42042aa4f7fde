"""A large class, graded while the grader is killed: python tests/assignments/commands/many.py RUNS [--count 300]

RUNS is a folder with a finished run of each work, as `python -m assignments run NAME --out RUNS/NAME` makes them.
A third of the class hands in exercises, a tenth is hostile. Prints seconds, processor seconds, and the largest memory
of all processes together (PSS: what is shared counts once).
"""

import argparse
import csv
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from assignments.backprop import student
from assignments.commands.submit import pack
from data_tools.files.places import PROJECT_ROOT
from reports.grading.seal import write_seal
from tests.reports.grading.bad import make_bad
from tests.reports.grading.bad_zips import zip_run

BAD_RUNS = ("pickle", "zip-bomb", "yaml-aliases", "path-escape", "result-edited-resealed", "huge-header",
            "object-arrays", "damaged-zip", "symlink-in-folder", "overlapping-bomb", "deep-json", "metrics-too-large")
BAD_CODE = (  # what stands at the end of backprop.py
    "import os; os._exit(0)", "while True: pass", "kept = np.ones(10 << 27)",
    "os = getattr(np.lib.npyio, 'o' + 's')\nwhile True: os.fork()",
    "from assignments.backprop.by_hand.backprop import *", "def sigmoid(z): return np.array([0.5932699921])")
SLIPS = (("backprop.py", "return o - t", "return t - o"), ("descent.py", "rng.permutation(n)", "np.arange(n)"),
         ("backprop.py", "(delta @ w.T) * slope", "delta @ w.T"), ("practice.py", "h[:, 2]", "h[:, 1]"))
TICK = os.sysconf("SC_CLK_TCK")
SELF = "self"


@dataclass
class Call:
    """One call of `grade`: its status (-9 where it was killed), seconds, processor seconds, largest MB, grades kept."""

    status: int
    seconds: float
    processor: float
    megabytes: float
    kept: dict[str, int]


def make_class(folder: Path, runs: Mapping[str, Path], count: int, work: Path) -> dict[str, str]:
    """{student: "run", "exercises" or "hostile"} of a class of so many; work: a folder for what is needed on the
    way."""
    folder.mkdir()
    student.write_student(work / "solved", solution=True)
    student.write_student(work / "opened")
    hostile, written = max(2, count // 10), count // 3
    kinds = {f"s{number:03}": kind for number, kind in enumerate(
        ["hostile"] * hostile + ["exercises"] * written + ["run"] * (count - hostile - written))}
    makers = {"hostile": _hostile(work, runs), "exercises": _exercises(work), "run": _runs(work, runs)}
    for name, kind in kinds.items():
        made = next(makers[kind])
        shutil.move(made, folder / f"{name}{made.suffix}")
    return kinds


def _runs(work: Path, runs: Mapping[str, Path]) -> Iterator[Path]:
    """Runs of all works in turn, as folders and zips."""
    for number, run in enumerate(cycle(runs.values())):
        copy = shutil.copytree(run, work / f"run{number}", ignore=shutil.ignore_patterns("vdl", "figures", "last*"))
        (copy / "environment.json").write_text((run / "environment.json").read_text() + " " * number)  # no two alike
        write_seal(copy)
        if number % 2:
            yield copy
        else:
            pack(copy, work / f"run{number}.zip")
            yield work / f"run{number}.zip"


def _exercises(work: Path) -> Iterator[Path]:
    """The solution, an untouched folder, and the solution with a mistake, in turn."""
    for number, slip in enumerate(cycle((None, SELF, *SLIPS))):
        copy = shutil.copytree(work / ("opened" if slip == SELF else "solved"), work / f"exercises{number}")
        if isinstance(slip, tuple):
            text = (copy / slip[0]).read_text()
            assert slip[1] in text
            (copy / slip[0]).write_text(text.replace(slip[1], slip[2]))
        yield copy if number % 2 else zip_run(copy, work / f"exercises{number}.zip")


def _hostile(work: Path, runs: Mapping[str, Path]) -> Iterator[Path]:
    """Runs that are broken on purpose, and files of exercises that try to get out."""
    good = next(iter(runs.values()))
    for number, (kind, code) in enumerate(zip(cycle(BAD_RUNS), cycle(BAD_CODE))):
        yield make_bad(kind, good, work / f"bad{number}", work / "canary")
        copy = shutil.copytree(work / "opened", work / f"code{number}")
        with open(copy / "backprop.py", "a") as file:
            file.write(f"\n{code}\n")
        yield copy


def grade_and_kill(folder: Path, out: Path, temporary: Path, kills: Sequence[int], *words: str) -> list[Call]:
    """Grade a class; the n-th call is killed when kills[n] grades are there, the last one comes to its end."""
    calls = []
    for after in (*kills, None):
        start, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        with subprocess.Popen([sys.executable, "-m", "assignments", "grade", str(folder), "--out", str(out), *words],
                              env={**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": str(PROJECT_ROOT)},
                              cwd=PROJECT_ROOT, stdout=subprocess.DEVNULL) as grader:
            most, processor = 0.0, 0.0
            while grader.poll() is None:
                tree = _tree(grader.pid)
                most, processor = max(most, sum(map(_megabytes, tree))), sum(map(_processor_seconds, tree))
                if after is not None and len(list(out.glob("grades/*.json"))) >= after:
                    grader.send_signal(signal.SIGKILL)
                    grader.wait()
                    _wait_for_the_end_of(tree)
                time.sleep(0.5)  # more looks would cost the grader's cores
        spent = resource.getrusage(resource.RUSAGE_CHILDREN)
        if grader.returncode >= 0:
            processor = spent.ru_utime + spent.ru_stime - before.ru_utime - before.ru_stime
        kept = {file.stem: file.stat().st_mtime_ns for file in out.glob("grades/*.json")}
        calls.append(Call(grader.returncode, time.monotonic() - start, processor, most, kept))
    return calls


def _tree(top: int) -> list[int]:
    """A process and all that came from it."""
    parents: dict[int, list[int]] = {}
    for place in Path("/proc").iterdir():
        if place.name.isdigit() and (fields := _stat(int(place.name))):
            parents.setdefault(int(fields[1]), []).append(int(place.name))
    found = [top]
    for pid in found:
        found += parents.get(pid, [])
    return found


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on; [] for a process that has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _processor_seconds(pid: int) -> float:
    """Of the process and of those it has waited for."""
    return sum(map(int, _stat(pid)[11:15])) / TICK


def _megabytes(pid: int) -> float:
    try:
        rows = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(row.split()[1]) for row in rows if row.startswith("Pss:")) / 1024


def _wait_for_the_end_of(tree: Sequence[int]) -> None:
    deadline = time.monotonic() + 20
    while any(_stat(pid)[:1] not in ([], ["Z"]) for pid in tree):
        assert time.monotonic() < deadline, "a process outlived the grader"
        time.sleep(0.05)


def check(kinds: Mapping[str, str], out: Path, temporary: Path, calls: Sequence[Call]) -> dict[str, float]:
    """{student: points}; AssertionError where something is lost, graded twice, or left behind."""
    assert [call.status for call in calls] == [-signal.SIGKILL] * (len(calls) - 1) + [0]
    for earlier, later in zip(calls, calls[1:]):
        assert earlier.kept.items() <= later.kept.items(), "a grade was lost or made again"
    with open(out / "grades.csv", newline="", encoding="utf-8") as file:
        points = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}
    assert points.keys() == kinds.keys()
    assert list(temporary.iterdir()) == [], "something is left among the temporary files"
    return points


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("runs", type=Path, help="folder with a finished run of each work")
    parser.add_argument("--count", type=int, default=300)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        work, temporary, out = (Path(place) / name for name in ("work", "temporary", "out"))
        work.mkdir()
        temporary.mkdir()
        runs = {run.name: run for run in sorted(arguments.runs.iterdir()) if (run / "result.json").is_file()}
        kinds = make_class(Path(place) / "class", runs, arguments.count, work)
        calls = grade_and_kill(Path(place) / "class", out, temporary, (len(kinds) // 3, 2 * len(kinds) // 3))
        points = check(kinds, out, temporary, calls)
        for call in calls:
            print(f"status {call.status}: {call.seconds:.0f} s, {call.processor:.0f} s of the processor, at most "
                  f"{call.megabytes:.0f} MB, {len(call.kept)} graded")
        print(f"{len(points)} of {', '.join(runs)} and exercises: {sum(call.seconds for call in calls):.0f} s, "
              f"{sum(call.processor for call in calls):.0f} s of the processor, at most "
              f"{max(call.megabytes for call in calls):.0f} MB; points of each kind: " + ", ".join(
                  f"{kind} {sorted(set(points[name] for name in kinds if kinds[name] == kind))}"
                  for kind in dict.fromkeys(kinds.values())))


if __name__ == "__main__":
    main()
