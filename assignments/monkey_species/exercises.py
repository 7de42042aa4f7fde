"""The exercises of the monkeys: random inputs, and wrong versions of each function, by which mistakes are told."""

import numpy as np

from assignments.common.exercise_rows import Drawn, declare
from assignments.monkey_species.by_hand import classifier as c
from assignments.monkey_species.by_hand import scrutiny as s

Generator = np.random.Generator


def _image(rng: Generator) -> list:
    return [rng.integers(0, 256, (5, 4, 3)).astype(np.uint8)]


# ---- learning rates


def _steps(rng: Generator) -> list:
    return [rng.permutation(60)[:12], 10, 60, float(rng.uniform(0.1, 1)), float(rng.uniform(0.001, 0.05))]


def _beyond(rng: Generator) -> list:
    """Without warm-up, and after the end."""
    return [np.array([0, 20, 40, 41, 90]), 0, 40, float(rng.uniform(0.1, 1)), 0.01]


def _from_one(steps, warmup, total, base, lowest):
    return np.where(steps < warmup, base * (steps + 1) / max(1, warmup), c.learning_rates(steps, warmup, total, base,
                                                                                          lowest))


def _from_start(steps, warmup, total, base, lowest):
    late = c.learning_rates(steps, 0, total, base, lowest)
    return np.where(steps < warmup, c.learning_rates(steps, warmup, total, base, lowest), late)


def _to_zero(steps, warmup, total, base, lowest):
    return c.learning_rates(steps, warmup, total, base, 0.0)


def _whole_period(steps, warmup, total, base, lowest):
    progress = np.clip((steps - warmup) / max(1, total - warmup), 0, 1)
    falling = lowest + (base - lowest) * (1 + np.cos(2 * np.pi * progress)) / 2
    return np.where(steps < warmup, base * steps / max(1, warmup), falling)


def _too_slow(steps, warmup, total, base, lowest):
    return c.learning_rates(steps, warmup, total + warmup, base, lowest)


def _no_warmup(steps, warmup, total, base, lowest):
    return c.learning_rates(steps, 0, total - warmup, base, lowest)


# ---- loss


def _logits(rng: Generator, scale: float = 2.0) -> list:
    return [rng.normal(0, scale, (6, 5)), rng.integers(0, 5, 6), float(rng.uniform(0.05, 0.3))]


def _with_targets(targets):
    """The loss with other targets: of one-hot (N, C) and smoothing."""
    def loss(logits, labels, smoothing):
        log_p = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
        return float(-(targets(np.eye(logits.shape[1])[labels], smoothing) * log_p).sum(axis=1).mean())

    return loss


def _others_only(one_hot, smoothing):
    return one_hot * (1 - smoothing) + (1 - one_hot) * smoothing / (one_hot.shape[1] - 1)


# ---- when to stop


def _curves(rng: Generator) -> list:
    """Multiples of 1/64, so that a gain of exactly `least` is one however it is computed."""
    rising = np.linspace(0.3, 0.7, 30) + rng.integers(-6, 7, (8, 30)) / 20
    return [np.round(rising * 64) / 64, 4, 1 / 16]


def _with_nan(rng: Generator) -> list:
    curves, *more = _curves(rng)
    curves[:, 2:9] = np.nan
    curves[:, 12] = np.inf
    curves[0] = np.arange(30) / 32  # never stops
    return [curves, *more]


def _stops(accuracies, patience, least, late=0, reset=True, before=False, equal=False, falling=False, exactly=False):
    """stopping_epoch with what students change in it."""
    best, best_epoch, bad = -np.inf, 0, 0
    for epoch, accuracy in enumerate(-accuracies if falling else accuracies):
        if accuracy - best > (-1e-12 if equal else least - 1e-12 * exactly):
            best, best_epoch, bad = accuracy, epoch, 0 if reset else bad
            continue
        bad += 1
        if before:
            best = accuracy
        if bad >= patience + late:
            return epoch, best_epoch
    return len(accuracies) - 1, best_epoch


def _largest(accuracies, *more):
    last, _ = _stops(accuracies, *more)
    return last, int(accuracies[:last + 1].argmax())


# ---- residual block


def _block(rng: Generator) -> list:
    norms = [np.stack([rng.uniform(0.5, 1.5, n), rng.normal(0, 0.5, n)]) for n in (3, 3, 6)]
    return [rng.normal(0, 1, (2, 6, 5, 4)), rng.normal(0, 0.5, (3, 6, 1, 1)), rng.normal(0, 0.3, (3, 3, 3, 3)),
            rng.normal(0, 0.5, (6, 3, 1, 1)), *norms]


