"""The networks that are compared, in Paddle (the kit's own) and in PyTorch, and weights that are the same in both.

To add one: a Network here and its PyTorch twin, layer for layer and with the same names, in torch_nets.py. Nothing
heavy is imported until a network is built.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

CLASSES, ATTRIBUTES, SCALE = 10, 40, 4
TORCH_NAMES = {"_mean": "running_mean", "_variance": "running_var", "_weight": "weight"}  # where Paddle's differ


@dataclass(frozen=True)
class Network:
    """One architecture. paddle(side), torch(side): with fresh weights, for images of that side where it matters."""

    paddle: Callable[[int], Any]
    torch: Callable[[int], Any]


def _zoo(name: str) -> Network:
    def build(_side: int):
        from paddle_models.weights.zoo import build_model

        return build_model(name, CLASSES)

    return Network(build, _twin(name, CLASSES))


def _efficientformer(variant: str) -> Network:
    def build(side: int):
        from paddle_models.networks.efficientformer_v2 import efficientformer_v2

        return efficientformer_v2(variant, side, ATTRIBUTES)

    return Network(build, _twin(f"efficientformer_v2_{variant}", ATTRIBUTES))


def _swift_generator(_side: int):
    from paddle_models.networks.swift_srgan import SwiftGenerator

    return SwiftGenerator(SCALE, residual=True)


def _glasses(side: int):
    from paddle_models.networks.glasses_cnn import GlassesCNN

    return GlassesCNN(side)


def _twin(name: str, outputs: int) -> Callable[[int], Any]:
    def build(side: int):
        from assignments.bench.torch_nets import NETWORKS as TWINS

        return TWINS[name](outputs, side)

    return build


NETWORKS: dict[str, Network] = {
    "resnet50": _zoo("resnet50"),
    "mobilenet_v2": _zoo("mobilenet_v2"),
    "efficientformer_v2_s0": _efficientformer("s0"),
    "efficientformer_v2_s2": _efficientformer("s2"),
    "swift_srgan": Network(_swift_generator, _twin("swift_srgan", SCALE)),
    "glasses": Network(_glasses, _twin("glasses", 1)),
}


def torch_name(name: str) -> str:
    """PyTorch's name of a weight of Paddle's."""
    layer, _, last = name.rpartition(".")
    return f"{layer}.{TORCH_NAMES.get(last, last)}"


def drawn(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Random weights, float32, of PyTorch's name and shape: the same numbers in each process, and no layer without
    effect."""
    values = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape, dtype=np.float32)
    if name.endswith("running_var"):
        return 1 + values**2
    if name.endswith(("bias", "running_mean")):
        return 0.1 * values
    if len(shape) == 1:  # of BatchNorm and PReLU, and layer scale
        return 0.75 + 0.25 * values
    return values * np.float32(np.prod(shape[1:])) ** -0.5


def draw_paddle(network: Any) -> None:
    """Set the weights of a Paddle network."""
    linear = {f"{name}.weight" for name, layer in network.named_sublayers() if type(layer).__name__ == "Linear"}
    for name, value in network.state_dict().items():
        shape = tuple(value.shape)
        value.set_value(drawn(torch_name(name), shape[::-1]).T if name in linear else drawn(torch_name(name), shape))


def draw_torch(network: Any) -> None:
    """Set the weights of a PyTorch network."""
    import torch

    shapes = {name: tuple(value.shape) for name,
              value in network.state_dict().items() if not name.endswith("num_batches_tracked")}
    network.load_state_dict({name: torch.from_numpy(drawn(name, shape)) for name, shape in shapes.items()},
                            strict=False)
