"""Every figure of the monkey report, redrawn from a run folder; nothing is trained and no picture is drawn by hand.

python assignments/monkey_species/figures.py [--run DIR] [--out DIR] [--lang en|zh] [--only 2.9 confusion]
"""

import sys
import textwrap

import assignments  # noqa: F401  first: it says which Python to use

# isort: split
import numpy as np

from data_tools.errors import KitError
from paddle_models.tasks.metrics import confusion_matrix, wilson_interval
from reports.figures import diagrams, most_wrong, numbers, plots, style
from reports.figures.diagrams import Arrow, Box
from reports.figures.figure_script import Entry, FigureScript
from reports.figures.shared_figures import five_optimizers
from reports.figures.style import Labels
from reports.figures.words import words_beside
from reports.run_reader import Run, look_up

DISPLAY = {"resnet50": "ResNet-50", "resnet101": "ResNet-101", "resnet152": "ResNet-152", "mobilenet_v2": "MobileNetV2",
           "efficientnet_lite0": "EfficientNet-Lite0",
           "adam": "Adam", "adamw": "AdamW", "adamp": "AdamP", "sgd": "SGD", "momentum": "Momentum",
           "adagrad": "AdaGrad", "rmsprop": "RMSProp"}
CHANNELS = (64, 64, 256)  # the three convolutions of ResNet-50's first bottleneck


def figure_2_1(figure, run: Run, t: Labels) -> None:
    """One image per species with its common and Chinese name."""
    images = run.artifact("species_images", (10, None, None, 3), "u")
    names = zip(_names(run, t), _names(run, t, chinese=True))
    titles = [t.both(textwrap.fill(english, 17), chinese, "\n") for english, chinese in names]
    plots.image_grid(figure, images, titles, columns=5)


def figure_2_2(figure, run: Run, t: Labels) -> None:
    """Images per species in both splits (the document shows training)."""
    counts = {t("training"): run.artifact("label_counts_training", (10,), "iu"),
              t("validation"): run.artifact("label_counts_validation", (10,), "iu")}
    plots.bars(figure.subplots(), _names(run, t, t.chinese), counts, t("images"))


def figure_2_3(figure, run: Run, t: Labels) -> None:
    """Width and height of every training image."""
    _sizes(figure, run, t, "sizes_training")


def figure_2_4(figure, run: Run, t: Labels) -> None:
    """Width and height of every validation image, on the axes of 2.3."""
    _sizes(figure, run, t, "sizes_validation")


def _sizes(figure, run: Run, t: Labels, name: str) -> None:
    both = {key: run.artifact(key, (None, 2), "iu") for key in ("sizes_training", "sizes_validation")}
    widths, heights = both[name].T
    limit = 1.05 * max(1000, *(int(values.max()) for values in both.values()))
    below = _percent(np.mean((widths < 1000) & (heights < 1000)))
    within = _percent(np.mean(np.maximum(widths, heights) <= 2 * np.minimum(widths, heights)))
    axes = figure.subplots()
    plots.sizes(axes, widths, heights, limit, t("width_pixels"), t("height_pixels"), 1000, t("square"))
    axes.text(1.05, 0.8, t("summary", count=len(widths), below=below, within=within),
              transform=axes.transAxes, va="top", linespacing=1.6)


def figure_2_5(figure, run: Run, t: Labels) -> None:
    """Training and testing module of section 2.2, with the settings of this run."""
    side = t.plain(run.setting("image_size", 224), 5)
    network, optimizer = (t.plain(DISPLAY.get(str(name), name), 16)
                          for name in (run.setting("model", "resnet50"), run.setting("optimizer.name", "adam")))
    resize, scale = t("resize", side=side), t("scale")
    boxes = {
        "training": Box(t("training_images"), 0, 0, "data"), "resize": Box(resize, 0, 1),
        "augment": Box(t("augment"), 0, 2), "scale": Box(scale, 0, 3),
        "network": Box(network, 0, 4, "network"),
        "loss": Box(t("cross_entropy"), 0, 5, "result"),
        "validation": Box(t("held_out_images") if _held_out(run) else t("choosing_images"), 1, 0, "data"),
        "resize 2": Box(resize, 1, 1),
        "scale 2": Box(scale, 1, 3),
        "network 2": Box(t("evaluating", network=network), 1, 4, "network"),
        "accuracy": Box(t("held_out_accuracy") if _held_out(run) else t("choosing_accuracy"), 1, 5, "result"),
        "test": Box(_tested(run, t), 2, 0, "data"), "resize 3": Box(resize, 2, 1),
        "scale 3": Box(scale, 2, 3),
        "best": Box(t("best_weights", network=network), 2, 4, "network"),
        "test accuracy": Box(t("test_accuracy"), 2, 5, "result")}
    rows = (("training", "resize", "augment", "scale", "network", "loss"),
            ("validation", "resize 2", "scale 2", "network 2", "accuracy"),
            ("test", "resize 3", "scale 3", "best", "test accuracy"))
    arrows = [Arrow(start, end) for row in rows for start, end in zip(row, row[1:])]
    arrows += [Arrow("loss", "network", t("optimizer_step", optimizer=optimizer), "over"),
               Arrow("network", "network 2", t("after_every_epoch")),
               Arrow("accuracy", "best", t("keep_the_best"), "z")]
    panels = ((t("training_module"), rows[0] + rows[1]), (t("testing_module"), rows[2]))
    diagrams.diagram(figure.subplots(), boxes, arrows, panels, head=0.36)


