"""The settings `without` and `training_share`: images that are left out of training."""

import csv
import dataclasses
import hashlib
import io
from pathlib import Path

from assignments.common.splits import Splits
from data_tools.errors import KitError
from data_tools.files.places import expand

COLUMN, LARGEST = "file", 64 << 20  # bytes


def leave_out(splits: Splits, list_file: str) -> Splits:
    """The splits without the training images that the list names; those that choose and those that judge stay.

    The hold-out is drawn before, so that it is the same with and without the list. KitError where the list is none, no
    training image is in it, or none of a class is left.
    """
    import numpy as np

    from data_tools.files.names import shown
    from paddle_models.trainer.progress import say

    named = read_names(expand(list_file))
    store = splits.training
    rows = np.arange(len(store)) if splits.rows[0] is None else splits.rows[0]
    stays = np.array([shown(store.names[row]) not in named for row in rows], bool)
    count = int((~stays).sum())
    if not count:
        raise KitError(f"setting without: none of the files that {list_file} names is trained on; names are "
                       f"those of suspects.csv, as {shown(store.names[rows[0]])}")
    _check_classes(store.labels, rows, stays, list_file)
    say(f"  {count} training images that {list_file} names are left out; images that choose or judge stay")
    digest = hashlib.sha256("\n".join(sorted(shown(store.names[row]) for row in rows[~stays])).encode()).hexdigest()
    return dataclasses.replace(splits, rows=(rows[stays], splits.rows[1]),
                               left_out={"list": Path(list_file).name, "images": count, "sha256": digest})


def keep_share(splits: Splits, share: float, seed: int) -> Splits:
    """The splits with a share of the training rows, of each class alike, at least one; smaller shares with the same
    seed are parts of larger ones. Those that choose and those that judge stay."""
    import numpy as np

    from paddle_models.trainer.progress import say

    rows = np.arange(len(splits.training)) if splits.rows[0] is None else splits.rows[0]
    labels = splits.training.labels[rows]
    classes = labels if labels.ndim == 1 else np.zeros(len(rows), np.int64)
    rng, kept = np.random.default_rng(seed), np.zeros(len(rows), bool)
    for label in np.unique(classes):
        members = rng.permutation(np.flatnonzero(classes == label))
        kept[members[:max(1, round(share * len(members)))]] = True
    say(f"  {int(kept.sum())} of {len(rows)} training images are trained on ({share:.0%})")
    return dataclasses.replace(splits, rows=(rows[kept], splits.rows[1]))


def _check_classes(labels, rows, stays, list_file: str) -> None:
    """KitError where the list leaves no image of a class, or none at all."""
    import numpy as np

    gone = np.setdiff1d(labels[rows], labels[rows[stays]]) if labels.ndim == 1 else np.zeros(0)
    if not stays.any() or len(gone):
        which = f"of the label {gone[0]} " if len(gone) else ""
        raise KitError(f"setting without: {list_file} leaves no image {which}to train on; strike out of the list what "
                       "is labelled right")


def read_names(file: Path) -> frozenset[str]:
    """The column `file` of a .csv as programs for tables write it: UTF-8 or GBK, with commas, semicolons or tabs.

    Some names are good in both, as other names: both are taken, and those that no image has do no harm.
    """
    try:
        with open(file, "rb") as opened:
            content = opened.read(LARGEST + 1)
    except OSError as error:
        raise KitError(f"setting without: {file} cannot be read ({error.strerror}); give the suspects.csv that "
                       "`python -m assignments label_errors NAME` writes") from None
    if len(content) > LARGEST:
        raise KitError(f"setting without: {file} is larger than {LARGEST >> 20} MB; a list of images is not")
    tables = [rows for code in ("utf-8-sig", "gb18030") if COLUMN in (rows := _rows(content, code))[0]]
    if not tables:
        raise KitError(f"setting without: {file} has no column {COLUMN!r} in its first line, which suspects.csv has")
    return frozenset(row[header.index(COLUMN)] for header, *rows in tables for row in rows
                     if len(row) > header.index(COLUMN)) - {""}


def _rows(content: bytes, code: str) -> list[list[str]]:
    """The header, names without spaces around them, and the lines; [[]] where it is no table in this code."""
    try:
        text = content.decode(code)
        head = text.partition("\n")[0]
        header, *rows = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=head.count))
    except (ValueError, csv.Error):
        return [[]]
    return [[cell.strip() for cell in header], *rows]
