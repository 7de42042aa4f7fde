"""A curve that grows in the cell of a notebook while a run trains; elsewhere nothing is shown."""

import json
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SECONDS = 2.0  # between two looks


@contextmanager
def live_curve(run: Path) -> Iterator[None]:
    """Show the losses of a run folder inside the `with` block, drawn anew as they come."""
    if not in_notebook():
        yield
        return
    from IPython.display import display

    handle = display(display_id=True)
    over = threading.Event()

    def watch() -> None:
        while not over.wait(SECONDS):
            handle.update(picture(run))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        handle.update(picture(run))


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    python = sys.modules.get("IPython")
    return python is not None and hasattr(python.get_ipython(), "kernel")


def show_figures() -> None:
    """Let a notebook show matplotlib figures as pictures below their cell, and no warnings of its own parts."""
    if in_notebook():
        from IPython import get_ipython

        get_ipython().run_line_magic("matplotlib", "inline")
        warnings.filterwarnings("ignore", message="IProgress not found")  # bars are lines then, which is well


def losses(run: Path) -> dict[str, tuple[list[float], list[float]]]:
    """{name: (steps, values)} of all losses in metrics.jsonl so far; a line that is half written is left out."""
    curves: dict[str, tuple[list[float], list[float]]] = {}
    file = run / "metrics.jsonl"
    for line in file.read_text(encoding="utf-8").splitlines() if file.is_file() else ():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        for name, value in row.items():
            if "loss" in name and isinstance(value, float) and "step" in row:
                steps, values = curves.setdefault(name, ([], []))
                steps.append(row["step"])
                values.append(value)
    return curves


def picture(run: Path) -> Any:
    """The curves as a PNG for a cell."""
    import io

    from IPython.display import Image
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 2.6), layout="constrained")
    axes = figure.subplots()
    for name, (steps, values) in sorted(losses(run).items()):
        axes.plot(steps, values, label=name, marker="o" if len(steps) < 30 else "")
    axes.set_xlabel("step")
    if axes.lines:
        axes.legend(fontsize="small")
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=100)
    return Image(file.getvalue())
