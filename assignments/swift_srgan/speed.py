"""Table III: milliseconds per frame of Swift-SRGAN, SRGAN and ESRGAN: python assignments/swift_srgan/speed.py

270p to 1080p and 540p to 4K, eager and exported, on whatever device is there, the paper's times beside them. Weights
are random: they change nothing about the time. On a CPU a frame is computed in pieces of 80x45 pixels one after the
other, because Paddle's eager convolution unfolds its input (43 GB for SRGAN's last layer at 1080p). Where the time is
not enough for a whole frame, the row says how many of its pieces were measured. All of it ends within 10 minutes.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from assignments.common.command_line import first_line, tells_errors
from assignments.swift_srgan.paper import FRAMES, NAMES, PAPER_GPU, TABLE_III
from data_tools.errors import KitError
from data_tools.files import places

MODELS = ("swift_srgan", "srgan", "esrgan")  # from cheap to dear: time that one leaves over goes to the next
MODES = ("eager", "exported")
PIECE, QUICK_PIECE = 45, 27  # rows of a piece on a CPU; a GPU computes whole frames
SECONDS = 480.0  # for measuring; building and exporting the networks comes on top
FRAMES_MOST, PIECES_LEAST, WARM_UP = 12, 2, 2
FILE = "speed.json"
QUICK = ("Measured by speed.py --quick: 270p alone, in little time. Without --quick it measures the whole table.",
         "由 speed.py --quick 测得：只有 270p，测量时间很短；不带 --quick 则测量整张表。")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    options = argparse.ArgumentParser(description=first_line(__doc__), allow_abbrev=False)
    options.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    options.add_argument("--modes", nargs="+", choices=MODES, default=list(MODES))
    options.add_argument("--seconds", type=float,
                         help=f"for all measurements together; default: {SECONDS:.0f}, with --quick 10")
    options.add_argument("--piece", type=int, metavar="ROWS",
                         help=f"rows of a piece that divide 270; 0: whole frames; default: "
                         f"{PIECE} on a CPU, with --quick {QUICK_PIECE}, 0 on a GPU")
    options.add_argument("--quick", action="store_true", help="270p alone, in little time: shows that everything runs")
    options.add_argument("--device", default="auto", choices=("auto", "cpu", "gpu"))
    options.add_argument("--out", type=Path, metavar="DIR",
                         help="default: runs/swift_srgan/speed, with --quick speed-quick")
    return options


@tells_errors
def main(argv: Sequence[str] | None = None) -> int:
    """The command line; 2 for an error that the user can mend."""
    options = parser().parse_args(argv)
    if options.piece and (options.piece < 9 or 270 % options.piece or 480 * options.piece % 270):
        raise KitError(f"--piece {options.piece}: give rows that cut 480x270 pixels into equal pieces: 9, 18, 27, 45, "
                       f"54, 90, "
                       "135, 270, or 0")
    if options.seconds is None:
        options.seconds = 10.0 if options.quick else SECONDS
    if not options.seconds > 0:
        raise KitError("--seconds is more than 0")
    return _speed(options)


def _speed(options: argparse.Namespace) -> int:
    import paddle_models  # noqa: F401  sets the environment before Paddle is imported
    from data_tools.files.atomic import write_atomically
    from paddle_models.trainer import runtime
    from paddle_models.trainer.run_folder import describe_environment
    from reports import tables
    from reports.text_table import fitted_table

    device = runtime.start(options.device)
    where = runtime.describe(device)
    heights = (270,) if options.quick else tuple(FRAMES)
    usual = 0 if device != "cpu" else QUICK_PIECE if options.quick else PIECE
    rows_of_piece = usual if options.piece is None else options.piece
    print(f"{where}; "
          f"{'whole frames' if not rows_of_piece else f'pieces of {rows_of_piece * 16 // 9}x{rows_of_piece} pixels'}",
          flush=True)
    rows = list(_rows(options, heights, rows_of_piece, device))
    found = {"device": where, "piece_rows": rows_of_piece, "quick": options.quick, "rows": with_ratios(rows),
             "environment": describe_environment("", where, {})}
    out = options.out or places.runs() / "swift_srgan" / ("speed-quick" if options.quick else "speed")
    write_atomically(out / FILE, json.dumps(found, indent=1).encode("utf-8"))
    table = table_iii(found)
    files = tables.write_table(table.columns, table.rows, table.above, out, "table_iii")
    print(f"\n{table.title} ({table.above})\n" + "\n".join(fitted_table(table.lines, table.aligned)))
    print(*(f"written to {path}" for path in (out / FILE, *files)), sep="\n")
    return 0


def _rows(options, heights, rows_of_piece: int, device: str) -> Iterator[dict[str, Any]]:
    """One row for each network, way and size; options.seconds are shared so that what a row leaves over goes to the
    later ones."""
    from paddle_models.networks.parts import count_parameters
    from paddle_models.tasks.complexity import multiply_adds

    sizes = {rows_of_piece: heights} if rows_of_piece else {height: (height,) for height in heights}
    left, waiting = options.seconds, len(options.models) * len(options.modes) * len(heights)
    for model in options.models:
        network = build(model)
        facts = {"parameters": count_parameters(network), "per_pixel": multiply_adds(network, (1, 3, 9, 16)) / 144}
        for mode in options.modes:
            for rows, same in sizes.items():
                with runner(network, mode, (rows, rows * 16 // 9), device) as (run, engine):
                    for height in same:
                        begin, pieces = time.perf_counter(), (height // rows) ** 2
                        times = measure(run, pieces, left / waiting)
                        left, waiting = left - (time.perf_counter() - begin), max(1, waiting - 1)
                        row = {"height": height, "model": model, "mode": mode, "engine": engine,
                               **summary(times, pieces),
                               "parameters": facts["parameters"],
                               "multiply_adds": facts["per_pixel"] * height * FRAMES[height][1]}
                        print(f"{FRAMES[height][0]}, {NAMES[model]}, {mode}: {row['median_ms']:,.1f} ms", flush=True)
                        yield row


def build(model: str):
    """A network with random weights, in evaluation mode."""
    import paddle

    from paddle_models.networks.esrgan import RRDBNet
    from paddle_models.networks.srgan import SRResNet
    from paddle_models.networks.swift_srgan import SwiftGenerator

    paddle.seed(0)
    network = {"swift_srgan": SwiftGenerator, "srgan": SRResNet, "esrgan": RRDBNet}[model]()
    network.eval()
    return network


class runner:
    """with runner(...) as (run, engine): run() computes one piece and comes back when the device has finished it."""

    def __init__(self, network, mode: str, size: tuple[int, int], device: str):
        self._network, self._mode, self._size, self._device = network, mode, size, device
        self._folder: tempfile.TemporaryDirectory | None = None

    def __enter__(self) -> tuple[Callable[[], None], str]:
        return self._eager() if self._mode == "eager" else self._exported()

    def __exit__(self, *_) -> None:
        if self._folder:
            self._folder.cleanup()

    def _eager(self):
        import numpy as np
        import paddle

        image = paddle.to_tensor(np.random.default_rng(0).random((1, 3, *self._size), dtype=np.float32))

        def run() -> None:
            with paddle.no_grad():
                self._network(image)
            if self._device != "cpu":
                paddle.device.cuda.synchronize()

        return run, "Paddle"

    def _exported(self):
        from paddle_models.deploy.export import export_network
        from paddle_models.deploy.predictor import Predictor

        self._folder = tempfile.TemporaryDirectory(prefix="speed-")
        folder = Path(self._folder.name) / "network"
        card = export_network(self._network, folder, (None, 3, *self._size))
        order = ("paddle-onednn", "paddle") if self._device == "cpu" else ("tensorrt", "paddle")
        engine = next((name for name in order if name in card["largest_difference"]),
                      next(iter(card["largest_difference"])))
        predictor = Predictor(folder, engine)
        image = predictor.card.samples(1)
        return lambda: predictor(image), engine  # the result is copied to the CPU, so the device has finished


def measure(run: Callable[[], None], pieces: int, seconds: float) -> list[float]:
    """Seconds of each piece, after a warm-up: whole frames of `pieces` while time is left, at most FRAMES_MOST; of a
    frame that does not fit, as many pieces as do, at least PIECES_LEAST."""
    deadline = time.perf_counter() + seconds
    for _ in range(WARM_UP):
        run()
        if time.perf_counter() > deadline:
            break
    times: list[float] = []
    while len(times) < FRAMES_MOST * pieces and (len(times) < PIECES_LEAST or time.perf_counter() < deadline):
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return times


def summary(times: Sequence[float], pieces: int) -> dict[str, Any]:
    """Median and 95th percentile in ms per frame, over whole frames; of less than one frame, over pieces times their
    number."""
    import numpy as np

    frames = len(times) // pieces
    per_frame = (np.reshape(times[:frames * pieces], (frames, pieces)).sum(axis=1) if frames
                 else np.asarray(times) * pieces) * 1000
    return {"median_ms": float(np.median(per_frame)), "p95_ms": float(np.percentile(per_frame, 95)), "frames": frames,
            "pieces": pieces, "pieces_measured": len(times)}


def with_ratios(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows in the paper's order, with how many times longer than Swift-SRGAN each takes, here and in the paper."""
    swift = {(row["height"], row["mode"]): row["median_ms"] for row in rows if row["model"] == "swift_srgan"}
    order = {model: number for number, model in enumerate(("srgan", "esrgan", "swift_srgan"))}
    result = []
    for row in sorted(rows, key=lambda row: (row["height"], row["mode"], order[row["model"]])):
        key, paper = (row["height"], row["mode"]), TABLE_III[row["height"], row["model"]]
        result.append({**row, "ratio": row["median_ms"] / swift[key] if key in swift else None, "paper_ms": paper,
                       "paper_ratio": paper / TABLE_III[row["height"], "swift_srgan"]})
    return result


