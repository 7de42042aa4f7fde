"""Schedules against paddle.optimizer.lr, step by step."""

import json

import numpy as np
import paddle
import pytest
from paddle.optimizer import lr as paddle_lr

from data_tools.errors import KitError
from paddle_models.trainer.schedules import Plateau, learning_rate
from paddle_models.trainer.settings import ScheduleSettings

BASE, PER_EPOCH, EPOCHS = 0.02, 5, 8
TOTAL = PER_EPOCH * EPOCHS


def ours(**settings):
    settings = ScheduleSettings(**settings)
    return [learning_rate(settings, step, PER_EPOCH, TOTAL, BASE) for step in range(TOTAL)]


def theirs(scheduler, steps=TOTAL):
    rates = []
    for _ in range(steps):
        rates.append(scheduler())
        scheduler.step()
    return rates


@pytest.mark.parametrize("name", ["fixed", "plateau"])
def test_fixed(name):
    assert ours(name=name) == [BASE] * TOTAL


def test_exponential_falls_once_per_epoch():
    per_epoch = theirs(paddle_lr.ExponentialDecay(BASE, 0.7), EPOCHS)
    expected = np.repeat(per_epoch, PER_EPOCH)
    np.testing.assert_allclose(ours(name="exponential", gamma=0.7), expected, rtol=1e-12)


def test_smooth_exponential_falls_with_every_step():
    expected = [BASE * 0.7 ** (step / PER_EPOCH) for step in range(TOTAL)]
    np.testing.assert_allclose(ours(name="exponential", gamma=0.7, smooth=True), expected, rtol=1e-12)


def test_cosine():
    expected = theirs(paddle_lr.CosineAnnealingDecay(BASE, TOTAL, eta_min=0.001))
    np.testing.assert_allclose(ours(name="cosine", min_lr=0.001), expected, rtol=1e-9)
    last = learning_rate(ScheduleSettings(name="cosine", min_lr=0.001), TOTAL + 3, PER_EPOCH, TOTAL, BASE)
    assert last == pytest.approx(0.001)


def test_warm_up_before_fixed():
    expected = theirs(paddle_lr.LinearWarmup(BASE, 10, 0.0, BASE))
    np.testing.assert_allclose(ours(name="fixed", warmup_epochs=2), expected, rtol=1e-12)


def test_warm_up_before_cosine():
    inner = paddle_lr.CosineAnnealingDecay(BASE, TOTAL - 10, eta_min=0.001)
    expected = theirs(paddle_lr.LinearWarmup(inner, 10, 0.0, BASE))
    np.testing.assert_allclose(ours(name="cosine", min_lr=0.001, warmup_epochs=2), expected, rtol=1e-9)


def test_half_an_epoch_of_warm_up_and_warm_up_to_the_end():
    assert ours(name="fixed", warmup_epochs=0.4)[:3] == [0.0, BASE / 2, BASE]
    assert ours(name="cosine", warmup_epochs=EPOCHS)[-1] == pytest.approx(BASE * (TOTAL - 1) / TOTAL)


def test_unknown_schedule():
    settings = ScheduleSettings()
    settings.name = "step"
    with pytest.raises(KitError, match="'step'.*cosine"):
        learning_rate(settings, 0, 1, 1, BASE)


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("patience", [0, 2])
def test_plateau_against_paddle(mode, patience):
    values = np.round(np.random.default_rng(patience).random(40), 2)
    scheduler = paddle_lr.ReduceOnPlateau(BASE, mode, 0.5, patience, min_lr=0.001)
    plateau = Plateau(0.5, patience, 0.001, mode)
    for value in values:
        scheduler.step(paddle.to_tensor([value], dtype="float64"))
        plateau.update(value)
        assert plateau.apply(BASE) == pytest.approx(scheduler(), rel=1e-9)
    assert plateau.apply(BASE) < BASE


def test_plateau_state_goes_through_json():
    values = [1.0, 1.0, 1.0, 0.5, 0.6, 0.7, 0.8, 0.9]
    whole, first, second = (Plateau(0.1, 1) for _ in range(3))
    for value in values:
        whole.update(value)
    for value in values[:5]:
        first.update(value)
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    for value in values[5:]:
        second.update(value)
    assert second.state_dict() == whole.state_dict()
    assert json.dumps(Plateau(0.1, 1).state_dict())


def test_plateau_takes_nan_as_no_improvement_and_never_lifts_a_warm_up():
    plateau = Plateau(0.1, 0, min_lr=0.01)
    assert plateau.update(float("nan")) and plateau.best is None
    assert not plateau.update(1.0)
    assert plateau.apply(0.001) == 0.001


@pytest.mark.parametrize("factor, mode", [(1.5, "min"), (0.1, "up")])
def test_plateau_refuses_nonsense(factor, mode):
    with pytest.raises(KitError, match="plateau"):
        Plateau(factor, patience=1, mode=mode)
