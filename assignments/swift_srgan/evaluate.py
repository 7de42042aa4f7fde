"""PSNR and SSIM of super-resolution generators: python assignments/swift_srgan/evaluate.py --weights FILE|RUN --sets
Set5 Set14

Every image and every set, on Y and on RGB, bicubic enlargement and the paper's Table II beside them. The protocol is
that of paddle_models/tasks/image_metrics.py. Sets are known by name (see data_tools/sets/super_resolution.py),
"photographs" (four that scikit-image brings), or any folder of images.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from assignments.common.command_line import first_line, tells_errors
from data_tools.errors import KitError
from data_tools.files.places import expand

MEASURES = ("psnr_y", "ssim_y", "psnr_rgb", "ssim_rgb")
TITLES = {"psnr_y": ("PSNR Y, dB", 2), "ssim_y": ("SSIM Y", 4), "psnr_rgb": ("PSNR RGB, dB", 2),
          "ssim_rgb": ("SSIM RGB", 4),
          "features": ("Features", 4), "lpips": ("LPIPS", 4)}
NOISE = "noise"  # of a method, whatever the set
BICUBIC = "bicubic"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    options = argparse.ArgumentParser(description=first_line(__doc__), allow_abbrev=False)
    options.add_argument("--weights", nargs="+", default=["pixel", "adversarial"], metavar="NAME|FILE|RUN",
                         help="default: pixel and adversarial, which came with the kit; blend, or blend:0.5, both "
                              "averaged with this sharpness; .safetensors weights and run folders too")
    options.add_argument("--model", default="", choices=("", "swift_srgan", "srgan", "esrgan"),
                         help="network of files whose header does not name it")
    options.add_argument("--residual", action=argparse.BooleanOptionalAction, default=None,
                         help="the output is added to the bicubic enlargement; default: as the header says")
    options.add_argument("--refine", action="store_true",
                         help="also with the mean over eight views and back-projection, eight times as long")
    options.add_argument("--sets", nargs="+", metavar="SET|FOLDER",
                         help="default: Set5; where it is not there, photographs")
    options.add_argument("--data", type=Path, metavar="PATH", help="where the sets lie; default: the usual places")
    options.add_argument("--lpips", type=Path, metavar="FILE",
                         help="LPIPS weights (see paddle_models/networks/lpips.py)")
    options.add_argument("--device", default="auto", choices=("auto", "cpu", "gpu"))
    options.add_argument("--out", type=Path, metavar="DIR", help="default: a new folder under runs/evaluations")
    return options


@tells_errors
def main(argv: Sequence[str] | None = None) -> int:
    """The command line; 2 for an error that the user can mend."""
    options = parser().parse_args(argv)
    from data_tools.files.places import short_path
    from data_tools.language import show
    from data_tools.packed.packed_images import PackedImages
    from reports import tables
    from reports.text_table import fitted_table

    sets = [find(name, options.data) for name in options.sets] if options.sets else usual_sets(options.data)
    import paddle_models  # noqa: F401  sets the environment before Paddle is imported
    from assignments.swift_srgan.generators import load_generator, refine
    from assignments.swift_srgan.measuring import OnTensors, measure_set
    from paddle_models.fast.fast_layers import accelerate
    from paddle_models.trainer import runtime
    from paddle_models.trainer.run_folder import new_run_path

    device = runtime.start(options.device)
    sources = list(dict.fromkeys(map(str, options.weights)))
    generators = [load_generator(source, options.model, options.residual) for source in sources]
    if len({generator.source for generator in generators}) < len(generators):  # files of one name in several folders
        generators = [replace(generator, source=source) for generator, source in zip(generators, sources)]
    for generator in generators:
        accelerate(generator.network)
    if options.refine:
        generators = [each for generator in generators for each in (generator, refine(generator))]
    distances = _distances(options.lpips)
    rows: list[dict[str, Any]] = []
    for images in sets:
        store = PackedImages.open(images)
        for generator in generators:
            show(f"{generator.source}, {images.name}, {len(store)} images ...")
            found = measure_set(OnTensors(generator), store, generator.scale, distances)
            rows += image_rows(images.name, generator, found)
    rows = by_image(rows)
    means = with_noise(set_rows(rows), generators)
    above = f"{runtime.describe(device)}; low resolution: antialiased bicubic reduction"
    out = options.out or new_run_path("evaluations", "-".join(images.name for images in sets).replace(" ", "-"))
    written = []
    for name, title, shown in (("sets", "Means over each set", means), ("images", "Single images", rows)):
        columns = columns_of(shown, name == "images")
        written += tables.write_table(columns, shown, above, out, name)
        table = tables.PlainTable(title, above, columns, shown)
        show(f"\n{title} ({above})")
        print("\n".join(fitted_table(table.lines, table.aligned)))
    for path in written:
        show(f"written to {short_path(path)}")
    return 0


def usual_sets(data: Path | None) -> list[Any]:
    """Set5; where no place holds it and none was named, the photographs, and a line that says so."""
    from data_tools.language import show
    from data_tools.sets.super_resolution import SetNotFound

    try:
        return [find("Set5", data)]
    except SetNotFound:
        if data:
            raise
        show("Set5 was not found: four photographs that scikit-image brings are judged; --data PATH names a folder "
             "that holds Set5")
        return [find("photographs", None)]


def find(name: str, data: Path | None):
    """The known set or folder `name`, under `data` or else the usual places; "photographs" lie in a package."""
    from assignments.swift_srgan.image_sets import search_places
    from data_tools.sets.photographs import find_photographs
    from data_tools.sets.super_resolution import SETS, find_set, read_images

    places = [expand(data)] if data else search_places()
    if name == "photographs":
        return find_photographs()["test"][0]
    if name in SETS:
        return find_set(name, *places)
    for folder in (expand(name), *(place / name for place in places)):
        if folder.exists():
            return read_images(folder)
    raise KitError(f"{name} is neither a known set ({', '.join(SETS)}, photographs) nor a folder or zip archive of "
                   "images")


def _distances(path: Path | None) -> dict[str, Callable]:
    """That of features, and LPIPS where there is a file with its weights."""
    from paddle_models.networks.lpips import LPIPS
    from paddle_models.weights.convert import load_converted
    from paddle_models.weights.perceptual import FeatureDistance

    found: dict[str, Callable] = {"features": FeatureDistance()}
    if path:
        found["lpips"] = LPIPS()
        load_converted(found["lpips"], path)
    return found


def image_rows(name: str, generator, found: dict[str, Any]) -> list[dict[str, Any]]:
    """Two rows for each image, bicubic first; `found` as measure_set() gives it."""
    rows = []
    for index, image in enumerate(found["names"].tolist()):
        for method, model, prefix in ((BICUBIC, BICUBIC, "bicubic_"), (generator.source, generator.model, "")):
            rows.append({"set": name, "image": Path(image).name, "method": method, "model": model,
                         "scale": generator.scale,
                         **{key: float(found[prefix + key][index]) for key in TITLES if prefix + key in found}})
    return rows


def by_image(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows image by image; bicubic, which every generator of a scale brings along, once."""
    groups: dict[tuple, dict[tuple, dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["set"], row["image"]), {}).setdefault((row["method"], row["scale"]), row)
    return [row for members in groups.values() for row in members.values()]


