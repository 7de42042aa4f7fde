"""Early stopping on the monitored validation metric; it also knows the best value so far."""

import math
from typing import Literal


class EarlyStopping:
    """Counts validation checks (not epochs or steps) without improvement; at `patience` it says to stop, 0 never.

    monitor, mode: the metric and whether it should grow or shrink. min_delta: smallest change that is an improvement.
    Of checks with the same value the one with the smallest loss is the best: on few images many are equal. It is kept,
    but patience runs on. After `update`, `improved` says whether this check was the best so far and `reason` why to
    stop, or None.
    """

    def __init__(self, patience: int, min_delta: float, monitor: str, mode: Literal["max", "min"]):
        self.patience, self.min_delta, self.monitor = patience, min_delta, monitor
        self.sign = 1.0 if mode == "max" else -1.0
        self.best: float | None = None
        self.best_loss = math.inf
        self.best_epoch: int | None = None
        self.bad_checks = 0
        self.improved = False
        self.reason: str | None = None

    def update(self, value: float, epoch: int, loss: float = math.inf) -> None:
        """Note one validation check. A value that is not finite never counts as an improvement."""
        higher = math.isfinite(value) and (self.best is None or self.sign * (value - self.best) > self.min_delta)
        self.improved = higher or value == self.best and loss < self.best_loss
        if self.improved:
            self.best, self.best_epoch, self.best_loss = value, epoch, loss
        if higher:
            self.bad_checks = 0
            return
        self.bad_checks += 1
        if self.patience and self.bad_checks >= self.patience:
            best = "no finite value" if self.best_epoch is None else f"{self.best:.4f} in epoch {self.best_epoch + 1}"
            self.reason = f"{self.monitor} has not improved in {self.bad_checks} validation checks (best {best})"

    def state_dict(self) -> dict:
        """Plain JSON."""
        return {"best": self.best, "best_epoch": self.best_epoch, "bad_checks": self.bad_checks, "reason": self.reason,
                **({"best_loss": self.best_loss} if math.isfinite(self.best_loss) else {})}

    def load_state_dict(self, state: dict) -> None:
        """The counterpart of state_dict; one from before ties were broken has no best_loss: its first best stays."""
        self.best, self.best_epoch = state["best"], state["best_epoch"]
        self.best_loss = state.get("best_loss", -math.inf)
        self.bad_checks, self.reason = state["bad_checks"], state["reason"]
