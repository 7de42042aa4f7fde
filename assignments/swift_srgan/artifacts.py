"""What a finished run leaves behind: enlarged test images, the arrays that its figures need, and the result."""

from pathlib import Path
from typing import Any

import numpy as np
import paddle

from assignments.common.splits import Splits
from assignments.swift_srgan import released
from assignments.swift_srgan.measuring import as_tensor, measured, metrics
from data_tools.batches.bicubic import cut_to_multiple, enlarge_bicubic, reduce_bicubic
from data_tools.packed.packed_images import PackedImages
from paddle_models.networks.parts import count_parameters
from paddle_models.tasks.complexity import multiply_adds
from paddle_models.tasks.super_resolution_task import as_image
from paddle_models.trainer.fitting import summary
from paddle_models.trainer.loop import Trainer
from paddle_models.trainer.run_folder import RunFolder
from reports.run_reader import Run

PICTURES = 3  # of the first test set, kept whole for figures 1 and 3


def write(run: RunFolder, settings, splits: Splits, trainer: Trainer) -> dict[str, Any]:
    """predictions.npz (every measure of every test image) and artifacts.npz; returns the result."""
    generator, sets = trainer.task.networks["generator"], splits.found
    predictions = measured(generator, splits.more, settings.scale)
    run.write_arrays("predictions", predictions)
    kit = released.generator(settings.scale, settings.fast_layers)
    networks = {"enlarged": generator, **({"released": kit} if kit else {})}
    run.write_arrays("artifacts", _pictures(networks, next(iter(splits.more.values())), settings.scale))
    return {
        "origin": sets.origin, "data": sets.path,
        "images": {part: {images.name: len(images) for images in getattr(sets, part)}
                   for part in ("training", "validation", "test")},
        "metrics": metrics(predictions), **released.judged(kit, splits.more, settings.scale),
        "chosen_on": splits.chosen_on,
        f"val_{trainer.task.monitor}_best": trainer.stopping.best, **summary(trainer),
        "parameters": {name: count_parameters(network) for name, network in trainer.task.networks.items()},
        "multiply_adds_24": multiply_adds(generator, (1, 3, 24, 24))}


def drawn_signs(run: Path) -> list[str]:
    """Why a run must come from drawn pictures."""
    result = Run(run, "").result
    metrics = result.get("metrics")
    drawn = isinstance(metrics, dict) and any(str(name).startswith("drawn test_") for name in metrics)
    return ["its metrics are of the drawn test pictures"] if drawn and result.get("origin") != "drawn" else []


def _pictures(networks: dict[str, Any], images: PackedImages, scale: int) -> dict[str, np.ndarray]:
    """High resolution, bicubic and enlarged by each, (H, W, 3) uint8 each, of the first images of a set."""
    kept: dict[str, np.ndarray] = {}
    for index in range(min(PICTURES, len(images))):
        rows, columns = images.shapes[index]
        whole = cut_to_multiple(images.cut(index, 0, 0, int(rows), int(columns)), scale)
        small = reduce_bicubic(whole, scale)
        with paddle.no_grad():
            kept.update({f"{name}_{index}": as_image(network(as_tensor(small))) for name, network in networks.items()})
        kept.update({f"whole_{index}": whole, f"bicubic_{index}": enlarge_bicubic(small, scale)})
    return {"picture_names": np.array(images.names[:PICTURES]), **kept}
