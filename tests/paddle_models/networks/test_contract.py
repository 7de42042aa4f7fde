"""What every network of the kit keeps: shapes, gradients, modes, weights by name, copies, and a description."""

import copy
import importlib
import pkgutil

import numpy as np
import paddle
import pytest
from paddle import nn

from paddle_models import networks as package
from paddle_models.networks.catalogue import CLASSIFIERS, networks
from paddle_models.networks.description import Description, described
from paddle_models.networks.parts import head_name, last_linear

BUILDERS = networks()
COUNT = 2


@pytest.fixture(scope="module", params=BUILDERS)
def network(request):
    paddle.seed(0)
    return BUILDERS[request.param]()


def inputs_of(network, seed=0):
    """The smallest inputs that a network takes, COUNT of each; large enough for BatchNorm where the size is free."""
    description = described(network)
    image = (3, *[max(description.smallest, 8)] * 2)
    shape = image if len(description.shape) == 3 else description.shape
    low, high = description.value_range
    rng = np.random.default_rng(seed)
    return [paddle.to_tensor(rng.uniform(low, high, (COUNT, *shape)).astype("float32"))
            for _ in range(description.inputs)]


def answers_of(network, inputs):
    found = network(*inputs)
    return found if isinstance(found, tuple) else (found,)


def expected_shape(network, inputs):
    """Enlarged images; logits, as many as the head has; features of a backbone; a distance."""
    if hasattr(network, "scale"):
        return [COUNT, 3, *(network.scale * side for side in inputs[0].shape[2:])]
    if len(inputs) == 2:
        return [COUNT]
    if described(network).head == "heads":
        return [COUNT, 40]
    layers = dict(network.named_sublayers())
    return [COUNT, layers[head_name(network)].weight.shape[1] if described(network).head else network.width]


def test_it_says_what_it_takes(network):
    description = described(network)
    assert isinstance(description, Description)
    low, high = description.value_range
    assert low < high and (low, high) in ((0.0, 1.0), (-1.0, 1.0))
    assert all(0 < deviation < 1 for deviation in description.deviation)
    if len(description.shape) == 3:
        assert description.shape[0] == 3 and all(side % description.smallest == 0 for side in description.shape[1:])
    names = {name for name, _ in network.named_sublayers()}
    assert description.head in names or not description.head and not last_linear(network)
    # what stands last is the head, or a part of it
    assert last_linear(network).startswith(description.head) or hasattr(network, "distillation_head")


def test_forward_and_backward_reach_every_weight(network):
    network.train()
    inputs = inputs_of(network)
    answers = answers_of(network, inputs)
    assert all(answer.shape == expected_shape(network, inputs) for answer in answers)
    assert all(np.isfinite(answer.numpy()).all() for answer in answers)
    sum((answer * answer).mean() + answer.mean() for answer in answers).backward()
    idle = described(network).idle
    trained = {name: p for name, p in network.named_parameters() if not p.stop_gradient}
    missed = {name for name, p in trained.items() if p.grad is None}
    assert missed == {name for name in trained if idle and idle.fullmatch(name)}
    assert all(np.isfinite(p.grad.numpy()).all() for name, p in trained.items() if name not in missed)
    network.clear_gradients()


def test_modes(network):
    network.train()
    assert all(layer.training for layer in network.sublayers(include_self=True))
    network.eval()
    assert not any(layer.training for layer in network.sublayers(include_self=True))
    inputs = inputs_of(network)
    with paddle.no_grad():
        together = network(*inputs)
        again = network(*inputs)
        alone = network(*(values[:1] for values in inputs))
    assert not isinstance(together, tuple) and together.shape == expected_shape(network, inputs)
    np.testing.assert_array_equal(together.numpy(), again.numpy())
    scale = float(together.abs().max())
    np.testing.assert_allclose(alone.numpy()[0], together.numpy()[0], rtol=1e-3, atol=1e-4 * scale)


def test_weights_pass_by_name_and_copies_answer_alike(network):
    network.eval()
    inputs = inputs_of(network, seed=1)
    twin = copy.deepcopy(network)
    with paddle.no_grad():
        expected = network(*inputs).numpy()
        np.testing.assert_array_equal(twin(*inputs).numpy(), expected)
        for parameter in twin.parameters():
            parameter.set_value(paddle.full_like(parameter, 0.01))
        np.testing.assert_array_equal(network(*inputs).numpy(), expected)  # a copy shares nothing
        state = {name: value.numpy() for name, value in network.state_dict().items()}
        assert state.keys() == twin.state_dict().keys()
        missing, unexpected = twin.set_state_dict(state)
        assert (missing, unexpected) == ([], [])
        np.testing.assert_array_equal(twin(*inputs).numpy(), expected)
    assert described(twin) == described(network)


def test_no_network_is_left_out():
    """Every layer class of the folder is one of the networks above or a part of one."""
    modules = [importlib.import_module(f"{package.__name__}.{found.name}")
               for found in pkgutil.iter_modules(package.__path__)]
    classes = {member for module in modules for member in vars(module).values()
               if isinstance(member, type) and issubclass(member, nn.Layer) and member.__module__ == module.__name__}
    built = {type(layer) for build in BUILDERS.values() for layer in build().sublayers(include_self=True)}
    assert classes and classes <= built
    assert set(CLASSIFIERS) <= set(BUILDERS)
