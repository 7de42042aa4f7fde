"""The kit in three lines of Python: `from assignments import api`. Notebooks use this and nothing below it.

    faces = api.load("face_attributes")         # a trained network
    faces("portrait.jpg")                       # its answer to a picture
    run = api.train("glasses", epochs=3)        # a run folder, read

What goes wrong is a KitError with the message of the command line. docs/api.md shows every function.
"""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

from assignments.common.works import work_names, work_of
from data_tools.errors import KitError
from data_tools.files.places import expand

if TYPE_CHECKING:
    import numpy as np

    from reports.run_reader import Run

__all__ = ["check", "enlarge", "evaluate", "figure", "load", "read_run", "setup", "train", "works"]

Pictures = Union[str, Path, "np.ndarray", Sequence[Union[str, Path, "np.ndarray"]]]


def works() -> list[str]:
    """The names of the works."""
    return work_names()


def load(name: str, weights: str | Path = "") -> "Model":
    """The trained network of a work, which is called on pictures.

    weights: a run folder, or a file of `python -m assignments release`; empty: those that came with the kit, else those
    of the best run.
    """
    import paddle_models  # noqa: F401  sets the environment before Paddle is imported
    from paddle_models.fast.fast_layers import accelerate
    from paddle_models.trainer import runtime

    work = work_of(name)
    if not work.has_network or not work.labelled:
        raise KitError(f"load({name!r}): this work has no network that answers pictures"
                       + ("; take enlarge()" if work.has_network else ""))
    runtime.start("auto")
    settings, classes, network = _of_file(work, expand(weights)) if _is_file(name, weights) else _of_run(work, weights)
    network.eval()
    accelerate(network)
    return Model(work, settings, classes, network)


class Model:
    """A trained network with the recipe of its work from a picture to an answer.

    classes: names of the answers, () for a yes or no. settings: those it was trained with.
    """

    def __init__(self, work: Any, settings: Any, classes: Sequence[str], network: Any):
        self.name, self.settings, self.classes, self.network = work.name, settings, tuple(classes), network
        self._work = work

    def __call__(self, pictures: Pictures) -> "np.ndarray":
        """Probabilities float32, one row per picture: (N, classes), or (N,) of yes; for a single picture one row alone.

        pictures: a path, an array (H, W, 3) RGB, uint8 or floats in [0, 1], or a list of these. They are cut and
        resized as the pictures of the training were. KitError for what is no picture, with its name or its place.
        """
        import numpy as np
        import paddle

        from data_tools.batches.loader import make_loader
        from paddle_models.trainer.batches import tensors

        single = isinstance(pictures, (str, Path)) or isinstance(pictures, np.ndarray) and pictures.ndim == 3
        with self._packed([pictures] if single else list(pictures)) as store, paddle.no_grad():
            task = self._work.task(self.settings, self.network, self.classes)
            batches = make_loader(store, 32, shuffle=False, seed=0, epoch=0,
                                  normalize=self._work.normalize(self.settings))
            parts = [task.evaluate(tensors(batch)) for batch in batches]
        found = np.concatenate([part["probabilities"] for part in parts])
        return found[0] if single else found

    def heat_map(self, picture: "str | Path | np.ndarray") -> "tuple[np.ndarray, np.ndarray]":
        """Where the network looks: (what it sees of a picture, (H, W, 3) uint8; Grad-CAM of its likeliest answer,
        float32 (h, w) in 0..1, fewer pixels of the same square)."""
        import numpy as np
        import paddle

        from paddle_models.tasks.gradcam import grad_cam

        with self._packed([picture]) as store:
            images = self._work.normalize(self.settings)(np.asarray(store.images[:1]))
        inputs, (low, high) = paddle.to_tensor(images), self._work.value_range
        with paddle.no_grad():
            likeliest = self.network(inputs).numpy().argmax(axis=1)
        seen = np.round((images[0].transpose(1, 2, 0) - low) * (255 / (high - low))).astype("uint8")
        return seen, grad_cam(self.network, inputs, likeliest)[0]

    @contextmanager
    def _packed(self, pictures: Sequence[Any]) -> Iterator[Any]:
        """The store of pictures, in a folder that goes away."""
        import tempfile

        images = _image_set(pictures, len(self._work.outputs))
        with tempfile.TemporaryDirectory(prefix="api-") as scratch:
            yield self._work.pack(images, self.settings, folder=scratch, progress=False)

    def __repr__(self) -> str:
        return f"Model({self.name}, {type(self.network).__name__}, {len(self.classes)} classes)"


