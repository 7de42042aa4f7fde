"""What experiments.py and label_errors.py wrote, read and checked: figure 11, suspects, the document's tables; see
figures.py."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data_tools.errors import KitError
from reports.figures import numbers, plots, style
from reports.figures.style import Labels
from reports.figures.words import Words, words_beside
from reports.run_reader import Run, look_up
from reports.tables import Column, PlainTable, clean, heading, run_context

FILE = "result.json"
COMMANDS = {"experiments": "python assignments/glasses/experiments.py --preset sample",
            "label_errors": "python assignments/glasses/label_errors.py --preset sample"}
MEASURES = ("val_accuracy", "val_loss", "test_accuracy", "test_loss", "seconds", "epochs")
CURVES = ("train_accuracy", "val_accuracy", "val_loss")
MOST = {"choices": 40, "runs": 40, "epochs": 5000, "suspects": 2000}
# The document's tables: {label: (first measure, second measure)}
RESOLUTION = {"32": (1.1, 0.8611), "64": (3.6, 0.8733), "128": (13, 0.8444)}  # MB of 450 images, validation accuracy
BATCH_SIZE = {"32": (33.4, 0.895), "64": (40, 0.899), "128": (34.4, 0.887)}  # seconds, validation accuracy
# test accuracy and loss
MODELS = {"untuned": (0.887, 0.388), "architecture": (0.867, 0.320), "learning rate": (0.869, 0.318)}
CHUNK = 450  # images in a record file of the document


@dataclass(frozen=True)
class Choice:
    """One setting of an experiment: MEASURES, one value per seed, (S,) each; CURVES cut to the shortest seed, (S,
    epochs).

    bytes_per_image: in the record files at this resolution; None where it was not recorded.
    """

    label: str
    measures: Mapping[str, np.ndarray]
    curves: Mapping[str, np.ndarray]
    bytes_per_image: float | None

    def mean(self, key: str) -> float:
        """Mean over the seeds."""
        return float(self.measures[key].mean())

    def spread(self, key: str) -> float | None:
        """Standard deviation over the seeds; None for one seed."""
        values = self.measures[key]
        return float(values.std(ddof=1)) if len(values) > 1 else None

    @property
    def seeds(self) -> int:
        """How many trainings."""
        return len(self.measures["seconds"])


@dataclass(frozen=True)
class Experiments:
    """What experiments.py wrote into a folder: {experiment: its choices in order}."""

    path: Path
    origin: str
    preset: str
    choices: Mapping[str, Sequence[Choice]]

    def of(self, name: str) -> dict[str, Choice]:
        """{label: choice} of an experiment, empty where it was not made."""
        return {choice.label: choice for choice in self.choices.get(name, ())}


@dataclass(frozen=True)
class Suspects:
    """What label_errors.py wrote: images (N, H, W, 3) uint8 with labels 0 or 1 and probabilities, most suspicious
    first.

    precision, recall: of planted errors, None where none are known; examined: labels that were looked at.
    """

    path: Path
    origin: str
    images: np.ndarray
    names: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray
    examined: int
    found: int
    precision: float | None
    recall: float | None


def _read(folder: Path, kind: str) -> Run:
    """The folder, with the same checks of what stands in it as for a run's."""
    if not (Path(folder) / FILE).is_file():
        raise KitError(f"{folder} holds no {FILE}; make one with: {COMMANDS[kind]}")
    return Run(Path(folder), "glasses")


def _number(entry: Any, key: str, file: Path, highest: float = 1e15, optional: bool = False) -> float | None:
    """A number from 0 to `highest` of untrusted JSON."""
    value = look_up(entry, key)
    if value is None and optional:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= highest:
        raise KitError(f"{file}: {key} is {value!r:.40}, expected a number from 0 to {highest:g}; make it again")
    return float(value)


