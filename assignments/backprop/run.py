"""Compute and check the course's back-propagation: python assignments/backprop/run.py --preset sample

Presets are in presets.yaml; every setting can be given on the command line (--help). Figures: figures.py beside this
file.
"""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from assignments.common.runner import Assignment, run_assignment
from data_tools.errors import KitError


@dataclass
class BackpropSettings:
    """Back-propagation"""

    seed: int = 0
    """fixes initial weights, splits and order; the same seed gives the same result"""
    seeds: int = 5
    """repetitions, from `seed` on, of what is compared on Iris and the digits"""
    device: Literal["auto", "cpu", "gpu"] = "cpu"
    """where Paddle's side of the comparisons computes"""
    learning_rate: float = 0.5
    """of the worked example"""
    target_error: float = 3.6e-5
    """the worked example is trained until its error is below this"""
    check_networks: int = 40
    """random networks per output whose gradients are checked"""
    follow_steps: int = 100
    """steps over which the update rules are followed against paddle.optimizer"""
    iris_steps: int = 200
    """full-batch steps on Iris, per optimizer and seed"""
    digits_epochs: int = 30
    """passes over the training digits, per optimizer and seed"""
    batch_size: int = 32
    """digits per step"""
    rates: Literal["tuned", "slides"] = "tuned"
    """learning rates on the digits: chosen on a part of the training digits, or the slides' typical choices"""
    noise_draws: int = 60
    """mini-batches per size whose gradients are measured"""
    autoencoder_steps: int = 1000
    """full-batch steps of each linear autoencoder"""
    rotation_epochs: int = 10
    """passes over the rotated training digits"""

    def __post_init__(self) -> None:
        for name in ("seeds", "check_networks", "follow_steps", "iris_steps", "digits_epochs", "batch_size",
                     "noise_draws",
                     "autoencoder_steps", "rotation_epochs"):
            if getattr(self, name) < 1:
                raise KitError(f"setting {name}: {getattr(self, name)} is below 1")
        if self.seed < 0:
            raise KitError(f"setting seed: {self.seed} is negative")
        if not 0 < self.learning_rate <= 1000:
            raise KitError(f"setting learning_rate: {self.learning_rate} is outside (0, 1000]")
        if not 1e-8 <= self.target_error < 0.298:
            raise KitError(f"setting target_error: {self.target_error} is outside [1e-8, 0.298), where the example "
                           f"starts")


def train(settings: BackpropSettings, run, device: str, resume: bool) -> dict[str, Any]:
    """Everything the figures show, computed part by part; a resumed run begins anew, which takes a minute at most."""
    from threadpoolctl import threadpool_limits

    from assignments.backprop import record
    from paddle_models.trainer import runtime
    from paddle_models.trainer.loop import Interrupted, seed_everything
    from paddle_models.trainer.run_folder import describe_environment, read_config

    start = time.monotonic()
    begun = read_config(run.path, "backprop")[1].get("seed", settings.seed) if resume else settings.seed
    if settings.seed != begun:
        raise KitError(f"setting seed: {run.path} was begun with {begun} and only goes on with that; leave out --seed, "
                       f"or begin a "
                       "new run")
    run.go_on(-1, -1)  # what an interrupted run has left
    seed_everything(settings.seed, 0)
    run.write_json("environment.json", describe_environment(record.fingerprint(), runtime.describe(device), {}))
    try:
        with threadpool_limits(1):  # matrices this small only lose time to threads, most of all on a busy machine
            arrays, network = compute(settings, run)
    except KeyboardInterrupt:
        raise Interrupted("stopped; nothing is lost but time, this begins it anew:") from None
    return record.write(run, settings, device, arrays, network, time.monotonic() - start)


def compute(settings: BackpropSettings, run) -> tuple:
    """(arrays for the figures, the digits network by hand)."""
    from assignments.backprop import checks, experiments, features, record, worked
    from assignments.common.iris import compare_optimizers
    from paddle_models.trainer.progress import say

    seed, arrays = settings.seed, {}
    say("worked example: every value of the slides, then on to the target error")
    weights_only, with_biases = (worked.train(settings.learning_rate, settings.target_error, biases=biases)
                                 for biases in (False, True))
    arrays.update(record.worked_arrays(settings, run, weights_only, with_biases))
    say("gradients: by hand, by finite differences, by Paddle")
    arrays.update(checks.check_gradients(settings.check_networks, seed))
    arrays.update({**checks.softmax_exercise(), **checks.large_logits()})
    say("update rules against paddle.optimizer")
    arrays.update(checks.follow_all(*record.iris_flowers(), settings.follow_steps, seed))
    arrays.update({**checks.first_steps(), **checks.momentum_convention()})
    say("learning rates, batches, noise of the gradient, paths on surfaces")
    arrays.update({**experiments.learning_rates(min(settings.digits_epochs, 15), seed),
                   **experiments.batch_paths(seed)})
    arrays.update({**experiments.gradient_noise(settings.noise_draws, seed), **experiments.surface_paths()})
    say("five optimizers on Iris (Paddle) and on the digits (by hand)")
    arrays.update(compare_optimizers(settings.iris_steps, settings.seeds))
    compared, network = experiments.compare_on_digits(settings)
    arrays.update({**compared, **experiments.digits_in_paddle(settings)})
    say("PCA and the linear autoencoder, rotation prediction")
    arrays.update(features.pca_and_autoencoder(settings.autoencoder_steps, seed))
    arrays.update(features.rotation_pretraining(settings.rotation_epochs, settings.seeds, seed))
    return arrays, network


ASSIGNMENT = Assignment("backprop", BackpropSettings, train)


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; the exit status is 2 for an error that the user can mend, 130 for a run that was stopped."""
    return run_assignment(ASSIGNMENT, argv)


if __name__ == "__main__":
    sys.exit(main())
