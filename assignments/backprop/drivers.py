"""Calls of students' functions, run inside the jail: NumPy alone, and nothing that gives an answer away.

Each gets {name: module} of the student's files, then what exercises.py drew.
"""

import numpy as np


def call(modules, file, name, *arguments):
    """A function as it is."""
    return getattr(modules[file], name)(*arguments)


def numerical_gradient(modules, a, b, w, step):
    """Of sum(a w^3) + (sum(b w))^2."""
    return modules["backprop"].numerical_gradient(lambda v: float((a * v**3).sum() + (b * v).sum() ** 2), w, step)


def _network(modules, output, hidden, parameters):
    module = modules["backprop"]
    return module.Network(list(parameters), getattr(module, output), getattr(module, hidden))


def forward(modules, output, hidden, x, *parameters):
    """[x, h of every hidden layer, z]."""
    return _network(modules, output, hidden, parameters).forward(x)


def gradients(modules, output, hidden, x, t, *parameters):
    """[loss, gradient of every array]."""
    loss, found = _network(modules, output, hidden, parameters).gradients(x, t)
    return [np.float64(loss), *found]


def rule(modules, name, settings, rates, w, *steps):
    """The weights after every step of an update rule."""
    state, found = {}, []
    for rate, gradient in zip(rates, steps):
        w = getattr(modules["descent"], name)(w, gradient, state, lr=float(rate), **settings)
        if w is None:
            return None
        found.append(w)
    return found


def mini_batches(modules, n, size, seed):
    """With a generator of this seed."""
    return modules["descent"].mini_batches(n, size, np.random.default_rng(seed))


def train_digits(modules, x, t, seed):
    """The parameters that were learned."""
    return modules["practice"].train_digits(x, t, np.random.default_rng(seed)).parameters
