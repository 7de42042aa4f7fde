"""An export in 8 bits: ONNX Runtime's static quantization of model.onnx, judged on real images before it counts.
OpenVINO runs the same file.

Weights for each output channel (signed), activations for each tensor (unsigned), their ranges from the calibration
images. On a CPU with int8 instructions (VNNI) ResNet-50 and MobileNetV2 gain, EfficientFormerV2 does not: its
activations between the convolutions go to and from 8 bits all the time.
"""

import importlib.util
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from data_tools.errors import KitError
from data_tools.files.atomic import file_sha256, write_atomically
from data_tools.quiet import STANDARD_ERROR, STANDARD_OUTPUT, quiet
from paddle_models.deploy.judged import BATCH, MOST_LOST, accuracy
from paddle_models.deploy.predictor import CARD, INT8, ONNX, last_line, onnx_session, read_card

CALIBRATION, CHECKED = 128, 2000  # images that are looked at, at most


def add_int8(folder: str | Path, calibration: np.ndarray, images: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Write model.int8.onnx into an exported folder that has model.onnx; returns what its card then says of it.

    calibration, images: inputs (N, C, H, W) in the card's range, of the training images and of others that judge.
    labels: class numbers (N,), or (N, K) 0 or 1 in the order of the outputs. Raises KitError, and leaves the folder as
    it was, where the accuracy falls by more than 0.3 points, packages are not installed or the network cannot be
    quantized.
    """
    folder = Path(folder)
    if not all(importlib.util.find_spec(package) for package in ("onnx", "onnxruntime")):
        raise KitError("8 bits need packages that are not installed: pip install -r requirements-onnx.txt")
    if ONNX not in read_card(folder).files:
        raise KitError(f"{folder} has no {ONNX}, from which the 8-bit network is made; export with --onnx")
    if not len(calibration) or not len(images):
        raise KitError("8 bits need images for calibration and others that judge the result; --data names a set with "
                       "both")
    with tempfile.TemporaryDirectory(dir=folder, prefix=".int8.") as temporary:
        file = Path(temporary) / INT8
        try:
            with quiet(STANDARD_OUTPUT, STANDARD_ERROR):
                quantize(folder / ONNX, file, calibration)
        except Exception as error:  # ONNX Runtime raises many kinds
            reason = last_line(error)
            raise KitError(f"ONNX Runtime cannot quantize the network: {reason}; export without --int8") from error
        exact, short = (accuracy(onnx_session(path), images, labels) for path in (folder / ONNX, file))
        if short < exact - MOST_LOST:
            raise KitError(f"in 8 bits {100 * short:.2f} % of {len(images)} images are answered right, before "
                           f"{100 * exact:.2f} %: more than 0.3 points are lost, so there is no 8-bit network; the "
                           "export in float32 is whole")
        found = {"accuracy": short, "accuracy_float32": exact, "images": len(images), "calibrated_on": len(calibration)}
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        card["files"][INT8] = {"bytes": file.stat().st_size, "sha256": file_sha256(file)}
        card["int8"] = found
        os.replace(file, folder / INT8)
    write_atomically(folder / CARD, (json.dumps(card, indent=2, ensure_ascii=False) + "\n").encode())
    return found


def quantize(source: Path, target: Path, calibration: np.ndarray) -> None:
    """Write the ONNX file `source` in 8 bits to `target`; calibration: its inputs, from which the ranges are taken."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Images(CalibrationDataReader):
        """The calibration images, batch by batch."""

        def __init__(self):
            self.parts = iter(np.array_split(calibration, range(BATCH, len(calibration), BATCH)))

        def get_next(self):
            part = next(self.parts, None)
            return None if part is None else {"x": part}

    folded = target.with_name("folded.onnx")
    quant_pre_process(str(source), str(folded), skip_symbolic_shape=True)
    quantize_static(str(folded), str(target), Images(), quant_format=QuantFormat.QDQ, per_channel=True,
                    activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)


def spread(count: int, most: int) -> np.ndarray:
    """Indices of at most `most` of `count` images, evenly spread over them all."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64)) if count else np.zeros(0, np.int64)
