"""A stand-in for the ImageNet weights that Paddle publishes: a small cost, where the download would have put it."""

import hashlib

import numpy as np
import paddle
from paddle import nn

from paddle_models.networks.mobilenet_v2 import mobilenet_v2
from paddle_models.weights import zoo

MEAN, DEVIATION = np.array([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]], "float32").reshape(2, 3, 1, 1)


def trained(classes: int) -> nn.Layer:
    """MobileNetV2 in evaluation mode whose BatchNorm has statistics as after training, so that inputs matter."""
    paddle.seed(0)
    network, rng = mobilenet_v2(classes), np.random.default_rng(0)
    for layer in network.sublayers():
        if isinstance(layer, nn.BatchNorm2D):
            layer._momentum = 0.1  # three batches are enough
    network.train()
    with paddle.no_grad():
        for _ in range(3):
            network(paddle.to_tensor(rng.normal(size=(8, 3, 32, 32)).astype("float32")))
    network.eval()
    return network


def publish(network: nn.Layer, folder, patch) -> str:
    """Save the network where "imagenet" of mobilenet_v2 looks first, under `folder`; returns the file."""
    patch.setenv("XDG_CACHE_HOME", str(folder))
    file = folder / "paddle-imagenet" / "published.pdparams"
    paddle.save(network.state_dict(), str(file))
    entry = "https://localhost/published.pdparams", hashlib.md5(file.read_bytes()).hexdigest()
    patch.setitem(zoo.mobilenet_v2_urls, zoo.PADDLE_KEYS["mobilenet_v2"], entry)
    return str(file)


def signed_images(count: int = 4, side: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """(images (N, 3, H, W) in [-1, 1], the same normalised as ImageNet's)"""
    images = np.random.default_rng(1).uniform(-1, 1, (count, 3, side, side)).astype("float32")
    return images, ((images + 1) / 2 - MEAN) / DEVIATION


def logits(network: nn.Layer, images: np.ndarray) -> np.ndarray:
    """(N, classes), without gradients, in the mode that the network is in."""
    with paddle.no_grad():
        return network(paddle.to_tensor(images)).numpy()
