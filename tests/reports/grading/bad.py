"""Bad submissions: make_bad(kind, good, out) makes one of each kind of EXPECTED from a good, sealed run folder.

Works for run folders of any assignment; the tests use tests/reports/grading/toy.py.
"""

import io
import json
import os
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import yaml

from paddle_models.weights.files import load_weights, save_weights, sha256_of_weights
from reports.grading.seal import write_seal
from tests.reports.grading.bad_zips import FORMULA, WEIGHTS, ZIPS

INCOMPLETE, EDITED, REPRODUCED = "incomplete", "edited after the run", "reproduced"
EXPECTED = {  # {kind of bad submission: (kind of problem, "" for none; verdict)}
    "pickle": ("pickle", INCOMPLETE), "old-pickle": ("pickle", INCOMPLETE), "torch-zip": ("pickle", INCOMPLETE),
    "pdparams": ("pickle", INCOMPLETE), "path-escape": ("path-escape", INCOMPLETE),
    "backslash-escape": ("path-escape", INCOMPLETE), "absolute-path": ("absolute-path", INCOMPLETE),
    "drive-letter": ("absolute-path", INCOMPLETE), "symlink-in-zip": ("symlink", INCOMPLETE),
    "symlink-in-folder": ("symlink", INCOMPLETE), "symlink-itself": ("symlink", INCOMPLETE),
    "linked-folder": ("symlink", INCOMPLETE), "device-in-zip": ("special-file", INCOMPLETE),
    "pipe-in-folder": ("special-file", INCOMPLETE), "duplicate": ("duplicate", INCOMPLETE),
    "encrypted": ("encrypted", INCOMPLETE), "long-name": ("long-name", INCOMPLETE),
    "zip-bomb": ("zip-bomb", INCOMPLETE),
    "overlapping-bomb": ("zip-bomb", INCOMPLETE), "too-many-files": ("too-many-files", INCOMPLETE),
    "damaged-zip": ("damaged-zip", INCOMPLETE), "no-zip": ("damaged-zip", INCOMPLETE),
    "empty": ("not-a-run", INCOMPLETE),
    "two-runs": ("not-a-run", INCOMPLETE), "missing": ("missing", INCOMPLETE),
    "wrong-shapes": ("wrong-shapes", INCOMPLETE),
    "not-finite": ("not-finite", INCOMPLETE), "huge-header": ("huge-header", INCOMPLETE),
    "truncated": ("truncated", INCOMPLETE), "overlapping-weights": ("bad-weights", INCOMPLETE),
    "yaml-tags": ("yaml-tags", INCOMPLETE), "yaml-aliases": ("yaml-aliases", INCOMPLETE),
    "yaml-deep": ("yaml-deep", INCOMPLETE), "yaml-number": ("bad-yaml", INCOMPLETE),
    "deep-json": ("bad-json", INCOMPLETE),
    "metrics-too-large": ("metrics-too-large", INCOMPLETE),
    "metrics-too-large-in-zip": ("metrics-too-large", INCOMPLETE),
    "object-arrays": ("bad-arrays", INCOMPLETE), "claimed-arrays": ("bad-arrays", INCOMPLETE),
    "other-assignment": ("other-assignment", INCOMPLETE), "result-edited": ("seal-broken", EDITED),
    "result-edited-resealed": ("inconsistent", EDITED), "metrics-edited": ("inconsistent", EDITED),
    "other-weights": ("weights-differ", EDITED), "predictions-forged": ("predictions-differ", EDITED),
    "drawn-as-real": ("drawn-as-real", EDITED), "formulas": ("", REPRODUCED), "formula-settings": ("", REPRODUCED)}


