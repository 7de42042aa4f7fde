"""The weights that came with the kit beside a run: on its test images, and in its figures."""

from collections.abc import Mapping
from typing import Any

from assignments.swift_srgan.generators import load_generator
from assignments.swift_srgan.measuring import measured, metrics
from data_tools.errors import KitError
from paddle_models.fast.fast_layers import accelerate

NAME = "pixel"


def generator(scale: int, fast_layers: bool = True):
    """The kit's network nearest to the original; None where it enlarges otherwise than the run, or is not there."""
    if scale != 4:
        return None
    try:
        network = load_generator(NAME).network
    except KitError:
        return None
    accelerate(network, fast_layers)
    return network


def judged(network, tests: Mapping[str, Any], scale: int) -> dict[str, Any]:
    """Of result.json: its metrics on the run's test sets under "released"; nothing without a network."""
    if network is None:
        return {}
    return {"released": {name: metric for name, metric in metrics(measured(network, tests, scale)).items()
                         if "bicubic" not in name}}
