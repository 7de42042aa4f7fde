"""The learning-rate finder on tiny networks: what it suggests trains, what it cannot tell it says."""

import numpy as np
import paddle
import pytest

from data_tools.errors import KitError
from paddle_models.tasks.classification import ClassificationTask
from paddle_models.trainer.rate_finder import RateCurve, find_rates
from paddle_models.trainer.run_folder import RunFolder
from tests.paddle_models.trainer.tiny import plain_network, tiny_network, tiny_trainer

pytestmark = pytest.mark.compat
SETTINGS = {"batch_size": 20, "optimizer": {"name": "adam", "lr": 1.0}}


def finder(tmp_path, build=plain_network, **more):
    """A trainer over a run folder that is never entered."""
    return tiny_trainer(RunFolder(tmp_path / "none", writer=False), build, **{**SETTINGS, **more})


def last_loss(tmp_path, rate):
    """Training loss of the last of a few epochs at a rate."""
    with RunFolder(tmp_path / f"at-{rate:g}") as run:
        trainer = tiny_trainer(run, plain_network, epochs=6, batch_size=20, optimizer={"name": "adam", "lr": rate})
        trainer.fit()
    return float(trainer.latest["model"])


def test_the_suggestion_trains_better_than_a_hundredth_and_a_thousand_times_of_it(tmp_path):
    curve = find_rates(finder(tmp_path))
    rate = curve.suggestion
    assert 1e-4 < rate < 1 and rate == pytest.approx(curve.lowest / 10, rel=0.06)
    assert last_loss(tmp_path, rate) < min(last_loss(tmp_path, rate / 100), last_loss(tmp_path, 1000 * rate))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"at-{r:g}" for r in
                                                                      (rate, rate / 100, 1000 * rate))


def test_a_step_of_the_finder_is_a_step_of_the_training(tmp_path):
    def first(rate):
        trainer = finder(tmp_path, tiny_network, clip_norm=1.0, accumulate=2)
        return trainer, find_rates(trainer, steps=10, lowest=rate, highest=rate * 1.0001)

    trainer, curve = first(0.01)
    with RunFolder(tmp_path / "run") as run:
        trained = tiny_trainer(run, clip_norm=1.0, accumulate=2, epochs=5, schedule={"name": "fixed"},
                               **{**SETTINGS, "optimizer": {"name": "adam", "lr": 0.01}})
        trained.fit()
    assert trainer.position.step == trained.position.step == 10
    assert curve.losses[-1] == pytest.approx(float(trained.latest["model"]), rel=1e-3)


def test_it_ends_where_the_loss_breaks_out_or_is_not_finite(tmp_path):
    broken = find_rates(finder(tmp_path, optimizer={"name": "sgd", "lr": 1.0}), highest=1e6)
    assert len(broken.rates) < 100 and np.isfinite(broken.losses).all()

    class Poisoned(ClassificationTask):
        left = 12

        def losses(self, batch):
            for name, loss in super().losses(batch):
                self.left -= 1
                yield name, loss * (float("nan") if self.left < 0 else 1.0)

    assert len(find_rates(finder(tmp_path, task_class=Poisoned)).losses) == 12
    Poisoned.left = 3
    with pytest.raises(KitError, match="loss of model is not finite after 3 steps, at a rate of"):
        find_rates(finder(tmp_path, task_class=Poisoned))


def test_a_loss_that_never_falls_suggests_nothing():
    rates, noise = np.geomspace(1e-7, 10, 100), np.random.default_rng(0).normal(0, 0.3, 100)
    assert RateCurve("model", rates, 2 + noise).suggestion is None
    falling = 2 - 1.5 * (np.abs(np.arange(100) - 70) < 12) + 0.1 * noise
    assert RateCurve("model", rates, falling).lowest == pytest.approx(rates[70], rel=1.0)


def test_of_networks_against_each_other_the_first_is_watched_and_all_are_trained(tmp_path):
    class Rivals(ClassificationTask):
        def __init__(self, network, classes, **more):
            super().__init__(network, classes, **more)
            self.networks = {"generator": network, "discriminator": paddle.nn.Linear(3, 1)}

        def losses(self, batch):
            answer = self.networks["generator"](batch["image"])
            yield "generator", ((answer - 1) ** 2).mean()
            yield "discriminator", self.networks["discriminator"](answer.detach()).square().mean()

    trainer = finder(tmp_path, task_class=Rivals)
    before = trainer.task.networks["discriminator"].weight.numpy()
    curve = find_rates(trainer)
    assert curve.network == "generator" and curve.suggestion
    assert not np.array_equal(before, trainer.task.networks["discriminator"].weight.numpy())
