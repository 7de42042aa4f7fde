"""What this machine offers the kit: versions, device, threads, memory, room, fonts, and the data of each work."""

import logging
import shutil
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from assignments.common.command_line import add_command
from assignments.common.works import work_names, work_of
from data_tools.errors import KitError
from data_tools.files import places
from data_tools.files.places import expand

PACKAGES = ("paddlepaddle", "paddlepaddle-gpu", "paddleclas", "numpy", "opencv-python", "imaug", "matplotlib",
            "visualdl")
SHARED = Path("/dev/shm")
GB = 2**30


def add_to(commands: Any) -> None:
    """The command."""
    add_command(commands, "doctor", lambda _: examine(), examine)


def examine() -> int:
    """What this machine offers the kit, a line per finding; status 1 when the kit cannot train here."""
    found = {name: _version(name) for name in PACKAGES}
    print(f"python     {sys.version.split()[0]}")
    for name, number in found.items():
        print(f"{name:17}{number or 'absent'}")
    if found["paddlepaddle"] and found["paddlepaddle-gpu"]:
        print("error: both the CPU and the GPU wheel of Paddle are installed; they overwrite each other: uninstall "
              "both, "
              "then install one", file=sys.stderr)
        return 1
    if not (found["paddlepaddle"] or found["paddlepaddle-gpu"]):
        print("error: Paddle is absent: pip install -r requirements.txt", file=sys.stderr)
        return 1
    from data_tools.batches.loader import fit_workers
    from data_tools.machine import cores, memory
    from paddle_models.fast.fast_layers import accelerate
    from paddle_models.trainer import runtime
    from paddle_models.weights.zoo import build_model
    from reports.figures.style import find_cjk_font

    print(f"device           {runtime.describe(runtime.start('auto'))}")
    print(f"fast layers      {accelerate(build_model('mobilenet_v2', 10)).reason}")
    print(f"cores            {cores()}")
    print(f"loader workers   {fit_workers(None)}")
    total, limit = memory()
    allowed = f", {limit / GB:.1f} GB of them for this process" if limit else ""
    print(f"memory           {f'{total / GB:.1f} GB' if total else 'not told'}{allowed}")
    print(f"/dev/shm         {_room(SHARED) if SHARED.is_dir() else 'absent'}")
    print(f"free disk        {shutil.disk_usage('.').free / GB:.1f} GB here")
    for name, folder in (("KIT_CACHE", places.cache()), ("KIT_RUNS", places.runs())):
        print(f"{name:17}{folder}, {_room(folder)}")
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # a font-cache notice would go to standard error
    print(f"Chinese font     {find_cjk_font() or 'none found: figures fall back to English'}")
    print("\n".join(data_found()))
    return 0


def data_found() -> list[str]:
    """The data that each work finds without --data, a line each."""
    lines = []
    for name in work_names():
        try:
            searched = work_of(name).searched()
        except KitError as error:
            lines.append(f"{name:16} cannot be taken: {error}")
            continue
        lines += [f"{what:16} {_data(find)}" for what, find in searched.items()]
    return lines


def summary() -> list[str]:
    """Python, Paddle, device and the data, in few lines."""
    from data_tools.machine import cores
    from paddle_models.environment import paddle_version
    from paddle_models.trainer import runtime

    versions = ".".join(map(str, paddle_version()))
    return [f"Python {sys.version.split()[0]}, Paddle {versions}, {cores()} cores, "
            f"{runtime.describe(runtime.start('auto'))}", *data_found()]


def _data(find: Callable[[], Any]) -> str:
    """Where the data lie that a work finds without --data, and what they are; or why it finds none."""
    try:
        data = find()
    except KitError as error:
        return f"unusable: {str(error).splitlines()[0]}"
    return f"{data.path} ({data.origin})" if data else "none: --data PATH (else pictures are drawn)"


def _room(folder: Path) -> str:
    """Size and free space of the disk on which a folder is, or will be."""
    folder = expand(folder).absolute()
    usage = shutil.disk_usage(next(there for there in (folder, *folder.parents) if there.exists()))
    return f"{usage.free / GB:.1f} of {usage.total / GB:.1f} GB free"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
