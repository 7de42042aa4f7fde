"""Judge given weights on CelebA: python assignments/face_attributes/evaluate.py --weights FILE --data DIR

Prints accuracy, balanced accuracy, F1 and average precision of each attribute beside the majority's accuracy, their
means over each region and over all forty, an interval of the last over images, and how sure the answers are, with and
without the temperature that the weights bring. The test split is judged where it has images, else the validation split.
The majority is that of the training images, or, where the set has none, of the judged images themselves.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from assignments.common.command_line import first_line, tells_errors

BATCH = 64


def evaluate(weights: Path, data: str, flip: bool) -> str:
    """The table as text."""
    import numpy as np

    import paddle_models  # noqa: F401  sets the environment before Paddle is imported
    from assignments.face_attributes.confidence import errors
    from assignments.face_attributes.model import network_from, temperature_of
    from assignments.face_attributes.run import WORK
    from data_tools.batches.loader import make_loader
    from data_tools.drawing.attributes import ATTRIBUTES
    from paddle_models.fast.fast_layers import accelerate
    from paddle_models.networks.face_regions import REGIONS
    from paddle_models.tasks.attribute_metrics import MEASURES, by_region, majority, measure_attributes, right_share
    from paddle_models.tasks.metrics import mean_interval
    from paddle_models.trainer import loop, runtime

    runtime.start("auto")
    network = network_from(weights)  # a file that is missing is told before data are sought, or drawn
    celeba = WORK.find(data)
    split = "test" if len(celeba.test) else "validation"
    settings = WORK.settings(image_size=network.image_size[0], flip_at_test=flip)
    accelerate(network)
    store = WORK.pack(WORK.judged(celeba), settings)
    loader = make_loader(store, BATCH, shuffle=False, seed=0, epoch=0, normalize=WORK.normalize(settings))
    rows, _ = loop.evaluate(WORK.task(settings, network, WORK.classes), loader)
    measured = measure_attributes(rows["label"], rows["probabilities"])
    trained = len(celeba.training) > 0
    baseline = majority(celeba.training.labels if trained else rows["label"], rows["label"])
    columns = [(name.replace("_", " "), measured[name]) for name in MEASURES] + [
        ("majority" if trained else "their own majority", baseline["accuracy"])]
    lines = [f"{len(store)} {split} images of {celeba.path} ({celeba.origin}), {weights}",
             f"{'':22}" + "".join(f"{title:>19}" for title, _ in columns)]
    regions = [by_region(values, ATTRIBUTES, REGIONS) for _, values in columns]
    for region, attributes in REGIONS.items():
        lines.append(_line(region, [means[region] for means in regions]))
        lines += [_line(f"  {name}", [values[ATTRIBUTES.index(name)] for _, values in columns]) for name in attributes]
    lines.append(_line("mean of all 40", [float(np.nanmean(values)) for _, values in columns]))
    low, high = mean_interval(right_share(rows["label"], rows["probabilities"]))
    lines.append(f"95 % interval of the mean accuracy, over images: {100 * low:.2f} to {100 * high:.2f} %")
    sure = errors(rows["label"], rows["probabilities"], temperature := temperature_of(weights))
    lines.append(f"mean confidence {100 * sure['confidence']:.2f} %, expected calibration error "
                 f"{100 * sure['calibration_error']:.2f} %" + (
                     f"; with temperature {temperature:.3g}: {100 * sure['confidence_tempered']:.2f} %, "
                     f"{100 * sure['calibration_error_tempered']:.2f} %" if temperature else ""))
    return "\n".join(lines)


def _line(title: str, shares) -> str:
    return f"{title:22}" + "".join(f"{'-' if share is None or share != share else f'{100 * share:.2f} %':>19}"
                                   for share in shares)


@tells_errors
def main(argv: Sequence[str] | None = None) -> int:
    """The command line; the exit status is 2 for an error that the user can mend."""
    parser = argparse.ArgumentParser(description=first_line(__doc__))
    parser.add_argument("--weights", type=Path, help=".safetensors file (default: the newest that came with the kit)")
    parser.add_argument("--data", default="", help="as in run.py")
    parser.add_argument("--no-flip", action="store_true", help="judge each image alone, without its mirror image")
    arguments = parser.parse_args(argv)
    from assignments.face_attributes.model import newest_weights

    print(evaluate(arguments.weights or newest_weights(), arguments.data, not arguments.no_flip))
    return 0


if __name__ == "__main__":
    sys.exit(main())