def make_bad(kind: str, good: Path, out: Path, canary: Path | None = None) -> Path:
    """The bad submission `kind` in the folder `out`, made from the run folder `good`; returns the path to hand in.

    canary: a file that the payload of a pickle, or a path that climbs out, would write.
    """
    out.mkdir(parents=True, exist_ok=True)
    canary = canary or out / "canary"
    if kind in ZIPS:
        return ZIPS[kind](good, out, canary)
    run = shutil.copytree(good, out / "run")
    if kind in _FOLDERS:
        return _FOLDERS[kind](run, canary) or run
    _EDITS[kind](run)
    write_seal(run)  # forged: only what contradicts itself shows
    return run


def payload(canary: Path) -> bytes:
    """A pickle that would write a file when it is loaded."""
    return b"\x80\x02cposix\nsystem\nX" + _sized(f"touch '{canary}'") + b"\x85R."


def _sized(text: str) -> bytes:
    return struct.pack("<I", len(text.encode())) + text.encode()


# ---- folders


def _replace_weights(content: Callable[[Path], bytes]) -> Callable[[Path, Path], None]:
    def make(run: Path, canary: Path) -> None:
        (run / WEIGHTS).write_bytes(content(canary))

    return make


def _torch_zip(canary: Path) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", payload(canary))
    return stream.getvalue()


def _pdparams(run: Path, canary: Path) -> None:
    (run / WEIGHTS).unlink()
    (run / "checkpoints" / "best.pdparams").write_bytes(payload(canary))


def _link(run: Path, _: Path) -> None:
    (run / "environment.json").unlink()
    (run / "environment.json").symlink_to("/etc/passwd")


def _link_folder(run: Path, _: Path) -> None:
    shutil.move(run / "checkpoints", run.parent / "elsewhere")
    (run / "checkpoints").symlink_to(run.parent / "elsewhere")


def _pipe(run: Path, _: Path) -> None:
    (run / "metrics.jsonl").unlink()
    os.mkfifo(run / "metrics.jsonl")


def _large_metrics(run: Path, _: Path) -> None:
    os.truncate(run / "metrics.jsonl", 1 << 30)  # 1 GB that take no room


def _edit_result(run: Path, _: Path | None = None) -> None:
    result = json.loads((run / "result.json").read_text())
    name = next(iter(result["metrics"]))
    result["metrics"][name]["value"] = result["metrics"][name]["value"] + 0.11
    (run / "result.json").write_text(json.dumps(result))


_FOLDERS: dict[str, Callable[[Path, Path], Path | None]] = {
    "pickle": _replace_weights(payload), "torch-zip": _replace_weights(_torch_zip), "pdparams": _pdparams,
    "old-pickle": _replace_weights(lambda canary: f"cposix\nsystem\n(S'touch {canary}'\ntR.".encode()),
    "huge-header": _replace_weights(lambda _: struct.pack("<Q", 10 << 30)), "symlink-in-folder": _link,
    "linked-folder": _link_folder, "pipe-in-folder": _pipe, "metrics-too-large": _large_metrics,
    "result-edited": _edit_result}


# ---- edits, with a forged seal


def _weights(change: Callable[[dict[str, np.ndarray]], None], tell: bool = True) -> Callable[[Path], None]:
    """Other weights; result.json gets their sum unless told not to."""
    def make(run: Path) -> None:
        arrays, metadata = load_weights(run / WEIGHTS)
        change(arrays)
        save_weights(run / WEIGHTS, arrays, metadata)
        if tell:
            _json(run, weights_sha256=sha256_of_weights(arrays))

    return make


def _json(run: Path, file: str = "result.json", **values) -> None:
    content = json.loads((run / file).read_text())
    (run / file).write_text(json.dumps({**content, **values}))


def _wider(arrays: dict[str, np.ndarray]) -> None:
    name = next(name for name, array in arrays.items() if array.ndim >= 2)
    arrays[name] = np.concatenate([arrays[name], arrays[name]], axis=1)


def _nan(arrays: dict[str, np.ndarray]) -> None:
    array = next(array for array in arrays.values() if array.dtype.kind == "f")
    array.reshape(-1)[0] = np.nan


def _other(arrays: dict[str, np.ndarray]) -> None:
    array = next(array for array in arrays.values() if array.dtype.kind == "f")
    array.reshape(-1)[0] += 0.001


