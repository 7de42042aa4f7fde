"""Figures of the experiments: learning rates, batches, paths, Iris, digits, autoencoder, rotations."""

import numpy as np

from assignments.backprop.surfaces import SURFACES
from reports.figures import plots
from reports.figures.shared_figures import five_optimizers
from reports.figures.style import CYCLE, GREY, INK, ORANGE, Labels
from reports.run_reader import Run

LEVELS = 14  # contour lines of a surface
LOSS_TICKS = (0.3, 0.5, 1, 2, 4)  # of the straight line


def learning_rate(figure, run: Run, t: Labels) -> None:
    """Too low, right and too high: on a parabola, and on the digits."""
    panels = figure.subplot_mosaic("ABC;DDD", height_ratios=(1, 1.15))
    rates = run.artifact("rates_parabola", (3,), "f")
    paths = run.artifact("rates_parabola_path", (3, None), "f")
    words = (t("too_low"), t("right"), t("too_high"))
    for number, (letter, word, rate, path) in enumerate(zip("ABC", words, rates, paths)):
        axes = panels[letter]
        limit = 1.15 * np.abs(path).max()
        w = np.linspace(-limit, limit, 101)
        axes.plot(w, w**2 / 2, color=GREY, linewidth=0.9)
        axes.plot(path, path**2 / 2, color=CYCLE[number], marker=plots.MARKERS[number], markersize=3.5, linewidth=0.9)
        axes.set(title=t("panel", word=word, rate=rate), xlabel="w", ylim=(0, limit**2 / 2))
    panels["A"].set_ylabel("w² / 2")
    rates = run.artifact("rates_digits", (3,), "f")
    losses = run.artifact("rates_digits_loss", (3, None), "f")
    plots.curves(panels["D"], [(f"{word}: {rate:g}", np.arange(losses.shape[1]), row)
                               for word, rate, row in zip(words, rates, losses)], t("epoch_digits"), t("training_loss"))
    plots.logarithmic(panels["D"], "y")
    panels["D"].legend()
    plots.whole_numbers(panels["D"].xaxis)


def batches(figure, run: Run, t: Labels) -> None:
    """Full-batch, mini-batch and single-sample descent on a line through 128 points: paths and loss."""
    left, right = figure.subplots(1, 2)
    slope, intercept = run.artifact("batch_slope", (None,), "f"), run.artifact("batch_intercept", (None,), "f")
    height = run.artifact("batch_surface", (len(intercept), len(slope)), "f")
    epochs = int(run.artifact("batch_epochs", (1,), "iu")[0])
    _contours(left, slope, intercept, height)
    names = {"single": t("single_sample"), "mini": t("mini_batch_of_16"), "full": t("full_batch")}
    for number, (key, name) in enumerate(names.items()):
        path = run.artifact(f"batch_path_{key}", (None, 2), "f")
        loss = run.artifact(f"batch_loss_{key}", (len(path),), "f")
        few = len(path) <= plots.FEW_POINTS
        look = {"color": CYCLE[number], "linewidth": (0.7, 1.3, 1.6)[number],
                "marker": plots.MARKERS[number] if few else None, "label": name, "zorder": 2 + number,
                "markersize": 3.5}
        left.plot(*path.T, **look)
        right.plot(np.linspace(0, epochs, len(loss)), loss, **look)
    left.set(xlabel=t("slope"), ylabel=t("intercept"), xlim=(slope[0], slope[-1]), ylim=(intercept[0], intercept[-1]))
    right.set(xlabel=t("passes_over_the_data"), ylabel=t("loss_over_all_points"))
    right.set_yscale("log")
    right.set_yticks(LOSS_TICKS, [f"{value:g}" for value in LOSS_TICKS])
    right.minorticks_off()
    right.legend()


def noise(figure, run: Run, t: Labels) -> None:
    """How noisy the gradient of a mini-batch is, by its size."""
    left, right = figure.subplots(1, 2)
    sizes = run.artifact("noise_sizes", (None,), "iu")
    error, cosine = (run.artifact(f"noise_{key}", (2, len(sizes)), "f") for key in ("error", "cosine"))
    names = (t("at_the_start"), t("after_5_epochs"))
    for axes, rows in ((left, error), (right, cosine)):
        for number, (name, row) in enumerate(zip(names, rows)):
            axes.plot(sizes, row, color=CYCLE[number], linestyle=plots.LINE_STYLES[number],
                      marker=plots.MARKERS[number], label=name)
        axes.set_xscale("log", base=2)
        axes.set_xticks(sizes, [str(size) for size in sizes], fontsize=7)
        axes.set_xlabel(t("batch_size"))
    left.plot(sizes, error[0, 0] / np.sqrt(sizes), color=GREY, linewidth=0.9, linestyle=":", label=t("root"))
    left.set_yscale("log")
    ticks = (0.2, 0.5, 1, 2, 5, 10)
    left.set_yticks(ticks, [f"{value:g}" for value in ticks])
    left.minorticks_off()
    left.set_ylabel(t("relative_error"))
    right.set(ylabel=t("cosine"), ylim=(0, 1.02))
    left.legend()
    right.legend(loc="lower right")


