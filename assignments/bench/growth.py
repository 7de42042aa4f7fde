"""`python -m assignments bench growth`: packing, start-up, an epoch and memory as a set grows, each in a process of its
own."""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from assignments.bench.growth_worker import BATCH, SIDE
from assignments.bench.harness import busy_elsewhere, peer_environment
from assignments.bench.table import BUSY, commit_text
from data_tools.errors import KitError
from data_tools.files.atomic import write_atomically
from data_tools.files.places import PROJECT_ROOT

SIZES, QUICK_SIZES = (1_000, 10_000, 50_000, 200_000), (20, 40)
DISTINCT, QUICK_DISTINCT = 1_000, 10  # faces that are drawn; the sets name them again and again
ROUNDS = 3
GOAL = 5.0  # seconds to the first batch with a warm store
INTRODUCTION = f"""# How time and memory grow with the data

Written by `python -m assignments bench growth`. Drawn faces in CelebA's layout (178x218 JPEGs, label and partition
files, 8:1:1): {DISTINCT:,} distinct files, named again and again by hard links, so each image is opened and decoded
as any other. Every size has processes of its own: one packs all of it at {SIDE}x{SIDE}; then others, one in each
round, start with that store and train one epoch of the kit's own trainer (batch {BATCH}, three small convolutions
and 40 outputs, no augmentation: the data are most of the work). Shown are medians over the rounds, lowest and
highest in brackets. **First batch**: from the start of Python, imports and the check of every file's size and time
included. **Epoch**: its training part, on eight tenths of the images. **Peak**: memory of the training process,
validation on a tenth included. **Waiting**: share of the epoch in which the network waited for the loader.
"""


def measure_growth(folder: Path | None, sizes: Sequence[int], rounds: int, machine: dict[str, str], commit: str | None,
                   quick: bool, say: Callable[[str], None] = print) -> dict[str, Any]:
    """Measure all sizes, write growth.json, growth.md and growth.png (.svg, .pdf) into `folder` and return what is in
    the JSON.

    quick: a few faces, to see that everything runs. KitError where sizes are too small, the disk is full or knows no
    hard links.
    """
    distinct = QUICK_DISTINCT if quick else DISTINCT
    sizes = sorted(set(sizes or (QUICK_SIZES if quick else SIZES)))
    if sizes[0] < 10 or sizes[-1] > 999_999:
        raise KitError(f"--sizes {' '.join(map(str, sizes))}: give numbers of images from 10 to 999,999")
    start, before = time.monotonic(), busy_elsewhere()
    with tempfile.TemporaryDirectory(prefix="growth-", ignore_cleanup_errors=True) as scratch:
        place = Path(scratch)
        rows = [{"images": size, "rounds": []} for size in sizes]
        for row in rows:
            row["data"] = str(draw_set(place / str(row["images"]), row["images"], place / "drawn", distinct))
            row["pack"] = _ask("pack", row["data"], place)
            say(f"  {row['images']:,} images packed in {row['pack']['seconds']:.1f} s")
        for number in range(rounds):
            for row in rows:
                row["rounds"].append(_ask("train", row["data"], place))
                say(f"  round {number + 1} of {rounds}, {row['images']:,} images: first batch after "
                    f"{row['rounds'][-1]['first_batch']:.2f} s, epoch {row['rounds'][-1]['epoch']:.1f} s")
    for row in rows:
        del row["data"]
    others = None if before is None else round(max(0.0, busy_elsewhere() - before) / (time.monotonic() - start), 2)
    found = {"side": SIDE, "batch": BATCH, "distinct": distinct, "quick": quick, "others": others, "machine": machine,
             "commit": commit, "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"), "sizes": rows}
    if folder:
        write_atomically(folder / "growth.json", (json.dumps(found, indent=1) + "\n").encode())
        write_atomically(folder / "growth.md", as_markdown(found).encode())
        draw_figure(found, folder)
    return found


def draw_set(folder: Path, count: int, drawn: Path, distinct: int) -> Path:
    """A set of `count` images in CelebA's layout whose files are links to `distinct` drawn faces in `drawn`."""
    from data_tools.drawing.celeba_sample import FOLDER, SHARES, draw_celeba
    from data_tools.drawing.drawn_set import NOTICE_FILE

    draw_celeba(drawn, distinct)
    faces = sorted((drawn / FOLDER).iterdir())
    rows = [line[len(faces[0].name):] for line in (drawn / "list_attr_celeba.txt").read_text().splitlines()[2:]]
    first, second = (round(sum(SHARES[:k]) * count) for k in (1, 2))
    try:
        (folder / FOLDER).mkdir(parents=True)
        for number in range(1, count + 1):
            os.link(faces[number % distinct], folder / FOLDER / f"{number:06}.jpg")
        with open(folder / "list_attr_celeba.txt", "w", encoding="ascii") as labels:
            labels.write(f"{count}\n" + (drawn / "list_attr_celeba.txt").read_text().splitlines()[1] + "\n")
            labels.writelines(f"{number:06}.jpg{rows[number % distinct]}\n" for number in range(1, count + 1))
        with open(folder / "list_eval_partition.txt", "w", encoding="ascii") as partition:
            partition.writelines(f"{number:06}.jpg {(number > first) + (number > second)}\n"
                                 for number in range(1, count + 1))
        shutil.copy(drawn / NOTICE_FILE, folder)
    except OSError as error:
        raise KitError(f"cannot lay out {count:,} images in {folder.parent}: {error.strerror or error}; name a folder "
                       f"with "
                       "room and hard links in TMPDIR") from error
    return folder


