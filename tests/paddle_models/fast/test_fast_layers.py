"""Fast layers: the same results as eager mode, nothing else changed, nothing on standard error."""

import copy
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import paddle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paddle import nn

import paddle_models  # noqa: F401  sets the environment before Paddle is imported
from data_tools.files.places import PROJECT_ROOT
from paddle_models.fast import chains, fast_layers, onednn, program
from paddle_models.fast.convolution import Geometry
from paddle_models.fast.fast_layers import accelerate, restore
from paddle_models.fast.layers import FastConv2D, FastGELU, FastPReLU

ROOT = PROJECT_ROOT
possible = pytest.mark.skipif(bool(fast_layers._obstacle()), reason=fast_layers._obstacle())


def network() -> nn.Layer:
    """Plain, strided, depthwise, grouped and dilated convolutions, with and without bias, and a transposed one."""
    paddle.seed(3)
    return nn.Sequential(
        nn.Conv2D(3, 8, 3, padding=1),
        nn.BatchNorm2D(8),
        nn.GELU(),
        nn.Conv2D(8, 8, 3, padding="SAME", groups=8, bias_attr=False),
        nn.Conv2D(8, 12, 1, groups=4),
        nn.Conv2D(12, 12, 3, dilation=2, padding=[2, 2]),
        nn.Conv2D(12, 6, 3, stride=2, bias_attr=False),
        nn.Conv2DTranspose(6, 4, 2, stride=2),
    )


def images(*shape: int, seed: int = 0) -> paddle.Tensor:
    return paddle.to_tensor(np.random.default_rng(seed).standard_normal(shape, dtype=np.float32))


def outcome(net: nn.Layer, x: paddle.Tensor) -> list[np.ndarray]:
    """Output, gradient of the input and of every parameter that has one."""
    x = x.detach()
    x.stop_gradient = False
    net.clear_gradients()
    y = net(x)
    (y * y).mean().backward()
    return [y.numpy(), x.grad.numpy()] + [p.grad.numpy() for p in net.parameters() if p.grad is not None]


def assert_close(found: list[np.ndarray], expected: list[np.ndarray]) -> None:
    assert len(found) == len(expected)
    for a, b in zip(found, expected):
        assert np.linalg.norm(a - b) <= 1e-4 * np.linalg.norm(b) + 1e-6


@possible
def test_outputs_and_gradients_are_those_of_eager_mode():
    eager, fast = network(), network()
    decision = accelerate(fast)
    assert decision.used and "agree with eager" in decision.reason and "7 layers" in decision.reason
    assert [type(layer) for layer in fast].count(FastConv2D) == 5
    # Whole and partial batches, other sizes, and sizes whose digits run together to the same text.
    for shape in [(4, 3, 16, 16), (3, 3, 16, 16), (4, 3, 12, 13), (4, 3, 121, 3), (4, 3, 16, 16)]:
        assert_close(outcome(fast, images(*shape)), outcome(eager, images(*shape)))


@possible
def test_the_verdict_is_the_same_without_gradients_and_in_mixed_precision():
    fast_layers.verdict.cache_clear()
    with paddle.no_grad(), paddle.amp.auto_cast(dtype="bfloat16"):
        decision = accelerate(network())
    assert "7 layers" in decision.reason and "stay eager" not in decision.reason


@possible
def test_names_parameters_copies_and_restore():
    net = network()
    names = [(key, value.name) for key, value in net.state_dict().items()]
    accelerate(net)
    assert [(key, value.name) for key, value in net.state_dict().items()] == names
    twin = copy.deepcopy(net)
    twin[0].weight.set_value(twin[0].weight * 2)
    x = images(2, 3, 10, 10)
    assert not np.allclose(net(x).numpy(), twin(x).numpy())
    fast = outcome(net, x)
    restore(net)
    assert not any(isinstance(layer, FastConv2D) for layer in net.sublayers())
    assert [(key, value.name) for key, value in net.state_dict().items()] == names
    assert_close(fast[1:], outcome(net, x)[1:])
    assert accelerate(net).used and accelerate(net).used  # again, and twice


