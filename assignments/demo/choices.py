"""The networks that can be chosen for a tab: runs that were named, those that came with the kit, finished runs."""

from collections.abc import Sequence
from pathlib import Path

from assignments.common.export import BEST
from assignments.common.runs import find_run
from assignments.common.works import work_names
from data_tools.files import places
from paddle_models.trainer.run_folder import run_date
from reports.figures.words import Words
from reports.run_reader import peek

MOST = 30  # finished runs, the newest

Choices = list[tuple[str, str]]  # what is shown, and a run folder, a file or a name


def named_runs(targets: Sequence[str]) -> dict[str, list[Path]]:
    """{work: run folders} of folders, or works whose newest run is meant; KitError for what is no finished run."""
    found: dict[str, list[Path]] = {}
    for target in targets:
        run, name = find_run(target, work_names(), ["result.json", BEST])
        found.setdefault(name, []).append(run)
    return found


def choices(name: str, named: Sequence[Path], t: Words) -> Choices:
    """Those of a work, the first of which is taken unless somebody chooses another."""
    runs = [*named, *(run for run in _finished(name) if run not in named)]
    of_runs = [(_shown(run, t), str(run)) for run in runs]
    return [*of_runs[:len(named)], *_of_kit(name, t), *of_runs[len(named):]]


def _finished(name: str) -> list[Path]:
    files = [file for file in (places.runs() / name).glob("*/result.json") if (file.parent / BEST).is_file()]
    return [file.parent for file in sorted(files, key=run_date, reverse=True)[:MOST]]


def _shown(run: Path, t: Words) -> str:
    drawn = peek(run / "result.json", "origin") == "drawn"
    return t("drawn_run" if drawn else "run", name=run.name)


def _of_kit(name: str, t: Words) -> Choices:
    """Weights that came along, of works whose network is asked with a file."""
    from assignments.common.pretrained import FOLDER

    files = sorted(FOLDER.glob(f"{name}*.safetensors"), reverse=True)
    if name != "swift_srgan":
        return [(t("kit", name=file.stem.removeprefix(f"{name}_")), str(file)) for file in files]
    from assignments.swift_srgan.generators import BLEND, KIT, kit_weights

    there = [kind for kind in KIT if kit_weights(kind) in files]
    return [(t(f"kit_{kind}"), kind) for kind in ([BLEND] if len(there) == len(KIT) else []) + there]
