"""First figures of a work that has no figures.py: drawn from metrics.jsonl and predictions.npz of any run.

A classifier's run has labels (N,) and probabilities (N, C), or (N,) for two classes, perhaps with the names `classes`
(C,); a regression's has expected and predicted, (N,) or (N, K). A run that has neither gets its curves alone.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from data_tools.errors import KitError
from paddle_models.tasks.metrics import confusion_matrix, wilson_interval
from reports.figures import most_wrong, plots, style
from reports.figures.figure_script import Entry, FigureScript
from reports.figures.style import Labels
from reports.run_reader import Run

PARTS = {"train": "training", "val": "validation"}  # of a key as train/loss: the word for it
NAMED = ("loss", "accuracy")  # measures with a word; others go by the names that the run gives them
MOST_PANELS, COLUMNS, PANEL_HEIGHT = 9, 3, 2.1
MOST_CLASSES = 30  # that a confusion matrix has room for
MOST_OUTPUTS = 3  # of a regression, side by side


def first_script(folder: Path) -> FigureScript:
    """What can be drawn of any run of the work in `folder`, where claims.yaml may stand."""
    return FigureScript(str(Path(folder) / "figures.py"), FIRST, others={"images": write_images})


# ---- curves


def panels(run: Run) -> dict[str, list[tuple[str, str]]]:
    """{measure: [(part, key of metrics.jsonl)]} of what the epochs recorded, losses first, as loss: train/loss."""
    found: dict[str, list[tuple[str, str]]] = {}
    for key in dict.fromkeys(key for row in run.metrics if row.get("kind") == "epoch" for key in row):
        part, _, measure = key.partition("/")
        if part in PARTS and measure:
            found.setdefault(measure, []).append((part, key))
    ordered = sorted(found, key=lambda measure: "loss" not in measure)
    return {measure: found[measure] for measure in ordered[:MOST_PANELS]}


def height_of_curves(run: Run) -> float:
    """Inches for the rows of panels."""
    return PANEL_HEIGHT * max(1, -(-len(panels(run)) // COLUMNS))


def curves(figure, run: Run, t: Labels) -> None:
    """Each measure over the epochs in a panel of its own, in training and validation."""
    shown = panels(run)
    if not shown:
        raise KitError(f"{run.path / 'metrics.jsonl'} has no epoch with a measure as train/loss or val/accuracy; the "
                       f"run has not finished its first epoch")
    columns = min(COLUMNS, len(shown))
    grid = figure.subplots(-(-len(shown) // columns), columns, squeeze=False).ravel()
    for axes, (measure, keys) in zip(grid, shown.items()):
        series = []
        for part, key in keys:
            epochs, values = run.series("epoch", "epoch", key)
            series.append((t(PARTS[part]), epochs + 1, values))
        name = t(measure) if measure in NAMED else t.plain(measure.replace("_", " "), 24)
        plots.curves(axes, series, t("epoch"), name, first_style=list(PARTS).index(keys[0][0]))
        axes.legend()
        plots.whole_numbers(axes.xaxis)
    for axes in grid[len(shown):]:
        axes.set_axis_off()


# ---- classifiers


def answers(run: Run) -> tuple[np.ndarray, np.ndarray, int]:
    """(labels (N,), predicted classes (N,), number of classes) of the images that judged the run."""
    labels = run.prediction("labels", (None,), "iu")
    array = _arrays(run)["probabilities"]
    probabilities = run.prediction("probabilities", (len(labels), *[None] * (array.ndim - 1)), "f")
    predicted = probabilities >= 0.5 if array.ndim == 1 else probabilities.argmax(axis=1)
    classes = 2 if array.ndim == 1 else probabilities.shape[1]
    if labels.min() < 0 or labels.max() >= classes:
        raise KitError(f"{run.path / 'predictions.npz'}: labels from {labels.min()} to {labels.max()}, expected 0 to "
                       f"{classes - 1}")
    return labels, predicted.astype(np.int64), classes


def class_names(run: Run, classes: int, t: Labels) -> list[str]:
    """Names in the order of the labels; numbers where the run brings none."""
    if "classes" not in _arrays(run):
        return [str(number) for number in range(classes)]
    return [t.plain(str(name).replace("_", " "), 22) for name in run.prediction("classes", (classes,), "U")]


def shown_classes(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """(confusion counts (C, C), classes to show): all, or the MOST_CLASSES with the most mistakes, in their order."""
    labels, predicted, classes = answers(run)
    counts = confusion_matrix(labels, predicted, classes)
    mistakes = counts.sum(axis=0) + counts.sum(axis=1) - 2 * np.diag(counts)
    return counts, np.sort(np.argsort(-mistakes, kind="stable")[:MOST_CLASSES])


def confusion(figure, run: Run, t: Labels) -> None:
    """Which classes are taken for which."""
    counts, shown = shown_classes(run)
    names = class_names(run, len(counts), t)
    plots.confusion_matrix(figure.subplots(), counts[np.ix_(shown, shown)], [names[i] for i in shown], t("predicted"),
                           t("actual"))


def class_accuracy(figure, run: Run, t: Labels) -> None:
    """Share of the images of each class that are answered right, with a 95 % interval."""
    counts, shown = shown_classes(run)
    names, right, of = class_names(run, len(counts), t), np.diag(counts), counts.sum(axis=1)
    rows = [(right[i] / of[i], *wilson_interval(int(right[i]), int(of[i]))) if of[i] else (np.nan,) * 3 for i in shown]
    axes, labels = figure.subplots(), [f"{names[i]} ({of[i]})" for i in shown]
    plots.intervals(axes, labels, {t("accuracy"): tuple(np.array(rows).T)}, t("share"))
    axes.set_xlim(-0.02, 1.02)
    plots.percent(axes.xaxis)


def judged(run: Run) -> most_wrong.Answers:
    """What was said of the images that judged the run."""
    labels, _, _ = answers(run)
    probabilities = _arrays(run)["probabilities"]
    return most_wrong.Answers("test", run.prediction("names", labels.shape, "U"), labels, probabilities
                              if probabilities.ndim == 2 else most_wrong.two_classes(probabilities))


def write_images(run: Run, folder: Path, language: str) -> list[Path]:
    """The table of all images of a classifier, whose classes are named as the run does; none of another run."""
    if not (classifies(run) and "names" in _arrays(run)):
        return []
    found = judged(run)
    names = _arrays(run).get("classes", np.arange(found.probabilities.shape[1])).astype(str).tolist()
    return most_wrong.class_table(lambda run: [found], lambda run: names)(run, folder, language)


# ---- regression


def values(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """(expected, predicted), (N, K) each, of the examples that judged the run."""
    expected = run.prediction("expected", (None,) * _arrays(run)["expected"].ndim, "f")
    answered = run.prediction("predicted", expected.shape, "f")
    return _columns(expected), _columns(answered)


def _columns(array: np.ndarray) -> np.ndarray:
    """The first outputs of (N,) or (N, K), side by side."""
    return array.reshape(len(array), -1)[:, :MOST_OUTPUTS]


def predicted(figure, run: Run, t: Labels) -> None:
    """Predicted over true values, a panel for each of the first outputs."""
    expected, answered = values(run)
    count = expected.shape[1]
    for number, axes in enumerate(figure.subplots(1, count, squeeze=False)[0]):
        x, y = expected[:, number], answered[:, number]
        low, high = min(x.min(), y.min()), max(x.max(), y.max())
        axes.plot([low, high], [low, high], color=style.GREY, linewidth=0.9, linestyle="--")
        axes.plot(x, y, linestyle="none", marker="o", markersize=3.2, color=style.BLUE, alpha=0.45, markeredgewidth=0)
        error = float(np.abs(x - y).mean())
        title = t("error", error=error) if count == 1 else t("error_of", number=number + 1, error=error)
        axes.set_title(title, fontsize=8 if count < MOST_OUTPUTS else 6.5)
        axes.set(xlabel=t("true_value"), ylabel=t("predicted_value"), aspect="equal")


# ---- which of them a run gets


def _arrays(run: Run) -> dict[str, np.ndarray]:
    """All arrays of predictions.npz, {} where there is none."""
    return run.arrays("predictions.npz") if (run.path / "predictions.npz").is_file() else {}


def classifies(run: Run) -> bool:
    """Whether one class was predicted for each image."""
    found = _arrays(run)
    return {"labels", "probabilities"} <= set(found) and found["labels"].ndim == 1 and \
        found["probabilities"].ndim in (1, 2)


def predicts_numbers(run: Run) -> bool:
    """Whether a number, or a row of numbers, was predicted for each example."""
    found = _arrays(run)
    return {"expected", "predicted"} <= set(found) and found["expected"].ndim in (1, 2)


def _height_of_classes(least: float, each: float, most: float = 9.0) -> Callable[[Run], float]:
    return lambda run: min(most, least + each * len(shown_classes(run)[1]))


def _height_of_predicted(run: Run) -> float:
    """Inches of square panels side by side."""
    return {1: 3.0, 2: 2.9}.get(values(run)[0].shape[1], 2.1)


class ClassesEntry(Entry):
    """A figure of the classes, which says so where it does not show all of them."""

    def notes(self, run: Run, t: Labels) -> Sequence[str]:
        """The lines at its foot."""
        counts, shown = shown_classes(run)
        some = {"shown": len(shown), "classes": len(counts)}
        return (t("note_some", **some) if len(shown) < len(counts) else t("note"),)


FIRST = (
    Entry("curves", curves, height_of_curves),
    ClassesEntry("confusion", confusion, _height_of_classes(1.6, 0.3, 6.2), applies=classifies),
    ClassesEntry("class-accuracy", class_accuracy, _height_of_classes(1.1, 0.2), applies=classifies),
    Entry("predicted", predicted, _height_of_predicted, applies=predicts_numbers),
    most_wrong.gallery(judged, lambda run, t: class_names(run, answers(run)[-1], t)),
)
