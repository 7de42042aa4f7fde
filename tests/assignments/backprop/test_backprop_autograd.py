"""The engine that derives by itself: the slides' digits, Paddle's derivatives, and its exercises' mistakes."""

import numpy as np
import paddle
import pytest

from assignments.backprop import exercises_autograd
from assignments.backprop.by_hand import autograd
from assignments.common.exercise_rows import declared
from tests.assignments import exercise_checks


def test_the_worked_example_comes_out_to_every_digit():
    w = np.array([0.15, 0.2, 0.25, 0.3, 0.4, 0.45, 0.5, 0.55])
    error, gradients, new = autograd.worked_example(w, np.array([0.35, 0.6]), np.array([0.05, 0.1]),
                                                    np.array([0.01, 0.99]), 0.5)
    assert error == pytest.approx(0.298371109, abs=5e-10) and gradients[4] == pytest.approx(0.082167041, abs=5e-10)
    slides = [0.149780716, 0.199561432, 0.249751144, 0.299502287, 0.358916480, 0.408666186, 0.511301270, 0.561370121]
    np.testing.assert_allclose(new, slides, atol=5e-10)


def test_derivatives_are_paddles():
    numbers = np.random.default_rng(0).uniform(0.5, 2, 3)

    def function(a, b, c):
        shared = a * b + c**2.0
        return (shared / c - a) * shared + (b - shared).exp()

    values = [autograd.Value(number) for number in numbers]
    function(*values).backward()
    tensors = [paddle.to_tensor(number, "float64", stop_gradient=False) for number in numbers]
    theirs = paddle.grad(function(*tensors), tensors)
    np.testing.assert_allclose([value.grad for value in values], [float(each) for each in theirs], rtol=1e-12)


def test_mistakes_are_told_by_name():
    exercises, texts = declared("backprop", exercises_autograd.FUNCTIONS)
    for number, each in enumerate(exercises):
        exercise_checks.told_by_name(each, number)
    assert len(exercises) == 9 and len(texts) >= 36
