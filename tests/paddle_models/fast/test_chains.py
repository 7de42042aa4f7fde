"""Chains: blocks of the kit's networks as one operation, equal to eager Paddle in results, gradients and statistics."""

import copy
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import paddle
import pytest
from paddle import nn
from paddle.vision.models.mobilenetv2 import InvertedResidual

import paddle_models  # noqa: F401  sets the environment before Paddle is imported
from paddle_models.fast import chains, fast_layers, onednn
from paddle_models.fast.bfloat16 import computing_in_bfloat16, obstacle
from paddle_models.fast.fast_layers import accelerate, restore
from paddle_models.fast.layers import Chained, ChainedParts
from paddle_models.networks import efficientformer_v2, glasses_cnn, resnet, swift_srgan

ROOT = Path(__file__).resolve().parents[3]
missing = fast_layers._obstacle()
pytestmark = pytest.mark.skipif(bool(missing), reason=missing)
short = pytest.mark.skipif(not missing and not onednn.multiplies_bfloat16(), reason="this processor has no bfloat16")

BLOCKS = {  # name: (block, channels of its input)
    "bottleneck": (lambda: resnet.Bottleneck(32, 8), 32),
    "bottleneck that shrinks": (lambda: resnet.Bottleneck(16, 8, stride=2), 16),
    "inverted residual": (lambda: InvertedResidual(16, 16, 1, 6), 16),
    "inverted residual that shrinks": (lambda: InvertedResidual(16, 24, 2, 6), 16),
    "ffn with layer scale": (lambda: efficientformer_v2.Block(16, 4, 0.0), 16),
    "stem": (lambda: efficientformer_v2.conv_norm_act(3, 16, 3, 2), 3),
    "residual of separable convolutions": (lambda: swift_srgan.ResidualBlock(16), 16),
    "first of the generator": (lambda: swift_srgan.ConvBlock(3, 8, 9, nn.PReLU(8), norm=False), 3),
    "of the discriminator": (lambda: swift_srgan.ConvBlock(8, 16, 3, nn.LeakyReLU(0.2), stride=2), 8),
    "pooling, then BatchNorm": (lambda: glasses_cnn.Block(3, 8, 3, "max"), 3),
    "means, then BatchNorm": (lambda: glasses_cnn.Block(3, 8, 3, "average"), 3),
    "twice the size by pixel shuffle": (lambda: swift_srgan.UpsampleBlock(8), 8),
    "twice the size, bilinear": (
        lambda: nn.Sequential(nn.Conv2D(3, 8, 1), nn.Upsample(scale_factor=2, mode="bilinear")), 3),
    "head": (lambda: nn.Sequential(nn.Conv2D(8, 16, 1), nn.ReLU6(), nn.AdaptiveAvgPool2D(1)), 8),
}


def images(*shape: int) -> paddle.Tensor:
    return paddle.to_tensor(np.random.default_rng(0).standard_normal(shape, dtype=np.float32), stop_gradient=False)


def outcome(block: nn.Layer, x: paddle.Tensor) -> list[np.ndarray]:
    """Result, gradients of the image and of every parameter, running statistics."""
    x.clear_gradient()
    block.clear_gradients()
    y = block(x)
    (y * y * paddle.linspace(0, 1, y.size).reshape(y.shape)).mean().backward()
    return [y.numpy(), x.grad.numpy(), *(p.grad.numpy() for p in block.parameters() if p.grad is not None),
            *(buffer.numpy() for buffer in block.buffers())]


def differences(found: list[np.ndarray], expected: list[np.ndarray]) -> list[float]:
    assert [a.shape for a in found] == [b.shape for b in expected]
    largest = max(np.linalg.norm(b) for b in expected[1:])  # by which a gradient of 0 but for rounding is judged
    return [float(np.linalg.norm(a - b) / (np.linalg.norm(b) + 0.02 * largest)) for a, b in zip(found, expected)]


@pytest.mark.parametrize("numbers, bound", [
    pytest.param(onednn.FLOAT32, 2e-4, id="float32"), pytest.param(onednn.BFLOAT16, 0.2, id="bfloat16", marks=short)])
