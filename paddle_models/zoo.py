"""Networks by name, pretrained weights into them, and what fine-tuning needs: head and frozen backbone."""

import difflib
from functools import partial
from pathlib import Path
from typing import Callable

import numpy as np
import paddle
import pooch
from paddle import nn
from paddle.vision.models.mobilenetv2 import model_urls as mobilenet_v2_urls
from paddle.vision.models.resnet import model_urls as resnet_urls

from data_tools.errors import KitError
from paddle_models.mobilenet_v2 import folded_mobilenet_v2, folded_names, is_folded, mobilenet_v2
from paddle_models.paddleclas_zoo import paddleclas_backbone, paddleclas_url
from paddle_models.pdparams import read_pdparams
from paddle_models.resnet import resnet
from paddle_models.weights import load_weights

NETWORKS: dict[str, Callable[[int], nn.Layer]] = {
    "resnet50": partial(resnet, 50),
    "resnet101": partial(resnet, 101),
    "resnet152": partial(resnet, 152),
    "mobilenet_v2": mobilenet_v2,
    "mobilenet_v2_folded": folded_mobilenet_v2,
}
PADDLECLAS = "paddleclas:"  # prefix of any PaddleClas backbone, "paddleclas:PPLCNet_x1_0"
IMAGENET = "imagenet"
PADDLE_KEYS = {"resnet50": "resnet50", "resnet101": "resnet101", "resnet152": "resnet152",
               "mobilenet_v2": "mobilenetv2_1.0"}  # our name -> Paddle's in its table of addresses


def build_model(name: str, classes: int, weights: str = "") -> nn.Layer:
    """A network with `classes` outputs: input float (N, 3, H, W), output logits (N, classes).

    name: one of NETWORKS, or "paddleclas:NAME" for a PaddleClas backbone.
    weights: "" for fresh ones; "imagenet" downloads Paddle's own; else a .safetensors or .pdparams file with
    the network's names. A folded MobileNetV2 file is recognised by its keys and turns "mobilenet_v2" into
    "mobilenet_v2_folded". A head of another width keeps its initial values, which is said on stdout.
    "imagenet" weights were trained on inputs normalised per channel by ImageNet's mean and deviation, not on
    [-1, 1]; fine-tuning with BatchNorm in training mode takes up the difference.
    Raises KitError for an unknown name and for weights that do not fit.
    """
    if classes < 1:
        raise KitError(f"a network with {classes} classes cannot be built; give at least 1")
    builder = _builder(name)
    if not weights:
        return builder(classes)
    path = _imagenet_file(name) if weights == IMAGENET else Path(weights)
    arrays = _read(path)
    folded = is_folded(arrays)
    if folded and name == "mobilenet_v2":
        builder = folded_mobilenet_v2
    model = builder(classes)
    fresh = load_pretrained(model, folded_names(arrays, model) if folded else arrays, str(path))
    if fresh:
        print(f"{path.name}: weights loaded; left at their initial values: {', '.join(fresh)}")
    return model


def load_pretrained(model: nn.Layer, arrays: dict[str, np.ndarray], source: str) -> list[str]:
    """Put {name: array} into the model; returns the names of a head that was left as it is.

    Only the head may be absent or of another width. Anything else missing, unexpected or of another shape is
    a KitError that names `source` and the first few names, and leaves the model untouched.
    """
    own = model.state_dict()
    head_names = {name for name in own if name.rpartition(".")[0] == _head_name(model)}
    shapes = {name: tuple(value.shape) for name, value in own.items()}
    fresh = sorted(n for n in head_names if n not in arrays or arrays[n].shape != shapes[n])
    problems = [f"{n} is missing" for n in own if n not in arrays and n not in head_names]
    problems += [f"{n} is unexpected" for n in arrays if n not in own]
    problems += [f"{n} has shape {arrays[n].shape} instead of {shapes[n]}"
                 for n in own if n in arrays and n not in head_names and arrays[n].shape != shapes[n]]
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise KitError(f"{source} does not fit {type(model).__name__}: {'; '.join(problems[:3])}{more}; "
                       "give the weights of this very network")
    if fresh:  # weight and bias belong together: a head is taken whole or not at all
        fresh = sorted(head_names)
    for name, value in own.items():
        if name not in fresh:
            value.set_value(paddle.to_tensor(arrays[name]).astype(value.dtype))
    return fresh


