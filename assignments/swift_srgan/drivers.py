"""Calls of the exercises whose arguments are made up here, run inside the jail."""

import numpy as np


def in_tiles(modules, file, name, image, side, margin, scale):
    """With a network that enlarges an image, sees two pixels far, and takes no piece larger than it has to be."""
    def layer(values):
        height, width = values.shape
        padded = np.pad(values, 1)
        return 0.5 + sum(padded[1 + i:1 + i + height, 1 + j:1 + j + width] * (1 + 0.3 * i - 0.2 * j)
                         for i in (-1, 0, 1) for j in (-1, 0, 1))

    def network(piece):
        if max(piece.shape) > side + 2 * margin:
            raise ValueError(f"a piece of {piece.shape[0]} x {piece.shape[1]} pixels is larger than a tile "
                             f"of {side} with its margins of {margin}")
        return np.kron(layer(layer(piece)), np.linspace(1.0, -0.5, scale**2).reshape(scale, scale))

    return getattr(modules[file], name)(network, image, scale, side, margin)
