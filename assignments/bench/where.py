"""`bench --where NAME`: where the time of a training step goes, part by part; printed, not written into the table.

Batches come from memory here: what a run waits for its loader stands as wait_share in its metrics.jsonl.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from assignments.bench import training
from assignments.bench.turns import Absent, Finished, Turn, Turns
from data_tools.errors import KitError

SECONDS = 10.0
# Beginnings of oneDNN's names of primitives -> part of a step.
PARTS = {"convolution": "convolution", "matmul": "convolution", "batch_normalization": "normalisation",
         "reorder": "layout"}
CHEAP, OTHER, OPTIMIZER = "activation, pooling, sum", "eager Paddle and Python", "optimizer"
ORDER = ("convolution", "normalisation", CHEAP, "layout", OTHER, OPTIMIZER)


class Where(Turns):
    """Stands for Turns: a turn that warms up, then one whose time is told part by part."""

    def __init__(self, quick: bool, scratch: Path):
        super().__init__(0.0 if quick else SECONDS, quick, scratch, sys.stdout)
        self.images, self.took, self.parts = 0, 0.0, dict.fromkeys(ORDER, 0.0)

    def __iter__(self) -> Iterator[Turn]:
        from paddle_models.fast import onednn

        yield Turn(self.seconds / 4, time.perf_counter)
        with onednn.watching() as watched, _optimizers(self.parts):
            turn = Turn(self.seconds, time.perf_counter)
            yield turn
        self.images, self.took = turn.units, turn.seconds
        for name, seconds in watched.items():
            self.parts[part_of(name)] += seconds
        self.parts[OTHER] = self.took - sum(self.parts.values())
        raise Finished

    def lines(self, batch: int) -> list[str]:
        """Milliseconds of a step of `batch` images and shares, part by part."""
        steps = self.images / batch
        rows = [*((part, self.parts[part]) for part in ORDER), ("one step", self.took)]
        width = max(map(len, ORDER))
        return [f"{part.ljust(width)}  {1000 * seconds / steps:9.2f} ms  {seconds / self.took:6.1%}"
                for part, seconds in rows]


def part_of(primitive: str) -> str:
    """The part of a step that a primitive of oneDNN belongs to, by its name."""
    return next((part for beginning, part in PARTS.items() if primitive.startswith(beginning)), CHEAP)


@contextmanager
def _optimizers(parts: dict[str, float]) -> Iterator[None]:
    """Time of the optimizers' steps goes to its part."""
    import paddle

    ordinary: Callable = paddle.optimizer.Adam.step

    def step(optimizer: Any) -> None:
        begin = time.perf_counter()
        ordinary(optimizer)
        parts[OPTIMIZER] += time.perf_counter() - begin

    paddle.optimizer.Adam.step = step
    try:
        yield
    finally:
        paddle.optimizer.Adam.step = ordinary


def main(name: str, numbers: str, size: str) -> int:
    """Train a workload for some seconds in this process and print the table; numbers: "float32" or "bfloat16"."""
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        where = Where(size == "quick", Path(scratch))
        try:
            train = training.kit_in_bfloat16 if numbers == "bfloat16" else training.kit
            train(name, where)
        except Finished:
            print("\n".join(where.lines(training.WORKLOADS[name].sizes(where.quick)[1])))
            return 0
        except (Absent, KitError) as reason:
            print(reason)
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