def _ask(what: str, data: str, scratch: Path) -> dict[str, Any]:
    """What a process of growth_worker found out; KitError with its last words where it failed."""
    done = subprocess.run([sys.executable, "-m", "assignments.bench.growth_worker", what, data, str(scratch),
                           repr(time.time())],
                          cwd=PROJECT_ROOT, env=peer_environment(), capture_output=True, text=True,
                          stdin=subprocess.DEVNULL)
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise KitError(f"growth, {what} of {data}: ended with status {done.returncode}"
                       f"{': ' + said[-1] if said else ''}")
    return {key: round(value, 4) for key, value in json.loads(done.stdout).items()}


def median(row: dict[str, Any], key: str) -> float:
    """Median over the rounds of one size."""
    return statistics.median(one[key] for one in row["rounds"])


def _spread(row: dict[str, Any], key: str, form: str, factor: float = 1.0) -> str:
    values = [factor * one[key] for one in row["rounds"]]
    return f"{statistics.median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def per_thousand(row: dict[str, Any]) -> float:
    """Median seconds of training per 1,000 images."""
    return 1000 * median(row, "epoch") / row["rounds"][0]["images"]


def as_markdown(found: dict[str, Any]) -> str:
    """The table for people."""
    rows = found["sizes"]
    first, last = rows[0], rows[-1]
    lines = [INTRODUCTION]
    if found["quick"]:
        lines += ["**Tiny sizes: these numbers mean nothing.**", ""]
    lines += ["| images | pack | per 1,000 | first batch | epoch | per 1,000 trained on | waiting | peak |",
              "|---|---|---|---|---|---|---|---|"]
    for row in rows:
        lines.append(" | ".join([
            f"| {row['images']:,}", f"{row['pack']['seconds']:.1f} s",
            f"{1000 * row['pack']['seconds'] / row['images']:.2f} s",
            _spread(row, "first_batch", ".2f") + " s", _spread(row, "epoch", ".1f") + " s",
            f"{per_thousand(row):.3f} s",
            f"{100 * median(row, 'wait_share'):.1f} %", _spread(row, "peak_mb", ".0f") + " MB |"]))
    slowest = max(median(row, "first_batch") for row in rows)
    grown = median(last, "peak_mb") - median(first, "peak_mb")
    busy = (found["others"] or 0) >= BUSY
    verdict = "not judged, the machine was busy" if busy else "met" if slowest < GOAL else "missed"
    times = last["images"] / first["images"]
    lines += ["", f"- First batch in under {GOAL:g} s: {verdict} (slowest median {slowest:.2f} s).",
              f"- Memory: {grown:+.0f} MB from {first['images']:,} to {last['images']:,} images, "
              f"{median(last, 'peak_mb') / median(first, 'peak_mb'):.2f} times, for {times:.0f} times the images; "
              f"the pixels of the larger set are {packed_mb(last['images']):,.0f} MB."]
    if len(rows) > 1:
        before = rows[-2]
        lines.append(f"- Time: {last['images'] / before['images']:.1f} times the images ({before['images']:,} to "
                     f"{last['images']:,}) took {median(last, 'epoch') / median(before, 'epoch'):.1f} times the epoch "
                     f"and "
                     f"{last['pack']['seconds'] / before['pack']['seconds']:.1f} times the packing.")
    others = "unknown" if found["others"] is None else f"{found['others']:.1f}"
    lines += ["",
              f"Rounds: {len(last['rounds'])}; {found['date']}, commit {commit_text(found)}; cores that were busy with "
              f"other "
              f"programs meanwhile: {others}.", "", "![growth](growth.png)", "", "## Machine", "",
              *(f"- {key}: {value}" for key, value in found["machine"].items())]
    return "\n".join(lines) + "\n"


def packed_mb(images: int) -> float:
    """Size of the packed pixels."""
    return images * SIDE * SIDE * 3 / 2**20


def draw_figure(found: dict[str, Any], folder: Path) -> list[Path]:
    """growth.png, .svg and .pdf: epoch and memory over the number of images."""
    from reports.figures import plots, style

    t = style.start()
    rows = found["sizes"]
    images = [row["images"] for row in rows]
    figure = style.page(t, "One epoch and its memory as the data grow", 2.4)
    left, right = figure.subplots(1, 2)
    left.plot(images, [median(row, "epoch") for row in rows], "o-", color=style.BLUE, label="one epoch")
    left.plot(images, [row["pack"]["seconds"] for row in rows], "s-", color=style.ORANGE, label="packing, once")
    left.plot(images, [median(row, "first_batch") for row in rows], "^-", color=style.GREEN,
              label="start to first batch")
    left.set(xlabel="Images", ylabel="Seconds")
    left.legend()
    right.plot(images, [median(row, "peak_mb") for row in rows], "o-", color=style.BLUE, label="peak of the process")
    right.plot(images, [packed_mb(count) for count in images], "--", color=style.GREY, label="pixels of the set")
    right.set(xlabel="Images", ylabel="MB")
    right.legend()
    for axes in (left, right):
        plots.logarithmic(axes)
    return style.save(figure, folder, "growth")
