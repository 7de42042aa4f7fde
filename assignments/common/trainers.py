"""From a work and its stores to a Trainer at its beginning."""

from typing import TYPE_CHECKING, Any

from assignments.common.splits import Splits
from data_tools.language import said

if TYPE_CHECKING:
    from paddle_models.fast.fast_layers import Decision
    from paddle_models.trainer.loop import Trainer


def make_trainer(work: Any, settings: Any, splits: Splits, run: Any, device: str) -> "tuple[Trainer, Decision]":
    """(trainer of the work's task, what `accelerate` said of its first network); says what is trained, and where."""
    from paddle_models.fast.fast_layers import accelerate
    from paddle_models.trainer import runtime
    from paddle_models.trainer.loop import Trainer, seed_everything
    from paddle_models.trainer.progress import say

    seed_everything(settings.seed, 0)
    classes = work.classes_of(splits.found)
    task = work.task(settings, work.network(settings, classes), classes, splits.training)
    layers = [accelerate(network, settings.fast_layers) for network in (*task.networks.values(), *task.frozen)]
    say(said("; ").join(map(said, (work.describe(settings), runtime.describe(device), layers[0].reason))))
    return Trainer(task, work.batches(settings, splits), settings, run, device), layers[0]
