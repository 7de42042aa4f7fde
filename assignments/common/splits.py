"""What passes through a work: the data set that was found, its stores, and a training that has come to its end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from data_tools.packed.arrays import Store


@dataclass(frozen=True)
class DataSet:
    """Image sets or stores, and where they are from: "real", "subset" or "drawn"."""

    training: Any
    test: Any
    validation: Any = None
    origin: str = "real"
    path: str = ""
    notes: Sequence[str] = ()
    classes: Sequence[str] = ()


@dataclass(frozen=True)
class Splits:
    """Stores of one data set. training, chooser: what is trained on and what picks the best epoch, of each the rows
    that count (None: all). test: what the best weights are judged on, once. chosen_on: the chooser in words."""

    training: "Store"
    chooser: "Store"
    test: "Store"
    rows: tuple["np.ndarray | None", "np.ndarray | None"] = (None, None)
    chosen_on: str = "the validation images"
    more: Mapping[str, "Store"] = field(default_factory=dict)
    """other stores that answers are wanted of, by name"""
    found: Any = None
    """the data set that the stores are of"""
    left_out: Mapping[str, Any] = field(default_factory=dict)
    """what the setting `without` has taken from the training rows, as result.json says it"""

    @property
    def fingerprint(self) -> str:
        """Of the training data: another one for other images, or where some are left out."""
        return "-".join([self.training.fingerprint, *([self.left_out["sha256"]] if self.left_out else [])])

    @property
    def stores(self) -> list["Store"]:
        """Each of them once."""
        return list({id(store): store for store in
                     (self.training, self.chooser, self.test, *self.more.values())}.values())


@dataclass(frozen=True)
class Finished:
    """A training that has come to its end: best weights in the trainer's networks, `rows` of all test images, and
    `more` rows, of the stores that splits.more names."""

    run: Any
    settings: Any
    splits: Splits
    trainer: Any
    rows: Mapping[str, "np.ndarray"]
    more: Mapping[str, Mapping[str, "np.ndarray"]]

    @property
    def found(self) -> Any:
        """The data set."""
        return self.splits.found

    @property
    def network(self) -> Any:
        """The first network of the task: the one that answers."""
        return next(iter(self.trainer.task.networks.values()))

    def most_wrong(self, images: Any) -> dict[str, "np.ndarray"]:
        """Of artifacts.npz: the test images with the largest loss; images: the set that the test images were packed of.
        """
        from assignments.common.examples import most_wrong

        return most_wrong(self.rows, self.splits.test, images)
