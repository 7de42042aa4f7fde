"""Enlarge pictures and videos: python -m assignments predict swift_srgan --source FILE|FOLDER|VIDEO --out DIR

Grey images stay grey, 16 bits stay 16, transparency is kept, a video keeps its sound. A folder's work can be stopped
and called again with the same --out: what is finished with the same weights is not done twice. Large images are
computed in overlapping tiles.
"""

import argparse
import json
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path

from assignments.common.command_line import first_line, speaks, tells_errors
from data_tools.errors import KitError
from data_tools.files.places import expand, short_path
from data_tools.language import show, spoken
from data_tools.progress import Progress, tell

LARGEST = 250_000_000  # pixels of an enlarged picture, which is held in memory
RECORD = "enlarged.jsonl"  # in the output folder: what made the pictures there
LONGEST_LINE = 1 << 16  # characters


def parser() -> argparse.ArgumentParser:
    """The command line."""
    options = argparse.ArgumentParser(prog="python -m assignments predict swift_srgan", allow_abbrev=False,
                                      description=first_line(__doc__))
    options.add_argument("--source", required=True, help="image, folder of images, or video")
    options.add_argument("--weights", default="blend", metavar="NAME|FILE|RUN",
                         help="pixel or adversarial, which came with the kit, or blend (default), both averaged; "
                              ".safetensors weights; or a run folder")
    options.add_argument("--sharpness", type=float, metavar="0..1",
                         help="of blend: 0 is pixel, nearest to the original, 1 is adversarial; default: 0.5")
    options.add_argument("--model", default="", choices=("", "swift_srgan", "srgan", "esrgan"),
                         help="network of a file whose header does not name it")
    options.add_argument("--residual", action=argparse.BooleanOptionalAction, default=None,
                         help="the output is added to the bicubic enlargement; default: as the header says")
    options.add_argument("--out", type=Path, metavar="DIR", help="default: a new folder under runs/predictions")
    options.add_argument("--tile", type=int, metavar="N",
                         help="longest side computed at once, in pixels of the source; 0: whole images; default: 192, "
                              "with OpenVINO 288")
    options.add_argument("--refine", action="store_true",
                         help="nearer to the original, eight times as long: the mean over eight views of the picture, "
                              "corrected until its reduction is the picture")
    options.add_argument("--frames", type=int, default=0, metavar="N", help="stop a video after N frames; 0: never")
    options.add_argument("--device", default="auto", choices=("auto", "cpu", "gpu"))
    options.add_argument("--engine", default="auto", choices=("auto", "network", "openvino", "openvino-bf16"),
                         help="auto takes OpenVINO on a CPU where requirements-openvino.txt and requirements-onnx.txt "
                              "are installed")
    return speaks(options)


@tells_errors
def main(argv: Sequence[str] | None = None) -> int:
    """The command line; 2 for an error that the user can mend, 130 when stopped by Ctrl-C."""
    try:
        return _predict(parser().parse_args(argv))
    except KeyboardInterrupt:  # before the first picture
        show("stopped")
        return 130


def _predict(options: argparse.Namespace) -> int:
    from assignments.common.media import Video, make_folder, open_source

    if options.frames < 0 or (options.tile or 0) < 0:
        raise KitError("--frames and --tile are 0 or more")
    if options.sharpness is not None and options.weights != "blend":
        raise KitError("--sharpness is of the weights blend; leave out --weights, or --sharpness")
    weights = options.weights if options.sharpness is None else f"blend:{options.sharpness}"
    if options.source.isdecimal() and not Path(options.source).exists():
        raise KitError(f"{options.source}: there is no such file or folder; cameras are not enlarged")
    with closing(open_source(options.source)) as source:
        import paddle_models  # noqa: F401  sets the environment before Paddle is imported
        from assignments.swift_srgan.engine import computed_by, tile_of
        from assignments.swift_srgan.generators import load_generator, refine
        from data_tools.files.names import shown
        from paddle_models.trainer import runtime
        from paddle_models.trainer.run_folder import new_run_path

        device = runtime.start(options.device)
        generator = load_generator(weights, options.model, options.residual)
        path = expand(options.source)
        out = options.out or new_run_path("predictions", shown(path.stem).replace(" ", "-") or "pictures")
        make_folder(out, path)
        generator = computed_by(generator, options.engine, device)
        tile = tile_of(generator) if options.tile is None else options.tile
        generator = refine(generator) if options.refine else generator
        show(f"{generator.source}, x{generator.scale}, by {generator.engine} on {runtime.describe(device)}\n"
             f"writing to {shown(short_path(out))}")
        if isinstance(source, Video):
            return _enlarge_video(options, source, path, generator, tile, out)
        return _enlarge_pictures(source, generator, tile, out)


