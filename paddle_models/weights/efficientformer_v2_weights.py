"""Weights for EfficientFormerV2: the names of the PyTorch originals, and attention bias of another image size."""

import math
import re

import numpy as np
import paddle
from paddle import nn

from data_tools.errors import KitError
from paddle_models.networks.efficientformer_v2 import (
    EXPANSIONS,
    HEADS,
    STRIDE,
    BiasTable,
    EfficientFormerV2,
    Size,
    checked_size,
    efficientformer_v2,
    resize_table,
)

TORCH_NAMES = (  # (pattern, replacement), applied in this order; the authors' names and timm's
    (r"\.bn\.", ".norm."),
    (r"^(patch_embed\.0|stem\.conv1\.conv)\.", "stem.0.conv."),
    (r"^(patch_embed\.1|stem\.conv1\.norm)\.", "stem.0.norm."),
    (r"^(patch_embed\.3|stem\.conv2\.conv)\.", "stem.1.conv."),
    (r"^(patch_embed\.4|stem\.conv2\.norm)\.", "stem.1.norm."),
    *((rf"^network\.{2 * stage}\.", f"stages.{stage}.blocks.") for stage in range(4)),
    *((rf"^network\.{2 * stage - 1}\.", f"stages.{stage}.downsample.") for stage in range(1, 4)),
    (r"^stages\.([12])\.downsample\.proj\.", r"stages.\1.downsample.conv."),
    (r"^stages\.([12])\.downsample\.conv\.(conv|norm)\.", r"stages.\1.downsample.\2."),
    (r"^stages\.3\.downsample\.(?:conv\.)?(conv|norm)\.", r"stages.3.downsample.plain.\1."),
    (r"\.(token_mixer|attn)\.", ".attention."),
    (r"\.attention\.attention_biases$", ".attention.bias.table"),
    (r"\.attention\.talking_head1\.", ".attention.talk_before."),
    (r"\.attention\.talking_head2\.", ".attention.talk_after."),
    (r"\.attention\.stride_conv\.", ".attention.reduce."),
    (r"\.attention\.v_local\.", ".attention.local."),
    (r"\.attention\.q\.", ".attention.query."),
    (r"\.attention\.k\.", ".attention.key."),
    (r"\.attention\.v\.", ".attention.value."),
    (r"\.query\.local\.0\.", ".query.local."),
    (r"\.attention\.proj\.1\.", ".attention.project.conv."),
    (r"\.attention\.proj\.2\.", ".attention.project.norm."),
    (r"\.(attention|query)\.proj\.", r".\1.project."),
    (r"\.(query|key|value|local|reduce|project)\.0\.", r".\1.conv."),
    (r"\.(query|key|value|local|reduce|project)\.1\.", r".\1.norm."),
    (r"\.mlp\.(norm1|fc1\.norm)\.", ".ffn.expand.norm."),
    (r"\.mlp\.(mid_norm|mid\.norm)\.", ".ffn.mix.norm."),
    (r"\.mlp\.(norm2|fc2\.norm)\.", ".ffn.project.norm."),
    (r"\.mlp\.fc1\.(conv\.)?", ".ffn.expand.conv."),
    (r"\.mlp\.mid\.(conv\.)?", ".ffn.mix.conv."),
    (r"\.mlp\.fc2\.(conv\.)?", ".ffn.project.conv."),
    (r"\.(layer_scale_1|ls1\.gamma)$", ".attention_scale"),
    (r"\.(layer_scale_2|ls2\.gamma)$", ".ffn_scale"),
    (r"^(dist_head|head_dist)\.", "distillation_head."),
    (r"\.running_mean$", "._mean"),
    (r"\.running_var$", "._variance"),
)
LARGEST_IMAGE = 1024  # pixels; the distances that a larger one needs would take gigabytes
DROPPED = re.compile(r"\.(attention_bias_idxs|ab|num_batches_tracked)$")  # indices, the cached bias, a counter


def from_torch_name(name: str) -> str | None:
    """Our name of a tensor of the authors' or timm's state dictionary; None for what has no counterpart here.

    An unknown name comes back more or less as it was, and so is reported by whoever compares the names.
    """
    if DROPPED.search(name):
        return None
    for pattern, replacement in TORCH_NAMES:
        name = re.sub(pattern, replacement, name)
    return name


def fit_bias_tables(network: nn.Layer, arrays: dict, image_size: Size | None = None) -> dict:
    """{name: array} with the attention bias tables resized to the network's image size; the rest as it is.

    network: an EfficientFormerV2 or a network with one inside, with attribute `image_size`. image_size: the size
    that the arrays are of; None takes squares. Tables of impossible shape are left for the loader to report.
    """
    old = None if image_size is None else checked_size(image_size)
    fitted = dict(arrays)
    for name, layer in network.named_sublayers():
        table = arrays.get(f"{name}.table")
        if not isinstance(layer, BiasTable) or table is None or table.ndim != 2:
            continue
        side = math.isqrt(table.shape[1])
        grid = (side, side) if old is None else tuple(
            rows * given // built for rows, given, built in zip(layer.grid, old, network.image_size))
        if grid != layer.grid and table.shape == (HEADS, math.prod(grid)):
            table = resize_table(paddle.to_tensor(table.astype(np.float32)), grid, layer.grid)
            fitted[f"{name}.table"] = table.numpy()
    return fitted


def network_for(variant: str, arrays: dict) -> EfficientFormerV2:
    """The network that weights under our names belong to: image size after the bias table, heads after the arrays."""
    table = arrays.get(f"stages.3.blocks.{len(EXPANSIONS[variant][3]) - 1}.attention.bias.table", np.zeros((HEADS, 49)))
    side = math.isqrt(table.shape[-1]) if table.ndim else 1  # of the last stage, which has stride 32
    if side * STRIDE > LARGEST_IMAGE:
        raise KitError(f"an attention bias table of shape {table.shape} would be that of an image of more than "
                       f"{LARGEST_IMAGE} pixels; give weights of EfficientFormerV2")
    classes = arrays["head.bias"].size if "head.bias" in arrays else 0
    return efficientformer_v2(variant, max(1, side) * STRIDE, classes,
                              bool(classes) and "distillation_head.bias" in arrays)