def _list(entry: Any, key: str, file: Path, most: int) -> list:
    value = look_up(entry, key)
    if not isinstance(value, list) or not 1 <= len(value) <= most:
        raise KitError(f"{file}: {key} is {value!r:.40}, expected a list of 1 to {most}; make it again")
    return value


def read_experiments(folder: Path) -> Experiments:
    """result.json of a folder, which may come from anybody: every number is checked."""
    run = _read(folder, "experiments")
    content, file = run.json(FILE), run.path / FILE
    made = content.get("experiments")
    if not isinstance(made, dict) or not made:
        raise KitError(f"{file} holds no experiments; make it again with: {COMMANDS['experiments']}")
    choices = {str(name)[:40]: tuple(_choice(entry, file) for entry in _list(made, name, file, MOST["choices"]))
               for name in list(made)[:MOST["choices"]]}
    return Experiments(run.path, str(content.get("origin")), str(content.get("preset"))[:20], choices)


def _choice(entry: Any, file: Path) -> Choice:
    runs = _list(entry, "runs", file, MOST["runs"])
    highest = {key: 1.0 if "accuracy" in key else 1e15 for key in (*MEASURES, *CURVES)}
    measures = {key: np.array([_number(run, key, file, highest[key]) for run in runs]) for key in MEASURES}
    curves = {}
    for key in CURVES:
        found = [_list(run, f"curve.{key}", file, MOST["epochs"]) for run in runs]
        rows = [[_number({key: value}, key, file, highest[key]) for value in curve] for curve in found]
        curves[key] = np.array([row[:min(map(len, rows))] for row in rows])
    size, images = (_number(entry, key, file, optional=True) for key in ("record_bytes", "record_images"))
    return Choice(str(look_up(entry, "label"))[:30], measures, curves, size / images if size and images else None)


def read_suspects(folder: Path) -> Suspects:
    """result.json and suspects.npz of a folder, which may come from anybody."""
    run = _read(folder, "label_errors")
    content, file = run.json(FILE), run.path / FILE
    found = content.get("suspects")
    if not isinstance(found, list):
        raise KitError(f"{file}: suspects is {found!r:.40}, expected a list; make it again with: "
                       f"{COMMANDS['label_errors']}")
    arrays = {"images": np.zeros((0, 1, 1, 3), np.uint8), "names": np.zeros(0, "U1"), "labels": np.zeros(0, np.int64),
              "probabilities": np.zeros(0)}
    if found:
        images = run.array("suspects.npz", "images", (None, None, None, 3), "u")
        arrays = {"images": images, **{name: run.array("suspects.npz", name, (len(images),), kinds)
                                       for name, kinds in (("names", "U"), ("labels", "iu"), ("probabilities", "f"))}}
        wrong = arrays["labels"].max() > 1 or arrays["labels"].min() < 0 or arrays["probabilities"].max() > 1 \
            or arrays["probabilities"].min() < 0
        if wrong or len(images) > MOST["suspects"]:
            raise KitError(f"{run.path / 'suspects.npz'}: labels or probabilities outside 0..1, or more than "
                           f"{MOST['suspects']} images; make it again with: {COMMANDS['label_errors']}")
    precision, recall = (_number(content, key, file, 1.0, optional=True) for key in ("precision", "recall"))
    return Suspects(run.path, str(content.get("origin")), **arrays, examined=int(_number(content, "n", file)),
                    found=len(found), precision=precision, recall=recall)


# ---- figures


def figure_11(figure, choices: Mapping[str, Choice], t: Labels) -> None:
    """Accuracy of the models over the epochs, training and validation, a panel each."""
    _panels(figure, choices, t)


def dropout(figure, choices: Mapping[str, Choice], t: Labels) -> None:
    """The same with and without dropout."""
    _panels(figure, choices, t)


