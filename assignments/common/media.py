"""Pictures in and out, for every predict.py: images, folders, videos and cameras as one stream of frames; what is
written of them as images or as a video.
"""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from data_tools.errors import KitError
from data_tools.files.atomic import write_atomically
from data_tools.files.film_writer import FilmWriter
from data_tools.files.films import DEFAULT_RATE, HIGHEST_RATE, FilmReader, Shot
from data_tools.files.image_set import image_format, suffix_format
from data_tools.files.names import shown
from data_tools.files.other_kinds import FILM, HEAD, other_kind
from data_tools.files.pictures import Picture, encode_jpeg, on_white, read_picture
from data_tools.files.places import expand
from data_tools.files.sources import MAX_BYTES, FolderSource
from data_tools.language import show
from data_tools.quiet import quiet

UNKNOWN = "is no image that is read here"
MOST_SAID, LEFT_OUT = 20, "left_out.txt"  # problems on the terminal; the file that has them all


@dataclass(frozen=True)
class Frame:
    """source: as it goes into the table; number: from 0 on within its source; picture: (H, W, 3) uint8 RGB. begin and
    length: seconds, where the source moves. like: the file as it was decoded, where it does not."""

    source: str
    number: int
    picture: np.ndarray
    begin: Fraction = Fraction(0)
    length: Fraction = Fraction(0)
    like: Picture | None = None


class Pictures:
    """Images, told by their content: one file, or all of a folder and below. One that cannot be decoded ends a single
    file's work with a KitError; in a folder it is left out. `problems` names all that is left out, with its reason;
    `notes` says what was lost of the others."""

    moving, rate, total = False, 0.0, 0

    def __init__(self, path: Path):
        self.problems: list[str] = []
        self.notes: list[str] = []
        self.single = not path.is_dir()
        self._folder = FolderSource(path.parent if self.single else path)
        self.names = [path.name] if self.single else list(self._chosen())
        self.total = len(self.names)
        if not self.names:
            why = f" ({self.problems[0]})" if self.problems else ""
            raise KitError(f"{shown(str(path))} holds no image{why} (.jpg, .png, .bmp, .gif, .tif, .webp, .jp2, .avif, "
                           ".heic are read); name another folder or a file")

    def _chosen(self) -> Iterator[str]:
        for name in self._folder.names():
            try:
                head = self._folder.head(name, HEAD)
            except KitError as error:
                self.problems.append(shown(str(error)))
                continue
            why = "" if image_format(head) else _no_image(head)
            if not why or why == UNKNOWN and suffix_format(name):  # the decoder says more
                yield name
            else:
                self.problems.append(f"{shown(name)}: {why}")

    def __iter__(self) -> Iterator[Frame]:
        for name in self.names:
            try:
                picture = self.picture(name, self.read(name))
            except KitError as error:
                if self.single:
                    raise
                self.problems.append(shown(str(error)))
                continue
            self.notes += picture.notes
            yield Frame(name, 0, on_white(picture), like=picture)

    def picture(self, name: str, content: bytes) -> Picture:
        """The decoded file."""
        return read_picture(content, shown(name if not self.single else f"{self._folder.path}/{name}"))

    def read(self, name: str) -> bytes:
        """The encoded file."""
        return self._folder.read(name)

    def close(self) -> None:
        """Nothing is open."""


def _no_image(head: bytes) -> str:
    """Why a file is left out."""
    if not head:
        return "is empty"
    kind = other_kind(head)
    if kind == FILM:
        return "is a film; give it by itself with --source"
    return f"is {kind}, which is not read here; convert it to .png or .jpg" if kind else UNKNOWN


def say_left_out(problems: Sequence[str], out: Path) -> None:
    """What was left out, with its reason: the first ones on the terminal, all of them in a file where they are many."""
    for problem in problems[:MOST_SAID]:
        show(f"left out: {problem}")
    if len(problems) > MOST_SAID:
        write_atomically(out / LEFT_OUT, "".join(f"{problem}\n" for problem in problems).encode("utf-8"))
        show(f"left out: {len(problems) - MOST_SAID} more, all named in {shown(str(out / LEFT_OUT))}")


