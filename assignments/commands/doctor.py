"""What this machine offers the kit, and what keeps it from working: OK, warning or FAILURE, with what to do."""

import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import astuple
from functools import partial
from pathlib import Path
from typing import Any

from assignments.common.command_line import add_command, speaks
from assignments.common.health import FAILURE, OK, WARNING, Finding, installed_version, packages
from assignments.common.interpreter import which_python
from assignments.common.surroundings import data_of_works
from data_tools.files import places
from data_tools.files.places import PROJECT_ROOT, short_path
from data_tools.language import lines, said, show
from data_tools.terminal import padded

PACKAGES = ("paddleclas", "numpy", "opencv-python", "imaug", "matplotlib", "visualdl")
SHARED = Path("/dev/shm")
GB = 2**30
LEVEL, WHAT = 9, 16  # columns
PATIENCE = 120  # seconds for Paddle
LITTLE_DISK, NO_DISK, LITTLE_MEMORY = 5.0, 0.5, 3.0  # GB


def add_to(commands: Any) -> None:
    """The command."""
    speaks(add_command(commands, "doctor", lambda _: examine(), examine))


def examine() -> int:
    """What this machine offers the kit, a line per finding; status 1 when the kit cannot train here."""
    failed = _tell(packages)
    computing = None if failed else started()
    for check in (versions, opencv, machine_found, disks, font, data_of_works):
        failed |= _tell(check)
    if computing:
        failed |= _tell(partial(computed, computing))
    if failed:
        show("the kit cannot train here: see FAILURE above")
    return int(failed)


def _tell(check: Callable[[], list[Finding]]) -> bool:
    """Print what a check finds; True where a run would fail. A check that fails is a finding itself."""
    name = getattr(check, "__name__", "Paddle").replace("_", " ")
    try:
        found = check()
    except ModuleNotFoundError as error:
        found = [Finding(FAILURE, name, which_python(error.name or str(error)))]
    except Exception as error:  # whatever a half-installed package may raise
        found = [Finding(FAILURE, name, f"{type(error).__name__}: {error}")]
    for each in found:
        head = f"{padded(said(each.level), LEVEL)}{padded(said(each.what), WHAT)} "
        print(lines(" ".join(each.text.split()), head, " " * (LEVEL + WHAT + 1)), flush=True)
    return any(each.level == FAILURE for each in found)


def versions() -> list[Finding]:
    """Of what people ask for first."""
    return [Finding(OK, name, found) for name in PACKAGES if (found := installed_version(name))]


def opencv() -> list[Finding]:
    """Whether it starts and resizes."""
    import cv2
    import numpy as np

    side = cv2.resize(np.zeros((4, 4, 3), np.uint8), (2, 2)).shape[0]
    return [Finding(OK if side == 2 else FAILURE, "OpenCV starts", cv2.__version__)]


def started() -> subprocess.Popen:
    """What has to do with Paddle, in a process of its own, which a Paddle that is not whole may end; the other checks
    are made meanwhile."""
    words = [sys.executable, "-W", "ignore", "-c", "from assignments.commands.doctor import compute; compute()"]
    return subprocess.Popen(words, cwd=PROJECT_ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def compute() -> None:
    """Paddle's own check, and what it computes with, as a last line of JSON."""
    import paddle_models  # noqa: F401  sets the environment before Paddle is imported

    import paddle  # isort: skip

    paddle.utils.run_check()
    found = [Finding(OK, "Paddle's check", "passed"), *device()]
    print("\n" + json.dumps([astuple(each) for each in found]), flush=True)


def computed(process: subprocess.Popen) -> list[Finding]:
    """What that process has found."""
    try:
        out, errors = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return [Finding(FAILURE, "Paddle's check", f"no answer in {PATIENCE} s")]
    if process.returncode:
        last = (errors.strip().splitlines() or ["ended without a word"])[-1]
        return [Finding(FAILURE, "Paddle's check", f"{last}: install Paddle anew")]
    return [Finding(*each) for each in json.loads(out.splitlines()[-1])]


def device() -> list[Finding]:
    """Where it computes, and whether its wheel knows that GPU; the fast layers."""
    from data_tools.batches.loader import fit_workers
    from paddle_models.environment import paddle_version
    from paddle_models.fast.fast_layers import accelerate
    from paddle_models.trainer import runtime
    from paddle_models.weights.zoo import build_model

    chosen = runtime.start("auto")
    found = [Finding(OK, "device", runtime.describe(chosen))]
    if chosen.startswith("gpu"):
        import paddle

        capability = paddle.device.cuda.get_device_capability()
        known = paddle_version() >= (3,) or (6, 1) <= capability <= (8, 6)
        found.append(Finding(OK if known else FAILURE, "GPU", f"compute capability {capability[0]}.{capability[1]}" + (
            "" if known else ": this wheel knows 6.1 to 8.6; take 3.x from Paddle's own index, see README")))
    return [*found, Finding(OK, "fast layers", accelerate(build_model("mobilenet_v2", 10)).reason),
            Finding(OK, "loader workers", str(fit_workers(None)))]


def machine_found() -> list[Finding]:
    """Cores, memory, shared memory."""
    from data_tools.machine import cores, memory

    total, limit = memory()
    allowed = f", {limit / GB:.1f} GB of them for this process" if limit else ""
    little = 0 < (limit or total) < LITTLE_MEMORY * GB
    more = "; little: take small images and --accumulate" if little else ""
    return [Finding(OK, "cores", str(cores())),
            Finding(WARNING if little else OK, "memory",
                    f"{f'{total / GB:.1f} GB' if total else 'not told'}{allowed}{more}"),
            Finding(OK, "/dev/shm", _room(SHARED) if SHARED.is_dir() else "absent")]


def disks() -> list[Finding]:
    """Room and the right to write where runs and caches lie, or will."""
    found = []
    for name, folder in (("KIT_CACHE", places.cache()), ("KIT_RUNS", places.runs())):
        there = places.nearest(folder)
        free = shutil.disk_usage(there).free / GB
        level, advice = OK, ""
        if not os.access(there, os.W_OK):
            level, advice = FAILURE, f"; nobody may write there: {name}=FOLDER names another place"
        elif free < LITTLE_DISK:
            level = FAILURE if free < NO_DISK else WARNING
            advice = f"; make room (`runs clean`), or {name}=FOLDER names another place"
        found.append(Finding(level, name, f"{short_path(folder)}, {_room(folder)}{advice}"))
    return found


def font() -> list[Finding]:
    """For Chinese figures."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # a font-cache notice would go to standard error
    from reports.figures.fonts import find_cjk_font

    found = find_cjk_font()
    return [Finding(OK if found else WARNING, "Chinese font", str(found or "none found: figures fall back to English; "
                                                                 "apt-get install fonts-wqy-microhei"))]


def _room(folder: Path) -> str:
    """Size and free space of the disk on which a folder is, or will be."""
    usage = shutil.disk_usage(places.nearest(folder))
    return f"{usage.free / GB:.1f} of {usage.total / GB:.1f} GB free"
