"""Figures of the mathematics: the worked example, gradients, losses, and the update rules beside Paddle's."""

from pathlib import Path

import numpy as np

from reports import tables
from reports.figures import plots, style
from reports.figures.style import BLUE, GREEN, GREY, INK, ORANGE, Labels
from reports.run_reader import Run

CLAIMS = Path(__file__).with_name("claims.yaml")
WEIGHTS_START = (0.15, 0.20, 0.25, 0.30, 0.40, 0.45, 0.50, 0.55)
OUTPUT_NAMES = (("linear,\nsquared error", "线性，\n平方误差"), ("sigmoid,\nsquared error", "sigmoid，\n平方误差"),
                ("sigmoid,\nlogistic loss", "sigmoid，\n逻辑损失"), ("softmax,\ncross entropy", "softmax，\n交叉熵"))
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
        axes.text(2.2, y, t(f"target {target}\nE = {_worked(run, name):.9f}",
                            f"目标 {target}\nE = {_worked(run, name):.9f}"),
                  ha="left", va="center", fontsize=8, linespacing=1.4)
    axes.text(2.2, 0.5, t(f"E = {_worked(run, 'E_total'):.9f}\nafter the step\n{_worked(run, 'E_total_after'):.9f}",
                          f"E = {_worked(run, 'E_total'):.9f}\n更新后\n{_worked(run, 'E_total_after'):.9f}"),
              ha="left", va="center", fontsize=8.5, fontweight="bold", linespacing=1.4)


def worked_table(figure, run: Run, t: Labels) -> None:
    """Every value that the slides give for the worked example beside the one computed."""
    rows = tables.compare([claim for claim in tables.read_claims(CLAIMS) if str(claim["result"]).startswith("worked.")
                           and "value" in (claim["document"] or {})], tables.run_values(run),
                          "zh" if t.chinese else "en")
    lines = [(row.title, row.document_text, "-" if row.value is None else f"{row.value:.12g}",
              "✓" if row.value is not None and abs(row.difference) < 0.51 * 10.0**-row.digits else "✗") for row in rows]
    header = (t("Value", "项目"), t("Slides", "课件"), t("Computed", "计算值"), t("Agree", "一致"))
    plots.table(figure.subplots(), header, lines)


