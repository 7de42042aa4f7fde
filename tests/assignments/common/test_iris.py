"""Figure 2.7 is trained: shapes, one common start, every optimizer learns, repeatable."""

import numpy as np
import pytest

from assignments.common.iris import compare_optimizers
from data_tools.errors import KitError
from paddle_models.networks.mlp import MLP


@pytest.fixture(scope="module")
def curves():
    return compare_optimizers(steps=60, seeds=2)


def test_shapes_and_names(curves):
    assert list(curves["iris_names"]) == ["SGD", "Momentum", "AdaGrad", "RMSProp", "Adam"]
    assert curves["iris_steps"].shape == (60,)
    for key in ("iris_loss", "iris_loss_std", "iris_accuracy"):
        assert curves[key].shape == (5, 60) and np.isfinite(curves[key]).all()


def test_all_start_at_one_point_and_learn(curves):
    assert np.ptp(curves["iris_loss"][:, 0]) == 0
    assert (curves["iris_loss"][:, -1] < 0.5 * curves["iris_loss"][:, 0]).all()
    assert (curves["iris_accuracy"][:, -1] > 0.8).all()


def test_repeats_exactly(curves):
    again = compare_optimizers(steps=5, seeds=2)
    np.testing.assert_array_equal(again["iris_loss"], curves["iris_loss"][:, :5])


def test_mlp_needs_two_widths():
    with pytest.raises(KitError, match="at least"):
        MLP((4,))
