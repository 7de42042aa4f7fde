"""Films written: H.264 that every browser plays, each picture at its time, with the sound of the film it comes from."""

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from data_tools.errors import KitError
from data_tools.files.atomic import atomic_path
from data_tools.files.films import BT709, FilmReader, Shot, open_film
from data_tools.files.names import shown

QUALITY = "18"  # x264's constant rate factor: 0 lossless, 23 its default
SPEED = "veryfast"
TICKS = Fraction(1, 90_000)  # seconds; the clock of the file
COPIED = "aac"  # sound that .mp4 and browsers take as it is; other sound becomes it
SOUND_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)  # of AAC, per second
LONGEST_JUMP = Fraction(1, 10)  # seconds by which pieces of sound that follow each other may be apart
BROADCAST = 1  # ffmpeg's number of the range of values that films have


class FilmWriter:
    """Writes pictures to `path` (.mp4); nothing stands there before close() has found everything well.

    source: the film whose sound is kept, at its time beside the pictures. Where only a part of its pictures is written,
    the sound ends with the last one. After close(), `sound` tells whether there is any, `problems` what it lacks.
    """

    def __init__(self, path: Path, rate: float, source: FilmReader | None = None):
        self.path, self.sound = path, False
        self.problems: list[str] = []
        self._rate, self._source = Fraction(rate).limit_denominator(1000), source
        self._film: _Film | None = None
        self._place = contextlib.ExitStack()  # holds the temporary file, which takes its place at the end

    def write(self, shot: Shot) -> None:
        """One picture, (H, W, 3) uint8; KitError where it is not as large as the first, and for a full disk."""
        with self._tells():
            if self._film is None:
                temporary = self._place.enter_context(atomic_path(self.path))
                self._film = _Film(temporary, shot, self._rate, self._source)
            if shot.picture.shape != self._film.shape:
                sizes = [f"{shape[1]}x{shape[0]}" for shape in (self._film.shape, shot.picture.shape)]
                raise KitError(f"the pictures for {shown(str(self.path))} change from {sizes[0]} to {sizes[1]} pixels; "
                               "convert the film to one size first")
            self._film.write(shot)

    def close(self) -> None:
        """Finish the pictures and the sound, put the file into its place; nothing where no picture came."""
        if self._film is None:
            return
        try:
            with self._tells():
                self._film.finish()
            self.sound, self.problems = bool(self._film.tracks), self._film.tracks.problems
            self._film = None
            self._place.close()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """End the work and remove what was begun; after close() nothing is left to remove."""
        if self._film is not None:
            self._film.abandon()
            self._film = None
            with contextlib.suppress(_Abandoned), self._place:
                raise _Abandoned

    @contextlib.contextmanager
    def _tells(self) -> Iterator[None]:
        """What goes wrong while writing is told as a KitError."""
        try:
            yield
        except (av.FFmpegError, OSError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise KitError(f"cannot write {shown(str(self.path))}: {why}; make room (df -h "
                           f"{shown(str(self.path.parent))}) or choose another --out, then run the command "
                           "again") from error


class _Abandoned(Exception):
    """Tells the temporary file to go."""


class _Film:
    """A film in the making; the first picture says the size."""

    def __init__(self, path: Path, first: Shot, rate: Fraction, source: FilmReader | None):
        self.shape, self._source, self._last, self._end = first.picture.shape, source, -2**62, first.begin
        self._start = source.start if source else first.begin
        # absolute: what stands before a colon would be a protocol
        self._file = av.open(str(path.absolute()), "w", format="mp4", options={"movflags": "+faststart"})
        self._pictures: Any = self._file.add_stream("libx264", rate=rate, options={"crf": QUALITY, "preset": SPEED})
        codec = self._pictures.codec_context
        codec.height, codec.width = (side + side % 2 for side in self.shape[:2])
        codec.pix_fmt, codec.time_base, codec.color_range = "yuv420p", TICKS, BROADCAST
        codec.colorspace = codec.color_primaries = codec.color_trc = BT709
        codec.sample_aspect_ratio = source.aspect if source else Fraction(1)
        self.tracks = _Tracks(source, self._file, self._start)

    def write(self, shot: Shot) -> None:
        frame = av.VideoFrame.from_ndarray(_even(shot.picture), format="rgb24")
        frame = frame.reformat(format="yuv420p", dst_colorspace=BT709, dst_color_range=BROADCAST)
        self._last = max(self._last + 1, round((shot.begin - self._start) / TICKS))
        frame.time_base, frame.pts, frame.duration = TICKS, self._last, max(1, round(shot.length / TICKS))
        self._file.mux(self._pictures.encode(frame))
        self._end = shot.begin + shot.length
        self.tracks.mux_until(shot.begin)

    def finish(self) -> None:
        self._file.mux(self._pictures.encode(None))
        complete = self._source is not None and self._source.finished and not self._source.problems
        self.tracks.mux_until(None if complete else self._end)
        self.tracks.finish()
        self._file.close()

    def abandon(self) -> None:
        self.tracks.close()
        with contextlib.suppress(av.FFmpegError, OSError):  # the disk may be full
            self._file.close()


def _even(picture: np.ndarray) -> np.ndarray:
    """With the border repeated to even sides, which H.264 wants."""
    height, width = picture.shape[:2]
    if height % 2 or width % 2:
        picture = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return np.ascontiguousarray(picture)


class _Tracks:
    """The sound tracks of a film on their way into another one, packet by packet, never far ahead of the pictures."""

    def __init__(self, source: FilmReader | None, target: av.container.OutputContainer, start: Fraction):
        self.problems: list[str] = []
        self._target, self._start = target, start
        self._original = open_film(source.path) if source else None
        self._name = shown(source.path.name) if source else ""
        found = [stream for stream in self._original.streams.audio if stream.codec_context] if self._original else []
        self._streams: dict[int, Any] = {stream.index: self._added(stream) for stream in found}
        self._packets: Iterator[Any] = self._original.demux(found) if self._original and found else iter(())
        self._waiting: Any = None  # the packet that comes next
        self._due: dict[int, Fraction] = {}  # when the next piece of a track that is encoded anew begins

    def __bool__(self) -> bool:
        return bool(self._streams)

    def _added(self, stream: Any) -> Any:
        """The track of the target for one of the original."""
        codec = stream.codec_context
        if codec.name == COPIED and codec.extradata:  # a broadcast's is framed in another way
            return self._target.add_stream_from_template(stream)
        rate = codec.sample_rate if codec.sample_rate in SOUND_RATES else 48000
        layout = "mono" if codec.layout.nb_channels == 1 else "stereo"  # an .avi leaves its name open
        return self._target.add_stream(COPIED, rate=rate, layout=layout)

    def mux_until(self, end: Fraction | None) -> None:
        """Move on all that begins before `end` (None: all)."""
        while (packet := self._next()) is not None:
            if end is not None and packet.pts * packet.time_base >= end:
                self._waiting = packet
                return
            self._mux(packet)

    def _next(self) -> Any:
        packet, self._waiting = self._waiting, None
        try:
            while packet is None or packet.pts is None or packet.dts is None:  # the last one of a track is empty
                packet = next(self._packets)
        except StopIteration:
            return None
        except av.FFmpegError as error:
            self._packets = iter(())
            self.problems.append(f"the sound of {self._name} could not be read to its end ({error.strerror})")
            return None
        return packet

    def _mux(self, packet: Any) -> None:
        target = self._streams[packet.stream.index]
        if not target.codec_context.is_encoder:  # copied
            shift = round(self._start / packet.time_base)
            packet.pts, packet.dts, packet.stream = packet.pts - shift, packet.dts - shift, target
            self._target.mux(packet)
            return
        frames: list = []
        with contextlib.suppress(av.FFmpegError):  # a damaged piece is silent
            frames = packet.decode()
        for frame in frames:
            self._target.mux(target.encode(self._timed(packet.stream.index, frame)))

    def _timed(self, track: int, frame: Any) -> Any:
        """With its time in samples, piece after piece without the jumps of coarse clocks; a real gap stays one."""
        tick, due = Fraction(1, frame.sample_rate), self._due.get(track)
        begin = due if frame.pts is None else frame.pts * frame.time_base - self._start
        if due is None or begin is None or begin - due > LONGEST_JUMP:
            due = begin or Fraction(0)
        frame.time_base, frame.pts = tick, round(due / tick)
        self._due[track] = due + frame.samples * tick
        return frame

    def finish(self) -> None:
        """Bring what the encoders still hold."""
        for target in self._streams.values():
            if target.codec_context.is_encoder:
                self._target.mux(target.encode(None))
        self.close()

    def close(self) -> None:
        """Let go of the original."""
        if self._original is not None:
            self._original.close()