@possible
def test_evaluation_sees_new_weights():
    net = network()
    accelerate(net)
    net.eval()
    x = images(2, 3, 10, 10)
    with paddle.no_grad():
        before = net(x).numpy()
        net[0].weight.set_value(net[0].weight * 3)
        after = net(x).numpy()
        restore(net)
        assert_close([after], [net(x).numpy()])
    assert not np.allclose(before, after)


@possible
@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.data())
def test_any_convolution_equals_eager_mode(data):
    """Random channels, kernels, strides, dilations, groups, paddings and sizes; forward and both gradients."""
    draw = lambda low, high: data.draw(st.integers(low, high))  # noqa: E731
    groups = draw(1, 3)
    kernel, dilation = (draw(1, 4), draw(1, 4)), (draw(1, 2), draw(1, 2))
    padding = data.draw(st.sampled_from(["SAME", "VALID", 1, [0, 1], [1, 0, 2, 1], [[0, 0], [0, 0], [2, 0], [1, 1]]]))
    conv = nn.Conv2D(groups * draw(1, 9), groups * draw(1, 9), kernel, (draw(1, 3), draw(1, 3)), padding, dilation,
                     groups,
                     bias_attr=None if draw(0, 1) else False)
    x = images(draw(1, 3), conv._in_channels, draw(7, 20), draw(7, 20), seed=draw(0, 99))
    expected = outcome(conv, x)
    assert accelerate(conv).used, accelerate(conv).reason
    assert_close(outcome(conv, x), expected)
    with paddle.no_grad():
        assert_close([conv(x).numpy()], expected[:1])


@possible
@pytest.mark.parametrize("approximate", [False, True])
def test_gelu_equals_eager_mode(approximate):
    gelu, x = nn.GELU(approximate), images(2, 3, 5, 31) * 4
    expected = outcome(gelu, x)
    assert accelerate(gelu).used and type(gelu) is FastGELU
    assert_close(outcome(gelu, x), expected)
    assert_close([gelu(paddle.transpose(x, [0, 2, 3, 1])).numpy()], [expected[0].transpose(0, 2, 3, 1)])
    assert gelu(paddle.to_tensor(-2.0)).shape == []
    extremes = paddle.to_tensor([-100.0, -0.0, 100.0])
    assert gelu(extremes).tolist() == [0.0, 0.0, 100.0]
    assert type(gelu) is FastGELU and (restore(gelu) or type(gelu)) is nn.GELU


@possible
@pytest.mark.parametrize("slopes", [1, 3])
def test_prelu_equals_eager_mode(slopes):
    prelu, x = nn.PReLU(slopes), images(2, 3, 5, 31)
    expected = outcome(prelu, x)
    assert accelerate(prelu).used and type(prelu) is FastPReLU
    assert_close(outcome(prelu, x), expected)
    prelu._weight.stop_gradient = True
    prelu._weight.clear_gradient(False)
    assert_close(outcome(prelu, x), expected[:2])
    prelu._weight.stop_gradient = False
    prelu(x).square().mean().backward()  # x is data
    assert_close([prelu._weight.grad.numpy()], expected[2:])


@possible
@pytest.mark.parametrize("kernel, padding, bias", [((9, 9), 4, True), ((5, 7), [1, 2], False), ((4, 4), "SAME", True)])
def test_wide_depthwise_kernels_equal_eager_mode(kernel, padding, bias):
    conv = nn.Conv2D(6, 6, kernel, padding=padding, groups=6, bias_attr=None if bias else False)
    assert Geometry.of(conv).is_wide_depthwise()
    x = images(3, 6, 14, 17)
    expected = outcome(conv, x)
    assert accelerate(conv).used
    assert_close(outcome(conv, x), expected)


