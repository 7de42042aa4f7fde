"""Images for `python -m assignments export --int8`: those that set the ranges, and those that judge the result."""

from collections.abc import Sequence

import numpy as np


def samples(settings, data: str, classes: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(training images, validation images, labels of these) as the network takes them; data: as --data of run.py."""
    from data_tools.batches.loader import to_signed_unit
    from data_tools.errors import KitError
    from data_tools.packed.store import PackedStore
    from data_tools.sets.monkeys import find_or_draw
    from paddle_models.deploy.int8 import CALIBRATION, CHECKED, spread

    monkeys = find_or_draw(data or settings.data)
    if tuple(monkeys.classes) != tuple(classes):
        raise KitError(f"{monkeys.path} has the classes {', '.join(monkeys.classes)}, the run has "
                       f"{', '.join(classes)}: give the "
                       "data it was trained on with --data")
    parts = [PackedStore.open(images.subset(spread(len(images), most)), settings.image_size, skip_unreadable=True)
             for images, most in ((monkeys.training, CALIBRATION), (monkeys.validation, CHECKED))]
    return to_signed_unit(parts[0].images[:]), to_signed_unit(parts[1].images[:]), parts[1].labels
