"""The document's experiments, each over several seeds: python assignments/glasses/experiments.py all --preset sample

resolution, batch_size, dropout, models (untuned, tuned architecture, tuned learning rate); by name, or as wishes, what
the document wished for at its end: learning_rate, depth, longer, share (of the training images), augmentation. Epochs
and the tuned settings are in experiments.yaml; any setting of run.py can be given and holds for all, as --data DIR or
--epochs 5. Every training has a folder of its own and equal ones are made once; the same command goes on where it was
interrupted.
"""

import argparse
import hashlib
import itertools
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from assignments.common.command_line import tells_errors
from assignments.common.continuing import goes_on_later, read_json
from assignments.common.splits import Splits
from assignments.glasses.run import WORK, GlassesSettings
from assignments.glasses.trainings import base_settings, continued, merged
from data_tools.errors import KitError

CHOICES: dict[str, dict[str, dict[str, Any]]] = {  # experiment -> label -> how it differs from the preset
    "resolution": {str(side): {"image_size": side} for side in (32, 64, 128)},
    "batch_size": {str(size): {"batch_size": size} for size in (32, 64, 128)},
    "dropout": {"on": {}, "off": {"dropout": 0.0}},
    "models": {"untuned": {}, "architecture": {}, "learning rate": {}},  # the tuned ones: experiments.yaml, or a search
}
WISHES: dict[str, dict[str, dict[str, Any]]] = {  # what its outlook names; the first label is the preset itself
    "learning_rate": {"0.001": {}, "0.0003": {"optimizer": {"lr": 0.0003}}, "0.003": {"optimizer": {"lr": 0.003}}},
    "depth": {"3 blocks": {}, "4 blocks": {"filters": [32, 64, 128, 256]}, "5 blocks": {"filters": [32, 64, 128, 256,
                                                                                                  256]}},
    "longer": {"epochs": {}, "epochs x 2": {}},
    "share": {"100 %": {}, **{f"{share} %": {"training_share": share / 100} for share in (50, 25, 10)}},
    "augmentation": {name: {"augmentation": name} for name in ("none", "light", "strong")},
}
ALL = {**CHOICES, **WISHES}
TUNED = {"architecture": "architecture", "learning_rate": "learning rate"}  # space of a search -> model
CURVES = {"train_accuracy": "train/accuracy", "val_accuracy": "val/accuracy", "val_loss": "val/loss"}
EXPERIMENTS_FILE = Path(__file__).with_name("experiments.yaml")


@dataclass(frozen=True)
class Training:
    """One run of the plan; settings that are equal have one folder."""

    experiment: str
    label: str
    changes: Mapping[str, Any]
    seed: int
    folder: Path
    settings: GlassesSettings


def plan(names: Sequence[str], preset: str, seeds: Sequence[int], out: Path, rest: Sequence[str],
         tuned: Mapping[str, Mapping[str, Any]]) -> list[Training]:
    """All trainings, their folders below `out`. What `rest` names wins over an experiment's own settings
    (experiments.yaml)."""
    from paddle_models.trainer.settings import from_dict, to_dict

    base = base_settings(preset, rest)
    own = read_experiments_file()["presets"].get(preset, {})
    given = {word.split("=")[0].removeprefix("--") for word in rest if word.startswith("--")}
    trainings = []
    for name in names:
        common = merged(to_dict(base), _without(own.get(name, {}), given))
        for label, changes in ALL[name].items():
            changes = {"epochs": 2 * common["epochs"]} if label == "epochs x 2" else changes
            changes = tuned[label] if name == "models" and label in tuned else changes
            unseeded = from_dict(GlassesSettings, merged(common, changes), f"{name} {label}")
            for seed in seeds:
                settings = replace(unseeded, seed=seed)
                trainings.append(Training(name, label, changes, seed, Path(out) / "trainings" / _folder(settings),
                                          settings))
    return trainings


def read_experiments_file() -> dict[str, Any]:
    """experiments.yaml: settings of each experiment by preset, and the tuned models."""
    import yaml

    return yaml.safe_load(EXPERIMENTS_FILE.read_text(encoding="utf-8"))


def _without(values: Mapping[str, Any], given: set[str], prefix: str = "") -> dict[str, Any]:
    return {key: _without(value, given, f"{prefix}{key}.") if isinstance(value, dict) else value
            for key, value in values.items() if prefix + key not in given}


def _folder(settings: GlassesSettings) -> str:
    """A name that says the most important settings and differs where any of them does."""
    from paddle_models.trainer.settings import to_dict

    digest = hashlib.sha256(json.dumps(to_dict(settings), sort_keys=True).encode()).hexdigest()[:10]
    return f"side{settings.image_size}-batch{settings.batch_size}-seed{settings.seed}-{digest}"


