"""The monkeys' document, listing 2.4.2, line by line: the pipeline is built anew and reseeded for each image.

It stands here only to be measured against; the kit's own pipeline is data_tools/batches/augment.py.
"""

import random

import imgaug as ia
import imgaug.augmenters as iaa
import numpy as np


def image_augment_imgauglib(img: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 to the same shape and type."""
    img = np.array([img])
    ia.seed(random.randint(0, 10000))

    def sometimes(aug):
        return iaa.Sometimes(0.5, aug)

    seq = iaa.Sequential(
        [
            iaa.Fliplr(0.5),
            iaa.Flipud(0.2),
            sometimes(iaa.Crop(percent=(0, 0.1))),
            sometimes(iaa.Affine(scale={"x": (0.8, 1.2), "y": (0.8, 1.2)},
                                 translate_percent={"x": (-0.2, 0.2), "y": (-0.2, 0.2)},
                                 rotate=(-45, 45), shear=(-16, 16), order=[0, 1], cval=(0, 255), mode=ia.ALL)),
            iaa.SomeOf((0, 5), [
                sometimes(iaa.Superpixels(p_replace=(0, 1.0), n_segments=(20, 200))),
                iaa.OneOf([iaa.GaussianBlur((0, 3.0)), iaa.AverageBlur(k=(2, 7)), iaa.MedianBlur(k=(3, 11))]),
                iaa.Sharpen(alpha=(0, 1.0), lightness=(0.75, 1.5)),
                iaa.Emboss(alpha=(0, 1.0), strength=(0, 2.0)),
                sometimes(iaa.OneOf([iaa.EdgeDetect(alpha=(0, 0.7)),
                                     iaa.DirectedEdgeDetect(alpha=(0, 0.7), direction=(0.0, 1.0))])),
                iaa.AdditiveGaussianNoise(loc=0, scale=(0.0, 0.05 * 255), per_channel=0.5),
                iaa.OneOf([iaa.Dropout((0.01, 0.1), per_channel=0.5),
                           iaa.CoarseDropout((0.03, 0.15), size_percent=(0.02, 0.05), per_channel=0.2)]),
                iaa.Add((-10, 10), per_channel=0.5),
                iaa.Multiply((0.5, 1.5), per_channel=0.5),
                iaa.LinearContrast((0.5, 2.0), per_channel=0.5),
                sometimes(iaa.ElasticTransformation(alpha=(0.5, 3.5), sigma=0.25)),
                sometimes(iaa.PiecewiseAffine(scale=(0.01, 0.05))),
            ], random_order=True),
        ],
        random_order=True,
    )
    return seq(images=img)[0]
