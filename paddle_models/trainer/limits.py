"""When a training has come to its end."""

from dataclasses import dataclass

from paddle_models.trainer import distributed


@dataclass(frozen=True)
class Limits:
    """Epochs to train; steps and minutes after which training ends even within an epoch, 0 = no limit."""

    epochs: int
    max_steps: int = 0
    max_minutes: float = 0.0

    def total_steps(self, steps_per_epoch: int) -> int:
        """Optimizer steps of a training that neither time nor early stopping cuts short."""
        total = self.epochs * steps_per_epoch
        return min(total, self.max_steps) if self.max_steps else total

    def reached(self, step: int, seconds: float) -> str:
        """The limit that is reached, in words, or ""; all ranks agree on it."""
        if self.max_steps and step >= self.max_steps:
            return f"limit of {self.max_steps} steps"
        if self.max_minutes > 0 and distributed.any_rank(seconds > 60 * self.max_minutes):
            return f"limit of {self.max_minutes:g} minutes"
        return ""

    def epochs_done(self, epoch: int) -> str:
        """That all epochs are done, in words, or ""."""
        return f"all {self.epochs} epochs done" if epoch >= self.epochs else ""