@pytest.mark.parametrize("name", BLOCKS)
def test_blocks_are_chains_and_equal_eager_mode(name, numbers, bound):
    make, channels = BLOCKS[name]
    paddle.seed(1)
    eager = make()
    fast = copy.deepcopy(eager)
    assert accelerate(fast).used and isinstance(fast, Chained) and not isinstance(fast, ChainedParts)
    x = images(4, channels, 16, 12)
    expected = outcome(eager, x)
    assert numbers == onednn.FLOAT32 or obstacle(fast) == ""
    with chains.computing_in(numbers):
        errors = differences(outcome(fast, x), expected)
    assert max(errors) < bound and np.median(errors) < bound / 2


@pytest.mark.parametrize("name", BLOCKS)
def test_evaluation_without_gradients(name):
    make, channels = BLOCKS[name]
    block, x = make(), images(2, channels, 16, 16)
    for _, buffer in block.named_buffers():
        buffer.set_value(buffer + 0.3)
    block.eval()
    expected = block(x).numpy()
    accelerate(block)
    with paddle.no_grad():
        found = block(x)
    assert found.stop_gradient and np.allclose(found.numpy(), expected, rtol=1e-4, atol=1e-5)
    assert np.allclose(block(x).numpy(), expected, rtol=1e-4, atol=1e-5)


def test_whole_trunks_are_one_chain_and_nothing_else_changes():
    paddle.seed(0)
    net = resnet.resnet(50, 10)
    before = {key: (value.name, value.numpy()) for key, value in net.state_dict().items()}
    assert accelerate(net).used and isinstance(net, Chained) and isinstance(net, resnet.ResNet)
    assert [(key, value.name) for key, value in net.state_dict().items()] == [
        (key, name) for key, (name, _) in before.items()]
    net.eval()
    x = images(2, 3, 64, 64)
    found, twin = net(x).numpy(), copy.deepcopy(net)
    twin.conv1.weight.set_value(twin.conv1.weight * 2)
    assert np.array_equal(net(x).numpy(), found)
    restore(net)
    assert type(net) is resnet.ResNet and type(net.layer1) is nn.Sequential and not hasattr(net, "hooks_inside")
    assert np.allclose(net(x).numpy(), found, rtol=1e-3, atol=1e-4)
    assert all(np.array_equal(value.numpy(), before[key][1]) for key, value in net.state_dict().items())


def test_frozen_parts_and_images_without_gradient():
    paddle.seed(1)
    eager = nn.Sequential(resnet.Bottleneck(16, 8, 2), resnet.Bottleneck(32, 8))
    fast = copy.deepcopy(eager)
    accelerate(fast)
    results = []
    for net in (eager, fast):
        for parameter in net[0].parameters():
            parameter.stop_gradient = True
        net[0].eval()  # frozen BatchNorm
        x = images(2, 16, 8, 8).detach()
        net(x).square().mean().backward()
        assert all(parameter.grad is None for parameter in net[0].parameters()) and x.grad is None
        results.append([x.numpy(), x.numpy(), *(p.grad.numpy() for p in net[1].parameters() if p.grad is not None)])
    assert max(differences(*results)) < 2e-4


def test_gradients_through_a_frozen_norm():
    paddle.seed(1)
    eager = nn.Sequential(nn.Conv2D(4, 8, 3), nn.BatchNorm2D(8), nn.ReLU(), nn.Conv2D(8, 8, 1))
    fast = copy.deepcopy(eager)
    accelerate(fast)
    for net in (eager, fast):
        net[1].eval()
    assert max(differences(outcome(fast, images(2, 4, 8, 8)), outcome(eager, images(2, 4, 8, 8)))) < 2e-4


