"""Calls of students' functions, run inside the jail: NumPy alone, and nothing that gives an answer away.

Each gets {name: module} of the student's files, then what exercises.py drew.
"""

import numpy as np


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


# ---- automatic differentiation


def operation(modules, file, name, a, b):
    """[result, its derivative by a, by b] of an operation of Value."""
    Value, method = modules[file].Value, name.partition(".")[2]
    x, y = Value(a), Value(b)
    made = getattr(Value, method)(x, *{"exp": (), "__pow__": (b,)}.get(method, (y,)))
    slopes = [sum(slope for parent, slope in zip(made.parents, made.slopes) if parent is each) for each in (x, y)]
    return np.array([made.data, *slopes], np.float64)


def _graph(modules, file, count, edges, slopes):
    Value, nodes = modules[file].Value, []
    for node in range(count):
        mine = [number for number, (child, _) in enumerate(edges) if child == node]
        parents = [nodes[edges[number][1]] for number in mine]
        nodes.append(Value(7 * node % 11, parents, [slopes[number] for number in mine]))
    return nodes


def in_order(modules, file, name, count, edges, slopes, times):
    """[how many are found, how many different ones, pairs with the parent before the child, whether the last is last].
    """
    nodes = _graph(modules, file, count, edges, slopes)
    found = [id(value) for value in nodes[-1].order()]
    place = {value: number for number, value in enumerate(found)}
    right = sum(place.get(id(nodes[parent]), count) < place.get(id(nodes[child]), -1) for child, parent in edges)
    return np.array([len(found), len(place), right, found[-1:] == [id(nodes[-1])]], np.float64)


def gradients_of_graph(modules, file, name, count, edges, slopes, times):
    """grad of every node after backward() of the last, called so many times."""
    nodes = _graph(modules, file, count, edges, slopes)
    for _ in range(times):
        nodes[-1].backward()
    return np.array([value.grad for value in nodes], np.float64)


def of_values(modules, file, name, *arrays):
    """[result, its derivatives by all numbers]; arrays of one number are one Value."""
    Value = modules[file].Value
    given = [[Value(number) for number in array] for array in arrays]
    made = getattr(modules[file], name)(*(values[0] if len(values) == 1 else values for values in given))
    made.backward()
    return np.array([made.data, *(value.grad for values in given for value in values)], np.float64)


def of_neuron(modules, file, name, weights, inputs, bias):
    """As of_values, with the bias in the middle."""
    return of_values(modules, file, name, weights, bias, inputs)
