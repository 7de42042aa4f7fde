"""The seal of a run: files.json, {name: SHA-256} of its files, written last.

It shows honest mistakes and clumsy edits. Who edits a file can also write a new seal, so consistency.py looks further.
"""

import json
import re
from pathlib import Path

from data_tools.errors import BadFile
from data_tools.files.atomic import file_sha256, write_atomically

SEAL = "files.json"
SEALED = ("config.yaml", "environment.json", "metrics.jsonl", "result.json", "predictions.npz", "artifacts.npz",
          "checkpoints/best.safetensors")
_LIMIT = 64 << 10  # bytes of files.json


def write_seal(run: Path) -> None:
    """Write files.json of a finished run folder; the last thing that a run does."""
    sums = {name: file_sha256(run / name) for name in SEALED if (run / name).is_file()}
    write_atomically(Path(run) / SEAL, (json.dumps(sums, indent=2) + "\n").encode())


def check_seal(run: Path) -> list[str] | None:
    """Names of the files that differ from the seal, None without a seal; files that are not there are not compared.

    BadFile("bad-json") for a files.json that is no seal.
    """
    run = Path(run)
    if not (run / SEAL).is_file():
        return None
    with open(run / SEAL, "rb") as stream:
        content = stream.read(_LIMIT + 1)
    try:
        sums = json.loads(content) if len(content) <= _LIMIT else None
    except (ValueError, RecursionError):
        sums = None
    if not isinstance(sums, dict) or not all(_is_sum(value) for value in sums.values()):
        raise BadFile("bad-json", f"{SEAL} is not a seal: expected file names with SHA-256 sums")
    return [name for name in SEALED if (run / name).is_file() and sums.get(name) != file_sha256(run / name)]


def _is_sum(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value) is not None
