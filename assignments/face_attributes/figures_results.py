"""What the training came to: curves, attributes, regions, single predictions; see figures.py."""

from pathlib import Path

import numpy as np

from assignments.face_attributes.attribute_table import measures, predictions
from assignments.face_attributes.names import attribute_name, region_name
from data_tools.drawing.attributes import ATTRIBUTES
from data_tools.errors import KitError
from paddle_models.networks.face_regions import REGIONS
from paddle_models.tasks.attribute_metrics import MEASURES, by_region, mean
from reports.figures import most_wrong as wrong_images
from reports.figures import numbers, plots, style
from reports.figures.style import Labels
from reports.run_reader import Run

PREDICTIONS, COLUMNS, LINES = 8, 4, 13  # images, per row, lines below each at most
PICTURE_HEIGHT, LINE_HEIGHT = 1.55, 0.125  # inches
HEADER = ("file", "split", "loss", "wrong", "worst_attribute", "label", "probability", "worst_loss")  # of images.csv
MEAN_ROW = 7.6  # of the mean, a little apart from the seven regions


def training(figure, run: Run, t: Labels) -> None:
    """Loss, and accuracy with what accuracy hides, over the epochs."""
    left, right = figure.subplots(1, 2)
    epoch = t("epoch")

    def series(label: str, key: str):
        x, y = run.series("epoch", "epoch", key)
        return label, x + 1, y

    plots.curves(left, [series(t("training"), "train/loss"), series(t("validation"), "val/loss")], epoch, t("loss"))
    left.set_ylim(bottom=0)
    shown = [series(t("accuracy_training"), "train/accuracy"), series(t("accuracy"), "val/accuracy"),
             series(t("balanced_accuracy"), "val/balanced_accuracy"), series("F1", "val/f1")]
    plots.curves(right, shown, epoch, t("mean"))
    baseline = mean(measures(run)[1]["accuracy"])
    right.axhline(baseline, color=style.GREY, linewidth=0.9, linestyle=(0, (1, 1)), label=t("majority"))
    plots.percent(right.yaxis)
    right.legend(loc="lower right", fontsize=7)
    for axes in (left, right):
        plots.whole_numbers(axes.xaxis)


def attribute_accuracy(figure, run: Run, t: Labels) -> None:
    """Accuracy of each attribute beside the majority baseline, region by region; gain in points at the right."""
    model, baseline = (values["accuracy"] for values in measures(run))
    axes, y, ticks = figure.subplots(), 0.0, {}

    def beside(x: float, row: float, text: str, colour: str = style.GREY) -> None:
        axes.text(x, row, text, transform=axes.get_yaxis_transform(), fontsize=6.8, va="center", ha="right",
                  color=colour)

    places, bands = [], []
    for region, attributes in REGIONS.items():
        axes.text(-0.015, y, region_name(region, t.chinese), transform=axes.get_yaxis_transform(), ha="right",
                  va="center", fontsize=8.2, fontweight="bold")
        bands.append(y)
        for attribute in attributes:
            y += 1
            ticks[y] = attribute_name(attribute, t.chinese)
            places.append((y, ATTRIBUTES.index(attribute)))
        y += 1.25
    rows, index = np.array([row for row, _ in places]), [place for _, place in places]
    _pairs(axes, rows, baseline[index], model[index], t)
    low = np.floor(10 * min(model.min(), baseline.min()) - 0.2) / 10
    for row, i in places:
        gain = round(100 * (model[i] - baseline[i]), 1) + 0.0
        beside(1.07, row, f"{100 * model[i]:.1f}", style.INK)
        beside(1.165, row, f"{gain:+.1f}" if gain else "0.0")
    beside(1.07, 0, "%")
    beside(1.165, 0, t("gain"))
    axes.set_yticks(list(ticks), list(ticks.values()), fontsize=7)
    axes.set(xlim=(max(0.0, low), 1.005), ylim=(y - 0.6, -0.7), xlabel=t("accuracy"))
    for line in bands:
        axes.axhline(line, color="white", linewidth=5, zorder=0.6)
    plots.percent(axes.xaxis)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, borderaxespad=0.2)