def test_frozen_norms_of_blocks_alike_keep_their_own_statistics():
    """Such blocks share a program; the forward pass of the second comes before the backward pass of the first."""
    paddle.seed(1)
    eager = nn.LayerList([nn.Sequential(nn.Conv2D(4, 4, 1), nn.BatchNorm2D(4), nn.ReLU()) for _ in range(2)])
    eager[1][1]._mean.set_value(paddle.full([4], 0.3))
    eager[1][1]._variance.set_value(paddle.full([4], 9.0))
    eager.eval()
    fast = copy.deepcopy(eager)
    assert "eager:" not in accelerate(fast).reason
    results = []
    for net in (eager, fast):
        x = images(2, 4, 8, 8)
        parts = [block(x * (number + 1)) for number, block in enumerate(net)]
        sum((y * y).mean() for y in parts).backward()
        results.append([x.numpy(), x.grad.numpy(),
                        *(p.grad.numpy() for p in net.parameters() if p.grad is not None)])
    assert max(differences(*results)) < 2e-4


def test_hooks_see_the_images_inside():
    block = resnet.Bottleneck(16, 4)
    accelerate(block)
    x, seen = images(2, 16, 8, 8), []
    expected = block(x).numpy()
    hook = block.bn2.register_forward_post_hook(lambda layer, inputs, output: seen.append(output))
    assert np.allclose(block(x).numpy(), expected, rtol=1e-4, atol=1e-5)
    assert [image.shape for image in seen] == [[2, 4, 8, 8]] and seen[0].max() > 0
    hook.remove()
    block(x)
    assert len(seen) == 1


def test_a_sequential_joins_those_parts_that_can():
    paddle.seed(2)
    eager = nn.Sequential(nn.Conv2D(3, 8, 3), nn.BatchNorm2D(8), nn.Sigmoid(), nn.Conv2D(8, 8, 3), nn.ReLU(),
                          nn.MaxPool2D(2), nn.Flatten(), nn.Linear(72, 2))
    fast = copy.deepcopy(eager)
    assert accelerate(fast).used and isinstance(fast, ChainedParts)
    assert max(differences(outcome(fast, images(2, 3, 10, 10)), outcome(eager, images(2, 3, 10, 10)))) < 2e-4
    restore(fast)
    assert type(fast) is nn.Sequential


def test_an_unused_forward_pass_and_interleaved_ones():
    block = resnet.Bottleneck(16, 4)
    block.bn1._momentum = block.bn2._momentum = block.bn3._momentum = 1.0
    accelerate(block)
    x = images(2, 16, 8, 8)
    alone = outcome(block, x)
    block(x)  # its backward never comes
    block.clear_gradients()
    first, second = block(x), block(images(3, 16, 6, 6))
    (second * 0).sum().backward()
    x.clear_gradient()
    (first * first * paddle.linspace(0, 1, first.size).reshape(first.shape)).mean().backward()
    assert np.array_equal(x.grad.numpy(), alone[1])


@short
def test_bfloat16_is_for_accelerated_networks():
    block = resnet.Bottleneck(16, 4)
    assert "has none" in obstacle(block)
    accelerate(block)
    x = images(2, 16, 8, 8)
    exact = block(x)
    with computing_in_bfloat16():
        assert obstacle(block) == ""
        rounded = block(x)
    assert rounded.dtype == paddle.float32
    assert 1e-4 < float((rounded - exact).norm() / exact.norm()) < 3e-2
    assert block.conv1.weight.dtype == paddle.float32


OLD_PROCESSOR = """
import numpy as np
import paddle_models, paddle
from paddle_models.fast.bfloat16 import obstacle
from paddle_models.fast.fast_layers import accelerate
from paddle_models.networks.resnet import Bottleneck
from paddle_models.trainer.precision import Precision

block = Bottleneck(16, 4)
decision = accelerate(block)
precision = Precision("O1", "bfloat16", "cpu", ("model",))
precision.decorate(block, None)
print(decision.used, "agree" in decision.reason, obstacle(block), "|", precision.notice, precision.in_chains)
"""


def test_a_processor_without_the_instructions_computes_in_float32():
    done = subprocess.run([sys.executable, "-c", OLD_PROCESSOR], cwd=ROOT, capture_output=True, text=True, timeout=120,
                          env={**os.environ, "PYTHONPATH": str(ROOT), "ONEDNN_MAX_CPU_ISA": "AVX2"})
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("True True this processor has neither AVX512_BF16 nor AMX")
    assert "| bfloat16 is off: this processor" in done.stdout and done.stdout.strip().endswith("False")
