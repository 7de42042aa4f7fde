"""Networks written for use without their code: Paddle Inference, on request ONNX, and a card; checked before they
count.

The folder holds model.json (model.pdmodel on Paddle 2), model.pdiparams, perhaps model.onnx, and card.json.
`predictor.Predictor` runs it.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import paddle
from paddle import nn

from data_tools.errors import KitError
from data_tools.files.atomic import file_sha256
from paddle_models.deploy.folding import fold_batch_norm, traceable_upsampling
from paddle_models.deploy.openvino_engine import OPENVINO_BFLOAT16
from paddle_models.deploy.predictor import (
    CARD,
    FORMAT,
    ONNX,
    PROGRAMS,
    WEIGHTS,
    Card,
    Predictor,
    allowed_error,
    last_line,
    relative_difference,
    usable_engines,
)
from paddle_models.networks.description import UNIT, described
from paddle_models.weights.files import sha256_of_weights

BATCHES = (1, 3)  # sizes on which the export is compared with the network
OPSET = 17
ONNX_PACKAGES = {3: "paddle2onnx==2.1.0 onnx==1.17.0 onnxruntime==1.20.1",
                 2: "paddle2onnx==1.3.1 onnx==1.17.0 onnxruntime==1.20.1"}


def export_network(network: nn.Layer, folder: str | Path, input_shape: Sequence[int | None],
                   classes: Sequence[str] = (), value_range: Sequence[float] | None = None,
                   onnx: bool = False, temperature: float = 1.0) -> dict[str, Any]:
    """Write `network` in evaluation mode to `folder` and return its card; an earlier export there is replaced.

    input_shape: (None, C, H, W), None being the batch; the network answers with one array (N, K). classes: names of the
    K outputs. value_range: of the inputs; None takes the network's description, else 0 to 1. temperature: for the card:
    what the outputs are to be divided by before they become probabilities. The network itself is left as it is,
    accelerated or not.
    Raises KitError when the network cannot be traced, when no engine runs it, when the outputs of any engine differ
    from the eager ones by more than 1e-4 of the largest (1e-2 with a GPU, which rounds more), or when `onnx` is asked
    for and paddle2onnx is not installed.
    """
    folder = Path(folder)
    if value_range is None:
        known = described(network)
        value_range = known.value_range if known else UNIT
    if onnx and not (importlib.util.find_spec("paddle2onnx") and importlib.util.find_spec("onnx")):
        packages = ONNX_PACKAGES[3 if int(paddle.__version__.split(".")[0]) >= 3 else 2]
        raise KitError(f"ONNX export needs packages that are not installed: pip install {packages}")
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / CARD).is_file())):
        raise KitError(f"{folder} is there and is no earlier export; choose another folder")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as temporary:
            written = Path(temporary) / "export"
            card = _write(network, written, tuple(input_shape), tuple(classes), tuple(value_range), onnx,
                          {"temperature": temperature} if temperature != 1 else {})
            if folder.exists():
                shutil.rmtree(folder)
            os.replace(written, folder)
    except OSError as error:
        reason = error.strerror or error
        raise KitError(f"cannot write {folder}: {reason}; make room or choose another folder") from error
    return card


def _write(network: nn.Layer, folder: Path, shape: tuple, classes: tuple, value_range: tuple,
           onnx: bool, more: dict[str, Any]) -> dict[str, Any]:
    folder.mkdir()
    trace(fold_batch_norm(network), folder, shape)
    if not (folder / WEIGHTS).is_file():
        raise KitError(f"{type(network).__name__} has no weights: there is nothing to export")
    if onnx:
        write_onnx(folder)
    state = {name: value.numpy() for name, value in network.state_dict().items()}
    card = {"format": FORMAT, "network": type(network).__name__, "input_shape": list(shape),
            "value_range": list(value_range), "classes": list(classes), "weights_sha256": sha256_of_weights(state),
            "paddle": paddle.__version__, **more,
            "files": {path.name: {"bytes": path.stat().st_size, "sha256": file_sha256(path)}
                      for path in sorted(folder.iterdir()) if path.name in (WEIGHTS, ONNX, *PROGRAMS)}}
    path = folder / CARD
    path.write_text(json.dumps(card), encoding="utf-8")
    card["largest_difference"], card["not_usable"] = _compare(network, folder, classes)
    path.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return card


def trace(network: nn.Layer, folder: Path, shape: tuple) -> None:
    """Write the program and weights of Paddle Inference; shape: of the inputs, None first."""
    spec = [paddle.static.InputSpec(list(shape), "float32", "x")]
    try:
        with traceable_upsampling(), paddle.no_grad():
            paddle.jit.save(paddle.jit.to_static(network, input_spec=spec, full_graph=True), str(folder / "model"))
    except KitError:
        raise
    except Exception as error:  # whatever a forward pass meets in tracing
        name = type(network).__name__
        raise KitError(f"{name} cannot be exported with inputs {shape}: {last_line(error)}") from error


def write_onnx(folder: Path) -> None:
    """Write model.onnx beside them, in a process of its own: paddle2onnx ends its process where it meets an operation
    that it does not know."""
    program = next(folder / name for name in PROGRAMS if (folder / name).is_file())
    # Its optimizers print errors and change nothing that counts here.
    options = {"opset_version": OPSET, **({"optimize_tool": "None"} if program.name == PROGRAMS[0] else {})}
    code = "import sys, json, zlib, paddle2onnx; paddle2onnx.export(*sys.argv[1:4], **json.loads(sys.argv[4]))"
    files = [str(program), str(folder / WEIGHTS), str(folder / ONNX)]
    done = subprocess.run([sys.executable, "-c", code, *files, json.dumps(options)], capture_output=True, text=True,
                          errors="replace")
    if done.returncode or not (folder / ONNX).is_file():
        reason = last_line(RuntimeError(done.stdout + done.stderr)).rpartition("\t")[2]  # without time and colour
        raise KitError(f"paddle2onnx cannot convert the network: {reason}; export it without --onnx")


def _compare(network: nn.Layer, folder: Path, classes: tuple) -> tuple[dict[str, float], dict[str, str]]:
    """({engine: largest difference from eager mode}, {engine: why it cannot be used})."""
    eager = Predictor(folder, "eager", network)
    inputs = [eager.card.samples(count) for count in BATCHES]
    expected = [eager(batch) for batch in inputs]
    if classes and expected[0].shape[-1] != len(classes):
        raise KitError(f"the network has {expected[0].shape[-1]} outputs and {len(classes)} class names were given")
    found, refused = {}, {}
    for engine in usable_engines(eager.card):
        try:
            predictor = Predictor(folder, engine)
        except KitError as error:
            refused[engine] = str(error).replace(str(folder), "the folder")
            continue
        worst = float(np.max([relative_difference(predictor(a), b) for a, b in zip(inputs, expected)]))
        if engine == OPENVINO_BFLOAT16 and not worst <= allowed_error(engine):
            refused[engine] = f"its outputs differ by {worst:.1e} of the largest (bound {allowed_error(engine):.0e})"
            continue
        if not worst <= allowed_error(engine):
            raise KitError(f"the exported network does not answer as the network itself: with engine {engine} the "
                           f"outputs differ by {worst:.1e} of the largest (bound {allowed_error(engine):.0e}); "
                           "nothing was written")
        found[engine] = worst
    if not found:
        raise KitError(f"no engine runs the exported network: {'; '.join(refused.values())}")
    return found, refused


__all__ = ["Card", "Predictor", "export_network"]
