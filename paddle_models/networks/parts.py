"""What holds of any classifier: its head, its blocks, its number of weights, its backbone frozen."""

from collections.abc import Iterator

import numpy as np
import paddle
from paddle import nn

from data_tools.errors import KitError
from paddle_models.networks.description import described


def head(model: nn.Layer) -> nn.Linear:
    """The classifier; KitError where it is no linear layer."""
    layer = dict(model.named_sublayers())[head_name(model)]
    if not isinstance(layer, nn.Linear):
        raise KitError(f"the head of {type(model).__name__} is not one linear layer, so not to be replaced")
    return layer


def head_parameters(model: nn.Layer) -> list[paddle.Tensor]:
    """Weight (features, classes) and bias (classes,) of the classifier."""
    return head(model).parameters()


def count_parameters(model: nn.Layer) -> int:
    """Number of weights, frozen ones too; BatchNorm's statistics, which Paddle lists among the parameters, are none."""
    return sum(int(np.prod(parameter.shape)) for name, parameter in model.named_parameters()
               if not name.endswith(("._mean", "._variance")))


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


def head_name(model: nn.Layer) -> str:
    """Name of the classifier within the network: as described, else the last linear layer; KitError for none."""
    description = described(model)
    name = description.head if description else last_linear(model)
    if not name:
        raise KitError(f"{type(model).__name__} has no linear layer, so no head to replace or train alone")
    return name


def depths(model: nn.Layer) -> dict[str, int]:
    """{name of a weight: number of its block}, 0 the nearest to the input, the greatest the head.

    A block is what stands in the network itself or in its Sequentials and lists, in the order of definition, which is
    that of the data in every network of the kit: a residual block, a lone convolution. Weights of the network itself
    (embeddings) are of the first, and a norm is of the block before it. KitError where there is no head.
    """
    top, shapes = head_name(model) + ".", {name: value.shape for name, value in model.named_parameters()}
    found, number = {}, -1
    for block in _blocks(model):
        own = [name for name in shapes if name.startswith(f"{block}.") and not name.startswith(top)]
        if own:
            number += number < 0 or any(len(shapes[name]) > 1 for name in own)
            found.update(dict.fromkeys(own, number))
    found.update({name: number + 1 for name in shapes if name.startswith(top)})
    return {name: found.get(name, 0) for name in shapes}


def _blocks(layer: nn.Layer, before: str = "") -> Iterator[str]:
    """Names of the blocks below a layer."""
    for name, child in layer.named_children():
        if isinstance(child, (nn.Sequential, nn.LayerList, nn.LayerDict)) or described(child):
            yield from _blocks(child, f"{before}{name}.")
        else:
            yield f"{before}{name}"


def last_linear(model: nn.Layer) -> str:
    """Name of the last linear layer, "" where there is none."""
    return next((name for name, layer in reversed(list(model.named_sublayers())) if isinstance(layer, nn.Linear)), "")
