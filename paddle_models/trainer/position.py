"""Where a run stands."""

from dataclasses import dataclass, field


@dataclass
class Position:
    """Part of every checkpoint, field by field."""

    epoch: int = 0
    batch: int = 0
    """batches done in this epoch"""
    step: int = 0
    images: int = 0
    seconds: float = 0.0
    """spent training, validation left out"""
    waiting: float = 0.0
    """of these, spent waiting for the loader"""
    sums: dict[str, float] = field(default_factory=dict)
    """of the losses and training metrics over this epoch's batches"""

    def add(self, values: dict[str, float]) -> None:
        """Add the losses and metrics of one batch to the sums."""
        for key, value in values.items():
            self.sums[key] = self.sums.get(key, 0.0) + value

    def means(self) -> dict[str, float]:
        """Means of the losses and training metrics over this epoch's batches so far."""
        return {key: total / max(1, self.batch) for key, total in self.sums.items()}

    def images_per_second(self) -> float:
        """Training speed so far over all ranks, waiting included, validation not."""
        return self.images / max(self.seconds, 1e-9)

    def wait_share(self) -> float:
        """Share of the seconds that were spent waiting for the loader, 0..1."""
        return self.waiting / max(self.seconds, 1e-9)
