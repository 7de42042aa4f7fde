"""The exported network that `predict` asks: given as a folder, or exported from weights or a run once and kept in the
cache."""

from pathlib import Path

import numpy as np

from assignments.common.export import BEST, export_run, kept
from assignments.common.export import temperature_of as temperature_of_run
from assignments.common.pretrained import newest
from assignments.common.runs import find_run
from data_tools.drawing.attributes import ATTRIBUTES
from data_tools.errors import KitError
from data_tools.files.atomic import file_sha256
from data_tools.packed.store import middle_square
from data_tools.sets.face_finder import Face, align_to_celeba
from paddle_models.deploy.predictor import CARD, Predictor
from paddle_models.trainer.run_folder import read_config


class FaceReader:
    """Probabilities of CelebA's 40 attributes for faces in pictures.

    model: an exported folder; None exports `weights` (a file or a run folder), or the newest ones that came with the
    kit, into the cache. engine: see paddle_models.deploy.predictor. KitError where there are no weights, or the network
    is not one of facial attributes.
    """

    def __init__(self, model: Path | None = None, weights: Path | None = None, engine: str = "auto"):
        self.folder = Path(model) if model else exported(Path(weights) if weights else newest_weights())
        self._predictor = Predictor(self.folder, engine)
        self.engine, card = self._predictor.engine, self._predictor.card
        if sorted(card.classes) != sorted(ATTRIBUTES) or len(card.input_shape) != 3 or card.input_shape[0] != 3:
            raise KitError(f"{self.folder} is no network of facial attributes: it has {len(card.classes)} outputs and "
                           f"inputs "
                           f"of shape {card.input_shape}, wanted are CelebA's 40 attributes and RGB images")
        self._order = [card.classes.index(name) for name in ATTRIBUTES]
        self._size, self._range = card.input_shape[1:], card.value_range

    def crop(self, picture: np.ndarray, face: Face) -> np.ndarray:
        """The network's input for one face, (3, H, W) float32: CelebA's framing and its middle square."""
        import cv2

        square = middle_square(align_to_celeba(picture, face.box, face.landmarks))
        height, width = self._size
        shrinks = height <= square.shape[0] and width <= square.shape[1]
        image = cv2.resize(square, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        low, high = self._range
        return image.transpose(2, 0, 1).astype(np.float32) * np.float32((high - low) / 255) + np.float32(low)

    def __call__(self, crops: list[np.ndarray]) -> np.ndarray:
        """Probabilities float32 (N, 40) in the order of ATTRIBUTES, by the card's temperature."""
        if not crops:
            return np.zeros((0, len(ATTRIBUTES)), np.float32)
        logits = self._predictor(np.stack(crops))[:, self._order] / np.float32(self._predictor.card.temperature)
        return 1 / (1 + np.exp(-np.clip(logits, -60, 60)))


def newest_weights() -> Path:
    """The newest facial attribute weights that came with the kit."""
    return newest("face_attributes", "facial attributes",
                  ", export them (`python -m assignments export face_attributes -o "
                  "FOLDER`) and give --model FOLDER; or give a file with --weights")


def exported(weights: Path) -> Path:
    """The export of a weight file or of a run's best weights in the cache; made where there is none, or none that is
    whole."""
    file = _best_of(weights) if weights.is_dir() else weights
    if not file.is_file():
        raise KitError(f"{weights}: there is no such file or run folder; give a .safetensors file or a run of "
                       f"face_attributes")
    temperature = temperature_of_run(weights, "face_attributes") if weights.is_dir() else temperature_of(weights) or 1.0

    def write(folder: Path, onnx: bool) -> None:
        if weights.is_dir():
            export_run(str(weights), onnx, folder)
            return
        from paddle_models.deploy.export import export_network
        from paddle_models.networks.face_attributes import HEAD_ORDER

        network = network_from(weights)
        export_network(network, folder, (None, 3, *network.image_size), HEAD_ORDER, (0.0, 1.0), onnx=onnx,
                       temperature=temperature)

    return kept(f"{weights.stem}-{file_sha256(file)[:16]}-t{temperature:.4g}", write)


def _best_of(run: Path) -> Path:
    """The best weights of a run folder; KitError where it is no run of face_attributes."""
    if (run / CARD).is_file():
        raise KitError(f"{run} is an exported network; name it with --model {run}")
    read_config(run, "face_attributes")
    return find_run(str(run), ["face_attributes"], [BEST])[0] / BEST


def network_from(weights: Path):
    """The network of a .safetensors file whose metadata say variant, image_size and heads."""
    from paddle_models.networks.face_attributes import face_attribute_net
    from paddle_models.trainer.checkpoint import load_network_arrays
    from paddle_models.weights.files import load_weights

    arrays, metadata = load_weights(weights, refuse_nan=True)
    try:
        variant, heads, size = metadata["variant"], metadata["heads"], int(metadata["image_size"])
    except (KeyError, ValueError) as error:
        raise KitError(f"{weights}: its header does not say which network it belongs to (variant, heads, image_size; "
                       f"{error}); export the run it comes from with `python -m assignments export RUN`") from None
    if not 0 < size <= 1024:
        raise KitError(f"{weights}: its header says image_size {size}; at most 1024 pixels are taken")
    network = face_attribute_net(variant, size, heads, _head_widths(arrays))
    load_network_arrays(network, arrays, str(weights))
    return network


def temperature_of(weights: Path) -> float | None:
    """What the header of a .safetensors file says of it; None where it says nothing."""
    from paddle_models.weights.files import read_header

    text = read_header(weights).get("__metadata__", {}).get("temperature")
    try:
        value = None if text is None else float(text)
    except ValueError:
        value = 0.0
    if value is not None and not 0.01 <= value <= 100:  # NaN too
        raise KitError(f"{weights}: its header says temperature {text[:20]!r}, which is no number from 0.01 to 100; "
                       "export the run it comes from with `python -m assignments export RUN`")
    return value


def _head_widths(arrays: dict[str, np.ndarray]) -> list[int]:
    """Hidden layers of the heads, from the shapes of their weights (inputs, outputs)."""
    widths = []
    while f"heads.whole_face.hidden{len(widths) + 1}.weight" in arrays:
        widths.append(arrays[f"heads.whole_face.hidden{len(widths) + 1}.weight"].shape[-1])
    return widths
