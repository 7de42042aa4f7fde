"""Where a run computes: device, threads, and what it says about them."""

import ctypes
import os
import platform

import paddle

from data_tools.errors import KitError
from paddle_models import environment
from paddle_models.environment import threads
from paddle_models.fast import onednn
from paddle_models.trainer import distributed

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # malloc.h


def start(device: str, count: int | None = None) -> str:
    """Choose the device ("auto", "cpu" or "gpu"), join the other ranks; returns "cpu" or "gpu:N".

    count: threads to compute with, None for the usual number.
    """
    environment.use_threads(count)
    gpus = paddle.device.cuda.device_count() if paddle.is_compiled_with_cuda() else 0
    if device == "gpu" and not gpus:
        raise KitError("--device gpu: this Paddle sees no GPU; install requirements-gpu.txt on a machine with one, "
                       "or use --device cpu")
    chosen = f"gpu:{distributed.rank() % gpus}" if gpus and device != "cpu" else "cpu"
    paddle.set_device(chosen)
    # Paddle's handler of SIGTERM and the like asks malloc for memory, and waits for ever where malloc was interrupted.
    paddle.disable_signal_handler()
    # Not through OMP_NUM_THREADS: Paddle warns on standard error when it finds that variable above 1.
    paddle.base.core.set_num_threads(threads())
    # Set by `import paddle`: processes that are started from here would take it for the user's wish.
    if environment.USER_THREADS is None or count is not None:
        os.environ.pop("OMP_NUM_THREADS", None)
    if chosen == "cpu":
        onednn.set_threads(threads())
        keep_memory()
    distributed.initialize()
    return chosen


def describe(device: str) -> str:
    """One line for people: "cpu, 2 threads" or the GPU's name."""
    if device.startswith("gpu"):
        return f"{device}, {paddle.device.cuda.get_device_name(int(device.split(':')[1]))}"
    return f"cpu, {threads()} threads"


def keep_memory() -> None:
    """Let malloc keep what is freed, instead of giving it back to the system after each large tensor.

    A training step frees and allocates the same sizes again and again; fresh pages from the system cost several times
    what a simple kernel takes (ReLU on 8x256x56x56: 10.2 ms, then 1.0 ms). The process holds its peak until it ends.
    A user's own malloc settings are left alone, as are other C libraries than glibc.
    """
    theirs = [name for name in os.environ if name.startswith("MALLOC_") or name in ("GLIBC_TUNABLES", "LD_PRELOAD")]
    if theirs or platform.libc_ver()[0] != "glibc":
        return
    libc = ctypes.CDLL(None)
    libc.mallopt(M_MMAP_MAX, 0)
    libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
