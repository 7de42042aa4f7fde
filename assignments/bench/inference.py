"""Peers that infer: an export run by the kit's Predictor, eager Paddle, eager PyTorch. Same inputs and weights for
all."""

import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from assignments.bench.networks import NETWORKS, SCALE, draw_paddle, draw_torch
from assignments.bench.training import import_torch, start_gpu
from assignments.bench.turns import Absent, Turns

ONNX_PACKAGES = ("paddle2onnx", "onnx", "onnxruntime")


@dataclass(frozen=True)
class Workload:
    """Batches of (3, H, W) in [0, 1] through a network of NETWORKS; halves: the export takes a frame in two windows."""

    title: str
    network: str
    height: int
    width: int
    batch: int
    quick_side: int = 32
    halves: bool = False

    def shape(self, quick: bool) -> tuple[int, int, int, int]:
        """(N, 3, H, W)"""
        return (2, 3, self.quick_side, self.quick_side) if quick else (self.batch, 3, self.height, self.width)

    def in_halves(self, quick: bool) -> bool:
        """Whether a frame goes through the export in two windows; tiny ones do not."""
        return self.halves and not quick

    def images(self, quick: bool) -> np.ndarray:
        """One batch, the same in every peer."""
        return np.random.default_rng(0).random(self.shape(quick), dtype=np.float32)


WORKLOADS: dict[str, Workload] = {
    "infer-resnet50": Workload("ResNet-50, 224x224, batch 8", "resnet50", 224, 224, 8),
    "infer-efficientformer_v2": Workload("EfficientFormerV2-S2, 224x224, batch 1", "efficientformer_v2_s2", 224, 224,
                                         1),
    "infer-swift_srgan": Workload("Swift-SRGAN x4, 480x270 to 1920x1080, batch 1", "swift_srgan", 270, 480, 1, 8,
                                  halves=True),
}


def kit(name: str, turns: Turns) -> None:
    """Exported as `python -m assignments export` does, then the fastest engine of those that are installed."""
    from paddle_models.deploy.predictor import choose_engine
    from paddle_models.environment import threads
    from paddle_models.trainer import runtime

    os.environ["KIT_CACHE"] = str(turns.scratch)  # an engine remembered by another run is not taken over
    runtime.start("cpu")
    folder, images = _export(name, turns)
    choice = choose_engine(folder, len(images))
    times = ", ".join(f"{engine} {milliseconds:g} ms" for engine, milliseconds in choice.milliseconds.items())
    turns.note = f"{choice.engine} of {times}; {threads()} threads"
    _run_export(name, folder, choice.engine, images, turns)


def kit_on_gpu(name: str, engine: str, turns: Turns) -> None:
    """The export on a GPU; engine: "paddle" (Paddle Inference) or "tensorrt"."""
    from paddle_models.deploy.predictor import read_card, usable_engines

    start_gpu()
    folder, images = _export(name, turns)
    if engine not in usable_engines(read_card(folder)):
        raise Absent("no TensorRT here")
    _run_export(name, folder, engine, images, turns)


def kit_in_8_bits(name: str, turns: Turns) -> None:
    """model.onnx quantized by paddle_models/deploy/int8.py. Random weights and images: the speed is measured, not the
    accuracy."""
    if not all(importlib.util.find_spec(package) for package in ONNX_PACKAGES):
        raise Absent("not installed (pip install -r requirements-onnx.txt)")
    from data_tools.quiet import STANDARD_ERROR, STANDARD_OUTPUT, quiet
    from paddle_models.deploy.int8 import quantize
    from paddle_models.deploy.predictor import INT8, ONNX, onnx_session
    from paddle_models.trainer import runtime

    runtime.start("cpu")
    folder, images = _export(name, turns, "exported-int8")
    with quiet(STANDARD_OUTPUT, STANDARD_ERROR):
        quantize(folder / ONNX, folder / INT8, images)
    _repeat(onnx_session(folder / INT8), images, turns)


def _export(name: str, turns: Turns, folder: str = "exported") -> tuple[Path, np.ndarray]:
    """(folder of the exported network, one batch of images)."""
    from paddle_models.deploy import export

    workload = WORKLOADS[name]
    images = workload.images(turns.quick)
    piece = images[..., frame_windows(images.shape[-1])[0][0]] if workload.in_halves(turns.quick) else images
    network = NETWORKS[workload.network].paddle(images.shape[-1])
    draw_paddle(network)
    onnx = all(importlib.util.find_spec(package) for package in ONNX_PACKAGES)
    export.BATCHES = (len(images),)  # its check on more images than are measured would take 10 GB for enlarged frames
    export.export_network(network, turns.scratch / folder, (None, *piece.shape[1:]), onnx=onnx)
    return turns.scratch / folder, images


def _run_export(name: str, folder: Path, engine: str, images: np.ndarray, turns: Turns) -> None:
    from paddle_models.deploy.predictor import Predictor

    predictor = Predictor(folder, engine)
    halves = WORKLOADS[name].in_halves(turns.quick)
    _repeat(partial(enlarge_in_halves, predictor, SCALE) if halves else predictor, images, turns)


def frame_windows(width: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """((columns that are computed, columns of these that are kept), the same of the right half); equally wide, MARGIN
    in both."""
    from paddle_models.deploy.tiling import MARGIN

    half = width // 2
    return (slice(0, half + MARGIN), slice(0, half)), (slice(half - MARGIN, width), slice(MARGIN, None))


def enlarge_in_halves(network: Callable[[np.ndarray], np.ndarray], scale: int, images: np.ndarray) -> np.ndarray:
    """(N, C, H, W) to (N, C, scale H, scale W) in two parts: a whole frame's tensors take several GB in Paddle
    Inference."""
    parts = []
    for computed, kept in frame_windows(images.shape[-1]):
        enlarged = network(np.ascontiguousarray(images[..., computed]))
        parts.append(enlarged[..., scale * kept.start:None if kept.stop is None else scale * kept.stop])
    return np.concatenate(parts, axis=-1)


def paddle_default(name: str, turns: Turns, device: str = "cpu") -> None:
    """Eager Paddle, nothing set. Paddle is imported before anything of the kit. device: "cpu" or "gpu:0"."""
    import paddle

    if device != "cpu" and not (paddle.is_compiled_with_cuda() and paddle.device.cuda.device_count()):
        raise Absent("no GPU here")
    workload = WORKLOADS[name]
    images = workload.images(turns.quick)
    paddle.device.set_device(device)
    network = NETWORKS[workload.network].paddle(images.shape[-1])
    draw_paddle(network)
    network.eval()
    with paddle.no_grad():
        _repeat(lambda batch: network(paddle.to_tensor(batch)).numpy(), images, turns)


def pytorch(name: str, turns: Turns) -> None:
    """Eager PyTorch with its own default threads."""
    torch = import_torch(turns)
    workload = WORKLOADS[name]
    images = workload.images(turns.quick)
    network = NETWORKS[workload.network].torch(images.shape[-1])
    draw_torch(network)
    network.eval()
    with torch.inference_mode():
        _repeat(lambda batch: network(torch.from_numpy(batch)).numpy(), images, turns)


def _repeat(run: Callable[[np.ndarray], np.ndarray], images: np.ndarray, turns: Turns) -> None:
    """NumPy in, NumPy out, again and again."""
    for turn in turns:
        while turn.lasts():
            run(images)
            turn.done(len(images))
