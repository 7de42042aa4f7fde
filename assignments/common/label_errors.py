"""Suspected label errors of a classifier, by cross-validated confidence: python -m assignments label_errors NAME

All labelled images are divided into folds; each fold is judged by a network trained on the others. A label is suspect
where the network is surer of another class than it is, on average, of images that carry that class's label (confident
learning, Northcutt et al., arXiv 1911.00068). Written are suspects.csv and suspects.html, a page to look at; strike out
of the list what is labelled right, and train with --without suspects.csv. Finished folds are kept: the same command
goes on where it was interrupted.
"""

import argparse
import csv
import io
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

from assignments.common.command_line import speaks, tells_errors
from assignments.common.confident import Suspect, find_suspects, folds_of
from assignments.common.continuing import base_settings, continued, goes_on_later
from assignments.common.splits import Splits
from data_tools.errors import KitError
from data_tools.files.places import short_path
from data_tools.language import language, said, show
from data_tools.terminal import joined

if TYPE_CHECKING:
    import numpy as np

    from data_tools.packed.joined import JoinedStore

FOLDS, CHOOSE = 5, 0.1  # CHOOSE: share of the images trained on that chooses the best epoch instead
TOO_MANY = 0.3  # share of all labels; no data set is that wrong
COLUMNS = ("file", "given", "suggested", "margin")  # of suspects.csv


@dataclass(frozen=True)
class Examined:
    """All labelled images of the data set `found` in one store, with probabilities (N, ...) from networks that have not
    seen them, and the labels in doubt. classes: names of the labels of each question."""

    found: Any
    store: "JoinedStore"
    probabilities: "np.ndarray"
    suspects: list[Suspect]
    classes: Sequence[Sequence[str]]

    def name(self, suspect: Suspect) -> str:
        """Of its image, as it may be shown."""
        from data_tools.files.names import shown

        return shown(self.store.names[suspect.row])

    def row(self, suspect: Suspect) -> tuple[str, str, str, str]:
        """The line of suspects.csv."""
        names = self.classes[suspect.output]
        return self.name(suspect), names[suspect.given], names[suspect.suggested], f"{suspect.margin:.4f}"

    def picture(self, suspect: Suspect, side: int) -> "np.ndarray":
        """(side, side, 3) uint8: of the original image where there is one, else of what is trained on."""
        from data_tools.files.image_set import ImageSet
        from data_tools.packed.store import resize

        name = self.store.names[suspect.row]
        for part in ("training", "validation", "test"):
            images = getattr(self.found, part, None)
            if isinstance(images, ImageSet) and name in images.names:
                return resize(images.decode(images.names.index(name)), side)
        return resize(self.store.images[suspect.row], side)


