"""The ablation table, and latency against accuracy; read from what ablation.py wrote. See figures.py."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from assignments.face_attributes.ablation import COSTS, FILE, MEASURES, VARIANTS
from data_tools.errors import KitError
from reports.figures import plots, style
from reports.figures.style import Labels
from reports.run_reader import Run, look_up

COMMAND = "python assignments/face_attributes/ablation.py --preset sample"
MOST_VARIANTS = 60
GROUPS = {"variant": "backbone", "head_widths": "heads", "dropout": "dropout", "heads": "heads", "gamma": "loss",
          "positive_weights": "loss"}  # what a setting is of, a word


@dataclass(frozen=True)
class Variant:
    """A row of the ablation; shares in 0..1, spreads NaN for one seed, costs NaN where they were not recorded, latency
    (low, median, high) in ms or None."""

    name: str
    backbone: str
    seeds: int
    means: dict[str, float]
    spreads: dict[str, float]
    parameters: float
    multiply_adds: float
    costs: dict[str, float]
    latency: tuple[float, float, float] | None


@dataclass(frozen=True)
class Ablation:
    """What ablation.py wrote into a folder."""

    path: Path
    origin: str
    preset: str
    image_size: float
    epochs: float
    threads: float | None
    variants: tuple[Variant, ...]
    intervals: dict[tuple[str, str], dict[str, float]]  # (variant, over): low, high and n of a paired difference

    def gain(self, name: str, over: str = "base") -> dict[str, float] | None:
        """Mean accuracy of a variant minus that of another, with its paired interval where there is one, as a metric of
        result.json; None where one of them is absent. The base counts as the variant of its backbone."""
        pair = self._pair(name, over)
        return pair and {"value": pair[0].means["accuracy"] - pair[1].means["accuracy"],
                         **self.intervals.get((pair[0].name, pair[1].name), {})}

    def cost(self, key: str, name: str, over: str = "base") -> float | None:
        """How many times a variant took of COSTS what the other took; None where that was not recorded."""
        pair = self._pair(name, over)
        share = pair[0].costs[key] / pair[1].costs[key] if pair and pair[1].costs[key] else float("nan")
        return None if np.isnan(share) else share

    def _pair(self, name: str, over: str) -> tuple[Variant, Variant] | None:
        found = {**{v.backbone: v for v in self.variants if v.name == "base"}, **{v.name: v for v in self.variants}}
        return (found[name], found[over]) if name in found and over in found else None


def read_ablation(folder: Path) -> Ablation:
    """ablation.json of a folder, which may come from anybody: every number is checked."""
    folder = Path(folder)
    if not (folder / FILE).is_file():
        raise KitError(f"{folder} holds no {FILE}; make one with: {COMMAND}")
    content = Run(folder, "face_attributes").json(FILE)
    listed = content.get("variants")
    if not isinstance(listed, list) or not 1 <= len(listed) <= MOST_VARIANTS:
        raise KitError(f"{folder / FILE} lists no variants, or more than {MOST_VARIANTS}; make it again with: "
                       f"{COMMAND}")

    def number(entry: Any, key: str, optional: bool = False) -> float:
        value = look_up(entry, key)
        if value is None and optional:
            return float("nan")
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e15:
            raise KitError(f"{folder / FILE}: {key} is {value!r:.40}, expected a number; make it again with: {COMMAND}")
        return float(value)

    variants = []
    for entry in listed:
        timed = look_up(entry, "latency_ms") is not None
        variants.append(Variant(
            str(look_up(entry, "variant"))[:40], str(look_up(entry, "backbone"))[:4],
            int(number(entry, "metrics.accuracy.n")),
            {key: number(entry, f"metrics.{key}.mean") for key in MEASURES},
            {key: number(entry, f"metrics.{key}.spread", optional=True) for key in MEASURES},
            number(entry, "parameters"), number(entry, "multiply_adds"),
            {key: number(entry, key, optional=True) for key in COSTS},
            tuple(number(entry, f"latency_ms.{part}") for part in ("low", "median", "high")) if timed else None))
    listed = content.get("gains") or []
    if not isinstance(listed, list) or len(listed) > MOST_VARIANTS ** 2:
        raise KitError(f"{folder / FILE}: gains is no list, or too long; make it again with: {COMMAND}")
    intervals = {(str(look_up(entry, "variant"))[:40], str(look_up(entry, "over"))[:40]):
                 {key: number(entry, key) for key in ("low", "high", "n")} for entry in listed}
    threads = number(content, "latency.threads") if content.get("latency") else None
    return Ablation(folder, str(content.get("origin")), str(content.get("preset"))[:20], number(content, "image_size"),
                    number(content, "epochs"), threads, tuple(variants), intervals)


def variant_label(variant: Variant, t: Labels) -> tuple[str, str]:
    """(what is varied, its value) in words."""
    if variant.name == "base":
        backbone = t.plain(variant.backbone.upper())
        return t("base"), t("base_network", backbone=backbone)
    if variant.name not in VARIANTS:
        return "", t.plain(variant.name, 20)
    (key, value), = VARIANTS[variant.name].items()
    values = {"variant": lambda: value.upper(), "head_widths": lambda: "/".join(map(str, value)),
              "dropout": lambda: str(value), "heads": lambda: t("one_linear_layer"),
              "gamma": lambda: f"focal, gamma {value:g}", "positive_weights": lambda: t("weights", value=value)}
    return t(GROUPS[key]), values[key]()


def ablation(figure, ablation: Ablation | None, t: Labels) -> None:
    """Every variant with its means and spreads over seeds, its size and its training time."""
    axes = figure.subplots()
    if ablation is None:
        return plots.gap(axes, t, COMMAND)

    def share(variant: Variant, key: str) -> str:
        spread = "" if np.isnan(variant.spreads[key]) else f" ± {100 * variant.spreads[key]:.1f}"
        return f"{100 * variant.means[key]:.1f}{spread}"

    header = (t("varied"), "", t("measure_accuracy"), t("balanced"), "F1", t("average_precision"), t("parameters"),
              t("multiply_adds"), *map(t, COSTS))
    rows, before = [], ""
    for variant in ablation.variants:
        group, value = variant_label(variant, t)
        rows.append(("" if group == before else group, value, *(share(variant, key) for key in MEASURES),
                     f"{variant.parameters / 1e6:.2f}", f"{variant.multiply_adds / 1e9:.3f}",
                     *("" if np.isnan(variant.costs[key]) else f"{variant.costs[key]:,.{digits}f}"
                       for key, digits in zip(COSTS, (0, 1, 0)))))
        before = group
    plots.table(axes, header, rows, size=6.8)


def latency(figure, ablation: Ablation | None, t: Labels) -> None:
    """Milliseconds per image, eager, against mean accuracy, for the backbones that were trained alike."""
    axes = figure.subplots()
    timed = [variant for variant in ablation.variants if variant.latency] if ablation else []
    if not timed:
        return plots.gap(axes, t, COMMAND)
    for number, variant in enumerate(sorted(timed, key=lambda variant: variant.latency[1])):
        low, median, high = variant.latency
        spread = variant.spreads["accuracy"]
        axes.errorbar([median], [variant.means["accuracy"]], xerr=[[median - low], [high - median]],
                      yerr=None if np.isnan(spread) else [spread], fmt=plots.MARKERS[number % 5],
                      color=style.CYCLE[number % 5], capsize=3, elinewidth=1, markersize=7)
        axes.annotate(f"{variant.backbone.upper()}\n{median:.1f} ms, {100 * variant.means['accuracy']:.1f} %",
                      (median, variant.means["accuracy"]), xytext=(9, 7), textcoords="offset points", fontsize=8,
                      zorder=6, bbox={"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none",
                                      "alpha": 0.85})
    side = int(ablation.image_size)
    axes.set(xlabel=t("milliseconds", side=side, threads=ablation.threads), ylabel=t("mean_accuracy"),
             xlim=(0, 1.3 * max(variant.latency[2] for variant in timed)))
    axes.margins(y=0.35)
    plots.percent(axes.yaxis)
