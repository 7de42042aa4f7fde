"""Functions of two variables on which optimizers are compared, each with its gradient written out."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Surface:
    """value(w) and gradient(w) for w (..., 2); `start` of the paths, `lowest` point or None, `view` (x0, x1, y0,
    y1)."""

    name: str
    value: Callable[[np.ndarray], np.ndarray]
    gradient: Callable[[np.ndarray], np.ndarray]
    start: tuple[float, float]
    lowest: tuple[float, float] | None
    view: tuple[float, float, float, float]


def _quadratic(a: float, b: float) -> tuple[Callable, Callable]:
    """1/2 (a x^2 + b y^2) and (a x, b y)."""
    scale = np.array([a, b])
    return lambda w: 0.5 * (scale * w**2).sum(axis=-1), lambda w: scale * w


def _saddle(w: np.ndarray) -> np.ndarray:
    """1/2 (x^2 - y^2) + y^4 / 4: a saddle at 0 between the valleys y = 1 and y = -1, both 1/4 below it."""
    x, y = w[..., 0], w[..., 1]
    return 0.5 * (x**2 - y**2) + 0.25 * y**4


def _saddle_gradient(w: np.ndarray) -> np.ndarray:
    x, y = w[..., 0], w[..., 1]
    return np.stack([x, y**3 - y], axis=-1)


def _rosenbrock(w: np.ndarray) -> np.ndarray:
    """(1 - x)^2 + 100 (y - x^2)^2: a bent valley that falls gently to (1, 1) (Rosenbrock, 1960)."""
    x, y = w[..., 0], w[..., 1]
    return (1.0 - x) ** 2 + 100.0 * (y - x**2) ** 2


def _rosenbrock_gradient(w: np.ndarray) -> np.ndarray:
    x, y = w[..., 0], w[..., 1]
    return np.stack([-2.0 * (1.0 - x) - 400.0 * x * (y - x**2), 200.0 * (y - x**2)], axis=-1)


BOWL = Surface("bowl", *_quadratic(1.0, 1.5), (-1.8, 1.4), (0.0, 0.0), (-2.1, 1.1, -1.0, 1.8))
RAVINE = Surface("ravine", *_quadratic(1.0, 40.0), (-1.8, 0.45), (0.0, 0.0), (-2.1, 1.1, -0.7, 0.7))
SADDLE = Surface("saddle", _saddle, _saddle_gradient, (-1.3, 0.001), None, (-1.6, 1.0, -0.8, 1.4))
ROSENBROCK = Surface("rosenbrock", _rosenbrock, _rosenbrock_gradient, (-1.2, 1.0), (1.0, 1.0), (-1.9, 1.6, -0.7, 2.1))
SURFACES = (BOWL, RAVINE, SADDLE, ROSENBROCK)
