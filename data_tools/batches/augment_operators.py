"""What makes imgaug slow on small images, replaced: same parameters, same distributions, usable in any imgaug pipeline.

Draws is a random generator for imgaug that draws coins and noise faster and does no book-keeping between draws;
Superpixels and PiecewiseAffine do with OpenCV most of what imgaug's own do with scikit-image. For RGB images, uint8.
"""

import functools
from typing import NamedTuple

import cv2
import imgaug.augmenters as iaa
import imgaug.parameters as iap
import imgaug.random as iarandom
import numpy as np
from imgaug.augmentables.batches import _BatchInAugmentation
from scipy.spatial import Delaunay
from scipy.special import ndtri
from skimage.segmentation import slic


class Draws(iarandom.RNG):
    """A generator whose draws depend on `seed` (integers >= 0) alone."""

    def __init__(self, seed: tuple[int, ...]):
        super().__init__(np.random.Generator(np.random.SFC64(np.random.SeedSequence(seed))))

    def advance_(self) -> "Draws":
        """imgaug calls this after each draw, for parameters that draw nothing; here every draw has moved the state."""
        return self

    def binomial(self, n, p, size=None):
        """Bernoulli draws by comparison: NumPy's binomial prepares itself for any n at each call."""
        if n != 1:
            return super().binomial(n, p, size)
        return np.asarray(self.generator.random(size, dtype=np.float32) < p)

    def normal(self, loc=0.0, scale=1.0, size=None):
        """float32: the quantiles of 65,536 equally probable classes, the outermost at +-4.3 scale. NumPy's own take
        four times as long, and images round them to integers."""
        count = int(np.prod(size)) if size is not None else 1
        drawn = np.frombuffer(self.generator.bytes(2 * count), "<u2")
        values = _quantiles()[drawn]
        values *= np.float32(scale)
        values += np.float32(loc)
        return values.reshape(size) if size is not None else values[0]


class Settled(iap.Deterministic):
    """A parameter that never changes, without the checks of a draw. imgaug asks two of them for the ends of a range
    each time it draws from the range, in all two draws of three."""

    def __init__(self, fixed: iap.Deterministic):
        super().__init__(fixed.value)
        self._sample = self._draw_samples((1,), None)[0]

    def draw_sample(self, random_state=None):
        return self._sample

    def draw_samples(self, size, random_state=None):
        return self._draw_samples((size,) if isinstance(size, int) else size, random_state)


def settle(owner):
    """Put Settled for every Deterministic parameter of an augmenter or parameter, however deep; returns the owner."""
    for name, value in vars(owner).items():
        setattr(owner, name, _settled(value))
    return owner


def _settled(value):
    if type(value) is iap.Deterministic:
        return Settled(value)
    if isinstance(value, iap.StochasticParameter):
        return settle(value)
    return tuple(map(_settled, value)) if type(value) is tuple else value


@functools.lru_cache(maxsize=1)
def _quantiles() -> np.ndarray:
    return ndtri((np.arange(65536) + 0.5) / 65536).astype(np.float32)


def augment_one(augmenter: iaa.Augmenter, image: np.ndarray, draws: Draws) -> np.ndarray:
    """What augmenter(image=image) gives when the augmenter and all below it draw from `draws`, to the bit.

    imgaug selects, copies and checks a batch at every step from list to member, a tenth of all the time at 224x224.
    Here the lists are walked and only the operators are called.
    """
    batch = _BatchInAugmentation(images=[image.copy()])  # operators may write into their input
    _walk(augmenter, batch, draws)
    return batch.images[0]


def _walk(augmenter: iaa.Augmenter, batch: _BatchInAugmentation, draws: Draws) -> None:
    if isinstance(augmenter, iaa.Sequential):
        for i in draws.permutation(len(augmenter)) if augmenter.random_order else range(len(augmenter)):
            _walk(augmenter[i], batch, draws)
    elif isinstance(augmenter, iaa.SomeOf):  # OneOf too
        order = augmenter._get_augmenter_order(draws)
        active = augmenter._get_augmenter_active(1, draws)[0]
        for i in order[active[order]]:
            _walk(augmenter[i], batch, draws)
    elif isinstance(augmenter, iaa.Sometimes):
        chosen = augmenter.then_list if augmenter.p.draw_samples((1,), draws)[0] == 1 else augmenter.else_list
        if chosen is not None:
            _walk(chosen, batch, draws)
    else:
        augmenter._augment_batch_(batch, draws, parents=[], hooks=None)


class Superpixels(iaa.Superpixels):
    """imgaug's, with the same draws, and on scikit-image's SLIC as there; but the colours are converted by OpenCV, the
    clustering is in float32, and it stops after `iterations` rounds instead of ten. It has nearly come to rest by
    then: in number, outline and nearness to the picture's colours its segments are those of ten rounds to about 3 %.
    """

    def __init__(self, p_replace, n_segments, max_size: int = 128, iterations: int = 4):
        super().__init__(p_replace=p_replace, n_segments=n_segments, max_size=max_size)
        self.iterations = iterations

    def _augment_batch_(self, batch, random_state, parents, hooks):
        counts = self.n_segments.draw_samples((len(batch.images),), random_state=random_state)
        for i, count in enumerate(counts):
            replaced = self.p_replace.draw_samples((max(1, count),), random_state=random_state) > 0.5
            if replaced.any():
                batch.images[i] = self._replace(batch.images[i], int(count), replaced)
        return batch

    def _replace(self, image: np.ndarray, count: int, replaced: np.ndarray) -> np.ndarray:
        height, width = image.shape[:2]
        shrink = min(1.0, self.max_size / max(height, width))
        small = cv2.resize(image, (int(width * shrink), int(height * shrink))) if shrink < 1 else image
        labels = superpixel_labels(small, count, self.iterations)
        # Whole numbers below, as imgaug's mean colours; where SLIC finds more segments than there are draws, they
        # repeat.
        colours = mean_colours(small, labels).astype(np.uint8)
        chosen = np.resize(replaced, len(colours))
        small = np.where(chosen[labels][..., None], colours[labels], small)
        return cv2.resize(small, (width, height)) if shrink < 1 else small


