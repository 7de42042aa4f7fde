"""Suspected label errors by cross-validated confidence: python assignments/glasses/label_errors.py --preset sample

As `python -m assignments label_errors` does it for every classifier; of the drawn set, whose wrong labels are known, it
also says how many of them were found.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from assignments.common.command_line import tells_errors
from assignments.common.confident import precision_and_recall
from assignments.common.continuing import goes_on_later
from assignments.common.label_errors import (
    Examined,
    examine,
    parser,
    say_what_was_found,
    write_list,
    write_result,
)
from assignments.glasses.run import WORK

PICTURES, SIDE = 12, 160  # most suspicious ones that are kept as pictures for the figure; pixels of each
WRONG = "wrong label"  # of GlassesData.planted; "uncertain" ones have no wrong label


@tells_errors
@goes_on_later
def main(argv: Sequence[str] | None = None) -> int:
    """The command line; 2 for an error that the user can mend, 130 when it was stopped."""
    options, rest = parser().parse_known_args(argv)
    out, examined = examine(WORK, options, rest)
    known = set(examined.store.names)
    planted = {name: kind for name, kind in examined.found.planted.items() if name in known}
    wrong = [name for name, kind in planted.items() if kind == WRONG]
    names = [examined.store.names[suspect.row] for suspect in examined.suspects]
    precision, recall = precision_and_recall(names, wrong) if wrong else (None, None)
    write_list(out, examined, {"planted": [planted.get(name, "") for name in names]} if planted else None)
    _write_pictures(out, examined)
    kinds = {kind: list(planted.values()).count(kind) for kind in sorted(set(planted.values()))}
    write_result(out, {**_numbers(options.preset, examined), "precision": precision, "recall": recall,
                       "planted": kinds})
    say_what_was_found(examined, out, f"; of {len(wrong)} planted ones: precision {precision or 0:.2f}, recall "
                                      f"{recall:.2f}" if wrong else "")
    return 0


def _write_pictures(out: Path, examined: Examined) -> None:
    """suspects.npz: the first suspects, for figures.py."""
    import numpy as np

    from data_tools.files.atomic import atomic_path

    top = examined.suspects[:PICTURES]
    rows = [suspect.row for suspect in top]
    pictures = [examined.picture(suspect, SIDE) for suspect in top] or np.zeros((0, SIDE, SIDE, 3), np.uint8)
    with atomic_path(out / "suspects.npz") as temporary, open(temporary, "wb") as opened:
        np.savez_compressed(opened, images=np.asarray(pictures), labels=examined.store.labels[rows],
                            names=np.array([examined.store.names[row] for row in rows], dtype="U"),
                            probabilities=examined.probabilities[rows])


def _numbers(preset: str, examined: Examined) -> dict:
    """What result.json says of every set."""
    labels, probabilities = examined.store.labels, examined.probabilities
    listed = [{"name": examined.store.names[suspect.row], "label": suspect.given,
               "probability": round(float(probabilities[suspect.row]), 6)} for suspect in examined.suspects]
    return {"assignment": WORK.name, "preset": preset, "complete": True, "origin": examined.found.origin,
            "n": len(labels), "accuracy": float(((probabilities >= 0.5) == (labels > 0)).mean()), "suspects": listed}


if __name__ == "__main__":
    sys.exit(main())
