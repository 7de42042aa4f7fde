"""Peers that infer: an export run by the kit's Predictor, eager Paddle, eager PyTorch. Same inputs and weights for all."""

import os
from dataclasses import dataclass
from typing import Callable, Dict, Tuple

import numpy as np

from assignments.bench.networks import NETWORKS, draw_paddle, draw_torch
from assignments.bench.training import import_torch
from assignments.bench.turns import Turns


@dataclass(frozen=True)
class Workload:
    """Batches of (3, H, W) in [0, 1] through a network of NETWORKS."""

    title: str
    network: str
    height: int
    width: int
    batch: int
    quick_side: int = 32

    def shape(self, quick: bool) -> Tuple[int, int, int, int]:
        """(N, 3, H, W)"""
        return (2, 3, self.quick_side, self.quick_side) if quick else (self.batch, 3, self.height, self.width)

    def images(self, quick: bool) -> np.ndarray:
        """One batch, the same in every peer."""
        return np.random.default_rng(0).random(self.shape(quick), dtype=np.float32)


WORKLOADS: Dict[str, Workload] = {
    "infer-resnet50": Workload("ResNet-50, 224x224, batch 8", "resnet50", 224, 224, 8),
    "infer-efficientformer_v2": Workload("EfficientFormerV2-S2, 224x224, batch 1", "efficientformer_v2_s2", 224, 224, 1),
    "infer-swift_srgan": Workload("Swift-SRGAN x4, 480x270 to 1920x1080, batch 1", "swift_srgan", 270, 480, 1, 8),
}


def kit(name: str, turns: Turns) -> None:
    """Exported as `python -m assignments export` does, then the fastest engine of those that are installed."""
    os.environ["KIT_CACHE"] = str(turns.scratch)  # an engine remembered by another run is not taken over
    import importlib.util

    from paddle_models import export
    from paddle_models.environment import threads
    from paddle_models.predictor import Predictor, choose_engine
    from paddle_models.trainer import runtime

    runtime.start("cpu")
    workload = WORKLOADS[name]
    images = workload.images(turns.quick)
    network, folder = NETWORKS[workload.network].paddle(images.shape[-1]), turns.scratch / "exported"
    draw_paddle(network)
    onnx = all(importlib.util.find_spec(package) for package in ("paddle2onnx", "onnx", "onnxruntime"))
    export.BATCHES = (len(images),)  # its check on more images than are measured takes 15 GB for enlarged frames
    export.export_network(network, folder, (None, *images.shape[1:]), onnx=onnx)
    del network
    choice = choose_engine(folder, len(images))
    times = ", ".join(f"{engine} {milliseconds:g} ms" for engine, milliseconds in choice.milliseconds.items())
    turns.note = f"{choice.engine} of {times}; {threads()} threads"
    _repeat(Predictor(folder, choice.engine), images, turns)


def paddle_default(name: str, turns: Turns) -> None:
    """Eager Paddle, nothing set. Paddle is imported before anything of the kit."""
    import paddle

    workload = WORKLOADS[name]
    images = workload.images(turns.quick)
    paddle.device.set_device("cpu")
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