@possible
def test_inputs_it_does_not_cover_take_the_ordinary_way():
    conv = nn.Conv2D(3, 5, 3)
    accelerate(conv)
    with pytest.raises(ValueError, match="channel"):
        conv(images(1, 4, 8, 8))
    with pytest.raises(ValueError):
        conv(images(3, 8, 8))
    doubled = nn.Conv2D(3, 5, 3, bias_attr=False).to(dtype="float64")
    doubled.__class__ = FastConv2D
    assert doubled(paddle.to_tensor(images(1, 3, 8, 8).numpy().astype("float64"))).dtype == paddle.float64


@possible
def test_the_memory_of_many_image_sizes_is_bounded():
    conv = nn.Conv2D(3, 8, 3)
    accelerate(conv)
    with paddle.no_grad():
        for side in range(9, 60):
            conv(images(1, 3, side, side))
    assert chains.program_of.cache_info().maxsize == chains.KEPT_PROGRAMS
    assert program._spare.block.size < 2**28


@possible
@pytest.mark.parametrize("frozen", ["weight", "bias", "both"])
def test_frozen_parameters(frozen):
    results = []
    for use in (False, True):
        net = network()
        accelerate(net, enabled=use)
        for name, parameter in net.named_parameters():
            # BatchNorm as a whole: eager Paddle gives its shift no gradient where the scale wants none
            parameter.stop_gradient = frozen == "both" or name.endswith(frozen) or name.startswith("1.")
        results.append(outcome(net, images(2, 3, 9, 9)))
    assert_close(*results)


@possible
def test_input_without_gradient_and_transposed_views():
    conv = nn.Conv2D(3, 4, 3, bias_attr=False)
    x = paddle.transpose(images(2, 9, 9, 3), [0, 3, 1, 2])  # a view in Paddle 3
    results = []
    for use in (False, True):
        accelerate(conv, enabled=use)
        conv.clear_gradients()
        y = paddle.transpose(conv(x), [0, 2, 3, 1])
        y.mean(axis=[1, 2]).sum().backward()  # a gradient that is a view, too
        assert x.grad is None
        results.append([y.numpy(), conv.weight.grad.numpy()])
    assert_close(*results)


@possible
@pytest.mark.parametrize("wanted", ["image", "features", "first", "middle", "all"])
def test_gradients_of_chosen_tensors(wanted):
    results = []
    for use in (False, True):
        net = network()
        accelerate(net, enabled=use)
        image = images(2, 3, 12, 12)
        image.stop_gradient = wanted != "image"
        net(image)  # a forward pass whose backward never comes
        features = net[:4](image)
        score = net[4:](features).square().sum()
        chosen = {"image": [image], "features": [features], "first": [net[0].weight], "middle": [net[4].weight]}
        chosen["all"] = [net[0].weight, net[4].bias, features, net[6].weight]
        results.append([gradient.numpy() for gradient in paddle.grad(score, chosen[wanted])])
    assert_close(*results)


@possible
def test_an_accelerated_network_can_be_exported(tmp_path):
    net = network()
    accelerate(net)
    net.eval()
    x = images(2, 3, 16, 16)
    expected = net(x).numpy()
    paddle.jit.save(net, str(tmp_path / "net"), input_spec=[paddle.static.InputSpec([None, 3, 16, 16], "float32")])
    assert_close([paddle.jit.load(str(tmp_path / "net"))(x).numpy()], [expected])


@possible
def test_the_random_state_is_left_alone():
    net = network()
    paddle.seed(5)
    expected = paddle.rand([3]).numpy()
    paddle.seed(5)
    fast_layers.verdict.cache_clear()
    assert accelerate(net).used
    assert np.array_equal(paddle.rand([3]).numpy(), expected)


@possible
def test_a_convolution_that_fails_the_comparison_stays_eager(monkeypatch):
    monkeypatch.setitem(fast_layers.ERROR_BOUNDS, onednn.FLOAT32, 0.0)
    fast_layers.verdict.cache_clear()
    net = nn.Sequential(nn.Conv2D(16, 16, 3))
    decision = accelerate(net)
    fast_layers.verdict.cache_clear()
    assert not decision.used and "1 stay eager: convolution 16->16, 3x3" in decision.reason
    assert type(net[0]) is nn.Conv2D


