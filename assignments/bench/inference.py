"""Peers that infer: an export run by the kit's Predictor, eager Paddle, PyTorch, OpenVINO, ONNX Runtime. Same inputs
and weights for all."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from assignments.bench.networks import NETWORKS, SCALE, draw_paddle, draw_torch
from assignments.bench.training import compile_torch, import_torch, start_gpu
from assignments.bench.turns import Absent, Turns
from data_tools.files.places import PROJECT_ROOT
from data_tools.machine import cores

NO_OPENVINO = "not installed (pip install -r requirements-openvino.txt)"


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


def kit_in_bfloat16(name: str, turns: Turns) -> None:
    """The same with OpenVINO in bfloat16. Random weights: whether the accuracy holds, `export --bfloat16` tells."""
    from paddle_models.deploy.openvino_engine import OPENVINO_BFLOAT16, engines
    from paddle_models.trainer import runtime

    _need_onnx()
    if OPENVINO_BFLOAT16 not in engines():
        raise Absent(NO_OPENVINO if not engines() else "this processor multiplies no bfloat16")
    runtime.start("cpu")
    folder, images = _export(name, turns, "exported-bfloat16")
    _run_export(name, folder, OPENVINO_BFLOAT16, images, turns)


def kit_on_gpu(name: str, engine: str, turns: Turns) -> None:
    """The export on a GPU; engine: "paddle" (Paddle Inference) or "tensorrt"."""
    from paddle_models.deploy.predictor import read_card, usable_engines

    start_gpu()
    folder, images = _export(name, turns)
    if engine not in usable_engines(read_card(folder)):
        raise Absent("no TensorRT here")
    _run_export(name, folder, engine, images, turns)


def kit_in_8_bits(name: str, turns: Turns) -> None:
    """model.onnx quantized by paddle_models/deploy/int8.py, in OpenVINO where it is installed, else in ONNX Runtime.
    Random weights and images: the speed is measured, not the accuracy."""
    _need_onnx()
    from data_tools.quiet import STANDARD_ERROR, STANDARD_OUTPUT, quiet
    from paddle_models.deploy import openvino_engine
    from paddle_models.deploy.int8 import quantize
    from paddle_models.deploy.predictor import INT8, ONNX, onnx_session
    from paddle_models.trainer import runtime

    runtime.start("cpu")
    folder, images = _export(name, turns, "exported-int8")
    with quiet(STANDARD_OUTPUT, STANDARD_ERROR):
        quantize(folder / ONNX, folder / INT8, images)
    by_openvino = openvino_engine.OPENVINO_INT8 in openvino_engine.engines()
    turns.note = "OpenVINO" if by_openvino else "ONNX Runtime"
    run = openvino_engine.session(folder / INT8, openvino_engine.OPENVINO_INT8) if by_openvino else onnx_session(
        folder / INT8)
    _repeat(run, images, turns)


def _need_onnx() -> None:
    from paddle_models.deploy.predictor import writes_onnx

    if not writes_onnx():
        raise Absent("not installed (pip install -r requirements-onnx.txt)")


def _export(name: str, turns: Turns, folder: str = "exported") -> tuple[Path, np.ndarray]:
    """(folder of the exported network, one batch of images)."""
    from paddle_models.deploy import export, predictor

    workload = WORKLOADS[name]
    images = workload.images(turns.quick)
    piece = images[..., frame_windows(images.shape[-1])[0][0]] if workload.in_halves(turns.quick) else images
    network = NETWORKS[workload.network].paddle(images.shape[-1])
    draw_paddle(network)
    export.BATCHES = (len(images),)  # its check on more images than are measured would take 10 GB for enlarged frames
    export.export_network(network, turns.scratch / folder, (None, *piece.shape[1:]), onnx=predictor.writes_onnx())
    return turns.scratch / folder, images


def _run_export(name: str, folder: Path, engine: str, images: np.ndarray, turns: Turns) -> None:
    from paddle_models.deploy.openvino_engine import PRECISIONS, session
    from paddle_models.deploy.predictor import FILES, Predictor

    predictor = Predictor(folder, engine)
    run: Callable[[np.ndarray], np.ndarray] = predictor
    if WORKLOADS[name].in_halves(turns.quick):
        if engine in PRECISIONS:  # takes whole frames
            run = session(folder / FILES[engine], engine)
        else:
            run = partial(enlarge_in_halves, predictor, SCALE)
    _repeat(run, images, turns)


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


def pytorch(name: str, turns: Turns, channels_last: bool = False, bfloat16: bool = False,
            compiled: bool = False) -> None:
    """PyTorch with its own default threads.

    channels_last: weights and images lie so, which is faster on CPUs. bfloat16: under autocast. compiled: by
    torch.compile with its weights frozen, which needs a C++ compiler.
    """
    torch = import_torch(turns)
    workload = WORKLOADS[name]
    images = workload.images(turns.quick)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    network = NETWORKS[workload.network].torch(images.shape[-1])
    draw_torch(network)
    network = network.eval().to(memory_format=layout)
    if compiled:
        from torch._inductor import config

        config.freezing = True
        network = compile_torch(network)

    def run(batch: np.ndarray) -> np.ndarray:
        return network(torch.from_numpy(batch).to(memory_format=layout)).float().numpy()

    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        run(images)  # compiles
        _repeat(run, images, turns)


def openvino(name: str, turns: Turns, precision: str = "f32") -> None:
    """OpenVINO as its manual advises: fixed shapes; one image by all cores, more in as many streams as there are cores.
    """
    if importlib.util.find_spec("openvino") is None:
        raise Absent(NO_OPENVINO)
    import openvino

    core, images = openvino.Core(), WORKLOADS[name].images(turns.quick)
    if precision == "bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise Absent("this processor multiplies no bfloat16")
    parts = np.array_split(images, min(len(images), cores()))
    model = core.read_model(str(_onnx(name, turns)))
    model.reshape(parts[0].shape)
    how = {"PERFORMANCE_HINT": "LATENCY"} if len(parts) == 1 else {"PERFORMANCE_HINT": "THROUGHPUT",
                                                                   "NUM_STREAMS": len(parts)}
    compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": precision, **how})
    turns.note = f"OpenVINO {openvino.__version__}, {', '.join(map(str, how.values()))}"
    requests = [compiled.create_infer_request() for _ in parts]

    def run(batch: np.ndarray) -> np.ndarray:
        for request, part in zip(requests, np.array_split(batch, len(requests))):
            request.start_async({0: part}, share_inputs=True)
        for request in requests:
            request.wait()
        return np.concatenate([request.get_output_tensor(0).data for request in requests])

    _repeat(run, images, turns)


def onnx_runtime(name: str, turns: Turns) -> None:
    """ONNX Runtime with its own defaults."""
    _need_onnx()
    import onnxruntime

    session = onnxruntime.InferenceSession(str(_onnx(name, turns)), providers=["CPUExecutionProvider"])
    turns.note = f"ONNX Runtime {onnxruntime.__version__}"
    _repeat(lambda batch: session.run(None, {"x": batch})[0], WORKLOADS[name].images(turns.quick), turns)


def _onnx(name: str, turns: Turns) -> Path:
    """The network as an ONNX file for whole batches of the workload, written in a process that ends: Paddle and its
    settings are none of the rival's."""
    _need_onnx()
    folder = turns.scratch / f"onnx-{os.getpid()}"
    folder.mkdir()
    code = ("import sys; from pathlib import Path; from assignments.bench import inference\n"
            "inference.write_onnx(sys.argv[1], sys.argv[2] == 'quick', Path(sys.argv[3]))")
    subprocess.run([sys.executable, "-c", code, name, "quick" if turns.quick else "full", str(folder)],
                   cwd=PROJECT_ROOT, check=True)
    return folder / "model.onnx"


def write_onnx(name: str, quick: bool, folder: Path) -> None:
    """The same graph as the kit's export, for batches of any size."""
    from paddle_models.deploy import export
    from paddle_models.deploy.folding import fold_batch_norm

    workload = WORKLOADS[name]
    shape = workload.shape(quick)
    network = NETWORKS[workload.network].paddle(shape[-1])
    draw_paddle(network)
    export.trace(fold_batch_norm(network), folder, (None, *shape[1:]))
    export.write_onnx(folder)


def _repeat(run: Callable[[np.ndarray], np.ndarray], images: np.ndarray, turns: Turns) -> None:
    """NumPy in, NumPy out, again and again."""
    for turn in turns:
        while turn.lasts():
            run(images)
            turn.done(len(images))
