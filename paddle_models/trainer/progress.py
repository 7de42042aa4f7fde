"""What a person sees of a run, and the numbers it leaves: progress bar, metrics.jsonl, VisualDL."""

import importlib.util
import resource
import sys
from collections.abc import Iterable
from operator import length_hint
from typing import Any, TypeVar

import paddle

from data_tools.language import spoken
from data_tools.progress import Progress, followed, tell
from paddle_models.trainer import distributed
from paddle_models.trainer.run_folder import RunFolder

Item = TypeVar("Item")


def say(text: str) -> None:
    """Lines on standard output, in the user's language and as wide as the terminal, from the first rank only; standard
    error is for errors."""
    if distributed.rank() == 0:
        tell(spoken(text))


def peak_memory_mb(device: str) -> float:
    """Highest memory use so far in MB: allocated on the GPU, else resident in this process."""
    if device.startswith("gpu"):
        return paddle.device.cuda.max_memory_allocated() / 2**20
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def resident_mb() -> float:
    """Memory that this process holds now, in MB; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * resource.getpagesize() / 2**20
    except OSError:
        return 0.0


class Journal:
    """Writes rows to metrics.jsonl and, within its `with` block and where VisualDL is installed, its curves to vdl/."""

    def __init__(self, run: RunFolder):
        self.run = run
        self._curves: Any = None

    def __enter__(self) -> "Journal":
        if self.run.writer and importlib.util.find_spec("visualdl"):
            from visualdl import LogWriter

            self._curves = LogWriter(logdir=str(self.run.path / "vdl"),
                                     display_name=f"{self.run.assignment}/{self.run.path.name}")
        return self

    def __exit__(self, *_: Any) -> None:
        if self._curves:
            self._curves.close()
            self._curves = None

    def write(self, row: dict[str, Any]) -> None:
        """One logged step or epoch; the same numbers go to both places."""
        self.run.append_metrics(row)
        if self._curves:
            for key, value in row.items():
                if key not in ("kind", "step", "epoch") and isinstance(value, (int, float)):
                    self._curves.add_scalar(f"{row['kind']}/{key}", value, row["step"])


class ProgressBar(Progress):
    """The steps of a run, from the first rank only."""

    def __init__(self, total: int, what: str = "step"):
        super().__init__(total, what, shown=distributed.rank() == 0)


def watched(batches: Iterable[Item], what: str = "judging, batch") -> Iterable[Item]:
    """The same batches, with their progress, from the first rank only."""
    return followed(batches, length_hint(batches), what, shown=distributed.rank() == 0)