def tuned_models(searches: Sequence[Path]) -> dict[str, dict[str, Any]]:
    """Settings of the two tuned models: from the best.yaml of search folders where they are given, else
    experiments.yaml."""
    import yaml

    found = dict(read_experiments_file()["tuned"])
    for folder in searches:
        file = folder / "best.yaml"
        if not file.is_file():
            raise KitError(f"--search {folder}: there is no best.yaml in it; let search.py come to its end first")
        try:
            best = yaml.safe_load(file.read_text(encoding="utf-8"))
            space, settings = best["space"], dict(best["settings"])
        except (yaml.YAMLError, KeyError, TypeError, ValueError, RecursionError) as error:
            raise KitError(f"{file} cannot be read as the best trial of a search: {error}") from None
        if space not in TUNED:
            raise KitError(f"{file} is of a search for {str(space)[:30]!r}; the models need one of {', '.join(TUNED)}")
        found[TUNED[space]] = settings
    return found


def finished(training: Training, splits: Splits) -> bool:
    """Whether it came to its end earlier; KitError where that was on other images."""
    if not read_json(training.folder / "result.json"):
        return False
    if read_json(training.folder / "environment.json").get("data_fingerprint") != splits.fingerprint:
        raise KitError(f"{training.folder} was trained on other images; choose another --out, or delete that folder")
    return True


def make(training: Training, splits: Splits, preset: str, device: str) -> None:
    """Train it, or go on with it, and write what came of it; its checkpoint to go on from is then no longer needed."""
    from paddle_models.trainer.fitting import summary
    from paddle_models.trainer.run_folder import RunFolder
    from paddle_models.trainer.settings import to_dict

    with RunFolder(training.folder) as run:
        run.write_config(WORK.name, preset, to_dict(training.settings))
        trainer = WORK.fit(training.settings, splits, run, device, resume=run.begun)
        result: dict[str, Any] = {"seed": training.seed}
        for split, store in (("val", splits.chooser), ("test", splits.test)):
            answered, values = trainer.evaluate(trainer.data.in_order(store))
            result.update({f"{split}_{key}": value for key, value in values.items()})
            right = (answered["probabilities"].ravel() >= 0.5) == (answered["label"].ravel() > 0)
            result[f"{split}_right"] = "".join("01"[is_right] for is_right in right.astype(int))
        rows = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
        epochs = [row for row in rows if row["kind"] == "epoch"]
        result.update(summary(trainer), curve={name: [row[key] for row in epochs if key in row] for name,
                                               key in CURVES.items()})
        run.write_json("result.json", result)
        run.last.unlink(missing_ok=True)


def summarize(trainings: Sequence[Training], preset: str, origin: str,
              sizes: Mapping[int, dict[str, int]]) -> dict[str, Any]:
    """result.json of the whole folder, with the trainings that are finished; sizes: record_bytes and _images by image
    size."""
    experiments: dict[str, list] = {}
    results = [read_json(training.folder / "result.json") for training in trainings]
    for name in dict.fromkeys(training.experiment for training in trainings):
        for label in ALL[name]:
            mine = [(t, result) for t, result in zip(trainings, results) if (t.experiment, t.label) == (name, label)
                    and result]
            if mine:
                first = mine[0][0]
                experiments.setdefault(name, []).append({
                    "label": label, "setting": dict(first.changes), **sizes.get(first.settings.image_size, {}),
                    "runs": [{**result, "seed": t.seed} for t, result in mine]})
    return {"assignment": WORK.name, "preset": preset, "origin": origin,
            "seeds": sorted({t.seed for t in trainings}),
            "complete": all(results), "experiments": experiments}


def record_size(splits: Splits) -> dict[str, int]:
    """Bytes of the record files of all splits, and images in them."""
    files = [Path(store.path, shard) for store in splits.stores for shard in store.shards]
    return {"record_bytes": sum(file.stat().st_size for file in files), "record_images": sum(map(len, splits.stores))}


