"""How well a generator restores sets of images: what run, judge and evaluation measure alike."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import paddle

from assignments.swift_srgan.generators import Generator
from data_tools.batches.bicubic import enlarge_bicubic
from data_tools.batches.crops import WholePairs
from data_tools.packed.packed_images import PackedImages
from paddle_models.tasks.image_metrics import measure
from paddle_models.tasks.super_resolution_task import METRICS, as_image

# Test images that usual training sets hold: Set5's woman is 302003 of BSDS500-train, scaled (`data audit`).
SEEN = MappingProxyType({"Set5": re.compile(r"(^|/)(img_005|woman)", re.IGNORECASE)})
WITHOUT = "_without_woman"


def metrics(predictions: Mapping[str, np.ndarray]) -> dict[str, dict[str, Any]]:
    """{"set_measure": value and n} of result.json: means over each set, and over Set5 without the image in SEEN."""
    found = {}
    for key, values in predictions.items():
        name, _, measure_name = key.rpartition("/")
        if values.dtype.kind == "f":
            found[f"{name}_{measure_name}"] = {"value": float(np.mean(values)), "n": len(values)}
            unseen = np.array([name not in SEEN or not SEEN[name].search(image)
                               for image in predictions[f"{name}/names"].tolist()])
            if unseen.any() and not unseen.all():
                found[f"{name}{WITHOUT}_{measure_name}"] = {"value": float(np.mean(values[unseen])),
                                                            "n": int(unseen.sum())}
    return found


def measured(generator, tests: Mapping[str, PackedImages], scale: int) -> dict[str, np.ndarray]:
    """predictions.npz: of each set, "set/measure", what measure_set() gives."""
    return {f"{name}/{key}": values for name, images in tests.items()
            for key, values in measure_set(generator, images, scale).items()}


class Untouched:
    """What the network with `residual` gives before it has learnt anything: its input, enlarged by Paddle's bicubic."""

    def __init__(self, scale: int):
        self.scale = scale

    def eval(self) -> None:
        """As of a network."""

    def __call__(self, image: paddle.Tensor) -> paddle.Tensor:
        return paddle.nn.functional.interpolate(image, scale_factor=self.scale, mode="bicubic")


class OnTensors:
    """A Generator where a network is expected."""

    def __init__(self, generator: Generator):
        self.generator = generator

    def eval(self) -> None:
        """Its network is in evaluation mode."""

    def __call__(self, image: paddle.Tensor) -> paddle.Tensor:
        return paddle.to_tensor(self.generator(image.numpy()))


def measure_set(generator, images: PackedImages, scale: int,
                distances: Mapping[str, Callable] = MappingProxyType({})) -> dict[str, np.ndarray]:
    """Per image of a set: names, the METRICS of the generator, and as bicubic_* those of the bicubic enlargement.

    distances: of two batches of images, by the name under which their values stand beside these, on RGB as it is saved,
    without a crop.
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
            scores = measure(image, whole, scale)
            with paddle.no_grad():
                for name, distance in distances.items():
                    scores[name] = float(distance(as_tensor(image), as_tensor(whole)))
            found.update({prefix + key: value for key, value in scores.items()})
        for key, value in found.items():
            rows.setdefault(key, []).append(value)
    assert set(METRICS) <= set(rows)
    return {"names": np.array(images.names), **{key: np.array(values) for key, values in rows.items()}}


def noise_peak(enlarge: Callable[[np.ndarray], np.ndarray], side: int = 64) -> int:
    """Largest distance from 128, in levels of 256, of what `enlarge` makes of grey with noise of a deviation of 2
    levels; enlarge: (H, W, 3) uint8 to the same, larger."""
    noise = np.random.default_rng(0).normal(0, 2, (side, side, 3))
    return int(np.abs(enlarge((128 + noise).round().astype(np.uint8)).astype(int) - 128).max())


def as_tensor(image: np.ndarray) -> paddle.Tensor:
    """(H, W, 3) uint8 to (1, 3, H, W) in [0, 1]."""
    return paddle.to_tensor(image.transpose(2, 0, 1)[None].astype("float32") / 255)
