"""Enlarged frames into a video file that has the original's sound; imageio-ffmpeg brings the ffmpeg for it."""

import contextlib
import importlib.util
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from data_tools.errors import KitError

QUALITY = 18  # x264's constant rate factor: 0 lossless, 23 its default
HINT = "pip install imageio-ffmpeg"


def can_write() -> bool:
    """Whether imageio-ffmpeg is installed."""
    return importlib.util.find_spec("imageio_ffmpeg") is not None


class VideoFile:
    """Writes H.264 frames to `path` (.mp4); nothing stands there before close() has found everything well.

    source: video whose sound is copied, or encoded as AAC where .mp4 does not take it as it is. `sound` tells after
    close().
    """

    def __init__(self, path: Path, rate: float, source: Path):
        if not can_write():
            raise KitError(f"videos are written with imageio-ffmpeg, which is not installed: {HINT}")
        self.path, self._rate, self._source, self.sound = path, rate, source, False
        self._picture = path.with_name(f".{path.stem}.frames.mp4")
        self._process: subprocess.Popen | None = None
        self._size: tuple | None = None

    def write(self, frame: np.ndarray) -> None:
        """One frame, (H, W, 3) uint8; all of one size."""
        if self._process is None:
            self._size = frame.shape
            self._start(*frame.shape[:2])
        if frame.shape != self._size:
            raise KitError(f"{self._source}: its frames change from {self._size[1]}x{self._size[0]} to "
                           f"{frame.shape[1]}x{frame.shape[0]} pixels when enlarged; convert it to one size first")
        try:
            self._process.stdin.write(np.ascontiguousarray(frame).data)
        except OSError as error:
            raise KitError(self._failure(self._process)) from error

    def _start(self, height: int, width: int) -> None:
        self._said = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [*_ffmpeg(), "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", f"{self._rate:.6f}",
             "-i", "-",
             "-an", "-c:v", "libx264", "-crf", str(QUALITY), "-preset", "veryfast", "-vf",
             "pad=ceil(iw/2)*2:ceil(ih/2)*2",
             "-pix_fmt", "yuv420p", str(self._picture)],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=self._said,
            start_new_session=True)  # Ctrl-C is for us: ffmpeg finishes the frames that it has

    def close(self) -> None:
        """Finish the frames, add the sound, put the file into its place."""
        if self._process is None:
            return
        try:
            with contextlib.suppress(OSError):  # the exit status below says more
                self._process.stdin.close()
            if self._process.wait():
                raise KitError(self._failure(self._process))
            self._add_sound()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """End the work and remove what was begun; after close() nothing is left to remove."""
        if self._process is not None:
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
            if not self._process.stdin.closed:
                with contextlib.suppress(OSError):  # bytes that ffmpeg no longer takes
                    self._process.stdin.close()
            self._said.close()
            self._process = None
        self._picture.unlink(missing_ok=True)

    def _add_sound(self) -> None:
        from data_tools.files.atomic import atomic_path

        with atomic_path(self.path) as temporary:
            # Sound copied; encoded anew; no sound that can be read.
            for sound in (["-map", "1:a?", "-c:a", "copy"], ["-map", "1:a?", "-c:a", "aac"], []):
                source = ["-i", str(self._source)] if sound else []
                done = subprocess.run([*_ffmpeg(), "-i", str(self._picture), *source, "-map", "0:v", "-c:v", "copy",
                                       *sound,
                                       "-f", "mp4", "-movflags", "+faststart", str(temporary)],
                                      stdin=subprocess.DEVNULL, capture_output=True)
                if not done.returncode:
                    self.sound = bool(sound) and _has_sound(temporary)
                    return
        raise KitError(f"cannot finish {self.path}: {_last_line(done.stderr)}")

    def _failure(self, process: subprocess.Popen) -> str:
        process.wait()
        self._said.seek(0)
        return (f"cannot write {self.path}: {_last_line(self._said.read()) or 'ffmpeg ended'}; make room "
                f"(df -h {self.path.parent}) or choose another --out, then run the command again")


def _ffmpeg() -> list:
    from imageio_ffmpeg import get_ffmpeg_exe

    return [get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", "-y"]


def _has_sound(path: Path) -> bool:
    """Whether ffmpeg finds a sound track."""
    command = [*_ffmpeg(), "-f", "mp4", "-i", str(path), "-map", "0:a:0", "-t", "0.01", "-f", "null", "-"]
    return not subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True).returncode


def _last_line(said: bytes) -> str:
    lines = said.decode("utf-8", "replace").strip().splitlines()
    return next((line for line in lines if "No space" in line or "too large" in line), lines[-1] if lines else "")[:200]