def region_measures(figure, run: Run, t: Labels) -> None:
    """Four measures of each region beside the majority baseline, and the mean over all attributes."""
    model, baseline = measures(run)
    panels = figure.subplots(1, len(MEASURES), sharey=True)
    rows = np.array([*range(len(REGIONS)), MEAN_ROW])
    for axes, name in zip(panels, MEASURES):
        pairs = [_with_mean(values[name]) for values in (baseline, model)]
        _pairs(axes, rows, *pairs, t)
        for row, value in zip(rows, pairs[1]):
            axes.text(1.03, row, "-" if np.isnan(value) else f"{100 * value:.1f}", va="center", fontsize=6.8,
                      transform=axes.get_yaxis_transform())
        axes.set_title(t(f"measure_{name}"))
        axes.set(xlim=(0, 1), xticks=[0, 0.5, 1])
        plots.percent(axes.xaxis)
    names = [f"{region_name(region, t.chinese)} ({len(attributes)})" for region, attributes in REGIONS.items()]
    panels[0].set_yticks(rows, [*names, t("all_attributes")])
    panels[0].set_ylim(MEAN_ROW + 0.6, -0.6)
    panels[0].set_xlabel(" ", labelpad=7)  # keeps a line free for the legend, which is wider than its panel
    panels[0].legend(loc="upper left", bbox_to_anchor=(0, -0.13), ncols=2, borderaxespad=0).set_in_layout(False)


def _with_mean(values: np.ndarray) -> np.ndarray:
    """Means of the seven regions and of all attributes, NaN where there is none."""
    parts = [*by_region(values, ATTRIBUTES, REGIONS).values(), mean(values)]
    return np.array([np.nan if part is None else part for part in parts])


def _pairs(axes, rows: np.ndarray, baseline: np.ndarray, model: np.ndarray, t: Labels) -> None:
    """A hollow square for the baseline, a filled point for the network, and a line between the two."""
    axes.hlines(rows, baseline, model, color="#9DB7C9", linewidth=1.3, zorder=1.5)
    axes.plot(baseline, rows, linestyle="none", marker="s", markersize=6.2, markerfacecolor="white",
              markeredgecolor=style.ORANGE, clip_on=False, zorder=2.5, label=t("always_the_majority"))
    axes.plot(model, rows, linestyle="none", marker="o", markersize=3.8, color=style.BLUE, clip_on=False,
              zorder=2.6, label=t("this_network"))


