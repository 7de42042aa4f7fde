"""A tiny glasses set in the Kaggle layout (noise with a dark bar where there are glasses: easy on purpose), and a real
kill."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from data_tools.files.places import PROJECT_ROOT


def write_set(folder: Path, labelled: int = 60, unlabelled: int = 6, side: int = 40,
              flipped: tuple[int, ...] = ()) -> Path:
    """Images face-1.png ... below a doubled folder, train.csv, test.csv; odd ids wear glasses, labels of `flipped` are
    wrong."""
    images = folder / "faces-spring-2020" / "faces-spring-2020"
    images.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(1, labelled + unlabelled + 1):
        pixels = rng.integers(120, 250, (side, side, 3), dtype=np.uint8)
        if number % 2:
            pixels[side * 2 // 5:side * 3 // 5, side // 5:-side // 5] = rng.integers(0, 60)
        Image.fromarray(pixels).save(images / f"face-{number}.png")
    rows = (f"{number},0.5,{number % 2 if number not in flipped else 1 - number % 2}"
            for number in range(1, labelled + 1))
    (folder / "train.csv").write_text("\n".join(["id,v1,glasses", *rows]) + "\n")
    (folder / "test.csv").write_text("\n".join(["id,v1",
                                                *(f"{n},0.5" for n in range(labelled + 1, labelled + unlabelled + 1))]))
    return folder


KILLED = """
import importlib, os, signal, sys
import paddle_models
from paddle_models.trainer.loop import Trainer

name, left, *words = sys.argv[1:]
finish, left = Trainer._finish_epoch, [int(left)]

def finish_or_die(trainer):
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    finish(trainer)

Trainer._finish_epoch = finish_or_die
sys.exit(importlib.import_module(name).main(words))
"""


def run_killed(module: str, words: list[str], epoch: int) -> None:
    """main(words) of a module in a process of its own, which is killed at the end of that epoch of all (1 is the
    first)."""
    done = subprocess.run([sys.executable, "-c", KILLED, module, str(epoch), *words], capture_output=True, text=True,
                          timeout=200,
                          cwd=PROJECT_ROOT, env=dict(os.environ))
    assert done.returncode == -signal.SIGKILL, done.stderr