def enlarge(picture: "str | Path | np.ndarray", weights: str | Path = "blend") -> "np.ndarray":
    """A picture four times as wide and high, (4H, 4W, 3) uint8 RGB, by Swift-SRGAN.

    picture: a path, or an array (H, W, 3) RGB, uint8 or floats in [0, 1]. weights: "blend" ("blend:0.5": with this
    sharpness), "pixel", "adversarial", a run folder or a file, as of `predict swift_srgan`.
    """
    import paddle_models  # noqa: F401  sets the environment before Paddle is imported
    from assignments.swift_srgan.generators import load_generator
    from data_tools.files.image_set import decode
    from paddle_models.deploy.tiling import enlarge as enlarge_in_tiles
    from paddle_models.fast.fast_layers import accelerate
    from paddle_models.trainer import runtime

    runtime.start("auto")
    generator = load_generator(weights)
    accelerate(generator.network)
    return enlarge_in_tiles(generator, generator.scale, decode(_encoded(picture, "the picture"), str(picture)[:100]))


def train(name: str, preset: str = "sample", out: str | Path = "", **settings: Any) -> "Run":
    """Train a work and read its run. KeyboardInterrupt where it was stopped: `train(name, resume=FOLDER)` goes on.

    preset: of the work's presets.yaml. out: a new folder; empty: one under runs/. settings: single fields as on the
    command line, those of a group as a dictionary: epochs=3, optimizer={"lr": 0.01}.
    """
    from assignments.common.live_curve import live_curve
    from assignments.common.runner import start
    from paddle_models.trainer.run_folder import new_run_path

    work, resume = work_of(name), settings.pop("resume", None)
    folder = expand(resume or out) if resume or out else new_run_path(name, preset)
    begin = ["--resume", str(folder)] if resume else ["--preset", preset, "--out", str(folder)]
    with live_curve(folder):
        status = start(work, [*begin, *_options(settings)], quiet=True)
    if status != 0:
        raise KeyboardInterrupt(f"stopped; api.train({name!r}, resume={str(folder)!r}) goes on")
    return read_run(folder)


def read_run(run: str | Path) -> "Run":
    """A run folder, or the best run of a work: .result, .metrics, .config, .series("epoch", "epoch", "val/accuracy"),
    .arrays("predictions.npz"). Nothing in it is trusted."""
    from assignments.common.figure_scripts import script_of
    from assignments.common.runs import find_run

    path, name = find_run(str(run), work_names(), ["config.yaml"])
    return script_of(name).open(path)


def evaluate(run: "Run | str | Path", data: str = "") -> dict[str, Any]:
    """The best weights of a run measured anew: {"metrics", "baseline", "images", "origin"}.

    data: the images; empty: where the work finds some, else its drawn ones. baseline: what answers get that know
    nothing. A class of students is graded by `python -m assignments grade`, in a jail.
    """
    found = _run(run)
    judged = work_of(found.assignment).judge(found.path, data)
    return {"metrics": dict(judged.metrics), "baseline": dict(judged.baseline), "images": judged.n,
            "origin": judged.origin}


def figure(run: "Run | str | Path", number: str, language: str = "en") -> Any:
    """A figure of a run as a matplotlib Figure. number: "2.1", or a name; a wrong one lists them all."""
    from assignments.common.figure_scripts import script_of
    from reports.figures import style

    found = _run(run)
    entries = {entry.number: entry for entry in script_of(found.assignment).figures_of(found)}
    if number not in entries:
        raise KitError(f"figure {number!r}: {found.assignment} has no such figure; there are {', '.join(entries)}")
    return entries[number].make(found, style.start(language))


def check(name: str, function: Callable[..., Any], language: str = "en") -> str:
    """A function of an exercise of the work, found by its name and tried on the public example: what is wrong, or that
    nothing is. This is no grade: `python -m assignments exercises NAME` writes the folder that is handed in.
    """
    from assignments.common.in_place import try_in_place

    wrong = try_in_place(name, function, language)
    return wrong or ("正确（公开示例）" if language == "zh" else "right, on the public example")


def setup() -> str:
    """Begin a notebook: what is missing is installed, with a line that says so; Python, Paddle, cores and data found
    are told. Returns the preset to take: $KIT_PRESET, else "sample".
    """
    import os

    from assignments.common.live_curve import show_figures
    from assignments.common.packages import install_missing

    install_missing()
    show_figures()
    from assignments.common.surroundings import summary

    print("\n".join(summary()))
    return os.environ.get("KIT_PRESET", "sample")


