"""Several processes (GPUs or machines) that were started by `python -m paddle.distributed.launch ... run.py`.

Gradients are averaged after the backward pass in one fused all-reduce rather than through paddle.DataParallel: a task
with several losses (a GAN) and gradient accumulation then need no special care, and one process is the same code.
"""

import os
from collections.abc import Iterable

import numpy as np
import paddle
from paddle import distributed, nn

from data_tools.errors import KitError


def rank() -> int:
    """This process's number, 0 to world() - 1."""
    return int(os.environ.get("PADDLE_TRAINER_ID", "0"))


def world() -> int:
    """Number of processes that train together."""
    return int(os.environ.get("PADDLE_TRAINERS_NUM", "1"))


def initialize() -> None:
    """Join the other processes; without effect when there is one."""
    if world() > 1 and not distributed.is_initialized():
        distributed.init_parallel_env()


def broadcast_weights(tensors: Iterable[paddle.Tensor]) -> None:
    """Give all ranks the tensors of rank 0."""
    if world() > 1:
        for tensor in tensors:
            distributed.broadcast(tensor, src=0)


def synchronise_batch_norm(network: nn.Layer, device: str) -> nn.Layer:
    """The same network with BatchNorm statistics taken over all ranks.

    KitError on a CPU, where Paddle cannot, and for frozen statistics, which would be taken from the batches again.
    """
    if not device.startswith("gpu"):
        raise KitError("--sync_batch_norm true: Paddle synchronises BatchNorm on GPUs only, not on "
                       f"{device}; leave it out")
    if any(getattr(layer, "_use_global_stats", None) for layer in network.sublayers(include_self=True)):
        raise KitError("--sync_batch_norm true: the BatchNorm statistics of this network are frozen (--train head), so "
                       "there is nothing to synchronise; leave it out")
    return nn.SyncBatchNorm.convert_sync_batchnorm(network)


@paddle.no_grad()
def average_gradients(parameters: list[paddle.Tensor]) -> None:
    """Replace each gradient by its mean over all ranks: one all-reduce for each data type.

    All ranks run the same task, so the same parameters have gradients on each.
    """
    if world() == 1:
        return
    by_type: dict[str, list] = {}
    for parameter in parameters:
        if parameter.grad is not None:
            by_type.setdefault(str(parameter.dtype), []).append(parameter)
    for group in by_type.values():
        flat = paddle.concat([parameter.grad.reshape([-1]) for parameter in group])
        distributed.all_reduce(flat)
        flat = flat / world()
        parts = paddle.split(flat, [int(np.prod(parameter.shape)) for parameter in group])
        for parameter, part in zip(group, parts):
            paddle.assign(part.reshape(parameter.shape), parameter.grad)


def gather_rows(rows: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Rows of all ranks, sorted by "index", each sample once (ranks repeat samples to fill the last batch)."""
    if world() > 1:
        gathered: list[dict[str, np.ndarray]] = []
        distributed.all_gather_object(gathered, rows)
        rows = {key: np.concatenate([part[key] for part in gathered]) for key in rows}
    _, first = np.unique(rows["index"], return_index=True)
    return {key: values[first] for key, values in rows.items()}


def any_rank(flag: bool) -> bool:
    """True on all ranks when it is true on one."""
    if world() == 1:
        return flag
    total = paddle.to_tensor([1.0 if flag else 0.0])
    distributed.all_reduce(total)
    return float(total) > 0


def from_first_rank(text: str) -> str:
    """The text of rank 0 on all ranks."""
    if world() == 1:
        return text
    texts = [text]
    distributed.broadcast_object_list(texts, src=0)
    return texts[0]


def barrier() -> None:
    """Wait for the other ranks."""
    if world() > 1:
        distributed.barrier()
