"""`python -m assignments bench`: measure cases one after the other, print and write the table; growth and scale beside
it."""

import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from assignments.bench.cases import CASES, DOCUMENTS, Case, find_case
from assignments.bench.harness import measure
from assignments.bench.table import (
    describe_machine,
    find_commit,
    goal_text,
    make_row,
    ratio_text,
    row_id,
    speed_text,
    update_table,
)
from data_tools.errors import KitError
from data_tools.files.places import PROJECT_ROOT

FOLDER = PROJECT_ROOT / "reports" / "benchmarks"
TURN_SECONDS, QUICK_SECONDS = 4.0, 0.05
ROUNDS = 9
NOT_WRITTEN = "quick: tiny sizes, the figures mean nothing; not written"


def bench(names: Sequence[str], rounds: int | None, out: Path | None, quick: bool, sizes: Sequence[int] = ()) -> int:
    """Measure the named cases (all without names) and write the table after each; status 1 when a peer failed, 130 on
    Ctrl-C.

    names: may be those of DOCUMENTS, too, which then come last. rounds: None takes each one's own. quick: tiny sizes
    and turns, to see that everything runs; written only where `out` names a folder. sizes: of growth, numbers of
    images.
    """
    if rounds is not None and rounds < 1:
        raise KitError(f"--rounds {rounds}: give at least 1")
    if sizes and "growth" not in names:
        raise KitError("--sizes is for growth: python -m assignments bench growth --sizes 1000 10000")
    cases = [find_case(name) for name in names if name not in DOCUMENTS] if names else list(CASES)
    folder = out or (None if quick else FOLDER)
    # Here and not above: it makes the kit's settings in this process, and `peer_environment` takes them out again.
    from paddle_models.environment import cores
    from paddle_models.trainer.run_folder import describe_environment

    machine, commit = describe_machine(describe_environment("", "", {}), cores()), find_commit()
    status = _measure_cases(cases, rounds or ROUNDS, folder, quick, machine, commit) if cases else 0
    if status != 130 and "growth" in names:
        status = max(status, _measure_growth(sizes, rounds, folder, quick, machine, commit))
    if status != 130 and "scale" in names:
        from assignments.bench.scale import write_scale

        for path in write_scale(FOLDER if out is None else out):
            print(f"written to {path}")
    return status


def show_where(names: Sequence[str], quick: bool) -> int:
    """Print the parts of a training step of each named workload, in a process each; status 1 when one failed."""
    from assignments.bench.harness import peer_environment
    from assignments.bench.training import WORKLOADS

    known = {f"{name}{end}": (name, numbers) for name in WORKLOADS
             for end, numbers in (("", "float32"), ("-bfloat16", "bfloat16"))}
    if not names or not set(names) <= set(known):
        raise KitError(f"bench --where: name trainings, of {', '.join(known)}")
    status = 0
    for name in names:
        workload, numbers = known[name]
        print(f"{name}: {find_case(name).title}, {numbers}", flush=True)
        status |= subprocess.run([sys.executable, "-m", "assignments.bench.where", workload, numbers,
                                  "quick" if quick else "full"], cwd=PROJECT_ROOT, env=peer_environment()).returncode
    return status


def _measure_cases(cases: Sequence[Case], rounds: int, folder: Path | None, quick: bool, machine: dict,
                   commit: str | None) -> int:
    """The rows; the status."""
    lines, failed, stopped = [], False, False
    with _sigterm_raises():
        try:
            for number, case in enumerate(cases, 1):
                print(f"{number}/{len(cases)} {case.name}: {case.title}", flush=True)
                results = measure(case, rounds, QUICK_SECONDS if quick else TURN_SECONDS, quick, _say)
                if folder:
                    update_table(folder, results, machine, commit, quick)
                for result in results:
                    row = make_row(result, "", commit, quick)
                    lines.append((row_id(result), ratio_text(row), goal_text(row),
                                  speed_text(row, case.seconds_goal is not None)))
                    failed |= bool(result.obstacle) and not result.absent
        except KeyboardInterrupt:
            stopped = True
    print()
    widths = [max(map(len, column)) for column in zip(*lines)]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())
    if lines:
        print(f"\nwritten to {folder / 'table.md'}" if folder else f"\n{NOT_WRITTEN}")
    if stopped:
        print("stopped: the case that ran is not in the table")
    return 130 if stopped else int(failed)


def _measure_growth(sizes: Sequence[int], rounds: int | None, folder: Path | None, quick: bool, machine: dict,
                    commit: str | None) -> int:
    from assignments.bench import growth

    print("growth: packing, start-up, an epoch and memory as a set grows", flush=True)
    with _sigterm_raises():
        try:
            found = growth.measure_growth(folder, sizes, rounds or (1 if quick else growth.ROUNDS), machine, commit,
                                          quick, _say)
        except KeyboardInterrupt:
            print("stopped: nothing is written of growth")
            return 130
    print()
    shown = ("| ", "- First", "- Memory", "- Time")
    print("\n".join(line for line in growth.as_markdown(found).split("## Machine")[0].splitlines()
                    if line.startswith(shown)))
    print(f"\nwritten to {folder / 'growth.md'}" if folder else f"\n{NOT_WRITTEN}")
    return 0


def _say(text: str) -> None:
    print(text, flush=True)


@contextmanager
def _sigterm_raises() -> Iterator[None]:
    """So that the peers are ended on SIGTERM as they are on Ctrl-C."""
    def leave(number: int, _frame) -> None:
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