def run_all(names: Sequence[str], preset: str, seeds: Sequence[int], out: Path | None, searches: Sequence[Path],
            rest: Sequence[str]) -> int:
    """Train what is not there yet; result.json is renewed after every training, the table is printed at the end."""
    tuned = tuned_models(searches)
    trainings = plan(names, preset, seeds, Path(), rest, tuned)  # what is wrong is told before a folder is made
    out = continued("experiments", {"experiments": list(names), "preset": preset, "seeds": list(seeds),
                                    "rest": list(rest),
                                    "tuned": tuned}, out)
    trainings = [replace(training, folder=out / training.folder) for training in trainings]
    from data_tools.files.atomic import write_atomically
    from data_tools.files.places import short_path
    from data_tools.terminal import command, joined
    from paddle_models.trainer import runtime
    from paddle_models.trainer.progress import say

    device = runtime.start(trainings[0].settings.device, trainings[0].settings.threads)
    packed: dict[tuple, Splits] = {}
    say(joined([f"glasses, {len(trainings)} trainings for {', '.join(names)}", f"folder {short_path(out)}"]))
    for number, training in enumerate(trainings, start=1):
        data = _data_key(training.settings)
        splits = packed[data] = packed.get(data) or WORK.splits(training.settings)
        there = finished(training, splits)
        say(f"-- {number} of {len(trainings)}: {training.experiment} {training.label}, seed {training.seed}" +
            there * ": finished earlier")
        if not there:
            make(training, splits, preset, device)
        summary = summarize(trainings, preset, splits.found.origin,
                            {side: record_size(found) for (side, *_), found in packed.items()})
        write_atomically(out / "result.json", (json.dumps(summary, indent=1) + "\n").encode())
    print(f"\n{table(summary)}\n\nwritten to {short_path(out)}\nfigures and tables:\n"
          + command(["python", "assignments/glasses/figures.py", "--experiments", short_path(out)]))
    return 0


def _data_key(settings: GlassesSettings) -> tuple:
    """What differs where the images of two trainings do: their size first, and which share of them is drawn."""
    share = settings.training_share
    return (settings.image_size, share, settings.seed) if share < 1 else (settings.image_size, share)


def table(summary: Mapping[str, Any], width: int | None = None) -> str:
    """Means and standard deviations over the seeds, as lines of text no wider than `width` (default: the terminal)."""
    import statistics

    from reports.text_table import fitted_table

    lines = [("experiment", "setting", "n", "val accuracy, %", "val loss", "test accuracy, %", "test loss", "seconds",
              "epochs", "test accuracy to the first, points")]
    for name, entries in summary["experiments"].items():
        for entry in entries:
            cells = []
            for key, scale, digits in (("val_accuracy", 100, 1), ("val_loss", 1, 3), ("test_accuracy", 100, 1),
                                       ("test_loss", 1, 3),
                                       ("seconds", 1, 1), ("epochs", 1, 1)):
                values = [scale * run[key] for run in entry["runs"]]
                spread = f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
                cells.append(f"{statistics.mean(values):.{digits}f}{spread}")
            lines.append((name, entry["label"], str(len(entry["runs"])), *cells, _gain(entry["runs"],
                                                                                       entries[0]["runs"])))
    return "\n".join(fitted_table(lines, "llrrrrrrrr", width))


def _gain(runs: Sequence[Mapping[str, Any]], others: Sequence[Mapping[str, Any]]) -> str:
    """Mean difference of the test accuracy of the seeds that both have, with its paired 95 % interval over the images;
    "-" for the first choice itself, and where a run does not say which images it answered right."""
    import numpy as np

    from paddle_models.tasks.metrics import mean_interval

    found = [{run["seed"]: np.array([*map(int, run["test_right"])]) for run in part if "test_right" in run}
             for part in (runs, others)]
    seeds = sorted(set(found[0]) & set(found[1]))
    if runs is others or not seeds:
        return "-"
    differences = np.mean([found[0][seed] - found[1][seed] for seed in seeds], axis=0)
    low, high = mean_interval(differences)
    return f"{100 * differences.mean():+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"


@tells_errors
@goes_on_later
def main(argv: Sequence[str] | None = None) -> int:
    """The command line; 2 for an error that the user can mend, 130 when it was stopped."""
    argv = list(sys.argv[1:] if argv is None else argv)
    asked = list(itertools.takewhile(lambda word: not word.startswith("-"), argv))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     allow_abbrev=False,
                                     usage=f"%(prog)s [all] [wishes] [{'] ['.join(ALL)}] [options] "
                                           "[settings of run.py]")
    parser.add_argument("--preset", default="sample", help="settings to start from, as in run.py (default: sample)")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each choice, seeds 0, 1, ... (default: 3)")
    parser.add_argument("--search", type=Path, nargs="+", default=[], metavar="DIR",
                        help="folders of search.py whose best trials are the tuned models (default: those in "
                             "experiments.yaml)")
    parser.add_argument("--out", type=Path, help="folder (default: the unfinished one of this command, else a new one)")
    options, rest = parser.parse_known_args(argv[len(asked):])
    wrong = [name for name in asked if name not in (*ALL, "all", "wishes")]
    if wrong or options.seeds < 1:
        raise KitError(f"{wrong[0]}: no such experiment; there are {', '.join(ALL)}, all and wishes" if wrong else
                       f"--seeds {options.seeds}: at least 1 is needed")
    whole = {*(CHOICES if not asked or "all" in asked else ()), *(WISHES if "wishes" in asked else ())}
    names = [name for name in ALL if name in whole or name in asked]
    return run_all(names, options.preset, range(options.seeds), options.out, options.search, rest)


if __name__ == "__main__":
    sys.exit(main())
