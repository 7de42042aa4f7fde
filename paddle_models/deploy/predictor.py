"""Exported networks at work: one folder, several engines, the fastest chosen once and remembered.

An exported folder (paddle_models/deploy/export.py writes it) holds card.json, the program and weights of Paddle
Inference and perhaps model.onnx. Folders from elsewhere are not trusted: nothing but JSON of our own form is read from
them before the sizes and SHA-256 sums in the card have been compared with the files. Paddle is imported only by engines
that need it.
"""

import hashlib
import importlib.metadata
import importlib.util
import json
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data_tools import machine
from data_tools.errors import KitError
from data_tools.files import places
from data_tools.files.atomic import file_sha256, write_atomically
from paddle_models.deploy import openvino_engine
from paddle_models.deploy.openvino_engine import OPENVINO, OPENVINO_BFLOAT16, OPENVINO_INT8
from paddle_models.environment import paddle_version, threads
from paddle_models.tasks.modes import evaluating

CARD, WEIGHTS, ONNX, INT8 = "card.json", "model.pdiparams", "model.onnx", "model.int8.onnx"
PROGRAMS = ("model.json", "model.pdmodel")  # of Paddle 3 and of Paddle 2
LARGEST = {CARD: 2**20, WEIGHTS: 2**31, ONNX: 2**31, INT8: 2**31, **{name: 2**28 for name in PROGRAMS}}  # bytes
FORMAT = 1
INT8_ENGINE = "onnxruntime-int8"
FILES = {"onnxruntime": ONNX, INT8_ENGINE: INT8, OPENVINO: ONNX, OPENVINO_BFLOAT16: ONNX, OPENVINO_INT8: INT8}
ENGINES = ("paddle-onednn", "paddle", *FILES, "tensorrt", "eager")
SHORT = (OPENVINO_BFLOAT16, OPENVINO_INT8)  # chosen only where their accuracy was judged (judged.py)
CHUNK = 64  # inputs computed together
EXPORT_ERROR = 1e-4  # largest difference from eager Paddle, relative to the largest output
GPU_ERROR = 1e-2  # the same where either side computes on a GPU, which rounds to TF32 (10 bits) on its way
BFLOAT16_ERROR = 5e-2  # the same in bfloat16, whose numbers have 8 bits
WARM_UP, ROUNDS = 3, 9  # runs per engine when they are measured
GPU_MEGABYTES = 500  # that Paddle reserves at first; it takes more as needed

ONNX_HINT = "pip install onnxruntime==1.20.1"
OPENVINO_HINT = "pip install -r requirements-openvino.txt"


@dataclass(frozen=True)
class Card:
    """What card.json says. input_shape: (C, H, W) of one input; classes: names of the outputs, perhaps none;
    temperature: what the outputs are divided by before they become probabilities; judged: engines of SHORT whose
    accuracy was found good."""

    input_shape: tuple[int, ...]
    value_range: tuple[float, float]
    classes: tuple[str, ...]
    weights_sha256: str
    files: dict[str, dict[str, Any]]
    temperature: float = 1.0
    judged: tuple[str, ...] = ()

    @property
    def program(self) -> str:
        """Name of the program's file."""
        return next(name for name in PROGRAMS if name in self.files)

    def samples(self, count: int) -> np.ndarray:
        """(count, C, H, W) float32, the same numbers at each call, evenly spread over the value range."""
        low, high = self.value_range
        values = np.random.default_rng(0).random((count, *self.input_shape), dtype=np.float32)
        return (low + (high - low) * values).astype(np.float32)


def read_card(folder: str | Path) -> Card:
    """The card of an exported folder whose files are those that it lists; else KitError naming what is wrong."""
    folder = Path(folder)
    if not (folder / CARD).is_file():
        raise KitError(f"{folder} is no exported network: {CARD} is missing; write one with `python -m assignments "
                       f"export`")
    again = "export the network again"
    try:
        if (folder / CARD).stat().st_size > LARGEST[CARD]:
            raise KitError(f"{folder / CARD} is larger than {LARGEST[CARD]:,} bytes; {again}")
        found = json.loads((folder / CARD).read_text(encoding="utf-8"))
        card = _checked(found)
    except OSError as error:
        raise KitError(f"{folder / CARD} cannot be read ({error.strerror})") from error
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise KitError(f"{folder / CARD} is not a card of this kit ({reason}); {again}") from None
    for name, facts in card.files.items():
        path = folder / name
        size = path.stat().st_size if path.is_file() else -1
        if size != facts["bytes"] or size > LARGEST[name]:
            raise KitError(f"{path} has {max(size, 0):,} bytes where its card says {facts['bytes']:,}; {again}")
        if file_sha256(path) != facts["sha256"]:
            raise KitError(f"{path} is not the file that its card describes (SHA-256 differs); {again}")
    return card


