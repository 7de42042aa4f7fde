"""`python -m assignments bench scale`: what 8 and 64 GPUs would need, computed from sizes of networks and data, from
rows of the measured table and from speeds that others published; templates/ hold the words."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assignments.bench.table import read_table
from data_tools.errors import KitError
from data_tools.files.atomic import write_atomically

TEMPLATES = Path(__file__).resolve().parent / "templates"
LANGUAGES = {"en": "scale.md", "zh": "scale.zh.md"}

# Published, not measured here: ResNet-50 v1.5 in PaddlePaddle, training on ImageNet, images/s.
NVIDIA = "https://github.com/NVIDIA/DeepLearningExamples/tree/master/PaddlePaddle/Classification/RN50v1.5"
A100 = {1: 2711, 8: 20267}  # DGX A100 80GB, mixed precision
A100_TF32 = {1: 993, 8: 7955}
PADDLE = "https://github.com/PaddlePaddle/Perf"
V100 = {1: 1400.1, 8: 9099.5, 32: 31036.8}  # V100 32GB and 16GB, mixed precision; 32 GPUs are 4 machines

PER_MACHINE, BATCH = 8, 256  # GPUs of a machine; images of one GPU in a step, as in NVIDIA's figures
SIDE, FULL = 224, 4  # pixels; bytes of float32
LINKS = {"NVLink, A100": 300e9, "200 Gb/s": 25e9, "25 Gb/s": 3.125e9}  # bytes/s of one direction
STORAGE = 1e9  # bytes/s of a shared file system, assumed
# images and bytes of the published files (img_align_celeba.zip; ILSVRC2012_img_train.tar), images for validation
DATA = {"CelebA": (202_599, 1_443_490_838, 19_867, 40), "ImageNet-1k": (1_281_167, 147_897_477_120, 50_000, 1000)}
ROWS = {  # rows of table.json that are used: (row, side)
    "decode": ("packed-store / JPEGs decoded and resized each epoch (OpenCV)", "against"),
    "store": ("packed-store / JPEGs decoded and resized each epoch (OpenCV)", "ours"),
    "augment": ("augmentation / document: pipeline rebuilt and reseeded per image", "ours"),
}
PAIR = "two-processes / kit, one process"


@dataclass(frozen=True)
class Traffic:
    """What one network asks of `gpus` GPUs. Bytes and seconds are those of one GPU and one step where nothing else is
    said."""

    network: str
    parameters: int
    gpus: int

    @property
    def machines(self) -> int:
        return math.ceil(self.gpus / PER_MACHINE)

    @property
    def images(self) -> float:
        """Per second, of all GPUs: each further machine counted as the first, so an upper bound."""
        return A100[PER_MACHINE] * self.gpus / PER_MACHINE

    @property
    def steps(self) -> float:
        """Per second."""
        return self.images / self.gpus / BATCH

    @property
    def gradient(self) -> int:
        return FULL * self.parameters

    @property
    def ring(self) -> float:
        """Bytes that a GPU sends in a step: 2 (n - 1) / n times the gradient."""
        return 2 * (self.gpus - 1) / self.gpus * self.gradient

    @property
    def link(self) -> str:
        """The slowest link that the ring crosses."""
        return "NVLink, A100" if self.machines == 1 else "200 Gb/s"

    def share(self, link: str) -> float:
        """Part of a step that the ring takes when nothing is computed meanwhile."""
        return self.ring / LINKS[link] * self.steps


def write_scale(folder: Path) -> list[Path]:
    """Write scale.md and scale.zh.md into `folder` beside the table.json that they take their rows from; returns both.

    KitError where a row is not measured yet.
    """
    import jinja2

    facts = collect(read_table(folder), _growth(folder))
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
                                     keep_trailing_newline=True, autoescape=False)
    paths = []
    for language, name in LANGUAGES.items():
        template = environment.from_string((TEMPLATES / f"scale.{language}.md").read_text(encoding="utf-8"))
        paths.append(Path(folder) / name)
        write_atomically(paths[-1], template.render(**facts).encode())
    return paths


def collect(table: dict[str, Any], growth: dict[str, Any] | None) -> dict[str, Any]:
    """All numbers of the document. growth: what growth.json holds, None where it is not measured."""
    speeds = {name: _speed(table, row, side) for name, (row, side) in ROWS.items()}
    traffic = [Traffic(name, count, gpus) for name, count in _parameters().items() for gpus in (PER_MACHINE, 64)]
    machine = Traffic("", 0, PER_MACHINE)
    pixels = 3 * SIDE * SIDE
    return {
        "traffic": traffic, "machine": machine, "speeds": speeds, "links": LINKS, "batch": BATCH, "side": SIDE,
        "pixels": pixels,
        "per_machine": PER_MACHINE, "storage": STORAGE, "a100": A100, "tf32": A100_TF32, "v100": V100, "nvidia": NVIDIA,
        "paddle": PADDLE, "data": [_data(name, machine.images, pixels) for name in DATA], "full": FULL,
        "cores": {name: machine.images / speed for name, speed in speeds.items()},
        "to_gpu": {"float32": machine.images * pixels * FULL, "uint8": machine.images * pixels},
        "efficiency": {gpus: V100[gpus] / gpus / V100[1] for gpus in (8, 32)},
        "pair": (table["rows"].get(PAIR) or {}).get("ratio"), "growth": _grown(growth)}


def _data(name: str, images_per_second: float, pixels: int) -> dict[str, Any]:
    """Sizes and traffic of a data set; gathered: bytes of all validation rows (index, labels, probabilities, loss)."""
    images, size, validation, outputs = DATA[name]
    labels = outputs if name == "CelebA" else 8
    return {"name": name, "images": images, "jpeg": size / images, "jpeg_all": size, "packed_all": images * pixels,
            "packed_traffic": images_per_second * pixels, "jpeg_traffic": images_per_second * size / images,
            "epoch": images / images_per_second, "first_read": images * pixels / STORAGE,
            "gathered": validation * (8 + labels + FULL * outputs + FULL), "validation": validation}


def _parameters() -> dict[str, int]:
    """Trainable weights of the two networks, counted on the networks themselves."""
    import paddle_models  # noqa: F401  sets the environment before Paddle is imported
    from paddle_models.networks.face_attributes import face_attribute_net
    from paddle_models.networks.parts import count_parameters
    from paddle_models.weights.zoo import build_model

    return {"ResNet-50, 1000 classes": count_parameters(build_model("resnet50", 1000)),
            "EfficientFormerV2-S2, seven heads": count_parameters(face_attribute_net("s2", SIDE))}


def _speed(table: dict[str, Any], row: str, side: str) -> float:
    """Median images/s of one side of a measured row."""
    found = table["rows"].get(row, {})
    if not found.get("ratio"):
        raise KitError(f"the row `{row}` is not in the table yet; measure it: python -m assignments bench "
                       f"{row.split(' / ')[0]}")
    return found["speed"][side]["median"]


def _growth(folder: Path) -> dict[str, Any] | None:
    try:
        return json.loads((Path(folder) / "growth.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise KitError(f"{folder}/growth.json cannot be read ({error}); measure it again: python -m assignments bench "
                       "growth") from None


def _grown(growth: dict[str, Any] | None) -> dict[str, float] | None:
    """MB and seconds to the first batch of the smallest and the largest size."""
    if growth is None:
        return None
    from assignments.bench.growth import median

    first, last = growth["sizes"][0], growth["sizes"][-1]
    return {"images": last["images"], "mb": median(last, "peak_mb"),
            "more_mb": median(last, "peak_mb") - median(first, "peak_mb"),
            "start": median(last, "first_batch")}
