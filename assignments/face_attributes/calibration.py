"""Images for `python -m assignments export --int8`: those that set the ranges, and those that judge the result."""

from collections.abc import Sequence

import numpy as np


def samples(settings, data: str, classes: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(training images, images of the last split that has some, labels of these in the order of `classes`) as the
    network takes them; data: as --data of run.py."""
    from data_tools.batches.loader import to_unit
    from data_tools.drawing.attributes import ATTRIBUTES
    from data_tools.packed.store import PackedStore
    from data_tools.sets.celeba import CROP, find_or_draw
    from paddle_models.deploy.int8 import CALIBRATION, CHECKED, spread

    celeba = find_or_draw(data or settings.data)
    judge = celeba.test if len(celeba.test) else celeba.validation
    parts = [PackedStore.open(images.subset(spread(len(images), most)), settings.image_size, crop=CROP,
                              skip_unreadable=True)
             for images, most in ((celeba.training, CALIBRATION), (judge, CHECKED))]
    labels = parts[1].labels[:, [ATTRIBUTES.index(name) for name in classes]]
    return to_unit(parts[0].images[:]), to_unit(parts[1].images[:]), labels