def worked_curve(figure, run: Run, t: Labels) -> None:
    """Error and weights of the worked example until the error is below 3.6e-5."""
    left, right = figure.subplots(1, 2)
    steps, loss = run.artifact("worked_steps", (None,), "iu"), _steps(run, "worked_loss")
    others, other_loss = run.artifact("worked_bias_steps", (None,), "iu"), run.artifact("worked_bias_loss", (None,),
                                                                                        "f")
    for x, y, label, number in ((steps, loss, t("weights only", "只更新权重"), 0),
                                (others, other_loss, t("biases too", "偏置也更新"), 1)):
        left.plot(x + 1, y, color=style.CYCLE[number], linestyle=plots.LINE_STYLES[number], label=f"{label}: {x[-1]:,}")
    target = float(run.setting("target_error", 3.6e-5))
    left.axhline(target, color=GREY, linewidth=0.8, linestyle=":")
    left.text(1, target * 1.15, f"{target:.1e}", color=GREY, fontsize=7.5)
    plots.logarithmic(left)
    left.set(xlabel=t("step + 1", "步数 + 1"), ylabel=t("error E", "误差 E"))
    left.legend(loc="lower left", bbox_to_anchor=(0, 0.1), title=t("steps needed", "所需步数"), alignment="left",
                title_fontsize=7.5, fontsize=7.5)
    weights = _steps(run, "worked_weights", 8)
    for number, values in enumerate(weights.T):
        right.plot(steps + 1, values, color=(BLUE, GREEN, ORANGE, INK)[number // 2], linewidth=1.3,
                   linestyle="-" if number % 2 == 0 else "--", label=f"w{number + 1}")
    plots.logarithmic(right, "x")
    right.set(xlabel=t("step + 1", "步数 + 1"), ylabel=t("weight", "权重"))
    right.legend(ncols=2, loc="lower left")


def gradients(figure, run: Run, t: Labels) -> None:
    """Gradient checks: error of finite differences by step size, and errors over random networks."""
    left, right = figure.subplots(1, 2)
    steps = run.artifact("gradient_steps", (None,), "f")
    errors = run.artifact("gradient_error_by_step", (4, len(steps)), "f")
    names = [t(en, zh).replace("\n", " " if not t.chinese else "") for en, zh in OUTPUT_NAMES]
    for number, (name, row) in enumerate(zip(names, errors)):
        left.plot(steps, row, color=style.CYCLE[number], linestyle=plots.LINE_STYLES[number], label=name)
    plots.logarithmic(left, ticks=5)
    left.set(xlabel=t("step of the finite difference", "差分步长"), ylabel=t("relative error", "相对误差"), ylim=(None, 1e2))
    left.legend(fontsize=7.2)
    for number, (key, label) in enumerate((("numerical", t("finite differences", "有限差分")),
                                           ("paddle", t("Paddle", "Paddle")))):
        rows = np.maximum(run.artifact(f"gradient_error_{key}", (4, None), "f"), 1e-17)
        count = rows.shape[1]
        y = np.arange(4)[:, None] + np.linspace(-0.28, 0.28, count) if count > 1 else np.arange(4)[:, None]
        right.plot(rows.T, y.T, linestyle="none", marker=plots.MARKERS[number], markersize=2.6,
                   color=style.CYCLE[number])
        right.plot([], [], linestyle="none", marker=plots.MARKERS[number], markersize=4, color=style.CYCLE[number],
                   label=label)
    plots.logarithmic(right, "x", 5)
    right.set(xlim=(5e-18, 1e-6), xlabel=t("relative difference from hand", "与手写梯度的相对差"))
    right.set_yticks(range(4), [t(*pair) for pair in OUTPUT_NAMES])
    right.invert_yaxis()
    right.legend(loc="upper center", bbox_to_anchor=(0.5, 1.13), ncols=2)


def exercise(figure, run: Run, t: Labels) -> None:
    """The slides' exercise: dL/dw_jk = h_j (o_k - t_k) for every weight, in four ways."""
    ways = [run.artifact(f"exercise_{name}", (3, 2), "f")
            for name in ("formula", "hand", "numerical", "paddle", "log2")]
    marks = {(1, 0): t("  slides", "  课件推导"), (2, 1): t("  exercise", "  练习")}
    lines = [(f"w{j + 1}{k + 1}{marks.get((j, k), '')}", f"h{j + 1} (o{k + 1} - t{k + 1})",
              *(f"{way[j, k]:.9f}" for way in ways))
             for j in range(3) for k in range(2)]
    header = (t("Weight", "权重"), t("Formula", "公式"), t("Its value", "公式的值"), t("By hand", "手写反向传播"),
              t("Differences", "有限差分"), "Paddle", t("With log2", "若用 log2"))
    plots.table(figure.subplots(), header, lines)


def outputs(figure, run: Run, t: Labels) -> None:
    """Which loss belongs to which output, and why: the error signal dE/dz of a matched and an unmatched pair."""
    above, below = figure.subplots(2, 1, height_ratios=(1.25, 2))
    squared, two = t("squared error", "平方误差"), t("probability, 2 classes", "概率（二分类）")
    slides = t("slides", "课件")
    lines = [(t("real values", "实数"), t("linear  o = z", "线性  o = z"), squared, "o - t", slides),
             (t("probabilities", "概率"), "softmax", t("cross entropy", "交叉熵"), "o - t", slides),
             (two, "sigmoid", t("logistic loss", "逻辑损失"), "o - t", slides),
             (two, "sigmoid", squared, "(o - t) o (1 - o)", t("flat when wrong", "出错时梯度消失"))]
    header = (t("Output", "输出"), t("Activation", "激活函数"), t("Loss", "损失"), "dE/dz", "")
    plots.table(above, header, lines)
    net = run.artifact("delta_net", (None,), "f")
    for number, (key, label) in enumerate((("logistic", t("logistic loss: o - t", "逻辑损失：o - t")),
                                           ("squared",
                                            t("squared error: (o - t) o (1 - o)", "平方误差：(o - t) o (1 - o)")))):
        below.plot(net, run.artifact(f"delta_{key}", (len(net),), "f"), color=style.CYCLE[number],
                   linestyle=plots.LINE_STYLES[number], label=label)
    below.set(xlabel=t("net input z of a sigmoid output whose target is 1", "目标为 1 的 sigmoid 输出的净输入 z"), ylabel="dE/dz")
    below.legend(loc="lower right")


def stability(figure, run: Run, t: Labels) -> None:
    """Losses of a wrong answer with a large logit: the slides' formulas as they stand, and from the logits."""
    logits = run.artifact("stability_logits", (None,), "f")
    stable = run.artifact("stability_stable", (2, len(logits)), "f")
    naive = run.artifact("stability_naive", (2, 2, len(logits)), "f")
    finite = run.artifact("stability_finite", (2, 2, len(logits)), "b")
    titles = (t("sigmoid and logistic loss", "sigmoid 与逻辑损失"), t("softmax and cross entropy", "softmax 与交叉熵"))
    for row, (axes, title) in enumerate(zip(figure.subplots(1, 2, sharey=True), titles)):
        axes.plot(logits, stable[row], color="#9DB7C9", linewidth=5, alpha=0.7, solid_capstyle="butt",
                  label=t("from the logits (the kit)", "由 logits 计算（本项目）"))
        for column, kind in enumerate(("float32", "float64")):
            known = finite[row, column]
            if not known.any():
                continue
            colour, last = (ORANGE, INK)[column], int(np.flatnonzero(known)[-1])
            end = t(f"{kind} formula, until z = {logits[last]:.0f}", f"{kind} 直接公式，至 z = {logits[last]:.0f}")
            axes.plot(logits[known], naive[row, column][known], color=colour, linewidth=1.3,
                      linestyle=("-", "--")[column],
                      label=end)
            axes.plot(logits[last], naive[row, column, last], marker="x", markersize=7, color=colour,
                      markeredgewidth=1.8)
        plots.logarithmic(axes)
        axes.set(xlabel=t("logit z of the wrong class", "错误类别的 logit z"), title=title, ylim=(0.8, 8e5))
        axes.legend(loc="upper left", fontsize=7.5)
        if row == 0:
            axes.set_ylabel(t("loss, nats", "损失（nat）"))


def follow(figure, run: Run, t: Labels) -> None:
    """Distance between training by hand and by Paddle, with equal formulas and with Paddle's own epsilon."""
    panels = figure.subplots(1, 2, sharey=True)
    titles = (t("equal formulas", "公式一致"), t("Paddle's default epsilon", "Paddle 默认 epsilon"))
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
        axes.set(ylim=(3e-18, 1e2), xlabel=t("step", "步数"), title=title)
        axes.legend(ncols=3, loc="upper right", fontsize=7.5, columnspacing=1.0, handlelength=1.8)
    panels[0].set_ylabel(t("largest difference of a weight", "权重的最大差"))


def epsilon(figure, run: Run, t: Labels) -> None:
    """First step over the learning rate for gradients of every size: the slides' formulas and Paddle's defaults."""
    names = [t.plain(name) for name in run.artifact("follow_default_names", (3,), "U")]
    sizes = run.artifact("epsilon_sizes", (None,), "f")
    pairs = run.artifact("epsilon_steps", (3, 2, len(sizes)), "f")
    for axes, name, pair in zip(figure.subplots(1, 3, sharey=True), names, pairs):
        for number, (label, row) in enumerate(zip((t("slides", "课件"), "Paddle"), pair)):
            axes.plot(sizes, row, color=style.CYCLE[number], linestyle=plots.LINE_STYLES[number], label=label)
        plots.logarithmic(axes, ticks=5)
        axes.set(ylim=(1e-7, 20), xlabel=t("size of the gradient", "梯度大小"), title=name)
        axes.legend(loc="lower right")
        if name == names[0]:
            axes.set_ylabel(t("first step / learning rate", "第一步 / 学习率"))


def momentum(figure, run: Run, t: Labels) -> None:
    """Momentum by the slides and by Paddle: one path at a fixed learning rate, two when it falls."""
    drop = int(run.artifact("momentum_drop", (1,), "iu")[0])
    titles = (t("learning rate fixed", "学习率不变"), t(f"learning rate / 10 from step {drop}", f"第 {drop} 步起学习率除以 10"))
    for axes, key, title in zip(figure.subplots(1, 2, sharey=True), ("fixed", "dropped"), titles):
        paths = run.artifact(f"momentum_{key}", (2, None), "f")
        for number, (label, row) in enumerate(zip((t("slides", "课件"), "Paddle"), paths)):
            axes.plot(row, color=style.CYCLE[number], linestyle=plots.LINE_STYLES[number], label=label,
                      linewidth=(2.6, 1.4)[number])
        if key == "dropped":
            axes.axvline(drop, color=GREY, linewidth=0.8, linestyle=":")
        axes.set(xlabel=t("step", "步数"), title=title)
        axes.legend()
        if key == "fixed":
            axes.set_ylabel(t("w, descending on w² / 2", "w（在 w² / 2 上下降）"))


def _worked(run: Run, name: str) -> float:
    """A value of the worked example from result.json, NaN where the run has none."""
    value = run.result.get("worked", {}).get(name) if isinstance(run.result.get("worked"), dict) else None
    return float(value) if isinstance(value, (int, float)) else float("nan")


def _steps(run: Run, name: str, *width: int) -> np.ndarray:
    """An array of the worked example with one row per shown step."""
    return run.artifact(name, (len(run.artifact("worked_steps", (None,), "iu")), *width), "f")
