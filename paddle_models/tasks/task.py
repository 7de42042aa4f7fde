"""What the trainer trains. A classifier and a GAN have this one shape."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Literal

import numpy as np
import paddle
from paddle import nn

Batch = dict[str, paddle.Tensor]
Rows = dict[str, np.ndarray]
Mode = Literal["max", "min"]


class Task(ABC):
    """Networks, losses and metrics; nothing of epochs, precision, files or processes.

    networks: the trained networks by name; each gets an optimizer of the same name.
    frozen: networks that losses need and nobody trains, as an extractor of features.
    judged: networks whose best weights are kept; empty: all. A discriminator has done its work when training ends.
    rates: factor on the learning rate for a network of that name; 1 where none is named.
    monitor, mode: the validation metric by which the best weights are chosen, and whether it should grow or shrink.
    """

    networks: dict[str, nn.Layer]
    frozen: tuple[nn.Layer, ...] = ()
    judged: tuple[str, ...] = ()
    rates: Mapping[str, float] = MappingProxyType({})
    monitor: str
    mode: Mode

    @abstractmethod
    def losses(self, batch: Batch) -> Iterator[tuple[str, paddle.Tensor]]:
        """Yields (optimizer name, mean loss over the batch) in the order of stepping.

        The optimizer has stepped when the generator is resumed, so a later loss sees the new weights. One loss for
        each.
        """

    @abstractmethod
    def evaluate(self, batch: Batch) -> Rows:
        """Arrays with one row per sample, "index" (position in the data set) among them."""

    @abstractmethod
    def summarize(self, rows: Rows) -> dict[str, float]:
        """Metrics of a whole split from the rows of all its samples, each sample once."""

    def training_metrics(self) -> dict[str, float]:
        """Means since the last call of what `losses` noted on the way (accuracy, D(real), ...)."""
        return {}