def parser() -> argparse.ArgumentParser:
    """The command line, but for the settings."""
    options = argparse.ArgumentParser(prog="label_errors", description=__doc__, allow_abbrev=False,
                                      formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--preset", default="sample", help="settings to start from, as in run.py (default: sample)")
    options.add_argument("--folds", type=int, default=FOLDS,
                         help=f"parts that the images are divided into (default: {FOLDS})")
    options.add_argument("--seed", type=int, default=0, help="of the folds and of every training (default: 0)")
    options.add_argument("--out", type=Path,
                         help="folder (default: the unfinished one of this command, else a new one)")
    options.add_argument("--margin", type=float, default=-1.0,
                         help="list only labels with at least this margin, as 0.8 (default: all)")
    options.add_argument("--of", nargs="+", metavar="ATTRIBUTE", help="list only these attributes (default: all)")
    return speaks(options, "language of the page")


@tells_errors
@goes_on_later
def main(work: Any, argv: Sequence[str] | None = None) -> int:
    """The command line; 2 for an error that the user can mend, 130 when it was stopped."""
    options, rest = parser().parse_known_args(argv)
    out, examined = examine(work, options, rest)
    say_what_was_found(examined, out, leaves_out="without" in {each.name for each in fields(work.settings)})
    result = {"assignment": work.name, "preset": options.preset, "complete": True, "origin": examined.found.origin,
              "n": len(examined.store), "suspects": len(examined.suspects),
              "images": len({suspect.row for suspect in examined.suspects})}
    write_result(out, result)
    return 0


def examine(work: Any, options: argparse.Namespace, rest: Sequence[str]) -> tuple[Path, Examined]:
    """(folder, what was found): judges every fold, writes suspects.csv and suspects.html."""
    if not (work.labelled and work.has_network):
        raise KitError(f"{work.name} tells no classes apart: it has no labels to doubt")
    settings = replace(base_settings(work, options.preset, rest), seed=options.seed)
    if options.folds < 2:
        raise KitError(f"--folds {options.folds}: at least 2 are needed")
    unknown = sorted({*(options.of or ())} - {*work.classes, *work.outputs})
    if unknown:
        raise KitError(f"--of {unknown[0]}: {work.name} has no such attribute")
    import numpy as np

    from data_tools.sets.near_duplicates import groups_in
    from paddle_models.trainer import runtime
    from paddle_models.trainer.progress import say
    from paddle_models.trainer.settings import to_dict

    plan = {"preset": options.preset, "folds": options.folds, "seed": options.seed, "rest": list(rest),
            "settings": to_dict(settings)}
    out = continued(f"{work.name}_label_errors", plan, options.out)
    device = runtime.start(settings.device, settings.threads)
    work.check(settings)
    splits = work.splits(settings)
    store = together(splits)
    groups = groups_in(store)
    fold, parts = folds_of(store.labels, options.folds, options.seed, groups), []
    say(joined([said(f"{work.name}, {options.folds} folds of {len(store)} labelled images"),
                said(f"folder {short_path(out)}")]))
    for number in range(options.folds):
        say(f"-- fold {number + 1} of {options.folds}")
        parts.append(_judge_fold(work, number, fold, splits.found, store, groups, settings, out, device))
    probabilities = np.zeros((len(store), *parts[0].shape[1:]), np.float32)
    for number, part in enumerate(parts):
        probabilities[fold == number] = part
    classes = class_names(work, splits.found, probabilities, store.labels)
    examined = Examined(splits.found, store, probabilities, [
        suspect for suspect in find_suspects(store.labels, probabilities)
        if suspect.margin >= options.margin and (not options.of or classes[suspect.output][-1] in options.of)], classes)
    write_list(out, examined)
    write_page(out, examined, work.name, language())
    return out, examined


def together(splits: Splits) -> "JoinedStore":
    """All images that have labels: training, validation and test."""
    from data_tools.packed.joined import JoinedStore

    labelled = {id(store): store for store in (splits.training, splits.chooser, splits.test)}
    return JoinedStore(tuple(labelled.values()))


def class_names(work: Any, found: Any, probabilities: "np.ndarray", labels: "np.ndarray") -> list[tuple[str, ...]]:
    """Names of the labels of each question."""
    named = work.classes_of(found)
    if labels.ndim == 2:
        return [(f"no {name}", str(name)) for name in named]
    if probabilities.ndim == 1:
        (name, *_) = work.outputs or named or ("present",)
        return [(f"no {name}", str(name))]
    return [tuple(map(str, named)) or tuple(map(str, range(probabilities.shape[1])))]


def _judge_fold(work: Any, number: int, fold: "np.ndarray", found: Any, store: "JoinedStore", groups: "np.ndarray",
                settings: Any, folder: Path, device: str) -> "np.ndarray":
    """Probabilities of the images of a fold (float32, in their order) by a network trained on the others."""
    import numpy as np

    from data_tools.batches.loader import hold_out
    from data_tools.files.atomic import atomic_path
    from paddle_models.trainer.run_folder import RunFolder

    rows, others = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
    file = folder / f"fold-{number}.npz"
    if file.is_file():
        return _finished_fold(file, rows, store.fingerprint)
    kept, held = hold_out(store.labels[others], CHOOSE, settings.seed, groups[others])
    with RunFolder(folder / f"fold-{number}") as run:
        splits = Splits(store, store, store, (others[kept], others[held]), found=found)
        trainer = work.fit(settings, splits, run, device, resume=run.begun)
        answers, _ = trainer.evaluate(trainer.data.in_order(store, rows))
        with atomic_path(file) as temporary, open(temporary, "wb") as opened:
            np.savez_compressed(opened, rows=rows, probabilities=answers["probabilities"],
                                fingerprint=np.array(store.fingerprint))
        run.last.unlink(missing_ok=True)
    return answers["probabilities"]


def _finished_fold(file: Path, rows: "np.ndarray", fingerprint: str) -> "np.ndarray":
    """The probabilities that were kept of a fold; KitError for a damaged file, or one of other images."""
    import numpy as np

    try:
        with np.load(file, allow_pickle=False) as stored:
            if np.array_equal(stored["rows"], rows) and str(stored["fingerprint"]) == fingerprint:
                return stored["probabilities"]
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error) as error:
        raise KitError(f"{file} is damaged ({error}); delete it, then repeat the command") from None
    raise KitError(f"{file} belongs to other images; choose another --out, or delete it")


def write_list(out: Path, examined: Examined, more: dict[str, Sequence[str]] | None = None) -> None:
    """suspects.csv; more: further columns, a value for each suspect."""
    from data_tools.files.atomic import write_atomically

    text, columns = io.StringIO(), more or {}
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((*COLUMNS, *columns))
    writer.writerows((*examined.row(suspect), *(values[number] for values in columns.values()))
                     for number, suspect in enumerate(examined.suspects))
    write_atomically(out / "suspects.csv", text.getvalue().encode())


def write_page(out: Path, examined: Examined, name: str, language: str) -> None:
    """suspects.html: the first suspects as pictures, all of them as a list that can be saved without the right ones."""
    from reports.pages.suspects import MOST, SIDE, write_suspects

    pictures = [examined.picture(suspect, SIDE) for suspect in examined.suspects[:MOST]]
    write_suspects(out / "suspects.html", name, [COLUMNS, *map(examined.row, examined.suspects)], pictures, language,
                   drawn=examined.found.origin == "drawn")


def write_result(out: Path, result: dict[str, Any]) -> None:
    """result.json, which says that the folder is complete."""
    from data_tools.files.atomic import write_atomically

    write_atomically(out / "result.json", (json.dumps(result, indent=1) + "\n").encode())


def say_what_was_found(examined: Examined, out: Path, more: str = "", leaves_out: bool = True) -> None:
    """Numbers, files and what to do next; leaves_out: the work has the setting `without`."""
    images = len({suspect.row for suspect in examined.suspects})
    labels = len(examined.store) * len(examined.classes)
    several = f" (in {images} images)" if len(examined.classes) > 1 else ""
    show(f"{len(examined.suspects)} of {labels} labels are suspect{several}{more}\n"
         f"written to {short_path(out)}\n"
         f"look at {short_path(out / 'suspects.html')}")
    if leaves_out:
        print(joined([said("strike out what is right, then train with"),
                      f"--without {short_path(out / 'suspects.csv')}"]))
    if len(examined.suspects) > TOO_MANY * labels:
        show("these are too many to be errors: the networks know too little; train longer, with another "
             "--preset")
