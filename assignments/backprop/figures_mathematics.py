"""Figures of the mathematics: the worked example, gradients, losses, and the update rules beside Paddle's."""

from pathlib import Path

import numpy as np

from reports import tables
from reports.figures import plots, style
from reports.figures.style import BLUE, GREEN, GREY, INK, ORANGE, Labels
from reports.run_reader import Run

CLAIMS = Path(__file__).with_name("claims.yaml")
WEIGHTS_START = (0.15, 0.20, 0.25, 0.30, 0.40, 0.45, 0.50, 0.55)
OUTPUTS = ("linear_squared", "sigmoid_squared", "sigmoid_logistic", "softmax_cross_entropy")  # words of gradients
NODES = {"i1": (0, 1), "i2": (0, 0), "h1": (1, 1), "h2": (1, 0), "o1": (2, 1), "o2": (2, 0)}
EDGES = (("i1", "h1"), ("i2", "h1"), ("i1", "h2"), ("i2", "h2"), ("h1", "o1"), ("h2", "o1"), ("h1", "o2"), ("h2", "o2"))


def network(figure, run: Run, t: Labels) -> None:
    """The 2-2-2 network: values of the first pass in the units, weights before and after the first step at the
    lines."""
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set(xlim=(-0.45, 2.75), ylim=(-0.42, 1.3))
    after = _steps(run, "worked_weights", 8)[1]
    shown = {"i1": "0.05", "i2": "0.10", **{name: f"{_worked(run, 'out_' + name):.9f}"
                                            for name in ("h1", "h2", "o1", "o2")}}
    for number, ((start, end), old, new) in enumerate(zip(EDGES, WEIGHTS_START, after), 1):
        (x0, y0), (x1, y1) = NODES[start], NODES[end]
        axes.plot((x0, x1), (y0, y1), color="#A9B8C4", linewidth=1.2, zorder=1)
        share = 0.5 if y0 == y1 else 0.3
        axes.text(x0 + share * (x1 - x0), y0 + share * (y1 - y0), f"w{number} = {old:.2f}\n→ {new:.8f}", fontsize=7.2,
                  ha="center", va="center", linespacing=1.3, bbox={"boxstyle": "square,pad=0.15", "facecolor": "white",
                                                                 "edgecolor": "none"})
    for name, (x, y) in NODES.items():
        colour = {"i": ORANGE, "h": BLUE, "o": GREEN}[name[0]]
        axes.plot(x, y, marker="o", markersize=30, markerfacecolor="white", markeredgecolor=colour, markeredgewidth=1.6)
        axes.text(x, y, name, ha="center", va="center", fontsize=10, fontweight="bold", color=colour)
        axes.text(x, y + (0.2 if y else -0.2), shown[name], ha="center", va="center", fontsize=8.5)
    for x, text in ((0.5, "b1 = 0.35"), (1.5, "b2 = 0.60")):
        axes.text(x, -0.36, text, ha="center", va="center", fontsize=8, color=GREY)
    for y, target, name in ((1, "0.01", "E_o1"), (0, "0.99", "E_o2")):
        axes.text(2.2, y, t("output_error", target=target, error=_worked(run, name)), ha="left", va="center",
                  fontsize=8, linespacing=1.4)
    axes.text(2.2, 0.5, t("errors", before=_worked(run, "E_total"), after=_worked(run, "E_total_after")), ha="left",
              va="center", fontsize=8.5, fontweight="bold", linespacing=1.4)


def worked_table(figure, run: Run, t: Labels) -> None:
    """Every value that the slides give for the worked example beside the one computed."""
    rows = tables.compare([claim for claim in tables.read_claims(CLAIMS) if str(claim["result"]).startswith("worked.")
                           and "value" in (claim["document"] or {})], tables.run_values(run),
                          t.language)
    lines = [(row.title, row.document_text, "-" if row.value is None else f"{row.value:.12g}",
              "✓" if row.value is not None and abs(row.value - row.document) < 0.51 * 10.0**-row.digits else "✗")
             for row in rows]
    header = (t("value"), t("column_slides"), t("computed"), t("agree"))
    plots.table(figure.subplots(), header, lines)


