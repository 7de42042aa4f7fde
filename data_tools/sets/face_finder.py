"""Faces in pictures, brought into the framing of CelebA's aligned images.

Two finders: OpenCV's own cascade, which comes with it, and YuNet (MIT licence) where its .onnx file is given; YuNet is
surer with small, turned and covered faces, faster, and finds eyes, nose and mouth too. Pictures are (H, W, 3) uint8
RGB.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from data_tools.errors import KitError
from data_tools.files import places
from data_tools.files.download import YUNET
from data_tools.quiet import quiet
from data_tools.sets.celeba import IMAGE_SIZE

CASCADE = "haarcascade_frontalface_alt2.xml"  # of the frontal ones the steadiest on CelebA, see CASCADE_SIDE
CASCADE_NEIGHBOURS = 4  # raw hits that make a face
# Where the finders see a face in CelebA's 178x218 frame: medians over 834 of its aligned images (every 12th of 10,000;
# the cascade finds 95 % of them, with a deviation of 8 pixels in the side and 2 in the centre; YuNet all but one).
CASCADE_SIDE, CASCADE_CENTRE = 101.0, (88.5, 123.0)  # pixels of the frame
LANDMARKS = ((69.0, 112.0), (108.5, 112.0), (88.0, 135.0), (72.0, 152.0), (105.0, 152.5))  # eyes, nose, mouth corners
YUNET_STRIDES = (8, 16, 32)
YUNET_SCORE, YUNET_OVERLAP = 0.7, 0.3  # least score; share of overlap from which two boxes are one face
LARGEST_YUNET = 50 * 2**20  # bytes; the published file has 230 kB
STILL_SIDE, VIDEO_SIDE = 1280, 320  # longest side of the picture that is searched, at least; see side_for()
STILL_FACE, VIDEO_FACE = 1 / 100, 1 / 10  # smallest face over the longest side
SEEN_SIDE, LARGEST_SIDE = 25.6, 5120  # pixels that a face must have to be seen; longest side that is searched at all
COARSE_SIDE, COARSE_FACE = 640, 48  # longest side at which YuNet looks for large faces, which its cells are too small
# for above; how large they are there, in pixels
MOST_ENLARGED, SURE_FACE = 2.0, 1 / 24  # of pictures for the cascade, which loses faces near its smallest; share of
# the longest side from which that does not matter
SAME_PLACE = 0.4  # share of overlap from which two faces found in two sizes of the picture are one
STILL_STEP, VIDEO_STEP = 1.1, 1.2  # of the cascade, from size to size; 1.2 takes half the time
VIDEO_EVERY = 3  # frames from search to search
SEARCH_AROUND = 0.25  # of a face's side, how far it may move from frame to frame
SAME_FACE = 0.5  # correlation from which a face counts as the one of the last frame


@dataclass(frozen=True)
class Face:
    """box: x, y, width, height in pixels, wholly or partly inside the picture. landmarks: (5, 2) eyes, nose, mouth
    corners from left to right as seen, or None."""

    box: tuple[float, float, float, float]
    landmarks: np.ndarray | None = None

    def moved(self, dx: float, dy: float) -> "Face":
        """The same face somewhere else."""
        x, y, width, height = self.box
        landmarks = None if self.landmarks is None else self.landmarks + np.array([dx, dy], np.float32)
        return Face((x + dx, y + dy, width, height), landmarks)


class FaceFinder:
    """Finds faces in single pictures, the largest first.

    yunet: YuNet's .onnx file; without it the cascade is used, which goes by `step` from size to size.
    side: the picture is reduced to this longest side first, so the time is bounded. smallest: side of the smallest face
    looked for, as a share of the longest side.
    """

    def __init__(self, yunet: str | Path | None = None, side: int | None = None, smallest: float = STILL_FACE,
                 step: float = STILL_STEP):
        self.smallest, self.side, self.yunet = smallest, side or side_for(smallest), yunet is not None
        self._search = _YuNet(Path(yunet)) if yunet else _Cascade(step)
        self._enlarges = yunet is None and self.smallest < SURE_FACE
        self._twice = yunet is not None and self.side > COARSE_SIDE

    def __call__(self, picture: np.ndarray) -> list[Face]:
        """Faces of a picture; an empty list where there is none."""
        found: list[Face] = []
        if self._twice and max(picture.shape[:2]) > COARSE_SIDE:
            found = self._in(picture, COARSE_SIDE, COARSE_FACE)
        found += [face for face in self._in(picture, self.side, 0)
                  if all(_overlap(face, large) < SAME_PLACE for large in found)]
        return sorted(found, key=lambda face: (-face.box[2] * face.box[3], face.box))

    def _in(self, picture: np.ndarray, side: int, least: int) -> list[Face]:
        """Those found in the picture reduced to this side, `least` pixels large there."""
        reduced, scale = _reduced(picture, side)
        longest = max(picture.shape[:2])
        if self._enlarges and side / MOST_ENLARGED <= longest < side:  # the cascade's smallest face has 20 pixels
            scale = side / longest
            reduced = cv2.resize(reduced, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        faces = self._search(reduced, max(16, least, round(self.smallest * max(reduced.shape[:2]))))
        return [Face((x / scale, y / scale, width / scale, height / scale),
                     None if points is None else points / np.float32(scale)) for (x, y, width, height), points in faces]


def fetched_yunet() -> Path | None:
    """YuNet's file where `data fetch yunet` has put it."""
    path = places.data() / YUNET
    return path if path.is_file() else None


