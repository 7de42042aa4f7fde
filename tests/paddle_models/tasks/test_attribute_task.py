"""The attribute task: where label order and head order meet, its losses against NumPy, a step of training."""

import numpy as np
import paddle
import pytest
from paddle import nn

from data_tools.drawing.attributes import ATTRIBUTES
from paddle_models.networks.face_attributes import face_attribute_net
from paddle_models.networks.face_regions import HEAD_ORDER
from paddle_models.tasks.attribute_metrics import measure_attributes
from paddle_models.tasks.attribute_task import AttributeTask

RNG = np.random.default_rng(0)
LABELS = (RNG.random((6, 40)) < 0.3).astype(np.uint8)


class Told(nn.Layer):
    """Answers logits (N, 40) that the first column of each image spells out, in head order: pixel i is head i's."""

    def forward(self, images):
        return 8 * images[:, 0, :, 0] - 4  # 0 and 1 become logits -4 and 4


def pictures(values: np.ndarray) -> np.ndarray:
    """Images (N, 3, 40, 2) whose first column holds values (N, 40), its mirror image's the complement."""
    sides = np.stack([values, 1 - values], axis=-1)[:, None]
    return np.repeat(sides, 3, axis=1).astype(np.float32)


def batch(labels: np.ndarray, images: np.ndarray) -> dict:
    return {"image": paddle.to_tensor(images), "label": paddle.to_tensor(labels), "index": paddle.arange(len(labels))}


def in_head_order(labels: np.ndarray) -> np.ndarray:
    """By name, without the kit's own tables of positions."""
    return np.stack([labels[:, ATTRIBUTES.index(name)] for name in HEAD_ORDER], axis=1)


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, np.float64)))


@pytest.mark.compat
def test_a_network_that_knows_everything_is_right_about_every_attribute():
    task = AttributeTask(Told())
    given = batch(LABELS, pictures(in_head_order(LABELS)))
    rows = task.evaluate(given)
    np.testing.assert_array_equal(rows["probabilities"] > 0.5, LABELS == 1)  # in the data set's order
    np.testing.assert_array_equal(rows["label"], LABELS)
    np.testing.assert_array_equal(rows["index"], np.arange(6))
    np.testing.assert_allclose(rows["loss"], np.log1p(np.exp(-4)), rtol=1e-5)
    assert task.summarize(rows)["accuracy"] == 1
    (name, loss), = task.losses(given)
    assert name == "model" and float(loss) == pytest.approx(np.log1p(np.exp(-4)), rel=1e-5)
    assert task.training_metrics() == {"accuracy": 1.0} and task.training_metrics() == {"accuracy": 0.0}


@pytest.mark.parametrize("trust", [0.3, 1.0])
def test_a_teachers_answers_are_learnt_beside_the_labels(trust):
    values = RNG.random((6, 40)).astype(np.float32)  # as logits from -4 to 4, of student and teacher alike
    (_, loss), = AttributeTask(Told(), teacher=Told(), trust=trust).losses(batch(LABELS, pictures(values)))
    p = sigmoid(8 * values - 4)
    target = (1 - trust) * in_head_order(LABELS) + trust * p
    expected = -(target * np.log(p) + (1 - target) * np.log(1 - p)).mean()
    assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_one_attribute_is_one_column():
    """A network that sees a necktie only is told so in the column of neckties."""
    values = np.zeros((1, 40))
    values[0, HEAD_ORDER.index("Wearing_Necktie")] = 1
    rows = AttributeTask(Told()).evaluate(batch(LABELS[:1], pictures(values)))
    assert np.flatnonzero(rows["probabilities"][0] > 0.5).tolist() == [ATTRIBUTES.index("Wearing_Necktie")]


def test_the_mirror_image_has_half_a_say():
    values = RNG.random((3, 40)).astype(np.float32)
    given = batch(LABELS[:3], pictures(values))
    alone, both = (AttributeTask(Told(), flip_at_test=flip).evaluate(given) for flip in (False, True))
    heads = [HEAD_ORDER.index(name) for name in ATTRIBUTES]
    np.testing.assert_allclose(alone["probabilities"], sigmoid(8 * values - 4)[:, heads], atol=1e-6)
    np.testing.assert_allclose(both["probabilities"], 0.5, atol=1e-6)  # the mirror image says the opposite
    np.testing.assert_array_equal(alone["loss"], both["loss"])


@pytest.mark.compat
@pytest.mark.parametrize("gamma", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_losses_are_the_formulas(gamma, weighted):
    values = RNG.random((6, 40)).astype(np.float32)
    weights = RNG.uniform(0.5, 9, 40).astype(np.float32) if weighted else None  # in the data set's order
    task = AttributeTask(Told(), weights, gamma)
    (_, loss), = task.losses(batch(LABELS, pictures(values)))
    total = 0.0
    for column, name in enumerate(HEAD_ORDER):
        y, p = LABELS[:, ATTRIBUTES.index(name)], sigmoid(8 * values[:, column] - 4)
        weight = weights[ATTRIBUTES.index(name)] if weighted else 1.0
        total += np.sum(np.where(y, -weight * (1 - p) ** gamma * np.log(p), -p**gamma * np.log(1 - p)))
    assert float(loss) == pytest.approx(total / LABELS.size, rel=1e-5)


def test_the_loss_stays_finite_where_the_network_is_certain():
    class Certain(nn.Layer):
        def __init__(self):
            super().__init__()
            self.scale = self.create_parameter([1], default_initializer=nn.initializer.Constant(200.0))

        def forward(self, images):
            return self.scale * (2 * images[:, 0, :, 0] - 1)

    for values in (in_head_order(LABELS), 1 - in_head_order(LABELS)):
        network = Certain()
        (_, loss), = AttributeTask(network, gamma=1.0).losses(batch(LABELS, pictures(values)))
        loss.backward()
        assert np.isfinite(float(loss)) and np.isfinite(network.scale.grad.numpy()).all()


def test_summary_is_that_of_the_metrics():
    rows = {"label": LABELS, "probabilities": RNG.random((6, 40)), "loss": RNG.random(6), "index": np.arange(6)}
    summary, measured = AttributeTask(Told()).summarize(rows), measure_attributes(LABELS, rows["probabilities"])
    assert summary == {"loss": pytest.approx(rows["loss"].mean()),
                       "accuracy": pytest.approx(measured["accuracy"].mean()),
                       "balanced_accuracy": pytest.approx(measured["balanced_accuracy"].mean()),
                       "f1": pytest.approx(measured["f1"].mean())}


@pytest.mark.parametrize("heads", ["regions", "single"])
def test_steps_of_training_lower_the_loss_and_reach_every_head(heads):
    paddle.seed(0)
    network = face_attribute_net("s0", 32, heads, widths=(16, 8))
    task = AttributeTask(network, gamma=1.0, positive_weights=np.full(40, 2.0))
    optimizer = paddle.optimizer.AdamW(0.003, parameters=network.parameters())
    given = batch(LABELS, RNG.random((6, 3, 32, 32), dtype=np.float32))
    before = {name: value.numpy() for name, value in network.named_parameters() if not value.stop_gradient}
    losses = []
    for _ in range(4):
        (_, loss), = task.losses(given)
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()
        losses.append(float(loss))
    assert losses[-1] < losses[0]
    now = dict(network.named_parameters())
    still = [name for name, value in before.items() if np.array_equal(value, now[name].numpy())]
    assert not [name for name in still if name.startswith("heads")] and len(still) < 0.05 * len(before), still
