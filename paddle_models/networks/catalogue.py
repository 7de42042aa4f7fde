"""Every network of the kit by name. What stands here is tested (tests/paddle_models/networks/test_contract.py)."""

from collections.abc import Callable
from functools import partial

from paddle import nn

from paddle_models.networks.efficientformer_v2 import WIDTHS, efficientformer_v2
from paddle_models.networks.efficientnet_lite import efficientnet_lite0
from paddle_models.networks.esrgan import RRDBNet
from paddle_models.networks.face_attributes import HEADS, face_attribute_net
from paddle_models.networks.glasses_cnn import GlassesCNN
from paddle_models.networks.lpips import LPIPS
from paddle_models.networks.mlp import MLP
from paddle_models.networks.mobilenet_v2 import folded_mobilenet_v2, mobilenet_v2
from paddle_models.networks.resnet import BLOCKS, resnet
from paddle_models.networks.srgan import SRGANDiscriminator, SRResNet
from paddle_models.networks.swift_srgan import SwiftDiscriminator, SwiftGenerator

CLASSIFIERS: dict[str, Callable[[int], nn.Layer]] = {  # a number of classes to a network
    **{f"resnet{depth}": partial(resnet, depth) for depth in BLOCKS},
    "mobilenet_v2": mobilenet_v2,
    "mobilenet_v2_folded": folded_mobilenet_v2,
    "efficientnet_lite0": efficientnet_lite0,
}


def networks() -> dict[str, Callable[[], nn.Layer]]:
    """{name: builder with fresh weights} of all networks but PaddleClas's."""
    return {
        **{name: partial(build, 10) for name, build in CLASSIFIERS.items()},
        **{f"efficientformer_v2_{variant}": partial(efficientformer_v2, variant) for variant in WIDTHS},
        "efficientformer_v2_distilled": partial(efficientformer_v2, "s0", classes=10, distilled=True),
        **{f"face_attributes_{heads}": partial(face_attribute_net, "s0", heads=heads) for heads in HEADS},
        "face_attributes_lite0": partial(face_attribute_net, "lite0"),
        "glasses_cnn": GlassesCNN,
        **{f"swift_srgan_x{scale}": partial(SwiftGenerator, scale) for scale in (2, 4)},
        "swift_srgan_residual": partial(SwiftGenerator, residual=True),
        "swift_srgan_discriminator": SwiftDiscriminator,
        "srgan": SRResNet,
        "srgan_discriminator": SRGANDiscriminator,
        "esrgan": partial(RRDBNet, blocks=2),
        "lpips": LPIPS,
        "mlp": partial(MLP, (4, 16, 3)),
    }
