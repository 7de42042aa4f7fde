"""What must be known of a network to use it, stated beside its code; nothing of Paddle.

Every network has an attribute `description`: of its class, or of the object where the builder decides.
"""

import re
from dataclasses import dataclass, field
from typing import Any

HALF = (0.5, 0.5, 0.5)
IMAGENET_MEAN, IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of images in [0, 1], red to blue
SIGNED, UNIT = (-1.0, 1.0), (0.0, 1.0)


@dataclass(frozen=True)
class Description:
    """shape: of one usual input, (3, H, W) for RGB images. smallest: side of the smallest image that it takes.

    value_range: of the inputs in this kit. mean, deviation: by which inputs in [0, 1] are normalised for the weights
    that others have published for it; HALF and HALF is the range [-1, 1]. head: name of the layer that answers, which
    is replaced where the classes are others; "" where there is none. inputs: how many it compares.
    idle: pattern of the names of trainable weights that no answer depends on.
    """

    shape: tuple[int, ...]
    smallest: int = 1
    value_range: tuple[float, float] = UNIT
    mean: tuple[float, float, float] = HALF
    deviation: tuple[float, float, float] = HALF
    head: str = ""
    inputs: int = 1
    idle: re.Pattern | None = field(default=None, repr=False)

    @property
    def signed(self) -> bool:
        """Whether published weights want values in [-1, 1] as they are."""
        return (self.mean, self.deviation) == (HALF, HALF)


def described(network: Any) -> Description | None:
    """The description of a network of this kit, None of another one."""
    found = getattr(network, "description", None)
    return found if isinstance(found, Description) else None
