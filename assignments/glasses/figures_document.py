"""Figures 1 to 8 of the document but the photograph of figure 3: faces, a filter, three functions; see figures.py."""

from collections.abc import Callable

import numpy as np

from data_tools.errors import KitError
from reports.figures import numbers, plots, style
from reports.figures.style import Labels
from reports.run_reader import Run

COLUMNS = 5  # of a grid of faces
UNCERTAIN = (0.4, 0.6)  # the document's band: probabilities in it, its ends included, are flagged
VERTICAL_LINE = -np.ones((5, 5))  # figure 4's filter: a line of 3 pixels and nothing around it
VERTICAL_LINE[1:4, 2] = 1
SOBEL = np.array([[-1, -2, -1], [0, 0, 0], [1, 2, 1]])  # figure 5's: horizontal lines
MOST_FILTERS = 32  # of the first layer, shown beside Sobel's


def figure_1(figure, run: Run, t: Labels) -> None:
    """Faces of the data set."""
    images, _, _ = examples(run)
    plots.image_grid(figure, images, [""] * len(images), COLUMNS)


def figure_2(figure, run: Run, t: Labels) -> None:
    """Images that the network is least sure about, with its probability."""
    images = run.artifact("uncertain_images", (None, None, None, 3), "u")
    names = run.artifact("uncertain_names", (len(images),), "U")
    probabilities = shares(run, "uncertain_probabilities", len(images))
    short = [t.plain(str(name).rpartition("/")[2], 22) for name in names]
    titles = [f"{name}\nP = {probability:.3f}" for name, probability in zip(short, probabilities)]
    plots.image_grid(figure, images, titles, 4, size=7)
    numbers.tell(figure, {"file": short, "probability_of_glasses": probabilities})


def band_of(run: Run) -> tuple[float, float]:
    """The run's uncertain band: its ends, the lower one first."""
    band = run.setting("uncertain", list(UNCERTAIN))
    fine = isinstance(band, list) and len(band) == 2 and all(isinstance(end, (int, float)) for end in band)
    if not fine or not 0 <= band[0] <= band[1] <= 1:
        raise KitError(f"{run.path / 'config.yaml'}: uncertain is {str(band)[:40]}; expected two probabilities, the "
                       f"lower first")
    return float(band[0]), float(band[1])