def table_iii(found: dict[str, Any], chinese: bool = False):
    """The table, for people and as CSV."""
    from reports.tables import Column, PlainTable

    def both(en: str, zh: str) -> str:
        return zh if chinese else en

    rows = [{**row, "size": FRAMES[row["height"]][0], "network": NAMES[row["model"]],
             "way": f"{row['mode']} ({row['engine']})",
             "measured_on": measured_on(row, chinese), "fps": 1000 / row["median_ms"]} for row in found["rows"]]
    columns = (Column("size", both("Size", "尺寸")), Column("network", both("Network", "网络")),
               Column("way", both("Way", "方式")), Column("median_ms", both("Median, ms", "中位数，毫秒"), 1),
               Column("p95_ms", both("95th percentile, ms", "95 百分位，毫秒"), 1),
               Column("fps", both("Frames/s", "帧/秒"), 2),
               Column("ratio", both("x Swift-SRGAN", "与 Swift-SRGAN 之比"), 1),
               Column("paper_ms", both(f"Paper, ms ({PAPER_GPU})", f"论文，毫秒（{PAPER_GPU}）"), 3),
               Column("paper_ratio", both("Paper, ratio", "论文之比"), 1),
               Column("parameters", both("Parameters", "参数量"), 0),
               Column("multiply_adds", both("G multiply-adds", "乘加（G）"), 1, 1e-9),
               Column("measured_on", both("Measured on", "测量范围")))
    above = f"{found['device']}; " + both(f"random weights; the paper's times are of a {PAPER_GPU}, its training of a "
                                          f"Tesla P100",
                                          f"随机权重；论文的时间用 {PAPER_GPU} 测得，训练用 Tesla P100")
    if found.get("quick"):
        above += both(". ", "。") + both(*QUICK)
    return PlainTable(both("Table III: milliseconds per frame", "表 III：每帧毫秒数"), above, columns, rows)


def measured_on(row: dict[str, Any], chinese: bool) -> str:
    """"20 frames" or "7 of 144 pieces, extrapolated"."""
    if row["frames"]:
        count = row["frames"]
        cut = (f"，每帧 {row['pieces']} 块" if chinese else f" of {row['pieces']} pieces") if row["pieces"] > 1 else ""
        return f"{count} 帧{cut}" if chinese else f"{count} frame{'s' if count > 1 else ''}{cut}"
    done, whole = row["pieces_measured"], row["pieces"]
    return f"{whole} 块中的 {done} 块，按比例推算" if chinese else f"{done} of {whole} pieces, extrapolated"


if __name__ == "__main__":
    sys.exit(main())
