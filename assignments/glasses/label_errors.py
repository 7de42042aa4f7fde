"""Suspected label errors by cross-validated confidence: python assignments/glasses/label_errors.py --preset sample

All labelled images are divided into folds; each fold is judged by a network trained on the others. A label is suspect
where the network is surer of the other class than it is, on average, of images that carry that class's label (confident
learning, Northcutt et al., arXiv 1911.00068). Finished folds are kept: the same command goes on where it was
interrupted.
"""

import argparse
import csv
import io
import json
import sys
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from assignments.common.command_line import tells_errors
from assignments.common.splits import Splits
from assignments.glasses.run import WORK, GlassesSettings
from assignments.glasses.trainings import base_settings, changed, continued, goes_on_later
from data_tools.errors import KitError

FOLDS, CHOOSE = 5, 0.1  # CHOOSE: share of the images trained on that chooses the best epoch instead
PICTURES = 12  # most suspicious ones that are kept as pictures
WRONG = "wrong label"  # of GlassesData.planted; "uncertain" ones have no wrong label


@dataclass(frozen=True)
class Together:
    """Several stores as one, in memory; as a store for the loader."""

    images: Any
    labels: Any
    names: tuple[str, ...]
    sets: tuple[Any, ...]
    fingerprint: str

    def __len__(self) -> int:
        return len(self.names)

    def decode(self, row: int):
        """The original image, (H, W, 3) uint8."""
        images = next(images for images in self.sets if self.names[row] in images.names)
        return images.decode(images.names.index(self.names[row]))


def together(splits: Splits) -> Together:
    """Training, validation and test images, all of which have labels."""
    import hashlib

    import numpy as np

    parts = [splits.training, splits.chooser, splits.test]
    glasses = splits.found
    return Together(np.concatenate([np.asarray(part.images[np.arange(len(part))]) for part in parts]),
                    np.concatenate([part.labels for part in parts]),
                    tuple(name for part in parts for name in part.names),
                    (glasses.training, glasses.validation, glasses.test),
                    hashlib.sha256("".join(part.fingerprint for part in parts).encode()).hexdigest())


def folds_of(labels, folds: int, seed: int):
    """Fold of each image, int64 (N,): every fold gets its share of both classes. KitError where a class is too
    small."""
    import numpy as np

    rng, fold = np.random.default_rng(seed), np.zeros(len(labels), np.int64)
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        if len(members) < folds:
            raise KitError(f"--folds {folds}: only {len(members)} images carry the label {label}; take at most "
                           f"{len(members)}")
        fold[members] = np.arange(len(members)) % folds
    return fold


def confident_errors(labels, probabilities):
    """Rows whose label is suspect, the least credible label first.

    labels: 0 or 1 (N,), both there. probabilities: of 1 (N,), from networks that have not seen the image. The threshold
    of a class is the mean probability of that class over the images labelled so; an image counts for the class that is
    beyond its threshold, of two the likelier, and is suspect where that is not its label.
    """
    import numpy as np

    both = np.stack([1 - probabilities, probabilities], axis=1)  # (N, 2)
    thresholds = np.array([both[labels == label, label].mean() for label in (0, 1)])
    beyond = both >= thresholds
    counts_for = np.where(beyond.all(axis=1), both.argmax(axis=1), beyond.argmax(axis=1))
    suspects = np.flatnonzero(beyond.any(axis=1) & (counts_for != labels))
    credible = both[suspects, labels[suspects]]
    return suspects[np.argsort(credible, kind="stable")]


def precision_and_recall(suspects: Sequence[str], wrong: Sequence[str]) -> tuple[float | None, float | None]:
    """Share of suspects that are wrong, share of the wrong that are suspect; None where there is nothing to share."""
    found = len(set(suspects) & set(wrong))
    return found / len(suspects) if suspects else None, found / len(wrong) if wrong else None


def judge_fold(number: int, fold, store: Together, settings: GlassesSettings, folder: Path, device: str):
    """Probabilities of the images of a fold (float32, in their order) by a network trained on the others."""
    import numpy as np

    from data_tools.batches.loader import hold_out
    from data_tools.files.atomic import atomic_path
    from data_tools.sets.near_duplicates import groups_in
    from paddle_models.trainer.run_folder import RunFolder

    rows, others = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
    file = folder / f"fold-{number}.npz"
    if file.is_file():
        try:
            with np.load(file, allow_pickle=False) as stored:
                if np.array_equal(stored["rows"], rows) and str(stored["fingerprint"]) == store.fingerprint:
                    return stored["probabilities"]
        except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error) as error:
            raise KitError(f"{file} is damaged ({error}); delete it, then repeat the command") from None
        raise KitError(f"{file} belongs to other images; choose another --out, or delete it")
    kept, held = hold_out(store.labels[others], CHOOSE, settings.seed, groups_in(store)[others])
    with RunFolder(folder / f"fold-{number}") as run:
        splits = Splits(store, store, store, (others[kept], others[held]))
        trainer = WORK.fit(settings, splits, run, device, resume=run.begun)
        found, _ = trainer.evaluate(trainer.data.in_order(store, rows))
        with atomic_path(file) as temporary, open(temporary, "wb") as opened:
            np.savez_compressed(opened, rows=rows, probabilities=found["probabilities"],
                                fingerprint=np.array(store.fingerprint))
        run.last.unlink(missing_ok=True)
    return found["probabilities"]


