"""Update rules by hand against arithmetic on plain floats; batches; the loop."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assignments.backprop.by_hand import descent
from assignments.backprop.by_hand.backprop import REGRESSION, Network
from assignments.backprop.by_hand.descent import RULES, Descent, descend, mini_batches
from assignments.backprop.surfaces import BOWL, SADDLE, SURFACES


def by_scalars(name, gradients, lr):
    """One weight from 0, the slides' formulas with Python's floats."""
    w = v = s = r = m = 0.0
    path = []
    for t, g in enumerate(gradients, 1):
        if name == "SGD":
            w -= lr * g
        elif name == "Momentum":
            v = 0.9 * v - lr * g
            w += v
        elif name == "AdaGrad":
            s += g * g
            w -= lr * g / math.sqrt(s)
        elif name == "RMSProp":
            r = 0.9 * r + 0.1 * g * g
            w -= lr * g / math.sqrt(r)
        else:
            m, r = 0.9 * m + 0.1 * g, 0.999 * r + 0.001 * g * g
            w -= lr * (m / (1 - 0.9**t)) / math.sqrt(r / (1 - 0.999**t) + 1e-8)
        path.append(w)
    return path


@pytest.mark.parametrize("name", RULES)
def test_rules_follow_the_slides(name):
    gradients = np.random.default_rng(0).normal(size=50)
    w, state, path = np.zeros(1), {}, []
    for g in gradients:
        w = RULES[name](w, np.array([g]), state, lr=0.05)
        path.append(w[0])
    np.testing.assert_allclose(path, by_scalars(name, gradients, 0.05), rtol=1e-12)


@pytest.mark.parametrize("name", RULES)
def test_a_weight_without_gradient_stays(name):
    w, state = np.array([1.0, -2.0]), {}
    for _ in range(3):
        with np.errstate(all="raise"):
            w = RULES[name](w, np.zeros(2), state)
    np.testing.assert_array_equal(w, [1.0, -2.0])


@pytest.mark.parametrize("name", RULES)
def test_arrays_have_states_of_their_own_and_given_arrays_are_kept(name):
    first, second = np.ones(2), np.ones((2, 3))
    together, alone = [first, second], [second]
    both, one = Descent(RULES[name], lr=0.1), Descent(RULES[name], lr=0.1)
    for _ in range(4):
        both.step(together, [5 * together[0], together[1]])
        one.step(alone, [alone[0]])
    np.testing.assert_array_equal(together[1], alone[0])
    assert (first == 1).all() and (together[0] != 1).all()


def test_defaults_are_the_typical_choices_of_the_slides():
    once = descent.adam(np.zeros(1), np.ones(1), {})
    assert once == pytest.approx(-0.001, rel=1e-6)
    state = {}
    descent.momentum(np.zeros(1), np.ones(1), state)
    assert descent.momentum(np.zeros(1), np.zeros(1), state) == pytest.approx(-0.01 * 0.9)


@given(st.integers(1, 60), st.integers(1, 70), st.integers(0, 2**32))
def test_every_example_is_in_one_batch(n, size, seed):
    batches = mini_batches(n, size, np.random.default_rng(seed))
    assert sorted(np.concatenate(batches)) == list(range(n))
    assert all(len(batch) == size for batch in batches[:-1]) and 1 <= len(batches[-1]) <= size


def test_full_mini_and_single_batches_reach_the_least_squares_line():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 1))
    t = 2 * x - 1
    for size, updates in ((64, 80), (8, 640), (1, 5120)):
        network = Network([np.zeros((1, 1)), np.zeros(1)], REGRESSION)
        losses = list(descend(network, x, t, Descent(descent.sgd, lr=0.1), size, 80, np.random.default_rng(1)))
        assert len(losses) == updates and losses[0] > losses[-1]
        np.testing.assert_allclose([network.parameters[0][0, 0], network.parameters[1][0]], [2, -1], atol=5e-3)


@pytest.mark.parametrize("surface", SURFACES, ids=lambda surface: surface.name)
def test_gradients_of_surfaces(surface):
    for w in np.random.default_rng(0).uniform(-1.5, 1.5, (20, 2)):
        numerical = [(surface.value(w + step) - surface.value(w - step)) / 2e-6 for step in np.eye(2) * 1e-6]
        np.testing.assert_allclose(surface.gradient(w), numerical, rtol=1e-6, atol=1e-6)
    if surface.lowest:
        np.testing.assert_allclose(surface.gradient(np.array(surface.lowest)), 0, atol=1e-12)
        assert surface.value(np.array(surface.lowest)) == 0
    else:
        np.testing.assert_allclose(surface.gradient(np.zeros((3, 2))), 0)


@pytest.mark.parametrize("name", RULES)
def test_every_rule_descends_the_bowl_and_leaves_the_saddle(name):
    for surface in (BOWL, SADDLE):
        w, moving = [np.array(surface.start)], Descent(RULES[name], lr=0.05)
        for _ in range(2000):
            moving.step(w, [surface.gradient(w[0])])
        lowest = 0.0 if surface is BOWL else -0.25
        assert surface.value(w[0]) < lowest + 0.01