def worked_curve(figure, run: Run, t: Labels) -> None:
    """Error and weights of the worked example until the error is below 3.6e-5."""
    left, right = figure.subplots(1, 2)
    steps, loss = run.artifact("worked_steps", (None,), "iu"), _steps(run, "worked_loss")
    others = run.artifact("worked_bias_steps", (None,), "iu")
    other_loss = run.artifact("worked_bias_loss", (None,), "f")
    for x, y, label, number in ((steps, loss, t("weights_only"), 0), (others, other_loss, t("biases_too"), 1)):
        left.plot(x + 1, y, color=style.CYCLE[number], linestyle=plots.LINE_STYLES[number], label=f"{label}: {x[-1]:,}")
    target = float(run.setting("target_error", 3.6e-5))
    left.axhline(target, color=GREY, linewidth=0.8, linestyle=":")
    left.text(1, target * 1.15, plots.plain_number(target), color=GREY, fontsize=7.5)
    plots.logarithmic(left)
    left.set(xlabel=t("step_plus_1"), ylabel=t("error"))
    left.legend(loc="lower left", bbox_to_anchor=(0, 0.1), title=t("steps_needed"), alignment="left",
                title_fontsize=7.5, fontsize=7.5)
    weights = _steps(run, "worked_weights", 8)
    for number, values in enumerate(weights.T):
        right.plot(steps + 1, values, color=(BLUE, GREEN, ORANGE, INK)[number // 2], linewidth=1.3,
                   linestyle="-" if number % 2 == 0 else "--", label=f"w{number + 1}")
    plots.logarithmic(right, "x")
    right.set(xlabel=t("step_plus_1"), ylabel=t("weight"))
    right.legend(ncols=2, loc="lower left")


def gradients(figure, run: Run, t: Labels) -> None:
    """Gradient checks: error of finite differences by step size, and errors over random networks."""
    left, right = figure.subplots(1, 2)
    steps = run.artifact("gradient_steps", (None,), "f")
    errors = run.artifact("gradient_error_by_step", (4, len(steps)), "f")
    names = [t(output) for output in OUTPUTS]
    for number, (name, row) in enumerate(zip((name.replace("\n", "" if t.chinese else " ") for name in names), errors)):
        left.plot(steps, row, color=style.CYCLE[number], linestyle=plots.LINE_STYLES[number], label=name)
    plots.logarithmic(left, ticks=5)
    left.set(xlabel=t("step_size"), ylabel=t("relative_error"), ylim=(None, 1e2))
    left.legend(fontsize=7.2)
    for number, (key, label) in enumerate((("numerical", t("finite_differences")), ("paddle", "Paddle"))):
        rows = np.maximum(run.artifact(f"gradient_error_{key}", (4, None), "f"), 1e-17)
        count = rows.shape[1]
        y = np.arange(4)[:, None] + np.linspace(-0.28, 0.28, count) if count > 1 else np.arange(4)[:, None]
        right.plot(rows.T, y.T, linestyle="none", marker=plots.MARKERS[number], markersize=2.6,
                   color=style.CYCLE[number])
        right.plot([], [], linestyle="none", marker=plots.MARKERS[number], markersize=4, color=style.CYCLE[number],
                   label=label)
    plots.logarithmic(right, "x", 5)
    right.set(xlim=(5e-18, 1e-6), xlabel=t("difference"))
    right.set_yticks(range(4), names)
    right.invert_yaxis()
    right.legend(loc="upper center", bbox_to_anchor=(0.5, 1.13), ncols=2)


def exercise(figure, run: Run, t: Labels) -> None:
    """The slides' exercise: dL/dw_jk = h_j (o_k - t_k) for every weight, in four ways."""
    ways = [run.artifact(f"exercise_{name}", (3, 2), "f")
            for name in ("formula", "hand", "numerical", "paddle", "log2")]
    marks = {(1, 0): t("in_slides"), (2, 1): t("in_exercise")}
    lines = [(f"w{j + 1}{k + 1}{marks.get((j, k), '')}", f"h{j + 1} (o{k + 1} - t{k + 1})",
              *(f"{way[j, k]:.9f}" for way in ways))
             for j in range(3) for k in range(2)]
    header = (t("weight"), t("formula"), t("its_value"), t("by_hand"), t("differences"), "Paddle", t("with_log2"))
    plots.table(figure.subplots(), header, lines)


def outputs(figure, run: Run, t: Labels) -> None:
    """Which loss belongs to which output, and why: the error signal dE/dz of a matched and an unmatched pair."""
    above, below = figure.subplots(2, 1, height_ratios=(1.25, 2))
    squared, two = t("squared_error"), t("probability")
    slides = t("slides")
    lines = [(t("real_values"), t("linear"), squared, "o - t", slides),
             (t("probabilities"), "softmax", t("cross_entropy"), "o - t", slides),
             (two, "sigmoid", t("logistic_loss"), "o - t", slides),
             (two, "sigmoid", squared, "(o - t) o (1 - o)", t("flat_when_wrong"))]
    header = (t("output"), t("activation"), t("column_loss"), "dE/dz", "")
    plots.table(above, header, lines)
    net = run.artifact("delta_net", (None,), "f")
    for number, (key, label) in enumerate((("logistic", t("matched")), ("squared", t("unmatched")))):
        below.plot(net, run.artifact(f"delta_{key}", (len(net),), "f"), color=style.CYCLE[number],
                   linestyle=plots.LINE_STYLES[number], label=label)
    below.set(xlabel=t("net_input"), ylabel="dE/dz")
    below.legend(loc="lower right")


def stability(figure, run: Run, t: Labels) -> None:
    """Losses of a wrong answer with a large logit: the slides' formulas as they stand, and from the logits."""
    logits = run.artifact("stability_logits", (None,), "f")
    stable = run.artifact("stability_stable", (2, len(logits)), "f")
    naive = run.artifact("stability_naive", (2, 2, len(logits)), "f")
    finite = run.artifact("stability_finite", (2, 2, len(logits)), "b")
    titles = (t("sigmoid"), t("softmax"))
    for row, (axes, title) in enumerate(zip(figure.subplots(1, 2, sharey=True), titles)):
        axes.plot(logits, stable[row], color="#9DB7C9", linewidth=5, alpha=0.7, solid_capstyle="butt",
                  label=t("from_logits"))
        for column, kind in enumerate(("float32", "float64")):
            known = finite[row, column]
            if not known.any():
                continue
            colour, last = (ORANGE, INK)[column], int(np.flatnonzero(known)[-1])
            end = t("formula", kind=kind, last=logits[last])
            axes.plot(logits[known], naive[row, column][known], color=colour, linewidth=1.3,
                      linestyle=("-", "--")[column], label=end)
            axes.plot(logits[last], naive[row, column, last], marker="x", markersize=7, color=colour,
                      markeredgewidth=1.8)
        plots.logarithmic(axes)
        axes.set(xlabel=t("logit"), title=title, ylim=(0.8, 8e5))
        axes.legend(loc="upper left", fontsize=7.5)
        if row == 0:
            axes.set_ylabel(t("nats"))


def follow(figure, run: Run, t: Labels) -> None:
    """Distance between training by hand and by Paddle, with equal formulas and with Paddle's own epsilon."""
    panels = figure.subplots(1, 2, sharey=True)
    titles = (t("equal_formulas"), t("default_epsilon"))
    for axes, title, names_key, key in zip(panels, titles, ("follow_names", "follow_default_names"),
                                           ("follow_agreeing", "follow_defaults")):
        names = [t.plain(name) for name in run.artifact(names_key, (None,), "U")]
        rows = np.maximum(run.artifact(key, (len(names), None), "f"), 1e-17)
        for number, (name, row) in enumerate(zip(names, rows)):
            look = number + 5 - len(names)  # the last three keep their look
            axes.plot(np.arange(1, len(row) + 1), row, color=style.CYCLE[look], linestyle=plots.LINE_STYLES[look],
                      label=name)
        axes.axhline(1e-6, color=GREY, linewidth=0.8, linestyle=":")
        plots.logarithmic(axes, "y", 8)
        axes.set(ylim=(3e-18, 1e2), xlabel=t("step"), title=title)
        axes.legend(ncols=3, loc="upper right", fontsize=7.5, columnspacing=1.0, handlelength=1.8)
    panels[0].set_ylabel(t("difference"))


def epsilon(figure, run: Run, t: Labels) -> None:
    """First step over the learning rate for gradients of every size: the slides' formulas and Paddle's defaults."""
    names = [t.plain(name) for name in run.artifact("follow_default_names", (3,), "U")]
    sizes = run.artifact("epsilon_sizes", (None,), "f")
    pairs = run.artifact("epsilon_steps", (3, 2, len(sizes)), "f")
    for axes, name, pair in zip(figure.subplots(1, 3, sharey=True), names, pairs):
        for number, (label, row) in enumerate(zip((t("slides"), "Paddle"), pair)):
            axes.plot(sizes, row, color=style.CYCLE[number], linestyle=plots.LINE_STYLES[number], label=label)
        plots.logarithmic(axes, ticks=5)
        axes.set(ylim=(1e-7, 20), xlabel=t("size"), title=name)
        axes.legend(loc="lower right")
        if name == names[0]:
            axes.set_ylabel(t("first_step"))


def momentum(figure, run: Run, t: Labels) -> None:
    """Momentum by the slides and by Paddle: one path at a fixed learning rate, two when it falls."""
    drop = int(run.artifact("momentum_drop", (1,), "iu")[0])
    titles = (t("learning_rate_fixed"), t("learning_rate_drops", drop=drop))
    for axes, key, title in zip(figure.subplots(1, 2, sharey=True), ("fixed", "dropped"), titles):
        paths = run.artifact(f"momentum_{key}", (2, None), "f")
        for number, (label, row) in enumerate(zip((t("slides"), "Paddle"), paths)):
            axes.plot(row, color=style.CYCLE[number], linestyle=plots.LINE_STYLES[number], label=label,
                      linewidth=(2.6, 1.4)[number])
        if key == "dropped":
            axes.axvline(drop, color=GREY, linewidth=0.8, linestyle=":")
        axes.set(xlabel=t("step"), title=title)
        axes.legend()
        if key == "fixed":
            axes.set_ylabel(t("w"))


def _worked(run: Run, name: str) -> float:
    """A value of the worked example from result.json, NaN where the run has none."""
    value = run.result.get("worked", {}).get(name) if isinstance(run.result.get("worked"), dict) else None
    return float(value) if isinstance(value, (int, float)) else float("nan")


def _steps(run: Run, name: str, *width: int) -> np.ndarray:
    """An array of the worked example with one row per shown step."""
    return run.artifact(name, (len(run.artifact("worked_steps", (None,), "iu")), *width), "f")
