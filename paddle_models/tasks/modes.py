"""Evaluation mode for a while, of any network; Paddle is not imported here."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def evaluating(network) -> Iterator[None]:
    """Evaluation mode inside the block; afterwards every layer of the paddle.nn.Layer has its own former mode."""
    modes = [(layer, layer.training) for layer in network.sublayers(include_self=True)]
    network.eval()
    try:
        yield
    finally:
        for layer, training in modes:
            layer.training = training
