"""Multi-layer perceptron: linear layers with an activation between them."""

from collections.abc import Callable, Sequence

import paddle.nn.functional as F
from paddle import nn

from data_tools.errors import KitError
from paddle_models.networks.description import SIGNED, Description


class MLP(nn.Layer):
    """Linear layers of the given widths, `activation` after all but the last.

    widths: (inputs, hidden..., outputs), at least two. Input float (N, inputs), output (N, outputs).
    """

    def __init__(self, widths: Sequence[int], activation: Callable = F.relu):
        super().__init__()
        if len(widths) < 2:
            raise KitError(f"an MLP needs at least an input and an output width, got {tuple(widths)}")
        self.layers = nn.LayerList([nn.Linear(i, o) for i, o in zip(widths, widths[1:])])
        self.activation = activation
        self.description = Description((widths[0],), value_range=SIGNED, head=f"layers.{len(widths) - 2}")

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = self.activation(layer(x))  # (N, hidden)
        return self.layers[-1](x)  # (N, outputs)
