"""The paper's figures 1, 2 and 3; see figures.py."""

import numpy as np

from data_tools.errors import KitError
from reports.figures import diagrams, plots, style
from reports.figures.diagrams import Arrow, Box
from reports.figures.style import Labels
from reports.run_reader import Run

DETAIL = 0.28  # side of the detail, share of the image's shorter side
PICTURE = 0  # of the run's kept pictures, the first one
TITLE_HEIGHT, TALLEST = 0.2, 4.0  # inches


def height_of_1(run: Run) -> float:
    """Inches of the pictures side by side and a line of titles."""
    return _row_height(run, 2) + TITLE_HEIGHT


def height_of_3(run: Run) -> float:
    """Inches of the pictures, of their square details and a line of titles."""
    return _row_height(run, 3) + style.WIDTH / _columns(run, 3) + TITLE_HEIGHT


def _columns(run: Run, least: int) -> int:
    """Pictures in a row: one more where the run kept what the kit's weights make."""
    return least + len(pictures(run, PICTURE)) - 3


def _row_height(run: Run, least: int) -> float:
    """Inches of a row of pictures as wide as the page; tall ones are shown narrower."""
    height, width = pictures(run, PICTURE)[0].shape[:2]
    return min(style.WIDTH / _columns(run, least) * height / width, TALLEST)


def figure_1(figure, run: Run, t: Labels) -> None:
    """High resolution beside super-resolution."""
    whole, _, enlarged, *kit = pictures(run, PICTURE)
    name, scale = model_name(run), scale_of(run)
    titles = (t("original_image"), t("enlarged", name=name, scale=scale), *(t("released") for _ in kit))
    plots.image_grid(figure, (whole, enlarged, *kit), titles, columns=2 + len(kit))


def figure_3(figure, run: Run, t: Labels) -> None:
    """Bicubic, super-resolution and high resolution, each above its enlarged detail."""
    whole, bicubic, enlarged, *kit = pictures(run, PICTURE)
    top, left, side = detail_of(whole)
    titles = (t("bicubic"), model_name(run), *(t("released") for _ in kit), t("high_resolution"))
    details = style.WIDTH / _columns(run, 3)
    axes = figure.subplots(2, 3 + len(kit), height_ratios=(_row_height(run, 3), details))
    for column, (image, title) in enumerate(zip((bicubic, enlarged, *kit, whole), titles)):
        plots.show_image(axes[0, column], image, title)
        axes[0, column].add_patch(_frame(left, top, side))
        plots.show_image(axes[1, column], image[top:top + side, left:left + side])


def _frame(left: int, top: int, side: int):
    from matplotlib.patches import Rectangle

    return Rectangle((left - 0.5, top - 0.5), side, side, fill=False, edgecolor=style.ORANGE, linewidth=1.2)