def _branch(x, w1, w2, w3, norm1, norm2, norm3, active=True):
    def act(v):
        return np.maximum(v, 0) if active else v

    return c.norm(c.convolve(act(c.norm(c.convolve(act(c.norm(c.convolve(x, w1), norm1)), w2), norm2)), w3), norm3)


def _without_norm(x, w1, w2, w3, *norms):
    return c.residual_block(x, w1, w2, w3, *(np.stack([np.ones(n.shape[1]), np.zeros(n.shape[1])]) for n in norms))


# ---- scrutiny


def _answers(rng: Generator) -> list:
    return [rng.integers(0, 4, 40), rng.integers(0, 4, 40), 4]


def _unused_class(rng: Generator) -> list:
    return [rng.integers(0, 3, 20), rng.integers(0, 3, 20), 6]


def _once(labels, predictions, classes):
    counts = np.zeros((classes, classes))
    counts[labels, predictions] += 1
    return counts


def _confusion(rng: Generator) -> list:
    return [rng.integers(1, 20, (5, 5)).astype(float)]


def _empty_class(rng: Generator) -> list:
    confusion = rng.integers(1, 20, (5, 5)).astype(float)
    confusion[2] = confusion[:, 2] = 0
    return [confusion]


def _shares(confusion):
    return np.diag(confusion) / confusion.sum(axis=0), np.diag(confusion) / confusion.sum(axis=1)


def _f1_of_means(confusion):
    precision, recall = (share.mean() for share in _shares(confusion))
    return 2 * precision * recall / (precision + recall)


def _weighted_f1(confusion):
    precision, recall = _shares(confusion)
    return float((2 * precision * recall / (precision + recall) * confusion.sum(axis=1)).sum() / confusion.sum())


def _grey(rng: Generator) -> list:
    terms = rng.normal(0, 0.5, (32, 32))
    terms[:8, :8] += rng.exponential(4, (8, 8))  # so that mean, median and the median of all are far apart
    return [s.cosines(32).T @ terms @ s.cosines(32)]


def _bits(terms, level=np.median):
    return (terms.ravel() > level(terms)).astype(np.int64)


def _terms(grey):
    return c_of(grey)[:8, :8]


def c_of(grey):
    """All cosine terms of an image."""
    return s.cosines(32) @ grey @ s.cosines(32).T


def _hashes(rng: Generator) -> list:
    hashes = rng.integers(0, 2, (9, 64))
    for row, (of, bits) in enumerate(((5, 6), (5, 7), (6, 3), (7, 0)), 1):
        hashes[row] = hashes[of]
        hashes[row, rng.permutation(64)[:bits]] ^= 1
    return [hashes[rng.permutation(9)], 6]


def _pairs(keep):
    def pairs(hashes, most):
        return np.argwhere(keep((hashes[:, None] != hashes[None]).sum(axis=-1), most))

    return pairs


def _maps(rng: Generator) -> list:
    speaks = rng.uniform(0.5, 1, 6) * (1, -1, 1, -1, 1, -1)  # for the class, against it
    return [rng.uniform(0, 1, (6, 4, 3)), rng.normal(0, 0.3, (6, 4, 3)) + speaks[:, None, None]]


def _against(rng: Generator) -> list:
    """Nothing speaks for the class."""
    return [rng.uniform(0, 1, (6, 4, 3)), -rng.uniform(0.1, 1, (6, 4, 3))]


def _heat(weigh, cut=True, scale=True):
    def heat(activations, gradients):
        found = weigh(activations, gradients)
        found = np.maximum(found, 0) if cut else found
        return found / found.max() if scale else found

    return heat


def _stretched(activations, gradients):
    found = _weighed(activations, gradients)
    return (found - found.min()) / np.ptp(found)


def _weighed(activations, gradients):
    return np.tensordot(gradients.mean(axis=(1, 2)), activations, axes=1)


