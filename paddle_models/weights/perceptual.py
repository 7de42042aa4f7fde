"""Features of MobileNetV2 in which the paper's content loss compares two images (section III-D)."""

import numpy as np
import paddle
from paddle import nn

from paddle_models.networks.mobilenet_v2 import folded_mobilenet_v2
from paddle_models.weights.zoo import as_published, build_model

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


def _fill(network: nn.Layer) -> None:
    """Normal weights of He's deviation for the inputs that a filter really sees, no biases; always the same."""
    rng = np.random.default_rng(BLOCK)
    for layer in network.sublayers():
        if isinstance(layer, nn.Conv2D):
            fan_in = int(np.prod(layer.weight.shape[1:]))
            layer.weight.set_value(rng.normal(0, (2 / fan_in)**0.5, layer.weight.shape).astype("float32"))
            layer.bias.set_value(np.zeros(layer.bias.shape, "float32"))
