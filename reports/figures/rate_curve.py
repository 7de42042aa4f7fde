"""The figure of the learning-rate finder: loss over the rate, on a logarithmic axis."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from reports.figures import plots, style
from reports.figures.words import COMMON, Words

if TYPE_CHECKING:
    from paddle_models.trainer.rate_finder import RateCurve


def draw_rates(curve: "RateCurve", folder: Path, stand_in: bool) -> list[Path]:
    """find-lr.png, .svg and .pdf in `folder`; stand_in: of drawn data."""
    t = style.start().of(Words(COMMON, "find-lr"))
    figure = style.page(t, t("title"), 2.6, stand_in, (t("note"),))
    axes = figure.subplots()
    plots.faint_curve(axes, curve.rates, curve.losses, t("each_step"))
    axes.plot(curve.rates, curve.smoothed, color=style.BLUE, label=t("smoothed"))
    if curve.suggestion is not None:
        axes.axvline(curve.suggestion, color=style.ORANGE, linestyle="--", linewidth=1.0,
                     label=t("suggestion", rate=curve.suggestion))
    falling = curve.smoothed[:curve.smoothed.argmin() + 1]
    span = max(float(np.ptp(falling)), 1e-6)
    axes.set_ylim(falling.min() - 0.5 * span, falling.max() + span)  # where it breaks out, it leaves the figure
    plots.logarithmic(axes, "x", ticks=9)
    axes.set(xlabel=t("rate"), ylabel=t("loss"))
    axes.legend()
    return style.save(figure, folder, "find-lr")