def side_for(smallest: float, least: int = STILL_SIDE) -> int:
    """Longest side, at least `least`, at which a face of `smallest` of it is large enough to be seen."""
    return min(LARGEST_SIDE, max(least, round(SEEN_SIDE / smallest)))


def _overlap(face: Face, other: Face) -> float:
    """Share of the smaller one's box that lies in the other's."""
    (x, y, w, h), (u, v, s, t) = face.box, other.box
    across, down = min(x + w, u + s) - max(x, u), min(y + h, v + t) - max(y, v)
    return max(0.0, across) * max(0.0, down) / max(min(w * h, s * t), 1e-9)


class FaceTracker:
    """Finds faces in successive frames: a search in every third on a small picture, and between searches each face is
    looked for near its last place by its own picture; one that does not look like itself any more brings the next
    search forward."""

    def __init__(self, yunet: str | Path | None = None, every: int = VIDEO_EVERY, smallest: float = VIDEO_FACE):
        finder = FaceFinder(yunet, side_for(smallest, VIDEO_SIDE), smallest, VIDEO_STEP)
        self.every, self.smallest, self.yunet, self._finder, self._wait = every, smallest, finder.yunet, finder, 0
        self._faces: list[Face] = []
        self._patches: list[np.ndarray] = []

    def __call__(self, frame: np.ndarray) -> list[Face]:
        """Faces of the next frame."""
        reduced, scale = _reduced(frame, VIDEO_SIDE)
        grey = cv2.cvtColor(reduced, cv2.COLOR_RGB2GRAY)
        followed = [_follow(grey, face, patch, scale) for face, patch in zip(self._faces, self._patches)
                    if self._wait]
        moved = [face for face in followed if face is not None]
        if not self._wait or len(moved) < len(self._faces):
            self._faces, self._wait = self._finder(frame), self.every
        else:
            self._faces = moved
        self._wait -= 1
        self._patches = [_patch(grey, face, scale) for face in self._faces]
        return self._faces


