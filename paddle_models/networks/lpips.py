"""LPIPS (Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", arXiv 1801.03924),
version 0.1 on AlexNet: a distance of two images that orders distortions about as people do.

Written for this kit; the same function as the authors' package `lpips`. The kit brings no weights for it: save
`lpips.LPIPS(net="alex").state_dict()` with torch.save where that package is installed, then
`python -m assignments weights FILE --model lpips`. Without weights its values mean nothing.
"""

import re

import paddle
import paddle.nn.functional as F
from paddle import nn

from paddle_models.networks.description import Description

CONVOLUTIONS = ((3, 64, 11, 4, 2), (64, 192, 5, 1, 2), (192, 384, 3, 1, 1), (384, 256, 3, 1, 1), (256, 256, 3, 1, 1))
POOLED_BEFORE = (1, 2)  # convolutions that see their input through a 3x3 max pooling of stride 2
PLACES = {0: 0, 3: 1, 6: 2, 8: 3, 10: 4}  # of the convolutions in torchvision's AlexNet
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # of values in [-1, 1]
EPSILON = 1e-10


class LPIPS(nn.Layer):
    """Two batches (N, 3, H, W), RGB in [0, 1], sides from 32 up, to distances (N,): 0 for equal, larger is worse."""

    description = Description((3, 64, 64), 32, inputs=2)

    def __init__(self):
        super().__init__()
        self.convolutions = nn.LayerList(nn.Conv2D(*sizes[:3], stride=sizes[3], padding=sizes[4])
                                         for sizes in CONVOLUTIONS)
        self.weighings = nn.LayerList(nn.Conv2D(sizes[1], 1, 1, bias_attr=False) for sizes in CONVOLUTIONS)
        self.eval()

    def forward(self, image, reference):
        distances = []
        for i, (x, y) in enumerate(zip(self._features(image), self._features(reference))):
            difference = (_normalised(x) - _normalised(y)).square()  # (N, C, H', W')
            distances.append(self.weighings[i](difference).mean(axis=[1, 2, 3]))  # (N,)
        return sum(distances)

    def _features(self, image):
        shift, scale = (paddle.to_tensor(values).reshape([1, 3, 1, 1]) for values in (SHIFT, SCALE))
        x, features = (image * 2 - 1 - shift) / scale, []
        for i, convolution in enumerate(self.convolutions):
            x = F.relu(convolution(F.max_pool2d(x, 3, 2) if i in POOLED_BEFORE else x))
            features.append(x)
        return features


def _normalised(features):
    """Unit length over the channels at every place."""
    return features / ((features.square().sum(axis=1, keepdim=True)).sqrt() + EPSILON)


def lpips_name(name: str) -> str | None:
    """Our name of a tensor of the package's state dictionary; None for constants and for what stands in it twice."""
    if name.startswith(("scaling_layer.", "lins.")):
        return None
    found = re.fullmatch(r"net\.slice\d\.(\d+)\.(weight|bias)", name)
    if found and int(found[1]) in PLACES:
        return f"convolutions.{PLACES[int(found[1])]}.{found[2]}"
    return re.sub(r"^lin(\d)\.model\.1\.", r"weighings.\1.", name)