def detail_of(image: np.ndarray) -> tuple[int, int, int]:
    """(top, left, side) of the square with the most detail: the largest sum of differences of neighbours."""
    side = max(8, round(DETAIL * min(image.shape[:2])))
    grey = image.astype(np.float64).mean(axis=2)
    change = np.zeros(grey.shape)
    change[1:, 1:] = np.abs(np.diff(grey, axis=0))[:, 1:] + np.abs(np.diff(grey, axis=1))[1:]
    sums = np.pad(change.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    windows = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    top, left = np.unravel_index(int(windows.argmax()), windows.shape)
    return int(top), int(left), side


def pictures(run: Run, index: int) -> tuple[np.ndarray, ...]:
    """(high resolution, bicubic, enlarged) of a kept picture, (H, W, 3) uint8 each; a fourth, enlarged by the weights
    that came with the kit, where the run kept it."""
    whole = run.artifact(f"whole_{index}", (None, None, 3), "u")
    if min(whole.shape[:2]) < 16:
        raise KitError(f"{run.path / 'artifacts.npz'}: whole_{index} has {whole.shape[1]}x{whole.shape[0]} pixels, too "
                       f"few to show")
    kept = [name for name in ("bicubic", "enlarged", "released")
            if name != "released" or f"released_{index}" in run.arrays("artifacts.npz")]
    return (whole, *(run.artifact(f"{name}_{index}", whole.shape, "u") for name in kept))


def model_name(run: Run) -> str:
    """The generator of the run, as people write it."""
    from assignments.swift_srgan.paper import NAMES

    return NAMES.get(str(run.setting("model", "swift_srgan")), "?")


def scale_of(run: Run) -> int:
    """Enlargement of the run."""
    scale = run.setting("scale", 4)
    if scale not in (2, 4, 8):
        raise KitError(f"{run.path / 'config.yaml'}: scale is {str(scale)[:40]}; expected 2, 4 or 8")
    return scale


def figure_2(figure, run: Run, t: Labels) -> None:
    """Generator and discriminator, as this run built them; k kernel, n output channels, s stride."""
    generator, discriminator = figure.subplots(1, 2, width_ratios=(1.35, 1))
    _generator(generator, scale_of(run), run.setting("residual", False) is True, t)
    _discriminator(discriminator, t)


def _separable(kernel: int, out: int, stride: int, t: Labels) -> str:
    return t("separable", kernel=kernel, out=out, stride=stride)


def _generator(axes, scale: int, adds: bool, t: Labels) -> None:
    from paddle_models.networks.swift_srgan import BLOCKS, CHANNELS

    steps, same = scale.bit_length() - 1, _separable(3, CHANNELS, 1, t)
    texts = [("image", t("low_resolution"), "data"),
             ("first", f"{_separable(9, CHANNELS, 1, t)}\nPReLU", "network"),
             ("blocks", f"{t('residual_blocks', blocks=BLOCKS)}\n{same}\nBatchNorm, PReLU\n"
                        f"{same}\nBatchNorm, + x", "network"),
             ("last", f"{same}\nBatchNorm", "network"), ("sum", "+", "sum"),
             ("up", f"{t('times', steps=steps)} {_separable(3, 4 * CHANNELS, 1, t)}\n{t('shuffle')}", "network"),
             ("final", _separable(9, 3, 1, t), "network"),
             ("out", t("plus_bicubic") if adds else "(tanh + 1) / 2", "step"),
             ("result", t("super_resolution", scale=scale), "result")]
    boxes = {name: Box(text, row, 0, kind) for row, (name, text, kind) in enumerate(texts)}
    names = list(boxes)
    boxes["skip"] = Box(t("skip"), 2, 1, "text")
    arrows = [*map(Arrow, names, names[1:]), Arrow("first", "skip", route="-|"), Arrow("skip", "sum", route="|-")]
    diagrams.diagram(axes, boxes, arrows, head=0.3, size=6.5)
    axes.text(0.02, 0.99, t("generator"), transform=axes.transAxes, va="top", fontweight="bold", fontsize=8)


def _discriminator(axes, t: Labels) -> None:
    from paddle_models.networks.swift_srgan import DISCRIMINATOR_WIDTHS, POOLED

    boxes = {"image": Box(t("image"), 0, 0, "data")}
    for number, width in enumerate(DISCRIMINATOR_WIDTHS):
        norm = "BatchNorm, " if number else ""
        boxes[f"block {number}"] = Box(f"{_separable(3, width, 1 + number % 2, t)}\n{norm}LeakyReLU 0.2", number + 1, 0,
                                       "network")
    row = len(DISCRIMINATOR_WIDTHS) + 1
    boxes["pool"] = Box(t("pooling", side=POOLED), row, 0)
    boxes["linear"] = Box(t("linear"), row + 1, 0, "network")
    boxes["result"] = Box(t("probability"), row + 2, 0, "result")
    names = list(boxes)
    diagrams.diagram(axes, boxes, [*map(Arrow, names, names[1:])], head=0.3, size=6.5)
    axes.text(0.02, 0.99, t("discriminator"), transform=axes.transAxes, va="top", fontweight="bold", fontsize=8)
