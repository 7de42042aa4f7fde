"""Training curves, the three tables with the measured values beside the paper's, speed against PSNR; see figures.py."""

import json
import textwrap
from pathlib import Path
from typing import Any

import numpy as np

from assignments.swift_srgan.figures_document import model_name
from assignments.swift_srgan.paper import (
    FRAMES,
    MEASURED_ELSEWHERE,
    NAMES,
    PAPER_GPU,
    PUBLISHED_WEIGHTS,
    TABLE_I,
    TABLE_I_TOTAL,
    TABLE_II,
    TABLE_III,
)
from assignments.swift_srgan.speed import FILE, MODELS, MODES, measured_on, with_ratios
from data_tools.errors import KitError
from reports.figures import plots, style
from reports.figures.style import Labels
from reports.figures.words import words_beside
from reports.run_reader import Run, look_up
from reports.tables import Column, PlainTable, heading, run_context

MOST_ROWS, MOST_BYTES = 60, 1 << 20
MOST_LETTERS, LINE = 120, 46  # of a cell in a drawn table, of its lines
MEASURES = ("psnr_y", "ssim_y", "psnr_rgb", "ssim_rgb")
SPEED_COMMAND = "python assignments/swift_srgan/speed.py"
PARTS = {"train": "training", "validation": "validation", "test": "test"}  # of Table I: of result.json
SPEED_NUMBERS = ("height", "median_ms", "p95_ms", "frames", "pieces", "pieces_measured", "parameters", "multiply_adds")


# ---- training


def training(figure, run: Run, t: Labels) -> None:
    """Losses, D(real) and D(fake), PSNR over the epochs; without a discriminator losses and PSNR."""
    adversarial = any("train/d_real" in row for row in run.metrics)
    axes = figure.subplots(1, 3 if adversarial else 2)
    epoch = t("epoch")

    def series(label: str, key: str):
        x, y = run.series("epoch", "epoch", key)
        return label, x + 1, y

    names = [("train/loss/generator", t("generator")), ("train/loss/discriminator", t("discriminator"))]
    losses = [entry for key, name in names if len((entry := series(name, key))[1])]
    if not losses:
        losses = [series(t("unnamed"), "train/loss")]
    plots.curves(axes[0], losses, epoch, t("loss"))
    if all((y > 0).all() and len(y) for _, _, y in losses):
        plots.logarithmic(axes[0], "y")
    if adversarial:
        plots.curves(axes[1], [series(t("d_real"), "train/d_real"), series(t("d_fake"), "train/d_fake")], epoch,
                     t("mean_probability"))
        axes[1].set_ylim(0, 1)
    plots.curves(axes[-1], [series(t("luma"), "val/psnr_y"), series("RGB", "val/psnr_rgb")], epoch,
                 t("validation_psnr"))
    for one in axes:
        plots.whole_numbers(one.xaxis)


# ---- tables I and II


def table_1_rows(run: Run) -> list[dict[str, Any]]:
    """Parts of Table I and the images that this run had in each."""
    images = run.result.get("images")
    rows = []
    for part, shown, count in TABLE_I:
        sets = images.get(PARTS[part], {}) if isinstance(images, dict) else {}
        sets = sets if isinstance(sets, dict) else {}
        own = {str(name): number for name, number in sets.items() if isinstance(number, int)}
        rows.append({"part": part, "paper": shown, "paper_images": count, "images": sum(own.values()),
                     "run": " + ".join(f"{number} ({name})" for name, number in own.items()) or "-"})
    return [*rows, {"part": "total", "paper": "", "paper_images": TABLE_I_TOTAL,
                    "images": sum(row["images"] for row in rows)}]


def table_1(run: Run, language: str = "en") -> PlainTable:
    """Table I: data set split."""
    t = words_beside(__file__, "table-1", language)
    rows = [{**row, "part": t(f"part_{row['part']}")} for row in table_1_rows(run)]
    columns = (Column("part", t("split")), Column("paper", t("paper")), Column("paper_images", t("paper_images"), 0),
               Column("run", t("run")), Column("images", t("own_images"), 0))
    return PlainTable(t("table"), heading(run_context(run), language), columns, rows)