def examples(run: Run) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(images (N, H, W, 3), names, labels 0 or 1) of the kept training images, N at most 10."""
    images = run.artifact("example_images", (None, None, None, 3), "u")
    names = run.artifact("example_names", (len(images),), "U")
    labels = run.artifact("example_labels", (len(images),), "iu")
    if labels.min() < 0 or labels.max() > 1:
        raise KitError(f"{run.path / 'artifacts.npz'}: example_labels holds labels other than 0 and 1; make the run "
                       f"again")
    return images[:10], names[:10], labels[:10]


def shares(run: Run, name: str, length: int | None) -> np.ndarray:
    """A column of artifacts.npz, float (length,), with values of 0..1; None for any length."""
    values = run.artifact(name, (length,), "f")
    if values.min() < 0 or values.max() > 1:
        raise KitError(f"{run.path / 'artifacts.npz'}: {name} holds values outside 0..1; make the run again")
    return values


# ---- figures 4 and 5: filters


def correlate(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """What a convolutional layer computes: (H, W) with (k, k) gives (H - k + 1, W - k + 1), without padding."""
    return np.einsum("ijkl,kl->ij", np.lib.stride_tricks.sliding_window_view(image, kernel.shape), kernel)


def toy_image() -> np.ndarray:
    """9 x 9 pixels, 0 or 1: a vertical line of 3, a horizontal line of 3 and a single pixel."""
    image = np.zeros((9, 9))
    image[2:5, 3], image[7, 4:7], image[1, 7] = 1, 1, 1
    return image


def figure_4(figure, run: Run, t: Labels) -> None:
    """A 5 x 5 filter that scans an input and finds its vertical line of 3 pixels; the run is not read."""
    image = toy_image()
    found = correlate(image, VERTICAL_LINE)
    row, column = np.unravel_index(int(found.argmax()), found.shape)
    panels = figure.subplots(1, 5, width_ratios=(9, 1, 5, 1, 5))
    for axes, sign in zip(panels[1::2], ("*", "=")):
        axes.set_axis_off()
        axes.text(0.5, 0.5, sign, transform=axes.transAxes, ha="center", va="center", fontsize=16)
    titles = (t("input"), t("filter"), t("map"))
    for axes, values, title in zip(panels[::2], (image, VERTICAL_LINE, found), titles):
        _grid_of_numbers(axes, values, title)
    _frame(panels[0], column, row, 5)
    _frame(panels[4], column, row, 1)


def _grid_of_numbers(axes, values: np.ndarray, title: str, size: float = 7) -> None:
    """Small whole numbers in cells, blue above 0 and red below."""
    reach = 1.6 * np.abs(values).max()
    axes.imshow(values, cmap="RdBu", vmin=-reach, vmax=reach)
    for (row, column), value in np.ndenumerate(values):
        axes.text(column, row, f"{value:.0f}".replace("-", "−"), ha="center", va="center", fontsize=size)
    axes.set_title(title, fontsize=8.5)
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)
    axes.spines[:].set_visible(True)
    for edge in np.arange(len(values) - 1) + 0.5:
        axes.axhline(edge, color=style.PALE, linewidth=0.8)
        axes.axvline(edge, color=style.PALE, linewidth=0.8)


def _frame(axes, column: int, row: int, side: int) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((column - 0.5, row - 0.5), side, side, fill=False, edgecolor=style.ORANGE, linewidth=2.2,
                             clip_on=False, zorder=5))


def figure_5(figure, run: Run, t: Labels) -> None:
    """Sobel's filter on a face of the run, and the filters that the run's first layer has learned."""
    grey = grey_of(examples(run)[0][0])
    learned = run.artifact("first_filters", (None, None, None, None), "f")[:MOST_FILTERS]
    if min(grey.shape) < 3 or learned.shape[1] not in (1, 3):
        raise KitError(f"{run.path / 'artifacts.npz'}: example_images is too small, or first_filters has "
                       f"{learned.shape[1]} channels instead of 3; make the run again")
    panels = figure.subplots(1, 4, width_ratios=(3, 1.6, 3, 3))
    panels[0].imshow(grey, cmap="gray", vmin=0, vmax=255)
    _grid_of_numbers(panels[1], SOBEL, "", 8)
    edges = np.abs(correlate(grey, SOBEL))
    panels[2].imshow(edges, cmap="gray", vmin=0, vmax=np.percentile(edges, 99.5) + 1e-6)
    panels[3].imshow(mosaic(_in_colour(learned), int(np.ceil(np.sqrt(len(learned)))), 1, 1.0))
    titles = (t("input"), t("sobel"), t("feature_map"), t("learned", height=learned.shape[2], width=learned.shape[3]))
    for axes, title in zip(panels, titles):
        axes.set_title(title, fontsize=8)
        if axes is not panels[1]:
            axes.set_axis_off()


def grey_of(image: np.ndarray) -> np.ndarray:
    """Luma of uint8 RGB (H, W, 3), float (H, W) in 0..255."""
    return image @ np.array([0.299, 0.587, 0.114])


def _in_colour(filters: np.ndarray) -> np.ndarray:
    """Filters (F, 1 or 3, k, k) as pictures (F, k, k, 3) in 0..1, each from its least to its greatest weight."""
    low, high = (pick(filters, axis=(1, 2, 3), keepdims=True) for pick in (np.min, np.max))
    shown = (filters - low) / np.maximum(high - low, 1e-9)
    return np.repeat(shown, 3 // shown.shape[1], axis=1).transpose(0, 2, 3, 1)


def mosaic(tiles: np.ndarray, columns: int, gap: int, fill: float) -> np.ndarray:
    """Tiles (N, h, w) or (N, h, w, 3) in rows of `columns`, `gap` pixels of `fill` between them, floats."""
    height, width = tiles.shape[1:3]
    rows = -(-len(tiles) // columns)
    whole = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, *tiles.shape[3:]), fill,
                    dtype=np.float64)
    for number, tile in enumerate(tiles):
        top, left = (height + gap) * (number // columns), (width + gap) * (number % columns)
        whole[top:top + height, left:left + width] = tile
    return whole


# ---- figures 6, 7 and 8: functions. The document plots them without their derivatives, of which its text speaks.


def step(x: np.ndarray) -> np.ndarray:
    """The unit step: 0 below 0, else 1."""
    return (x >= 0).astype(np.float64)


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + e^-x)."""
    return 1 / (1 + np.exp(-x))


def relu(x: np.ndarray) -> np.ndarray:
    """max(0, x)."""
    return np.maximum(0, x)


def figure_6(figure, run: Run, t: Labels) -> None:
    """Unit step, with the jump at 0."""
    axes = _function(figure, step, np.zeros_like, 3, t)
    axes.plot([0], [0], linestyle="none", marker="o", markerfacecolor="white", color=style.BLUE, markersize=6, zorder=4)
    axes.plot([0], [1], linestyle="none", marker="o", color=style.BLUE, markersize=6, zorder=4)


def figure_7(figure, run: Run, t: Labels) -> None:
    """Sigmoid, with the band of inputs whose probability counts as uncertain."""
    axes = _function(figure, sigmoid, lambda x: sigmoid(x) * (1 - sigmoid(x)), 8, t)
    low, high = UNCERTAIN
    ends = (float(np.log(share / (1 - share))) for share in UNCERTAIN)
    axes.axvspan(*ends, color=style.ORANGE, alpha=0.2, linewidth=0, label=t("uncertain", low=low, high=high))
    axes.axhline(0.5, color=style.GREY, linewidth=0.8, linestyle=":")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))


def figure_8(figure, run: Run, t: Labels) -> None:
    """ReLU; its derivative at 0 is taken as 0."""
    axes = _function(figure, relu, lambda x: (x > 0).astype(np.float64), 3, t)
    axes.set_aspect("equal")


def _function(figure, value: Callable, derivative: Callable, reach: float, t: Labels):
    """A function and its derivative over -reach..reach; both break at 0, where they may jump."""
    axes = figure.subplots()
    for number, (part, label) in enumerate(((value, "f(x)"), (derivative, t("derivative")))):
        for side in (-1, 1):
            x = np.linspace(side * 1e-9, side * reach, 200)
            axes.plot(x, part(x), color=style.CYCLE[number], linestyle=plots.LINE_STYLES[number],
                      linewidth=1.5 + (number == 0), label=label if side > 0 else None)
    axes.set(xlabel="x", xlim=(-reach, reach))
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return axes
