"""Back-propagation by hand: values against SciPy, gradients against finite differences over random networks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import approx_fprime
from scipy.special import expit, log_softmax, xlogy
from scipy.special import softmax as scipy_softmax

from assignments.backprop.by_hand import backprop
from assignments.backprop.by_hand.backprop import (
    LINEAR,
    OUTPUTS,
    RELU,
    SIGMOID,
    SOFTMAX,
    TANH,
    Network,
    initial_parameters,
)

numbers = st.floats(-30, 30)


@given(arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(1, 5)), elements=st.floats(-1e6, 1e6)))
def test_sigmoid_and_softmax_agree_with_scipy_at_every_size(z):
    with np.errstate(all="raise", under="ignore"):
        np.testing.assert_allclose(backprop.sigmoid(z), expit(z), rtol=1e-12, atol=1e-300)
        np.testing.assert_allclose(backprop.softmax(z), scipy_softmax(z, axis=-1), rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(backprop.softmax(z).sum(axis=-1), 1)


@given(arrays(np.float64, (3, 4), elements=numbers), st.integers(0, 2**32))
def test_losses_agree_with_their_definitions(z, seed):
    rng = np.random.default_rng(seed)
    t, o = rng.random(z.shape), expit(z)
    one_hot = np.eye(4)[rng.integers(0, 4, 3)]
    np.testing.assert_allclose(backprop.squared_error(o, t), 0.5 * ((o - t) ** 2).sum(axis=1))
    small = np.clip(z, -15, 15)  # where the definition itself is exact enough
    definition = -(xlogy(t, expit(small)) + xlogy(1 - t, expit(-small))).sum(axis=1)
    np.testing.assert_allclose(backprop.logistic_loss(small, t), definition, rtol=1e-10)
    np.testing.assert_allclose(backprop.softmax_cross_entropy(z, one_hot),
                               -(one_hot * log_softmax(z, axis=1)).sum(axis=1),
                               rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("size", [40.0, 1e3, 1e6])
def test_losses_of_large_logits_stay_exact(size):
    with np.errstate(all="raise", under="ignore"):
        wrong = backprop.logistic_loss(np.array([[size], [-size]]), np.array([[0.0], [1.0]]))
        right = backprop.logistic_loss(np.array([[size], [-size]]), np.array([[1.0], [0.0]]))
        soft = backprop.softmax_cross_entropy(np.array([[size, 0.0], [size, 0.0]]), np.eye(2))
    np.testing.assert_allclose(wrong, size, rtol=1e-12)
    np.testing.assert_allclose(right, 0, atol=1e-15)
    np.testing.assert_allclose(soft, [0, size], atol=1e-15)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(OUTPUTS), st.sampled_from([SIGMOID, TANH, LINEAR]), st.integers(0, 3),
       st.integers(1, 5))
def test_gradients_agree_with_finite_differences(seed, output, hidden, layers, examples):
    rng = np.random.default_rng(seed)
    widths = [*rng.integers(1, 5, layers + 1), int(rng.integers(2, 5))]
    network = Network([rng.normal(0, 0.7, p.shape) for p in initial_parameters(widths, rng)], output, hidden)
    x, t = rng.normal(size=(examples, widths[0])), np.eye(widths[-1])[rng.integers(0, widths[-1], examples)]
    loss, gradients = network.gradients(x, t)
    assert loss == pytest.approx(network.loss(x, t), rel=1e-12)
    for i, gradient in enumerate(gradients):
        def loss_of(value, i=i):
            changed = [*network.parameters[:i], value, *network.parameters[i + 1:]]
            return Network(changed, output, hidden).loss(x, t)
        ours = backprop.numerical_gradient(loss_of, network.parameters[i])
        np.testing.assert_allclose(gradient, ours, rtol=1e-5, atol=1e-8)
        assert gradient.shape == network.parameters[i].shape


def test_numerical_gradient_agrees_with_scipy_and_changes_nothing():
    w = np.random.default_rng(0).normal(size=(3, 2))
    before = w.copy()

    def loss(value):
        return float(np.sin(value).sum() + (value**3).prod())

    theirs = approx_fprime(w.ravel(), lambda flat: loss(flat.reshape(3, 2)), 1e-7).reshape(3, 2)
    np.testing.assert_allclose(backprop.numerical_gradient(loss, w), theirs, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(w, before)


def test_relu_slope_is_that_of_the_unit():
    network = Network([np.array([[1.0, -1.0]]), np.zeros(2), np.array([[2.0], [3.0]]), np.zeros(1)], OUTPUTS[0], RELU)
    _, (dw, *_) = network.gradients(np.array([[1.5]]), np.array([[0.0]]))
    np.testing.assert_allclose(dw, [[3.0 * 2 * 1.5, 0.0]])  # o = 3; the second unit is off


def test_gradient_of_a_batch_is_the_mean_of_its_examples():
    rng = np.random.default_rng(1)
    network = Network(initial_parameters((3, 4, 3), rng), SOFTMAX)
    x, t = rng.normal(size=(6, 3)), np.eye(3)[rng.integers(0, 3, 6)]
    whole = network.gradients(x, t)[1]
    single = [network.gradients(x[i:i + 1], t[i:i + 1])[1] for i in range(6)]
    for k, gradient in enumerate(whole):
        np.testing.assert_allclose(gradient, np.mean([one[k] for one in single], axis=0), atol=1e-15)


def test_initial_weights_keep_to_their_limit():
    w0, b0, w1, _ = initial_parameters((50, 30, 10), np.random.default_rng(0))
    assert w0.shape == (50, 30) and w1.shape == (30, 10) and not b0.any()
    limit = np.sqrt(6 / 80)
    assert 0.9 * limit < np.abs(w0).max() <= limit