def _truncate(run: Path) -> None:
    os.truncate(run / WEIGHTS, (run / WEIGHTS).stat().st_size - 10)


def _overlap(run: Path) -> None:
    entry = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}
    header = json.dumps({"a": entry, "b": {**entry, "data_offsets": [8, 24]}}).encode()
    (run / WEIGHTS).write_bytes(struct.pack("<Q", len(header)) + header + bytes(24))


def _config(text: Callable[[str], str]) -> Callable[[Path], None]:
    def make(run: Path) -> None:
        file = run / "config.yaml"
        file.write_text(text(file.read_text()))

    return make


def _alias_bomb(text: str) -> str:
    levels = (f"  {new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi"))
    return text + "bomb:\n  a: &a [x, x]\n" + "".join(levels)


def _deep_json(run: Path) -> None:
    (run / "result.json").write_text('{"a": ' + "[" * 60_000 + "]" * 60_000 + "}")


def _arrays(change: Callable[[dict[str, np.ndarray]], None]) -> Callable[[Path], None]:
    def make(run: Path) -> None:
        with np.load(run / "predictions.npz", allow_pickle=False) as archive:
            arrays = dict(archive)
        change(arrays)
        np.savez_compressed(run / "predictions.npz", **arrays)

    return make


def _claimed_arrays(run: Path) -> None:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<f8", "fortran_order": False, "shape": (1 << 40,)})
    with zipfile.ZipFile(run / "predictions.npz", "w") as archive:
        archive.writestr("probabilities.npy", stream.getvalue() + bytes(64))


def _forge(arrays: dict[str, np.ndarray]) -> None:
    """Another confidence, the same classes: only the weights tell."""
    for name, array in arrays.items():
        if array.dtype.kind == "f":
            arrays[name] = array * np.float32(0.5)


def _metrics_edited(run: Path) -> None:
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    for row in rows:
        row.update({key: value + 0.05 for key, value in row.items() if key.startswith("val/")})
    (run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def _other_assignment(run: Path) -> None:
    config = yaml.safe_load((run / "config.yaml").read_text())
    (run / "config.yaml").write_text(yaml.safe_dump({**config, "assignment": "astronomy"}))
    _json(run, assignment="astronomy")


def _drawn_as_real(run: Path) -> None:
    config = yaml.safe_load((run / "config.yaml").read_text())
    config["settings"]["data"] = "sample"
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    _json(run, origin="real")


def _formula_settings(run: Path) -> None:
    config = yaml.safe_load((run / "config.yaml").read_text())
    (run / "config.yaml").write_text(yaml.safe_dump({**config, "preset": FORMULA, "command": FORMULA}))
    _json(run, preset=FORMULA, data=FORMULA, stopped="\x1b[2J" + FORMULA)


_EDITS: dict[str, Callable[[Path], None]] = {
    "missing": lambda run: (run / "result.json").unlink(), "wrong-shapes": _weights(_wider),
    "not-finite": _weights(_nan),
    "other-weights": _weights(_other, tell=False), "truncated": _truncate, "overlapping-weights": _overlap,
    "yaml-tags": _config(lambda text: text + "x: !!python/object/apply:os.system ['true']\n"),
    "yaml-aliases": _config(_alias_bomb), "yaml-deep": _config(lambda text: text + "x: " + "[" * 100 + "]" * 100
                                                               + "\n"),
    "yaml-number": _config(lambda text: text + "x: 0x" + "f" * 5000 + "\n"), "deep-json": _deep_json,
    "object-arrays": _arrays(lambda arrays: arrays.update(evil=np.array([{}], dtype=object))),
    "claimed-arrays": _claimed_arrays, "result-edited-resealed": _edit_result, "predictions-forged": _arrays(_forge),
    "metrics-edited": _metrics_edited, "other-assignment": _other_assignment, "drawn-as-real": _drawn_as_real,
    "formula-settings": _formula_settings}