def test_uncovered_convolutions_are_named():
    net = nn.Sequential(nn.Conv2D(3, 4, 3, padding=1, padding_mode="reflect"))
    decision = accelerate(net)
    assert not decision.used
    assert type(net[0]) is nn.Conv2D
    assert fast_layers._obstacle() or "reflect padding" in decision.reason


def test_off_by_the_user_and_without_convolutions():
    assert accelerate(network(), enabled=False).reason == "fast layers off: switched off by the settings"
    decision = accelerate(nn.Linear(2, 2))
    assert not decision.used and decision.reason.startswith("fast layers off: ")


def test_off_on_paddle_2(monkeypatch):
    monkeypatch.setattr(paddle, "__version__", "2.6.2")
    assert accelerate(network()).reason == "fast layers off: Paddle 2.6.2; 3.x is covered"


TRAINING = """
import sys
import numpy as np
import paddle_models, paddle
from paddle import nn
from paddle_models.fast.chains import computing_in
from paddle_models.fast.fast_layers import accelerate

begin, end, folder, kind = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
paddle.seed(0)
net = nn.Sequential(nn.Conv2D(3, 16, 3, padding=1), nn.BatchNorm2D(16), nn.ReLU(), nn.Conv2D(16, 16, 3, groups=16),
                    nn.Conv2D(16, 32, 1), nn.ReLU(), nn.AdaptiveAvgPool2D(1), nn.Flatten(), nn.Linear(32, 4))
optimizer = paddle.optimizer.Momentum(0.05, parameters=net.parameters())
if begin:
    with np.load(f"{folder}/state{begin}.npz", allow_pickle=False) as saved:
        net.set_state_dict({k[4:]: saved[k] for k in saved.files if k.startswith("net/")})
        optimizer.set_state_dict({k[4:]: saved[k] for k in saved.files if k.startswith("opt/")})
assert accelerate(net).used
for step in range(begin, end):
    rng = np.random.default_rng(step)
    batch = 8 if step % 3 else 5
    x = paddle.to_tensor(rng.standard_normal((batch, 3, 24, 24), dtype=np.float32))
    with computing_in(kind):
        loss = nn.functional.cross_entropy(net(x), paddle.to_tensor(rng.integers(0, 4, batch)))
    loss.backward()
    optimizer.step()
    optimizer.clear_grad()
    if step % 2:
        with paddle.no_grad():
            net(x)
state = {f"net/{k}": v.numpy() for k, v in net.state_dict().items()}
state.update({f"opt/{k}": v.numpy() for k, v in optimizer.state_dict().items() if hasattr(v, "numpy")})
np.savez(f"{folder}/state{end}.npz", **state)
"""


@possible
@pytest.mark.parametrize("numbers", [onednn.FLOAT32, onednn.BFLOAT16])
def test_training_repeats_and_resumes_bit_for_bit_in_new_processes(tmp_path, numbers):
    if not onednn.multiplies_bfloat16() and numbers == onednn.BFLOAT16:
        pytest.skip("this processor has no bfloat16")

    def train(begin: int, end: int, folder: Path) -> str:
        folder.mkdir(exist_ok=True)
        done = subprocess.run(
            [sys.executable, "-c", TRAINING, str(begin), str(end), str(folder), str(numbers)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        with np.load(folder / f"state{end}.npz", allow_pickle=False) as saved:
            return hashlib.sha256(b"".join(saved[key].tobytes() for key in sorted(saved.files))).hexdigest()

    whole = train(0, 6, tmp_path / "whole")
    assert train(0, 6, tmp_path / "again") == whole
    train(0, 3, tmp_path / "parts")
    assert train(3, 6, tmp_path / "parts") == whole
