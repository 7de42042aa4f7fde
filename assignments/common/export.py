"""The best network of a run, written for use without its code: python -m assignments export NAME|RUN"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from assignments.common.runs import find_run
from assignments.common.work import Work
from assignments.common.works import work_names, work_of
from data_tools.errors import KitError
from data_tools.files import places
from data_tools.language import show
from paddle_models.deploy.predictor import read_card, writes_onnx
from paddle_models.environment import paddle_version
from reports.run_reader import Run

BEST = "checkpoints/best.safetensors"
EXPORT_VERSION = 2  # goes into the name of every export in the cache: raise it when exports become others


def kept(name: str, write: Callable[[Path, bool], Any]) -> Path:
    """The export called `name` in the cache; where there is none, or none that is whole, write(folder, whether as ONNX
    too) makes it."""
    version = ".".join(map(str, paddle_version()))
    folder = places.cache() / "exported" / f"{name}-{version}-v{EXPORT_VERSION}"
    with contextlib.suppress(KitError):
        read_card(folder)
        return folder
    show(f"exporting for this machine, once:\n{name}")
    write(folder, writes_onnx())
    return folder


def export_run(target: str, onnx: bool, folder: Path | None, int8: bool = False, data: str = "",
               bfloat16: bool = False) -> Path:
    """Export the best weights of a run folder, or of the best run of a work; returns where to.

    int8: also ONNX in 8 bits, calibrated and judged on the images of `data`, else of the run's own. bfloat16: also
    ONNX, and OpenVINO in bfloat16 is judged on them.
    """
    from paddle_models.trainer.run_folder import read_config
    from paddle_models.trainer.settings import from_dict

    run, name = find_run(target, work_names(), [BEST])
    work = work_of(name)
    if not work.has_network:
        raise KitError(f"{name} has no network to export")
    if (int8 or bfloat16) and not work.labelled:
        raise KitError(f"{name} has no right answers by which fewer bits are judged; leave --int8 and --bfloat16 out")
    if data and not (int8 or bfloat16):
        raise KitError("--data names the images for --int8 and --bfloat16; give it with one of them or not at all")
    _, values = read_config(run, name)
    settings = from_dict(work.settings, values, str(run / "config.yaml"))
    folder = folder or run / "exported"

    import paddle_models  # noqa: F401  sets the environment before Paddle is imported
    from paddle_models.deploy.export import export_network
    from paddle_models.trainer import runtime

    runtime.start("cpu")
    classes = tuple(work.classes) or (named_classes(run) if work.labelled and not work.outputs else ())
    outputs = list(work.outputs or classes)
    network = trained(work, settings, run, classes)
    card = export_network(network, folder, (None, *work.input_shape(settings)), outputs, work.value_range,
                          onnx or int8 or bfloat16, temperature_of(run, name))
    for engine, error in card["largest_difference"].items():
        show(f"{engine}: outputs differ from eager Paddle's by {error:.1e} of the largest")
    for engine, reason in card["not_usable"].items():
        show(f"{engine}: not usable ({reason})")
    if int8 or bfloat16:
        _judge(folder, int8, bfloat16, *samples(work, settings, data, classes))
    return folder


def _judge(folder: Path, int8: bool, bfloat16: bool, training: np.ndarray, images: np.ndarray,
           labels: np.ndarray) -> None:
    """Fewer bits, on images and labels as `samples` gives them."""
    from paddle_models.deploy.judged import holds, judge_engines, said
    from paddle_models.deploy.predictor import SHORT, read_card, usable_engines

    if int8:
        from paddle_models.deploy.int8 import add_int8

        show(f"onnxruntime-int8: {said(add_int8(folder, training, images, labels))}")
    if bfloat16 or set(SHORT) & set(usable_engines(read_card(folder))):
        for engine, found in judge_engines(folder, images, labels).items():
            show(f"{engine}: {said(found)}{'' if holds(found) else '; too few, so it is not chosen'}")


def temperature_of(run: Path, name: str) -> float:
    """What a run's answers are to be divided by before they become probabilities, by its result; 1 where it has none or
    has not come to its end."""
    if not (run / "result.json").is_file():
        return 1.0
    found = Run(run, name).result.get("temperature")
    return found if isinstance(found, float) else 1.0


def samples(work: Work, settings: Any, data: str, classes: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(training images, images to judge by, labels of these in the order of the outputs) as the network takes them."""
    from paddle_models.deploy.int8 import CALIBRATION, CHECKED, spread

    found = work.find(data or settings.data)
    there = work.classes_of(found)
    if there != tuple(classes):
        raise KitError(f"{found.path} has the classes {', '.join(there)}, the run has {', '.join(classes)}: give the "
                       "data it was trained on with --data")
    settings, normalize = replace(settings, skip_unreadable=True), work.normalize(settings)
    calibration, judged = (work.pack(images.subset(spread(len(images), most)), settings)
                           for images, most in ((found.training, CALIBRATION), (work.judged(found), CHECKED)))
    labels = judged.labels
    if labels.ndim == 2:  # of attributes, which the network may answer in another order
        labels = labels[:, [work.classes.index(name) for name in work.outputs]]
    elif len(work.outputs) == 1:  # yes or no
        labels = labels[:, None]
    return normalize(calibration.images[:]), normalize(judged.images[:]), labels


def named_classes(run: Path) -> tuple[str, ...]:
    """The classes that predictions.npz of a run folder names."""
    file = run / "predictions.npz"
    if not file.is_file():
        raise KitError(f"{run} has no predictions.npz, which names the classes: let the run come to its end first")
    with np.load(file, allow_pickle=False) as arrays:
        return tuple(str(name) for name in arrays["classes"])


def trained(work: Work, settings: Any, run: Path, classes: Sequence[str]) -> Any:
    """The work's network with the best weights of a run."""
    from paddle_models.trainer.checkpoint import load_checkpoint, load_network_arrays

    groups, _ = load_checkpoint(run / BEST)
    networks = [arrays for group, arrays in groups.items() if group.startswith("networks/")]
    network = work.rebuild(settings, classes, list(networks[0]) if networks else [])
    own = set(network.state_dict())
    arrays = next((arrays for arrays in networks if set(arrays) == own), networks[0] if networks else {})
    load_network_arrays(network, arrays, str(run / BEST))
    return network
