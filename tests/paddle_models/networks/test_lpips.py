"""LPIPS against a NumPy computation, and its weights from the authors' package by name."""

import numpy as np
import paddle
import pytest

from paddle_models.networks.lpips import CONVOLUTIONS, LPIPS, SCALE, SHIFT
from paddle_models.weights.convert import convert, load_converted
from tests.paddle_models.weights.torch_file import save

RNG = np.random.default_rng(0)
PLACES = ("slice1.0", "slice2.3", "slice3.6", "slice4.8", "slice5.10")  # as the package names them


def package_state():
    """Random weights under the package's names; it lists the weighings twice."""
    state = {"scaling_layer.shift": np.array(SHIFT, "float32")[None, :, None, None]}
    for i, (channels, out, kernel, *_) in enumerate(CONVOLUTIONS):
        deviation = (2 / (channels * kernel**2))**0.5
        state[f"net.{PLACES[i]}.weight"] = RNG.normal(0, deviation, (out, channels, kernel, kernel)).astype("float32")
        state[f"net.{PLACES[i]}.bias"] = RNG.normal(0, 0.1, out).astype("float32")
        state[f"lin{i}.model.1.weight"] = state[f"lins.{i}.model.1.weight"] = RNG.random((1, out, 1, 1),
                                                                                         dtype="float32")
    return state


def windows(x, side, stride):
    return np.lib.stride_tricks.sliding_window_view(x, (side, side), axis=(1, 2))[:, ::stride, ::stride]


def by_hand(state, image, reference):
    total, values = 0.0, [(x * 2 - 1 - np.reshape(SHIFT, (3, 1, 1))) / np.reshape(SCALE, (3, 1, 1))
                          for x in (image, reference)]
    for i, (_, _, kernel, stride, padding) in enumerate(CONVOLUTIONS):
        units = []
        for j, x in enumerate(values):
            x = windows(x, 3, 2).max(axis=(3, 4)) if i in (1, 2) else x
            x = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
            x = np.einsum("chwij,ocij->ohw", windows(x, kernel, stride), state[f"net.{PLACES[i]}.weight"],
                          optimize=True)
            values[j] = np.maximum(x + state[f"net.{PLACES[i]}.bias"][:, None, None], 0)
            units.append(values[j] / (np.linalg.norm(values[j], axis=0) + 1e-10))
        difference = np.square(units[0] - units[1])
        total += np.einsum("chw,c->hw", difference, state[f"lin{i}.model.1.weight"][0, :, 0, 0]).mean()
    return total


@pytest.fixture(scope="module")
def state():
    return package_state()


@pytest.fixture(scope="module")
def network(state, tmp_path_factory):
    folder = tmp_path_factory.mktemp("lpips")
    convert(save(folder / "alex.pth", state), "lpips", folder / "ours.safetensors")
    network = LPIPS()
    load_converted(network, folder / "ours.safetensors")
    return network


def test_it_is_the_published_formula(network, state):
    a, b = RNG.random((2, 2, 3, 40, 47), dtype="float32")
    found = network(paddle.to_tensor(a), paddle.to_tensor(b)).numpy()
    np.testing.assert_allclose(found, [by_hand(state, x, y) for x, y in zip(a, b)], rtol=1e-4)


def test_it_is_a_distance(network):
    a = paddle.to_tensor(RNG.random((1, 3, 32, 32), dtype="float32"))
    near, far = (a + level * paddle.to_tensor(RNG.normal(0, 1, a.shape).astype("float32")) for level in (0.02, 0.2))
    assert float(network(a, a)) == 0
    assert float(network(a, near)) == pytest.approx(float(network(near, a)), rel=1e-5)
    assert 0 < float(network(a, near)) < float(network(a, far))