def paths(figure, run: Run, t: Labels) -> None:
    """The five rules on four surfaces, as paths over contour lines."""
    names = [t.plain(name) for name in run.artifact("digits_names", (5,), "U")]
    panels = figure.subplots(2, 2)
    for axes, surface in zip(panels.ravel(), SURFACES):
        x, y = (run.artifact(f"path_{surface.name}_{axis}", (None,), "f") for axis in "xy")
        height = run.artifact(f"path_{surface.name}_height", (len(y), len(x)), "f")
        _contours(axes, x, y, height)
        for number, (name, path) in enumerate(zip(names, run.artifact(f"path_{surface.name}", (5, None, 2), "f"))):
            axes.plot(*path.T, color=CYCLE[number], linewidth=1.3, linestyle=plots.LINE_STYLES[number], label=name,
                      zorder=3)
            axes.plot(*path[-1], marker=plots.MARKERS[number], markersize=4.5, color=CYCLE[number],
                      markeredgecolor="white", markeredgewidth=0.5, zorder=5)
        axes.plot(*surface.start, marker="o", markersize=6, markerfacecolor="white", markeredgecolor=INK, zorder=4)
        if surface.lowest:
            axes.plot(*surface.lowest, marker="*", markersize=9, color=INK, zorder=4)
        axes.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]), title=t(f"surface_{surface.name}"))
    panels[0, 0].legend(loc="lower left", frameon=True, edgecolor="none", framealpha=0.9)


def _contours(axes, x: np.ndarray, y: np.ndarray, height: np.ndarray) -> None:
    """Grey contour lines, closer together near the lowest point."""
    above = height - height.min()
    levels = np.geomspace(max(above.max() * 1e-4, 1e-9), above.max(), LEVELS)
    axes.contour(x, y, above, levels=levels, colors="#C3CDD5", linewidths=0.7, zorder=1)
    axes.grid(visible=False)


def iris(figure, run: Run, t: Labels) -> None:
    """Five optimizers of Paddle on Iris, as in the monkey report's figure 2.7: one implementation."""
    five_optimizers(figure, run, t, t("held_out_accuracy"))


def digits(figure, run: Run, t: Labels) -> None:
    """The digits network by hand with five rules, and its batches' losses beside Paddle's."""
    names = [t.plain(name) for name in run.artifact("digits_names", (5,), "U")]
    loss = run.artifact("digits_loss", (5, None, None), "f")
    right = run.artifact("digits_accuracy", loss.shape, "f")
    panels = figure.subplots(1, 3)
    epochs = np.arange(loss.shape[2])
    plots.bands(panels[0], epochs, loss.mean(axis=1), loss.std(axis=1), names)
    plots.bands(panels[1], epochs, right.mean(axis=1), right.std(axis=1), names)
    plots.logarithmic(panels[0], "y")
    panels[0].set(xlabel=t("epoch"), ylabel=t("training_loss"))
    panels[1].set(xlabel=t("epoch"), ylabel=t("held_out_accuracy"), ylim=(0.85, 1))
    plots.percent(panels[1].yaxis)
    panels[1].legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, fontsize=7.2, columnspacing=1.0)
    hand = run.artifact("twins_hand", (None,), "f")
    theirs = run.artifact("twins_paddle", (len(hand),), "f")
    steps = np.arange(1, len(hand) + 1)
    panels[2].plot(steps, hand, color="#9DB7C9", linewidth=0.8, label=t("loss"))
    panels[2].plot(steps, np.maximum(np.abs(hand - theirs), 1e-9), color=ORANGE, linewidth=0.6, label=t("difference"))
    plots.logarithmic(panels[2], "y", 7)
    panels[2].set(xlabel=t("batch"), ylabel=t("batch_loss"))
    panels[2].legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), fontsize=7.2)
    for axes in panels[:2]:
        plots.whole_numbers(axes.xaxis, 4)