def _tested(run: Run, t: Labels) -> str:
    """The images that the document draws at random for its test, as many as this run had."""
    count, whole = look_up(run.result, "metrics.accuracy_200.n"), len(_predictions(run)[0])
    if not isinstance(count, int) or not 0 < count < whole:
        return t("all_images", count=whole)
    return t("random_images", count=count)


def figure_2_6(figure, run: Run, t: Labels) -> None:
    """ResNet-50's bottleneck: identity shortcut, and the 1x1 convolution where the shape changes."""
    first, second, third = CHANNELS
    boxes, arrows = {}, []
    kernels = (t("conv_relu", side=1, channels=first), t("conv_relu", side=3, channels=second),
               t("conv", side=1, channels=third))
    for number, (x, shortcut) in enumerate(((0, t("identity")), (2, t("conv", side=1, channels=third)))):
        names = [f"{part} {number}" for part in ("in", "a", "b", "c", "sum", "relu")]
        texts = [t("input_x"), *kernels, "+", "ReLU"]
        kinds = ("data", "network", "network", "network", "sum", "step")
        boxes.update({name: Box(text, row, x, kind) for row, (name, text, kind) in enumerate(zip(names, texts, kinds))})
        boxes[f"short {number}"] = Box(shortcut, 2, x + 1, "network" if number else "text")
        labels = ("", "", "", "F(x)", "H(x) = F(x) + x" if number == 0 else "H(x) = F(x) + Wx")
        arrows += [Arrow(start, end, label) for start, end, label in zip(names, names[1:], labels)]
        arrows += [Arrow(names[0], f"short {number}", route="-|"), Arrow(f"short {number}", names[4], route="|-")]
    axes = figure.subplots()
    diagrams.diagram(axes, boxes, arrows, head=0.28)
    for x, text in ((0.02, t("same_shape")), (0.52, t("shape_changes"))):
        axes.text(x, 0.99, text, transform=axes.transAxes, va="top", fontweight="bold")


def figure_2_7(figure, run: Run, t: Labels) -> None:
    """Five optimizers trained on Iris: loss and accuracy, mean and spread over seeds."""
    five_optimizers(figure, run, t, t("accuracy"))


def figure_2_8(figure, run: Run, t: Labels) -> None:
    """Four images and seven random augmentations of each."""
    originals = run.artifact("augmented_originals", (4, None, None, 3), "u")
    examples = run.artifact("augmented_examples", (4, 7, None, None, 3), "u")
    images = [image for original, row in zip(originals, examples) for image in (original, *row)]
    titles = [t("original"), t("augmented"), *[""] * 30]
    plots.image_grid(figure, images, titles, columns=8, size=7)


def table_2_1(figure, run: Run, t: Labels) -> None:
    """The augmentations and whether training uses them, read from the pipeline's own table."""
    from data_tools.batches.augment import AUGMENTATION_TABLE

    rows = [(t.both(english, chinese), t("used") if used else t("not_used"), classes)
            for english, chinese, used, classes in AUGMENTATION_TABLE]
    header = (t("operation"), t("in_training"), t("imgaug_classes"))
    plots.table(figure.subplots(), header, rows)


def figure_2_9(figure, run: Run, t: Labels) -> None:
    """Training loss and accuracy over optimizer steps."""
    left, right = figure.subplots(1, 2)
    key = next((key for row in run.metrics for key in row if key.startswith("loss/")), "loss/model")
    x, y = run.series("step", "step", key)
    if len(x):
        plots.faint_curve(left, x, y, t("logged_steps"))
    plots.curves(left, [(t("mean_of_the_epoch"), *run.series("epoch", "step", "train/loss"))], t("step"),
                 t("training_loss"))
    left.set_ylim(bottom=0)
    left.legend()
    plots.curves(right, [("", *run.series("epoch", "step", "train/accuracy"))], t("step"), t("training_accuracy"))
    plots.percent(right.yaxis)


