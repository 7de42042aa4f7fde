"""What the tabs answer: a picture (H, W, 3) uint8 RGB and the chosen network to arrays and HTML.

Networks are loaded once. All of it belongs into one thread: Paddle counts its threads for each of the process's.
"""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from assignments.demo import show
from data_tools.errors import KitError
from data_tools.files.image_set import decode, opened
from reports.figures.words import Words, words_beside

if TYPE_CHECKING:
    from data_tools.sets.face_finder import Face

MOST_PIXELS = 25_000_000  # of a picture
MOST_TO_ENLARGE = 500_000  # pixels of one that becomes 16 times as large
MOST_FACES = 24  # the largest ones of a picture
SMALLEST_FACE = 0.04  # share of the picture's longest side
NUMBER = 1 / 30  # height of the numbers at the boxes, over the picture's longest side
SIDE = 448  # pixels of a picture with its heat map


def read(file: Path, name: str, t: Words, most: int = MOST_PIXELS) -> np.ndarray:
    """An uploaded file, called `name`, as a picture; its size is looked at before it is decoded. KitError for what is
    no picture, has more than `most` pixels, or is gone."""
    try:
        content = file.read_bytes()
    except OSError:
        raise KitError(t("gone", name=name)) from None
    with opened(content, name) as image:
        if image.width * image.height > most:
            raise KitError(t("too_large", name=name, width=image.width, height=image.height, most=most))
    return decode(content, name)


def attributes(picture: np.ndarray, weights: str, language: str) -> tuple[np.ndarray, str]:
    """The picture with numbered faces, and the forty attributes of each, region by region."""
    from assignments.face_attributes.annotate import number_boxes
    from paddle_models.deploy.predictor import read_card

    t, reader, faces = words_beside(__file__, "faces", language), _reader(weights), _faces(picture)
    if not faces:
        raise KitError(t("no_face"))
    probabilities = reader([reader.crop(picture, face) for face in faces])
    shown = number_boxes(picture, [face.box for face in faces], NUMBER)
    return shown, show.attributes(probabilities, read_card(reader.folder).temperature, t)


def enlarged(picture: np.ndarray, weights: str, language: str) -> tuple[tuple[np.ndarray, np.ndarray], str]:
    """Bicubic and Swift-SRGAN's enlargement, of one size."""
    from assignments import api
    from data_tools.batches.bicubic import enlarge_bicubic

    t = words_beside(__file__, "enlarge", language)
    by_network = api.enlarge(picture, weights)
    (height, width), scale = by_network.shape[:2], by_network.shape[0] // picture.shape[0]
    said = t("sizes", before=f"{picture.shape[1]}x{picture.shape[0]}", after=f"{width}x{height}")
    return (enlarge_bicubic(picture, scale), by_network), show.note(said)


def species(picture: np.ndarray, weights: str, language: str) -> tuple[np.ndarray, str]:
    """What the network sees under its heat map, and the probability of each species."""
    model = _model("monkey_species", weights)
    seen, heat = model.heat_map(picture)
    return _heated(seen, heat), show.species(model.classes, model(picture), words_beside(__file__, "monkeys", language))


def glasses(picture: np.ndarray, weights: str, language: str, whole: bool) -> tuple[np.ndarray, str]:
    """The picture with numbered faces, and the probability of glasses of each beside the uncertain band; whole: the
    picture itself is the face."""
    from assignments.face_attributes.annotate import number_boxes
    from assignments.glasses.lists import flagged
    from data_tools.sets.face_finder import align_to_celeba

    t, model = words_beside(__file__, "glasses", language), _model("glasses", weights)
    faces = [] if whole else _faces(picture)
    probabilities = model([align_to_celeba(picture, face.box, face.landmarks) for face in faces] or [picture])
    band = model.settings.uncertain
    shown = number_boxes(picture, [face.box for face in faces], NUMBER)
    said = show.glasses(probabilities, flagged(probabilities, band), band, t)
    return shown, said if faces or whole else show.note(t("no_face")) + said


def example(name: str, number: int) -> np.ndarray:
    """A drawn picture for the tab of a work, another for each number."""
    from data_tools.drawing import celeba_sample, glasses_sample, monkey_sample, texture_sample

    if name == "face_attributes":
        return np.hstack([decode(celeba_sample.draw_picture(number, face)) for face in range(3)])
    if name == "glasses":
        return decode(glasses_sample.draw_picture(number, glasses_sample.Face(1, number % 2 == 0, -1, 1.0)))
    if name == "monkey_species":
        return decode(monkey_sample.draw_picture(number, 1, number % len(monkey_sample.SPECIES), 0))
    return decode(texture_sample.draw_picture(number, 1, 0))


def _faces(picture: np.ndarray) -> "list[Face]":
    """The largest first."""
    return _finder()(picture)[:MOST_FACES]


@lru_cache(1)
def _finder() -> Any:
    from data_tools.sets.face_finder import FaceFinder, fetched_yunet

    return FaceFinder(fetched_yunet(), smallest=SMALLEST_FACE)


@lru_cache(4)
def _reader(weights: str) -> Any:
    from assignments.face_attributes.model import FaceReader

    return FaceReader(weights=Path(weights))


@lru_cache(4)
def _model(name: str, weights: str) -> Any:
    from assignments import api

    return api.load(name, weights)


def _heated(seen: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """As in the report's figure."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from reports.figures.plots import heat_overlay

    figure = Figure(figsize=(4, 4), dpi=SIDE // 4)
    canvas = FigureCanvasAgg(figure)
    heat_overlay(figure.add_axes((0, 0, 1, 1)), seen, heat)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
