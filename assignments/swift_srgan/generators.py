"""A generator ready for use, from a weight file or from a run folder."""

import dataclasses
import difflib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from assignments.common.pretrained import FOLDER as PRETRAINED
from assignments.swift_srgan.settings import SuperResolutionSettings
from data_tools.errors import KitError
from data_tools.files.places import expand
from paddle_models.deploy.predictor import CARD

MODELS = ("swift_srgan", "srgan", "esrgan")
KIT = ("pixel", "adversarial")  # x4 generators that came with the kit: nearer to the original, and sharper to the eye
NETWORK = "network"  # the engine that is the network itself; others: engine.py
BLEND, SHARPNESS = "blend", 0.5  # both of KIT averaged, the share of the second: sharper without its patterns in noise


@dataclass(frozen=True)
class Generator:
    """network: in evaluation mode. model: one of MODELS. source: the file or run that it came from, short. engine: what
    computes it; run: that, where it is not the network alone. refined: by refine()."""

    network: Any
    model: str
    source: str
    sha256: str
    engine: str = NETWORK
    run: Callable[[np.ndarray], np.ndarray] | None = None
    refined: bool = False

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """RGB in [0, 1], float32 (N, 3, H, W), to (N, 3, scale H, scale W)."""
        if self.run:
            return self.run(images)
        import paddle

        with paddle.no_grad():
            return self.network(paddle.to_tensor(images)).numpy()

    @property
    def scale(self) -> int:
        """Enlargement."""
        return self.network.scale

    @property
    def residual(self) -> bool:
        """Whether the output is added to the bicubic enlargement."""
        return getattr(self.network, "adds_to_bicubic", False)


def load_generator(source: str | Path, model: str = "", residual: bool | None = None) -> Generator:
    """The generator of a run folder (its best weights), of a .safetensors file, one of KIT, or BLEND ("blend:0.5": with
    this sharpness).

    The header of a file says model, scale and residual; `model` and `residual` say what it does not. KitError where
    neither tells, or the weights do not fit.
    """
    if str(source).partition(":")[0] == BLEND and not expand(source).exists():
        return _blended(_sharpness(str(source)))
    path = kit_weights(str(source)) if str(source) in KIT else expand(source)
    if (path / CARD).is_file():
        raise KitError(f"{path} is an exported network, which is not taken here; give .safetensors weights, the run "
                       f"folder that it "
                       f"comes from, or one of {', '.join(KIT)}")
    if path.is_dir():
        return _of_run(path)
    return _of_file(path, model, residual)


def refine(generator: Generator) -> Generator:
    """The generator with paddle_models/deploy/refining.py around it: eight times the time, more decibels."""
    from paddle_models.deploy.refining import refined

    return dataclasses.replace(generator, source=f"{generator.source}, refined", refined=True,
                               run=refined(generator, generator.scale))


def _sharpness(source: str) -> float:
    """Of "blend" or "blend:0.5"."""
    _, given, text = source.partition(":")
    try:
        value = float(text) if given else SHARPNESS
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:  # NaN too
        raise KitError(f"sharpness {text}: is a number from 0 (the weights pixel) to 1 (adversarial), as in "
                       f"{BLEND}:{SHARPNESS}")
    return value


def _blended(sharpness: float) -> Generator:
    """KIT's weights averaged: (1 - sharpness) of the first and sharpness of the second."""
    from paddle_models.trainer.checkpoint import load_network_arrays, network_arrays
    from paddle_models.weights.files import sha256_of_weights

    first, second = (load_generator(name) for name in KIT)
    others = network_arrays(second.network)
    arrays = {name: ((1 - sharpness) * array + sharpness * others[name]).astype(array.dtype)
              for name, array in network_arrays(first.network).items()}
    load_network_arrays(first.network, arrays, BLEND)
    return dataclasses.replace(first, source=f"{BLEND}, sharpness {sharpness:g}", sha256=sha256_of_weights(arrays))


