"""Best weights of a run as a small file that can be passed on: float16, with what is needed to build the network
again."""

import importlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from assignments.common.runs import find_run
from data_tools.errors import KitError

BEST = "checkpoints/best.safetensors"


def release(target: str, out: Path, names: Sequence[str]) -> str:
    """Write the best weights of a finished run to `out` (.safetensors) and return a line about it. target: see
    find_run.

    Floating arrays become float16, but for statistics of BatchNorm, which may be too small for it. The metadata are
    what the assignment's run.py says in `released(settings, groups) -> (group, metadata)`. KitError where it has none,
    or where a weight is beyond float16.
    """
    from paddle_models.trainer.checkpoint import load_checkpoint
    from paddle_models.trainer.run_folder import read_config
    from paddle_models.trainer.settings import from_dict
    from paddle_models.weights.files import save_weights

    if out.suffix != ".safetensors":
        raise KitError(f"{out}: weights are written as .safetensors; give a name that ends so")
    run, name = find_run(target, names, ["result.json", BEST])
    module = importlib.import_module(f"assignments.{name}.run")
    if not hasattr(module, "released"):
        raise KitError(f"{name} has no weights to pass on")
    _, values = read_config(run, name)
    group, metadata = module.released(from_dict(module.ASSIGNMENT.settings, values, str(run / "config.yaml")))
    groups, state = load_checkpoint(run / BEST)
    arrays = {key: shortened(key, array) for key, array in groups[f"networks/{group}"].items()}
    save_weights(out, arrays, {"assignment": name, "epoch": str(state["epoch"] + 1), **metadata})
    return f"{out}: {out.stat().st_size / 1e6:.1f} MB, {sum(array.size for array in arrays.values()):,} numbers"


def shortened(name: str, array: np.ndarray) -> np.ndarray:
    """The array in float16 where it fits."""
    if array.dtype != np.float32 or name.endswith(("._mean", "._variance")):
        return array
    with np.errstate(over="ignore"):  # told below
        short = array.astype(np.float16)
    if not np.isfinite(short).all():
        raise KitError(f"{name} holds {np.abs(array).max():g}, which is beyond float16; train with a weight decay")
    return short