class Video:
    """A film in a file: every picture with its time."""

    moving, camera = True, False

    def __init__(self, path: Path):
        self.reader = FilmReader(path)
        self.name, self.rate, self.total = path.name, self.reader.rate, self.reader.total

    @property
    def problems(self) -> list[str]:
        """What was not as the file claims; complete after the last picture."""
        return self.reader.problems

    def __iter__(self) -> Iterator[Frame]:
        for number, shot in enumerate(self.reader):
            yield Frame(self.name, number, shot.picture, shot.begin, shot.length)

    def close(self) -> None:
        """Let go of the file."""
        self.reader.close()


class Camera:
    """A camera by its number; its pictures have the times at which they came."""

    moving, camera, total, reader = True, True, 0, None

    def __init__(self, number: str):
        self.problems: list[str] = []
        self.name = f"camera {number}"
        with quiet():
            self._capture = cv2.VideoCapture(int(number))
        if not self._capture.isOpened():
            raise KitError(f"there is no camera {number}; plug it in, or try another number")
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.rate = rate if math.isfinite(rate) and 1 <= rate <= HIGHEST_RATE else DEFAULT_RATE

    def __iter__(self) -> Iterator[Frame]:
        length, number = Fraction(1) / Fraction(self.rate).limit_denominator(1000), 0
        begin = time.monotonic()
        while True:
            with quiet():
                found, picture = self._capture.read()
            if not found:
                break
            now = Fraction(time.monotonic() - begin)
            yield Frame(self.name, number, cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), now, length)
            number += 1
        if not number:
            raise KitError(f"{self.name} gave no picture; is another program using it?")

    def close(self) -> None:
        """Let go of the camera."""
        self._capture.release()


def open_source(source: str) -> Pictures | Video | Camera:
    """Images, a video or a camera after what `source` names; KitError where it names none of them."""
    path = expand(source)
    if source.isdecimal() and not path.exists():
        return Camera(source)
    if path.is_dir():
        return Pictures(path)
    if not path.is_file():
        raise KitError(f"{shown(source)}: there is no such file or folder; give an image, a folder of images, a film, "
                       "or the number of a camera (0 is the first)")
    with open(path, "rb") as file:
        head = file.read(HEAD)
    if image_format(head) and path.stat().st_size <= MAX_BYTES:
        return Pictures(path)
    if other_kind(head) not in ("", FILM):
        raise KitError(f"{shown(path.name)} {_no_image(head)}")
    if suffix_format(path.name) and other_kind(head) != FILM:  # the decoder names what is wrong
        return Pictures(path)
    return Video(path)


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
        self.written = folder
        self.problems: list[str] = []

    def write(self, frame: Frame, picture: np.ndarray) -> None:
        """One image."""
        name = Path(frame.source)
        target = name.with_suffix(".jpg")
        target = target if target not in self._taken else name.with_name(name.name + ".jpg")
        self._taken.add(target)
        write_atomically(self._folder / target, encode_jpeg(picture, frame.like or Picture(picture)))

    def close(self) -> None:
        """Nothing is open."""

    abandon = close


class Film:
    """Writes annotated frames as a film, with the sound of the original; the first frame says the size."""

    def __init__(self, folder: Path, stem: str, source: Video | Camera):
        self.written = folder / f"{stem}.mp4"
        self._writer = FilmWriter(self.written, source.rate, source.reader)
        self._size: tuple | None = None

    @property
    def problems(self) -> list[str]:
        """What is to be said of the sound, after close()."""
        return self._writer.problems

    def write(self, frame: Frame, picture: np.ndarray) -> None:
        """One frame."""
        self._size = self._size or picture.shape[1::-1]
        if picture.shape[1::-1] != self._size:  # a camera that changed its mind
            picture = cv2.resize(picture, self._size)
        self._writer.write(Shot(picture, frame.begin, frame.length))

    def close(self) -> None:
        """Finish the file; before this nothing stands in its place."""
        self._writer.close()

    def abandon(self) -> None:
        """Remove what was begun; after close() nothing is left to remove."""
        self._writer.abandon()
