"""Figures of what the slides say of the rules: sparse gradients, a changing task, momentum's mu."""

import numpy as np

from reports.figures import plots
from reports.figures.style import CYCLE, GREY, Labels
from reports.run_reader import Run


def sparse(figure, run: Run, t: Labels) -> None:
    """Error on other texts over the passes, and after the last one, rule by rule."""
    loss = run.artifact("sparse_loss", (5, None, None), "f")
    names = _named(run, run.artifact("sparse_rates", (5,), "f"), t)
    left, right = figure.subplots(1, 2)
    plots.bands(left, np.arange(loss.shape[2]), loss.mean(axis=1), loss.std(axis=1), names)
    plots.logarithmic(left, "y")
    plots.whole_numbers(left.xaxis)
    left.set(xlabel=t("passes"), ylabel=t("error"))
    left.legend(fontsize=7.2)
    last = loss[:, :, -1]
    right.barh(names[::-1], last.mean(axis=1)[::-1], xerr=last.std(axis=1)[::-1], color=CYCLE[:5][::-1], capsize=2)
    right.set(xlabel=t("last_error"))
    right.grid(visible=False, axis="y")


def changing(figure, run: Run, t: Labels) -> None:
    """Distance of the weights from the true ones, where these change, and where the inputs' size does too."""
    distance = run.artifact("changing_distance", (2, 5, None, None), "f")
    rates = run.artifact("changing_rates", (2, 5), "f")
    change, smooth = (int(number) for number in run.artifact("changing_steps", (2,), "iu"))
    steps = (np.arange(distance.shape[3]) + 0.5) * smooth
    panels = figure.subplots(1, 2, sharey=True)
    for axes, rows, chosen, title in zip(panels, distance, rates, (t("weights_alone"), t("sizes_too"))):
        for number, (name, row) in enumerate(zip(_named(run, chosen, t), rows.mean(axis=1))):
            axes.plot(steps, row, color=CYCLE[number], linestyle=plots.LINE_STYLES[number], label=name)
        for place in range(change, int(steps[-1]), max(1, change)):
            axes.axvline(place, color=GREY, linewidth=0.7, linestyle=":")
        plots.logarithmic(axes, "y")
        axes.set(title=title, xlabel=t("step"))
        axes.legend(fontsize=6.8, loc="lower center", ncols=2, frameon=True, edgecolor="none", framealpha=0.9)
    panels[0].set(ylabel=t("distance"))
    panels[0].set_ylim(bottom=distance.mean(axis=2).min() / 60)


def mu(figure, run: Run, t: Labels) -> None:
    """The digits' training loss for three mu: one learning rate for all, and the same lr / (1 - mu)."""
    values, rates = run.artifact("mu_values", (3,), "f"), run.artifact("mu_rates", (2, 3), "f")
    loss = run.artifact("mu_loss", (2, 3, None), "f")
    right = run.artifact("mu_accuracy", loss.shape, "f")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, rows, ends, chosen, title in zip(panels, loss, right, rates, (t("same_rate"), t("same_drive"))):
        names = [t("mu_rate", mu=value, rate=rate, right=100 * end[-1])
                 for value, rate, end in zip(values, chosen, ends)]
        plots.curves(axes, [(name, np.arange(rows.shape[1]), row) for name, row in zip(names, rows)], t("epoch"), "")
        plots.logarithmic(axes, "y")
        plots.whole_numbers(axes.xaxis)
        axes.set(title=title)
    panels[0].set(ylabel=t("training_loss"))


def _named(run: Run, rates: np.ndarray, t: Labels) -> list[str]:
    """Names of the rules with their rates."""
    return [f"{t.plain(name)}, {rate:g}" for name, rate in zip(run.artifact("digits_names", (5,), "U"), rates)]
