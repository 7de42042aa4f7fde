"""What result.json says of every training, whatever was trained."""

from typing import Any

from paddle_models.trainer.loop import Trainer
from paddle_models.trainer.progress import peak_memory_mb
from paddle_models.weights.files import load_weights, sha256_of_weights


def summary(trainer: Trainer) -> dict[str, Any]:
    """Best epoch (from 1), length and end of a training, seconds spent in steps, speed, share of the seconds spent
    waiting for data, peak memory (MB), device, and the sha256 of the best weights, which it reads from the run folder.
    """
    weights, _ = load_weights(trainer.run.best)
    position = trainer.position
    return {"best_epoch": trainer.stopping.best_epoch + 1, "epochs": position.epoch, "steps": position.step,
            "stopped": trainer.stopped, "seconds": round(position.seconds, 1),
            "images_per_second": round(trainer.images_per_second(), 2),
            "wait_share": round(position.waiting / max(position.seconds, 1e-9), 4),
            "peak_memory_mb": round(peak_memory_mb(trainer.device)), "device": trainer.device,
            "weights_sha256": sha256_of_weights(weights)}
