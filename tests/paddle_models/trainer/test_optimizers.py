"""Optimizers: AdamP against a hand-computed step, and state that continues exactly under structured names."""

import numpy as np
import paddle
import pytest
from paddle import nn

from data_tools.errors import KitError
from paddle_models.trainer.optimizers import (
    NAMES,
    AdamP,
    build_optimizer,
    load_optimizer_arrays,
    optimizer_arrays,
)
from paddle_models.trainer.settings import OptimizerSettings


def small_network():
    paddle.seed(3)
    return nn.Sequential(nn.Conv2D(2, 4, 3), nn.BatchNorm2D(4), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3))


def train(network, optimizer, steps, start=0):
    for step in range(start, start + steps):
        rng = np.random.default_rng(step)
        x = paddle.to_tensor(rng.normal(size=(8, 2, 4, 4)).astype("float32"))
        loss = nn.functional.cross_entropy(network(x), paddle.to_tensor(rng.integers(0, 3, 8)))
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()


def weights_of(network):
    return {name: value.numpy() for name, value in network.state_dict().items()}


def adamp_step(weight, grad, m, v, step, lr, decay, channels_first=True, b1=0.9, b2=0.999, eps=1e-8):
    """The authors' update in NumPy float64, for a weight whose channels are its first axis (else its
    last)."""
    m, v = b1 * m + (1 - b1) * grad, b2 * v + (1 - b2) * grad**2
    update, ratio = m / (np.sqrt(v / (1 - b2**step)) + eps), 1.0
    view = (lambda a: a.reshape(len(a), -1)) if channels_first else (lambda a: a.T)
    for rows in (view, lambda a: a.reshape(1, -1)):
        w, g = rows(weight), rows(grad)
        norm = np.linalg.norm(w, axis=1)
        cosine = np.abs((w * g).sum(1)) / (norm * np.linalg.norm(g, axis=1))
        if cosine.max() < 0.1 / np.sqrt(w.shape[1]):
            unit = w / (norm[:, None] + eps)
            flat = rows(update)
            flat = flat - unit * (unit * flat).sum(1, keepdims=True)
            update = flat.T if rows is view and not channels_first else flat.reshape(weight.shape)
            ratio = 0.1
            break
    return weight * (1 - lr * decay * ratio) - lr / (1 - b1**step) * update, m, v, ratio


def orthogonal_to(weight, rng):
    """A gradient whose every output channel is orthogonal to that of the weight."""
    rows = weight.reshape(len(weight), -1)
    grad = rng.normal(size=rows.shape)
    grad -= rows * ((rows * grad).sum(1) / (rows**2).sum(1))[:, None]
    return grad.reshape(weight.shape)


@pytest.mark.parametrize("shape", [(5, 3, 2, 2), (6, 4)])
@pytest.mark.parametrize("orthogonal", [True, False])
def test_adamp_agrees_with_a_hand_computed_step(shape, orthogonal):
    rng = np.random.default_rng(0)
    linear = len(shape) == 2  # Paddle's (in, out): channels are columns
    by_channel = (lambda a: np.ascontiguousarray(a.T)) if linear else (lambda a: a)
    weight = rng.normal(size=shape)
    parameter = paddle.create_parameter(shape, "float32")
    parameter.set_value(weight.astype("float32"))
    optimizer = AdamP(0.1, parameters=[parameter], weight_decay=0.5)
    m = v = np.zeros(shape)
    for step in (1, 2, 3):
        grad = weight + rng.normal(size=shape)
        if orthogonal:
            grad = by_channel(orthogonal_to(by_channel(weight), rng))
        weight, m, v, ratio = adamp_step(weight, grad, m, v, step, 0.1, 0.5, channels_first=not linear)
        assert ratio == (0.1 if orthogonal else 1.0)
        (parameter * paddle.to_tensor(grad.astype("float32"))).sum().backward()
        optimizer.step()
        optimizer.clear_grad()
        np.testing.assert_allclose(parameter.numpy(), weight, rtol=1e-4, atol=1e-5)  # float32 1 - beta2^t


def test_adamp_projects_by_layer_where_channels_are_not_orthogonal():
    weight = np.array([[1.0, 0.0], [0.0, 1.0]])[:, :, None, None]
    grad = np.array([[1.0, 0.5], [0.5, -1.0]])[:, :, None, None]  # per channel parallel, in sum orthogonal
    expected, _, _, ratio = adamp_step(weight, grad, 0 * weight, 0 * weight, 1, 0.1, 0.5)
    assert ratio == 0.1
    parameter = paddle.create_parameter(weight.shape, "float32")
    parameter.set_value(weight.astype("float32"))
    optimizer = AdamP(0.1, parameters=[parameter], weight_decay=0.5)
    (parameter * paddle.to_tensor(grad.astype("float32"))).sum().backward()
    optimizer.step()
    np.testing.assert_allclose(parameter.numpy(), expected, rtol=1e-5, atol=1e-6)


