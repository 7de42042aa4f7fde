"""The learning rate as a pure function of progress, so that a resumed run needs no schedule state.

Only the plateau rule depends on what happened; its state is a few numbers that go into JSON.
"""

import math
from typing import Literal

from data_tools.errors import KitError
from paddle_models.trainer.settings import ScheduleSettings


def learning_rate(settings: ScheduleSettings, step: int, steps_per_epoch: int, total_steps: int,
                  base_lr: float) -> float:
    """Learning rate of optimizer step `step` (0 is the first).

    settings: name ("fixed", "exponential", "cosine", "plateau"), warmup_epochs, gamma, smooth, min_lr. Warm-up rises
    linearly from 0 to base_lr over warmup_epochs; the decay starts where it ends. Exponential: times gamma after every
    epoch, or, `smooth`, times gamma^(1 / steps_per_epoch) after every step. Cosine: half a period from base_lr to
    min_lr at total_steps (SGDR, arXiv 1608.03983, without restarts). For "plateau" the base rate is returned, to be
    passed through `Plateau.apply`.
    """
    warmup = round(settings.warmup_epochs * steps_per_epoch)
    if step < warmup:
        return base_lr * step / warmup
    done = step - warmup
    if settings.name in ("fixed", "plateau"):
        return base_lr
    if settings.name == "exponential":
        return base_lr * settings.gamma ** (done / steps_per_epoch if settings.smooth else done // steps_per_epoch)
    if settings.name == "cosine":
        progress = min(1.0, done / max(1, total_steps - warmup))
        return settings.min_lr + (base_lr - settings.min_lr) * (1 + math.cos(math.pi * progress)) / 2
    raise KitError(f"unknown schedule {settings.name!r}; there are fixed, exponential, cosine and plateau")


class Plateau:
    """Multiplies the learning rate by `factor` when the watched metric has not improved for `patience`
    checks.

    As paddle.optimizer.lr.ReduceOnPlateau: an improvement is a relative change of more than 1e-4, and the
    reduction comes with the first check beyond `patience` bad ones. NaN counts as no improvement.
    """

    THRESHOLD = 1e-4

    def __init__(self, factor: float, patience: int, min_lr: float = 0.0,
                 mode: Literal["min", "max"] = "min"):
        if not 0.0 < factor < 1.0:
            raise KitError(f"plateau factor {factor} is outside (0, 1); 0.1 is usual")
        if mode not in ("min", "max"):
            raise KitError(f"plateau mode {mode!r} is neither min nor max")
        self.factor, self.patience, self.min_lr, self.mode = factor, patience, min_lr, mode
        self.scale = 1.0
        self.best: float | None = None
        self.bad_checks = 0

    def apply(self, lr: float) -> float:
        """The scaled learning rate; min_lr bounds the reduction, never a warm-up that is lower still."""
        return min(lr, max(lr * self.scale, self.min_lr))

    def update(self, metric: float) -> bool:
        """Take in the metric of one validation check; True when the rate was reduced."""
        if self._improved(metric):
            self.best, self.bad_checks = float(metric), 0
            return False
        self.bad_checks += 1
        if self.bad_checks <= self.patience:
            return False
        self.scale, self.bad_checks = self.scale * self.factor, 0
        return True

    def _improved(self, metric: float) -> bool:
        if self.best is None:
            return math.isfinite(metric)
        if self.mode == "min":
            return metric < self.best * (1 - self.THRESHOLD)
        return metric > self.best * (1 + self.THRESHOLD)

    def state_dict(self) -> dict:
        """Plain numbers for JSON."""
        return {"scale": self.scale, "best": self.best, "bad_checks": self.bad_checks}

    def load_state_dict(self, state: dict) -> None:
        """Continue from what state_dict gave."""
        self.scale, self.best, self.bad_checks = state["scale"], state["best"], state["bad_checks"]


class Schedule:
    """The learning rate of a run: the pure function above, times what the plateau rule has made of it."""

    def __init__(self, base_lr: float, settings: ScheduleSettings, steps_per_epoch: int, total_steps: int,
                 mode: Literal["min", "max"]):
        self.base_lr, self.settings = base_lr, settings
        self.steps_per_epoch, self.total_steps = steps_per_epoch, total_steps
        self.plateau = None
        if settings.name == "plateau":
            self.plateau = Plateau(settings.factor, settings.patience, settings.min_lr, mode)

    def at(self, step: int) -> float:
        """Learning rate of optimizer step `step`."""
        lr = learning_rate(self.settings, step, self.steps_per_epoch, self.total_steps, self.base_lr)
        return self.plateau.apply(lr) if self.plateau else lr

    def check(self, metric: float) -> None:
        """Take in the monitored metric of one validation check."""
        if self.plateau:
            self.plateau.update(metric)

    def state_dict(self) -> dict:
        """Plain numbers for JSON."""
        return self.plateau.state_dict() if self.plateau else {}

    def load_state_dict(self, state: dict) -> None:
        """Continue from what state_dict gave."""
        if self.plateau:
            self.plateau.load_state_dict(state)
