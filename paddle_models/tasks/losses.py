"""Losses and what changes their targets: cross entropy with label smoothing, binary cross entropy, mixup."""


import numpy as np
import paddle
import paddle.nn.functional as F


def cross_entropy(logits: paddle.Tensor, target: paddle.Tensor, smoothing: float = 0.0) -> paddle.Tensor:
    """Mean cross entropy over the batch, a scalar >= 0 in nats, in float32 whatever the type of the logits.

    logits: (N, C). target: class numbers, int (N,) in 0..C-1, or probabilities, float (N, C), as mixup gives.
    smoothing: share of the target spread evenly over all C classes (Szegedy et al., arXiv 1512.00567).
    """
    classes = logits.shape[1]
    with paddle.amp.auto_cast(enable=False):
        soft = target if target.is_floating_point() else F.one_hot(target, classes)
        soft = soft.astype("float32") * (1.0 - smoothing) + smoothing / classes
        logits = logits.astype("float32")
        log_p = logits - paddle.logsumexp(logits, axis=1, keepdim=True)  # Paddle's log_softmax stops at -64
        return -(soft * log_p).sum(axis=1).mean()


def binary_cross_entropy(logits: paddle.Tensor, target: paddle.Tensor, positive_weights: paddle.Tensor | None = None,
                         gamma: float = 0.0) -> paddle.Tensor:
    """Mean binary cross entropy over all entries, a scalar >= 0 in nats, in float32 whatever the type of the logits.

    logits, target: (N, K), targets in 0..1. positive_weights: (K,) or (1, K), factor of the term of the positives.
    gamma: exponent of the focal loss (Lin et al., arXiv 1708.02002), (1 - p of the right answer)^gamma; 0 = none.
    """
    with paddle.amp.auto_cast(enable=False):
        logits, target = logits.astype("float32"), target.astype("float32")
        if positive_weights is None:
            loss = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
        else:  # written out: with pos_weight, Paddle 2.6.2 leaves a part of it unweighted where a logit is negative
            loss = (1 - target) * logits + (1 + target * (positive_weights - 1)) * F.softplus(-logits)
        if gamma > 0:
            p = F.sigmoid(logits)
            loss = loss * (1 - p * target - (1 - p) * (1 - target)) ** gamma
        return loss.mean()


def mixup(batch: dict, alpha: float, rng: np.random.Generator, classes: int | None = None) -> dict:
    """Mix every sample of a batch with another one of it (Zhang et al., arXiv 1710.09412).

    batch: tensors "image" (N, ...) and "label", either int (N,), for which `classes` is needed, or float (N,
    K); other entries pass through. One weight for the batch is drawn from Beta(alpha, alpha); alpha 0 changes
    nothing. Returns a new dictionary with soft labels, float32 (N, classes) or (N, K). Equal states of `rng`
    give equal results.
    """
    if alpha <= 0:
        return batch
    weight = float(rng.beta(alpha, alpha))
    partner = paddle.to_tensor(rng.permutation(len(batch["image"])))
    label = batch["label"]
    if not label.is_floating_point():
        if classes is None:
            raise ValueError("integer labels are mixed over a number of classes, which is missing")
        label = F.one_hot(label, classes)
    return {**batch, "image": _mix(batch["image"], partner, weight), "label": _mix(label, partner, weight)}


def _mix(values: paddle.Tensor, partner: paddle.Tensor, weight: float) -> paddle.Tensor:
    return values * weight + values.gather(partner) * (1.0 - weight)
