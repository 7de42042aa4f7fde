"""Features in which two images are compared: MobileNetV2's in the paper's content loss (section III-D), EfficientNet-
Lite0's in a distance that stands beside PSNR."""

from collections.abc import Iterator
from itertools import accumulate

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import nn

from paddle_models.networks.efficientnet_lite import STAGES
from paddle_models.networks.mobilenet_v2 import folded_mobilenet_v2
from paddle_models.weights.zoo import as_published, build_model

STAGE_ENDS = frozenset(accumulate(stage.blocks for stage in STAGES))
BLOCK = 16  # of MobileNetV2's 17 inverted residual blocks


class MobileNetFeatures:
    """RGB images in [0, 1], float (N, 3, H, W), to features (N, 960, H/32, W/32) in 0..6; nothing in it is trained.

    The paper takes "the output of the 16th convolution block after activation". A block of MobileNetV2 ends without
    one, so these are the values after its last ReLU6, before the linear projection.
    weights: a file that build_model("mobilenet_v2") takes (folded ImageNet weights, say) or "imagenet" to download
    them.
    Empty: fixed random filters of He's range, whose distances order distortions too, if less like the eye.
    `network` is an ordinary layer, so `accelerate` takes it.
    """

    def __init__(self, weights: str = "", block: int = BLOCK):
        if weights:
            full = build_model("mobilenet_v2", 1001 if weights.endswith(".safetensors") else 1000, weights)
        else:
            full = folded_mobilenet_v2(1)
            _fill(full)
        self.description = full.description
        expand, depthwise, *_ = full.features[block].conv
        self.network = nn.Sequential(*(full.features[i] for i in range(block)), expand, depthwise)
        self.network.eval()
        for parameter in self.network.parameters():
            parameter.stop_gradient = True

    def __call__(self, image: paddle.Tensor) -> paddle.Tensor:
        return self.network(as_published(image * 2 - 1, self.description))


class FeatureDistance:
    """Two batches (N, 3, H, W), RGB in [0, 1], sides from 32 up, to distances (N,): 0 for equal, larger is worse.

    As LPIPS (paddle_models/networks/lpips.py), but with features that come with the kit's requirements and without
    weights fitted to people's judgments: after each stage of EfficientNet-Lite0 on ImageNet, unit length over the
    channels, the squared difference, its mean over places; their mean over the stages. The paper of LPIPS finds that
    such distances order distortions far better than PSNR does, if less well than with fitted weights.
    """

    def __init__(self):
        self.network = build_model("efficientnet_lite0", 1000, "imagenet")
        self.network.eval()

    def __call__(self, image: paddle.Tensor, reference: paddle.Tensor) -> paddle.Tensor:
        pairs = zip(self._features(image), self._features(reference))
        return paddle.stack([(x - y).square().sum(axis=1).mean(axis=[1, 2]) for x, y in pairs]).mean(axis=0)

    def _features(self, image: paddle.Tensor) -> Iterator[paddle.Tensor]:
        x = self.network.stem(as_published(image * 2 - 1, self.network.description))
        for number, block in enumerate(self.network.blocks, 1):
            x = block(x)
            if number in STAGE_ENDS:
                yield F.normalize(x, axis=1)  # unit length at every place


def _fill(network: nn.Layer) -> None:
    """Normal weights of He's deviation for the inputs that a filter really sees, no biases; always the same."""
    rng = np.random.default_rng(BLOCK)
    for layer in network.sublayers():
        if isinstance(layer, nn.Conv2D):
            fan_in = int(np.prod(layer.weight.shape[1:]))
            layer.weight.set_value(rng.normal(0, (2 / fan_in)**0.5, layer.weight.shape).astype("float32"))
            layer.bias.set_value(np.zeros(layer.bias.shape, "float32"))
