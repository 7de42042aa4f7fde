"""Weights for the super-resolution networks: the names of the PyTorch originals, and the network they belong to."""

import re

import numpy as np

from data_tools.errors import KitError
from paddle_models.networks.esrgan import GROWTH, RRDBNet
from paddle_models.networks.swift_srgan import SwiftDiscriminator, SwiftGenerator

ESRGAN_NAMES = (  # the names of the paper's first release; those of BasicSR are ours
    (r"^RRDB_trunk\.(\d+)\.RDB([123])\.", r"body.\1.rdb\2."),
    (r"^trunk_conv\.", "conv_body."),
    (r"^upconv([12])\.", r"conv_up\1."),
    (r"^HRconv\.", "conv_hr."),
)
MOST_BLOCKS = 64  # more would be no network that was ever published


def swift_name(name: str) -> str | None:
    """Our name of a tensor of the authors' generator or discriminator; None for BatchNorm's counter."""
    if name.endswith(".num_batches_tracked"):
        return None
    name = name.replace(".running_mean", "._mean").replace(".running_var", "._variance")
    return re.sub(r"\.act\.weight$", ".act._weight", name)


def esrgan_name(name: str) -> str | None:
    """Our name of a tensor of RRDBNet, in the first release's naming or BasicSR's."""
    for pattern, replacement in ESRGAN_NAMES:
        name = re.sub(pattern, replacement, name)
    return name


def swift_generator_for(arrays: dict[str, np.ndarray]) -> SwiftGenerator:
    """The generator that arrays under our names belong to: one doubling for each upsampling block, as many residual
    blocks as there are.
    """
    return SwiftGenerator(2 ** _count(arrays, "upsampler", 3), blocks=_count(arrays, "residual", MOST_BLOCKS))


def swift_discriminator_for(_arrays: dict[str, np.ndarray]) -> SwiftDiscriminator:
    """The discriminator; the authors' code has it in one size."""
    return SwiftDiscriminator()


def rrdbnet_for(arrays: dict[str, np.ndarray]) -> RRDBNet:
    """The RRDBNet that arrays under our names belong to, with as many blocks as there are."""
    return RRDBNet(_count(arrays, "body", MOST_BLOCKS), growth=GROWTH)


def _count(arrays: dict[str, np.ndarray], prefix: str, most: int) -> int:
    """How many numbered members of `prefix` there are, at least 1."""
    numbers = {int(found[1]) for found in (re.match(rf"{prefix}\.(\d{{1,4}})\.", name) for name in arrays) if found}
    if numbers and max(numbers) >= most:
        raise KitError(f"the weights name {prefix}.{max(numbers)}, and no network here has more than {most} of these; "
                       "give weights of this very network")
    return max(numbers, default=0) + 1
