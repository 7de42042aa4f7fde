"""Random augmentation with imgaug: the document's pipeline, a lighter one, and repeatable randomness.

The document builds its pipeline anew and reseeds a global generator for every image. Here the pipeline is
built once and all its augmenters draw from one generator that is seeded per image, so that an image depends
on its seed alone: not on what was augmented before, in which process, or on what device. The slowest operators
are replaced by equals of augment_operators.
"""

import functools
from collections.abc import Iterator

import cv2
import imgaug as ia
import imgaug.augmenters as iaa
import imgaug.parameters as iap
import numpy as np

from data_tools.batches.augment_operators import Draws, PiecewiseAffine, Superpixels, augment_one, settle

# Table 2.1 of the document: (operation, its Chinese name, used in training, imgaug classes that do it).
AUGMENTATION_TABLE = (
    ("Flip", "翻转", True, "Fliplr, Flipud"),
    ("Crop", "裁切", True, "Crop"),
    ("Affine", "仿射", True, "Affine"),
    ("Blur", "模糊", True, "GaussianBlur, AverageBlur, MedianBlur"),
    ("Sharpen", "锐化", True, "Sharpen, Emboss"),
    ("EdgeDetect", "边缘检测", True, "EdgeDetect, DirectedEdgeDetect"),
    ("GaussianNoise", "高斯噪声", True, "AdditiveGaussianNoise"),
    ("Dropout", "降低像素", True, "Dropout, CoarseDropout"),
    ("Invert", "反转通道", False, "Invert"),
    ("Contrast", "对比度", True, "LinearContrast, Add, Multiply"),
    ("Grayscale", "灰度覆盖", False, "Grayscale"),
    ("ElasticTransformation", "局部移动", True, "ElasticTransformation"),
    ("Distort", "扭曲", True, "PiecewiseAffine"),
)


def _sometimes(augmenter: iaa.Augmenter) -> iaa.Augmenter:
    return iaa.Sometimes(0.5, augmenter)


def monkey_pipeline() -> iaa.Augmenter:
    """The document's listing 2.4.2: every probability, range and order as printed there."""
    with iap.no_prefetching():  # samples drawn ahead would outlive a new seed
        return iaa.Sequential([
            iaa.Fliplr(0.5),
            iaa.Flipud(0.2),
            _sometimes(iaa.Crop(percent=(0, 0.1))),
            _sometimes(iaa.Affine(
                scale={"x": (0.8, 1.2), "y": (0.8, 1.2)},
                translate_percent={"x": (-0.2, 0.2), "y": (-0.2, 0.2)},
                rotate=(-45, 45), shear=(-16, 16), order=[0, 1], cval=(0, 255), mode=ia.ALL)),
            iaa.SomeOf((0, 5), [
                _sometimes(Superpixels(p_replace=(0, 1.0), n_segments=(20, 200))),
                iaa.OneOf([iaa.GaussianBlur((0, 3.0)), iaa.AverageBlur(k=(2, 7)), iaa.MedianBlur(k=(3, 11))]),
                iaa.Sharpen(alpha=(0, 1.0), lightness=(0.75, 1.5)),
                iaa.Emboss(alpha=(0, 1.0), strength=(0, 2.0)),
                _sometimes(iaa.OneOf([
                    iaa.EdgeDetect(alpha=(0, 0.7)),
                    iaa.DirectedEdgeDetect(alpha=(0, 0.7), direction=(0.0, 1.0))])),
                iaa.AdditiveGaussianNoise(loc=0, scale=(0.0, 0.05 * 255), per_channel=0.5),
                iaa.OneOf([
                    iaa.Dropout((0.01, 0.1), per_channel=0.5),
                    iaa.CoarseDropout((0.03, 0.15), size_percent=(0.02, 0.05), per_channel=0.2)]),
                iaa.Add((-10, 10), per_channel=0.5),
                iaa.Multiply((0.5, 1.5), per_channel=0.5),
                iaa.LinearContrast((0.5, 2.0), per_channel=0.5),
                _sometimes(iaa.ElasticTransformation(alpha=(0.5, 3.5), sigma=0.25)),
                _sometimes(PiecewiseAffine(scale=(0.01, 0.05))),
            ], random_order=True),
        ], random_order=True)


def light_pipeline() -> iaa.Augmenter:
    """For fine-tuning a pretrained network: mirror, small shift, turn and zoom, mild light."""
    with iap.no_prefetching():
        return iaa.Sequential([
            iaa.Fliplr(0.5),
            iaa.Affine(scale=(0.9, 1.25), translate_percent={"x": (-0.08, 0.08), "y": (-0.08, 0.08)},
                       rotate=(-12, 12), order=1, mode="reflect"),
            iaa.Multiply((0.85, 1.15)),
            iaa.LinearContrast((0.85, 1.15)),
        ])