def test_adamp_without_projection_is_adamw():
    results = []
    for name in ("adamp", "adamw"):
        network = nn.Linear(3, 2)
        network.weight.set_value(np.ones((3, 2), "float32"))
        settings = OptimizerSettings(name=name, weight_decay=0.1)
        optimizer = build_optimizer(settings, network.parameters(), 0.01)
        for _ in range(4):
            (network.weight**2).sum().backward()  # gradient along the weight: never projected
            optimizer.step()
            optimizer.clear_grad()
        results.append(network.weight.numpy())
    np.testing.assert_allclose(results[0], results[1], rtol=1e-6)


def test_adamp_state_dict_round_trip():
    parameter = paddle.create_parameter([4, 3], "float32")
    optimizer = AdamP(0.1, parameters=[parameter])
    (parameter**3).sum().backward()
    optimizer.step()
    state = {key: value.numpy() for key, value in optimizer.state_dict().items()}
    start = parameter.numpy()
    optimizer.step()
    expected = parameter.numpy()
    parameter.set_value(start)
    optimizer.set_state_dict(state)
    optimizer.step()
    np.testing.assert_array_equal(parameter.numpy(), expected)


@pytest.mark.parametrize("name", NAMES)
def test_saved_state_continues_exactly_in_a_process_with_other_counters(name):
    settings = OptimizerSettings(name=name, weight_decay=0.01, nesterov=True)
    whole = small_network()
    optimizer = build_optimizer(settings, whole.parameters(), 0.01)
    train(whole, optimizer, 3)
    weights, state = weights_of(whole), optimizer_arrays(optimizer, whole.named_parameters())
    train(whole, optimizer, 5, start=3)

    nn.Linear(2, 2)  # shifts Paddle's name counters
    resumed = small_network()
    resumed.set_state_dict(weights)
    optimizer = build_optimizer(settings, resumed.parameters(), 0.01)
    load_optimizer_arrays(optimizer, resumed.named_parameters(), state)
    train(resumed, optimizer, 5, start=3)
    for key, value in weights_of(whole).items():
        np.testing.assert_array_equal(weights_of(resumed)[key], value, err_msg=key)


@pytest.mark.parametrize("name", ["sgd", "adamp"])  # the others have no bfloat16 kernel on the CPU
def test_master_weights_are_part_of_the_state(name):
    paddle.seed(1)
    network = nn.Linear(4, 3)
    network.to(dtype="bfloat16")
    optimizer = build_optimizer(OptimizerSettings(name=name), network.parameters(), 0.01)
    optimizer._multi_precision = True  # what paddle.amp.decorate does for level O2
    (network.weight.astype("float32") ** 2).sum().backward()
    optimizer.step()
    state = optimizer_arrays(optimizer, network.named_parameters())
    assert state["weight/fp32_master"].dtype == np.float32
    other = nn.Linear(4, 3)
    other.to(dtype="bfloat16")
    restored = build_optimizer(OptimizerSettings(name=name), other.parameters(), 0.01)
    restored._multi_precision = True
    load_optimizer_arrays(restored, other.named_parameters(), state)
    again = optimizer_arrays(restored, other.named_parameters())
    assert again.keys() == state.keys()
    for key in state:
        np.testing.assert_array_equal(again[key], state[key], err_msg=key)


def test_structured_names_of_the_state():
    network = small_network()
    optimizer = build_optimizer(OptimizerSettings(name="adam"), network.parameters(), 0.01)
    train(network, optimizer, 1)
    state = optimizer_arrays(optimizer, network.named_parameters())
    assert {"0.weight/moment1", "0.weight/moment2", "0.weight/beta1_pow_acc", "4.bias/moment1"} <= set(state)


@pytest.mark.parametrize("name", NAMES)
def test_weight_decay_spares_biases_and_norms(name):
    network = small_network()
    before = weights_of(network)
    optimizer = build_optimizer(OptimizerSettings(name=name, weight_decay=0.5), network.parameters(), 0.1)
    for parameter in network.parameters():
        (parameter * 0.0).sum().backward()
    optimizer.step()
    after = weights_of(network)
    for key, value in network.named_parameters():
        moved = not np.array_equal(before[key], after[key])
        assert moved == (len(value.shape) > 1), key


def test_unknown_optimizer_and_foreign_state_are_named():
    network = nn.Linear(2, 2)
    with pytest.raises(KitError, match="'lion'.*adamp"):
        build_optimizer(OptimizerSettings(name="lion"), network.parameters(), 0.1)
    optimizer = build_optimizer(OptimizerSettings(name="adam"), network.parameters(), 0.1)
    with pytest.raises(KitError, match="stem.weight"):
        load_optimizer_arrays(optimizer, network.named_parameters(), {"stem.weight/moment1": np.zeros(2)})
    with pytest.raises(KitError, match="same optimizer"):
        load_optimizer_arrays(optimizer, network.named_parameters(), {"weight/velocity": np.zeros((2, 2))})
