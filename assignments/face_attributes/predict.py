"""Facial attributes in pictures: python -m assignments predict face_attributes --source FILE|FOLDER|VIDEO|CAMERA

Finds faces, frames them as CelebA does, asks the exported network and writes annotated pictures and a table of all 40
probabilities. The attributes are guesses after the taste of CelebA's annotators, not facts about a person.
"""

import argparse
import csv
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from itertools import islice
from pathlib import Path

from assignments.common.command_line import first_line, tells_errors
from data_tools.errors import KitError
from data_tools.files.places import expand, short_path
from data_tools.language import said, show
from data_tools.terminal import padded

STAGES = ("decode", "detect", "classify", "draw", "write")
GROUP = 8  # frames that are classified together, a camera's apart, which are wanted at once
GROUP_PIXELS = 24_000_000  # from which a group is full, so that large photographs do not fill the memory
REPORT_EVERY = 10.0  # seconds between two lines about a long video


def parser() -> argparse.ArgumentParser:
    """The command line."""
    options = argparse.ArgumentParser(prog="python -m assignments predict face_attributes", allow_abbrev=False,
                                      description=first_line(__doc__))
    options.add_argument("--source", required=True,
                         help="image, folder of images, video, or the number of a camera (0)")
    options.add_argument("--model", type=Path, metavar="FOLDER",
                         help="an exported network (python -m assignments export)")
    options.add_argument("--weights", type=Path, metavar="FILE|RUN",
                         help=".safetensors, or a run folder; default: the newest that came with the kit")
    options.add_argument("--engine", default="auto",
                         help="auto (the fastest here, measured once), paddle-onednn, paddle, "
                                                          "onnxruntime, onnxruntime-int8 (of an export with --int8), "
                                                          "openvino, openvino-bf16 (of one with --onnx), "
                                                          "openvino-int8 (--int8) or "
                                                          "tensorrt")
    options.add_argument("--yunet", type=Path, metavar="FILE",
                         help="YuNet's .onnx file; default: that of `data fetch yunet` where it is, else OpenCV's own "
                              "cascade, as with none")
    options.add_argument("--min-face", type=float, metavar="SHARE",
                         help="side of the smallest face that is looked for, over the picture's longest side; default: "
                              "0.01, in films and before a camera 0.1")
    options.add_argument("--lang", choices=("en", "zh"), default="en", help="language of what is written into pictures")
    options.add_argument("--out", type=Path, metavar="DIR", help="default: a new folder under runs/predictions")
    options.add_argument("--threshold", type=float, default=0.5,
                         help="probability from which an attribute is shown (0.5)")
    options.add_argument("--frames", type=int, default=0, metavar="N", help="stop after N frames or images; 0: never")
    options.add_argument("--group", type=int, default=0, metavar="N",
                         help=f"frames classified together; default {GROUP}, for a camera 1")
    options.add_argument("--show", action="store_true", help="also show a window (q closes it)")
    return options


class Clock:
    """Seconds per stage."""

    def __init__(self):
        self.seconds: dict[str, float] = dict.fromkeys(STAGES, 0.0)
        self.frames = self.faces = 0
        self.without_face: list[str] = []  # sources of pictures
        self.begin = time.perf_counter()

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        begin = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] += time.perf_counter() - begin

    def rate(self) -> float:
        """Frames per second so far."""
        return self.frames / max(time.perf_counter() - self.begin, 1e-9)

    def table(self) -> str:
        """Milliseconds per frame and share of each stage."""
        total, frames = max(sum(self.seconds.values()), 1e-9), max(1, self.frames)
        head = padded(said("stage"), 10) + padded(said("ms/frame"), 10, False) + padded(said("share"), 8, False)
        rows = [*self.seconds.items(), ("all", total)]
        return "\n".join([head, *(f"{padded(said(stage), 10)}{1000 * s / frames:10.2f}{s / total:8.0%}"
                                  for stage, s in rows)])


@tells_errors
def main(argv: Sequence[str] | None = None) -> int:
    """The command line; 2 for an error that the user can mend, 130 when stopped by Ctrl-C (a camera: 0)."""
    try:
        return _predict(parser().parse_args(argv))
    except KeyboardInterrupt:  # before the first frame
        show("stopped")
        return 130


def _predict(options: argparse.Namespace) -> int:
    from assignments.common.media import Album, Film, make_folder, open_source
    from assignments.common.pipeline import Behind
    from assignments.face_attributes.model import FaceReader
    from data_tools.drawing.attributes import ATTRIBUTES
    from data_tools.files.names import shown
    from data_tools.sets.face_finder import FaceFinder, FaceTracker, fetched_yunet
    from paddle_models.trainer.run_folder import new_run_path

    if not 0 <= options.threshold <= 1 or options.frames < 0 or options.group < 0:
        raise KitError("--threshold is a probability from 0 to 1, --frames and --group are 0 or more")
    if options.min_face is not None and not 0.002 <= options.min_face <= 1:
        raise KitError("--min-face is a share of the picture's longest side, from 0.002 to 1")
    with closing(open_source(options.source)) as source:
        yunet = options.yunet or fetched_yunet()
        finder = (FaceTracker if source.moving else FaceFinder)(
            None if str(yunet) == "none" else yunet, **({"smallest": options.min_face} if options.min_face else {}))
        reader = FaceReader(options.model, options.weights, options.engine)
        stem = Path(source.name if source.moving else options.source).stem.replace(" ", "-") or "pictures"
        out = options.out or new_run_path("predictions", shown(stem))
        make_folder(out, None if getattr(source, "camera", False) else expand(options.source))
        smallest = f"; faces from {finder.smallest:g} of the longest side on (--min-face)" if source.moving else ""
        show(f"engine {reader.engine}{smallest}\nwriting to {shown(short_path(out))}")
        sink = Film(out, stem, source) if source.moving else Album(out)
        clock, stopped = Clock(), False
        try:
            with _table(out / "faces.csv", ATTRIBUTES) as rows, Behind(1) as behind:
                try:
                    _loop(options, source, finder, reader, clock, partial(behind, _write, sink, rows, clock))
                except KeyboardInterrupt:
                    stopped = True
            sink.close()
        finally:
            sink.abandon()
    _report(clock, source, finder, sink, out, stopped)
    return 130 if stopped and not getattr(source, "camera", False) else 0