def table_2_rows(run: Run, language: str = "en") -> list[dict[str, Any]]:
    """The paper's rows, the authors' weights and bicubic as measured (Set14 elsewhere), this run; PSNR and SSIM on
    Y."""
    judged, t = judged_sets(run), words_beside(__file__, "table-2", language)
    rows: list[dict[str, Any]] = []
    x4 = run.setting("scale", 4) == 4
    for name in dict.fromkeys([*(of for of, _ in TABLE_II), *judged]):
        rows += [{"set": name, "method": t("of_paper", network=NAMES[model]), "psnr": psnr, "ssim": ssim}
                 for (of, model), (psnr, ssim) in TABLE_II.items() if of == name and x4]
        if name in PUBLISHED_WEIGHTS and x4:
            psnr, ssim = PUBLISHED_WEIGHTS[name]
            method = t("elsewhere" if name in MEASURED_ELSEWHERE else "measured", network=NAMES["swift_srgan"])
            rows.append({"set": name, "method": method, "psnr": psnr, "ssim": ssim})
        if name in judged:
            for prefix, method in (("bicubic_", t("bicubic")), ("", t("of_run", network=model_name(run)))):
                rows.append({"set": name, "method": method, "n": judged[name]["n"],
                             **{key: judged[name].get(f"{prefix}{key}_y") for key in ("psnr", "ssim")},
                             **{f"{key}_rgb": judged[name].get(f"{prefix}{key}_rgb") for key in ("psnr", "ssim")}})
            kit = {key: look_up(run.result, f"released.{name}_{key}.value") for key in MEASURES}
            if any(value is not None for value in kit.values()):
                rows.append({"set": name, "method": t("released"), "n": judged[name]["n"], "psnr": kit["psnr_y"],
                             "ssim": kit["ssim_y"], "psnr_rgb": kit["psnr_rgb"], "ssim_rgb": kit["ssim_rgb"]})
    return rows


def judged_sets(run: Run) -> dict[str, dict[str, float]]:
    """{set: {"psnr_y": ..., "bicubic_psnr_y": ..., ..., "n": images}} of the sets that judged the run."""
    images = look_up(run.result, "images.test")
    names = [name for name in images if isinstance(name, str)][:MOST_ROWS] if isinstance(images, dict) else []
    if not names:
        raise KitError(f"{run.path / 'result.json'} names no test set (images.test); make the run again")
    found: dict[str, dict[str, float]] = {}
    for name in names:
        measured = {f"{prefix}{key}": run.prediction(f"{name}/{prefix}{key}", (None,), "f")
                    for prefix in ("", "bicubic_") for key in MEASURES}
        found[name] = {"n": len(measured["psnr_y"]), **{key: float(values.mean()) for key, values in measured.items()}}
    return found


def table_2(run: Run, language: str = "en") -> PlainTable:
    """Table II: PSNR and SSIM."""
    t = words_beside(__file__, "table-2", language)
    columns = (Column("set", t("set")), Column("method", t("method")), Column("psnr", "PSNR Y (dB)", 2),
               Column("ssim", "SSIM Y", 4), Column("psnr_rgb", "PSNR RGB (dB)", 2), Column("ssim_rgb", "SSIM RGB", 4),
               Column("n", "n", 0))
    return PlainTable(t("table"), heading(run_context(run), language), columns, table_2_rows(run, language))


def wrapped(table: PlainTable, t: Labels) -> list[list[str]]:
    """The lines of a table, the header first; long cells go on in a second line."""
    return [["\n".join(textwrap.wrap(t.plain(cell, MOST_LETTERS), LINE)) or "-" for cell in row] for row in table.lines]


# ---- Table III


