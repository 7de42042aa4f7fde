"""Facial attributes: seven heads, one for each region of the face, on EfficientFormerV2 (the course report 000).

Each head is Linear 1024, ReLU, Linear 512, ReLU; the report says that their outputs are concatenated and a sigmoid
follows, and leaves out the layer from 512 units to the attributes of the region, which stands here. The network answers
in head order; reordering to the data set's label order is not part of it (`to_label_order`).
"""

import difflib
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import nn

from data_tools.errors import KitError
from paddle_models.networks.efficientformer_v2 import EfficientFormerV2, Size, efficientformer_v2
from paddle_models.networks.efficientnet_lite import EfficientNetLiteFeatures
from paddle_models.networks.face_regions import HEAD_ORDER, HEAD_TO_LABEL, LABEL_TO_HEAD, REGIONS

HEADS = ("regions", "single")


def to_label_order(values):
    """Columns of (..., 40), an array or a tensor, from head order (HEAD_ORDER) to CelebA's label order (ATTRIBUTES)."""
    return _reorder(values, HEAD_TO_LABEL)


def to_head_order(values):
    """Columns of (..., 40), an array or a tensor, from CelebA's label order (ATTRIBUTES) to head order (HEAD_ORDER)."""
    return _reorder(values, LABEL_TO_HEAD)


def _reorder(values, order: np.ndarray):
    if values.shape[-1] != len(order):
        raise KitError(f"values of shape {tuple(values.shape)} do not end in {len(order)} attributes")
    if isinstance(values, np.ndarray):
        return values[..., order]
    return paddle.index_select(values, paddle.to_tensor(order), axis=-1)


class FaceAttributeNet(nn.Layer):
    """Input: float (N, 3, H, W) in 0..1, H and W multiples of 32. Output: logits (N, 40) in head order.

    The report has a sigmoid at the end; here it belongs to the loss, which is more exact on logits, and to
    `probabilities`. backbone: maps images to (N, backbone.width). widths: hidden layers of each head. dropout: share
    of hidden units dropped in training. heads: "regions", or "single" for one linear layer, the plain baseline that
    the report lacks, which has neither hidden layers nor dropout.
    """

    def __init__(self, backbone: EfficientFormerV2 | EfficientNetLiteFeatures, widths: Sequence[int] = (1024, 512),
                 dropout: float = 0.0, heads: str = "regions"):
        super().__init__()
        if heads not in HEADS:
            near = difflib.get_close_matches(str(heads), HEADS, 1, 0.4)
            guess = f"; did you mean {near[0]!r}?" if near else ""
            raise KitError(f"unknown heads {heads!r}{guess} There are {', '.join(HEADS)}")
        if not 0 <= dropout < 1 or any(width < 1 for width in widths):
            raise KitError(f"heads of widths {tuple(widths)} with dropout {dropout} cannot be built: give widths of at "
                           "least 1 and a dropout from 0 to below 1")
        self.backbone, self.image_size = backbone, backbone.image_size
        self.description = replace(backbone.description, head="heads")
        self.heads: nn.Linear | nn.LayerDict
        if heads == "single":
            self.heads = nn.Linear(backbone.width, len(HEAD_ORDER))
        else:
            self.heads = nn.LayerDict({region: _head(backbone.width, widths, len(attributes), dropout)
                                       for region, attributes in REGIONS.items()})

    def forward(self, images):
        features = self.backbone(images)  # (N, C)
        if isinstance(self.heads, nn.Linear):
            return self.heads(features)  # (N, 40)
        return paddle.concat([self.heads[region](features) for region in REGIONS], axis=1)  # (N, 40)

    def probabilities(self, images):
        """Of the attributes being present, (N, 40) in 0..1, in head order."""
        return F.sigmoid(self(images))


def _head(inputs: int, widths: Sequence[int], outputs: int, dropout: float) -> nn.Sequential:
    layers = []
    for number, width in enumerate(widths, start=1):
        layers += [(f"hidden{number}", _linear(inputs, width)), (f"relu{number}", nn.ReLU())]
        if dropout:
            layers.append((f"dropout{number}", nn.Dropout(dropout)))
        inputs = width
    return nn.Sequential(*layers, ("output", _linear(inputs, outputs)))


def _linear(inputs: int, outputs: int) -> nn.Linear:
    bound = 1 / math.sqrt(inputs)  # as PyTorch initialises, in which the report was done
    uniform = nn.initializer.Uniform(-bound, bound)
    return nn.Linear(inputs, outputs, weight_attr=uniform, bias_attr=paddle.ParamAttr(initializer=uniform))


def face_attribute_net(variant: str = "s2", image_size: Size = 128, heads: str = "regions",
                       widths: Sequence[int] = (1024, 512), dropout: float = 0.0,
                       drop_path: float | None = None) -> FaceAttributeNet:
    """The report's network with fresh weights; its backbone is S2 (best of its trials) or L. "lite0": on EfficientNet-
    Lite0. See FaceAttributeNet."""
    backbone = (EfficientNetLiteFeatures(image_size) if variant == "lite0" else
                efficientformer_v2(variant, image_size, drop_path=drop_path))
    return FaceAttributeNet(backbone, widths, dropout, heads)
