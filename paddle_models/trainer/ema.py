"""Exponential moving average of a network's weights and running statistics."""

from contextlib import contextmanager

import numpy as np
import paddle
from paddle import nn


class MovingAverage:
    """average = decay * average + (1 - decay) * value, after each optimizer step; kept in float32.

    The decay rises as (1 + step) / (10 + step) up to `decay`, so that the average does not remember the initial
    weights.
    """

    def __init__(self, network: nn.Layer, decay: float):
        self.network, self.decay, self.steps = network, decay, 0
        self.averages = {name: value.astype("float32").clone() for name, value in self._live().items()}

    def _live(self) -> dict[str, paddle.Tensor]:
        return {name: value for name, value in self.network.state_dict().items() if value.is_floating_point()}

    @paddle.no_grad()
    def update(self) -> None:
        """Take in the network's present weights."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for name, value in self._live().items():
            average = self.averages[name]
            paddle.assign(average * decay + value.astype("float32") * (1.0 - decay), average)

    @contextmanager
    def applied(self):
        """The network carries the averaged weights inside the `with` block and its own again after it."""
        live = self._live()
        own = {name: value.clone() for name, value in live.items()}
        for name, value in live.items():
            value.set_value(self.averages[name].astype(value.dtype))
        try:
            yield
        finally:
            for name, value in live.items():
                value.set_value(own[name])

    def arrays(self) -> dict[str, np.ndarray]:
        """The averages by structured name, float32."""
        return {name: value.numpy() for name, value in self.averages.items()}

    def load_arrays(self, arrays: dict[str, np.ndarray], steps: int) -> None:
        """The counterpart of arrays(); `steps` as it was then."""
        self.steps = steps
        for name, value in self.averages.items():
            value.set_value(arrays[name])
