"""The exercises of super-resolution: random inputs, and wrong versions of each function, by which mistakes are told."""

import numpy as np

from assignments.common.exercise_rows import Drawn, declare
from assignments.swift_srgan.by_hand import enlarging as e
from assignments.swift_srgan.by_hand import fidelity as f

Generator = np.random.Generator


# ---- layers


def _sizes(rng: Generator) -> list:
    return [int(rng.integers(8, 65)), int(rng.integers(65, 129)), int(rng.choice([5, 7, 9])),
            int(rng.integers(20, 40)), int(rng.integers(40, 60))]


def _costs(depthwise, pointwise, places=lambda h, w: h * w):
    """separable_cost with other counts of its two parts."""
    def cost(c, out, k, h, w):
        separable, plain = depthwise(c, out, k) + pointwise(c, out, k), k * k * c * out
        return separable, separable * places(h, w), plain, plain * places(h, w)

    return cost


def _with_biases(channels, out, kernel, height, width):
    one, _, plain, _ = e.separable_cost(channels, out, kernel, height, width)
    one, plain = one + channels + out, plain + out
    return one, one * height * width, plain, plain * height * width


def _operations(*sizes):
    return [n * each for n, each in zip((1, 2, 1, 2), e.separable_cost(*sizes))]


def _separable(rng: Generator) -> list:
    return [rng.normal(0, 1, (2, 3, 5, 4)), rng.normal(0, 1, (3, 3, 3)), rng.normal(0, 1, (4, 3))]


def _wide(rng: Generator) -> list:
    return [rng.normal(0, 1, (1, 2, 4, 3)), rng.normal(0, 1, (2, 9, 9)), rng.normal(0, 1, (3, 2))]


def _channels(rng: Generator) -> list:
    return [rng.normal(0, 1, (2, 12, 3, 4)), 2]


def _by_three(rng: Generator) -> list:
    return [rng.normal(0, 1, (1, 18, 2, 3)), 3]