def _enlarge_pictures(source, generator, tile: int, out: Path) -> int:
    """Every image as a PNG of the same name; those that the record calls finished are not done again."""
    from assignments.common.media import say_left_out
    from data_tools.files.names import shown
    from paddle_models.deploy.tiling import MARGIN

    made_by = {"weights_sha256": generator.sha256, "scale": generator.scale, "residual": generator.residual,
               "tile": tile, "margin": MARGIN, "engine": generator.engine,
               **({"refined": True} if generator.refined else {})}
    problems, done, kept, stopped = source.problems, 0, 0, False
    targets = _targets(source.names)
    begin = time.perf_counter()
    with closing(Record(out / RECORD, made_by)) as record, Progress(len(source.names), "image", first=0) as bar, \
            suppress(KeyboardInterrupt):
        stopped = True  # unless the loop comes to its end
        for name in source.names:
            try:
                content = _read(source, name)
                if record.has(name, content, out / targets[name]):
                    kept += 1
                else:
                    for note in _enlarge_picture(source, name, content, generator, tile, out / targets[name]):
                        tell(spoken(f"note: {note}"))
                    record.add(name, content)
                    done += 1
            except _Unreadable as error:
                problems.append(shown(str(error)))
            bar.advance(shown(name))
        stopped = False
    say_left_out(problems, out)
    seconds = time.perf_counter() - begin
    more = f", there already: {kept}" if kept else ""
    show(f"images enlarged: {done} in {seconds:.1f} s{more}, left out: {len(problems)}; in {shown(str(out))}")
    if stopped:
        show(f"stopped; what is finished is kept: to go on, repeat the command with --out {shlex.quote(str(out))}")
        return 130
    if problems and not done and not kept:
        raise KitError(problems[0] if len(problems) == 1
                       else f"none of {len(problems)} images could be read: {problems[0]}")
    return 0


class _Unreadable(KitError):
    """An image that cannot be read or is too large; the others go on."""


def _read(source, name: str) -> bytes:
    try:
        return source.read(name)
    except KitError as error:
        raise _Unreadable(str(error)) from error


def _enlarge_picture(source, name: str, content: bytes, generator, tile: int, target: Path) -> Sequence[str]:
    """One image; returns what is to be said of it."""
    import dataclasses

    from data_tools.files.atomic import write_atomically
    from data_tools.files.names import shown
    from data_tools.files.pictures import encode_png, enlarge_alpha
    from paddle_models.deploy.tiling import enlarge
    from paddle_models.tasks.image_metrics import to_bytes

    try:
        picture = source.picture(name, content)
    except KitError as error:
        raise _Unreadable(str(error)) from error
    height, width, scale = *picture.rgb.shape[:2], generator.scale
    if height * width * scale**2 > LARGEST:
        raise _Unreadable(f"{shown(name)}: enlarged it would have {scale * width}x{scale * height} pixels, more than "
                          f"the {LARGEST:,} that are made; cut it into parts")
    deep = picture.rgb.dtype != "uint8"
    rgb = enlarge(generator, scale, picture.rgb.astype("float32") / 65535 if deep else picture.rgb, tile,
                  finish=_to_sixteen_bits if deep else to_bytes)
    alpha = None if picture.alpha is None else enlarge_alpha(picture.alpha, scale)
    write_atomically(target, encode_png(dataclasses.replace(picture, rgb=rgb, alpha=alpha)))
    return picture.notes


def _to_sixteen_bits(values):
    """Floats in [0, 1] to uint16."""
    return (values.clip(0, 1) * 65535).round().astype("uint16")


def _targets(names: Sequence[str]) -> dict[str, Path]:
    """{name: path in the output folder}, .png; two that would be one keep their old suffix as well."""
    found: dict[str, Path] = {}
    taken: set[Path] = set()
    for name in names:
        target = Path(name).with_suffix(".png")
        found[name] = target if target not in taken else Path(name + ".png")
        taken.add(found[name])
    return found