def align_to_celeba(picture: np.ndarray, box: tuple[float, float, float, float],
                    landmarks: np.ndarray | None = None) -> np.ndarray:
    """The face as CelebA frames it, (218, 178, 3) uint8; what lies outside the picture repeats its border.

    By shift, zoom and, with landmarks, rotation. box: of the cascade, when there are no landmarks.
    """
    width, height = IMAGE_SIZE
    if landmarks is not None:
        matrix = _similarity(np.asarray(landmarks, np.float64), np.array(LANDMARKS))
    else:
        x, y, w, h = box
        zoom = CASCADE_SIDE / max((w + h) / 2, 1e-6)
        matrix = np.array([[zoom, 0, CASCADE_CENTRE[0] - zoom * (x + w / 2)],
                           [0, zoom, CASCADE_CENTRE[1] - zoom * (y + h / 2)]])
    zoom = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if zoom < 0.5:  # a single pass would skip pixels: average them first
        shrunk = cv2.resize(picture, None, fx=2 * zoom, fy=2 * zoom, interpolation=cv2.INTER_AREA)
        factors = np.array([shrunk.shape[1] / picture.shape[1], shrunk.shape[0] / picture.shape[0]])
        picture, matrix = shrunk, np.hstack([matrix[:, :2] / factors, matrix[:, 2:]])
    return cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _similarity(points: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """(2, 3) of the shift, rotation and zoom that bring points (N, 2) nearest to targets (N, 2), by least squares."""
    source, target = points - points.mean(axis=0), targets - targets.mean(axis=0)
    norm = max(float((source ** 2).sum()), 1e-6)
    a = float((source * target).sum()) / norm
    b = float((source[:, 0] * target[:, 1] - source[:, 1] * target[:, 0]).sum()) / norm
    turn = np.array([[a, -b], [b, a]])
    return np.hstack([turn, (targets.mean(axis=0) - turn @ points.mean(axis=0))[:, None]])


def _reduced(picture: np.ndarray, side: int) -> tuple[np.ndarray, float]:
    """The picture with its longest side at most `side`, and the factor by which it was reduced."""
    longest = max(picture.shape[:2])
    if longest <= side:
        return picture, 1.0
    size = [max(1, round(n * side / longest)) for n in picture.shape[1::-1]]
    reduced = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return reduced, size[int(picture.shape[0] > picture.shape[1])] / longest


def _patch(grey: np.ndarray, face: Face, scale: float) -> np.ndarray:
    """The part of a face's box that lies inside the reduced grey picture; it may be empty."""
    x, y, w, h = (round(v * scale) for v in face.box)
    return grey[max(0, y):max(0, y + h), max(0, x):max(0, x + w)].copy()


def _follow(grey: np.ndarray, face: Face, patch: np.ndarray, scale: float) -> Face | None:
    """The face at its place in this frame, or None where nothing near looks like it."""
    if min(patch.shape) < 4:
        return None
    x, y = (max(0, round(v * scale)) for v in face.box[:2])
    reach = max(2, round(SEARCH_AROUND * max(patch.shape)))
    left, top = max(0, x - reach), max(0, y - reach)
    window = grey[top:y + patch.shape[0] + reach, left:x + patch.shape[1] + reach]
    _, best, _, (column, row) = cv2.minMaxLoc(cv2.matchTemplate(window, patch, cv2.TM_CCOEFF_NORMED))
    if not SAME_FACE <= best <= 1.01:  # an even patch has no correlation: OpenCV gives 1, infinity or NaN
        return None
    return face.moved((left + column - x) / scale, (top + row - y) / scale)


class _Cascade:
    def __init__(self, step: float):
        self._step = step
        self._cascade = cv2.CascadeClassifier(str(Path(cv2.data.haarcascades) / CASCADE))
        if self._cascade.empty():
            raise KitError(f"OpenCV has come without its {CASCADE}; install opencv-python as requirements.txt says")

    def __call__(self, picture: np.ndarray, smallest: int) -> list[tuple]:
        if min(picture.shape[:2]) < smallest:
            return []
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        boxes = self._cascade.detectMultiScale(grey, self._step, CASCADE_NEIGHBOURS, minSize=(smallest, smallest))
        return [(tuple(map(float, box)), None) for box in boxes]


class _YuNet:
    """YuNet of March 2023 (github.com/opencv/opencv_zoo) by cv2.dnn: OpenCV's own FaceDetectorYN reads this file from
    4.8 on only, and some sizes not at all. Outputs for each cell of three grids: class, object, box and five points."""

    def __init__(self, path: Path):
        if not path.is_file():
            raise KitError(f"{path}: there is no such file; give YuNet's .onnx file or leave --yunet out")
        if path.stat().st_size > LARGEST_YUNET:
            raise KitError(f"{path} is larger than {LARGEST_YUNET:,} bytes and so not YuNet; leave --yunet out")
        self._names = [f"{kind}_{stride}" for stride in YUNET_STRIDES for kind in ("cls", "obj", "bbox", "kps")]
        try:
            with quiet():
                self._network = cv2.dnn.readNetFromONNX(str(path))
            missing = set(self._names) - set(self._network.getUnconnectedOutLayersNames())
        except cv2.error as error:
            raise KitError(f"{path} cannot be read as an ONNX network ({error.err}); give YuNet's file") from error
        if missing:
            raise KitError(f"{path} is no YuNet of 2023: it has no output {min(missing)}; give "
                           "face_detection_yunet_2023mar.onnx")

    def __call__(self, picture: np.ndarray, smallest: int) -> list[tuple]:
        height, width = (-(-side // YUNET_STRIDES[-1]) * YUNET_STRIDES[-1] for side in picture.shape[:2])
        padded = np.zeros((height, width, 3), np.uint8)
        padded[:picture.shape[0], :picture.shape[1]] = picture
        self._network.setInput(cv2.dnn.blobFromImage(padded, swapRB=True))
        outputs = [array[0] for array in self._network.forward(self._names)]
        grids = [_decode(outputs[4 * i:4 * i + 4], stride, width // stride) for i, stride in enumerate(YUNET_STRIDES)]
        scores, boxes, points = map(np.concatenate, zip(*grids))
        kept = cv2.dnn.NMSBoxes(boxes.tolist(), scores.tolist(), YUNET_SCORE, YUNET_OVERLAP)
        kept = [i for i in np.array(kept, int).reshape(-1) if max(boxes[i, 2:]) >= smallest]
        return [(tuple(map(float, boxes[i])), points[i]) for i in kept]


def _decode(outputs: list[np.ndarray], stride: int, columns: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores (M,), boxes (M, 4) and points (M, 5, 2) in pixels of the cells that may hold a face."""
    classes, objects, boxes, points = outputs
    scores = np.sqrt(np.clip(classes[:, 0], 0, 1) * np.clip(objects[:, 0], 0, 1))
    chosen = np.flatnonzero(scores >= YUNET_SCORE)
    cells = np.stack([chosen % columns, chosen // columns], axis=1).astype(np.float32)  # (M, 2) x, y
    centres = (cells + boxes[chosen, :2]) * stride
    sizes = np.exp(np.minimum(boxes[chosen, 2:], 10)) * stride
    landmarks = (points[chosen].reshape(-1, 5, 2) + cells[:, None]) * stride
    return scores[chosen], np.hstack([centres - sizes / 2, sizes]), landmarks
