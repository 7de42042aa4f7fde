"""What a run measured for each attribute, each region and on the whole, beside the all-majority baseline."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from assignments.face_attributes.names import attribute_name, region_name
from data_tools.drawing.attributes import ATTRIBUTES
from data_tools.errors import KitError
from paddle_models.networks.face_regions import HEAD_ORDER, REGIONS
from paddle_models.tasks.attribute_metrics import MEASURES, by_region, majority, mean, measure_attributes
from reports import tables
from reports.figures.words import Words, words_beside
from reports.run_reader import Run
from reports.tables import Column, PlainTable


def predictions(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """(labels 0 or 1, probabilities 0..1), both (N, 40) in the data set's order, of the images that judged the run."""
    labels = run.prediction("labels", (None, len(ATTRIBUTES)), "iu")
    probabilities = run.prediction("probabilities", labels.shape, "f")
    names = run.prediction("attributes", (len(ATTRIBUTES),), "U")
    for wrong, what in ((labels.min() < 0 or labels.max() > 1, "labels other than 0 and 1"),
                        (probabilities.min() < 0 or probabilities.max() > 1, "probabilities outside 0..1"),
                        (names.tolist() != list(ATTRIBUTES), "attributes in another order than CelebA's")):
        if wrong:
            raise KitError(f"{run.path / 'predictions.npz'} holds {what}; make the run again")
    return labels, probabilities


def training_shares(run: Run) -> np.ndarray:
    """Share of the training images that have each attribute, (40,) in the data set's order."""
    return run.artifact("frequency_training", (len(ATTRIBUTES),), "f")


def measures(run: Run) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """MEASURES of the network and of the baseline that always gives the value more frequent in training; (40,) each."""
    labels, probabilities = predictions(run)
    return measure_attributes(labels, probabilities), majority(training_shares(run)[None], labels)


def attribute_rows(run: Run, language: str = "en") -> list[dict[str, Any]]:
    """Rows of the table: 40 attributes in head order, each region's mean after its attributes, the mean over all last.

    Keys: region, attribute, present (share of the judging images), each of MEASURES, majority_accuracy, gain.
    """
    model, baseline = measures(run)
    t, chinese = words_beside(__file__, "attributes", language), language == "zh"
    columns = {"present": predictions(run)[0].mean(axis=0), **model, "majority_accuracy": baseline["accuracy"],
               "gain": model["accuracy"] - baseline["accuracy"]}
    regional = {key: by_region(values, ATTRIBUTES, REGIONS) for key, values in columns.items()}
    rows = []
    for region, attributes in REGIONS.items():
        shown = region_name(region, chinese)
        for attribute in attributes:
            place = ATTRIBUTES.index(attribute)
            rows.append({"region": shown, "attribute": attribute_name(attribute, chinese),
                         **{key: float(values[place]) for key, values in columns.items()}})
        rows.append({"region": shown, "attribute": t("mean", count=len(attributes)),
                     **{key: values[region] for key, values in regional.items()}})
    return [*rows, {"region": t("all"), "attribute": t("mean", count=len(HEAD_ORDER)),
                    **{key: mean(values) for key, values in columns.items()}}]


def columns_of(t: Words) -> Sequence[Column]:
    """Columns of the table, shares in percent."""
    def percent(key: str, word: str, signed: bool = False) -> Column:
        return Column(key, t("percent", measure=t(word)), 1, 100, signed)

    return (Column("region", t("region")), Column("attribute", t("attribute")), percent("present", "present"),
            *(percent(key, f"measure_{key}") for key in MEASURES), percent("majority_accuracy", "majority_accuracy"),
            percent("gain", "gain", signed=True))


def table(run: Run, language: str = "en") -> PlainTable:
    """The table of all attributes, in either language."""
    t, context = words_beside(__file__, "attributes", language), tables.heading(tables.run_context(run), language)
    above = t("above", context=context, count=len(predictions(run)[0]))
    return PlainTable(t("title"), above, columns_of(t), attribute_rows(run, language))
