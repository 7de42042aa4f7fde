"""Networks by name, pretrained weights into them, and what fine-tuning needs: head and frozen backbone."""

import difflib
from collections.abc import Callable, Collection, Iterable
from functools import partial
from pathlib import Path

import numpy as np
import paddle
import pooch
from paddle import nn
from paddle.vision.models.mobilenetv2 import model_urls as mobilenet_v2_urls
from paddle.vision.models.resnet import model_urls as resnet_urls

from data_tools.errors import KitError
from data_tools.files.places import expand
from data_tools.language import show
from paddle_models.networks.catalogue import CLASSIFIERS
from paddle_models.networks.description import Description, described
from paddle_models.networks.efficientnet_lite import EfficientNetLiteFeatures
from paddle_models.networks.mobilenet_v2 import folded_mobilenet_v2, folded_names, is_folded
from paddle_models.networks.paddleclas_zoo import paddleclas_backbone, paddleclas_url
from paddle_models.networks.parts import head_name
from paddle_models.networks.resnet import BLOCKS
from paddle_models.weights.efficientnet_lite_weights import PACKAGE, imagenet_arrays
from paddle_models.weights.files import load_weights
from paddle_models.weights.pdparams import read_pdparams
from paddle_models.weights.plain_names import plain_names

PADDLECLAS = "paddleclas:"  # prefix of any PaddleClas backbone, "paddleclas:PPLCNet_x1_0"
IMAGENET = "imagenet"
OF_IMAGENET = "imagenet:"  # before a file whose weights want the inputs of ImageNet, as torchvision's do
PADDLE_KEYS = {**{f"resnet{depth}": f"resnet{depth}" for depth in BLOCKS},
               "mobilenet_v2": "mobilenetv2_1.0"}  # our name -> Paddle's in its table of addresses


def build_model(name: str, classes: int, weights: str = "") -> nn.Layer:
    """A network with `classes` outputs: input float (N, 3, H, W) in [-1, 1], output logits (N, classes).

    name: one of CLASSIFIERS, or "paddleclas:NAME" for a PaddleClas backbone.
    weights: "" for fresh ones; "imagenet" takes those of an installed package for efficientnet_lite0 and downloads
    Paddle's own for the others; else a .safetensors or .pdparams file with
    the network's names. A folded MobileNetV2 file is recognised by its keys and turns "mobilenet_v2" into
    "mobilenet_v2_folded". A head of another width keeps its initial values, which is said on stdout.
    "imagenet" weights want inputs normalised by the mean and deviation of the network's description: the network does
    that before anything else, as with "imagenet:FILE", a file of such weights. Those of another file get their inputs
    as they are.
    Raises KitError for an unknown name and for weights that do not fit.
    """
    if classes < 1:
        raise KitError(f"a network with {classes} classes cannot be built; give at least 1")
    builder = builder_of(name)
    if not weights:
        return builder(classes)
    arrays, source = _imagenet(name) if weights == IMAGENET else _read(expand(weights.removeprefix(OF_IMAGENET)))
    arrays = plain_names(arrays, source)
    folded = is_folded(arrays)
    if folded and name == "mobilenet_v2":
        builder = folded_mobilenet_v2
    model = builder(classes)
    fresh = load_pretrained(model, folded_names(arrays, model) if folded else arrays, source)
    if fresh:
        show(f"{source.rpartition('/')[2]}: weights loaded; left at their initial values: {', '.join(fresh)}")
    return _taking_signed(model) if _of_imagenet(weights) else model


def rebuild_model(name: str, classes: int, weights: str, trained: Iterable[str]) -> nn.Layer:
    """The network that build_model(name, classes, weights) gave, with fresh weights: no file is opened.

    trained: names of its trained weights, which tell a MobileNetV2 that began from a folded file from one with
    BatchNorm.
    """
    if name == "mobilenet_v2" and not any(own.endswith("._mean") for own in trained):
        return build_model("mobilenet_v2_folded", classes)
    model = build_model(name, classes)
    return _taking_signed(model) if _of_imagenet(weights) else model


def _of_imagenet(weights: str) -> bool:
    """Whether the setting names weights that want the inputs of ImageNet."""
    return weights == IMAGENET or weights.startswith(OF_IMAGENET)


def as_published(images: paddle.Tensor, wanted: Description) -> paddle.Tensor:
    """RGB images (N, 3, H, W) in [-1, 1] as the published weights of a network want them."""
    if wanted.signed:
        return images
    mean, deviation = (paddle.to_tensor(values).reshape([1, 3, 1, 1]) for values in (wanted.mean, wanted.deviation))
    return ((images + 1) / 2 - mean) / deviation


def _taking_signed(model: nn.Layer) -> nn.Layer:
    """The same network, which now normalises its inputs; a hook leaves the names of all weights as they are."""
    wanted = described(model)
    if wanted and not wanted.signed:
        model.register_forward_pre_hook(lambda _model, inputs: as_published(inputs[0], wanted))
    return model