@contextmanager
def _table(path: Path, names: Sequence[str]) -> Iterator["csv._writer"]:
    """faces.csv, one row per face; complete up to the last finished group of frames however the work ends."""
    try:
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["source", "frame", "face", "x", "y", "width", "height", *names])
            yield writer
    except OSError as error:
        raise KitError(f"cannot write {path} ({error.strerror or error}); make room or choose another --out") from error


def _write(sink, rows, clock: Clock, group: Sequence[tuple]) -> None:
    """Annotated pictures and rows of the table of a group of frames, in a thread."""
    with clock("write"):
        for frame, picture, table in group:
            sink.write(frame, picture)
            rows.writerows(table)


def _loop(options, source, finder, reader, clock: Clock, write: Callable[[list[tuple]], None]) -> None:
    """Frames, group by group, decoded ahead where they come from a file; `write` takes what becomes of a group."""
    from assignments.common.pipeline import ahead
    from assignments.face_attributes.annotate import GROUP as MANY
    from assignments.face_attributes.annotate import annotate, annotate_group, lines
    from assignments.face_attributes.names import label_names

    camera = getattr(source, "camera", False)
    told, (names, font) = time.perf_counter(), label_names(options.lang)
    frames = islice(iter(source), options.frames or None)
    groups = iter(lambda: _next(frames, options.group or (1 if camera else GROUP), clock), [])
    clock.begin, wanted = time.perf_counter(), True
    with closing(ahead(groups, 0 if camera else 1)) as decoded:
        for group in decoded:
            with clock("detect"):
                found = [finder(frame.picture) for frame in group]
            with clock("classify"):
                probabilities = iter(reader([reader.crop(frame.picture, face) for frame, faces in zip(group, found)
                                             for face in faces]))
            done: list[tuple] = []
            for frame, faces in zip(group, found):
                mine = list(islice(probabilities, len(faces)))
                with clock("draw"):
                    texts = [lines(p, names, options.threshold) for p in mine]
                    draw = annotate_group if len(faces) >= MANY and not source.moving else annotate
                    picture = draw(frame.picture, [face.box for face in faces], texts, font)
                done.append((frame, picture, _rows(frame, faces, mine)))
                if not faces:
                    clock.without_face.append(frame.source)
                wanted = not options.show or _shown(picture)
                if not wanted:
                    break
            write(done)
            clock.frames += len(done)
            clock.faces += sum(len(table) for *_, table in done)
            if not wanted:
                return
            if time.perf_counter() - told > REPORT_EVERY:
                told = time.perf_counter()
                show(f"frame {clock.frames}{f'/{source.total}' if source.total else ''}, {clock.rate():.1f} frames/s")


def _next(frames: Iterator, size: int, clock: Clock) -> list:
    group, pixels = [], 0
    with clock("decode"):
        while len(group) < size and pixels < GROUP_PIXELS and (frame := next(frames, None)) is not None:
            group.append(frame)
            pixels += frame.picture.shape[0] * frame.picture.shape[1]
    return group


def _rows(frame, faces, probabilities) -> list[tuple]:
    from data_tools.files.names import shown

    return [(shown(frame.source), frame.number, number, *(round(v, 1) for v in face.box), *(f"{p:.4f}" for p in row))
            for number, (face, row) in enumerate(zip(faces, probabilities))]


def _shown(picture) -> bool:
    """Show a frame; False once q was pressed."""
    import cv2

    try:
        cv2.imshow("face attributes", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        return cv2.waitKey(1) & 0xFF != ord("q")
    except cv2.error:
        raise KitError("--show: there is no screen here, or OpenCV has come without windows; leave --show "
                       "out") from None


def _say_without_face(clock: Clock, source, finder) -> None:
    """Name pictures in which no face was found, and what to try; a film only where it has none at all."""
    from data_tools.files.names import shown

    where = list(dict.fromkeys(map(shown, clock.without_face)))
    if not where or source.moving and clock.faces:
        return
    names = ", ".join(where[:5]) + (f" and {len(where) - 5} more" if len(where) > 5 else "")
    fetch = "" if finder.yunet else "`python -m assignments data fetch yunet` for turned and covered ones; "
    show(f"no face was found in {names}; try --min-face {finder.smallest / 2:g} for smaller ones (now "
         f"{finder.smallest:g} of the longest side); {fetch}or turn the picture upright")


def _report(clock: Clock, source, finder, sink, out: Path, stopped: bool) -> None:
    from assignments.common.media import say_left_out
    from data_tools.files.names import shown

    if not source.moving:
        say_left_out(source.problems, out)
    for note in [*(source.problems if source.moving else source.notes), *sink.problems]:
        show(f"note: {note}")
    _say_without_face(clock, source, finder)
    unit = "frames" if source.moving else "images"
    show(f"{'stopped; ' if stopped else ''}{unit}: {clock.frames}, faces: {clock.faces}, {clock.rate():.1f} {unit}/s")
    if clock.frames:
        print(clock.table())
        for path in (sink.written, out / "faces.csv"):
            show(f"written: {shown(short_path(path))}")
    else:
        show("no picture was read")


if __name__ == "__main__":
    sys.exit(main())
