"""What a training says while it goes on, and when it cannot."""

from pathlib import Path
from typing import Any

from data_tools.errors import KitError
from data_tools.files.places import short_path
from data_tools.language import said
from data_tools.terminal import joined
from paddle_models.trainer.position import Position
from paddle_models.trainer.progress import peak_memory_mb


def step_parts(position: Position, device: str) -> list[str]:
    """Beside the progress: means of this epoch, speed, memory."""
    return [*_numbers(position.means()), *_speed_and_memory(position, device)]


def epoch_line(row: dict[str, Any], epochs: int, best: bool, position: Position, device: str, eta: str) -> str:
    """After an epoch: means and metrics of its row in metrics.jsonl, speed, time to the end, memory."""
    shown = _numbers({key: value for key, value in row.items()
                      if key.startswith(("train/", "val/")) and isinstance(value, float)})
    speed, memory = _speed_and_memory(position, device)
    return joined([said(f"epoch {row['epoch'] + 1}/{epochs}"), *shown, *([said("(best so far)")] if best else []),
                   said(f"ETA {eta}"), speed, memory])


def in_parts(batch_size: int, parts: int) -> str:
    """Memory ran out, and the training goes on."""
    return (f"out of memory: the batch of {batch_size} now goes through in {parts} parts; the optimizer still "
            "steps once for all of them")


def no_loss(values: dict[str, float]) -> KitError:
    """Early stopping by a metric that the task does not measure."""
    return KitError(f"setting early_stopping.by: this training measures no validation loss, but "
                    f"{', '.join(sorted(values))}; use chosen")


def threads_differ(begun: int, now: int) -> str:
    """A run goes on with another number of threads."""
    return (f"this run was begun with {begun} threads and goes on with {now}: sums are rounded otherwise, so its "
            f"weights will differ from those of a run that never stopped; --threads {begun} keeps them the same")


def stopped(step: int) -> str:
    """A signal came."""
    return said(f"stopped after step {step}")


def continuing(position: Position, folder: Path) -> str:
    """A run goes on from its checkpoint."""
    return f"continuing {short_path(folder)} after epoch {position.epoch}, step {position.step}"


def begins_again(folder: Path) -> str:
    """A run to go on with has not come to a checkpoint."""
    return f"{short_path(folder)} has no checkpoint yet: it begins again"


def no_last(folder: Path) -> KitError:
    """A finished run whose last checkpoint was removed."""
    return KitError(f"{folder} is finished and its last checkpoint was removed (keep_last, `runs clean`): it cannot be "
                    "extended; begin a new run")


def not_finite(name: str, loss: float, step: int, best: Path) -> KitError:
    """The loss of the network `name` is NaN or infinite after `step` steps."""
    kept = best if best.exists() else "none yet, no validation check was reached"
    return KitError(f"the loss of {name} became {loss} before step {step + 1}; stopped. Last good weights: {kept}. "
                    "Try a lower --optimizer.lr, --clip_norm 1, or look at the data")


def no_memory(error: Exception) -> KitError:
    """Memory ran out with batches of one image."""
    return KitError(f"out of memory with one image at a time ({error}); use smaller images or a smaller network")


def no_best(monitor: str, folder: Path) -> KitError:
    """No validation check was an improvement on nothing."""
    return KitError(f"no weights were kept: {monitor} was not finite at any validation; see "
                    f"{folder / 'metrics.jsonl'}")


def _numbers(values: dict[str, float]) -> list[str]:
    return [f"{key} {value:.4f}" for key, value in values.items()]


def _speed_and_memory(position: Position, device: str) -> list[str]:
    return [said(f"{position.images_per_second():.1f} images/s"), f"{peak_memory_mb(device):.0f} MB"]
