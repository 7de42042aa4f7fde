"""The assignments' networks on a GPU: a training step in mixed precision against float32, exports against eager
Paddle."""

import numpy as np
import paddle
import pytest
from paddle import nn

from assignments.bench import inference, training
from assignments.bench.networks import NETWORKS, draw_paddle
from paddle_models.deploy.export import export_network
from paddle_models.deploy.predictor import GPU_ERROR, Predictor, read_card, relative_difference, usable_engines
from paddle_models.trainer.loop import tensors
from paddle_models.trainer.optimizers import build_optimizer
from paddle_models.trainer.precision import Precision
from paddle_models.trainer.settings import OptimizerSettings

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(
    not paddle.is_compiled_with_cuda() or not paddle.device.cuda.device_count(), reason="no GPU")]


def gradients(name, level, device="gpu:0"):
    """(loss, gradients of all weights in one float64 array) of the first step, as Trainer._optimize computes them."""
    paddle.set_device(device)
    paddle.seed(0)
    workload = training.WORKLOADS[name]
    side, batch = workload.quick_side, 8
    network = NETWORKS[workload.network].paddle(side)
    draw_paddle(network)
    for layer in network.sublayers():
        if isinstance(layer, nn.Dropout):  # it draws other numbers in another precision
            layer.p = 0.0
    network.train()
    precision = Precision(level, "float16", device, ["model"])
    optimizer = build_optimizer(OptimizerSettings(), network.parameters(), 1e-3)
    precision.decorate(network, optimizer)
    task = workload.task(network)
    scaler = precision.scalers[next(iter(precision.scalers))]
    for _, loss in precision.forward(task.losses(tensors(workload.arrays(batch, side, np.random.default_rng(0))))):
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        value = float(loss.astype("float32"))
    found = [p.grad.astype("float32").numpy().ravel() for p in network.parameters() if not p.stop_gradient
             and p.grad is not None]
    return value, np.concatenate(found).astype(np.float64)


@pytest.mark.parametrize("level", ["O1", "O2"])
@pytest.mark.parametrize("name", sorted(training.WORKLOADS))
def test_a_step_in_mixed_precision_is_that_of_float32(name, level):
    exact, expected = gradients(name, "off")
    loss, found = gradients(name, level)
    assert loss == pytest.approx(exact, rel=0.02)
    assert len(found) == len(expected) and np.isfinite(found).all()
    alike = found @ expected / (np.linalg.norm(found) * np.linalg.norm(expected))
    assert alike > 0.95, alike  # cosine; random weights amplify rounding


@pytest.mark.parametrize("name", sorted(inference.WORKLOADS))
def test_an_export_answers_on_the_gpu_as_eager_paddle(name, tmp_path):
    paddle.set_device("gpu:0")
    workload = inference.WORKLOADS[name]
    images = workload.images(quick=True)
    network = NETWORKS[workload.network].paddle(images.shape[-1])
    draw_paddle(network)
    export_network(network, tmp_path / "exported", (None, *images.shape[1:]))
    expected = Predictor(tmp_path / "exported", "eager", network)(images)
    engines = [engine for engine in usable_engines(read_card(tmp_path / "exported")) if engine != "paddle-onednn"]
    assert "paddle" in engines
    for engine in engines:
        assert relative_difference(Predictor(tmp_path / "exported", engine)(images), expected) < GPU_ERROR, engine