def _run(run: "Run | str | Path") -> "Run":
    return read_run(run) if isinstance(run, (str, Path)) else run


def _is_file(name: str, weights: str | Path) -> bool:
    """Whether weights are a file, or come with the kit."""
    return expand(weights).is_file() if weights else bool(_of_kit(name))


def _of_kit(name: str) -> list[Path]:
    from assignments.common.pretrained import FOLDER

    return sorted(FOLDER.glob(f"{name}*.safetensors"))


def _of_run(work: Any, weights: str | Path) -> tuple[Any, Sequence[str], Any]:
    from assignments.common.export import BEST, named_classes, trained
    from assignments.common.runs import find_run
    from paddle_models.trainer.run_folder import read_config
    from paddle_models.trainer.settings import from_dict

    run, name = find_run(str(weights or work.name), work_names(), [BEST])
    if name != work.name:
        raise KitError(f"{run} is a run of {name}, not of {work.name}")
    settings = from_dict(work.settings, read_config(run, name)[1], str(run / "config.yaml"))
    classes = tuple(work.classes) or (() if work.outputs else named_classes(run))
    return settings, classes, trained(work, settings, run, classes)


def _of_file(work: Any, file: Path) -> tuple[Any, Sequence[str], Any]:
    import dataclasses

    from data_tools.files.plain_yaml import parse_yaml
    from paddle_models.trainer.checkpoint import load_network_arrays
    from paddle_models.trainer.settings import from_dict
    from paddle_models.weights.files import load_weights

    file = file if file.is_file() else _of_kit(work.name)[-1]
    arrays, said = load_weights(file)
    if said.get("assignment") != work.name:
        raise KitError(f"{file} holds no weights that `release` wrote of {work.name}")
    fields = {field.name for field in dataclasses.fields(work.settings)}
    values = {key: parse_yaml(value, file) for key, value in said.items() if key in fields}
    settings = from_dict(work.settings, values, str(file))
    network = work.rebuild(settings, tuple(work.classes), list(arrays))
    load_network_arrays(network, arrays, str(file))
    return settings, tuple(work.classes), network


class _Given:
    """Pictures as a source of encoded files."""

    path = "the pictures given"

    def __init__(self, contents: Mapping[str, bytes]):
        self._contents = contents

    def names(self) -> list[str]:
        return list(self._contents)

    def read(self, name: str, limit: int = 0) -> bytes:
        return self._contents[name]

    def head(self, name: str, count: int) -> bytes:
        return self._contents[name][:count]

    def stamp(self, name: str) -> tuple[int, int]:
        return len(self._contents[name]), 0


def _image_set(pictures: Sequence[Any], attributes: int) -> Any:
    """The pictures as images without labels."""
    import numpy as np

    from data_tools.files.image_set import ImageSet

    if not pictures:
        raise KitError("no picture was given")
    contents = {f"{number}: {picture}" if isinstance(picture, (str, Path)) else f"{number}: an array":
                _encoded(picture, f"picture {number}") for number, picture in enumerate(pictures)}
    labels = np.zeros((len(contents), attributes), "uint8") if attributes > 1 else np.zeros(len(contents), "int64")
    return ImageSet("given", _Given(contents), tuple(contents), labels)


def _encoded(picture: Any, name: str) -> bytes:
    """The bytes of a file, or of an array as PNG."""
    import numpy as np
    from PIL import Image

    if isinstance(picture, (str, Path)):
        try:
            return expand(picture).read_bytes()
        except OSError as error:
            raise KitError(f"{picture}: {error.strerror}; give the path of a picture") from None
    array = np.asarray(picture)
    floats = array.dtype.kind == "f" and array.size and 0 <= array.min() and array.max() <= 1
    if array.ndim != 3 or array.shape[2] != 3 or not array.size or not (floats or array.dtype == np.uint8):
        raise KitError(f"{name} is an array {array.dtype} {array.shape}; wanted are (H, W, 3), uint8 or floats in "
                       "[0, 1]")
    if floats:
        array = np.round(255 * array).astype("uint8")
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG", compress_level=1)
    return file.getvalue()


def _options(settings: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Settings as words of a command line."""
    import json

    words: list[str] = []
    for name, value in settings.items():
        if isinstance(value, Mapping):
            words += _options(value, f"{prefix}{name}.")
        else:
            words.append(f"--{prefix}{name}={value if isinstance(value, (str, Path)) else json.dumps(value)}")
    return words
