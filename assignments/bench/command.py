"""`python -m assignments bench`: measure cases one after the other, print and write the table."""

import signal
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Optional, Sequence

from assignments.bench.cases import CASES, find_case
from assignments.bench.harness import ROOT, measure
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

FOLDER = ROOT / "reports" / "benchmarks"
TURN_SECONDS, QUICK_SECONDS = 4.0, 0.05


def bench(names: Sequence[str], rounds: int, out: Optional[Path], quick: bool) -> int:
    """Measure the named cases (all without names) and write the table after each; status 1 when a peer failed, 130 on Ctrl-C.

    quick: tiny sizes and turns, to see that everything runs; written only where `out` names a folder.
    """
    if rounds < 1:
        raise KitError(f"--rounds {rounds}: give at least 1")
    cases = [find_case(name) for name in names] or list(CASES)
    folder = out or (None if quick else FOLDER)
    # Here and not above: it makes the kit's settings in this process, and `peer_environment` takes them out again.
    from paddle_models.environment import cores
    from paddle_models.trainer.run_folder import describe_environment

    machine, commit = describe_machine(describe_environment("", "", {}), cores()), find_commit()
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
                    lines.append((row_id(result), ratio_text(row), goal_text(row), speed_text(row, case.seconds_goal is not None)))
                    failed |= bool(result.obstacle) and not result.absent
        except KeyboardInterrupt:
            stopped = True
    print()
    widths = [max(map(len, column)) for column in zip(*lines)]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())
    if lines:
        print(f"\nwritten to {folder / 'table.md'}" if folder else "\nquick: tiny sizes, the figures mean nothing; not written")
    if stopped:
        print("stopped: the case that ran is not in the table")
    return 130 if stopped else int(failed)


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
