"""A batch on its way into the networks: the random state of its step, its parts, its tensors."""

import random

import numpy as np
import paddle

from paddle_models.trainer import distributed


def seed_everything(seed: int, step: int) -> None:
    """All global random states as a function of seed, step and rank: nothing else has to be saved."""
    word = int(np.random.SeedSequence((seed, step, distributed.rank())).generate_state(1)[0])
    random.seed(word)
    np.random.seed(word)
    paddle.seed(word)


def split(batch: dict[str, np.ndarray], parts: int) -> list[dict[str, np.ndarray]]:
    """At most `parts` micro-batches of nearly equal size."""
    parts = min(parts, len(batch["index"]))
    pieces = {key: np.array_split(values, parts) for key, values in batch.items()}
    return [{key: values[i] for key, values in pieces.items()} for i in range(parts)]


def tensors(batch: dict[str, np.ndarray]) -> dict[str, paddle.Tensor]:
    """NumPy arrays as Paddle tensors on the current device."""
    return {key: paddle.to_tensor(values) for key, values in batch.items()}
