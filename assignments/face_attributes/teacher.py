"""A trained network of this work whose answers another one learns: run.py --teacher RUN

Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", arXiv 1503.02531.
"""

from collections.abc import Callable
from typing import Any

from assignments.common.export import BEST, temperature_of, trained
from assignments.common.runs import find_run
from data_tools.errors import KitError
from paddle_models.fast.fast_layers import accelerate
from paddle_models.trainer.run_folder import read_config
from paddle_models.trainer.settings import from_dict


def load_teacher(work: Any, settings: Any) -> Callable[[Any], Any]:
    """From images to logits (B, 40): the best weights of the run settings.teacher, as sure as that run's temperature
    says (the focal loss leaves them too cautious). KitError where it sees images of another size."""
    run, name = find_run(settings.teacher, [work.name], [BEST])
    its = from_dict(work.settings, read_config(run, name)[1], str(run / "config.yaml"))
    if its.image_size != settings.image_size:
        raise KitError(f"setting teacher: {run} was trained on images of {its.image_size} pixels and would be shown "
                       f"ones of {settings.image_size}; give --image_size {its.image_size}, or another teacher")
    network = trained(work, its, run, work.classes)
    network.eval()
    accelerate(network)
    temperature = temperature_of(run, name)
    return lambda images: network(images) / temperature
