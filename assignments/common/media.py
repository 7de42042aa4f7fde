"""Pictures in and out, for every predict.py: images, folders, videos and cameras as one stream of frames; what is
written of them as images or as a video.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from data_tools.errors import KitError
from data_tools.files.atomic import write_atomically
from data_tools.files.image_set import decode, image_format, suffix_format
from data_tools.files.sources import MAX_BYTES, FolderSource
from data_tools.quiet import quiet

CODECS = (("mp4v", ".mp4"), ("MJPG", ".avi"))  # in this order; OpenCV itself brings the second
DEFAULT_RATE, HIGHEST_RATE = 25.0, 240.0  # frames per second, where a file or camera does not say a sensible one
QUALITY = 92  # of JPEG files


@dataclass(frozen=True)
class Frame:
    """source: as it goes into the table; number: from 0 on within its source; picture: (H, W, 3) uint8 RGB."""

    source: str
    number: int
    picture: np.ndarray


class Pictures:
    """Images: one file, or all of a folder and below. One that cannot be decoded ends a single file's work with a
    KitError; in a folder it is left out and named in `problems`."""

    moving, rate, total = False, 0.0, 0

    def __init__(self, path: Path):
        self.problems: list[str] = []
        self.single = not path.is_dir()
        self._folder = FolderSource(path.parent if self.single else path)
        self.names = [path.name] if self.single else [n for n in self._folder.names() if suffix_format(n)]
        self.total = len(self.names)
        if not self.names:
            raise KitError(f"{path} holds no image (.jpg, .png, .bmp, .gif, .tif, .webp); name another folder or "
                           "a file")

    def __iter__(self) -> Iterator[Frame]:
        for name in self.names:
            try:
                yield Frame(name, 0, decode(self.read(name), f"{self._folder.path}/{name}"))
            except KitError as error:
                if self.single:
                    raise
                self.problems.append(str(error))

    def read(self, name: str) -> bytes:
        """The encoded file."""
        return self._folder.read(name)

    def close(self) -> None:
        """Nothing is open."""


class Video:
    """A video file, or a camera by its number."""

    moving = True

    def __init__(self, source: str):
        self.problems: list[str] = []
        self.camera = source.isdecimal()
        self.name = f"camera {source}" if self.camera else Path(source).name
        with quiet():
            self._capture = cv2.VideoCapture(int(source) if self.camera else source)
        if not self._capture.isOpened():
            raise KitError(f"there is no camera {source}; plug it in, or try another number" if self.camera else
                           f"{source} is neither an image nor a video that can be read here; give an image (.jpg, "
                           f".png), or a "
                           "video as .mp4 (H.264) or .avi (MJPG)")
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.rate = rate if math.isfinite(rate) and 1 <= rate <= HIGHEST_RATE else DEFAULT_RATE
        count = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.total = int(count) if math.isfinite(count) and 0 < count < 1e9 else 0  # as the file claims; 0: unknown

    def __iter__(self) -> Iterator[Frame]:
        number = 0
        while True:
            with quiet():
                found, picture = self._capture.read()
            if not found:
                break
            yield Frame(self.name, number, cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))
            number += 1
        if not number:
            raise KitError(f"{self.name} gave no picture; " + ("is another program using it?" if self.camera else
                                                                 "the file is empty or damaged"))

    def close(self) -> None:
        """Let go of the file or camera."""
        self._capture.release()


def open_source(source: str) -> Pictures | Video:
    """Images, a video or a camera after what `source` names; KitError where it names none of them."""
    path = Path(source).expanduser()
    if source.isdecimal() and not path.exists():
        return Video(source)
    if path.is_dir():
        return Pictures(path)
    if not path.is_file():
        raise KitError(f"{source}: there is no such file or folder; give an image, a folder of images, a video, or the "
                       f"number "
                       "of a camera (0 is the first)")
    with open(path, "rb") as file:
        head = file.read(16)
    if image_format(head) and path.stat().st_size <= MAX_BYTES:
        return Pictures(path)
    if suffix_format(path.name):  # says image and is none: the decoder names what is wrong
        return Pictures(path)
    return Video(str(path))


def make_folder(out: Path, source: Path | None) -> None:
    """Make the folder for results; KitError where the originals lie in it, which might be overwritten, or where it lies
    in their folder, of which all is read: a repeated command would take its own results for originals."""
    if source is not None and out.resolve() == (source if source.is_dir() else source.parent).resolve():
        raise KitError(f"--out {out} is the folder of the originals; choose another one, so that none is overwritten")
    if source is not None and source.is_dir() and source.resolve() in out.resolve().parents:
        raise KitError(f"the results would go to {out}, inside the folder of the originals, {source}, and count as "
                       f"originals the "
                       "next time; choose an --out outside of it")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise KitError(f"cannot make the folder {out} ({error.strerror}); choose another --out") from None


class Album:
    """Writes annotated images into a folder, under the names of the originals with .jpg."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._taken: set[Path] = set()
        self.written: Path | None = folder

    def write(self, frame: Frame, picture: np.ndarray) -> None:
        """One image."""
        name = Path(frame.source)
        target = name.with_suffix(".jpg")
        target = target if target not in self._taken else name.with_name(name.name + ".jpg")
        self._taken.add(target)
        _, content = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        write_atomically(self._folder / target, content.tobytes())

    def close(self) -> None:
        """Nothing is open."""


class Film:
    """Writes annotated frames as a video; the first frame says the size."""

    def __init__(self, folder: Path, stem: str, rate: float):
        self._folder, self._stem, self._rate = folder, stem, rate
        self._writer: cv2.VideoWriter | None = None
        self.written: Path | None = None

    def _open(self, size: tuple) -> cv2.VideoWriter:
        self._folder.mkdir(parents=True, exist_ok=True)
        for codec, suffix in CODECS:
            path = self._folder / (self._stem + suffix)
            with quiet():
                writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), self._rate, size)
            if writer.isOpened():
                self.written = path
                return writer
            path.unlink(missing_ok=True)
        raise KitError(f"OpenCV can write a video in {self._folder} neither as mp4v nor as MJPG; is the folder "
                       f"writable?")

    def write(self, frame: Frame, picture: np.ndarray) -> None:
        """One frame."""
        if self._writer is None:
            self._size = picture.shape[1::-1]
            self._writer = self._open(self._size)
        if picture.shape[1::-1] != self._size:  # a camera that changed its mind
            picture = cv2.resize(picture, self._size)
        self._writer.write(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))

    def close(self) -> None:
        """Finish the file; before this it cannot be played."""
        if self._writer is not None:
            self._writer.release()
