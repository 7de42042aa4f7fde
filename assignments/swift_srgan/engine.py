"""What computes a generator: the network itself, or OpenVINO where that is installed, in half of the time."""

import dataclasses
from collections.abc import Callable

import numpy as np

from assignments.common.export import kept
from assignments.swift_srgan.generators import NETWORK, Generator
from data_tools.errors import KitError
from data_tools.language import show
from paddle_models.deploy import openvino_engine, tiling
from paddle_models.deploy.openvino_engine import OPENVINO, OPENVINO_BFLOAT16
from paddle_models.deploy.predictor import ONNX, OPENVINO_HINT, allowed_error, relative_difference, writes_onnx

AUTO = "auto"
ENGINES = (AUTO, NETWORK, OPENVINO, OPENVINO_BFLOAT16)
TILE = 288  # of OpenVINO, longest side in pixels: as much memory as the network's 192, and less is computed twice
TRACED, TRIED = (64, 64), (40, 56)  # sizes of the pictures that the export is made with, and that it is tried on


def computed_by(generator: Generator, engine: str, device: str) -> Generator:
    """The generator with one of ENGINES; "auto" is OpenVINO in float32 on a CPU where it is installed and agrees.

    The export for OpenVINO is made once for each weights and kept in the cache. KitError where an engine that was asked
    for is not to be had, or differs from the network by more than `allowed_error` of the largest output.
    """
    if engine == AUTO:
        if device != "cpu" or _missing(OPENVINO):
            engine = NETWORK
        else:
            try:
                return computed_by(generator, OPENVINO, device)
            except KitError as error:
                show(f"note: {error}; the network computes by itself")
                engine = NETWORK
    if engine == NETWORK:
        from paddle_models.fast.fast_layers import accelerate

        accelerate(generator.network)
        return generator
    if missing := _missing(engine):
        raise KitError(f"engine {engine} cannot be used here: {missing}")
    return dataclasses.replace(generator, engine=engine, run=_openvino(generator, engine))


def tile_of(generator: Generator) -> int:
    """The side of tiles that is best for what computes the generator."""
    return tiling.TILE if generator.engine == NETWORK else TILE


def _missing(engine: str) -> str:
    """What is to be done before OpenVINO's engine can be used; "" where nothing is."""
    offered = openvino_engine.engines()
    if not offered:
        return OPENVINO_HINT
    if engine not in offered:
        return "this processor multiplies no bfloat16"
    return "" if writes_onnx() else "pip install -r requirements-onnx.txt"


def _openvino(generator: Generator, engine: str) -> Callable[[np.ndarray], np.ndarray]:
    from paddle_models.deploy.export import export_network

    def write(folder, onnx: bool) -> None:
        export_network(generator.network, folder, (None, 3, *TRACED), onnx=onnx)

    folder = kept(f"{generator.model}-{generator.sha256[:16]}", write)
    run = openvino_engine.session(folder / ONNX, engine, any_size=True)
    picture = np.random.default_rng(0).random((1, 3, *TRIED), dtype=np.float32)
    difference = relative_difference(run(picture), generator(picture))
    if not difference <= allowed_error(engine):
        raise KitError(f"{engine} differs from the network by {difference:.1e} of the largest output")
    return run