def load_pretrained(model: nn.Layer, arrays: dict[str, np.ndarray], source: str) -> list[str]:
    """Put {name: array} into the model; returns the names of a head that was left as it is.

    Only the head may be absent or of another width. Anything else missing, unexpected or of another shape is
    a KitError that names `source` and the first few names, and leaves the model untouched.
    """
    own = model.state_dict()
    head_names = {name for name in own if name.rpartition(".")[0] == head_name(model)}
    compare(model, arrays, source, head_names)
    whole = all(name in arrays and arrays[name].shape == tuple(own[name].shape) for name in head_names)
    fresh = [] if whole else sorted(head_names)  # weight and bias belong together: a head is taken whole or not at all
    for name, value in own.items():
        if name not in fresh:
            value.set_value(paddle.to_tensor(arrays[name]).astype(value.dtype))
    return fresh


def load_imagenet(backbone: EfficientNetLiteFeatures) -> None:
    """ImageNet weights of the installed package, but for those of the classes, into a backbone."""
    arrays = {name: array for name, array in imagenet_arrays().items() if not name.startswith("classifier.")}
    compare(backbone, arrays, PACKAGE)
    for name, value in backbone.state_dict().items():
        value.set_value(paddle.to_tensor(arrays[name]))


def compare(model: nn.Layer, arrays: dict[str, np.ndarray], source: str, free: Collection[str] = ()) -> None:
    """One KitError that names `source` and the first few names that are missing, unexpected or of another shape.

    free: names that may be missing or of another shape.
    """
    shapes = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    bound = {name: shape for name, shape in shapes.items() if name not in free}
    problems = [f"{name} is missing" for name in bound if name not in arrays]
    problems += [f"{name} is unexpected" for name in arrays if name not in shapes]
    problems += [f"{name} has shape {arrays[name].shape} instead of {shape}"
                 for name, shape in bound.items() if name in arrays and arrays[name].shape != shape]
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise KitError(f"{source} does not fit {type(model).__name__}: {'; '.join(problems[:3])}{more}; "
                       "give the weights of this very network")


def builder_of(name: str) -> Callable[[int], nn.Layer]:
    """What makes the network of this name for a number of classes; KitError for an unknown name."""
    if name in CLASSIFIERS:
        return CLASSIFIERS[name]
    if name.startswith(PADDLECLAS):
        return partial(paddleclas_backbone, name[len(PADDLECLAS):])
    near = difflib.get_close_matches(name, CLASSIFIERS, 1, 0.4)
    guess = f"; did you mean {near[0]}?" if near else ""
    raise KitError(f"unknown network {name!r}{guess} There are {', '.join(CLASSIFIERS)} and {PADDLECLAS}NAME")


def _read(path: Path) -> tuple[dict[str, np.ndarray], str]:
    """Arrays of a file of weights, and its name."""
    if path.suffix == ".pdparams":
        return read_pdparams(path), str(path)
    if path.suffix == ".safetensors":
        return load_weights(path, refuse_nan=True)[0], str(path)
    raise KitError(f"{path}: weights are read from .safetensors and .pdparams files; convert those of PyTorch once: "
                   f"python -m assignments weights {path} --model NAME -o {path.name.split('.')[0]}.safetensors")


def _imagenet(name: str) -> tuple[dict[str, np.ndarray], str]:
    """ImageNet weights of a network by name, and where they are from."""
    return (imagenet_arrays(), PACKAGE) if name == "efficientnet_lite0" else _read(_imagenet_file(name))


def _imagenet_file(name: str) -> Path:
    """Local copy of the ImageNet weights that Paddle or PaddleClas publishes for this network."""
    builder_of(name)  # an unknown name is reported before any download
    if name.startswith(PADDLECLAS):
        url, checksum = paddleclas_url(name[len(PADDLECLAS):]), None
    elif name in PADDLE_KEYS:
        url, md5 = {**resnet_urls, **mobilenet_v2_urls}[PADDLE_KEYS[name]]
        checksum = f"md5:{md5}"
    else:
        raise KitError(f"no ImageNet weights are published for {name}; name a file instead")
    show(f"ImageNet weights of {name}: {url}")
    pooch.get_logger().setLevel("ERROR")  # its notices go to standard error
    folder, file = expand(pooch.os_cache("paddle-imagenet")), url.rpartition("/")[2]
    try:
        return Path(pooch.retrieve(url, checksum, file, folder))
    except (OSError, ValueError) as error:  # no connection; another checksum
        reason = str(error) if isinstance(error, ValueError) else type(error).__name__
        raise KitError(f"{url} could not be fetched ({reason}); fetch it on another machine and put it here as "
                       f"{folder / file}, or leave weights empty to train from scratch") from error
