"""The exercises of the faces: random inputs, and wrong versions of each function, by which mistakes are told."""

import numpy as np

from assignments.common.exercise_rows import Drawn, declare
from assignments.face_attributes.by_hand import heads as h
from assignments.face_attributes.by_hand import imbalance as i

Generator = np.random.Generator
NAMES = ("Bald", "Bangs", "Big_Lips", "Blurry", "Chubby", "Eyeglasses", "Goatee", "Male", "Mustache", "Smiling",
         "Wavy_Hair", "Young")


# ---- heads


def _names(rng: Generator) -> list:
    order = [NAMES[number] for number in rng.permutation(len(NAMES))]
    cuts = np.sort(rng.choice(np.arange(1, len(NAMES)), 3, replace=False)).tolist()
    return [list(NAMES), [order[a:b] for a, b in zip([0, *cuts], [*cuts, len(NAMES)])]]


def _unsorted(attributes, regions):
    return h.mappings(attributes, [sorted(region) for region in regions])


def _within(attributes, regions):
    inside = np.array([region.index(name) for region in regions for name in region])
    return inside, h.mappings(attributes, regions)[1]


def _branch(rng: Generator) -> list:
    u = rng.uniform(0, 1, 6)
    u[:2] = 0.05, 0.95
    return [rng.normal(0, 1, (6, 3, 2, 4)), rng.normal(0, 1, (6, 3, 2, 4)), rng.uniform(0.1, 1, 3), u,
            float(rng.uniform(0.2, 0.5)), True]


def _evaluated(rng: Generator) -> list:
    return [*_branch(rng)[:-1], False]


def _branched(kept=lambda u, rate: (u >= rate) / (1 - rate), scaled=True, shortcut=False):
    """residual_branch with what students change in it."""
    def add(x, branch, scale, u, rate, training):
        share = kept(u, rate)[:, None, None, None]
        changed = branch * (scale[:, None, None] if scaled else 1)
        return (x + changed) * share if shortcut else x + changed * share

    return add


def _heads(rng: Generator) -> list:
    widths = [(5, 4, 3, size) for size in (2, 1, 3)]
    return [rng.normal(0, 1, (6, 5)), [[array for a, b in zip(sizes, sizes[1:])
                                        for array in (rng.normal(0, 1, (a, b)), rng.normal(0, 1, b))]
                                       for sizes in widths]]


def _headed(act=lambda v: np.maximum(v, 0), last=lambda v: v, shared=False, bias=1):
    """seven_heads with what students change in it."""
    def answers(features, parameters):
        found = []
        for own in parameters:
            w1, b1, w2, b2, w3, b3 = [*parameters[0][:4], *own[4:]] if shared else own
            found.append(last(act(act(features @ w1 + bias * b1) @ w2 + bias * b2) @ w3 + bias * b3))
        return np.concatenate(found, axis=1)

    return answers


def _grid(rng: Generator) -> list:
    rows = int(rng.integers(2, 5))
    return [rows, rows + int(rng.integers(1, 3))]


def _of_distances(join):
    """distance_index with the distances down and across joined in another way."""
    def index(rows, columns):
        row, column = np.divmod(np.arange(rows * columns), columns)
        return join(row[:, None] - row, column[:, None] - column, rows, columns)

    return index


def _attention(rng: Generator, scale: float = 1.0) -> list:
    return [*rng.normal(0, scale, (2, 2, 6, 4)), rng.normal(0, 1, (2, 6, 5)), rng.normal(0, 1, (2, 6)), 2, 3]


def _large(rng: Generator) -> list:
    return _attention(rng, 60.0)


def _attended(divide=np.sqrt, bias=True, axis=-1, after=False):
    """biased_attention with what students change in it."""
    def attend(query, key, value, table, rows, columns):
        own = table[:, h.distance_index(rows, columns)]
        scores = query @ key.swapaxes(1, 2) / divide(query.shape[-1]) + own * (bias and not after)
        weights = np.exp(scores - scores.max(axis=axis, keepdims=True))
        return (weights / weights.sum(axis=axis, keepdims=True) + own * after) @ value

    return attend


def _scores_alone(query, key, value, table, rows, columns):
    scores = query @ key.swapaxes(1, 2) / np.sqrt(query.shape[-1])
    return (scores + table[:, h.distance_index(rows, columns)]) @ value


# ---- losses


def _logits(rng: Generator, scale: float = 2.0) -> list:
    return [rng.normal(0, scale, (6, 5)), rng.integers(0, 2, (6, 5)).astype(float)]


def _large_logits(rng: Generator) -> list:
    return _logits(rng, 2000.0)