class Record:
    """Which images of the folder are finished, by the SHA-256 of their source; of other weights or settings none is.

    A file of lines: the first says what made the pictures, then one for each that is finished.
    """

    def __init__(self, path: Path, made_by: dict):
        self._path = path
        self._finished = dict(_finished(path, made_by))
        try:
            self._file = open(path, "a" if self._finished else "w", encoding="utf-8")
        except OSError as error:
            raise KitError(f"cannot write {path} ({error.strerror}); choose another --out") from None
        # a line that a kill cut short ends here
        self._write({"goes_on": True} if self._finished else {"made_by": made_by}, "\n" if self._finished else "")

    def _write(self, entry: dict, before: str = "") -> None:
        try:
            self._file.write(f"{before}{json.dumps(entry, ensure_ascii=False)}\n")
            self._file.flush()
        except OSError as error:
            raise KitError(f"cannot write {self._path}: {error.strerror}; make room (df -h {self._path.parent}) or "
                           "choose another --out, then run the command again") from error

    def has(self, name: str, content: bytes, target: Path) -> bool:
        """Whether this very image is finished and still there."""
        from data_tools.files.names import shown

        return self._finished.get(shown(name)) == _sha256(content) and target.is_file()

    def add(self, name: str, content: bytes) -> None:
        """One more that is finished."""
        from data_tools.files.names import shown

        self._finished[shown(name)] = _sha256(content)
        self._write({"name": shown(name), "sha256": self._finished[shown(name)]})

    def close(self) -> None:
        """Let go of the file."""
        with suppress(OSError):  # a full disk, which write() has told
            self._file.close()


def _finished(path: Path, made_by: dict) -> Iterator[tuple[str, str]]:
    """Name and SHA-256 of what the record at `path` calls finished; nothing where it is none, or of other settings."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            if json.loads(file.readline(LONGEST_LINE)).get("made_by") != made_by:
                return
            while line := file.readline(LONGEST_LINE):
                with suppress(ValueError, KeyError, TypeError, AttributeError):  # cut short by a kill
                    entry = json.loads(line)
                    yield str(entry["name"]), str(entry["sha256"])
    except (OSError, ValueError, AttributeError, RecursionError):
        return  # none yet, or not ours: everything is made anew


def _sha256(content: bytes) -> str:
    import hashlib

    return hashlib.sha256(content).hexdigest()


def _enlarge_video(options, source, path: Path, generator, tile: int, out: Path) -> int:
    """All frames into one .mp4 with the sound of the original; stopped early, the frames so far with theirs."""
    from itertools import islice

    from assignments.common.pipeline import Behind, ahead
    from data_tools.files.film_writer import FilmWriter
    from data_tools.files.films import Shot
    from data_tools.files.names import shown
    from paddle_models.deploy.tiling import enlarge

    target, count, busy, stopped = out / f"{path.stem}.mp4", 0, 0.0, False
    film = FilmWriter(target, source.rate, source.reader)
    begin = time.perf_counter()
    try:
        with (Progress(options.frames or source.total or 0, "frame", first=0) as bar, Behind() as behind,
              closing(ahead(islice(iter(source), options.frames or None))) as frames):
            try:
                for frame in frames:
                    height, width, scale = *frame.picture.shape[:2], generator.scale
                    if height * width * scale**2 > LARGEST:
                        raise KitError(f"{shown(source.name)}: a frame would have {scale * width}x{scale * height} "
                                       "pixels; convert it to a smaller size first")
                    started = time.perf_counter()
                    enlarged = enlarge(generator, scale, frame.picture, tile)
                    busy += time.perf_counter() - started
                    behind(film.write, Shot(enlarged, frame.begin, frame.length))
                    count += 1
                    bar.advance(shown(source.name))
            except KeyboardInterrupt:
                stopped = True
        film.close()
    finally:
        film.abandon()
    for problem in [*source.problems, *film.problems]:
        show(f"note: {problem}")
    seconds, sound = time.perf_counter() - begin, "with sound" if film.sound else "without sound"
    show(f"{'stopped; ' if stopped else ''}frames: {count} in {seconds:.1f} s, {1000 * seconds / max(1, count):.0f} "
         f"ms per frame, network busy {busy / seconds:.0%}\n"
         + (f"written: {shown(short_path(target))}, {sound}" if count else "nothing was written"))
    return 130 if stopped else 0


if __name__ == "__main__":
    sys.exit(main())
