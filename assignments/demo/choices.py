"""The networks that can be chosen for a tab: runs that were named, weights that came with the kit, finished runs."""

from collections.abc import Sequence
from pathlib import Path

from assignments.common.export import BEST
from assignments.common.runs import find_run
from assignments.common.works import work_names
from reports.figures.words import Words
from reports.run_list import Listed, runs_of

MOST = 30  # finished runs under runs/

Choices = list[tuple[str, str]]  # what is shown, and a run folder, a file or a name


def named_runs(targets: Sequence[str]) -> dict[str, list[Path]]:
    """{work: run folders} of folders, or works whose best run is meant; KitError for what is no finished run."""
    found: dict[str, list[Path]] = {}
    for target in targets:
        run, name = find_run(target, work_names(), ["result.json", BEST])
        found.setdefault(name, []).append(run)
    return found


def choices(name: str, named: Sequence[Path], t: Words) -> Choices:
    """Those of a work, the first of which is taken unless somebody chooses another: of its finished runs the one that
    stands for the work goes before the others."""
    finished = sorted((run for run in runs_of(name) if run.finished and (run.path / BEST).is_file()
                       and run.path not in named), key=lambda run: run.rank, reverse=True)
    first, last = ([(_shown(run, t), str(run.path)) for run in runs]
                   for runs in ([Listed(path, name) for path in named], finished[:MOST]))
    return [*first, *_of_kit(name, t), *last]


def _shown(run: Listed, t: Words) -> str:
    return t("drawn_run" if run.origin == "drawn" else "run", name=run.path.name)


def _of_kit(name: str, t: Words) -> Choices:
    """Weights that came along, of works whose network is asked with a file."""
    from assignments.common.pretrained import FOLDER

    files = sorted(FOLDER.glob(f"{name}*.safetensors"), reverse=True)
    if name != "swift_srgan":
        return [(t("kit", name=file.stem.removeprefix(f"{name}_")), str(file)) for file in files]
    from assignments.swift_srgan.generators import BLEND, KIT, kit_weights

    there = [kind for kind in KIT if kit_weights(kind) in files]
    return [(t(f"kit_{kind}"), kind) for kind in ([BLEND] if len(there) == len(KIT) else []) + there]
