"""What the training came to: doubtful labels, curves, predictions, feature maps, how far probabilities can be trusted;
see figures.py."""

import numpy as np

from assignments.glasses.figures_document import band_of, examples, mosaic, shares
from assignments.glasses.figures_experiments import Suspects, label_name, suspect_title
from data_tools.errors import KitError
from paddle_models.tasks.metrics import wilson_interval
from reports.figures import numbers, plots, style
from reports.figures.most_wrong import Answers, two_classes
from reports.figures.style import Labels
from reports.run_reader import Run

SHOWN, MOST_SUSPECTS = 10, 5  # images of figure 9, and how many of them are suspects at most
MOST_LAYERS, MOST_MAPS, DETAIL = 16, 16, 10
LAYER_HEIGHT = 0.41  # inches of a row of maps
BINS = 20
MOST_GROUPS, LEAST_IMAGES = 10, 25  # of the calibration
PREFIXES = {"test": "", "validation": "val_"}  # of the arrays of the splits that have labels
LEGEND = {"fontsize": 7, "loc": "lower center", "bbox_to_anchor": (0.5, 1.0), "borderaxespad": 0.2}  # above the plot


def predictions(run: Run, prefix: str = "") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(names, labels 0 or 1, probabilities of glasses), (N,) each, of the test images; prefix "val_": of the validation
    images."""
    names = run.prediction(f"{prefix}names", (None,), "U")
    labels = run.prediction(f"{prefix}labels", names.shape, "iu")
    probabilities = run.prediction(f"{prefix}probabilities", names.shape, "f")
    if labels.min() < 0 or labels.max() > 1 or probabilities.min() < 0 or probabilities.max() > 1:
        raise KitError(f"{run.path / 'predictions.npz'}: {prefix}labels other than 0 and 1, or {prefix}probabilities "
                       "outside 0..1; make the run again")
    return names, labels, probabilities


def answers(run: Run, split: str = "test") -> Answers:
    """Of the images of a split that has labels."""
    names, labels, probabilities = predictions(run, PREFIXES[split])
    return Answers(split, names, labels, two_classes(probabilities))


def figure_9(figure, run: Run, t: Labels) -> None:
    """Ten labelled images at the network's resolution: suspects, which are framed, among images of the training set."""
    images, names, labels = examples(run)
    suspects: Suspects | None = run.suspects
    shown = {}
    if suspects is not None:
        for i in range(len(suspects.images)):
            name = str(suspects.names[i])
            if len(shown) < MOST_SUSPECTS or name in names:
                title = suspect_title(suspects.labels[i], suspects.probabilities[i], t)
                shown[name] = (suspects.images[i], title, False)
    for image, name, label in zip(images, names, labels):
        if len(shown) < SHOWN:
            shown.setdefault(str(name), (image, label_name(label, t), None))
    side = side_of(run)
    ordered = [shown[name] for name in sorted(shown)][:SHOWN]
    titles = [f"({number}) {title}" for number, (_, title, _) in enumerate(ordered, 1)]
    _framed(figure, [reduced(image, side) for image, _, _ in ordered], titles, [frame for _, _, frame in ordered], 7.5)


def _framed(figure, images, titles, frames, size: float) -> None:
    """Rows of five images; titles keep clear of the frames."""
    for axes in plots.image_grid(figure, images, titles, 5, frames, size):
        axes.set_title(axes.get_title(), fontsize=size, pad=5, linespacing=1.15)


def side_of(run: Run) -> int:
    """Side of the network's input in pixels."""
    side = run.setting("image_size", 32)
    if type(side) is not int or not 8 <= side <= 1024:
        raise KitError(f"{run.path / 'config.yaml'}: image_size is {str(side)[:40]}; expected a whole number from 8 to "
                       f"1024")
    return side


def reduced(image: np.ndarray, side: int) -> np.ndarray:
    """uint8 RGB made side x side, each pixel the mean of what it covers."""
    from PIL import Image

    return np.asarray(Image.fromarray(image.astype(np.uint8)).resize((side, side), Image.Resampling.BOX))