def _checked(found: Any) -> Card:
    if found["format"] != FORMAT:
        raise ValueError(f"format {str(found['format'])[:20]} where {FORMAT} is known")
    shape, (low, high) = tuple(found["input_shape"][1:]), found["value_range"]
    classes, files, judged = tuple(found["classes"]), found["files"], tuple(found.get("judged", ()))
    if not shape or not all(type(side) is int and 0 < side <= 8192 for side in shape) or np.prod(shape) > 2**28:
        raise ValueError(f"input_shape {str(shape)[:60]}")
    if not all(isinstance(name, str) for name in (*classes, *judged, found["weights_sha256"])):
        raise ValueError("names are no texts")
    if not set(files) <= {WEIGHTS, ONNX, INT8,
                          *PROGRAMS} or WEIGHTS not in files or sum(name in files for name in PROGRAMS) != 1:
        raise ValueError(f"files {', '.join(map(str, files))[:100]}")
    temperature = float(found.get("temperature", 1.0))
    if not 0.01 <= temperature <= 100:
        raise ValueError(f"temperature {temperature}")
    return Card(shape, (float(low), float(high)), classes, found["weights_sha256"],
                {name: {"bytes": int(facts["bytes"]), "sha256": str(facts["sha256"])} for name, facts in files.items()},
                temperature, judged)


