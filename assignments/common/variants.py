"""Trainings of one work that differ from a base in one thing each: planned, made once each, compared image by image.

Every training is a run folder of its own, made by run.py in a process of its own; finished ones are skipped,
interrupted ones continue. assignments/face_attributes/ablation.py and assignments/monkey_species/experiments.py use it.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from assignments.common.command_line import wait_for
from assignments.common.works import FOLDER, work_of
from data_tools.errors import KitError


@dataclass(frozen=True)
class Training:
    """One run of the plan: work, variant, seed, folder, words of run.py's command line, and the settings they make."""

    work: str
    variant: str
    seed: int
    folder: Path
    words: tuple[str, ...]
    settings: Any


def plan(work: str, preset: str, base: Mapping[str, Any], variants: Mapping[str, Mapping[str, Any]],
         seeds: Sequence[int], out: Path, rest: Sequence[str]) -> list[Training]:
    """All trainings, seed by seed, the base first; variants whose settings are the base's are left out.

    base, variants: settings, dotted names, that differ from the preset and from the base. rest: words of run.py's
    command line that hold for all. KitError for an unknown setting or one that the plan gives.
    """
    from paddle_models.trainer.settings import parse_command_line

    for word in rest:
        if word.split("=")[0] in ("--seed", "--resume"):
            raise KitError(f"{word.split('=')[0]} is not for a comparison: give --seeds, how many there are; repeating "
                           "the command continues it")
    known, given, trainings = work_of(work), {word.split("=")[0] for word in rest}, []
    for seed in seeds:
        first = None
        for name, changes in (("base", {}), *variants.items()):
            own = {**base, **changes, "seed": seed}  # what the user says wins over the base, a variant over both
            words = [f"--{key}={json.dumps(value) if isinstance(value, list) else value}" for key, value in own.items()
                     if key in changes or f"--{key}" not in given]
            words = ["--preset", preset, *rest, *words]
            _, settings = parse_command_line(known.settings, known.folder / "presets.yaml", words)
            first = first or settings
            if name == "base" or settings != first:
                trainings.append(Training(work, name, seed, Path(out) / f"{name}-seed{seed}", tuple(words), settings))
    return trainings


def is_finished(training: Training) -> bool:
    """Whether its run folder holds a result; KitError where it holds a run with other settings."""
    from paddle_models.trainer.run_folder import read_config
    from paddle_models.trainer.settings import from_dict, to_dict

    if not (training.folder / "config.yaml").exists():
        return False
    _, found = read_config(training.folder, training.work)
    found = to_dict(from_dict(type(training.settings), found, str(training.folder / "config.yaml")))
    for key, value in to_dict(training.settings).items():
        if found[key] != value:
            raise KitError(f"{training.folder} was trained with {key} {found[key]}, not {value}: repeat the command "
                           "that began this comparison, or choose another --out")
    return (training.folder / "result.json").exists()


def make_all(trainings: Sequence[Training], renew: Callable[[], Any]) -> int:
    """Train what is not there yet, calling `renew` after every training; the first status that is not 0."""
    finished = [is_finished(training) for training in trainings]  # all folders are looked at before anything is trained
    for number, (training, there) in enumerate(zip(trainings, finished), start=1):
        print(f"-- {number} of {len(trainings)}: {training.variant}, seed {training.seed}"
              + there * ": finished earlier", flush=True)
        if there:
            continue
        status = train(training)
        if status:
            print(f"stopped at {training.folder}; the same command goes on from there", file=sys.stderr)
            return status if status > 0 else 1
        renew()
    return 0


def train(training: Training) -> int:
    """Run it, or continue it, as run.py in a process of its own, so that each begins alike; the exit status of that.

    SIGTERM is passed on and a terminal's Ctrl-C reaches that process, too; it writes its checkpoint and ends with 130.
    """
    begun = (training.folder / "config.yaml").exists()
    words = ["--resume", str(training.folder)] if begun else [*training.words, "--out", str(training.folder)]
    status, = wait_for([subprocess.Popen([sys.executable, str(FOLDER / training.work / "run.py"), *words])])
    return status


Answers = tuple[np.ndarray, np.ndarray]  # names of the judged images, and what each contributes to the mean


def gains(done: Sequence[Training], right: Callable[[Training], Answers],
          pairs: Sequence[tuple[str, str]] = ()) -> list[dict[str, Any]]:
    """Differences of the mean with their paired 95 % interval over the judged images, the mean of the seeds that both
    have: of each variant to the base, and of the further pairs (variant, over)."""
    from paddle_models.tasks.metrics import mean_interval

    answers = {(training.variant, training.seed): right(training) for training in done}
    names = list(dict.fromkeys(training.variant for training in done))
    found = []
    for name, over in [*((name, "base") for name in names if name != "base"), *pairs]:
        both = [(answers[name, seed], answers[over, seed]) for seed in {training.seed for training in done}
                if (name, seed) in answers and (over, seed) in answers]
        both = [pair for pair in both if np.array_equal(pair[0][0], pair[1][0])]  # of the same images
        if both:
            differences = np.mean([one[1] - other[1] for one, other in both], axis=0)
            low, high = mean_interval(differences)
            found.append({"variant": name, "over": over, "value": float(differences.mean()), "low": low, "high": high,
                          "n": len(differences), "seeds": len(both)})
    return found
