"""The experiments on short settings: shapes, what must hold whatever the seed, PCA against scikit-learn."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.decomposition import PCA
from threadpoolctl import threadpool_limits

from assignments.backprop import experiments, features, rule_claims
from assignments.backprop.by_hand.descent import RULES

SHORT = SimpleNamespace(seed=0, seeds=2, digits_epochs=4, batch_size=32, rates="tuned")


@pytest.fixture(autouse=True)
def one_thread():
    """As in the run: small matrices lose time to threads."""
    with threadpool_limits(1):
        yield


def test_digits_by_hand_learn_with_every_rule_and_as_in_paddle():
    found, network = experiments.compare_on_digits(SHORT)
    assert found["digits_loss"].shape == found["digits_accuracy"].shape == (5, 2, 5)
    assert np.ptp(found["digits_loss"][:, 0, 0]) == 0  # one start for all rules
    assert (found["digits_accuracy"][:, :, -1] > 0.85).all()
    assert network.predict(np.zeros((2, 64))).shape == (2, 10)
    twins = experiments.digits_in_paddle(SHORT)
    np.testing.assert_allclose(twins["twins_hand"], twins["twins_paddle"], atol=0.01)
    np.testing.assert_allclose(twins["twins_hand"][:20], twins["twins_paddle"][:20], rtol=1e-3)
    assert twins["twins_accuracy"][0] == pytest.approx(found["digits_accuracy"][4, 0, -1], abs=0.01)


def test_adagrad_is_good_with_sparse_gradients_and_rmsprop_where_their_size_changes():
    rules = list(RULES)
    sparse = rule_claims.sparse_gradients(2, 0)
    assert sparse["sparse_loss"].shape == (5, 2, rule_claims.PASSES + 1)
    last = dict(zip(rules, sparse["sparse_loss"][:, :, -1].mean(axis=1)))
    assert last["AdaGrad"] < 0.4 * min(last["SGD"], last["Momentum"], last["RMSProp"])
    assert last["Adam"] == pytest.approx(last["AdaGrad"], rel=0.5)  # which the slides do not say
    found = rule_claims.changing_task(2, 0)
    alone, sized = (dict(zip(rules, rows.mean(axis=(1, 2)))) for rows in found["changing_distance"])
    assert alone["SGD"] == min(alone.values())  # true weights that change are nothing for RMSProp alone
    assert sized["RMSProp"] < 0.5 * min(value for rule, value in sized.items() if rule != "RMSProp")


def test_the_best_mu_depends_on_the_learning_rate():
    found = rule_claims.momentum_mus(6, 0)
    assert found["mu_loss"].shape == (2, 3, 7) and np.ptp(found["mu_loss"][:, :, 0]) == 0
    same_rate, same_drive = found["mu_loss"][:, :, -1]
    assert same_rate[0] == pytest.approx(same_drive[0]) and same_rate[1] < same_rate[0] < same_rate[2]
    assert same_drive[1] == pytest.approx(same_drive[0], rel=0.3)


def test_learning_rates_are_too_low_right_and_too_high():
    found = experiments.learning_rates(4, 0)
    low, right, high = np.abs(found["rates_parabola_path"][:, -1])
    assert right < 0.01 < 0.9 < low < 1.8 < high
    low, right, high = found["rates_digits_loss"][:, -1]
    assert right < 0.3 < low and high > 1


def test_batches_end_near_the_same_line():
    found = experiments.batch_paths(0)
    lowest = found["batch_surface"].min()
    for name, updates in (("full", 12), ("mini", 96), ("single", 1536)):
        assert found[f"batch_path_{name}"].shape == (updates + 1, 2)
        assert found[f"batch_loss_{name}"][0] > 4 and found[f"batch_loss_{name}"][-1] < lowest + 0.05
    np.testing.assert_array_equal(found["batch_path_mini"][0], [-1.0, 1.5])


def test_noise_falls_with_the_batch():
    found = experiments.gradient_noise(20, 0)
    error = found["noise_error"][0]
    assert error[0] / error[6] == pytest.approx(8, rel=0.3)  # 64 times as many examples
    assert (np.diff(found["noise_cosine"][0]) > -0.05).all() and found["noise_cosine"][0, -1] > 0.9


def test_paths_begin_at_the_start_and_go_down():
    found = experiments.surface_paths(200)
    for surface in experiments.SURFACES:
        paths = found[f"path_{surface.name}"]
        assert paths.shape == (5, 201, 2) and (paths[:, 0] == surface.start).all()
        assert (surface.value(paths[:, -1]) < surface.value(np.array(surface.start))).all()


def test_principal_axes_agree_with_scikit_learn():
    x = experiments.centred_digits(0)[0]
    theirs = PCA(8).fit(x).components_.T
    axes = features.principal_axes(x, 8)
    np.testing.assert_allclose(np.abs((axes * theirs).sum(axis=0)), 1, atol=1e-6)
    assert features.largest_angle(axes, theirs) < 0.01


def test_linear_autoencoder_finds_the_principal_subspace():
    x = experiments.centred_digits(0)[0]
    axes = features.principal_axes(x, 4)
    network, losses = features.train_autoencoder(x, 4, 400, 0)
    floor = features.reconstruction_error(x, x @ axes @ axes.T)
    assert losses[0] > 1.3 * floor and floor <= losses[-1] < 1.001 * floor
    assert features.largest_angle(axes, network.parameters[2].T) < 2


def test_largest_angle():
    a = np.eye(3)[:, :2]
    assert features.largest_angle(a, a @ np.array([[1.0, 2.0], [0.0, 1.0]])) == pytest.approx(0, abs=1e-6)
    tilted = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    assert features.largest_angle(a, tilted) == pytest.approx(45)


def test_quarter_turns():
    x = np.arange(128.0).reshape(2, 64)
    turned, which = features.rotated(x)
    assert turned.shape == (8, 64) and which.argmax(axis=1).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    np.testing.assert_array_equal(turned[:2], x)
    np.testing.assert_array_equal(turned[4], x[0][::-1])
    np.testing.assert_array_equal(features.rotated(turned[2:4])[0][2:4], turned[4:6])


def test_rotation_pretraining_is_above_chance_everywhere():
    found = features.rotation_pretraining(2, 1, 0)
    assert found["rotation_accuracy"][0] > 0.8
    assert found["rotation_probe"].shape == (4, 5, 1) and found["rotation_network"].shape == (2, 5, 1)
    assert (found["rotation_probe"] > 0.15).all() and (found["rotation_probe"][:, -1] > 0.7).all()
    assert (found["rotation_network"][:, -1] > 0.9).all()
