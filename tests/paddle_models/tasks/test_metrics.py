"""Metrics against scikit-learn and SciPy."""

import subprocess
import sys

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn import metrics as sk

from data_tools.errors import KitError
from data_tools.files.places import PROJECT_ROOT
from paddle_models.tasks.metrics import (
    accuracy,
    confusion_matrix,
    macro_f1,
    mean_interval,
    precision_recall_f1,
    wilson_interval,
)

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 9, 300)  # class 9 never occurs
PREDICTIONS = np.where(RNG.random(300) < 0.6, LABELS, RNG.integers(1, 10, 300))  # class 0 only when right


def test_accuracy():
    assert accuracy(LABELS, PREDICTIONS) == pytest.approx(sk.accuracy_score(LABELS, PREDICTIONS))


@pytest.mark.parametrize("k, n", [(0, 10), (10, 10), (131, 136), (256, 272), (1, 1)])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_wilson_interval(k, n, level):
    expected = binomtest(k, n).proportion_ci(level, method="wilson")
    assert wilson_interval(k, n, level) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_the_interval_of_a_mean_over_images_is_that_of_resampling_and_a_paired_one_is_narrower():
    rng = np.random.default_rng(2)
    hard = rng.normal(0, 1, 500)  # what both settings share: how hard an image is
    one, other = hard + rng.normal(0.1, 0.1, 500), hard + rng.normal(0, 0.1, 500)
    half = 1.96 * one.std(ddof=1) / np.sqrt(500)
    assert mean_interval(one) == pytest.approx((one.mean() - half, one.mean() + half), abs=0.015)
    low, high = mean_interval(one - other)
    assert 0.08 < low < high < 0.13 and high - low < half / 3 and mean_interval(one) == mean_interval(one)
    with pytest.raises(KitError, match="one for each image"):
        mean_interval(np.zeros((2, 2)))


def test_confusion_matrix_and_what_follows_from_it():
    confusion = confusion_matrix(LABELS, PREDICTIONS, 10)
    np.testing.assert_array_equal(confusion, sk.confusion_matrix(LABELS, PREDICTIONS, labels=range(10)))
    expected = sk.precision_recall_fscore_support(LABELS, PREDICTIONS, labels=range(10), zero_division=0)
    for ours, theirs in zip(precision_recall_f1(confusion), expected):
        np.testing.assert_allclose(ours, theirs, atol=1e-12)
    assert macro_f1(confusion) == pytest.approx(
        sk.f1_score(LABELS, PREDICTIONS, labels=range(10), average="macro", zero_division=0))


def test_impossible_questions_are_named():
    with pytest.raises(KitError, match="label 12 is outside 0..9"):
        confusion_matrix(np.array([1, 12]), np.array([1, 2]), 10)
    with pytest.raises(KitError, match="prediction -1"):
        confusion_matrix(np.array([1, 2]), np.array([1, -1]), 10)
    with pytest.raises(KitError, match="3 labels and 2 predictions"):
        accuracy(np.arange(3), np.arange(2))
    with pytest.raises(KitError, match="0 labels"):
        accuracy(np.array([]), np.array([]))
    with pytest.raises(KitError, match="5 out of 4"):
        wilson_interval(5, 4)


def test_paddle_is_not_needed():
    code = "import sys; import paddle_models.tasks.metrics; sys.exit('paddle' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, timeout=120).returncode == 0