FUNCTIONS = {
    "normalise": Drawn(_image, {
        "0-1": lambda i: np.moveaxis(i / 255.0, -1, 0),
        "last": lambda i: i / 127.5 - 1,
        "rows": lambda i: i.T / 127.5 - 1,
        "half": lambda i: np.moveaxis(i / 255.0 - 0.5, -1, 0),
        "by-128": lambda i: np.moveaxis(i / 128.0 - 1, -1, 0)}),
    "learning_rates": Drawn(_steps, {
        "from-one": _from_one,
        "from-start": _from_start,
        "to-zero": _to_zero,
        "whole-period": _whole_period,
        "too-slow": _too_slow,
        "no-warmup": _no_warmup}, _beyond),
    "smoothed_cross_entropy": Drawn(_logits, {
        "sharp": _with_targets(lambda one_hot, e: one_hot),
        "others-only": _with_targets(_others_only),
        "not-divided": _with_targets(lambda one_hot, e: one_hot * (1 - e) + e),
        "lost": _with_targets(lambda one_hot, e: one_hot * (1 - e)),
        "right-short": _with_targets(lambda one_hot, e: np.where(one_hot == 1, 1 - e, e / one_hot.shape[1])),
        "summed": lambda z, y, e: len(y) * c.smoothed_cross_entropy(z, y, e)}, lambda rng: _logits(rng, 2000.0)),
    "stopping_epoch": Drawn(_curves, {
        "any-gain": lambda *a: _stops(*a, equal=True),
        "late": lambda *a: _stops(*a, late=1),
        "no-reset": lambda *a: _stops(*a, reset=False),
        "before": lambda *a: _stops(*a, before=True),
        "falling": lambda *a: _stops(*a, falling=True),
        "exactly": lambda *a: _stops(*a, exactly=True),
        "largest": _largest,
        "swapped": lambda *a: _stops(*a)[::-1]}, _with_nan, "of_curves"),
    "residual_block": Drawn(_block, {
        "no-shortcut": lambda x, *a: np.maximum(_branch(x, *a), 0),
        "no-relu-after": lambda x, *a: _branch(x, *a) + x,
        "relu-before": lambda x, *a: np.maximum(_branch(x, *a), 0) + x,
        "no-norm": _without_norm,
        "linear": lambda x, *a: np.maximum(_branch(x, *a, active=False) + x, 0)}),
    "confusion_matrix": Drawn(_answers, {
        "exchanged": lambda y, p, n: s.confusion_matrix(p, y, n),
        "once": _once,
        "shares": lambda y, p, n: s.confusion_matrix(y, p, n) / len(y),
        "by-row": lambda y, p, n: s.confusion_matrix(y, p, n) / s.confusion_matrix(y, p, n).sum(axis=1, keepdims=True),
        "unused": lambda y, p, n: s.confusion_matrix(y, y, n)}, _unused_class, "counted"),
    "macro_f1": Drawn(_confusion, {
        "accuracy": lambda m: np.trace(m) / m.sum(),
        "of-means": _f1_of_means,
        "weighted": _weighted_f1,
        "recall": lambda m: float(_shares(m)[1].mean()),
        "precision": lambda m: float(_shares(m)[0].mean())}, _empty_class),
    "near_duplicates": Drawn(_hashes, {
        "below": _pairs(lambda d, most: np.triu(d < most, 1)),
        "itself": _pairs(lambda d, most: d <= most),
        "twice": _pairs(lambda d, most: (d <= most) & ~np.eye(len(d), dtype=bool)),
        "agree": lambda h, most: np.argwhere(np.triu((h[:, None] == h[None]).sum(axis=-1) <= most, 1)),
        "reversed": _pairs(lambda d, most: np.tril(d <= most, -1)),
        "equal": _pairs(lambda d, most: np.triu(d == 0, 1))}, driver="counted"),
    "perceptual_hash": Drawn(_grey, {
        "mean": lambda g: _bits(_terms(g), np.mean),
        "fastest": lambda g: _bits(c_of(g)[-8:, -8:]),
        "grey": lambda g: _bits(g.reshape(8, 4, 8, 4).mean(axis=(1, 3))),
        "one-way": lambda g: _bits((s.cosines(32) @ g)[:8, :8]),
        "columns": lambda g: _bits(_terms(g).T),
        "without-first": lambda g: _bits(_terms(g), lambda terms: np.median(terms.ravel()[1:])),
        "all-terms": lambda g: (c_of(g) > np.median(c_of(g))).astype(int)[:8, :8].ravel()}, driver="counted"),
    "grad_cam": Drawn(_maps, {
        "not-cut": _heat(_weighed, cut=False),
        "not-scaled": _heat(_weighed, scale=False),
        "not-averaged": _heat(lambda a, g: (a * g).sum(axis=0)),
        "cut-early": _heat(lambda a, g: np.maximum(a * g.mean(axis=(1, 2))[:, None, None], 0).sum(axis=0)),
        "stretched": _stretched,
        "no-gradients": _heat(lambda a, g: a.sum(axis=0)),
        "exchanged": _heat(lambda a, g: np.tensordot(a.mean(axis=(1, 2)), g, axes=1))}, _against),
}
EXERCISES = declare("monkey_species", FUNCTIONS)
