"""OpenVINO as an engine for model.onnx, on CPUs. Its own Paddle reader knows no programs of Paddle 3."""

import functools
import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np

from paddle_models.environment import threads

OPENVINO, OPENVINO_BFLOAT16 = "openvino", "openvino-bf16"
PRECISIONS = {OPENVINO: "f32", OPENVINO_BFLOAT16: "bf16"}  # of the numbers between the layers


@functools.cache
def engines() -> tuple[str, ...]:
    """Those that OpenVINO offers here: none where it is not installed, bfloat16 where the processor multiplies it."""
    if not importlib.util.find_spec("openvino"):
        return ()
    import openvino

    offered = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return (OPENVINO, OPENVINO_BFLOAT16) if "BF16" in offered else (OPENVINO,)


def session(file: Path, engine: str) -> Callable[[np.ndarray], np.ndarray]:
    """An ONNX file in OpenVINO: float32 inputs to its first output, float32."""
    import openvino

    settings = {"INFERENCE_PRECISION_HINT": PRECISIONS[engine], "INFERENCE_NUM_THREADS": threads(),
                "PERFORMANCE_HINT": "LATENCY"}
    request = openvino.Core().compile_model(str(file), "CPU", settings).create_infer_request()
    return lambda inputs: request.infer({0: inputs})[0]