def some_predictions(figure, run: Run, t: Labels) -> None:
    """Random images with the attributes that the network finds, their probabilities, and those it misses."""
    labels, probabilities = predictions(run)
    images = run.artifact("prediction_images", (None, None, None, 3), "u")[:PREDICTIONS]
    index = run.artifact("prediction_index", (None,), "iu")[:PREDICTIONS]
    if len(index) != len(images) or index.min() < 0 or index.max() >= len(labels):
        raise KitError(f"{run.path / 'artifacts.npz'}: prediction_index does not fit its images or predictions.npz")
    rows, longest = -(-len(images) // COLUMNS), _longest(run)
    heights = [PICTURE_HEIGHT, LINE_HEIGHT * (longest + 0.8)] * rows
    grid = figure.subplots(2 * rows, COLUMNS, squeeze=False, height_ratios=heights)
    for axes in grid.ravel():
        axes.set_axis_off()
    for number, i in enumerate(index):
        row, column = divmod(number, COLUMNS)
        right = int(((probabilities[i] > 0.5) == (labels[i] > 0)).sum())
        plots.show_image(grid[2 * row, column], images[number], t("right", right=right))
        for line, (sign, text, share) in enumerate(_lines(labels[i], probabilities[i], t)):
            axes, y = grid[2 * row + 1, column], 1 - (line + 0.5) / (longest + 0.8)
            colour = style.INK if sign == "✓" else style.ORANGE
            for x, part, side in ((0.02, sign, "left"), (0.11, text, "left"), (0.97, share, "right")):
                axes.text(x, y, part, transform=axes.transAxes, fontsize=6.2, ha=side, va="center", color=colour)
    numbers.tell(figure, {"file": answers(run).names[index].repeat(len(ATTRIBUTES)),
                          "attribute": [attribute_name(name, t.chinese) for name in ATTRIBUTES] * len(index),
                          "label": labels[index].ravel(), "probability": probabilities[index].ravel()})


def height_of_predictions(run: Run) -> float:
    """Inches of the pictures and of the lines below them."""
    rows = -(-len(run.artifact("prediction_index", (None,), "iu")[:PREDICTIONS]) // COLUMNS)
    return rows * (PICTURE_HEIGHT + LINE_HEIGHT * (_longest(run) + 0.8))


def _longest(run: Run) -> int:
    """Lines below the picture that has the most of them."""
    labels, probabilities = predictions(run)
    index = run.artifact("prediction_index", (None,), "iu")[:PREDICTIONS]
    told = [((probabilities[i] > 0.5) | (labels[i] > 0)).sum() for i in index if 0 <= i < len(labels)]
    return min(LINES, max([1, *told]))


def _lines(labels: np.ndarray, probabilities: np.ndarray, t: Labels) -> list[tuple[str, str, str]]:
    """(sign, name, probability) of what was found or missed, mistakes first to stay, most probable first in order."""
    told = [i for i in range(len(labels)) if probabilities[i] > 0.5 or labels[i] > 0]
    wrong = [i for i in told if (probabilities[i] > 0.5) != (labels[i] > 0)]
    fine = sorted((i for i in told if i not in wrong), key=lambda i: -probabilities[i])
    room = LINES - (len(told) > LINES)
    kept = sorted((wrong + fine)[:room], key=lambda i: -probabilities[i])
    lines = []
    for i in kept:
        name = attribute_name(ATTRIBUTES[i], t.chinese)
        sign = "✓" if i not in wrong else "✗" if probabilities[i] > 0.5 else "–"
        lines.append((sign, name, f"{100 * probabilities[i]:.0f} %"))
    if len(told) > room:
        rest = len(told) - room
        all_fine = len(wrong) <= room
        lines.append(("✓" if all_fine else "✗", t("more", rest=rest), ""))
    return lines


def answers(run: Run) -> wrong_images.Answers:
    """What was said of the images that judged the run."""
    labels, probabilities = predictions(run)
    names = run.prediction("names", labels[:, 0].shape, "U")
    return wrong_images.Answers(str(run.result.get("judged_on", "test")), names, labels, probabilities)


def most_wrong(figure, run: Run, t: Labels) -> None:
    """The images with the largest mean loss, with the number of wrong attributes and the one with the largest loss."""
    found = answers(run)

    def said(row: int) -> list[str]:
        worst = found.losses[row].argmax()
        sign = "✓" if not found.wrong[row, worst] else "✗" if found.predicted[row, worst] else "–"
        share, name = found.probabilities[row, worst], attribute_name(ATTRIBUTES[worst], t.chinese)
        return [t("wrong", wrong=found.wrong[row].sum()), f"{sign} {wrong_images.percent(share)} {name}"]

    rows = wrong_images.show(figure, run, found, said, t)
    numbers.tell(figure, {"file": found.names[rows], "loss": found.losses[rows].mean(axis=1),
                          "wrong": found.wrong[rows].sum(axis=1)})


def write_images(run: Run, folder: Path, _: str) -> list[Path]:
    """images.csv: every image with its mean loss, how many attributes are wrong, and the one with the largest loss."""
    found = answers(run)
    every, worst = np.arange(len(found.names)), found.losses.argmax(axis=1)
    columns = (found.losses.mean(axis=1), found.wrong.sum(axis=1), np.array(ATTRIBUTES)[worst],
               found.labels[every, worst], found.probabilities[every, worst], found.losses[every, worst])
    return wrong_images.write_images(folder, HEADER, [(name, found.split, *cells) for name, *cells in
                                                      zip(found.names, *columns)])