def figure_10(figure, run: Run, t: Labels) -> None:
    """Accuracy of training and validation over the epochs, and the validation loss."""
    left, right = figure.subplots(1, 2, width_ratios=(1.5, 1))
    epoch = t("epoch")
    series = []
    for label, key in ((t("training"), "train/accuracy"), (t("validation"), "val/accuracy")):
        x, y = run.series("epoch", "epoch", key)
        series.append((label, x + 1, y))
    plots.curves(left, series, epoch, t("accuracy"))
    plots.percent(left.yaxis)
    left.legend(loc="lower right")
    x, loss = run.series("epoch", "epoch", "val/loss")
    if not len(loss):
        raise KitError(f"{run.path / 'metrics.jsonl'} has no epoch with val/loss; the run has not finished its first "
                       f"epoch")
    plots.curves(right, [(t("validation"), x + 1, loss)], epoch, t("validation_loss"), first_style=1)
    best = int(loss.argmin())
    plots.mark_point(right, x[best] + 1, loss[best], t("least", loss=loss[best]))
    for axes in (left, right):
        plots.whole_numbers(axes.xaxis)


def figure_12(figure, run: Run, t: Labels) -> None:
    """Predictions for test images, right and wrong framed, doubts said; below, the eyes of the first one."""
    images = run.artifact("prediction_images", (None, None, None, 3), "u")[:SHOWN]
    labels = run.artifact("prediction_labels", (None,), "iu")[:SHOWN]
    probabilities = shares(run, "prediction_probabilities", None)[:SHOWN]
    eyes = run.artifact("eyes_image", (None, None, 3), "u")
    if not len(images) == len(labels) == len(probabilities):
        raise KitError(f"{run.path / 'artifacts.npz'}: prediction_images, _labels and _probabilities differ in length")
    upper, lower = figure.subfigures(2, 1, height_ratios=(2 if len(images) > 5 else 1, 1))
    (low, high), titles, frames = band_of(run), [], []
    for label, probability in zip(labels, probabilities):
        doubt = t("doubt") if low <= probability <= high else ""
        titles.append(f"{t('label')}{t('colon')}{label_name(label, t)}\nP = {probability:.3f}{doubt}")
        frames.append(bool((probability >= 0.5) == (label == 1)))
    _framed(upper, images, titles, frames, 6.8)
    numbers.tell(figure, {"label": [label_name(label, t) for label in labels], "probability_of_glasses": probabilities})
    title = t("eyes", probability=probabilities[0])
    plots.show_image(lower.subplots(), eyes, title)


def layers(run: Run) -> tuple[list[str], list[np.ndarray]]:
    """(names, maps (K, h, w) each) of the network's layers, the first one first."""
    names = run.artifact("feature_names", (None,), "U")
    if len(names) > MOST_LAYERS:
        raise KitError(f"{run.path / 'artifacts.npz'}: feature_names lists {len(names)} layers; up to {MOST_LAYERS} "
                       f"can be shown")
    return [str(name) for name in names], [run.artifact(f"feature_maps_{number}", (None, None, None), "f")[:MOST_MAPS]
                                           for number in range(len(names))]


def height_of_13(run: Run) -> float:
    """Inches that figure 13 needs: a row for each layer, two for the input, three for the detail."""
    return LAYER_HEIGHT * (len(layers(run)[0]) + 5)


def figure_13(figure, run: Run, t: Labels) -> None:
    """Maps of every layer in a row each, dark to bright from the layer's least to its greatest value; the last ones
    enlarged."""
    names, maps = layers(run)
    image = run.artifact("feature_image", (None, None, 3), "u")
    grid = figure.add_gridspec(len(names) + 2, 2, width_ratios=(1, 8), height_ratios=[2, *[1] * len(names), 3])
    plots.show_image(figure.add_subplot(grid[0, 0]), image)
    title = figure.add_subplot(grid[0, 1])
    title.set_axis_off()
    title.text(0, 0.5, t("input", width=image.shape[1], height=image.shape[0]), va="center", fontsize=7.5)
    for number, (name, tiles) in enumerate(zip(names, maps), 1):
        words = figure.add_subplot(grid[number, 0])
        words.set_axis_off()
        shown = name.replace("conv", t("conv")).replace("pooling", t("pooling"))
        words.text(0, 0.5, f"{t.plain(shown, 18)}\n{tiles.shape[2]} x {tiles.shape[1]}", va="center", fontsize=6.8)
        _tiles(figure.add_subplot(grid[number, 1]), tiles, MOST_MAPS, tiles)
    last = maps[-1][-DETAIL:]
    words = figure.add_subplot(grid[-1, 0])
    words.set_axis_off()
    words.text(0, 0.5, t("detail", count=len(last)), va="center", fontsize=6.8)
    _tiles(figure.add_subplot(grid[-1, 1]), last, 5, maps[-1])