def _panels(figure, choices: Mapping[str, Choice], t: Labels) -> None:
    """A panel for each of up to four choices: training and validation accuracy, means with a band of one spread."""
    panels = figure.subplots(1, min(len(choices), 4), sharey=True, squeeze=False)[0]
    for axes, (label, choice) in zip(panels, choices.items()):
        curves = [choice.curves[key] for key in ("train_accuracy", "val_accuracy")]
        means, spreads = ([pick(values, 0) for values in curves] for pick in (np.mean, _deviation))
        plots.bands(axes, np.arange(means[0].size) + 1, means, spreads, (t("training"), t("validation")))
        title = choice_name(label, t.words) or t.plain(label, 20)
        axes.set_title(t("panel", title=title, seeds=choice.seeds), fontsize=8.5)
        axes.set_xlabel(t("epoch"))
        plots.whole_numbers(axes.xaxis)
    panels[0].set_ylabel(t("accuracy"))
    panels[0].set_ylim(top=1.01)
    plots.percent(panels[0].yaxis)
    panels[-1].legend(loc="lower right")


def choice_name(label: str, t: Words) -> str:
    """What a choice of an experiment is called, "" for one that has no name of ours."""
    key = f"choice_{label.replace(' ', '_')}"
    return t(key) if t.has(key) else ""


def _deviation(values: np.ndarray, axis: int) -> np.ndarray:
    """Standard deviation over the seeds, 0 for one seed."""
    return values.std(axis=axis, ddof=1) if len(values) > 1 else np.zeros(values.shape[1])


def resolution(figure, choices: Mapping[str, Choice], t: Labels) -> None:
    """Validation accuracy against the size of a packed image, here and in the document."""
    axes = figure.subplots()
    for number, (label, (megabytes, accuracy)) in enumerate(RESOLUTION.items()):
        axes.plot([1000 * megabytes / CHUNK], [accuracy], linestyle="none", marker=plots.MARKERS[number], markersize=7,
                  markerfacecolor="none", color=style.GREY, label=f"{label} x {label}{t('in_document')}")
    for number, (label, choice) in enumerate(choices.items()):
        if choice.bytes_per_image is None:
            continue
        spread, shown = choice.spread("val_accuracy"), t.plain(label, 8)
        axes.errorbar([choice.bytes_per_image / 1000], [choice.mean("val_accuracy")],
                      yerr=None if spread is None else [spread], fmt=plots.MARKERS[number % 5],
                      color=style.CYCLE[number % 5], capsize=3, elinewidth=1, markersize=6,
                      label=f"{shown} x {shown}{t('here')} (n = {choice.seeds})")
    plots.logarithmic(axes, "x")
    axes.set_xticks([1, 2, 5, 10, 20, 50, 100])
    axes.set(xlabel=t("kilobytes"), ylabel=t("validation_accuracy"))
    axes.margins(0.12)
    plots.percent(axes.yaxis)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))


def label_errors(figure, suspects: Suspects, t: Labels) -> None:
    """The most suspicious labels of the training set, each with what cross-validation thinks of it."""
    count = min(len(suspects.images), 15)
    titles = [suspect_title(suspects.labels[i], suspects.probabilities[i], t) for i in range(count)]
    plots.image_grid(figure, suspects.images[:count], titles, 5, size=7)
    numbers.tell(figure, {"file": [t.plain(name) for name in suspects.names[:count]],
                          "label": [label_name(label, t) for label in suspects.labels[:count]],
                          "probability_of_glasses": suspects.probabilities[:count]})


def suspect_title(label: int, probability: float, t: Labels) -> str:
    """Label, and the probability of glasses from a network that did not train on the image."""
    return f"{label_name(label, t)}\nP = {probability:.3f}"


def label_name(label: int, t: Labels) -> str:
    """"glasses" or "no glasses", in the language of the labels."""
    return t("glasses") if label else t("no_glasses")


# ---- the document's tables


@dataclass(frozen=True)
class Measure:
    """A pair of columns of a table: key of MEASURES (or "chunk", MB per record file of 450 images), which is its word
    as well, and how it is shown."""

    key: str
    digits: int
    scale: float = 1