def find(preset: str, folds: int, seed: int, out: Path | None, rest: Sequence[str]) -> int:
    """Judge every fold, then write suspects.csv, suspects.npz and result.json."""
    settings = changed(base_settings(preset, rest), {"seed": seed}, "settings")
    if folds < 2:
        raise KitError(f"--folds {folds}: at least 2 are needed")
    import numpy as np

    from paddle_models.trainer import runtime
    from paddle_models.trainer.progress import say
    from paddle_models.trainer.settings import to_dict

    plan = {"preset": preset, "folds": folds, "seed": seed, "rest": list(rest), "settings": to_dict(settings)}
    out = continued("label_errors", plan, out)

    device = runtime.start(settings.device)
    splits = WORK.splits(settings)
    store = together(splits)
    fold = folds_of(store.labels, folds, seed)
    probabilities = np.zeros(len(store), np.float32)
    say(f"glasses, {folds} folds of {len(store)} labelled images, folder {out}")
    for number in range(folds):
        say(f"-- fold {number + 1} of {folds}")
        probabilities[fold == number] = judge_fold(number, fold, store, settings, out, device)
    print(write(out, preset, splits.found, store, probabilities, confident_errors(store.labels, probabilities)))
    return 0


def write(out: Path, preset: str, glasses, store: Together, probabilities, suspects) -> str:
    """The three files; returns what was found in words."""
    import numpy as np

    from data_tools.files.atomic import atomic_path, write_atomically
    from data_tools.packed.store import resize

    listed = [{"name": store.names[row], "label": int(store.labels[row]),
               "probability": round(float(probabilities[row]), 6)}
              for row in suspects]
    known = set(store.names)
    planted = {name: kind for name, kind in glasses.planted.items() if name in known}
    wrong = [name for name, kind in planted.items() if kind == WRONG]
    names = [entry["name"] for entry in listed]
    precision, recall = precision_and_recall(names, wrong) if wrong else (None, None)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("image", "label", "probability", *(["planted"] if planted else [])))
    writer.writerows((*entry.values(), *([planted.get(entry["name"], "")] if planted else [])) for entry in listed)
    write_atomically(out / "suspects.csv", text.getvalue().encode())
    top = suspects[:PICTURES]
    pictures = [resize(store.decode(row), 160) for row in top] or np.zeros((0, 160, 160, 3), np.uint8)
    with atomic_path(out / "suspects.npz") as temporary, open(temporary, "wb") as opened:
        np.savez_compressed(opened, images=np.asarray(pictures), names=np.array(names[:PICTURES], dtype="U"),
                            labels=store.labels[top], probabilities=probabilities[top])
    write_atomically(out / "result.json", (json.dumps({
        "assignment": "glasses", "preset": preset, "complete": True, "origin": glasses.origin, "n": len(store),
        "accuracy": float(((probabilities >= 0.5) == (store.labels > 0)).mean()), "suspects": listed,
        "precision": precision,
        "recall": recall, "planted": {kind: list(planted.values()).count(kind)
                                      for kind in sorted(set(planted.values()))}},
        indent=1) + "\n").encode())
    measured = f"; of {len(wrong)} planted ones: precision {precision or 0:.2f}, recall {recall:.2f}" if wrong else ""
    return f"{len(listed)} of {len(store)} labels are suspect{measured}\nwritten to {out}"


@tells_errors
@goes_on_later
def main(argv: Sequence[str] | None = None) -> int:
    """The command line; 2 for an error that the user can mend, 130 when it was stopped."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     allow_abbrev=False)
    parser.add_argument("--preset", default="sample", help="settings to start from, as in run.py (default: sample)")
    parser.add_argument("--folds", type=int, default=FOLDS,
                        help=f"parts that the images are divided into (default: {FOLDS})")
    parser.add_argument("--seed", type=int, default=0, help="of the folds and of every training (default: 0)")
    parser.add_argument("--out", type=Path, help="folder (default: the unfinished one of this command, else a new one)")
    options, rest = parser.parse_known_args(argv)
    return find(options.preset, options.folds, options.seed, options.out, rest)


if __name__ == "__main__":
    sys.exit(main())