def figure_2_10(figure, run: Run, t: Labels) -> None:
    """Loss and accuracy on the images that choose the epoch, the best one marked."""
    left, right = figure.subplots(1, 2)
    loss, accuracy = t("validation_loss"), t("validation_accuracy")
    if _held_out(run):
        loss, accuracy = t("loss_held_out"), t("accuracy_held_out")
    for axes, key, label in ((left, "val/loss", loss), (right, "val/accuracy", accuracy)):
        epochs, values = run.series("epoch", "epoch", key)
        plots.curves(axes, [("", epochs + 1, values)], t("epoch"), label, first_style=1)
        plots.whole_numbers(axes.xaxis)
    plots.percent(right.yaxis)
    if len(values) and not np.isnan(values).all():
        best = int(np.nanargmax(values))
        share, epoch = _percent(values[best]), int(epochs[best]) + 1
        plots.mark_point(right, epoch, values[best], t("best", share=share, epoch=epoch))


def figure_3_1(figure, run: Run, t: Labels) -> None:
    """Random predictions: the true species and, where it is another one, the predicted."""
    labels, probabilities = _predictions(run)
    images = run.artifact("prediction_images", (None, None, None, 3), "u")
    index = _index(run, "prediction_index", len(images), len(labels))
    predicted, names = probabilities.argmax(axis=1), _names(run, t, t.chinese)
    right = predicted[index] == labels[index]
    titles = [f"✓ {names[labels[i]]}" + ("" if ok else f"\n✗ {names[predicted[i]]}") for i, ok in zip(index, right)]
    grid = plots.image_grid(figure, images, titles, columns=4, frames=right, size=6.5)
    for axes, i in zip(grid, index):
        plots.badge(axes, _percent(probabilities[i].max(), 0))
    _tell(figure, run, t, index)


def _tell(figure, run: Run, t: Labels, index: np.ndarray) -> None:
    """What was said of the pictures in these rows of predictions.npz."""
    found, names = _answers(run), _names(run, t, t.chinese)
    numbers.tell(figure, {"file": found.names[index], "label": [names[i] for i in found.labels[index]],
                          "predicted": [names[i] for i in found.predicted[index]],
                          "probability": found.probabilities[index].max(axis=1)})


def _shown_of(run: Run) -> dict[str, int]:
    """How many predictions figure 3.1 shows, and of how many images."""
    return {"count": len(run.artifact("prediction_index", (None,), "iu")), "whole": len(_predictions(run)[0])}


def confusion(figure, run: Run, t: Labels) -> None:
    """Which species are taken for which."""
    names = _names(run, t, t.chinese)
    plots.confusion_matrix(figure.subplots(), _counts(run), names, t("predicted"), t("actual"))


def precision_recall(figure, run: Run, t: Labels) -> None:
    """Precision and recall per species with 95 % Wilson intervals."""
    counts = _counts(run)
    right = np.diag(counts)
    predicted, true = counts.sum(axis=0), counts.sum(axis=1)
    groups = {t("precision"): _shares(right, predicted), t("recall"): _shares(right, true)}
    names = [f"{name} ({n})" for name, n in zip(_names(run, t, t.chinese), true)]
    axes = figure.subplots()
    plots.intervals(axes, names, groups, t("interval"))
    axes.set_xlim(-0.02, 1.02)
    plots.percent(axes.xaxis)


