"""Peers of the benchmark that infer. Nothing is timed here."""

import io
import json
from functools import partial

import numpy as np
import pytest

from assignments.bench import inference
from assignments.bench.networks import NETWORKS, draw_paddle
from assignments.bench.turns import Absent, Finished, Turns
from paddle_models.deploy.predictor import writes_onnx


@pytest.mark.parametrize("peer", [
    inference.kit, inference.paddle_default, inference.pytorch, inference.openvino, inference.onnx_runtime,
    inference.kit_in_bfloat16, partial(inference.pytorch, channels_last=True, bfloat16=True),
    partial(inference.openvino, precision="bf16")])
def test_one_turn_of_inference(tmp_path, monkeypatch, peer):
    monkeypatch.setattr("sys.stdin", io.StringIO("go\n"))
    monkeypatch.setenv("KIT_CACHE", str(tmp_path))  # the peer sets both
    monkeypatch.setattr("paddle_models.deploy.export.BATCHES", (1,))
    said = io.StringIO()
    try:
        with pytest.raises(Finished):
            peer("infer-swift_srgan", Turns(0.0, True, tmp_path, said))
    except Absent as reason:
        pytest.skip(str(reason))
    ready, turn = map(json.loads, said.getvalue().splitlines())
    assert turn["units"] == 2 and turn["seconds"] > 0
    assert "threads" in ready["ready"] or peer not in (inference.kit, inference.pytorch)


def test_eight_bits_that_are_not_installed_are_said_so(tmp_path):
    if writes_onnx():
        pytest.skip("they are")
    with pytest.raises(Absent, match="not installed.*requirements-onnx.txt"):
        inference.kit_in_8_bits("infer-resnet50", Turns(0.0, True, tmp_path, io.StringIO()))


def test_two_halves_make_the_whole_frame():
    import paddle

    network = NETWORKS["swift_srgan"].paddle(0)
    draw_paddle(network)
    network.eval()
    image = np.random.default_rng(0).random((1, 3, 9, 96), dtype=np.float32)
    with paddle.no_grad():
        whole = network(paddle.to_tensor(image)).numpy()
        joined = inference.enlarge_in_halves(lambda part: network(paddle.to_tensor(part)).numpy(), 4, image)
    assert joined.shape == whole.shape == (1, 3, 36, 384) and np.abs(joined - whole).max() < 1e-4
