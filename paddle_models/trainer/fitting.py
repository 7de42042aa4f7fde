"""The middle of every run.py: from a Trainer that is put together to the best weights in its networks."""

from data_tools.errors import KitError
from paddle_models.fast.fast_layers import Decision
from paddle_models.trainer import runtime
from paddle_models.trainer.loop import Trainer
from paddle_models.trainer.run_folder import describe_environment


def fit_best(trainer: Trainer, resume: bool, fingerprint: str, layers: Decision) -> None:
    """Write environment.json, train (with `resume` from the last checkpoint on) and load the best weights.

    fingerprint: of the training data. layers: what `accelerate` said of the network. Errors: as of Trainer, and
    KitError for a run that would go on with other images than it was begun with; its folder stays as it is.
    """
    run = trainer.run
    if resume:
        if run.last.exists() and run.data_fingerprint not in (None, fingerprint):
            raise KitError(f"{run.path} was begun with other images than these, or with these in another size; name "
                           f"those with "
                           "--data PATH, or begin a new run")
        trainer.resume()
    run.write_json("environment.json", describe_environment(
        fingerprint, runtime.describe(trainer.device), {"fast_layers": layers.reason}))
    trainer.fit()
    trainer.load_best()
