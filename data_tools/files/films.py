"""Films read: every picture with its time, what the file claims beside what came. PyAV brings the ffmpeg for it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition

from data_tools.errors import KitError
from data_tools.files.names import shown

# What is opened: containers that hold pictures and sound themselves. Playlists, which name other files, are not.
CONTAINERS = ("mov,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,live_flv,asf,ogg,rm,dv,gxf,mxf,nut,wtv,ivf,h264,hevc,"
              "m4v,mjpeg,yuv4mpegpipe,swf,vc1,nsv,apng")
DEFAULT_RATE, HIGHEST_RATE = 25.0, 240.0  # pictures per second, where a file does not say a sensible one
SLACK = 0.25  # seconds that a file may be shorter than it claims before it counts as cut off
BT601, BT709 = 5, 1  # ffmpeg's numbers of the matrices between RGB and YUV
UNSPECIFIED = 2
HIGH_DEFINITION = 720  # lines from which players take BT.709 where a file does not say


@dataclass(frozen=True)
class Shot:
    """picture: (H, W, 3) uint8 RGB, upright. begin, length: seconds; begin on the clock that the sound has, too."""

    picture: np.ndarray
    begin: Fraction
    length: Fraction


class FilmReader:
    """The pictures of a film file in their order, each with its time; KitError where it is none that can be read.

    total: pictures that the file claims, 0 where it does not say. rate: pictures per second on average. start: when
    the file's clock begins, pictures or sound. aspect: width over height of one pixel.
    After the pictures: `finished` tells whether all were read, `problems` what was not as the file claims.
    """

    def __init__(self, path: Path):
        self.path, self.finished, self.count = Path(path), False, 0
        self.problems: list[str] = []
        self._name, self._damaged = shown(self.path.name), 0
        self._file = open_film(self.path)
        films = [stream for stream in self._file.streams.video if not stream.disposition & Disposition.attached_pic]
        if not films:  # a cover is no film
            self._file.close()
            raise KitError(f"{self._name} holds no pictures, only sound; give a film, an image or a folder of images")
        self._stream = films[0]
        self._stream.thread_type = "AUTO"
        self.total = max(0, self._stream.frames)
        rate = float(self._stream.average_rate or 0)
        self.rate = rate if 0 < rate <= HIGHEST_RATE else DEFAULT_RATE
        self.start = Fraction(self._file.start_time or 0, av.time_base)
        self.aspect = self._stream.sample_aspect_ratio or Fraction(1)
        self._came = self._picture_end = self.start  # until where anything, and pictures, came

    def __iter__(self) -> Iterator[Shot]:
        waiting: tuple[np.ndarray, Fraction, Fraction] | None = None  # its length is known when the next one comes
        last_step = Fraction(1) / Fraction(self.rate).limit_denominator(1000)
        for picture, begin, length in self._pictures():
            if waiting is not None:
                if begin <= waiting[1]:  # a clock that stands still
                    begin = waiting[1] + (waiting[2] or last_step)
                last_step = begin - waiting[1]
                yield self._shot(waiting[0], waiting[1], last_step)
            waiting = picture, begin, length
        if waiting is not None:
            yield self._shot(waiting[0], waiting[1], waiting[2] or last_step)
        self.finished = True
        self._compare(last_step)

    def _shot(self, picture: np.ndarray, begin: Fraction, length: Fraction) -> Shot:
        self.count += 1
        self._picture_end = begin + length
        return Shot(picture, begin, length)

    def _pictures(self) -> Iterator[tuple[np.ndarray, Fraction, Fraction]]:
        """Picture, begin and length (0 where the file does not say); what is damaged is passed over and counted."""
        end = self.start
        for packet in self._packets():
            try:
                frames = self._stream.decode(packet)
            except av.FFmpegError:
                self._damaged += 1
                continue
            for frame in frames:
                self._damaged += frame.is_corrupt
                begin, length = self._clock(frame, end)
                end = begin + (length or 1 / Fraction(self.rate).limit_denominator(1000))
                yield self._upright(frame), begin, length

    def _clock(self, frame: av.VideoFrame, due: Fraction) -> tuple[Fraction, Fraction]:
        """When a picture begins, `due` where the file does not say, and how long it stays (0: not said)."""
        base = frame.time_base or self._stream.time_base
        if base is None:
            return due, Fraction(0)
        return due if frame.pts is None else Fraction(frame.pts * base), Fraction((frame.duration or 0) * base)

    def _packets(self) -> Iterator[av.Packet | None]:
        """Those of the pictures; the others only tell how far the file goes. The last one empties the decoder."""
        packets = self._file.demux()
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except av.FFmpegError:  # a cut in the middle of something
                self._damaged += 1
                yield None
                return
            if packet.pts is not None:
                self._came = max(self._came, (packet.pts + (packet.duration or 0)) * packet.time_base)
            if packet.stream.index == self._stream.index:
                yield packet

    def _upright(self, frame: av.VideoFrame) -> np.ndarray:
        """RGB, turned as the file says (a telephone held upright)."""
        matrix = frame.colorspace
        if matrix == UNSPECIFIED:
            matrix = BT709 if frame.height >= HIGH_DEFINITION else BT601
        rgb = frame.reformat(format="rgb24", src_colorspace=matrix, src_color_range=frame.color_range)
        turns = round(frame.rotation / 90) % 4
        return np.ascontiguousarray(np.rot90(rgb.to_ndarray(), turns)) if turns else rgb.to_ndarray()

    def _compare(self, step: Fraction) -> None:
        """Say what was not as the file claims; KitError where no picture came."""
        claim = f" of {self.total}" if self.total else ""
        if not self.count:
            raise KitError(f"{self._name} gave no picture{claim}; the file is empty or damaged: copy it again from "
                           "where it came")
        end, claimed = self._ends(step)
        if end < claimed:
            claims, came = (float(moment - self.start) for moment in (claimed, self._picture_end))
            self.problems.append(f"{self._name} is cut off or damaged: it claims {claims:.2f} s, pictures came until "
                                 f"{came:.2f} s ({self.count}{claim})")
        elif self._damaged:
            self.problems.append(f"{self._name} is damaged: {self._damaged} of its pieces could not be read, pictures "
                                 f"are missing or wrong there; {self.count}{claim} came")

    def _ends(self, step: Fraction) -> tuple[Fraction, Fraction]:
        """Until where the file came, with some slack, and until where it claims to go."""
        base = self._stream.time_base
        if self._stream.duration is not None and base is not None:
            length = self._stream.duration * base
            if self._file.format.name == "avi":  # of a cut one ffmpeg guesses the length; the count stands in its head
                length = max(length, self.total / Fraction(self._stream.average_rate or DEFAULT_RATE))
            begin = (self._stream.start_time or 0) * base
            return self._picture_end + Fraction(SLACK), begin + length
        claimed = Fraction(self._file.duration or 0, av.time_base)
        return max(self._came, self._picture_end) + max(Fraction(SLACK), 2 * step), self.start + claimed

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def open_film(path: Path) -> av.container.InputContainer:
    """The file, opened; KitError that says what is wrong with it. Nothing but this file is read for it."""
    name = shown(path.name)
    try:
        options = {"format_whitelist": CONTAINERS, "protocol_whitelist": "file"}
        return av.open(os.fsdecode(path.absolute()), options=options)
    except (av.FFmpegError, ValueError) as error:
        if _ends_before_its_index(path):
            raise KitError(f"{name} is cut off: the list of its pictures, which stands at the end of such a file, is "
                           "missing, so none can be read; copy or record it again") from None
        reason = f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else ""
        raise KitError(f"{name} is neither an image nor a film that can be read here{reason}; give an image (.jpg, "
                       ".png), or a video as .mp4, .mov, .mkv, .webm or .avi") from None


def _ends_before_its_index(path: Path) -> bool:
    """Whether a file is an .mp4 or .mov without its "moov" box."""
    kinds: list[bytes] = []
    place = 0
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        while place + 8 <= size and len(kinds) < 1000:
            file.seek(place)
            head = file.read(16)
            length = int.from_bytes(head[:4], "big")
            kinds.append(head[4:8])
            place += int.from_bytes(head[8:16], "big") if length == 1 else length
            if length == 0 or not all(32 <= byte < 127 for byte in head[4:8]) or place <= 0:
                break
    return bool(kinds) and kinds[0] in (b"ftyp", b"wide") and b"moov" not in kinds
