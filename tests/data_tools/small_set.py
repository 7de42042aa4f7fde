"""Tiny sets for tests, one in the layout of the monkeys: flat coloured noise, written in a moment."""

import io
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from data_tools.files.image_set import ImageSet
from data_tools.files.sources import open_source

LABELS = (
    "Label,  Latin Name , Common Name , Train Images , Validation Images\r\n"
    + "".join(
        f"n{i}   , latin_{i}\t , species_{i}      , {train} , 1\r\n" for i, train in enumerate([3] * 10)
    )
    + "\r\n\r\n"
)


def encoded(seed: int, size: tuple[int, int] = (40, 30), kind: str = "JPEG") -> bytes:
    """An image of `size` (width, height) with large blots, so that different seeds differ to a perceptual hash."""
    blots = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(blots).resize(size, Image.Resampling.BICUBIC).save(file, kind)
    return file.getvalue()


def monkey_files(
    training: int = 3, validation: int = 1, outer: str = "", doubled: bool = False
) -> dict[str, bytes]:
    """{name: content} of a whole small set."""
    files = {f"{outer}monkey_labels.txt": LABELS.encode()}
    for split, count in (("training", training), ("validation", validation)):
        folder = f"{outer}{split}/{split}" if doubled else f"{outer}{split}"
        for label in range(10):
            for k in range(count):
                files[f"{folder}/n{label}/n{label}{k:03}.jpg"] = encoded(
                    1000 * (split == "training") + 10 * label + k
                )
    return files


def write_folder(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def write_zip(path: Path, files: dict[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def files(count: int = 7) -> dict[str, bytes]:
    """PNG images in two folders, of sizes that differ."""
    return {f"{'ab'[i % 2]}/{i:03}.png": encoded(i, (30 + i, 40), "PNG") for i in range(count)}


def image_set(path: Path, name: str = "training") -> ImageSet:
    """All files of a folder or zip, with labels of three kinds."""
    source = open_source(path)
    names = tuple(source.names())
    return ImageSet(name, source, names, np.arange(len(names)) % 3 - 1)
