"""Weights from PyTorch, by name, to this kit's networks.

`convert` writes a safetensors file under our names; `load_converted` puts such a file into a network. What the two have
in common is `zoo.compare`: every name and every shape has to fit, and all that does not is told in one message.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import paddle
from paddle import nn

from data_tools.errors import KitError
from paddle_models.networks.catalogue import CLASSIFIERS
from paddle_models.networks.lpips import LPIPS, lpips_name
from paddle_models.networks.resnet import BLOCKS
from paddle_models.weights import efficientformer_v2_weights, efficientnet_lite_weights, super_resolution_weights
from paddle_models.weights.files import load_weights, save_weights
from paddle_models.weights.plain_names import plain_names
from paddle_models.weights.torch_weights import read_torch
from paddle_models.weights.zoo import compare


class Source(NamedTuple):
    """How weights of one network come from PyTorch."""

    network: Callable[[dict[str, np.ndarray]], nn.Layer]  # the network that the arrays, under our names, belong to
    rename: Callable[[str], str | None]  # our name of a PyTorch name; None: not needed


def torchvision_name(name: str) -> str | None:
    """Our name of a tensor of torchvision's ResNet or MobileNetV2; None for BatchNorm's counter."""
    if name.endswith(".num_batches_tracked"):
        return None
    return name.replace(".running_mean", "._mean").replace(".running_var", "._variance")


def _classifier(name: str, head: str, arrays: dict[str, np.ndarray]) -> nn.Layer:
    """The network `name` with as many classes as the bias of its head has numbers."""
    bias = arrays.get(f"{head}.bias")
    return CLASSIFIERS[name](bias.size if bias is not None and 0 < bias.size <= MOST_CLASSES else 1)


MODELS = {
    f"efficientformer_v2_{variant}": Source(partial(efficientformer_v2_weights.network_for, variant),
                                            efficientformer_v2_weights.from_torch_name)
    for variant in ("s0", "s1", "s2", "l")
} | {
    "efficientnet_lite0": Source(efficientnet_lite_weights.network_for, efficientnet_lite_weights.from_torch_name),
    "swift_srgan": Source(super_resolution_weights.swift_generator_for, super_resolution_weights.swift_name),
    "swift_srgan_discriminator": Source(super_resolution_weights.swift_discriminator_for,
                                        super_resolution_weights.swift_name),
    "esrgan": Source(super_resolution_weights.rrdbnet_for, super_resolution_weights.esrgan_name),
    **{f"resnet{depth}": Source(partial(_classifier, f"resnet{depth}", "fc"), torchvision_name) for depth in BLOCKS},
    "mobilenet_v2": Source(partial(_classifier, "mobilenet_v2", "classifier.1"), torchvision_name),
    "lpips": Source(lambda _arrays: LPIPS(), lpips_name),
}
MOST_CLASSES = 100_000
SUFFIXES = (".pth", ".pt", ".tar", ".bin", ".ckpt")


def convert(source: str | Path, model: str, out: str | Path) -> dict[str, str]:
    """Write the PyTorch weights of `source` (.safetensors, .pth, .pth.tar) to `out` (.safetensors) under our names.

    model: one of MODELS. Linear weights are turned from PyTorch's (out, in) to Paddle's (in, out); floating arrays
    become float32. Returns the metadata written: model, and where the network has them image_size "HxW" and scale.
    Raises KitError for an unknown model, an unreadable file, and names or shapes that do not fit.
    """
    if model not in MODELS:
        raise KitError(f"unknown model {model!r}; weights are converted for {', '.join(MODELS)}")
    if Path(out).suffix != ".safetensors":
        raise KitError(f"{out}: weights are written as .safetensors; give a name that ends so")
    arrays = _renamed(plain_names(_read(Path(source)), str(source)), MODELS[model].rename, source)
    network = MODELS[model].network(arrays)
    linear = {f"{name}.weight" for name, layer in network.named_sublayers() if isinstance(layer, nn.Linear)}
    arrays = {name: array.T if name in linear and array.ndim == 2 else array for name, array in arrays.items()}
    shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    for name, array in arrays.items():  # a layer scale is (C, 1, 1) there and (C,) here
        if array.ndim == 3 and shapes.get(name) == array.shape[:1] and array.shape[1:] == (1, 1):
            arrays[name] = array[:, 0, 0]
    compare(network, arrays, str(source))
    metadata = {"model": model}
    if hasattr(network, "image_size"):
        metadata["image_size"] = "x".join(map(str, network.image_size))
    if hasattr(network, "scale"):
        metadata["scale"] = str(network.scale)
    save_weights(out, {name: np.asarray(array, np.float32) for name, array in arrays.items()}, metadata)
    return metadata


def load_converted(network: nn.Layer, path: str | Path) -> None:
    """Put a file of `convert` into a network: the heads of the file are left out where the network has none, the
    attention bias is resized where the network is built for another image size.

    Raises KitError, naming the file, when anything else is missing, unexpected or of another shape; the network is
    then as it was.
    """
    arrays, metadata = load_weights(path, refuse_nan=True)
    own = network.state_dict()
    arrays = {name: array for name, array in arrays.items() if name in own or "head" not in name.split(".")[0]}
    if hasattr(network, "image_size"):
        sides = metadata.get("image_size", "").split("x")
        known = len(sides) == 2 and all(side.isdecimal() for side in sides)
        size = tuple(map(int, sides)) if known else None
        arrays = efficientformer_v2_weights.fit_bias_tables(network, arrays, size)
    compare(network, arrays, str(path))
    for name, value in own.items():
        value.set_value(paddle.to_tensor(np.ascontiguousarray(arrays[name])).astype(value.dtype))


def _read(path: Path) -> dict[str, np.ndarray]:
    if path.suffix == ".safetensors":
        return load_weights(path, refuse_nan=True)[0]
    if path.suffix in SUFFIXES:
        return read_torch(path)
    raise KitError(f"{path}: PyTorch weights are read from .safetensors, {', '.join(SUFFIXES)}; give such a file")


def _renamed(arrays: dict[str, np.ndarray], rename: Callable, source) -> dict[str, np.ndarray]:
    renamed = {}
    for name, array in arrays.items():
        ours = rename(name)
        if ours is None:
            continue
        if ours in renamed:
            raise KitError(f"{source}: two arrays of it are {ours} here, one of them {name}; it mixes two namings")
        renamed[ours] = array
    return renamed
