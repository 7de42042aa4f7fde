"""Where a run computes: device, threads, and what it says about them."""

import paddle

from data_tools.errors import KitError
from paddle_models.environment import threads
from paddle_models.trainer import distributed


def start(device: str) -> str:
    """Choose the device ("auto", "cpu" or "gpu"), join the other ranks; returns "cpu" or "gpu:N"."""
    gpus = paddle.device.cuda.device_count() if paddle.is_compiled_with_cuda() else 0
    if device == "gpu" and not gpus:
        raise KitError("--device gpu: this Paddle sees no GPU; install requirements-gpu.txt on a machine with one, "
                       "or use --device cpu")
    chosen = f"gpu:{distributed.rank() % gpus}" if gpus and device != "cpu" else "cpu"
    paddle.set_device(chosen)
    # Not through OMP_NUM_THREADS: Paddle warns on standard error when it finds that variable above 1.
    paddle.base.core.set_num_threads(threads())
    distributed.initialize()
    return chosen


def describe(device: str) -> str:
    """One line for people: "cpu, 2 threads" or the GPU's name."""
    if device.startswith("gpu"):
        return f"{device}, {paddle.device.cuda.get_device_name(int(device.split(':')[1]))}"
    return f"cpu, {threads()} threads"
