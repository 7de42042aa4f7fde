"""`run NAME --find_lr`: a learning rate to begin with, for any work that trains."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_tools.errors import KitError
from data_tools.files.places import expand
from data_tools.terminal import command

if TYPE_CHECKING:
    from paddle_models.trainer.rate_finder import RateCurve

SEVERAL = ("several networks learn against each other here: this is the loss of the {name}, which tells from where on "
           "training breaks; take the rate as the highest to try")


def find_lr(work: Any, options: Any, settings: Any, argv: Sequence[str]) -> int:
    """Try growing rates on the work's own data; writes find-lr.csv, .json and the figure, no run and no checkpoint."""
    from paddle_models.trainer.settings import TrainerSettings

    if not isinstance(settings, TrainerSettings):
        raise KitError(f"{work.name} is not trained step by step with one learning rate: there is nothing to find")
    out = _free(options.out)
    from assignments.common.trainers import make_trainer
    from paddle_models.trainer import distributed, runtime
    from paddle_models.trainer.progress import say
    from paddle_models.trainer.rate_finder import find_rates
    from paddle_models.trainer.run_folder import RunFolder, new_run_path

    device = runtime.start(settings.device, settings.threads)
    work.check(settings)
    splits = work.splits(settings)
    nowhere = RunFolder(Path("find_lr"), writer=False)  # nothing is written into it
    trainer, _ = make_trainer(work, settings, splits, nowhere, device)
    curve = find_rates(trainer)
    if distributed.rank() == 0:
        out = out or new_run_path(f"{work.name}_find_lr", options.preset)
        note = SEVERAL.format(name=curve.network) if len(trainer.task.networks) > 1 else ""
        write(curve, out, {"work": work.name, "preset": options.preset, "data": splits.found.path,
                           "origin": splits.found.origin, "device": device, "note": note})
        say(verdict(curve, work.name, argv) + (f"\n{note}" if note else "") + f"\nwritten to {out}")
    return 0


def _free(out: Any) -> Path | None:
    """The folder of --out; KitError where a run lies in it."""
    if out is None:
        return None
    folder = expand(out)
    if (folder / "config.yaml").exists():
        raise KitError(f"{folder} holds a run; choose another --out for what --find_lr finds")
    return folder


def write(curve: "RateCurve", out: Path, said: dict[str, Any]) -> None:
    """find-lr.csv (rate, loss, smoothed), find-lr.json, find-lr.png, .svg and .pdf."""
    from data_tools.files.atomic import write_atomically
    from reports.figures.rate_curve import draw_rates

    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise KitError(f"cannot make the folder {out} ({error.strerror}); choose another --out") from None
    rows = zip(curve.rates.tolist(), curve.losses.tolist(), curve.smoothed.tolist())
    table = "rate,loss,smoothed\n" + "".join(f"{rate:.6g},{loss:.6g},{mean:.6g}\n" for rate, loss, mean in rows)
    write_atomically(out / "find-lr.csv", table.encode())
    found = {**said, "network": curve.network, "steps": len(curve.rates), "lowest_loss_at": curve.lowest,
             "suggestion": curve.suggestion}
    write_atomically(out / "find-lr.json", (json.dumps(found, indent=2, ensure_ascii=False) + "\n").encode())
    draw_rates(curve, out, said["origin"] == "drawn")


def verdict(curve: "RateCurve", name: str, argv: Sequence[str]) -> str:
    """What was found, and the command that uses it."""
    if curve.suggestion is None:
        return (f"the loss of {curve.network} never falls clearly below {curve.losses[0]:.3g} at rates from "
                f"{curve.rates[0]:.0e} to {curve.rates[-1]:.0e}: no rate can be suggested; look at the data, or take "
                "larger batches")
    words = [*_without_search(argv), "--optimizer.lr", f"{curve.suggestion:g}"]
    return (f"the loss is lowest at a rate of {curve.lowest:.2g}; suggested: {curve.suggestion:g}\n"
            + command(["python", f"assignments/{name}/run.py", *map(shlex.quote, words)]))


def _without_search(argv: Sequence[str]) -> list[str]:
    """A command line as it was, but for --find_lr, --out and --optimizer.lr."""
    kept, words = [], iter(argv)
    for word in words:
        name, equals, _ = word.partition("=")
        if name in ("--out", "--optimizer.lr"):
            if not equals:
                next(words, "")
        elif name != "--find_lr":
            kept.append(word)
    return kept