def _focal(rng: Generator) -> list:
    return [*_logits(rng), float(rng.uniform(0.5, 3))]


def _large_focal(rng: Generator) -> list:
    return [*_large_logits(rng), 2.0]


def _p(z):
    return 1 / (1 + np.exp(-z))


def _weighed(factor):
    """The focal loss with another factor: of the probability of the right answer, that of "present", and gamma."""
    def loss(z, y, gamma):
        right = np.where(y == 1, _p(z), 1 - _p(z))
        return float(-(factor(right, _p(z), gamma) * np.log(right)).mean())

    return loss


# ---- measures


def _judged(rng: Generator) -> list:
    labels = (rng.uniform(0, 1, (40, 5)) < [0.5, 0.3, 0.2, 0.7, 0.5]).astype(float)
    labels[0], labels[1] = 0, 1
    return [labels, np.clip(0.3 * labels + rng.uniform(0, 0.7, labels.shape), 0, 1)]


def _never(rng: Generator) -> list:
    """An attribute that never occurs, and one that always does."""
    labels, p = _judged(rng)
    labels[:, 1], labels[:, 3] = 0, 1
    return [labels, p]


def _recall(kind):
    return lambda y, p: ((p > 0.5) == y).astype(float).sum(axis=0, where=y == kind) / (y == kind).sum(axis=0)


def _f1(y, p):
    return 2 * ((p > 0.5) & (y == 1)).sum(axis=0) / ((p > 0.5).sum(axis=0) + y.sum(axis=0))


def _scored(rng: Generator) -> list:
    labels, p = (array[:, 0] for array in _judged(rng))
    return [labels, p.round(1)]


def _absent(rng: Generator) -> list:
    return [np.zeros(12), rng.uniform(0, 1, 12)]


def _ranked(order=lambda s: np.argsort(-s, kind="stable"), only_found=True, best=False):
    """average_precision without ties, with what students change in it."""
    def precision(labels, scores):
        ranked = labels[order(scores)]
        shares = np.cumsum(ranked) / np.arange(1, len(ranked) + 1)
        if best:
            shares = np.maximum.accumulate(shares[::-1])[::-1]
        return float(shares[ranked == 1].mean() if only_found else shares.mean())

    return precision


def _roc(labels, scores):
    present, absent = scores[labels == 1], scores[labels == 0]
    return float(((present[:, None] > absent) + 0.5 * (present[:, None] == absent)).mean())


def _trapezoid(labels, scores):
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.diff(scores[order]) != 0, True)
    found, chosen = np.cumsum(labels[order])[last], np.arange(1, len(labels) + 1)[last]
    precision = np.append(1.0, found / chosen)
    return float(np.sum(np.diff(found, prepend=0) / labels.sum() * (precision[1:] + precision[:-1]) / 2))


def _steps(rng: Generator) -> list:
    return [rng.normal(0, 1, (12, 4)), float(rng.uniform(0.45, 0.55))]


def _averaged(share=lambda t, d: min(d, (1 + t) / (10 + t)), start=1, swapped=False):
    """moving_average with what students change in it."""
    def average(weights, decay):
        found = start * weights[0]
        for step, value in enumerate(weights[1:], 1):
            kept = 1 - share(step, decay) if swapped else share(step, decay)
            found = kept * found + (1 - kept) * value
        return found

    return average


def _calibrated(rng: Generator) -> list:
    p = rng.integers(0, 17, 40) / 16
    p = p[(p <= 0.625) | (p > 0.75)]  # a bin stays empty
    return [(rng.uniform(0, 1, len(p)) < p**2).astype(float), p, 8]


def _ends(rng: Generator) -> list:
    return [np.array([0.0, 1.0, 1.0, 0.0]), np.array([0.0, 1.0, 1.0, 0.25]), 4]


def _binned(number=lambda p, n: np.maximum(np.ceil(p * n) - 1, 0), change=lambda m, s, c: (m, s, c)):
    """reliability_curve with what students change in it."""
    def curve(labels, p, bins):
        of = number(p, bins).astype(int)
        count = np.bincount(of, minlength=bins)
        return change(np.bincount(of, p, bins) / count, np.bincount(of, labels, bins) / count, count)

    return curve


