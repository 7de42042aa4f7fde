"""The values that claims.yaml can name: those of the run's files, and what follows from them and from the code."""

from typing import Any

from assignments.face_attributes.attribute_table import measures, predictions, training_shares
from assignments.face_attributes.figures_ablation import Ablation
from assignments.face_attributes.figures_document import head_settings
from data_tools.drawing.attributes import ATTRIBUTES
from paddle_models.networks.face_regions import REGIONS
from paddle_models.tasks.attribute_metrics import by_region
from reports import tables
from reports.run_reader import Run


def values(run: Run, ablation: Ablation | None) -> dict[str, Any]:
    """tables.run_values, and below "derived" and "ablation" what the files do not state themselves.

    derived.images: all labelled images of the run's splits. derived.heads: sizes by region, where the run has the seven
    heads. ablation.*: differences of mean accuracy between two variants with their
    paired interval, and ablation.times.*: how many times one took of time, epochs or memory what the other took; absent
    where one of them is.
    """
    heads, widths = head_settings(run)
    model, baseline = measures(run)
    balanced, always = (by_region(measured["balanced_accuracy"], ATTRIBUTES, REGIONS) for measured in (model, baseline))
    images = {name: count for name, count in (run.result.get("images") or {}).items() if isinstance(count, int)}
    if run.result.get("judged_on") == "validation" and images.get("choosing") == images.get("validation"):
        images.pop("choosing", None)  # they are the same images
    shares, labels = training_shares(run), predictions(run)[0]
    derived = {
        "attributes": labels.shape[1], "images": sum(images.values()),
        "heads": {"count": len(heads), **{name: count for name, count in heads if name in REGIONS}},
        "first_layer": widths[0] if widths else None, "second_layer": widths[1] if len(widths) > 1 else None,
        "rarest": float(shares.min()), "commonest": float(shares.max()),
        "better_than_majority": int((model["accuracy"] > baseline["accuracy"]).sum()),
        "regions_better_balanced": sum(balanced[region] > always[region] for region in REGIONS)}
    pairs = {"l_over_s2": ("l", "s2"), "s2_over_s0": ("s2", "s0"), "wider": ("width-2048-1024", "base"),
             "deeper": ("depth-3", "base"), "dropout": ("dropout-0.5", "base"), "single": ("single", "base")}
    costs = {"l_seconds": ("seconds", "l", "s2"), "l_memory": ("peak_memory_mb", "l", "s2"),
             "dropout_epochs": ("best_epoch", "dropout-0.5", "base")}
    gains = {name: ablation.gain(*pair) for name, pair in pairs.items()} if ablation else {}
    times = {name: ablation.cost(*words) for name, words in costs.items()} if ablation else {}
    return {**tables.run_values(run), "derived": derived, "ablation": {**gains, "times": times}}
