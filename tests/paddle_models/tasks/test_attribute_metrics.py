"""Metrics of binary attributes against scikit-learn, on random tables with ties and attributes that never occur."""

import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from data_tools.errors import KitError
from data_tools.files.places import PROJECT_ROOT
from paddle_models.tasks.attribute_metrics import (
    MEASURES,
    average_precision,
    by_region,
    majority,
    mean,
    measure_attributes,
)


@st.composite
def tables(draw):
    """Labels and probabilities (N, K); few different probabilities, so there are ties; some columns all 0 or all 1."""
    n, k, levels = draw(st.integers(1, 40)), draw(st.integers(1, 5)), draw(st.integers(1, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    labels = (rng.random((n, k)) < rng.choice([0.0, 0.1, 0.5, 1.0], k)).astype(np.uint8)
    return labels, (rng.integers(0, levels + 1, (n, k)) / levels).astype(np.float32)


@settings(max_examples=150, deadline=None)
@given(tables())
def test_every_measure_is_scikit_learns(table):
    labels, probabilities = table
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # ours says nothing about attributes that never occur
        ours = measure_attributes(labels, probabilities)
    assert tuple(ours) == MEASURES and all(values.shape == labels.shape[1:] for values in ours.values())
    for k in range(labels.shape[1]):
        true, predicted = labels[:, k], (probabilities[:, k] > 0.5).astype(int)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = {"accuracy": sk.accuracy_score(true, predicted),
                        "balanced_accuracy": sk.recall_score(true, predicted, pos_label=int(true[0]))
                        if len(set(true)) == 1 else sk.balanced_accuracy_score(true, predicted),
                        "f1": sk.f1_score(true, predicted, zero_division=0),
                        "average_precision": sk.average_precision_score(true, probabilities[:, k]) if true.any()
                        else np.nan}
        for name, value in expected.items():
            np.testing.assert_allclose(ours[name][k], value, atol=1e-12, err_msg=f"{name} of {table}")


def test_average_precision_of_known_rankings():
    present = np.array([True, False, True, False])
    assert average_precision(present, np.array([0.9, 0.8, 0.7, 0.6])) == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision(present, np.full(4, 0.3)) == 0.5  # all tied: the share of the present ones
    assert np.isnan(average_precision(np.zeros(3, bool), np.arange(3.0)))


def test_a_probability_of_one_half_is_absent():
    assert measure_attributes(np.array([[0]]), np.array([[0.5]]))["accuracy"] == 1.0
    assert measure_attributes(np.array([[0]]), np.array([[0.5]]), threshold=0.4)["accuracy"] == 0.0


def test_majority_answers_what_training_has_more_often():
    training = np.array([[1, 0, 0], [1, 0, 1], [0, 0, 1]])
    labels = np.array([[1, 1, 0], [0, 1, 1], [1, 0, 1], [1, 0, 1]])
    found = majority(training, labels)
    np.testing.assert_allclose(found["accuracy"], [0.75, 0.5, 0.75])
    np.testing.assert_allclose(found["balanced_accuracy"], 0.5)
    np.testing.assert_allclose(found["f1"], [2 * 3 / 7, 0, 2 * 3 / 7])
    np.testing.assert_allclose(found["average_precision"], labels.mean(axis=0))  # one score for all: prevalence
    shares = training.mean(axis=0)[None]
    assert all(np.array_equal(found[name], majority(shares, labels)[name]) for name in MEASURES)


def test_regions_leave_out_what_has_no_value():
    values = np.array([0.2, np.nan, 0.6, np.nan])
    regions = {"first": ("c", "a"), "second": ("b", "c"), "third": ("d", "b")}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = by_region(values, "abcd", regions)
    assert found == {"first": pytest.approx(0.4), "second": pytest.approx(0.6), "third": None}
    assert mean(values) == pytest.approx(0.4)


@pytest.mark.parametrize("shapes", [((3, 2), (3, 3)), ((0, 2), (0, 2))])
def test_tables_that_do_not_fit_are_named(shapes):
    with pytest.raises(KitError, match="not of one shape"):
        measure_attributes(*map(np.zeros, shapes))


def test_paddle_is_not_needed():
    code = ("import sys; import paddle_models.tasks.attribute_metrics, paddle_models.networks.face_regions; "
            "sys.exit('paddle' in sys.modules)")
    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, timeout=120).returncode == 0
