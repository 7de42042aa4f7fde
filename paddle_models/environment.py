"""Process settings that must be in place before Paddle is imported: threads, oneDNN, warnings.

A value that the user has set in the environment always wins. (A 1 in OMP_NUM_THREADS under paddle.distributed.launch is
not the user's: the launcher has imported Paddle, which sets it.)
"""

import importlib.metadata
import os
import sys
import warnings
import zlib  # noqa: F401  Paddle 2.6.2 carries its own zlib symbols; loaded first, they break Python's zlib

from data_tools.machine import cores

# Read before Paddle is imported, which sets the variable to 1 where it is absent.
USER_THREADS = None if "paddle" in sys.modules else os.environ.get("OMP_NUM_THREADS")
if USER_THREADS == "1" and "PADDLE_LOCAL_SIZE" in os.environ:  # paddle.distributed.launch has imported Paddle
    USER_THREADS = None


def paddle_version() -> tuple[int, ...]:
    """Installed Paddle version as integers, (0,) when Paddle is absent; Paddle itself is not imported."""
    for name in ("paddlepaddle", "paddlepaddle-gpu"):
        try:
            return tuple(int(part) for part in importlib.metadata.version(name).split(".")[:3] if part.isdigit())
        except importlib.metadata.PackageNotFoundError:
            continue
    return (0,)


def _is_amd() -> bool:
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            text = file.read(20_000)
    except OSError:
        return False
    return "AuthenticAMD" in text and " avx2 " in text


def prepare() -> None:
    """Set what Paddle reads at import; without effect on a Paddle that is already imported."""
    if "paddle" in sys.modules:
        return
    if "OMP_WAIT_POLICY" not in os.environ:
        # Paddle brings several OpenMP runtimes; waiting threads that spin take the cores from those that compute.
        os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
        # But the runtime that oneDNN uses may spin for a millisecond: waking up costs more than most operations.
        os.environ.setdefault("KMP_BLOCKTIME", "1")
    if _is_amd():  # Paddle's MKL dates from 2019 and takes its slowest path on a CPU that is not Intel's
        os.environ.setdefault("MKL_DEBUG_CPU_TYPE", "5")  # AVX2; matrix products twice as fast
    os.environ.setdefault("GLOG_minloglevel", "2")
    warnings.filterwarnings("ignore", message="No ccache found")
    warnings.filterwarnings("ignore", message="When training, we now always track global mean and variance")


def use_threads(count: int | None) -> None:
    """Compute with that many threads, whatever threads() would say; None leaves it as it is."""
    global USER_THREADS
    if count is not None:
        USER_THREADS = str(count)


def threads() -> int:
    """Threads to compute with: those of use_threads, else OMP_NUM_THREADS where the user has set it, else this
    process's share of the cores."""
    if USER_THREADS and USER_THREADS.isdigit():
        return int(USER_THREADS)
    processes = os.environ.get("PADDLE_LOCAL_SIZE", "1")  # of paddle.distributed.launch on this machine
    return max(1, cores() // max(1, int(processes) if processes.isdigit() else 1))
