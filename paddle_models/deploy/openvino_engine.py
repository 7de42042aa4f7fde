"""OpenVINO as an engine for ONNX files, on CPUs. Its own Paddle reader knows no programs of Paddle 3."""

import functools
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from paddle_models.environment import threads

OPENVINO, OPENVINO_BFLOAT16, OPENVINO_INT8 = "openvino", "openvino-bf16", "openvino-int8"
# Of the numbers between the layers; a file in 8 bits says itself which of them are.
PRECISIONS = {OPENVINO: "f32", OPENVINO_BFLOAT16: "bf16", OPENVINO_INT8: "f32"}


@functools.cache
def engines() -> tuple[str, ...]:
    """Those that OpenVINO offers here: none where it is not installed, bfloat16 where the processor multiplies it."""
    if not importlib.util.find_spec("openvino"):
        return ()
    import openvino

    offered = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return (OPENVINO, OPENVINO_INT8, *([OPENVINO_BFLOAT16] if "BF16" in offered else []))


def session(file: Path, engine: str, any_size: bool = False) -> Callable[[np.ndarray], np.ndarray]:
    """An ONNX file in OpenVINO: float32 inputs (N, ...) to its first output, float32.

    any_size: of pictures whose sizes differ: one way for all, no slower where all layers are convolutions.
    One input is computed by all threads, and may be of another size where the network takes any. More are dealt out to
    as many streams as there are threads, so that none waits for another after each layer: a fifth of the CPU time for
    EfficientFormerV2. Each way is compiled when it is first wanted.
    """
    import openvino

    core = openvino.Core()
    settings = {"INFERENCE_PRECISION_HINT": PRECISIONS[engine], "INFERENCE_NUM_THREADS": threads()}

    @functools.lru_cache(4)
    def alone(shape: tuple[int, ...]) -> Any:
        model = core.read_model(str(file))
        model.reshape(list(shape))  # fixed, which is faster than any number
        return core.compile_model(model, "CPU", {**settings, "PERFORMANCE_HINT": "LATENCY"}).create_infer_request()

    @functools.cache
    def streams() -> list[Any]:
        wanted = {**settings, "PERFORMANCE_HINT": "THROUGHPUT", "NUM_STREAMS": threads()}
        compiled = core.compile_model(str(file), "CPU", wanted)
        return [compiled.create_infer_request() for _ in range(threads())]

    def run(inputs: np.ndarray) -> np.ndarray:
        if len(inputs) == 1:
            shape = (*inputs.shape[:2], -1, -1) if any_size else inputs.shape
            return alone(shape).infer({0: inputs}, share_inputs=True)[0]
        requests = streams()[:len(inputs)]
        for request, part in zip(requests, np.array_split(inputs, len(requests))):
            request.start_async({0: part}, share_inputs=True)
        for request in requests:
            request.wait()
        return np.concatenate([request.get_output_tensor(0).data for request in requests])

    return run
