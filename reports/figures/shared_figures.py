"""Figures that several reports show, of the same arrays of their runs."""

import numpy as np

from reports.figures import plots
from reports.figures.style import Labels
from reports.run_reader import Run


def five_optimizers(figure, run: Run, t: Labels, accuracy: str) -> None:
    """Five optimizers of Paddle on Iris (`iris_*`): loss with one spread over seeds, and accuracy, whose axis is so
    labelled."""
    steps = run.artifact("iris_steps", (None,), "iuf")
    loss, spread, shares = (run.artifact(name, (5, len(steps)), "f")
                            for name in ("iris_loss", "iris_loss_std", "iris_accuracy"))
    names = [t.plain(name) for name in run.artifact("iris_names", (5,), "U")]
    left, right = figure.subplots(1, 2)
    plots.bands(left, steps, loss, spread, names)
    plots.bands(right, steps, shares, np.zeros_like(shares), names)
    left.set(xlabel=t("step"), ylabel=t("training_loss"), ylim=(0, None))
    right.set(xlabel=t("step"), ylabel=accuracy, ylim=(None, 1.02))
    plots.percent(right.yaxis)
    right.legend(loc="lower right")
