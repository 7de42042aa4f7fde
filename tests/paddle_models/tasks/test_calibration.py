"""Calibration and thresholds against scikit-learn and against trying everything."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import accuracy_score, balanced_accuracy_score

from data_tools.errors import KitError
from paddle_models.tasks import calibration

RNG = np.random.default_rng(0)
P = RNG.random(400) ** 2
LABELS = (RNG.random(400) < P ** 0.7).astype(int)


@pytest.mark.parametrize("bins", [4, 10])
@pytest.mark.parametrize("p", [P, np.round(P, 1), np.clip(P, 0.2, 0.6)])
def test_bins_are_those_of_scikit_learn(p, bins):
    found = calibration.reliability(LABELS, p, bins)
    true, predicted = calibration_curve(LABELS, p, n_bins=bins)
    there = found.count > 0
    np.testing.assert_allclose(found.accuracy[there], true)
    np.testing.assert_allclose(found.confidence[there], predicted)
    assert found.count.sum() == 400 and np.isnan(found.accuracy[~there]).all()


def test_calibration_error_by_hand():
    labels, p = np.array([0, 1, 1, 1]), np.array([0.05, 0.15, 0.95, 1.0])
    # bins 0..0.1: 0.05 against 0; 0.1..0.2: 0.15 against 1; 0.9..1: 0.975 against 1
    assert calibration.calibration_error(calibration.reliability(labels,
                                                                 p)) == pytest.approx((0.05 + 0.85 + 2 * 0.025) / 4)
    large = RNG.random(20_000)
    assert calibration.calibration_error(calibration.reliability((RNG.random(20_000) < large).astype(int),
                                                                 large)) < 0.02


@pytest.mark.parametrize("threshold", [0.2, 0.5])
def test_measures_are_those_of_scikit_learn(threshold):
    found = calibration.measure(LABELS, P, threshold)
    assert found["accuracy"] == pytest.approx(accuracy_score(LABELS, P >= threshold))
    assert found["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(LABELS, P >= threshold))
    assert calibration.measure(np.ones(3, int), np.array([0.1, 0.7, 0.9]))["balanced_accuracy"] == pytest.approx(2 / 3)


@pytest.mark.parametrize("by, judge", [("accuracy", accuracy_score), ("balanced_accuracy", balanced_accuracy_score)])
def test_no_other_threshold_is_better(by, judge):
    threshold, reached = calibration.best_threshold(LABELS, P, by)
    assert reached == pytest.approx(judge(LABELS, P >= threshold))
    assert reached == pytest.approx(max(judge(LABELS, P >= cut) for cut in (0, *P, 1.1)))


def test_of_equal_thresholds_the_one_nearest_a_half():
    assert calibration.best_threshold(np.array([0, 0, 1]), np.array([0.1, 0.2, 0.9])) == (0.5, 1.0)
    threshold, reached = calibration.best_threshold(np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.3, 0.32]))
    assert threshold == pytest.approx(0.25) and reached == 1.0
    assert calibration.best_threshold(np.array([0, 1]), np.array([0.7, 0.7]))[1] == 0.5


@pytest.mark.parametrize("labels, p, words", [
    ([0, 1], [0.5], "one length"), ([], [], "one length"), ([0, 2], [0.5, 0.5], "labels 0 or 1"),
    ([0, 1], [0.5, np.nan], "0..1"), ([0, 1], [0.5, 1.5], "0..1")])
def test_what_is_no_probability_is_refused(labels, p, words):
    with pytest.raises(KitError, match=words):
        calibration.reliability(np.array(labels), np.array(p))
    with pytest.raises(KitError, match="unknown"):
        calibration.best_threshold(LABELS, P, "f1")


def test_the_temperature_that_made_answers_unsure_is_found_again():
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 2, 40_000)
    labels = (rng.random(40_000) < 1 / (1 + np.exp(-logits))).astype(int)
    for made in (0.5, 2.0):
        p = 1 / (1 + np.exp(-logits * made))
        found = calibration.fit_temperature(labels, p)
        assert found == pytest.approx(made, rel=0.05)
        before, after = (calibration.calibration_error(calibration.reliability(labels, values))
                         for values in (p, calibration.tempered(p, found)))
        assert after < 0.01 < before and ((calibration.tempered(p, found) > 0.5) == (p > 0.5)).all()
    assert calibration.tempered(np.array([0.0, 0.5, 1.0]), 2.0)[1] == 0.5