def head(model: nn.Layer) -> nn.Linear:
    """The classifier: the last linear layer of the network."""
    return dict(model.named_sublayers())[_head_name(model)]


def head_parameters(model: nn.Layer) -> list[paddle.Tensor]:
    """Weight (features, classes) and bias (classes,) of the classifier."""
    return head(model).parameters()


def count_parameters(model: nn.Layer) -> int:
    """Number of trainable weights; Paddle lists BatchNorm's running statistics among the parameters, which are not."""
    return sum(int(np.prod(parameter.shape)) for parameter in model.parameters() if not parameter.stop_gradient)


def freeze_backbone(model: nn.Layer) -> None:
    """Stop the gradient of everything but the head, and let BatchNorm use its running statistics even in
    training.

    The latter is set on the layer itself, so a later `model.train()` does not undo it.
    """
    trained = {id(parameter) for parameter in head_parameters(model)}
    for parameter in model.parameters():
        parameter.stop_gradient = id(parameter) not in trained
    for layer in model.sublayers():
        if hasattr(layer, "_use_global_stats"):  # every BatchNorm class of Paddle
            layer._use_global_stats = True


def _head_name(model: nn.Layer) -> str:
    linear = [name for name, layer in model.named_sublayers() if isinstance(layer, nn.Linear)]
    if not linear:
        raise KitError(f"{type(model).__name__} has no linear layer, so no head to replace or train alone")
    return linear[-1]


def _builder(name: str) -> Callable[[int], nn.Layer]:
    if name in NETWORKS:
        return NETWORKS[name]
    if name.startswith(PADDLECLAS):
        return partial(paddleclas_backbone, name[len(PADDLECLAS):])
    near = difflib.get_close_matches(name, NETWORKS, 1, 0.4)
    guess = f"; did you mean {near[0]}?" if near else ""
    raise KitError(f"unknown network {name!r}{guess} There are {', '.join(NETWORKS)} and {PADDLECLAS}NAME")


def _read(path: Path) -> dict[str, np.ndarray]:
    if path.suffix == ".pdparams":
        return read_pdparams(path)
    if path.suffix == ".safetensors":
        return load_weights(path, refuse_nan=True)[0]
    raise KitError(f"{path}: weights are read from .safetensors and .pdparams files; convert this one")


def _imagenet_file(name: str) -> Path:
    """Local copy of the ImageNet weights that Paddle or PaddleClas publishes for this network."""
    _builder(name)  # an unknown name is reported before any download
    if name.startswith(PADDLECLAS):
        url, checksum = paddleclas_url(name[len(PADDLECLAS):]), None
    elif name in PADDLE_KEYS:
        url, md5 = {**resnet_urls, **mobilenet_v2_urls}[PADDLE_KEYS[name]]
        checksum = f"md5:{md5}"
    else:
        raise KitError(f"no ImageNet weights are published for {name}; name a file instead")
    print(f"ImageNet weights of {name}: {url}")
    pooch.get_logger().setLevel("ERROR")  # its notices go to standard error
    try:
        return Path(pooch.retrieve(url, checksum, path=pooch.os_cache("paddle-imagenet")))
    except (OSError, ValueError) as error:  # no connection; another checksum
        reason = str(error) if isinstance(error, ValueError) else type(error).__name__
        raise KitError(f"{url} could not be fetched ({reason}); fetch it on another machine and give the "
                       "file as weights, or leave weights empty to train from scratch") from error
