"""What a person sees of a run, and the numbers it leaves: progress bar, metrics.jsonl, VisualDL."""

import importlib.util
import resource
import sys
import time
from typing import Any

import paddle
from tqdm import tqdm

from paddle_models.trainer import distributed
from paddle_models.trainer.run_folder import RunFolder


def say(text: str) -> None:
    """A notice on standard output, from the first rank only; standard error is for errors."""
    if distributed.rank() == 0:
        tqdm.write(text, file=sys.stdout)
        sys.stdout.flush()


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

            self._curves = LogWriter(logdir=str(self.run.path / "vdl"), display_name=self.run.path.name)
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


class ProgressBar:
    """One bar over all steps of a run: a live line on a terminal and in notebooks, a line every half minute else.

    `with bar.begun(steps): ... bar.advance(text)`
    """

    EVERY = 30.0

    def __init__(self, total: int):
        self.total, self.done, self.start_done = total, 0, 0
        self.start = self.last_line = time.monotonic()
        self.bar: tqdm | None = None

    def begun(self, done: int) -> "ProgressBar":
        """The same bar, `done` steps of it behind; time counts from now on."""
        self.done = self.start_done = done
        self.start = self.last_line = time.monotonic()
        return self

    def __enter__(self) -> "ProgressBar":
        if distributed.rank() == 0 and sys.stdout.isatty():
            self.bar = tqdm(total=self.total, initial=self.done, file=sys.stdout, dynamic_ncols=True, unit="step",
                            leave=False)
        return self

    def __exit__(self, *_: Any) -> None:
        if self.bar is not None:
            self.bar.close()
            self.bar = None

    def advance(self, text: str) -> None:
        """One more step; `text` shows loss, speed and memory."""
        self.done += 1
        if self.bar is not None:
            self.bar.set_postfix_str(text, refresh=False)
            self.bar.update()
        elif time.monotonic() - self.last_line > self.EVERY:
            self.last_line = time.monotonic()
            say(f"step {self.done}/{self.total}  {text}  ETA {self.eta()}")

    def eta(self) -> str:
        """Time to the last step at the pace so far, h:mm:ss."""
        pace = (time.monotonic() - self.start) / max(1, self.done - self.start_done)
        seconds = int(pace * max(0, self.total - self.done))
        return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