def kit_weights(name: str) -> Path:
    """The file of one of KIT; KitError where this copy of the kit came without it."""
    path = PRETRAINED / f"swift_srgan_x4_{name}.safetensors"
    if not path.is_file():
        raise KitError(f"{path.name} did not come with this copy of the kit. Train it (`python -m assignments run "
                       f"swift_srgan "
                       "--preset best`) and give the run folder, or convert the authors' with `python -m assignments "
                       "weights`")
    return path


def build_generator(settings: SuperResolutionSettings):
    """The generator of these settings, with fresh or given weights."""
    from paddle_models.networks.esrgan import RRDBNet
    from paddle_models.networks.srgan import SRResNet
    from paddle_models.networks.swift_srgan import SwiftGenerator

    if settings.weights:
        given = load_generator(settings.weights, settings.model)
        found = given.scale, getattr(given.network, "adds_to_bicubic", False)
        if found != (settings.scale, settings.residual):
            raise KitError(f"setting weights: {settings.weights} are of scale {found[0]}, residual "
                           f"{str(found[1]).lower()}; this "
                           f"run has scale {settings.scale}, residual {str(settings.residual).lower()}")
        return given.network
    return {"swift_srgan": lambda: SwiftGenerator(settings.scale, settings.residual), "srgan": SRResNet,
            "esrgan": RRDBNet}[settings.model]()


def _of_file(path: Path, model: str, residual: bool | None) -> Generator:
    from paddle_models.networks.srgan import SRResNet
    from paddle_models.networks.swift_srgan import SwiftGenerator
    from paddle_models.weights.convert import MODELS as CONVERTED
    from paddle_models.weights.convert import SUFFIXES, load_converted
    from paddle_models.weights.files import load_weights, sha256_of_weights

    if not path.is_file():
        near = difflib.get_close_matches(str(path), (*KIT, BLEND), 1)
        guess = f" - did you mean {near[0]}?" if near else ""
        raise KitError(f"{path}: there is no such file or run folder{guess}; give .safetensors weights, a run of "
                       f"swift_srgan, or "
                       f"one of {', '.join((*KIT, BLEND))}")
    if path.suffix in SUFFIXES:
        raise KitError(f"{path} holds PyTorch's weights; convert them once: python -m assignments weights {path} "
                       f"--model "
                       f"{model or 'swift_srgan'} -o {path.name.split('.')[0]}.safetensors")
    arrays, metadata = load_weights(path, refuse_nan=True)
    model = model or metadata.get("model", "")
    if model not in MODELS:
        raise KitError(f"{path}: its header does not say which network it belongs to; give --model with one of "
                       f"{', '.join(MODELS)}")
    network = SRResNet() if model == "srgan" else CONVERTED[model].network(arrays)
    adds = metadata.get("residual") == "true" if residual is None else residual
    if adds and model == "swift_srgan":
        network = SwiftGenerator(network.scale, True, len(network.residual))
    load_converted(network, path)
    network.eval()
    return Generator(network, model, path.name, sha256_of_weights(arrays))


def _of_run(path: Path) -> Generator:
    from paddle_models.trainer.checkpoint import load_checkpoint, load_network_arrays
    from paddle_models.trainer.run_folder import read_config
    from paddle_models.trainer.settings import from_dict
    from paddle_models.weights.files import sha256_of_weights

    _, values = read_config(path, "swift_srgan")
    settings = from_dict(SuperResolutionSettings, values, str(path / "config.yaml"))
    best = path / "checkpoints" / "best.safetensors"
    if not best.is_file():
        raise KitError(f"{path} has no checkpoints/best.safetensors yet; let the run come to its first validation")
    arrays = load_checkpoint(best)[0].get("networks/generator", {})
    network = build_generator(dataclasses.replace(settings, weights=""))
    load_network_arrays(network, arrays, str(best))
    network.eval()
    return Generator(network, settings.model, path.name, sha256_of_weights(arrays))
