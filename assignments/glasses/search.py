"""Search for better settings with Optuna: python assignments/glasses/search.py --space architecture --trials 20

The document tried five architectures at random; --sampler random does so, tpe (the default) learns from earlier trials
and gives up on bad ones early. A trial is one training by the common trainer, worth its lowest validation loss. All of
it is kept in study.db (SQLite): the same command goes on after an interruption, and trials that were cut off are made
again.
--processes 2 works on two trials at once. Any setting of run.py can be given and holds for all trials.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from assignments.common.command_line import tells_errors, wait_for
from assignments.common.continuing import goes_on_later
from assignments.glasses.run import WORK
from assignments.glasses.trainings import base_settings
from data_tools.errors import KitError
from data_tools.files import places

SPACES, SAMPLERS = ("architecture", "learning_rate", "both"), ("tpe", "random")


def search(options: argparse.Namespace, rest: Sequence[str]) -> int:
    """Make the trials that are still to be made, then write the table, the best trial and the importances."""
    settings = base_settings(options.preset, rest)
    if options.trials < 1 or options.processes < 1:
        raise KitError(f"--trials {options.trials} --processes {options.processes}: at least 1 of each is needed")
    from assignments.glasses import study as studies

    name = f"{options.space}-{options.sampler}-{options.preset}-seed{options.seed}"
    out = options.out or places.runs() / f"{WORK.name}_search" / name
    plan = studies.Plan(options.space, options.sampler, options.seed, options.preset, tuple(rest), settings)
    study = studies.open_study(out, plan)
    with studies.database_of(out):
        if not options.worker:
            print(f"glasses, {options.trials} trials, space {options.space}, sampler {options.sampler}, folder {out}",
                  flush=True)
            studies.requeue(study, out)
        if options.processes > 1:
            status = _processes(options, out, rest)
            if status:
                return status
        else:
            studies.work(study, plan, out, options.trials)
        if not options.worker:
            print("\n" + studies.report(study, plan, out))
    return 0


def _processes(options: argparse.Namespace, out: Path, rest: Sequence[str]) -> int:
    """This script as often as asked, a thread each; the first status that is not 0. SIGTERM is passed on, Ctrl-C
    reaches all."""
    words = ["--worker", "--out", str(out), *(f"--{name}={getattr(options, name)}" for name in
                                               ("trials", "sampler", "space", "preset", "seed"))]
    command = [sys.executable, str(Path(__file__).resolve()), *words, *rest]
    statuses = wait_for([subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"})
                         for _ in range(options.processes)])
    wrong = next((status for status in statuses if status), 0)
    if wrong:
        print("a process of this search ended early; the same command goes on from there", flush=True)
    return wrong if wrong >= 0 else 1


@tells_errors
@goes_on_later
def main(argv: Sequence[str] | None = None) -> int:
    """The command line; 2 for an error that the user can mend, 130 when it was stopped."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     allow_abbrev=False)
    parser.add_argument("--space", choices=SPACES, default="architecture",
                        help="what is varied (default: architecture)")
    parser.add_argument("--sampler", choices=SAMPLERS, default="tpe",
                        help="tpe with pruning, or random as in the document")
    parser.add_argument("--trials", type=int, default=10,
                        help="of the study in all, earlier ones included (default: 10)")
    parser.add_argument("--processes", type=int, default=1,
                        help="trials at once; one alone repeats exactly (default: 1)")
    parser.add_argument("--preset", default="sample", help="settings to start from, as in run.py (default: sample)")
    parser.add_argument("--seed", type=int, default=0, help="of the search and of every training (default: 0)")
    parser.add_argument("--out", type=Path,
                        help="folder (default: named after space, sampler, preset and seed beside the runs)")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options, rest = parser.parse_known_args(argv)
    return search(options, rest)


if __name__ == "__main__":
    sys.exit(main())