def set_rows(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Means over each set and method, the paper's Table II below each set that stands in it (at x4); then over Set5
    without the image that usual training sets hold."""
    from assignments.swift_srgan.measuring import SEEN, WITHOUT
    from assignments.swift_srgan.paper import NAMES, TABLE_II

    groups: dict[tuple, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["set"], row["scale"]), []).append(row)
    for (name, scale), members in list(groups.items()):
        unseen = [row for row in members if name not in SEEN or not SEEN[name].search(row["image"])]
        if 0 < len(unseen) < len(members):
            groups[f"{name}{WITHOUT}", scale] = unseen
    means = []
    for (name, scale), members in groups.items():
        for method in dict.fromkeys(row["method"] for row in members):
            mine = [row for row in members if row["method"] == method]
            means.append({"set": name, "method": method, "scale": scale, "n": len(mine),
                          **{key: sum(row[key] for row in mine) / len(mine) for key in TITLES if key in mine[0]}})
        if scale == 4:
            means += [{"set": name, "method": f"paper, Table II: {NAMES[model]}", "scale": scale, "psnr_y": psnr,
                       "ssim_y": ssim}
                      for (of, model), (psnr, ssim) in TABLE_II.items() if of == name]
    return means


def with_noise(means: Sequence[dict[str, Any]], generators: Sequence[Any]) -> list[dict[str, Any]]:
    """The same with what each method makes of noise on grey."""
    from assignments.swift_srgan.measuring import noise_peak
    from data_tools.batches.bicubic import enlarge_bicubic
    from paddle_models.deploy.tiling import enlarge

    peaks = {}
    for each in generators:
        peaks[each.source, each.scale] = noise_peak(partial(enlarge, each, each.scale))
        peaks[BICUBIC, each.scale] = noise_peak(partial(enlarge_bicubic, scale=each.scale))
    keys = [(row["method"], row["scale"]) for row in means]
    return [{**row, NOISE: peaks[key]} if key in peaks else row for key, row in zip(keys, means)]


def columns_of(rows: Sequence[dict[str, Any]], images: bool):
    """Columns of the table of images, else of sets."""
    from reports.tables import Column

    first = [Column("set", "Set"), *([Column("image", "Image")] if images else []), Column("method", "Method"),
             Column("scale", "x", 0), *([] if images else [Column("n", "n", 0)])]
    last = [Column(NOISE, "Noise", 0)] if any(NOISE in row for row in rows) else []
    return first + [Column(key, *TITLES[key]) for key in TITLES if any(key in row for row in rows)] + last


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="replace")  # a terminal without UTF-8 still gets its table
    sys.exit(main())