def _tiles(axes, tiles: np.ndarray, columns: int, layer: np.ndarray) -> None:
    """Tiles in rows of `columns`, places without a tile white; the scale is that of all maps of the layer."""
    low, high = float(layer.min()), float(layer.max())
    factor = max(1, 24 // tiles.shape[1])  # so that the gap between small maps is thin
    shown = np.kron(tiles, np.ones((1, factor, factor)))
    room = np.full((-len(shown) % columns, *shown.shape[1:]), np.nan)
    gap = max(1, shown.shape[1] // 24)
    axes.imshow(mosaic(np.concatenate([shown, room]), columns, gap, np.nan), cmap="viridis", vmin=low,
                vmax=max(high, low + 1e-9))
    axes.set_axis_off()
    axes.set_anchor("W")


# ---- beyond the document


def groups_of(run: Run) -> int:
    """In how many groups the test images go, so that an interval of 95 % still says something."""
    return max(1, min(MOST_GROUPS, len(predictions(run)[1]) // LEAST_IMAGES))


def counted(run: Run) -> dict[str, int]:
    """Images and groups of the calibration."""
    return {"images": len(predictions(run)[1]), "groups": groups_of(run)}


def calibration(figure, run: Run, t: Labels) -> None:
    """How many of the images that got such a probability wear glasses, in groups of equal size; below, how often each
    probability was given."""
    _, labels, probabilities = predictions(run)
    order = np.argsort(probabilities, kind="stable")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(2.2, 1))
    upper.plot([0, 1], [0, 1], color=style.GREY, linewidth=0.9, linestyle="--", label=t("perfect"))
    rows = []
    for group in np.array_split(order, groups_of(run)):
        given, share = probabilities[group], labels[group].mean()
        low, high = wilson_interval(int(labels[group].sum()), len(group))
        rows.append((given.mean(), share, given.mean() - given.min(), given.max() - given.mean(), share - low,
                     high - share))
    x, y, left, right, below, above = np.clip(np.transpose(rows), 0, None)
    upper.errorbar(x, y, xerr=(left, right), yerr=(below, above), color=style.BLUE, linestyle="none", marker="o",
                   elinewidth=0.9, capsize=2, label=t("this_network"))
    upper.set_ylabel(t("share_with_glasses"))
    upper.set_ylim(-0.03, 1.03)
    upper.legend(loc="upper left")
    lower.hist(probabilities, np.linspace(0, 1, BINS + 1), color="#9CC7E3", edgecolor="white", linewidth=0.5)
    lower.set(xlabel=t("given_probability"), ylabel=t("images"), xlim=(-0.03, 1.03))
    plots.whole_numbers(lower.yaxis, 4)
    for axis in (upper.xaxis, upper.yaxis):
        plots.percent(axis)


def uncertain_band(figure, run: Run, t: Labels) -> None:
    """Probabilities of the test images by label, and what leaving out a band around 0.5 buys."""
    _, labels, probabilities = predictions(run)
    left, right = figure.subplots(1, 2)
    edges = np.linspace(0, 1, BINS + 1)
    for number, label in enumerate((0, 1)):
        counts, _ = np.histogram(probabilities[labels == label], edges)
        left.bar(edges[:-1] + (number + 0.5) * 0.42 / BINS + 0.08 / BINS, counts, width=0.42 / BINS,
                 color=style.CYCLE[number], hatch=("", "////")[number], edgecolor="white", linewidth=0,
                 label=label_name(label, t))
    low, high = band_of(run)
    left.axvspan(low, high, color=style.ORANGE, alpha=0.15, linewidth=0, zorder=0.5, label=t("uncertain"))
    plots.logarithmic(left, "y", 5)
    left.set(xlabel=t("probability_of_glasses"), ylabel=t("test_images"), xlim=(0, 1))
    left.set_ylim(bottom=0.7)
    left.legend(ncols=3, columnspacing=1.2, **LEGEND)
    widths = np.linspace(0, 0.45, 46)
    distance, fine = np.abs(probabilities - 0.5), (probabilities >= 0.5) == (labels == 1)
    kept = [distance >= width for width in widths]
    accuracy = np.array([fine[rows].mean() if rows.any() else np.nan for rows in kept])
    share = np.array([rows.mean() for rows in kept])
    series = [(t("accuracy_of_the_kept"), widths, accuracy), (t("share_kept"), widths, share)]
    plots.curves(right, series, t("left_out"), t("share"))
    right.axvline(high - 0.5, color=style.GREY, linewidth=0.9, linestyle=":", label=f"0.5 ± {high - 0.5:.2g}")
    right.legend(ncols=3, columnspacing=1.2, handlelength=1.6, **LEGEND)
    plots.percent(right.yaxis)
