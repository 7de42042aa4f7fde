"""The best network of a run, written for use without its code: python -m assignments export NAME|RUN"""

import importlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path

from assignments.common.runs import find_run
from data_tools.errors import KitError

BEST = "checkpoints/best.safetensors"


def export_run(target: str, names: Sequence[str], onnx: bool, folder: Path | None, int8: bool = False,
               data: str = "") -> Path:
    """Export the best weights of a run folder, or of the newest run of an assignment; returns where to.

    int8: also ONNX in 8 bits, for which calibration.py of the assignment names the images, of `data` or of the run's
    own.

    The assignment's run.py says how the network is built again:
    `network_of(settings, run folder) -> (network, input shape with None for the batch, class names, value range)`.
    """
    from paddle_models.trainer.run_folder import read_config
    from paddle_models.trainer.settings import from_dict

    run, name = find_run(target, names, [BEST])
    module = importlib.import_module(f"assignments.{name}.run")
    if not hasattr(module, "network_of"):
        raise KitError(f"{name} has no network to export")
    if int8 and importlib.util.find_spec(f"assignments.{name}.calibration") is None:
        raise KitError(f"{name} cannot be exported in 8 bits; leave --int8 out")
    if data and not int8:
        raise KitError("--data names the images for --int8; give both or neither")
    _, values = read_config(run, name)
    settings = from_dict(module.ASSIGNMENT.settings, values, str(run / "config.yaml"))
    folder = folder or run / "exported"

    import paddle_models  # noqa: F401  sets the environment before Paddle is imported
    from paddle_models.deploy.export import export_network
    from paddle_models.trainer import runtime
    from paddle_models.trainer.checkpoint import load_checkpoint, load_network_arrays

    runtime.start("cpu")
    groups, _ = load_checkpoint(run / BEST)
    network, shape, classes, value_range = module.network_of(settings, run)
    own = set(network.state_dict())
    networks = [arrays for group, arrays in groups.items() if group.startswith("networks/")]
    arrays = next((arrays for arrays in networks if set(arrays) == own), networks[0] if networks else {})
    load_network_arrays(network, arrays, str(run / BEST))
    card = export_network(network, folder, shape, classes, value_range, onnx or int8)
    for engine, error in card["largest_difference"].items():
        print(f"{engine}: outputs differ from eager Paddle's by {error:.1e} of the largest")
    for engine, reason in card["not_usable"].items():
        print(f"{engine}: not usable ({reason})")
    if int8:
        from paddle_models.deploy.int8 import add_int8

        samples = importlib.import_module(f"assignments.{name}.calibration").samples(settings, data, classes)
        found = add_int8(folder, *samples)
        print(f"onnxruntime-int8: {100 * found['accuracy']:.2f} % right on {found['images']} images, float32 "
              f"{100 * found['accuracy_float32']:.2f} %")
    return folder
