"""Calls of the exercises whose arguments are made up here, run inside the jail."""

import numpy as np


def of_curves(modules, file, name, curves, *arguments):
    """The answers for every row of curves, (rows, numbers of an answer)."""
    return np.array([getattr(modules[file], name)(curve.copy(), *arguments) for curve in curves], np.float64)
