"""The middle of every run.py: from a Trainer that is put together to the best weights, and what result.json says."""

from typing import Any

from data_tools.errors import KitError
from paddle_models.environment import threads
from paddle_models.fast.fast_layers import Decision
from paddle_models.trainer import messages, runtime
from paddle_models.trainer.loop import Trainer
from paddle_models.trainer.progress import peak_memory_mb, say
from paddle_models.trainer.run_folder import describe_environment
from paddle_models.weights.files import load_weights, sha256_of_weights


def fit_best(trainer: Trainer, resume: bool, fingerprint: str, layers: Decision) -> None:
    """Write environment.json, train (with `resume` from the last checkpoint on) and load the best weights.

    fingerprint: of the training data. layers: what `accelerate` said of the network. Errors: as of Trainer, and
    KitError for a run that would go on with other images than it was begun with; its folder stays as it is.
    """
    run = trainer.run
    if resume:
        if run.last.exists() and run.data_fingerprint not in (None, fingerprint):
            raise KitError(f"{run.path} was begun with other images than these, or with these in another size; name "
                           "those with --data PATH, or begin a new run")
        if run.last.exists() and run.threads not in (None, threads()):
            say(messages.threads_differ(run.threads, threads()))
        trainer.resume()
    run.write_json("environment.json", describe_environment(
        fingerprint, runtime.describe(trainer.device), {"fast_layers": layers.reason}))
    trainer.fit()
    trainer.load_best()


def summary(trainer: Trainer) -> dict[str, Any]:
    """Best epoch (from 1), length and end of a training, seconds spent in steps, speed, share of the seconds spent
    waiting for data, peak memory (MB), device, threads, and the sha256 of the best weights, which it reads from the run
    folder.
    """
    weights, _ = load_weights(trainer.run.best)
    position, best_epoch = trainer.position, trainer.stopping.best_epoch
    return {"best_epoch": None if best_epoch is None else best_epoch + 1, "epochs": position.epoch,
            "steps": position.step, "stopped": trainer.stopped, "seconds": round(position.seconds, 1),
            "images_per_second": round(position.images_per_second(), 2),
            "wait_share": round(position.wait_share(), 4),
            "peak_memory_mb": round(peak_memory_mb(trainer.device)), "device": trainer.device,
            "threads": threads(),
            "weights_sha256": sha256_of_weights(weights)}