class Predictor:
    """An exported network with one engine: NumPy in, NumPy out.

    engine: one of ENGINES; "auto" takes the fastest that works here (see choose_engine). "eager" is the network itself
    in eager mode and wants `network`. KitError where the engine is unknown, not installed or refuses the network.
    """

    def __init__(self, folder: str | Path, engine: str = "auto", network=None):
        self.folder, self.card = Path(folder), read_card(folder)
        if engine == "auto":
            engine = choose_engine(folder).engine
        self.engine = engine
        self._run = _opened(self.folder, self.card, engine, network)

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        """Outputs float32 (N, K) for inputs (N, C, H, W) of the card's shape and value range; N is any number."""
        inputs = np.ascontiguousarray(inputs, dtype=np.float32)
        if inputs.shape[1:] != self.card.input_shape:
            raise KitError(f"{self.folder} takes inputs of shape (N, {', '.join(map(str, self.card.input_shape))}), "
                           f"not {inputs.shape}")
        if not len(inputs):
            return self._run(self.card.samples(1))[:0]
        parts = [self._run(inputs[start:start + CHUNK]) for start in range(0, len(inputs), CHUNK)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


def writes_onnx() -> bool:
    """Whether the packages of requirements-onnx.txt are installed."""
    return all(map(importlib.util.find_spec, ("paddle2onnx", "onnx", "onnxruntime")))


def usable_engines(card: Card) -> list[str]:
    """Engines that this machine may try on an export, "eager" apart."""
    found = ["paddle-onednn", "paddle"]
    if card.program == PROGRAMS[0] and paddle_version() < (3,):
        found = []
    offered: tuple[str, ...] = ("onnxruntime", INT8_ENGINE) if importlib.util.find_spec("onnxruntime") else ()
    if ONNX in card.files:
        offered += openvino_engine.engines()
    found += [engine for engine in offered if FILES[engine] in card.files]
    if found and importlib.util.find_spec("paddle") and _gpu_and_tensorrt():
        found.append("tensorrt")
    return found


def allowed_error(engine: str) -> float:
    """Largest difference of an engine from others here, relative to the largest output."""
    if engine == OPENVINO_BFLOAT16:
        return BFLOAT16_ERROR
    return GPU_ERROR if _gpu() else EXPORT_ERROR


def _gpu() -> bool:
    try:
        importlib.metadata.version("paddlepaddle-gpu")  # the CPU wheel needs no look at Paddle itself
    except importlib.metadata.PackageNotFoundError:
        return False
    import paddle

    return bool(paddle.device.cuda.device_count())


def _gpu_and_tensorrt() -> bool:
    if not _gpu():
        return False
    from paddle import inference

    return inference.get_trt_compile_version() > (0, 0, 0)


def _opened(folder: Path, card: Card, engine: str, network) -> Callable[[np.ndarray], np.ndarray]:
    if engine not in ENGINES:
        raise KitError(f"unknown engine {engine!r}; there are auto, {', '.join(ENGINES)}")
    if engine == "eager":
        return _eager(network)
    if engine not in usable_engines(card):
        raise KitError(f"engine {engine} cannot be used here: {_obstacle(folder, card, engine)}")
    try:
        run = _loaded(folder, card, engine)
        run(card.samples(1))
    except Exception as error:  # Paddle, ONNX Runtime and OpenVINO raise many kinds
        raise KitError(f"engine {engine} refuses the network in {folder}: {last_line(error)}; take another") from error
    return run


def _loaded(folder: Path, card: Card, engine: str) -> Callable[[np.ndarray], np.ndarray]:
    if engine in openvino_engine.PRECISIONS:
        return openvino_engine.session(folder / FILES[engine], engine)
    return onnx_session(folder / FILES[engine]) if engine in FILES else _paddle(folder, card, engine)


def last_line(error: Exception) -> str:
    """The line of a long C++ error that says something."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return next((line for line in lines if "Error:" in line or "(Unimplemented)" in line), lines[-1] if lines else
                type(error).__name__)[:300]


def _obstacle(folder: Path, card: Card, engine: str) -> str:
    if engine in FILES and FILES[engine] not in card.files:
        return f"{folder} has no {FILES[engine]}; export with {'--onnx' if FILES[engine] == ONNX else '--int8'}"
    if engine in ("onnxruntime", INT8_ENGINE):
        return ONNX_HINT
    if engine in openvino_engine.PRECISIONS:
        return "this processor multiplies no bfloat16" if openvino_engine.engines() else OPENVINO_HINT
    if engine == "tensorrt":
        return "Paddle with a GPU and TensorRT is needed"
    return f"{card.program} was written by Paddle 3 and this is Paddle {'.'.join(map(str, paddle_version()))}"


def _eager(network) -> Callable[[np.ndarray], np.ndarray]:
    if network is None:
        raise KitError("engine eager needs the network itself, which an exported folder does not hold; take another "
                       "engine")
    import paddle

    def run(inputs: np.ndarray) -> np.ndarray:
        with evaluating(network), paddle.no_grad():
            return network(paddle.to_tensor(inputs)).numpy()

    return run


def _paddle(folder: Path, card: Card, engine: str) -> Callable[[np.ndarray], np.ndarray]:
    import paddle
    from paddle import inference

    config = inference.Config(str(folder / card.program), str(folder / WEIGHTS))
    config.disable_glog_info()
    config.switch_ir_optim(True)
    if card.program == PROGRAMS[1]:  # on programs of Paddle 3 it fails
        config.enable_memory_optim()
    if engine != "paddle-onednn" and paddle.is_compiled_with_cuda() and paddle.device.cuda.device_count():
        config.enable_use_gpu(GPU_MEGABYTES, 0)
        if engine == "tensorrt":
            config.enable_tensorrt_engine(workspace_size=1 << 30, max_batch_size=CHUNK, min_subgraph_size=3,
                                          precision_mode=inference.PrecisionType.Float32)
            most = {"x": [CHUNK, *card.input_shape]}
            config.set_trt_dynamic_shape_info({"x": [1, *card.input_shape]}, most, {"x": [1, *card.input_shape]})
    else:
        config.disable_gpu()
        config.set_cpu_math_library_num_threads(threads())
        if engine == "paddle-onednn":
            config.enable_mkldnn()
        elif hasattr(config, "disable_mkldnn"):  # on by default from Paddle 3 on
            config.disable_mkldnn()
    predictor = inference.create_predictor(config)
    source = predictor.get_input_handle(predictor.get_input_names()[0])
    result = predictor.get_output_handle(predictor.get_output_names()[0])

    def run(inputs: np.ndarray) -> np.ndarray:
        source.reshape(inputs.shape)
        source.copy_from_cpu(inputs)
        predictor.run()
        return result.copy_to_cpu()

    return run


def onnx_session(file: Path) -> Callable[[np.ndarray], np.ndarray]:
    """An ONNX file in ONNX Runtime: inputs to its first output."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads(), 1
    options.log_severity_level = 3  # its warnings are about constants that it removes itself
    # Waiting threads that spin would take the cores from whatever runs between two calls: decoding, detection.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    offered = onnxruntime.get_available_providers()
    providers = [name for name in ("CUDAExecutionProvider", "CPUExecutionProvider") if name in offered]
    session = onnxruntime.InferenceSession(str(file), options, providers=providers)
    name = session.get_inputs()[0].name
    return lambda inputs: session.run(None, {name: inputs})[0]


@dataclass(frozen=True)
class Choice:
    """The fastest engine, milliseconds per call of those measured, why others were not, whether remembered."""

    engine: str
    milliseconds: dict[str, float]
    refused: dict[str, str]
    remembered: bool = False


def choose_engine(folder: str | Path, batch: int = 1, again: bool = False) -> Choice:
    """Measure the usable engines on `batch` inputs of the network's own shape, in turns, and remember the fastest.

    The choice lies in $KIT_CACHE (else the project's .cache), under the network's hash, this machine and its processor;
    `again` measures anew. An engine that fails, or whose outputs differ from plain Paddle's by more than 1e-4 (1e-2
    with a GPU), is not chosen. 8 bits and bfloat16 take part where their accuracy was judged when they were exported,
    whatever the difference; else they are for those who name them.
    """
    folder, card = Path(folder), read_card(folder)
    candidates = [engine for engine in usable_engines(card) if engine not in SHORT or engine in card.judged]
    memory = places.cache() / "engines" / f"{_machine_key(card, candidates, batch)}.json"
    known = None if again else _recall(memory, candidates)
    if known:
        return known
    runs, refused = {}, {}
    for engine in candidates:
        try:
            runs[engine] = _opened(folder, card, engine, None)
        except KitError as error:
            refused[engine] = str(error)
    if not runs:
        raise KitError(f"no engine runs {folder} here: "
                       f"{'; '.join(refused.values()) or 'export it again on this machine'}")
    inputs = card.samples(batch)
    reference = runs["paddle" if "paddle" in runs else next(iter(runs))](inputs)
    for engine in list(runs):
        difference = relative_difference(runs[engine](inputs), reference)
        judged = FILES.get(engine) == INT8 or engine in card.judged  # by their accuracy, at the export
        if not difference <= (float("inf") if judged else allowed_error(engine)):
            refused[engine] = f"its outputs differ by {difference:.1e}"
            del runs[engine]
    medians = _milliseconds(runs, inputs)
    choice = Choice(min(medians, key=lambda engine: medians[engine]), medians, refused)
    write_atomically(memory, json.dumps({"engine": choice.engine, "milliseconds": medians, "refused": refused,
                                         "processor": machine.processor()}).encode())
    return choice


def _milliseconds(runs: dict[str, Callable[[np.ndarray], np.ndarray]], inputs: np.ndarray) -> dict[str, float]:
    """Median time of a call of each engine, measured in turns; a single one runs but once."""
    times: dict[str, list[float]] = {engine: [] for engine in runs}
    for turn in range(WARM_UP + ROUNDS if len(runs) > 1 else 1):
        for engine, run in runs.items():
            begin = time.perf_counter()
            run(inputs)
            if turn >= WARM_UP or len(runs) == 1:
                times[engine].append(time.perf_counter() - begin)
    return {engine: round(1000 * float(np.median(values)), 3) for engine, values in times.items()}


def relative_difference(found: np.ndarray, expected: np.ndarray) -> float:
    """Largest |a - b| over the largest |b|; infinite for another shape, NaN where either holds NaN."""
    if found.shape != expected.shape:
        return float("inf")
    return float(np.max(np.abs(found - expected)) / max(float(np.max(np.abs(expected))), 1e-30))


def _machine_key(card: Card, candidates: list[str], batch: int) -> str:
    facts = [platform.node(), platform.machine(), machine.processor(), threads(), paddle_version(), candidates, batch,
             card.files]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:24]


def _recall(memory: Path, candidates: list[str]) -> Choice | None:
    """A remembered choice; None where there is none or it makes no sense."""
    try:
        if memory.stat().st_size > 2**16:
            return None
        found = json.loads(memory.read_text(encoding="utf-8"))
        return Choice(found["engine"], found["milliseconds"], found["refused"],
                      True) if found["engine"] in candidates else None
    except (OSError, ValueError, KeyError, TypeError):
        return None  # measured anew