def superpixel_labels(image: np.ndarray, count: int, iterations: int) -> np.ndarray:
    """(H, W, 3) uint8 RGB to about `count` segments, (H, W) integers from 0; skimage's slic(compactness=10), sooner."""
    low, high = int(image.min()), int(image.max())
    lab = cv2.cvtColor((image - np.float32(low)) / max(1, high - low), cv2.COLOR_RGB2LAB)
    # slic spreads its input over 0..1 before it weighs colours against distances, in skimage's own way before the
    # conversion to Lab: the compactness takes that spreading of Lab back.
    spread = float(lab.max() - lab.min()) or 1.0
    return slic(lab, n_segments=count, compactness=10 / spread, max_num_iter=iterations, start_label=0,
                convert2lab=False)


def mean_colours(image: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The mean of each segment, (N, 3) float64, for the labels 0..N-1."""
    flat = labels.ravel()
    sums = [np.bincount(flat, channel) for channel in image.reshape(-1, image.shape[2]).T]
    return np.stack(sums, axis=1) / np.maximum(np.bincount(flat), 1)[:, None]


class PiecewiseAffine(iaa.PiecewiseAffine):
    """imgaug's, to the 1/32 of a pixel in which OpenCV places a sample. skimage looks for the triangle of each pixel
    and transforms the pixels triangle by triangle; the triangles are those of a regular grid, the same for every image
    of one size, and are looked for once.
    """

    def __init__(self, scale, nb_rows=(2, 4), nb_cols=(2, 4)):
        super().__init__(scale=scale, nb_rows=nb_rows, nb_cols=nb_cols)

    def _augment_images_by_samples(self, images, samples):
        for i, image in enumerate(images):
            if not (samples.jitter[i] > 0).any():  # scale 0
                continue
            grid = _triangles(image.shape[:2], int(samples.nb_rows[i]), int(samples.nb_cols[i]))
            x, y = grid.source_of_pixels(samples.jitter[i])
            images[i] = cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return images


class Triangles(NamedTuple):
    """A grid of P points over an image, cut into T triangles."""

    size: np.ndarray
    """width and height"""
    points: np.ndarray
    """(P, 2): x and y, from 0 to width and height"""
    corners: np.ndarray
    """(T, 3): the points of each triangle"""
    solve: np.ndarray
    """(T, 3, 3): values at the corners to the factors of x, y and 1 inside"""
    members: np.ndarray
    """(H, W) uint8: the triangle of each pixel"""

    def source_of_pixels(self, jitter: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where each pixel is taken from, x and y, both (H, W) float32, when the points are moved.

        jitter: (P, 2) in y and x, in shares of the image's sides, as imgaug draws it.
        """
        moved = np.clip(self.points + jitter[:, ::-1] * self.size, 0, self.size - 1)
        factors = (self.solve @ moved[self.corners]).astype(np.float32)  # (T, 3, 2)
        height, width = self.members.shape
        across, down = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
        found = []
        for k in range(2):
            of_x, of_y, of_one = (cv2.LUT(self.members, np.resize(factors[:, j, k], 256)) for j in range(3))
            of_x *= across
            of_y *= down
            of_one += of_x
            of_one += of_y
            found.append(of_one)
        return tuple(found)


@functools.lru_cache(maxsize=16)
def _triangles(shape: tuple[int, int], rows: int, columns: int) -> Triangles:
    height, width = shape
    points = np.stack(np.meshgrid(np.linspace(0, width, columns), np.linspace(0, height, rows)), -1).reshape(-1, 2)
    corners = Delaunay(points).simplices
    if len(corners) > 256:
        raise ValueError(f"PiecewiseAffine: {rows} rows and {columns} columns of points make {len(corners)} triangles; "
                         f"at most 256")
    # Not by SciPy's find_simplex(): threads of its OpenBLAS were seen to wait for ever. np.linalg asks OpenBLAS, too.
    solve = np.stack([cv2.invert(np.column_stack([triangle, np.ones(3)]))[1] for triangle in points[corners]])
    return Triangles(np.array([width, height]), points, corners, solve, _members(height, width, points[corners], solve))


def _members(height: int, width: int, triangles: np.ndarray, solve: np.ndarray) -> np.ndarray:
    """(H, W) uint8: the triangle (T, 3, 2) in which a pixel lies, where no weight of a corner is negative."""
    members = np.zeros((height, width), np.uint8)
    for number, (corners, weights) in enumerate(zip(triangles, solve)):
        (left, top), (right, bottom) = np.floor(corners.min(0)).astype(int), np.ceil(corners.max(0)).astype(int)
        x, y = np.arange(left, right)[:, None], np.arange(top, bottom)[:, None, None]
        inside = (x * weights[0] + y * weights[1] + weights[2] > -1e-9).all(-1)
        members[top:bottom, left:right][inside] = number
    return members