def _shuffled(order, split=lambda c, r: (c // r**2, r, r)):
    """pixel_shuffle with its axes in another order."""
    def shuffle(x, r):
        n, c, h, w = x.shape
        return x.reshape(n, *split(c, r), h, w).transpose(order).reshape(n, c // r**2, r * h, r * w)

    return shuffle


# ---- bicubic


def _distances(rng: Generator) -> list:
    return [rng.uniform(-2.5, 2.5, 16), float(rng.uniform(-0.9, -0.3))]


def _joints(rng: Generator) -> list:
    return [np.array([[-2.0, -1.0, 0.0], [1.0, 2.0, 1e6]]), -0.5]


def _lines(rng: Generator) -> list:
    scale = int(rng.integers(2, 5))
    return [scale * int(rng.integers(4, 8)), scale]


def _reduced(widen=True, half=0.5, normal=True, kernel=None):
    """bicubic_matrix with what students change in it."""
    def matrix(size, scale):
        centres = (np.arange(size // scale) + half) * scale
        t = (np.arange(size) + half - centres[:, None]) / (scale if widen else 1)
        weights = (kernel or (lambda t: e.bicubic_kernel(t, -0.5)))(t)
        return weights / (weights.sum(axis=1, keepdims=True) if normal else scale)

    return matrix


# ---- tiles


def _picture(rng: Generator) -> list:
    return [rng.normal(0, 1, (11, 14)), int(rng.integers(4, 6)), 2, 3]


def _small_picture(rng: Generator) -> list:
    """Smaller than a tile."""
    return [rng.normal(0, 1, (3, 5)), 6, 3, 2]


def _tiled(seams=False, unscaled=False, short=False, padded=False):
    """enlarge_in_tiles with what students change in it."""
    def enlarge(network, image, scale, side, margin):
        reach = 0 if seams else margin
        result, wide = np.zeros((scale * image.shape[0], scale * image.shape[1])), np.pad(image, margin)
        for top in range(0, image.shape[0] - (side - 1) * short, side):
            for left in range(0, image.shape[1] - (side - 1) * short, side):
                bottom, right = min(image.shape[0], top + side), min(image.shape[1], left + side)
                above, before = max(0, top - reach), max(0, left - reach)
                piece = image[above:bottom + reach, before:right + reach]
                if padded:
                    above, before, piece = top - margin, left - margin, wide[top:bottom + 2 * margin,
                                                                            left:right + 2 * margin]
                factor = 1 if unscaled else scale
                cut = network(piece)[factor * (top - above):, factor * (left - before):]
                result[scale * top:scale * bottom, scale * left:scale * right] = cut[:scale * (bottom - top),
                                                                                   :scale * (right - left)]
        return result

    return enlarge


def _transposed_tiles(network, image, scale, side, margin):
    return e.enlarge_in_tiles(lambda piece: network(piece.T).T, image, scale, side, margin)


def _twice_as_large(network, image, scale, side, margin):
    return e.enlarge_in_tiles(network, image, 2, side, margin)


# ---- judging


def _pictures(rng: Generator) -> list:
    return [rng.normal(0, 1, (2, 3, 5, 4))]


def _flat(rng: Generator) -> list:
    return [np.full((1, 3, 4, 5), 0.3)]


def _variation(down=1, across=1, square=np.square, reduce=np.mean, factor=2):
    return lambda i: float(factor * (down * reduce(square(np.diff(i, axis=2)))
                                     + across * reduce(square(np.diff(i, axis=3)))))


def _two(rng: Generator) -> list:
    reference = rng.integers(0, 256, (14, 12, 3))
    image = np.clip(reference + rng.integers(-30, 31, reference.shape), 0, 255)
    return [image.astype(np.uint8), reference.astype(np.uint8), 3]


def _equal(rng: Generator) -> list:
    image = rng.integers(0, 256, (8, 9, 3)).astype(np.uint8)
    return [image, image.copy(), 0]


def _decibels(weights=f.Y_WEIGHTS, cut=True, kind=np.float64, times=10.0):
    """psnr_y with what students change in it."""
    def psnr(image, reference, border):
        inside = slice(border, -border) if cut else slice(None)
        difference = (image.astype(kind) - reference.astype(kind))[inside, inside]
        difference = difference.astype(np.float64) if weights is None else difference @ weights
        return float(times * np.log10(255**2 / np.mean(difference**2)))

    return psnr


def _window(rng: Generator) -> list:
    return [int(rng.choice([7, 9, 11])), float(rng.uniform(1, 3))]


def _normed(weights):
    return weights / weights.sum()


def _even(rng: Generator) -> list:
    return [8, 1.5]


def _greys(rng: Generator) -> list:
    x = np.clip(128 + 40 * np.cumsum(rng.normal(0, 1, (16, 18)), axis=1), 0, 255)
    return [x, np.clip(x + rng.normal(0, 25, x.shape), 0, 255)]


def _black(rng: Generator) -> list:
    return [np.zeros((12, 12)), np.zeros((12, 12))]


def _similar(mean=f.window_mean, product=False, constants=True, centred=True, luminance=True):
    """ssim with what students change in it."""
    def ssim(x, y):
        mx, my = mean(x), mean(y)
        away = 1 if centred else 0
        vx, vy, cov = mean(x * x) - away * mx**2, mean(y * y) - away * my**2, mean(x * y) - away * mx * my
        c1, c2 = ((0.01 * 255)**2, (0.03 * 255)**2) if constants else (0.0, 0.0)
        first = (2 * mx * my + c1) / ((mx**2 * my**2 if product else mx**2 + my**2) + c1)
        second = (2 * cov + c2) / ((vx * vy if product else vx + vy) + c2)
        return float(np.mean(first * second if luminance else second))

    return ssim


def _box(values):
    return np.lib.stride_tricks.sliding_window_view(values, (11, 11)).mean(axis=(2, 3))


def _logits(rng: Generator, scale: float = 2.0) -> list:
    return [rng.normal(0, scale, 7), rng.normal(0.5, scale, 7)]


def _large(rng: Generator) -> list:
    return _logits(rng, 2000.0)


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _generator(change):
    """generator_losses with some of them changed: by the right ones, fake and real."""
    return lambda fake, real: change(*f.generator_losses(fake, real), fake, real)


def _discriminator(change):
    return lambda fake, real: change(*f.discriminator_losses(fake, real), fake, real)


def _pairwise(fake, real):
    return float(np.logaddexp(0, real - fake).mean())


FUNCTIONS = {
    "separable_cost": Drawn(_sizes, {
        "product": _costs(lambda c, out, k: k * k * c * c * out, lambda c, out, k: 0),
        "full-depthwise": _costs(lambda c, out, k: k * k * c * c, lambda c, out, k: c * out),
        "wide-pointwise": _costs(lambda c, out, k: k * k * c, lambda c, out, k: k * k * c * out),
        "one-place": _costs(lambda c, out, k: k * k * c, lambda c, out, k: c * out, lambda h, w: 1),
        "kernel": _costs(lambda c, out, k: k * c, lambda c, out, k: c * out),
        "biases": _with_biases, "flops": _operations}, driver="counted"),
    "total_variation": Drawn(_pictures, {
        "absolute": _variation(square=np.abs), "once": _variation(factor=1), "summed": _variation(reduce=np.sum),
        "same-count": lambda i: float(2 * sum((np.diff(i, axis=axis)**2).sum() for axis in (2, 3)) / i.size),
        "down": _variation(across=0), "across": _variation(down=0)}, _flat),
    "gaussian_window": Drawn(_window, {
        "not-normed": lambda n, s: np.exp(-(np.arange(n) - (n - 1) / 2)**2 / (2 * s * s)),
        "off-middle": lambda n, s: _normed(np.exp(-(np.arange(n) - n / 2)**2 / (2 * s * s))),
        "no-two": lambda n, s: _normed(np.exp(-(np.arange(n) - (n - 1) / 2)**2 / (s * s))),
        "no-square": lambda n, s: _normed(np.exp(-(np.arange(n) - (n - 1) / 2)**2 / (2 * s))),
        "density": lambda n, s: np.exp(-(np.arange(n) - (n - 1) / 2)**2 / (2 * s * s)) / (s * np.sqrt(2 * np.pi)),
        "flat": lambda n, s: np.full(n, 1 / n)}, _even),
    "pixel_shuffle": Drawn(_channels, {
        "exchanged": _shuffled((0, 1, 4, 3, 5, 2)), "side-by-side": _shuffled((0, 1, 2, 4, 3, 5)),
        "channels-last": _shuffled((0, 3, 4, 1, 5, 2), lambda c, r: (r, r, c // r**2)),
        "repeated": lambda x, r: x[:, ::r * r].repeat(r, axis=2).repeat(r, axis=3)}, _by_three),
    "psnr_y": Drawn(_two, {
        "rgb": _decibels(None), "border": _decibels(cut=False), "bytes": _decibels(kind=np.uint8),
        "no-root": _decibels(times=20.0), "full-range": _decibels(np.array([0.299, 0.587, 0.114])),
        "mean-grey": _decibels(np.full(3, 1 / 3)),
        "peak": lambda *a: f.psnr_y(*a) - 20 * np.log10(255), "natural": lambda *a: f.psnr_y(*a) * np.log(10)}, _equal),
    "bicubic_kernel": Drawn(_distances, {
        "sign": lambda t, a: np.where(t < 0, 0.0, e.bicubic_kernel(t, a)),
        "fixed": lambda t, a: e.bicubic_kernel(t, -0.25),
        "no-far": lambda t, a: np.where(np.abs(t) <= 1, e.bicubic_kernel(t, a), 0.0),
        "linear": lambda t, a: np.maximum(0.0, 1 - np.abs(t)),
        "falling": lambda t, a: e.bicubic_kernel(t, -a)}, _joints),
    "bicubic_matrix": Drawn(_lines, {
        "narrow": _reduced(widen=False), "corner": _reduced(half=0.0), "not-normed": _reduced(normal=False),
        "linear": _reduced(kernel=lambda t: np.maximum(0.0, 1 - np.abs(t))),
        "sharp": _reduced(kernel=lambda t: e.bicubic_kernel(t, -0.75))}),
    "generator_losses": Drawn(_logits, {
        "saturating": _generator(lambda n, o, r, fake, real: (float(np.log(1 - _sigmoid(fake)).mean()), o, r)),
        "real": _generator(lambda n, o, r, fake, real: (float(np.logaddexp(0, -real).mean()), o, r)),
        "d-itself": _generator(lambda n, o, r, fake, real: (n, 1 - o, r)),
        "exchanged": _generator(lambda n, o, r, fake, real: (n, o, f.discriminator_losses(fake, real)[1])),
        "pairs": _generator(lambda n, o, r, fake, real: (n, o, _pairwise(fake, real))),
        "summed": lambda fake, real: [len(fake) * loss for loss in f.generator_losses(fake, real)],
        "half": _generator(lambda n, o, r, fake, real: (n, o, float(np.logaddexp(0, real.mean() - fake).mean())))},
        _large),
    "discriminator_losses": Drawn(_logits, {
        "exchanged": lambda fake, real: f.discriminator_losses(real, fake),
        "mean": _discriminator(lambda u, r, *_: (u / 2, r)),
        "real-only": _discriminator(lambda u, r, fake, real: (float(np.logaddexp(0, -real).mean()), r)),
        "summed": lambda fake, real: [len(fake) * loss for loss in f.discriminator_losses(fake, real)],
        "generators": _discriminator(lambda u, r, fake, real: (u, f.generator_losses(fake, real)[2])),
        "pairs": _discriminator(lambda u, r, fake, real: (u, _pairwise(real, fake)))}, _large),
    "separable_convolution": Drawn(_separable, {
        "depthwise-only": lambda x, d, p: e.separable_convolution(x, d, np.eye(len(d))),
        "turned": lambda x, d, p: e.separable_convolution(x, d[:, ::-1, ::-1], p),
        "one-kernel": lambda x, d, p: e.separable_convolution(x, np.broadcast_to(d[:1], d.shape), p),
        "summed": lambda x, d, p: e.separable_convolution(x, d, np.ones_like(p)),
        "inside": lambda x, d, p: e.separable_convolution(x, d, p)[:, :, 1:-1, 1:-1]}, _wide),
    "ssim": Drawn(_greys, {
        "box": _similar(_box), "whole": _similar(np.mean), "product": _similar(product=True),
        "no-constants": _similar(constants=False), "not-centred": _similar(centred=False),
        "no-luminance": _similar(luminance=False)}, _black),
    "enlarge_in_tiles": Drawn(_picture, {
        "seams": _tiled(seams=True), "unscaled": _tiled(unscaled=True), "short": _tiled(short=True),
        "padded": _tiled(padded=True), "turned": _transposed_tiles, "fixed": _twice_as_large},
        _small_picture, "in_tiles"),
}

EXERCISES = declare("swift_srgan", FUNCTIONS)