JITTER, MIRROR = (0.1, 0.1, 0.1, 0.05), 0.5  # brightness, contrast, saturation, hue; probability


def face_pipeline() -> iaa.Augmenter:
    """The faces' document, section 2.2: colour jitter (brightness, contrast, saturation 0.1, hue 0.05), mirror 0.5."""
    with iap.no_prefetching():
        return iaa.Sequential([
            iaa.Lambda(func_images=functools.partial(_jitter, JITTER)),
            iaa.Fliplr(MIRROR),
        ])


def strong_face_pipeline() -> iaa.Augmenter:
    """The document's, and for small training sets also a small shift, turn and zoom, and hidden patches."""
    with iap.no_prefetching():
        return iaa.Sequential([
            *face_pipeline(),
            iaa.Affine(scale=(0.88, 1.14), translate_percent={"x": (-0.07, 0.07), "y": (-0.07, 0.07)}, rotate=(-10, 10),
                       order=1, mode="reflect"),
            iaa.Sometimes(0.4, iaa.Cutout(nb_iterations=1, size=(0.1, 0.3), fill_mode="gaussian",
                                          fill_per_channel=True)),
        ])


def _jitter(spread: tuple[float, ...], images, random_state, parents, hooks):
    """torchvision's ColorJitter for iaa.Lambda: brightness, contrast and saturation factors uniform in 1 +- x, a hue
    shift uniform in +- x of the colour circle, the four in random order, each rounded and cut to 0..255. imgaug's own
    operators mean other things (contrast about 127, saturation in HSV) and take three times as long.
    """
    changed = []
    for image in images:
        amounts = random_state.uniform(-np.array(spread), spread)
        for step in random_state.permutation(4):
            image = COLOUR_STEPS[step](image, amounts[step])
        changed.append(image)
    return changed if isinstance(images, list) else np.stack(changed)


# Each takes (H, W, 3) uint8 RGB and a change, 0 for none, to the same shape and type.
def change_brightness(image: np.ndarray, change: float) -> np.ndarray:
    """Every value times 1 + change."""
    return cv2.LUT(image, _byte_table(LEVELS * (1 + change)))


def change_contrast(image: np.ndarray, change: float) -> np.ndarray:
    """Away from (change > 0) or towards the picture's mean grey."""
    middle = round(cv2.mean(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))[0])
    return cv2.LUT(image, _byte_table(middle + (LEVELS - middle) * (1 + change)))


def change_saturation(image: np.ndarray, change: float) -> np.ndarray:
    """Away from (change > 0) or towards each pixel's own grey."""
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return cv2.addWeighted(image, 1 + change, grey, -change, 0)


def change_hue(image: np.ndarray, change: float) -> np.ndarray:
    """Around the colour circle by `change` of it, -0.5..0.5."""
    turn = round(change * 256) % 256
    if turn == 0:
        return image
    turned = cv2.cvtColor(image, cv2.COLOR_RGB2HSV_FULL)
    turned[..., 0] += np.uint8(turn)  # wraps, as a circle should
    return cv2.cvtColor(turned, cv2.COLOR_HSV2RGB_FULL)


LEVELS = np.arange(256, dtype=np.float64)
COLOUR_STEPS = (change_brightness, change_contrast, change_saturation, change_hue)


def _byte_table(levels: np.ndarray) -> np.ndarray:
    return np.clip(np.round(levels), 0, 255).astype(np.uint8)


def _tree(augmenter: iaa.Augmenter) -> Iterator[iaa.Augmenter]:
    """The augmenter and everything below it.

    imgaug's own `get_all_children` and `seed_` miss a list-like augmenter (OneOf) that is an only child: they
    walk over its members and leave out the list itself, whose generator then stays unseeded.
    """
    yield augmenter
    for children in augmenter.get_children_lists():
        if isinstance(children, iaa.Augmenter) and children is not augmenter:
            yield from _tree(children)
        else:
            for child in children:
                yield from _tree(child)


class Augmenter:
    """A pipeline whose output is a pure function of the image and the seed."""

    def __init__(self, pipeline: iaa.Augmenter):
        self.pipeline = pipeline
        self._members = tuple(map(settle, _tree(pipeline)))

    def __call__(self, images: np.ndarray, seed: tuple[int, ...], first: int = 0) -> np.ndarray:
        """Augment (B, H, W, 3) uint8 to the same shape and type; the input is left as it was.

        Image i draws from the seed (*seed, first + i), all integers >= 0: a part of a batch that begins at
        position `first` comes out as it does in the whole batch.
        """
        augmented = np.empty_like(images)
        for i, image in enumerate(images):
            augmented[i] = augment_one(self.pipeline, image, self._seed((*seed, first + i)))
        return augmented

    def _seed(self, seed: tuple[int, ...]) -> Draws:
        draws = Draws(seed)
        for member in self._members:
            member.random_state = draws
        return draws
