"""Writing a data set drawn by code: whole or absent, reused when complete, never over somebody's own files."""

import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from pathlib import Path, PurePosixPath

from data_tools.errors import KitError
from data_tools.files.locks import locked
from data_tools.files.sources import FolderSource, Source
from data_tools.language import said
from data_tools.machine import cores
from data_tools.progress import Progress, tell
from data_tools.terminal import is_live

NOTICE_FILE = "DRAWN.txt"
MARK = "Drawn stand-in"  # how every notice begins
ABOVE = 3  # folders above a picture in which the notice is looked for; the kit's own sets need two
CHUNK = 512  # pictures that are handed out together, so that a set of any size needs no memory


def is_drawn(source: Source, names: Iterable[str]) -> bool:
    """Whether any of these files of a folder or archive is of a drawn set: DRAWN.txt stands beside it or above it.

    Folders above the given one, or above the archive, count too; of the notice only the beginning is read.
    """
    folders = {name.rpartition("/")[0] for name in names}
    inside = {above for folder in folders for above in islice(PurePosixPath(folder, NOTICE_FILE).parents, ABOVE + 1)}
    places = [(source, str(folder / NOTICE_FILE)) for folder in inside]
    places += [(FolderSource(folder), NOTICE_FILE) for folder in Path(source.path).parents[:ABOVE] if folder.is_dir()]
    return any(_is_notice(*place) for place in places)


def _is_notice(source: Source, name: str) -> bool:
    with suppress(KitError):  # there is none
        return source.head(name, len(MARK)) == MARK.encode()
    return False


def write_drawn_set(
    folder: str | Path,
    notice: str,
    pictures: Mapping[str, tuple],
    draw: Callable[..., bytes],
    texts: Mapping[str, bytes],
    what: str,
    room: str,
    progress: bool = False,
    threads: int = 4,
) -> Path:
    """Draw a set into `folder` and return it; a complete one with the same notice is reused.

    notice: of DRAWN.txt, beginning with MARK; it holds everything the pictures depend on. pictures: file name inside
    the set -> arguments of `draw`, which returns the encoded file. texts: the label files. what, room: for messages.
    threads: fewer where Python does much of the drawing.
    The set is drawn beside the folder and renamed, so an interrupted drawing leaves nothing half. Raises KitError where
    the folder holds anything that is not a drawn set, or the disk is full.
    """
    folder = Path(folder).absolute()
    if _is_complete(folder, notice, (*pictures, *texts)):
        return folder  # also where nothing may be written
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with locked(folder.with_name(f".{folder.name}.lock")):
            if not _is_complete(folder, notice, (*pictures, *texts)):
                _refuse_foreign(folder)
                _draw(folder, notice, pictures, draw, texts, what, progress, threads)
    except OSError as error:
        raise KitError(
            f"cannot write the drawn {what} to {folder}: {error.strerror or error}; "
            f"free some space ({room}), name another folder, or another place for all drawn sets: KIT_SAMPLES=FOLDER"
        ) from error
    return folder


def _draw(folder: Path, notice: str, pictures, draw, texts, what: str, progress: bool, threads: int) -> None:
    """Draws beside the place and renames; called under the lock, so leftovers there are nobody's."""
    fresh, old = folder.with_name(f".{folder.name}.drawing"), folder.with_name(f".{folder.name}.old")
    if progress and not is_live():
        tell(said(f"drawing {len(pictures)} {what}"))
    for leftover in (fresh, old):
        shutil.rmtree(leftover, ignore_errors=True)
    try:
        for name in {os.path.dirname(name) for name in pictures}:
            (fresh / name).mkdir(parents=True)

        def write(item: tuple[str, tuple]) -> None:
            (fresh / item[0]).write_bytes(draw(*item[1]))

        waiting = iter(pictures.items())
        # Threads, not processes: OpenCV draws without the interpreter's lock; forking after Paddle is unsafe.
        with (
            ThreadPoolExecutor(min(threads, cores())) as pool,
            Progress(len(pictures), f"drawing {what}", progress) as bar,
        ):
            while chunk := list(islice(waiting, CHUNK)):
                for _ in pool.map(write, chunk):
                    bar.advance()
        for name, content in texts.items():
            (fresh / name).write_bytes(content)
        (fresh / NOTICE_FILE).write_bytes(notice.encode())
        if folder.exists():
            folder.rename(old)
        fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _is_complete(folder: Path, notice: str, names: tuple[str, ...]) -> bool:
    found = folder / NOTICE_FILE
    if not found.is_file() or found.read_bytes() != notice.encode():
        return False
    return all(os.path.isfile(folder / name) for name in names)


def _refuse_foreign(folder: Path) -> None:
    """Only a drawn set or an empty folder is ever replaced."""
    if not folder.exists():
        return
    if not folder.is_dir() or (any(folder.iterdir()) and not _is_notice(FolderSource(folder), NOTICE_FILE)):
        raise KitError(
            f"{folder} holds something that is not a drawn set; it is left alone. Name a new folder"
        )
