"""The document's three figures, and how frequent the attributes are; see figures.py."""

import numpy as np

from assignments.face_attributes.attribute_table import predictions, training_shares
from assignments.face_attributes.names import attribute_name, region_name
from data_tools.drawing.attributes import ATTRIBUTES
from data_tools.errors import KitError
from paddle_models.networks.face_regions import REGIONS
from reports.figures import diagrams, plots, style
from reports.figures.diagrams import Arrow, Box
from reports.figures.style import Labels
from reports.run_reader import Run

COLOURS = (*style.CYCLE, "#E69F00", style.INK)  # of the seven regions; lines also differ in style
STYLES = ("-", "--", "-.", ":", "-", "--", "-")
MOST_LAYERS = 6


def figure_1(figure, run: Run, t: Labels) -> None:
    """Training images after preprocessing, and five random augmentations of each."""
    originals = run.artifact("augmented_originals", (None, None, None, 3), "u")
    examples = run.artifact("augmented_examples", (len(originals), None, *originals.shape[1:]), "u")
    images = [image for original, row in zip(originals, examples) for image in (original, *row)]
    titles = [t("preprocessed"), t("augmented"), *[""] * (len(images) - 2)]
    plots.image_grid(figure, images, titles, columns=1 + examples.shape[1], size=7.5)


def figure_2(figure, run: Run, t: Labels) -> None:
    """The network of this run: backbone, heads with their layers, concatenation, sigmoid."""
    heads, widths = head_settings(run)
    side = t.plain(run.setting("image_size", 192), 5)
    variant = t.plain(str(run.setting("variant", "s2")).upper(), 4)
    middle, last = len(heads) // 2, len(widths) + 3
    boxes = {"image": Box(t("image", side=side), 0, middle, "data", wide=True),
             "backbone": Box(f"EfficientFormerV2-{variant}", 1, middle, "network", wide=True)}
    arrows = [Arrow("image", "backbone"), Arrow("join", "sigmoid")]
    for column, (region, count) in enumerate(heads):
        name = region_name(region, t.chinese) if region in REGIONS else t("all")
        layers = [Box(_in_two_lines(name), 2, column, "data"),
                  *(Box(f"Linear\n{width}\nReLU", 3 + number, column, "network")
                    for number, width in enumerate(widths)),
                  Box(f"Linear\n{count}", last, column, "result")]
        names = [f"{column} {number}" for number in range(len(layers))]
        boxes.update(zip(names, layers))
        route = "straight" if column == middle else "z"
        arrows += [Arrow("backbone", names[0], route=route), *map(Arrow, names, names[1:]),
                   Arrow(names[-1], "join", route=route)]
    boxes["join"] = Box(t("concatenated"), last + 1, middle, wide=True)
    boxes["sigmoid"] = Box(t("sigmoid"), last + 2, middle, "result", wide=True)
    diagrams.diagram(figure.subplots(), boxes, arrows, head=0.05, size=7.5)


def _in_two_lines(name: str) -> str:
    """A name broken near its middle, at a space; Chinese ones before 与."""
    if "与" in name:
        return name.replace("与", "\n与")
    first, _, rest = name.partition(" ")
    return f"{first}\n{rest}" if rest else name


def head_settings(run: Run) -> tuple[list[tuple[str, int]], list[int]]:
    """([(region, or "all" for the single head, attributes)], hidden units per layer) of this run."""
    if run.setting("heads", "regions") == "single":
        return [("all", len(ATTRIBUTES))], []
    widths = run.setting("head_widths", [1024, 512])
    if not isinstance(widths, list) or len(widths) > MOST_LAYERS or not all(
            type(width) is int and 0 < width < 10**6 for width in widths):
        raise KitError(f"{run.path / 'config.yaml'}: head_widths is {str(widths)[:60]}; expected up to {MOST_LAYERS} "
                       f"whole numbers")
    return [(region, len(attributes)) for region, attributes in REGIONS.items()], widths


def figure_3(figure, run: Run, t: Labels) -> None:
    """ATTRIBUTES, the data set's order, joined with NEW_ATTRIBUTES, the order of the heads."""
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set(xlim=(-0.62, 1.9), ylim=(len(ATTRIBUTES) + 0.2, -1.9))
    curve = np.linspace(0, 1, 60)
    bend = curve**2 * (3 - 2 * curve)
    row = 0
    for number, (region, attributes) in enumerate(REGIONS.items()):
        colour, line = COLOURS[number], STYLES[number]
        for attribute in attributes:
            start, name = ATTRIBUTES.index(attribute), attribute_name(attribute, t.chinese)
            axes.plot(curve, start + (row - start) * bend, color=colour, linestyle=line, linewidth=1, alpha=0.9)
            for x, y, side, shown in ((-0.02, start, "right", f"{name}  {start}"),
                                      (1.02, row, "left", f"{row}  {name}")):
                axes.text(x, y, shown, ha=side, va="center", fontsize=6.5, color=colour)
            row += 1
        first = row - len(attributes)
        axes.plot([1.53, 1.55, 1.55, 1.53], [first - 0.35] * 2 + [row - 0.65] * 2, color=colour, linewidth=1)
        shown = f"{region_name(region, t.chinese)}\n{len(attributes)}"
        axes.text(1.57, (first + row - 1) / 2, shown, va="center", fontsize=7.5, color=colour, fontweight="bold")
    for x, side, text in ((-0.02, "right", t("label_order")), (1.02, "left", t("head_order"))):
        axes.text(x, -1.25, text, ha=side, va="center", fontsize=7.5, fontweight="bold")


def frequencies(figure, run: Run, t: Labels) -> None:
    """Share of images with each attribute, in training and among the images that judged the run."""
    training, judged = training_shares(run), predictions(run)[0].mean(axis=0)
    order = np.argsort(-training, kind="stable")
    axes, rows = figure.subplots(), np.arange(len(order))
    axes.barh(rows, training[order], height=0.72, color="#9CC7E3", label=t("training"))
    axes.plot(judged[order], rows, linestyle="none", marker="D", markersize=3.4, color=style.ORANGE,
              label=judging_split(run, t))
    axes.axvline(0.5, color=style.GREY, linewidth=0.9, linestyle="--")
    axes.set_yticks(rows, [attribute_name(ATTRIBUTES[i], t.chinese) for i in order], fontsize=7)
    axes.set(xlabel=t("share_of_the_images"), xlim=(0, 1), ylim=(len(order) - 0.4, -0.6))
    axes.grid(visible=False, axis="y")
    for y, value in zip(rows, training[order]):
        axes.text(1.01, y, f"{100 * value:.1f}", fontsize=6.5, va="center", color=style.GREY)
    plots.percent(axes.xaxis)
    axes.legend(loc="lower right")


def judging_split(run: Run, t: Labels) -> str:
    """"validation" or "test", in the language of the labels."""
    return t("test") if run.result.get("judged_on") == "test" else t("validation")


