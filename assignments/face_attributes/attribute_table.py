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
from reports.run_reader import Run
from reports.tables import Column, PlainTable

MEASURE_NAMES = {"accuracy": ("Accuracy", "准确率"), "balanced_accuracy": ("Balanced accuracy", "平衡准确率"),
                 "f1": ("F1", "F1"), "average_precision": ("Average precision", "平均精度")}


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


def attribute_rows(run: Run, chinese: bool = False) -> list[dict[str, Any]]:
    """Rows of the table: 40 attributes in head order, each region's mean after its attributes, the mean over all last.

    Keys: region, attribute, present (share of the judging images), each of MEASURES, majority_accuracy, gain.
    """
    model, baseline = measures(run)
    columns = {"present": predictions(run)[0].mean(axis=0), **model, "majority_accuracy": baseline["accuracy"],
               "gain": model["accuracy"] - baseline["accuracy"]}
    regional = {key: by_region(values, ATTRIBUTES, REGIONS) for key, values in columns.items()}
    average = "平均" if chinese else "mean"
    rows = []
    for region, attributes in REGIONS.items():
        shown = region_name(region, chinese)
        for attribute in attributes:
            place = ATTRIBUTES.index(attribute)
            rows.append({"region": shown, "attribute": attribute_name(attribute, chinese),
                         **{key: float(values[place]) for key, values in columns.items()}})
        rows.append({"region": shown, "attribute": f"{average} ({len(attributes)})",
                     **{key: values[region] for key, values in regional.items()}})
    return [*rows, {"region": "全部" if chinese else "All", "attribute": f"{average} ({len(HEAD_ORDER)})",
                    **{key: mean(values) for key, values in columns.items()}}]


def columns_of(chinese: bool = False) -> Sequence[Column]:
    """Columns of the table, shares in percent."""
    def percent(key: str, en: str, zh: str, signed: bool = False) -> Column:
        return Column(key, f"{zh}（%）" if chinese else f"{en}, %", 1, 100, signed)

    return (Column("region", "部位" if chinese else "Region"), Column("attribute", "属性" if chinese else "Attribute"),
            percent("present", "Present", "占比"), *(percent(key, *MEASURE_NAMES[key]) for key in MEASURES),
            percent("majority_accuracy", "Majority accuracy", "多数类准确率"), percent("gain", "Gain", "提升", signed=True))


def table(run: Run, language: str = "en") -> PlainTable:
    """The table of all attributes, in either language."""
    chinese = language == "zh"
    n, context = len(predictions(run)[0]), tables.heading(tables.run_context(run), language)
    above = f"{context}；评测图像：{n}" if chinese else f"{context}; images judged: {n}"
    return PlainTable("各属性与部位的结果" if chinese else "Attributes and regions", above, columns_of(chinese),
                      attribute_rows(run, chinese))