CHUNK_SIZE, SECONDS = Measure("chunk", 2), Measure("seconds", 1)
VALIDATION, TEST, LOSS = Measure("val_accuracy", 1, 100), Measure("test_accuracy", 1, 100), Measure("test_loss", 3)


def _cells(choice: Choice | None, measure: Measure) -> tuple[float | None, float | None]:
    """(mean, spread) of a choice that may be absent."""
    if choice is None:
        return None, None
    if measure.key == "chunk":
        return None if choice.bytes_per_image is None else choice.bytes_per_image * CHUNK / 1e6, None
    return choice.mean(measure.key), choice.spread(measure.key)


def _table(run: Run, experiments: Experiments | None, language: str, name: str, document: Mapping[str, tuple],
           measures: Sequence[Measure]) -> PlainTable:
    """One of the document's tables: its values, ours as mean and spread over n seeds; settings that only one has as
    well."""
    t = words_beside(__file__, name, language)
    found = experiments.of(name) if experiments else {}
    columns, rows = [Column("setting", t("setting"))], []
    for measure in measures:
        shown, look = t(measure.key), (measure.digits, measure.scale)
        if document:
            columns.append(Column(f"document_{measure.key}", t("of_document", measure=shown), *look))
        columns.append(Column(measure.key, t("of_run", measure=shown), *look))
        if measure.key != "chunk":
            columns.append(Column(f"{measure.key}_spread", "±", *look))
    columns.append(Column("n", "n", 0))
    for label in dict.fromkeys([*document, *found]):
        row: dict[str, Any] = {"setting": choice_name(label, t) or clean(label, 30),
                               "n": found[label].seeds if label in found else None}
        for number, measure in enumerate(measures):
            row[f"document_{measure.key}"] = document[label][number] if label in document else None
            row[measure.key], row[f"{measure.key}_spread"] = _cells(found.get(label), measure)
        rows.append(row)
    return PlainTable(t("title"), _above(experiments, name, t), columns, rows)


def _above(experiments: Experiments | None, name: str, t: Words) -> str:
    """What holds for all of our values, or the command that makes them."""
    if experiments is None or not experiments.of(name):
        return t("not_measured", command=COMMANDS["experiments"])
    origin = t("drawn") if experiments.origin == "drawn" else experiments.origin
    return t("above", preset=experiments.preset, origin=origin)


def resolution_table(run: Run, experiments: Experiments | None, language: str) -> PlainTable:
    """Section 5: resolution, file size, validation accuracy."""
    return _table(run, experiments, language, "resolution", RESOLUTION, (CHUNK_SIZE, VALIDATION))


def batch_size_table(run: Run, experiments: Experiments | None, language: str) -> PlainTable:
    """Section 6: batch size, time, validation accuracy."""
    return _table(run, experiments, language, "batch_size", BATCH_SIZE, (SECONDS, VALIDATION))


def models_table(run: Run, experiments: Experiments | None, language: str) -> PlainTable:
    """Section 8: untuned and two tuned models."""
    return _table(run, experiments, language, "models", MODELS, (TEST, LOSS))


def dropout_table(run: Run, experiments: Experiments | None, language: str) -> PlainTable:
    """Section 6 gives no numbers for dropout, only words."""
    return _table(run, experiments, language, "dropout", {}, (VALIDATION, TEST, LOSS))


def class_shares_table(run: Run, language: str, shares: Mapping[int, tuple[float, int]]) -> PlainTable:
    """Section 5: the two classes; shares: {label: (share, images)}."""
    t = words_beside(__file__, "class_shares", language)
    columns = (Column("setting", t("class")), Column("document", t("document_share"), 3),
               Column("share", t("own_share"), 3), Column("n", t("images"), 0))
    rows = [{"setting": t(name), "document": document, "share": shares[label][0], "n": shares[label][1]}
            for label, name, document in ((1, "with_glasses", 0.635), (0, "without_glasses", 0.365))]
    return PlainTable(t("title"), heading(run_context(run), language), columns, rows)
