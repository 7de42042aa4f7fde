"""What a finished run leaves behind: enlarged test images, the arrays that its figures need, and the result."""

from typing import Any

import numpy as np
import paddle

from data_tools.batches.bicubic import cut_to_multiple, enlarge_bicubic, reduce_bicubic
from data_tools.batches.crops import WholePairs
from data_tools.packed.packed_images import PackedImages
from paddle_models.networks.parts import count_parameters
from paddle_models.tasks.complexity import multiply_adds
from paddle_models.tasks.image_metrics import measure
from paddle_models.tasks.super_resolution_task import METRICS, as_image
from paddle_models.trainer.fitting import summary
from paddle_models.trainer.loop import Trainer
from paddle_models.trainer.run_folder import RunFolder

PICTURES = 3  # of the first test set, kept whole for figures 1 and 3


def write(run: RunFolder, settings, sets, tests: dict[str, PackedImages], data, trainer: Trainer) -> dict[str, Any]:
    """predictions.npz (every measure of every test image) and artifacts.npz; returns the result."""
    generator = trainer.task.networks["generator"]
    measured = {name: judge(generator, images, settings.scale) for name, images in tests.items()}
    run.write_arrays("predictions", {f"{name}/{key}": values for name, rows in measured.items() for key,
                                     values in rows.items()})
    run.write_arrays("artifacts", _pictures(generator, next(iter(tests.values())), settings.scale))
    return {
        "origin": sets.origin, "data": sets.path,
        "images": {part: {images.name: len(images) for images in getattr(sets, part)}
                   for part in ("training", "validation", "test")},
        "metrics": {f"{name}_{key}": {"value": float(np.mean(rows[key])), "n": len(rows[key])}
                    for name, rows in measured.items() for key in rows if key != "names"},
        "chosen_on": ", ".join(images.name for images in sets.validation)
        + ("" if settings.validation_sets else ", held out"),
        f"val_{trainer.task.monitor}_best": trainer.stopping.best, **summary(trainer),
        "parameters": {name: count_parameters(network) for name, network in trainer.task.networks.items()},
        "multiply_adds_24": multiply_adds(generator, (1, 3, 24, 24))}


def judge(generator, images: PackedImages, scale: int, distance=None) -> dict[str, np.ndarray]:
    """Per image of a set: names, the METRICS of the generator, and as bicubic_* those of the bicubic enlargement.

    distance: an LPIPS network; its values then stand beside them as "lpips", on RGB as it is saved, without a crop.
    """
    pairs, rows = WholePairs(scale), {}
    generator.eval()
    for index in range(len(images)):
        batch = pairs(images, np.array([index]), (0,), 0)
        with paddle.no_grad():
            enlarged = generator(paddle.to_tensor(batch["lr"]))
        whole = as_image(paddle.to_tensor(batch["hr"]))
        bicubic = enlarge_bicubic(as_image(paddle.to_tensor(batch["lr"])), scale)
        found = {}
        for prefix, image in (("", as_image(enlarged)), ("bicubic_", bicubic)):
            measured = measure(image, whole, scale)
            if distance is not None:
                with paddle.no_grad():
                    measured["lpips"] = float(distance(_as_tensor(image), _as_tensor(whole)))
            found.update({prefix + key: value for key, value in measured.items()})
        for key, value in found.items():
            rows.setdefault(key, []).append(value)
    assert set(METRICS) <= set(rows)
    return {"names": np.array(images.names), **{key: np.array(values) for key, values in rows.items()}}


def _as_tensor(image: np.ndarray) -> paddle.Tensor:
    """(H, W, 3) uint8 to (1, 3, H, W) in [0, 1]."""
    return paddle.to_tensor(image.transpose(2, 0, 1)[None].astype("float32") / 255)


def _pictures(generator, images: PackedImages, scale: int) -> dict[str, np.ndarray]:
    """High resolution, bicubic and enlarged, (H, W, 3) uint8 each, of the first images of a set."""
    kept: dict[str, np.ndarray] = {}
    for index in range(min(PICTURES, len(images))):
        rows, columns = images.shapes[index]
        whole = cut_to_multiple(images.cut(index, 0, 0, int(rows), int(columns)), scale)
        small = reduce_bicubic(whole, scale)
        with paddle.no_grad():
            enlarged = generator(_as_tensor(small))
        kept.update({f"whole_{index}": whole, f"bicubic_{index}": enlarge_bicubic(small, scale),
                     f"enlarged_{index}": as_image(enlarged)})
    return {"picture_names": np.array(images.names[:PICTURES]), **kept}