FUNCTIONS = {
    "moving_average": Drawn(_steps, {
        "no-rise": _averaged(lambda t, d: d), "swapped": _averaged(swapped=True), "from-zero": _averaged(start=0),
        "late": _averaged(lambda t, d: min(d, t / (9 + t))), "plain": lambda w, d: w.mean(axis=0)}),
    "binary_cross_entropy": Drawn(_logits, {
        "present-only": lambda z, y: float(-(y * np.log(_p(z))).mean()),
        "summed": lambda z, y: float(i.binary_cross_entropy(z, y) * z.shape[1]),
        "exchanged": lambda z, y: i.binary_cross_entropy(z, 1 - y),
        "summed-all": lambda z, y: i.binary_cross_entropy(z, y) * z.size,
        "no-log": lambda z, y: float((y * (1 - _p(z)) + (1 - y) * _p(z)).mean()),
        "squared": lambda z, y: float(((_p(z) - y)**2).mean())}, _large_logits),
    "focal_loss": Drawn(_focal, {
        "other-side": _weighed(lambda right, p, gamma: right**gamma),
        "factor": _weighed(lambda right, p, gamma: gamma * (1 - right)),
        "present-only": _weighed(lambda right, p, gamma: (1 - p)**gamma),
        "plain": _weighed(lambda right, p, gamma: 1.0),
        "summed": lambda z, y, gamma: i.focal_loss(z, y, gamma) * z.size,
        "quarter": _weighed(lambda right, p, gamma: 0.25 * (1 - right)**gamma)}, _large_focal),
    "balanced_accuracy": Drawn(_judged, {
        "accuracy": lambda y, p: ((p > 0.5) == y).mean(axis=0), "present-only": _recall(1), "absent-only": _recall(0),
        "f1": _f1,
        "all-at-once": lambda y, p: i.balanced_accuracy(y.reshape(-1, 1), p.reshape(-1, 1)).repeat(y.shape[1])},
        _never),
    "average_precision": Drawn(_scored, {
        "ties": _ranked(), "every-rank": _ranked(only_found=False), "upside-down": _ranked(np.argsort),
        "best-later": _ranked(best=True), "roc": _roc, "trapezoid": _trapezoid}, _absent),
    "reliability_curve": Drawn(_calibrated, {
        "middles": _binned(change=lambda m, s, c: ((np.arange(len(c)) + 0.5) / len(c), s, c)),
        "edge-above": _binned(lambda p, n: np.minimum(np.floor(p * n), n - 1)),
        "zeros": _binned(change=lambda m, s, c: (np.nan_to_num(m), np.nan_to_num(s), c)),
        "exchanged": _binned(change=lambda m, s, c: (s, m, c)),
        "shares": _binned(change=lambda m, s, c: (m, s, c / c.sum()))}, _ends, "counted"),
    "mappings": Drawn(_names, {
        "exchanged": lambda a, r: h.mappings(a, r)[::-1], "twice": lambda a, r: (h.mappings(a, r)[0],) * 2,
        "sorted": _unsorted, "reversed": lambda a, r: h.mappings(a, r[::-1]), "within": _within}, driver="counted"),
    "residual_branch": Drawn(_branch, {
        "not-scaled-up": _branched(lambda u, rate: (u >= rate).astype(float)),
        "wrong-ones": _branched(lambda u, rate: (u < rate) / rate),
        "no-scale": _branched(scaled=False), "shortcut": _branched(shortcut=True),
        "nothing-dropped": _branched(lambda u, rate: np.ones(len(u)))}, _evaluated),
    "seven_heads": Drawn(_heads, {
        "sigmoid": _headed(last=_p), "linear": _headed(act=lambda v: v),
        "last-relu": _headed(last=lambda v: np.maximum(v, 0)), "shared": _headed(shared=True),
        "no-bias": _headed(bias=0), "reversed": lambda x, parameters: h.seven_heads(x, parameters[::-1])}),
    "distance_index": Drawn(_grid, {
        "signed": _of_distances(lambda dy, dx, rows, columns: dy * columns + dx),
        "rows": _of_distances(lambda dy, dx, rows, columns: np.abs(dy) * rows + np.abs(dx)),
        "exchanged": _of_distances(lambda dy, dx, rows, columns: np.abs(dx) * rows + np.abs(dy)),
        "sum": _of_distances(lambda dy, dx, rows, columns: np.abs(dy) + np.abs(dx)),
        "largest": _of_distances(lambda dy, dx, rows, columns: np.maximum(np.abs(dy), np.abs(dx)))}, driver="counted"),
    "biased_attention": Drawn(_attention, {
        "not-divided": _attended(lambda d: 1), "no-root": _attended(lambda d: d), "no-bias": _attended(bias=False),
        "over-queries": _attended(axis=-2), "after": _attended(after=True),
        "no-softmax": _scores_alone}, _large),
}
EXERCISES = declare("face_attributes", FUNCTIONS)
