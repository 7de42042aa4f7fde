"""Back-propagation by hand, checked against Paddle: python assignments/backprop/run.py --preset sample

Presets are in presets.yaml; every setting can be given on the command line (--help). Figures: figures.py beside this
file.
"""

import sys
import time
from dataclasses import dataclass
from typing import Any, Literal

from assignments.common.work import Work
from data_tools.errors import KitError
from paddle_models.trainer.ranges import bounded, check_ranges


@dataclass
class BackpropSettings:
    """Back-propagation"""

    seed: int = bounded(0, 0, 2**31)
    """fixes initial weights and order; the same seed gives the same result"""
    seeds: int = bounded(5, 1, 20)
    """repetitions, from `seed` on, of what is compared on Iris and the digits"""
    device: Literal["auto", "cpu", "gpu"] = "cpu"
    """where Paddle's side of the comparisons computes"""
    learning_rate: float = bounded(0.5, 0, 1000, open="low")
    """of the worked example"""
    target_error: float = bounded(3.6e-5, 1e-8, 0.298, open="high")
    """the worked example, which starts at 0.298, is trained until its error is below this"""
    check_networks: int = bounded(40, 1)
    """random networks per output whose gradients are checked"""
    follow_steps: int = bounded(100, 1)
    """steps over which the update rules are followed against paddle.optimizer"""
    iris_steps: int = bounded(200, 1)
    """full-batch steps on Iris, per optimizer and seed"""
    digits_epochs: int = bounded(30, 1, 200)
    """passes over the training digits, per optimizer and seed"""
    batch_size: int = bounded(32, 8, 1347)
    """digits per step"""
    rates: Literal["tuned", "slides"] = "tuned"
    """learning rates on the digits: chosen on a part of the training digits, or the slides' typical choices"""
    noise_draws: int = bounded(60, 1)
    """mini-batches per size whose gradients are measured"""
    autoencoder_steps: int = bounded(1000, 1)
    """full-batch steps of each linear autoencoder"""
    rotation_epochs: int = bounded(10, 1)
    """passes over the rotated training digits"""

    def __post_init__(self) -> None:
        check_ranges(self)


def train(settings: BackpropSettings, run, device: str, resume: bool) -> dict[str, Any]:
    """Everything the figures show, computed part by part; a resumed run begins anew, which takes a minute at most."""
    from threadpoolctl import threadpool_limits

    from assignments.backprop import artifacts
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
    run.write_json("environment.json", describe_environment(artifacts.fingerprint(), runtime.describe(device), {}))
    try:
        with threadpool_limits(1):  # matrices this small only lose time to threads, most of all on a busy machine
            arrays, network = compute(settings, run)
    except KeyboardInterrupt:
        raise Interrupted("stopped; nothing is lost but time, this begins it anew:") from None
    return artifacts.write(run, settings, device, arrays, network, time.monotonic() - start)


def compute(settings: BackpropSettings, run) -> tuple:
    """(arrays for the figures, the digits network by hand)."""
    from assignments.backprop import artifacts, checks, experiments, features, rule_claims, worked
    from assignments.common.iris import compare_optimizers
    from paddle_models.trainer.progress import say

    seed, arrays = settings.seed, {}
    say("worked example: every value of the slides, then on to the target error")
    weights_only, with_biases = (worked.train(settings.learning_rate, settings.target_error, biases=biases)
                                 for biases in (False, True))
    arrays.update(artifacts.worked_arrays(settings, run, weights_only, with_biases))
    say("gradients: by hand, by finite differences, by Paddle")
    arrays.update(checks.check_gradients(settings.check_networks, seed))
    arrays.update({**checks.softmax_exercise(), **checks.large_logits()})
    say("update rules against paddle.optimizer")
    arrays.update(checks.follow_all(*artifacts.iris_flowers(), settings.follow_steps, seed))
    arrays.update({**checks.first_steps(), **checks.momentum_convention()})
    say("learning rates, batches, noise of the gradient, paths on surfaces")
    arrays.update({**experiments.learning_rates(min(settings.digits_epochs, 15), seed),
                   **experiments.batch_paths(seed)})
    arrays.update({**experiments.gradient_noise(settings.noise_draws, seed), **experiments.surface_paths()})
    say("what the slides say of the rules: momentum's mu, sparse gradients, a changing task")
    arrays.update({**rule_claims.momentum_mus(min(settings.digits_epochs, 15), seed),
                   **rule_claims.sparse_gradients(settings.seeds, seed),
                   **rule_claims.changing_task(settings.seeds, seed)})
    say("five optimizers on Iris (Paddle) and on the digits (by hand)")
    arrays.update(compare_optimizers(settings.iris_steps, settings.seeds))
    compared, network = experiments.compare_on_digits(settings)
    arrays.update({**compared, **experiments.digits_in_paddle(settings)})
    say("PCA and the linear autoencoder, rotation prediction")
    arrays.update(features.pca_and_autoencoder(settings.autoencoder_steps, seed))
    arrays.update(features.rotation_pretraining(settings.rotation_epochs, settings.seeds, seed))
    return arrays, network


class Backprop(Work):
    """No images and no trainer: arrays are computed, and the digits network is judged on scikit-learn's digits."""

    settings, metrics, classes = BackpropSettings, ("digits_accuracy", "digits_Adam"), tuple("0123456789")

    def train(self, settings, run, device, resume):
        return train(settings, run, device, resume)

    def score(self, predictions):
        return {"digits_accuracy": super().score(predictions)["accuracy"]}

    def prepare(self, data):
        self.ground(data)  # the digits come with scikit-learn

    def ground(self, data):
        from assignments.backprop import judge

        return judge.ground(data, self.metrics)

    def judge(self, run, data):
        from assignments.backprop import judge

        return judge.judge(self, run)


WORK = Backprop()
main = WORK.main

if __name__ == "__main__":
    sys.exit(main())
