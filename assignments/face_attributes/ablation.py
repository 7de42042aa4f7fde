"""The document's ablations, and the baseline that it lacks: python assignments/face_attributes/ablation.py --preset
sample

The base is the document's network with the preset's settings, plain cross-entropy and no dropout; each variant differs
from it in one thing. Every training is a run folder of its own; finished ones are skipped, interrupted ones continue.
Any setting of run.py can be given and holds for all of them, as --data DIR or --epochs 4.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import assignments  # noqa: F401  first: it says which Python to use

# isort: split
import numpy as np

from assignments.common import variants
from assignments.common.command_line import tells_errors
from assignments.common.variants import Training, is_finished
from data_tools.errors import KitError
from data_tools.files import places
from data_tools.files.atomic import write_atomically
from reports import tables
from reports.run_reader import Run, look_up
from reports.tables import Column

ASSIGNMENT, FILE = "face_attributes", "ablation.json"
BASE = {"heads": "regions", "head_widths": [1024, 512], "dropout": 0.0, "gamma": 0.0, "positive_weights": 0.0}
VARIANTS: dict[str, dict[str, Any]] = {  # name: how it differs from the base; one that does not is left out
    "s0": {"variant": "s0"},
    "s1": {"variant": "s1"},
    "s2": {"variant": "s2"},
    "l": {"variant": "l"},
    "width-512-256": {"head_widths": [512, 256]},
    "width-2048-1024": {"head_widths": [2048, 1024]},
    "depth-1": {"head_widths": [1024]},
    "depth-3": {"head_widths": [1024, 512, 512]},
    "single": {"heads": "single"},
    "dropout-0.3": {"dropout": 0.3},
    "dropout-0.5": {"dropout": 0.5},
    "focal": {"gamma": 1.0},
    "positive-0.25": {"positive_weights": 0.25},
    "positive-0.5": {"positive_weights": 0.5},
    "positive-1": {"positive_weights": 1.0},
}
DEFAULT = [name for name in VARIANTS if name != "l"]  # L takes six times as long as S0: ask for it by name
MEASURES = ("accuracy", "balanced_accuracy", "f1", "average_precision")
COSTS = ("seconds", "best_epoch", "peak_memory_mb")  # what the document says that L and dropout take more of
ROUNDS, WARM_UP = 30, 5  # of the latency


def plan(preset: str, names: Sequence[str], seeds: Sequence[int], out: Path, rest: Sequence[str]) -> list[Training]:
    """All trainings: the base and the variants of these names; see assignments/common/variants.py."""
    return variants.plan(ASSIGNMENT, preset, BASE, {name: VARIANTS[name] for name in names}, seeds, out, rest)


def summarize(trainings: Sequence[Training], command: str) -> dict[str, Any]:
    """ablation.json without latencies: one entry per variant, means and spreads over those seeds that are finished."""
    done = [training for training in trainings if is_finished(training)]
    results = [Run(training.folder, ASSIGNMENT).result for training in done]
    entries = []
    for name in dict.fromkeys(training.variant for training in done):
        mine = [result for training, result in zip(done, results) if training.variant == name]
        entries.append({
            "variant": name, "changes": VARIANTS.get(name, {}), "seeds": [t.seed for t in done if t.variant == name],
            "backbone": next(t.settings.variant for t in done if t.variant == name),
            "metrics": {key: _over_seeds([look_up(result, f"metrics.{key}.value") for result in mine])
                        for key in MEASURES},
            "parameters": mine[0]["parameters"], "multiply_adds": mine[0]["multiply_adds"],
            **{key: float(np.mean([result[key] for result in mine])) for key in COSTS}, "latency_ms": None})
    first = results[0]
    return {"assignment": ASSIGNMENT, "preset": first["preset"], "command": command, "origin": first["origin"],
            "judged_on": first["judged_on"], "images": first["images"],
            "image_size": done[0].settings.image_size, "epochs": done[0].settings.epochs,
            "accuracy_majority": look_up(first, "metrics.accuracy_majority.value"), "device": first["device"],
            "latency": None, "gains": gains(done), "variants": entries}


def gains(done: Sequence[Training]) -> list[dict[str, Any]]:
    """Paired differences of mean accuracy: of each variant to the base, and of the backbones to each other."""
    backbones = [name for name in dict.fromkeys(training.variant for training in done)
                 if "variant" in VARIANTS.get(name, {})]
    return variants.gains(done, _right, [(name, other) for other in backbones for name in backbones if name != other])


def _right(training: Training) -> tuple[np.ndarray, np.ndarray]:
    """(names, share of the attributes answered right) of each image that judged a finished training."""
    from paddle_models.tasks.attribute_metrics import right_share

    run = Run(training.folder, ASSIGNMENT)
    labels = run.prediction("labels", (None, None), "iu")
    return (run.prediction("names", (len(labels),), "U"),
            right_share(labels, run.prediction("probabilities", labels.shape, "f")))


def _over_seeds(values: Sequence[float]) -> dict[str, Any]:
    """Mean, standard deviation (None for one seed) and number."""
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return {"mean": float(np.mean(values)), "spread": spread, "n": len(values)}


def measure_latency(networks: dict[str, Any], side: int, rounds: int = ROUNDS) -> dict[str, dict[str, float]]:
    """Milliseconds per image, eager, one image at a time: median and quartiles of `rounds` after a warm-up.

    The networks take turns, so that whatever else the machine does meets all of them.
    """
    import paddle

    image = paddle.to_tensor(np.random.default_rng(0).random((1, 3, side, side), dtype=np.float32))
    times: dict[str, list[float]] = {name: [] for name in networks}
    with paddle.no_grad():
        for turn in range(WARM_UP + rounds):
            for name, network in networks.items():
                start = time.perf_counter()
                network(image).numpy()
                if turn >= WARM_UP:
                    times[name].append(1000 * (time.perf_counter() - start))
    return {name: dict(zip(("low", "median", "high"), np.percentile(values, (25, 50, 75)).tolist()))
            for name, values in times.items()}


def add_latency(summary: dict[str, Any], trainings: Sequence[Training]) -> None:
    """Latency of the base and of the variants that differ from it in the backbone, into `summary`."""
    from assignments.face_attributes.run import WORK
    from paddle_models.environment import threads
    from paddle_models.trainer import runtime

    chosen = {t.variant: t for t in trainings if t.seed == trainings[0].seed
              and ("variant" in VARIANTS.get(t.variant, {})
                                                                                 or t.variant == "base")}
    device = runtime.start(trainings[0].settings.device, trainings[0].settings.threads)
    networks = {name: WORK.network(training.settings, WORK.classes) for name, training in chosen.items()}
    for network in networks.values():
        network.eval()
    side = trainings[0].settings.image_size
    measured = measure_latency(networks, side)
    for entry in summary["variants"]:
        entry["latency_ms"] = measured.get(entry["variant"])
    summary["latency"] = {"device": device, "threads": threads(), "image_size": side, "rounds": ROUNDS,
                          "warm_up": WARM_UP}


def write(summary: dict[str, Any], out: Path) -> list[Path]:
    """ablation.json, and the table as ablation.md, .csv and .tex; returns the paths."""
    write_atomically(out / FILE, (json.dumps(summary, indent=2) + "\n").encode())
    columns = [Column("variant", "Variant"), Column("seeds", "Seeds", 0)]
    for key in MEASURES:
        columns += [Column(key, key.replace("_", " ").capitalize() + ", %", 1, 100),
                    Column(f"{key}_spread", "±", 1, 100)]
    columns += [Column("gain", "Accuracy to the base, points", 2, 100, True),
                Column("gain_low", "95 % from", 2, 100, True), Column("gain_high", "to", 2, 100, True)]
    columns += [Column("parameters", "Parameters, M", 2, 1e-6), Column("multiply_adds", "Multiply-adds, G", 3, 1e-9),
                Column("seconds", "Training, s", 0), Column("best_epoch", "Best epoch", 1),
                Column("peak_memory_mb", "Memory, MB", 0), Column("latency_ms", "Latency, ms", 1)]
    to_base = {gain["variant"]: gain for gain in summary["gains"] if gain["over"] == "base"}
    rows = [{"variant": entry["variant"], "seeds": len(entry["seeds"]), "parameters": entry["parameters"],
             "multiply_adds": entry["multiply_adds"], **{key: entry[key] for key in COSTS},
             "latency_ms": look_up(entry, "latency_ms.median"),
             **{f"gain{end}": to_base.get(entry["variant"], {}).get(key)
                for end, key in (("", "value"), ("_low", "low"), ("_high", "high"))},
             **{key: entry["metrics"][key]["mean"] for key in MEASURES},
             **{f"{key}_spread": entry["metrics"][key]["spread"] for key in MEASURES}} for entry in summary["variants"]]
    above = (f"preset {summary['preset']}, {summary['epochs']} epochs at "
             f"{summary['image_size']}x{summary['image_size']}, "
             f"data {summary['origin']}, judged on {summary['judged_on']}; ± is one standard deviation over seeds, "
             "intervals are paired, over the judged images")
    return [out / FILE, *tables.write_table(columns, rows, above, out, "ablation")]


def ablate(preset: str, names: Sequence[str], seeds: Sequence[int], out: Path | None, rest: Sequence[str]) -> int:
    """Train what is not there yet, then measure latencies; the files are renewed after every training."""
    from paddle_models.trainer.run_folder import command

    out = out or places.runs() / ASSIGNMENT / f"ablation-{preset}"
    trainings = plan(preset, names, seeds, out, rest)
    status = variants.make_all(trainings, lambda: write(summarize(trainings, command()), out))
    if status:
        return status
    summary = summarize(trainings, command())
    add_latency(summary, trainings)
    print("\n".join(map(str, write(summary, out))))
    print("\n" + (out / "ablation.md").read_text(encoding="utf-8"))
    return 0


@tells_errors
def main(argv: Sequence[str] | None = None) -> int:
    """The command line; 2 for an error that the user can mend, 130 when it was stopped."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     allow_abbrev=False)
    parser.add_argument("--preset", default="sample", help="settings to start from, as in run.py (default: sample)")
    parser.add_argument("--variants", nargs="+", choices=list(VARIANTS), default=DEFAULT, metavar="VARIANT",
                        help=f"beside the base: {', '.join(VARIANTS)} (default: all but l)")
    parser.add_argument("--seeds", type=int, default=1, help="trainings of each variant, seeds 0, 1, ... (default: 1)")
    parser.add_argument("--out", type=Path,
                        help="folder of the runs and tables (default: ablation-PRESET beside other runs)")
    options, rest = parser.parse_known_args(argv)
    if options.seeds < 1:
        raise KitError(f"--seeds {options.seeds}: at least 1 is needed")
    return ablate(options.preset, options.variants, range(options.seeds), options.out, rest)


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="replace")
    sys.exit(main())