def grad_cam(figure, run: Run, t: Labels) -> None:
    """Where the network looked: eight images above their Grad-CAM maps for the predicted class."""
    labels, probabilities = _predictions(run)
    images = run.artifact("gradcam_images", (8, None, None, 3), "u")
    maps = run.artifact("gradcam_maps", (8, None, None), "f")
    names, predicted = _names(run, t, t.chinese), probabilities.argmax(axis=1)
    axes = figure.subplots(4, 4)
    index = _index(run, "gradcam_index", 8, len(labels))
    _tell(figure, run, t, index)
    for number, i in enumerate(index):
        row, column = 2 * (number // 4), number % 4
        title = f"{_sign(predicted[i] == labels[i])} {names[predicted[i]]}"
        plots.show_image(axes[row, column], images[number], title, size=7)
        plots.heat_overlay(axes[row + 1, column], images[number], maps[number])


def _places(run: Run) -> dict[str, int]:
    """Places of a Grad-CAM map before it is enlarged."""
    height, width = run.artifact("gradcam_maps", (None, None, None), "f").shape[1:]
    return {"width": width, "height": height}


def learning_rate(figure, run: Run, t: Labels) -> None:
    """Learning rate over steps beside the document's fixed 0.001."""
    x, y = run.series("step", "step", "lr")
    if not len(x):
        x, y = run.series("epoch", "step", "lr")
    axes = figure.subplots()
    plots.curves(axes, [(t("this_run"), x, y)], t("step"), t("learning_rate"))
    axes.axhline(0.001, color=style.GREY, linewidth=1, linestyle="--", label=t("document"))
    axes.set_ylim(0, 1.1 * max(0.001, *y[np.isfinite(y)]))
    axes.legend()


FIGURES = [
    Entry("2.1", figure_2_1, 3.1),
    Entry("2.2", figure_2_2, 3.6),
    Entry("2.3", figure_2_3, 3.6),
    Entry("2.4", figure_2_4, 3.6),
    Entry("2.5", figure_2_5, 3.1, shows_data=False),
    Entry("2.6", figure_2_6, 4.0, shows_data=False),
    Entry("2.7", figure_2_7, 2.6, shows_data=False),
    Entry("2.8", figure_2_8, 3.1),
    Entry("table-2.1", table_2_1, 3.6, shows_data=False),
    Entry("2.9", figure_2_9, 2.6),
    Entry("2.10", figure_2_10, 2.6),
    Entry("3.1", figure_3_1, 7.2, counts=_shown_of),
    Entry("confusion", confusion, 5.2),
    Entry("precision-recall", precision_recall, 4.0),
    Entry("grad-cam", grad_cam, 6.8, counts=_places),
    Entry("learning-rate", learning_rate, 2.4),
    most_wrong.gallery(lambda run: _answers(run), lambda run, t: _names(run, t, t.chinese)),
]


def _names(run: Run, t: Labels, chinese: bool = False) -> list[str]:
    """Class names in label order, in English or (where the document has them) Chinese."""
    classes = [str(name) for name in run.prediction("classes", (10,), "U")]
    if chinese:
        species = words_beside(__file__, "species", "zh")
        return [species(name) if species.has(name) else t.plain(name) for name in classes]
    return [t.plain(name.replace("_", " ").capitalize()) for name in classes]


def _held_out(run: Run) -> bool:
    """Whether a part of the training images chose the epoch, and not the validation images as in the document."""
    return run.setting("choose_on", "validation") == "holdout"


def _percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f} %"


def _sign(right: bool) -> str:
    return "✓" if right else "✗"


def _predictions(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """(labels (N,), probabilities (N, 10)) of the validation set."""
    labels = run.prediction("labels", (None,), "iu")
    if labels.min() < 0 or labels.max() > 9:
        raise KitError(f"{run.path / 'predictions.npz'}: labels from {labels.min()} to {labels.max()}, expected 0 to 9")
    return labels, run.prediction("probabilities", (len(labels), 10), "f")


def _answers(run: Run) -> most_wrong.Answers:
    labels, probabilities = _predictions(run)
    return most_wrong.Answers("validation", run.prediction("names", labels.shape, "U"), labels, probabilities)


def _counts(run: Run) -> np.ndarray:
    """Confusion counts (10, 10), row = true class."""
    labels, probabilities = _predictions(run)
    return confusion_matrix(labels, probabilities.argmax(axis=1), classes=10)


def _shares(right: np.ndarray, of: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(shares, lows, highs) with 95 % intervals; NaN for a species that never occurs."""
    rows = [(k / n, *wilson_interval(k, n)) if n else (np.nan,) * 3 for k, n in zip(right, of)]
    shares, lows, highs = np.array(rows).T
    return shares, lows, highs


def _index(run: Run, name: str, n: int, rows: int) -> np.ndarray:
    index = run.artifact(name, (n,), "iu")
    if index.min() < 0 or index.max() >= rows:
        raise KitError(f"{run.path / 'artifacts.npz'}: {name} points outside the {rows} rows of predictions.npz")
    return index


IMAGES = most_wrong.class_table(lambda run: [_answers(run)], lambda run: run.prediction("classes", (10,), "U").tolist())
SCRIPT = FigureScript(__file__, FIGURES, others={"images": IMAGES})
measured, draw, main = SCRIPT.measured, SCRIPT.draw, SCRIPT.command(__doc__)

if __name__ == "__main__":
    sys.exit(main())
