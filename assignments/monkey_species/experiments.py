"""What each wish of the document buys: python assignments/monkey_species/experiments.py --data DIR

The base is the document's recipe at a size that two cores afford (ResNet-50 from scratch, 64x64, batch 32, Adam 0.001
fixed, 10 epochs, the best one chosen on a tenth of the training images); each variant adds one of the things that the
document names as next steps. Every training is a run folder of its own; the same command goes on where it was stopped.
Any setting of run.py can be given and holds for all of them, as --epochs 20.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import assignments  # noqa: F401  first: it says which Python to use

# isort: split
import numpy as np

from assignments.common import variants
from assignments.common.command_line import tells_errors
from assignments.common.variants import Training
from data_tools.errors import KitError
from data_tools.files import places
from reports import tables
from reports.run_reader import Run, look_up
from reports.tables import Column

ASSIGNMENT, PRESET = "monkey_species", "paper"
BASE = {"image_size": 64, "batch_size": 32, "epochs": 10, "choose_on": "holdout", "early_stopping.patience": 0}
WISHES: dict[str, dict[str, Any]] = {
    "efficientnet": {"model": "efficientnet_lite0", "weights": "imagenet"},
    "efficientnet-head": {"model": "efficientnet_lite0", "weights": "imagenet", "train": "head"},
    "bfloat16": {"amp.level": "O1", "amp.dtype": "bfloat16"},
    "epochs-20": {"epochs": 20},
    "cosine": {"schedule.name": "cosine"},
    "warm-up": {"schedule.name": "cosine", "schedule.warmup_epochs": 1},
    "adamp": {"optimizer.name": "adamp"},
}


def table_rows(done: Sequence[Training]) -> list[dict[str, Any]]:
    """A row for each variant: means over its finished seeds, and its paired difference to the base."""
    gains = {gain["variant"]: gain for gain in variants.gains(done, right)}
    rows = []
    for name in dict.fromkeys(training.variant for training in done):
        results = [Run(training.folder, ASSIGNMENT).result for training in done if training.variant == name]
        accuracy = [look_up(result, "metrics.accuracy.value") for result in results]
        rows.append({"variant": name, "seeds": len(results), "accuracy": float(np.mean(accuracy)),
                     "spread": float(np.std(accuracy, ddof=1)) if len(accuracy) > 1 else None,
                     **{f"gain_{key}": gains.get(name, {}).get(key) for key in ("value", "low", "high")},
                     **{key: float(np.mean([result[key] for result in results]))
                        for key in ("seconds", "best_epoch", "peak_memory_mb")}})
    return rows


def right(training: Training) -> variants.Answers:
    """(names, 1 or 0) of the images that judged a finished training."""
    run = Run(training.folder, ASSIGNMENT)
    labels = run.prediction("labels", (None,), "iu")
    answers = run.prediction("probabilities", (len(labels), None), "f").argmax(axis=1)
    return run.prediction("names", (len(labels),), "U"), (answers == labels).astype(np.float64)


def write(trainings: Sequence[Training], out: Path) -> list[Path]:
    """wishes.md, .csv and .tex of what is finished; returns the paths."""
    done = [training for training in trainings if variants.is_finished(training)]
    columns = [Column("variant", "Variant"), Column("seeds", "Seeds", 0), Column("accuracy", "Accuracy, %", 1, 100),
               Column("spread", "±", 1, 100), Column("gain_value", "To the base, points", 1, 100, True),
               Column("gain_low", "95 % from", 1, 100, True), Column("gain_high", "to", 1, 100, True),
               Column("seconds", "Training, s", 0), Column("best_epoch", "Best epoch", 1),
               Column("peak_memory_mb", "Memory, MB", 0)]
    origin = Run(done[0].folder, ASSIGNMENT).result["origin"]
    above = (f"data {origin}; ± is one standard deviation over seeds, intervals are paired, over the judged images, "
             "and say nothing of other seeds")
    return tables.write_table(columns, table_rows(done), above, out, "wishes")


@tells_errors
def main(argv: Sequence[str] | None = None) -> int:
    """The command line; 2 for an error that the user can mend, 130 when it was stopped."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     allow_abbrev=False)
    parser.add_argument("--preset", default=PRESET, help=f"settings to start from, as in run.py (default: {PRESET})")
    parser.add_argument("--variants", nargs="+", choices=list(WISHES), default=list(WISHES), metavar="VARIANT",
                        help=f"beside the base: {', '.join(WISHES)} (default: all)")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each, seeds 0, 1, ... (default: 3)")
    parser.add_argument("--out", type=Path, help="folder of the runs and tables (default: beside other runs)")
    options, rest = parser.parse_known_args(argv)
    if options.seeds < 1:
        raise KitError(f"--seeds {options.seeds}: at least 1 is needed")
    out = options.out or places.runs() / ASSIGNMENT / f"wishes-{options.preset}"
    trainings = variants.plan(ASSIGNMENT, options.preset, BASE, {name: WISHES[name] for name in options.variants},
                              range(options.seeds), out, rest)
    status = variants.make_all(trainings, lambda: write(trainings, out))
    if status:
        return status
    print("\n".join(map(str, write(trainings, out))))
    print("\n" + (out / "wishes.md").read_text(encoding="utf-8"))
    return 0


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="replace")
    sys.exit(main())
