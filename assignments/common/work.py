"""A work as a declaration: what only it knows. Training, judging, export and the rest follow from that.

The smallest work says where its images are (`find`) and which network answers (`network`). Everything else has a
default that a work overrides where it differs: see assignments/glasses/run.py, and assignments/swift_srgan/run.py for
a GAN.

The recipe from a picture to the network's input is `pack` (what is stored) and `normalize` (what is fed); training,
judge, evaluation, export and predict use these two and no other.
"""

import dataclasses
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from assignments.common.runner import run_work
from assignments.common.settings import WorkSettings
from assignments.common.splits import Finished, Splits
from assignments.common.without import keep_share, leave_out
from data_tools.errors import KitError

if TYPE_CHECKING:
    import numpy as np

    from data_tools.packed.arrays import Store


class Work:
    """Subclass it in assignments/NAME/run.py, and name an instance of the subclass WORK.

    What a run leaves behind beside its answers is written by artifacts.py beside run.py, where there is one.

    settings: dataclass of its settings. classes: names that answers are counted by, () where the data name them.
    outputs: names of the network's outputs where these are others. value_range: of the network's input. metrics: those
    that a grader measures. drawn: name of the drawn stand-in, which `data: sample` means. begun_from: what the setting
    `weights` of a submission may say. labelled: whether images have labels, by which answers are right or wrong.
    pipelines: functions of batches/augment.py by values of the setting `augmentation`. experiments: what `reproduce`
    runs beside run.py: scripts with their arguments, PRESET for the preset.
    """

    settings: ClassVar[type] = WorkSettings
    classes: ClassVar[Sequence[str]] = ()
    outputs: ClassVar[Sequence[str]] = ()
    value_range: ClassVar[tuple[float, float]] = (-1.0, 1.0)
    metrics: ClassVar[Sequence[str]] = ("accuracy",)
    drawn: ClassVar[str] = ""
    begun_from: ClassVar[Sequence[str]] = ()
    labelled: ClassVar[bool] = True
    pipelines: ClassVar[Mapping[str, str]] = {}
    experiments: ClassVar[Sequence[Sequence[str]]] = ()

    @cached_property
    def folder(self) -> Path:
        """assignments/NAME: where the subclass is written."""
        return Path(sys.modules[type(self).__module__].__file__ or "").resolve().parent

    @property
    def name(self) -> str:
        """That of the folder."""
        return self.folder.name

    # ---- what a work says of itself

    def find(self, data: str) -> Any:
        """The data set that --data names: a DataSet, or any object with its attributes."""
        raise KitError(f"assignments/{self.name}/run.py: {type(self).__name__} says nothing of its data; give it a "
                       "method find(self, data)")

    def network(self, settings: Any, classes: Sequence[str]) -> Any:
        """The network of these settings, with fresh weights or those of settings.weights."""
        raise KitError(f"assignments/{self.name}/run.py: {type(self).__name__} says nothing of its network; give it a "
                       "method network(self, settings, classes)")

    def rebuild(self, settings: Any, classes: Sequence[str], trained: Sequence[str]) -> Any:
        """The same with fresh weights for a file that holds the arrays `trained`; no file is opened."""
        fresh = {"weights": ""} if hasattr(settings, "weights") else {}
        return self.network(dataclasses.replace(settings, **fresh), classes)

    def task(self, settings: Any, network: Any, classes: Sequence[str], training: "Store | None" = None) -> Any:
        """Losses and metrics; training: the images that are trained on, None where the network is only judged."""
        from paddle_models.tasks.classification import ClassificationTask

        return ClassificationTask(network, classes)

    def check(self, settings: Any) -> None:
        """KitError for settings that fit no network, before any image is packed."""

    def describe(self, settings: Any) -> str:
        """What is trained, in a few words for the log."""
        return self.name

    def pack(self, images: Any, settings: Any, **how: Any) -> "Store":
        """Images decoded and resized as the network is fed; stores are taken as they are. how: as of the store."""
        from data_tools.files.image_set import ImageSet
        from data_tools.packed.store import PackedStore

        if not isinstance(images, ImageSet):
            return images
        return PackedStore.open(images, settings.image_size, skip_unreadable=settings.skip_unreadable, **how)

    def normalize(self, settings: Any) -> Callable[["np.ndarray"], "np.ndarray"]:
        """From the store to the network: (B, H, W, 3) uint8 to float32 (B, 3, H, W) in `value_range`."""
        from data_tools.batches.loader import to_signed_unit

        return to_signed_unit

    def augmenter(self, settings: Any) -> Any:
        """Random changes of the training images: of `pipelines` the one that settings.augmentation names; else None."""
        from data_tools.batches import augment

        name = self.pipelines.get(getattr(settings, "augmentation", ""))
        return augment.Augmenter(getattr(augment, name)()) if name else None

    def judged(self, found: Any) -> Any:
        """The images that weights are judged on."""
        return found.test

    def split(self, settings: Any, found: Any) -> Splits:
        """What is trained on, chosen by and judged on. Where settings.choose_on does not say otherwise, validation
        images choose that are not judged on, and a part of the training images (settings.holdout) where there are none.
        """
        from data_tools.batches.loader import hold_out
        from data_tools.sets.near_duplicates import groups_in

        training, judged = self.pack(found.training, settings), self.judged(found)
        test, validation = self.pack(judged, settings), getattr(found, "validation", None)
        choose_on, own = getattr(settings, "choose_on", "auto"), validation is not judged
        there = validation is not None and len(validation) > 0
        if choose_on == "validation" and not there:
            raise KitError("setting choose_on: the validation split has no images here; use holdout or auto")
        if choose_on == "validation" or choose_on == "auto" and there and own:
            chosen_on = "the validation images" if own else "the validation images themselves, which judge too"
            return Splits(training, self.pack(validation, settings) if own else test, test, chosen_on=chosen_on)
        share = getattr(settings, "holdout", 0.1)
        rows = hold_out(training.labels, share, settings.seed, groups_in(training))
        return Splits(training, training, test, rows, f"{share:.0%} of the training images")

    def answers(self, rows: Mapping[str, "np.ndarray"], store: "Store") -> dict[str, "np.ndarray"]:
        """Of predictions.npz what follows from weights and images alone, from the rows of the task's evaluation."""
        import numpy as np

        return {"names": np.array(store.names), "labels": rows["label"], "probabilities": rows["probabilities"]}

    def score(self, predictions: Mapping[str, "np.ndarray"]) -> dict[str, float]:
        """The metrics from the arrays of predictions.npz: of a run, of what it claims, and of the grader's own."""
        right = predictions["probabilities"].argmax(axis=1) == predictions["labels"]
        return {"accuracy": float(right.mean())}

    def baseline(self, predictions: Mapping[str, "np.ndarray"]) -> dict[str, float]:
        """What score() gives to one answer for all images, as probable as each class is frequent among them."""
        import numpy as np

        labels, probabilities = predictions["labels"], predictions["probabilities"]
        if probabilities.ndim > labels.ndim:
            shares = np.bincount(labels.astype("int64"), minlength=probabilities.shape[1]) / len(labels)
        else:
            shares = labels.mean(axis=0)
        same = np.broadcast_to(shares, probabilities.shape).astype(probabilities.dtype)
        return self.score({**predictions, "probabilities": same})

    def predictions(self, done: Finished) -> dict[str, "np.ndarray"]:
        """All of predictions.npz."""
        import numpy as np

        named = {"classes": np.array(self.classes_of(done.found))}
        return {**self.answers(done.rows, done.splits.test), **self._beside("answers", lambda _: named)(done)}

    def artifacts(self, done: Finished) -> dict[str, "np.ndarray"]:
        """The arrays that only figures need: the images it got most wrong, and `arrays(done)` of artifacts.py."""
        return {**done.most_wrong(self.judged(done.found)), **self._beside("arrays", lambda _: {})(done)}

    def result(self, done: Finished, predictions: Mapping[str, "np.ndarray"]) -> dict[str, Any]:
        """What result.json says beside what every training says: `result(done, predictions)` of artifacts.py."""
        return self._beside("result", self._scores)(done, predictions)

    def released(self, settings: Any) -> dict[str, str]:
        """Metadata of weights that are passed on: what is needed to build their network again."""
        return {"image_size": str(settings.image_size)} if hasattr(settings, "image_size") else {}

    def input_shape(self, settings: Any) -> tuple[int, ...]:
        """(C, H, W) of one input."""
        return 3, settings.image_size, settings.image_size

    def searched(self) -> Mapping[str, Callable[[], Any]]:
        """What `doctor` looks for: {name of the data: function that finds them without --data, else None}."""
        return {}

    # ---- what follows

    @property
    def has_network(self) -> bool:
        """Whether one answers, which can be exported and passed on."""
        return type(self).network is not Work.network

    def _beside(self, name: str, default: Callable) -> Callable:
        """The function of artifacts.py beside run.py, or a default where there is none."""
        if not (self.folder / "artifacts.py").is_file():
            return default
        return getattr(import_module(f"assignments.{self.name}.artifacts"), name, default)

    def _scores(self, done: Finished, predictions: Mapping[str, "np.ndarray"]) -> dict[str, Any]:
        """`metrics` with n each, the accuracy with its 95 % interval."""
        from paddle_models.tasks.metrics import wilson_interval

        count = len(done.splits.test)
        scores = self.score(predictions)
        metrics: dict[str, Any] = {name: {"value": value, "n": count} for name, value in scores.items()}
        if "accuracy" in metrics:
            low, high = wilson_interval(round(metrics["accuracy"]["value"] * count), count)
            metrics["accuracy"].update(low=low, high=high)
        return {"metrics": metrics}

    def main(self, argv: Sequence[str] | None = None) -> int:
        """The command line; the status is 2 for an error that the user can mend, 130 for a run that was stopped."""
        return run_work(self, argv)

    def classes_of(self, found: Any) -> tuple[str, ...]:
        """Names of the outputs: the data's, else the work's own."""
        return tuple(getattr(found, "classes", ()) or self.classes)

    def splits(self, settings: Any) -> Splits:
        """The stores of settings.data, packed where they are not yet, with a line for people about what was found."""
        from paddle_models.trainer.progress import say

        found = self.find(getattr(settings, "data", ""))
        counts = {name: len(getattr(found, name)) for name in ("training", "validation", "test", "unlabelled")
                  if getattr(found, name, None) is not None}
        say(f"data: {found.path} ({found.origin}); images: " + ", ".join(f"{name} {n}" for name, n in counts.items()))
        for note in found.notes:
            say(f"  {note}")
        splits = dataclasses.replace(self.split(settings, found), found=found)
        splits = leave_out(splits, settings.without) if getattr(settings, "without", "") else splits
        share = getattr(settings, "training_share", 1.0)
        return keep_share(splits, share, settings.seed) if share < 1 else splits

    def train(self, settings: Any, run: Any, device: str, resume: bool) -> dict[str, Any]:
        """Fit, load the best weights, judge them once on the test images; writes arrays, returns result.json."""
        from paddle_models.networks.parts import count_parameters
        from paddle_models.tasks.complexity import multiply_adds
        from paddle_models.trainer.fitting import summary

        self.check(settings)
        splits = self.splits(settings)
        trainer = self.fit(settings, splits, run, device, resume)
        rows, *more = (trainer.evaluate(trainer.data.in_order(store))[0]
                       for store in (splits.test, *splits.more.values()))
        done = Finished(run, settings, splits, trainer, rows, dict(zip(splits.more, more)))
        predictions = self.predictions(done)
        run.write_arrays("predictions", predictions)
        run.write_arrays("artifacts", self.artifacts(done))
        left_out = [name for store in splits.stores for name in getattr(store, "unreadable", ())]
        return {"origin": done.found.origin, "data": done.found.path, "chosen_on": splits.chosen_on,
                "unreadable": list(dict.fromkeys(left_out)),
                **({"without": dict(splits.left_out)} if splits.left_out else {}),
                **self.result(done, predictions), **summary(trainer), "parameters": count_parameters(done.network),
                "multiply_adds": multiply_adds(done.network, (1, *self.input_shape(settings)))}

    def fit(self, settings: Any, splits: Splits, run: Any, device: str, resume: bool = False,
            stopping: Any = None) -> Any:
        """A Trainer at its end, with the best weights in its networks. stopping: in place of plain early stopping."""
        from assignments.common.trainers import make_trainer
        from paddle_models.trainer.fitting import fit_best

        trainer, layers = make_trainer(self, settings, splits, run, device)
        trainer.stopping = stopping or trainer.stopping
        run.on_ready(trainer, splits.found)
        fit_best(trainer, resume, splits.fingerprint, layers)
        return trainer

    def batches(self, settings: Any, splits: Splits) -> Any:
        """The batches of a training and of its validation."""
        from paddle_models.trainer.store_data import StoreData

        return StoreData(splits.training, splits.chooser, batch_size=settings.batch_size, seed=settings.seed,
                         workers=settings.workers, augmenter=self.augmenter(settings), training_rows=splits.rows[0],
                         validation_rows=splits.rows[1], normalize=self.normalize(settings))

    # ---- the grader's second look: what happens is in judging.py

    def rubric(self, data: str, usual: str) -> str:
        """The file by which runs on these data are graded, else rubric.yaml; usual: the data of the preset sample."""
        return "rubric.yaml" if data == usual else "rubric_real.yaml"

    def prepare(self, data: str) -> None:
        """Decode the grader's data at the sizes of all presets, before a submission does."""
        from assignments.common import judging

        judging.prepare(self, data)

    def ground(self, data: str) -> Any:
        """The Ground that is judged on; starts no thread."""
        from assignments.common import judging

        return judging.ground_of(self, data)

    def judge(self, run: Path, data: str) -> Any:
        """Judged: the best weights of a submission on the test images of the grader's data."""
        from assignments.common import judging

        return judging.judge(self, run, data)