def autoencoder(figure, run: Run, t: Labels) -> None:
    """PCA beside the linear autoencoder: error, training, features, and reconstructed digits."""
    codes = run.artifact("codes", (None,), "iu")
    grid = figure.add_gridspec(2, 1, height_ratios=(1, 1.15))
    error, training, probes = grid[0].subgridspec(1, 3).subplots()
    probe = run.artifact("code_probe", (2, len(codes)), "f")
    for number, (key, name) in enumerate((("pca", "PCA"), ("autoencoder", t("autoencoder")))):
        look = {"color": CYCLE[number], "linestyle": plots.LINE_STYLES[number], "marker": plots.MARKERS[number],
                "label": name, "linewidth": (3, 1.2)[number], "alpha": (0.45, 1)[number]}  # they lie upon each other
        error.plot(codes, run.artifact(f"code_error_{key}", (len(codes),), "f"), **look)
        probes.plot(codes, probe[number], **look)
    curve, floor = run.artifact("code_curve", (None,), "f"), float(run.artifact("code_floor", (1,), "f")[0])
    training.plot(np.arange(1, len(curve) + 1), curve, color=CYCLE[1], linestyle="--", label=t("autoencoder_8"))
    training.axhline(floor, color=CYCLE[0], linewidth=2.5, alpha=0.45, label=t("pca_8"))
    plots.logarithmic(training, "x", 5)
    training.set(xlabel=t("step"), ylabel=t("training_error"))
    angle = run.artifact("code_angle", (len(codes),), "f")[list(codes).index(8) if 8 in codes else 0]
    training.text(0.97, 0.45, t("angle", angle=angle), fontsize=7.5, transform=training.transAxes, ha="right",
                  va="center", linespacing=1.3)
    error.set(ylabel=t("held_out_error"))
    probes.set(ylabel=t("linear_probe"))
    plots.percent(probes.yaxis)
    for axes in (error, probes):
        axes.set_xscale("log", base=2)
        axes.set_xticks(codes, [str(code) for code in codes])
        axes.set_xlabel(t("width_of_the_code"))
    for axes, place in ((error, "upper right"), (training, "upper right"), (probes, "lower right")):
        axes.legend(loc=place, fontsize=7.2)
    pictures = run.artifact("code_pictures", (3, None, 8, 8), "f")
    rows = (t("original"), t("pca_8"), t("autoencoder_8"))
    for row, name, line in zip(grid[1].subgridspec(3, pictures.shape[1]).subplots(), rows, pictures):
        for number, (axes, picture) in enumerate(zip(row, line)):
            axes.imshow(picture, cmap="gray_r", vmin=0, vmax=1)
            axes.set(xticks=[], yticks=[])
            axes.grid(visible=False)
            for spine in axes.spines.values():
                spine.set_visible(False)
            if number == 0:
                axes.set_ylabel(name, rotation=0, ha="right", va="center")


def rotation(figure, run: Run, t: Labels) -> None:
    """Rotation prediction as pre-training: linear probes and whole networks on few labels."""
    labels = run.artifact("rotation_labels", (None,), "iu")
    probes = run.artifact("rotation_probe", (4, len(labels), None), "f")
    networks = run.artifact("rotation_network", (2, len(labels), None), "f")
    left, right = figure.subplots(1, 2, sharey=True)
    plots.bands(left, labels, probes.mean(axis=-1), probes.std(axis=-1),
                (t("pixels"), t("random_first"), t("rotation_first"), t("rotation_last")))
    plots.bands(right, labels, networks.mean(axis=-1), networks.std(axis=-1), (t("from_random"), t("from_rotation")))
    left.set(title=t("linear_probe"), ylabel=t("held_out_accuracy"))
    right.set(title=t("whole_network_trained"))
    for axes in (left, right):
        axes.set_xscale("log")
        axes.set_xticks(labels, [str(number) for number in labels])
        axes.minorticks_off()
        axes.set_xlabel(t("labelled"))
        axes.legend(loc="lower right", bbox_to_anchor=(1, 0.1))
    plots.percent(left.yaxis)
    for axes in (left, right):
        axes.axhline(0.1, color=GREY, linewidth=0.8, linestyle=":")
        axes.set_ylim(0, 1.02)
    left.text(labels[0], 0.085, t("chance"), color=GREY, fontsize=7.5, va="top")
