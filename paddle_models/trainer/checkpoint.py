"""One file that holds everything needed to go on: arrays as safetensors, the rest as JSON in its header.

A single file can be replaced in one rename, which a folder cannot. Every random state (order of the data, augmentation,
dropout, mixup) is a pure function of (seed, epoch, step, rank), so position and seed stand for all of them.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import paddle
from paddle import nn

from data_tools.errors import BadFile, KitError
from data_tools.files.atomic import AGAIN
from paddle_models.trainer.settings import TrainerSettings
from paddle_models.weights.files import load_weights, save_weights

Arrays = dict[str, np.ndarray]


def network_arrays(network: nn.Layer) -> Arrays:
    """Weights and running statistics by structured name; short floats widened to float32, which loses nothing."""
    arrays = {}
    for name, value in network.state_dict().items():
        wide = value.astype("float32") if value.is_floating_point() and value.dtype != paddle.float64 else value
        arrays[name] = wide.numpy()
    return arrays


def load_network_arrays(network: nn.Layer, arrays: Arrays, where: str) -> None:
    """The counterpart of network_arrays; KitError naming `where` and the first weights that do not fit."""
    own = network.state_dict()
    wrong = sorted(set(own) ^ set(arrays)) or [n for n in own if tuple(own[n].shape) != arrays[n].shape]
    if wrong:
        raise BadFile("wrong-shapes", f"{where}: these weights do not belong to this network: {', '.join(wrong[:3])}"
                      f"{' ...' if len(wrong) > 3 else ''}; check --model and the other settings of the network")
    for name, value in own.items():
        value.set_value(paddle.to_tensor(arrays[name]).astype(value.dtype))


def save_checkpoint(path: Path, groups: dict[str, Arrays], state: dict[str, Any], again: str = AGAIN) -> None:
    """Write {"group/name": array} and the JSON state, whole or not at all; KitError when the disk is full, with what to
    do then: `again`."""
    arrays = {f"{group}/{name}": array for group, members in groups.items() for name, array in members.items()}
    save_weights(path, arrays, {"state": json.dumps(state)}, again)


def load_checkpoint(path: Path) -> tuple[dict[str, Arrays], dict[str, Any]]:
    """(groups, state) as given to save_checkpoint; a group's name is "kind/network", as in "optimizers/model"."""
    arrays, metadata = load_weights(path)
    groups: dict[str, Arrays] = {}
    try:
        for key, array in arrays.items():
            kind, network, name = key.split("/", 2)
            groups.setdefault(f"{kind}/{network}", {})[name] = array
        return groups, json.loads(metadata["state"])
    except (KeyError, ValueError):
        raise KitError(f"{path} is not a checkpoint of this kit: its header has no state") from None


def check_settings(settings: TrainerSettings, groups: dict[str, Arrays], state: dict[str, Any], where: str) -> None:
    """KitError naming `where` and a setting that is not the one with which the run that left the checkpoint was begun.

    Those that fix which images come next, and those whose state is not there. Older checkpoints do not say the batch
    size.
    """
    wrong = [(name, state[name]) for name in ("seed", "batch_size")
             if state.get(name, getattr(settings, name)) != getattr(settings, name)]
    if settings.ema_decay and not any(group.startswith("averages/") for group in groups):
        wrong.append(("ema_decay", 0))
    if settings.schedule.name == "plateau" and not state["schedule"]:
        wrong.append(("schedule.name", "another than plateau"))
    if wrong:
        name, begun = wrong[0]
        raise KitError(f"setting {name}: {where} was begun with {begun} and only goes on with that; leave out "
                       f"--{name}, or begin a new run")
