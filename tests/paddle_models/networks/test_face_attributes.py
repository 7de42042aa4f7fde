"""The seven heads of the course report: regions, order, sizes, gradients, export."""

import numpy as np
import paddle
import pytest
from paddle import nn
from paddle.static import InputSpec

from data_tools.drawing.attributes import ATTRIBUTES
from data_tools.errors import KitError
from paddle_models.networks.efficientformer_v2 import efficientformer_v2
from paddle_models.networks.face_attributes import FaceAttributeNet, face_attribute_net, to_head_order, to_label_order
from paddle_models.networks.face_regions import HEAD_ORDER, REGIONS
from paddle_models.networks.parts import count_parameters


def images(*shape):
    return paddle.to_tensor(np.random.default_rng(0).random(shape, dtype="float32"))


def test_regions_are_those_of_the_report():
    assert [len(attributes) for attributes in REGIONS.values()] == [9, 10, 5, 2, 9, 3, 2]
    assert len(ATTRIBUTES) == 40 and sorted(HEAD_ORDER) == sorted(ATTRIBUTES)
    examples = {"whole_face": "Attractive Male Smiling Young", "hair": "Bald Bangs Blond_Hair",
                "eyes": "Eyeglasses Narrow_Eyes Arched_Eyebrows", "nose": "Big_Nose Pointy_Nose",
                "lips_and_chin": "Big_Lips Mustache No_Beard", "cheeks_and_ears": "High_Cheekbones Rosy_Cheeks",
                "neck": "Wearing_Necklace Wearing_Necktie"}
    for region, names in examples.items():  # the report's own
        assert set(names.split()) <= set(REGIONS[region])


@pytest.mark.parametrize("make", [np.asarray, paddle.to_tensor])
def test_reordering_goes_by_name_and_back(make):
    labels = np.array(ATTRIBUTES)
    assert to_head_order(labels).tolist() == list(HEAD_ORDER)
    assert to_label_order(np.array(HEAD_ORDER)).tolist() == list(ATTRIBUTES)
    values = np.random.default_rng(0).random((3, 40)).astype("float32")
    heads = to_head_order(make(values))
    assert isinstance(heads, type(make(values)))
    mapping = [ATTRIBUTES.index(attribute) for attribute in HEAD_ORDER]  # the report's figure 3
    np.testing.assert_array_equal(np.asarray(heads), values[:, mapping])
    np.testing.assert_array_equal(np.asarray(to_label_order(heads)), values)


def test_reordering_refuses_another_width():
    with pytest.raises(KitError, match=r"\(2, 39\).*40 attributes"):
        to_label_order(np.zeros((2, 39)))


@pytest.mark.parametrize("variant, width, backbone", [("s0", 176, 3_246_256), ("s2", 288, 12_132_112)])
def test_sizes(variant, width, backbone):
    each = (width * 1024 + 1024) + (1024 * 512 + 512)
    assert count_parameters(face_attribute_net(variant, 224)) == backbone + 7 * each + (512 + 1) * 40
    assert count_parameters(face_attribute_net(variant, 224, heads="single")) == backbone + (width + 1) * 40


def test_heads_answer_in_head_order():
    """Each slice of the output depends on its own head alone."""
    network = face_attribute_net("s0", 64, widths=(16, 8))
    network.eval()
    x, start = images(2, 3, 64, 64), 0
    before = network(x).numpy()
    for region, attributes in REGIONS.items():
        network.heads[region].output.bias.set_value(network.heads[region].output.bias + 1)
        step = network(x).numpy() - before
        assert list(HEAD_ORDER[start:start + len(attributes)]) == list(attributes)
        assert np.allclose(step[:, start:start + len(attributes)], 1, atol=1e-5)
        assert np.allclose(np.delete(step, slice(start, start + len(attributes)), axis=1), 0)
        before, start = network(x).numpy(), start + len(attributes)


@pytest.mark.parametrize("heads, widths, dropout",
                         [("regions", (32, 16), 0.0), ("regions", (8,), 0.5), ("regions", (), 0.0),
                                                    ("single", (1024, 512), 0.0)])
def test_every_parameter_gets_a_gradient(heads, widths, dropout):
    paddle.seed(0)
    network = face_attribute_net("s0", 32, heads, widths, dropout)
    logits = network(images(4, 3, 32, 32))
    assert logits.shape == [4, 40]
    nn.functional.binary_cross_entropy_with_logits(logits, paddle.ones([4, 40])).backward()
    assert all(value.grad is not None for value in network.parameters() if not value.stop_gradient)
    assert sum(isinstance(layer, nn.Dropout) for layer in network.sublayers()) == 7 * len(widths) * (dropout > 0)


def test_probabilities_are_the_sigmoid():
    network = face_attribute_net("s0", 32, widths=(8,))
    network.eval()
    x = images(2, 3, 32, 32)
    np.testing.assert_allclose(network.probabilities(x), 1 / (1 + np.exp(-network(x).numpy())), rtol=1e-5)


def test_equal_seeds_give_equal_networks():
    states = []
    for _ in range(2):
        paddle.seed(3)
        states.append(face_attribute_net("s0", 32, widths=(8,)).state_dict())
    assert all(np.array_equal(states[0][name], states[1][name]) for name in states[0])


@pytest.mark.parametrize("change, message", [
    ({"heads": "region"}, "'region'; did you mean 'regions'"), ({"dropout": 1.0}, "dropout 1.0"),
    ({"widths": (0,)}, "widths"),
])
def test_settings_that_do_not_fit_are_named(change, message):
    with pytest.raises(KitError, match=message):
        FaceAttributeNet(efficientformer_v2("s0", 32), **change)


@pytest.mark.compat
def test_the_exported_network_gives_equal_outputs(tmp_path):
    network = face_attribute_net("s0", 64, widths=(16, 8), dropout=0.2)
    network.eval()
    x = images(3, 3, 64, 64)
    expected = network(x).numpy()
    static = paddle.jit.to_static(network, input_spec=[InputSpec([None, 3, 64, 64], "float32")], full_graph=True)
    paddle.jit.save(static, str(tmp_path / "faces"))
    np.testing.assert_allclose(paddle.jit.load(str(tmp_path / "faces"))(x), expected, atol=1e-5)
