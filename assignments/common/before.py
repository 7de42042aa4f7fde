"""Before a run: what it is about to do and to need, beside what this machine has; where it does not fit, it does not
start."""

import math
import shutil
from typing import TYPE_CHECKING, Any

from assignments.common.summary import duration, row
from data_tools.errors import KitError
from data_tools.files import places
from data_tools.language import lines, said

if TYPE_CHECKING:
    from paddle_models.trainer.trial import Needs

FEW = 30  # steps of a training that is not worth a trial
SPARE = 1.15  # times what was estimated: memory is cut into pieces with time
GB = 1e9


class Tried(Exception):
    """A dry run has said what it had to say."""


def look_before(work: Any, settings: Any, preset: str, folder: Any, dry_run: bool, anyway: bool) -> None:
    """Let the RunFolder say before its first step what the run needs; KitError where that does not fit, unless
    `anyway`; Tried after it in a dry run. A few steps are not worth a trial but for a dry run."""
    def look(trainer: Any, found: Any) -> None:
        from data_tools.machine import free_memory
        from paddle_models.trainer import distributed
        from paddle_models.trainer.progress import resident_mb, say
        from paddle_models.trainer.trial import measure

        if distributed.world() > 1 or trainer.total_steps < FEW and not dry_run:
            return
        rest = free_memory()
        free = math.inf if rest is None or trainer.device != "cpu" else rest + resident_mb() * 2**20
        room = shutil.disk_usage(places.nearest(folder.path)).free
        needs = measure(trainer, free)
        say("\n".join([*_block(work, settings, preset, trainer, needs, free, room), *unused_real(work, found)]))
        wrong = too_much(trainer, needs, free, room)
        if wrong and not (anyway or dry_run):
            raise KitError(_paragraph(f"{wrong} {said('--anyway starts it all the same.')}"))
        if dry_run:
            raise Tried(_paragraph(wrong))

    folder.on_ready = look


def dry_run(work: Any, settings: Any, preset: str, device: str) -> int:
    """Say what a run will be and need, from its first steps; nothing is written, and nothing is trained."""
    from paddle_models.trainer.progress import say
    from paddle_models.trainer.run_folder import RunFolder
    from paddle_models.trainer.settings import TrainerSettings

    if not isinstance(settings, TrainerSettings):
        raise KitError(f"{work.name} is not trained step by step: there is no step to try; its presets say what it "
                       "needs (`list`)")
    folder = RunFolder(places.runs() / work.name, writer=False)
    look_before(work, settings, preset, folder, dry_run=True, anyway=False)
    try:
        work.train(settings, folder, device, False)
    except Tried as tried:
        say(str(tried) or "it fits; without --dry-run it starts")
    return 0


def too_much(trainer: Any, needs: "Needs", free: float, room: float) -> str:
    """Why a training does not fit into memory or onto the disk, and what would; "" where it does."""
    parts, batch = trainer.micro_batches, needs.batch
    if SPARE * needs.memory(parts) > free:
        fit = needs.parts_that_fit(free / SPARE, parts)
        reason = said(f"a step with {math.ceil(batch / parts)} images at once needs about {_gb(needs.memory(parts))} "
                      f"of memory, and {_gb(free)} are free: this run does not start.")
        if fit is None:
            advice = said("Not even one image at a time would fit: take smaller images, or a smaller network.")
            return f"{reason} {advice}"
        norm = said(f" (BatchNorm then takes its statistics over {batch // fit} images, not over {batch // parts}, so "
                    "the result is not quite the same)") if _has_batch_norm(trainer) else ""
        advice = said(f"What would fit: --accumulate {fit}, by which a batch of {batch} passes in {fit} parts "
                      f"and needs about {_gb(needs.memory(fit))}{norm}; or --batch_size {batch // fit}, "
                      "which is another training.")
        return f"{reason} {advice}"
    if needs.disk > room:
        return said(f"the checkpoints of this run need {_gb(needs.disk)} of disk and {_gb(room)} are free where it "
                    "would lie: it does not start. Make room (`runs clean`), or choose another place with --out.")
    return ""


def unused_real(work: Any, found: Any) -> list[str]:
    """Lines on real data that lie where the work looks for them, while others are used."""
    told = []
    for what, search in work.searched().items() if getattr(found, "origin", "real") != "real" else ():
        try:
            data = search()
        except KitError:
            continue
        if data and data.origin != "drawn" and str(data.path) != str(found.path):
            told += [*row("not used", f"real data, {what}: {data.path}"),
                     *row("", "--data with that folder takes them; so does a fuller preset")]
    return told


def _block(work: Any, settings: Any, preset: str, trainer: Any, needs: "Needs", free: float, room: float) -> list[str]:
    """Network, preset and machine, memory, time, disk: a label and a text each."""
    from data_tools.machine import cores, memory
    from paddle_models.networks.parts import count_parameters
    from paddle_models.tasks.complexity import multiply_adds
    from paddle_models.trainer import runtime
    from paddle_models.trainer.settings import read_presets

    network = next(iter(trainer.task.networks.values()))
    made = read_presets(work.folder / "presets.yaml").get(preset, {"hardware": "-", "time": "-"})
    products = multiply_adds(network, (1, *work.input_shape(settings)))
    steps = trainer.total_steps
    seconds = min(steps * needs.seconds, 60 * (settings.max_minutes or math.inf))
    parts = [("network", f"{said(work.describe(settings))}: {count_parameters(network) / 1e6:.3g} M parameters, "
                         f"{products / 1e9:.3g} G multiply-adds for an input"),
             ("preset", f"{preset}, made for {made['hardware']}: {made['time']}"),
             ("here", f"{runtime.describe(trainer.device)}; {cores()} cores, {_gb(memory()[1] or memory()[0])}"),
             ("memory", f"about {_gb(needs.memory(trainer.micro_batches))}"
                        + (f" of {_gb(free)} that are free" if free < math.inf else "")),
             ("time", f"about {duration(seconds)} for {steps} steps, besides validation"),
             ("disk", f"about {_gb(needs.disk)} for checkpoints, of {_gb(room)} that are free")]
    return [line for label, text in parts for line in row(label, text)]


def _has_batch_norm(trainer: Any) -> bool:
    return any("BatchNorm" in type(layer).__name__ for network in trainer.task.networks.values()
               for layer in network.sublayers())


def _paragraph(text: str) -> str:
    """As wide as a terminal, after the word `error: `."""
    return lines(text, first=" " * 7).strip()


def _gb(count: float) -> str:
    return f"{count / GB:.1f} GB"
