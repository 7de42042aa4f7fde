"""Small films made and looked at by ffmpeg's own program, which the kit itself does not use."""

import re
import subprocess
from pathlib import Path

from imageio_ffmpeg import get_ffmpeg_exe

SOUND = ("-f", "lavfi", "-i", "sine=frequency=440:duration={seconds}")
CODECS = ("-c:v", "libx264", "-pix_fmt", "yuv420p")


def ffmpeg(*arguments) -> str:
    """What it says on standard error."""
    command = [get_ffmpeg_exe(), "-hide_banner", "-y", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-500:]
    return done.stderr


def film(path: Path, frames: int, rate: str = "12", sound: bool = True, more: tuple = (), codecs: tuple = (),
         size: str = "46x34", delay: float = 0) -> Path:
    """A test picture with a tone of the same length; delay: seconds by which the pictures come later."""
    seconds = frames / per_second(rate)
    tone = [word.format(seconds=seconds + delay) for word in SOUND] if sound else []
    picture = f"testsrc=size={size}:rate={rate}:duration={seconds}"
    ffmpeg("-itsoffset", delay, "-f", "lavfi", "-i", picture, *tone, *more,
           *(codecs or (CODECS if path.suffix in (".mp4", ".mov", ".mkv", ".ts") else ("-pix_fmt", "yuv420p"))), path)
    return path


def per_second(rate: str) -> float:
    """"1/20" as 0.05."""
    number, _, divisor = rate.partition("/")
    return float(number) / float(divisor or 1)


def times(path: Path, kind: str = "v") -> list[float]:
    """Seconds at which the pictures ("v"), or pieces of the sound ("a"), begin."""
    shows = ("-vf", "showinfo", "-fps_mode", "passthrough") if kind == "v" else ("-af", "ashowinfo")
    command = [get_ffmpeg_exe(), "-copyts", "-i", path, "-map", f"0:{kind}:0", *shows, "-f", "null", "-"]
    said = subprocess.run(command, capture_output=True, text=True).stderr
    return [float(begin) for begin in re.findall(r"pts_time:(-?[\d.]+)", said)]


def drift(original: Path, result: Path) -> float:
    """Greatest difference between the places of a picture beside the sound, in seconds."""
    first = [(times(path, "a") or times(path))[0] for path in (original, result)]
    pairs = list(zip(times(original), times(result)))
    assert pairs
    return max(abs((a - first[0]) - (b - first[1])) for a, b in pairs)
