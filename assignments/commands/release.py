"""Best weights of a run as a small file that can be passed on: float16, with what is needed to build the network
again."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assignments.common.command_line import add_command, speaks
from assignments.common.runs import find_run
from assignments.common.works import work_names, work_of
from data_tools.errors import KitError
from data_tools.language import show

if TYPE_CHECKING:
    import numpy as np

BEST = "checkpoints/best.safetensors"


def add_to(commands: Any) -> None:
    """The command and its options."""
    command = add_command(commands, "release", release_command)
    command.add_argument("target", metavar="NAME|RUN",
                         help="an assignment (its best run) or the folder of a finished run")
    command.add_argument("-o", "--out", type=Path, required=True, metavar="OUT.safetensors")
    speaks(command)


def release_command(arguments: argparse.Namespace) -> int:
    """Best weights of a run as a small float16 file with what is needed to build the network again."""
    show(release(arguments.target, arguments.out))
    return 0


def release(target: str, out: Path) -> str:
    """Write the best weights of a finished run to `out` (.safetensors) and return a line about it. target: see
    find_run.

    Floating arrays become float16, but for statistics of BatchNorm, which may be too small for it. The metadata are
    what the work says in `released(settings)`, and the temperature of its answers where the run found one. KitError for
    a work without a network, or a weight beyond float16.
    """
    from paddle_models.trainer.checkpoint import load_checkpoint
    from paddle_models.trainer.run_folder import read_config
    from paddle_models.trainer.settings import from_dict
    from paddle_models.weights.files import save_weights
    from reports.run_reader import Run

    if out.suffix != ".safetensors":
        raise KitError(f"{out}: weights are written as .safetensors; give a name that ends so")
    run, name = find_run(target, work_names(), ["result.json", BEST])
    work = work_of(name)
    if not work.has_network:
        raise KitError(f"{name} has no weights to pass on")
    _, values = read_config(run, name)
    settings = from_dict(work.settings, values, str(run / "config.yaml"))
    groups, state = load_checkpoint(run / BEST)
    group = next(name for name in groups if name.startswith("networks/"))
    arrays = {key: shortened(key, array) for key, array in groups[group].items()}
    temperature = Run(run, name).result.get("temperature")
    sure = {"temperature": f"{temperature:.6g}"} if isinstance(temperature, float) else {}
    save_weights(out, arrays, {"assignment": name, "epoch": str(state["epoch"] + 1), **work.released(settings), **sure})
    return f"{out}: {out.stat().st_size / 1e6:.1f} MB, {sum(array.size for array in arrays.values()):,} numbers"


def shortened(name: str, array: "np.ndarray") -> "np.ndarray":
    """The array in float16 where it fits."""
    import numpy as np

    if array.dtype != np.float32 or name.endswith(("._mean", "._variance")):
        return array
    with np.errstate(over="ignore"):  # told below
        short = array.astype(np.float16)
    if not np.isfinite(short).all():
        raise KitError(f"{name} holds {np.abs(array).max():g}, which is beyond float16; train with a weight decay")
    return short