def read_speed(folder: Path) -> dict[str, Any]:
    """What speed.py wrote into a folder, checked: {"device": text, "quick": whether by --quick, "rows": [...]}."""
    file = Path(folder) / FILE
    again = f"write it with: {SPEED_COMMAND}"
    try:
        if file.stat().st_size > MOST_BYTES:
            raise KitError(f"{file} is larger than {MOST_BYTES >> 20} MB; {again}")
        found = json.loads(file.read_text(encoding="utf-8"))
        rows = [_speed_row(row) for row in found["rows"][:MOST_ROWS]]
        return {"device": str(found["device"])[:100], "quick": found.get("quick") is True, "rows": with_ratios(rows)}
    except OSError as error:
        raise KitError(f"{file} cannot be read ({error.strerror}); {again}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        found = f"{type(error).__name__}: {str(error)[:100]}"
        raise KitError(f"{file} is not what speed.py writes ({found}); {again}") from None


def _speed_row(row: dict[str, Any]) -> dict[str, Any]:
    numbers = {key: row[key] for key in SPEED_NUMBERS}
    if not all(type(value) in (int, float) and 0 <= value < 1e15
               for value in numbers.values()) or row["height"] not in FRAMES:
        raise ValueError("numbers out of range")
    if row["model"] not in MODELS or row["mode"] not in MODES or not row["median_ms"] > 0:
        raise ValueError(f"a row of {str(row['model'])[:20]}, {str(row['mode'])[:20]}")
    return {**numbers, "model": row["model"], "mode": row["mode"], "engine": str(row["engine"])[:30]}


def table_3(figure, speed: dict[str, Any], t: Labels) -> None:
    """Milliseconds per frame, here and in the paper."""
    header = (t("size"), t("network"), t("way"), t("median"), t("percentile"), t("ratio"), t("paper"),
              t("paper_ratio"), t("measured_on"))
    rows = [(FRAMES[row["height"]][0], NAMES[row["model"]],
             t(row["mode"]), f"{row['median_ms']:,.1f}", f"{row['p95_ms']:,.1f}",
             "-" if row["ratio"] is None else f"{row['ratio']:.1f}",
             f"{row['paper_ms']:g}", f"{row['paper_ratio']:.0f}", measured_on(row, t.chinese)) for row in speed["rows"]]
    axes = figure.subplots()
    plots.table(axes, header, rows, 6.5)
    device = t.plain(speed["device"], 70)
    axes.set_title(t("devices", device=device, gpu=PAPER_GPU), fontsize=7, loc="left", pad=4)


def speed_psnr(figure, speed: dict[str, Any], t: Labels) -> None:
    """Set5 PSNR over milliseconds per frame (270p to 1080p): the paper's points; where both were measured here, ours;
    a network that was timed here without trained weights has a time alone, a line."""
    axes = figure.subplots()
    for number, model in enumerate(MODELS):
        axes.plot([TABLE_III[270, model]], [TABLE_II["Set5", model][0]], linestyle="none", marker=plots.MARKERS[number],
                  markersize=7, color=style.CYCLE[number], markerfacecolor="none",
                  label=t("of_paper", network=NAMES[model], gpu=PAPER_GPU))
    for number, model in enumerate(MODELS):
        times = [row["median_ms"] for row in speed["rows"] if row["model"] == model and row["height"] == 270]
        if not times:
            continue
        if model != "swift_srgan":
            axes.axvline(min(times), color=style.CYCLE[number], linewidth=1.2, linestyle=plots.LINE_STYLES[number],
                         label=t("time_alone", network=NAMES[model]))
            continue
        for marker, (name, psnr) in zip(("*", "P", "X"), speed["psnr"].items()):
            axes.plot([min(times)], [psnr], linestyle="none", marker=marker, markersize=9, color=style.INK,
                      markeredgewidth=0, label=f"{NAMES[model]}, {name}")
    plots.logarithmic(axes, "x")
    axes.margins(0.15)
    axes.set(xlabel=t("milliseconds"), ylabel=t("psnr"))
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=7)


def measured_psnr(run: Run, t: Labels) -> dict[str, float]:
    """{weights: Y PSNR on Set5 at x4} of Swift-SRGAN as the kit measures it: this run's where it was judged there, and
    the authors'."""
    found = {}
    if run.setting("model", "swift_srgan") == "swift_srgan" and run.setting("scale", 4) == 4:
        found[t("this_run")] = judged_sets(run).get("Set5", {}).get("psnr_y", np.nan)
    found[t("authors")] = PUBLISHED_WEIGHTS["Set5"][0]
    return {name: value for name, value in found.items() if np.isfinite(value)}
