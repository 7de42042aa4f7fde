"""The learning-rate finder: one short training whose rate grows with every step, and what its losses say.

The test is that of Smith, "Cyclical Learning Rates for Training Neural Networks" (arXiv 1506.01186, section 3.3), with
a rate that grows by a factor, over a logarithmic axis, as fastai does it. The suggestion is the usual tenth of the rate
at which the loss is lowest: there it still falls, and is not about to break out.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np

from data_tools.errors import KitError
from paddle_models.trainer.loop import Trainer
from paddle_models.trainer.progress import ProgressBar

LOWEST, HIGHEST, STEPS = 1e-7, 10.0, 100
FEWEST = 10  # steps that say something
SIDE = 4  # of the window that smooths: so many steps before and after
MEMORY = 0.9  # of the running mean that is watched for the end
BROKEN = 3.0  # times the first loss that the running mean rises above its lowest value: it does not come back


@dataclass(frozen=True)
class RateCurve:
    """network: whose loss it is. rates, losses: (N,) float64, rates rising."""

    network: str
    rates: np.ndarray
    losses: np.ndarray

    @property
    def smoothed(self) -> np.ndarray:
        """Means over the steps around each, (N,)."""
        ones = np.ones(2 * SIDE + 1)
        return np.convolve(self.losses, ones, "same") / np.convolve(np.ones(len(self.losses)), ones, "same")

    @property
    def lowest(self) -> float | None:
        """The rate at which the smoothed loss is lowest; None where it never falls below the spread it begins with."""
        first, smoothed = self.losses[:max(2, len(self.losses) // 5)], self.smoothed
        if first.mean() - smoothed.min() <= first.std():
            return None
        return float(self.rates[smoothed.argmin()])

    @property
    def suggestion(self) -> float | None:
        """A tenth of that, to two digits."""
        return None if self.lowest is None else float(f"{self.lowest / 10:.1e}")


def find_rates(trainer: Trainer, steps: int = STEPS, lowest: float = LOWEST, highest: float = HIGHEST) -> RateCurve:
    """The losses of the first network of a fresh trainer, whose weights are spoilt by it, at `steps` rates from lowest
    to highest; ends where the loss breaks out. Nothing is written.

    Everything else is as in training: batches, accumulation, clipping, precision, rates of other networks and layers.
    KitError where the loss is not finite within the first FEWEST steps.
    """
    name = next(iter(trainer.task.networks))
    for network in trainer.task.networks.values():
        network.train()
    rates, losses, mean, best = np.geomspace(lowest, highest, steps), [], 0.0, math.inf
    with trainer.signals, ProgressBar(steps).begun(0) as bar:
        for number, batch in zip(range(steps), _endless(trainer.data)):
            if trainer.signals.noted:
                raise KeyboardInterrupt
            loss = float(trainer.step(batch, float(rates[number]))[name])
            trainer.position.step += 1
            if not math.isfinite(loss):
                break
            losses.append(loss)
            mean = MEMORY * mean + (1 - MEMORY) * loss
            running = mean / (1 - MEMORY ** len(losses))
            best = min(best, running)
            bar.advance(f"rate {rates[number]:.1e}", f"loss {loss:.4f}")
            if number >= FEWEST and running > best + BROKEN * abs(losses[0]):
                break
    if len(losses) < FEWEST:
        raise KitError(f"the loss of {name} is not finite after {len(losses)} steps, at a rate of "
                       f"{rates[len(losses)]:.1e}; look at the data, or switch mixed precision off (--amp.level off)")
    return RateCurve(name, rates[:len(losses)], np.array(losses))


def _endless(data: Any) -> Iterator[dict[str, np.ndarray]]:
    """Batches of one epoch after the other."""
    for epoch in count():
        yield from data.training(epoch, 0)
