"""A zip or a folder from a stranger: what is in it, judged by names and types alone, and single files taken out of it.

Nothing is extracted by the name that it has in the zip: the caller says which entries it wants and where they go.
"""

import gzip
import os
import re
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from data_tools.errors import BadFile
from reports.grading.limits import Limits

CHUNK = 1 << 20
LONGEST_NAME, LONGEST_PATH, DEEPEST = 255, 1024, 20  # bytes, bytes, folders
FREE_OF_RATIO = 4 << 20  # bytes that may unpack from next to nothing
DRIVE = re.compile(r"[A-Za-z]:")
TAIL = (1 << 16) + 100  # bytes in which a zip says how large its list of files is: the longest comment and two records
LARGEST_DIRECTORY = 1 << 20  # bytes; a run's takes one thousandth
TAR_AT = 257  # where a tar says that it is one
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")
OTHERS = {b"Rar!": "a RAR archive", b"7z\xbc\xaf\x27\x1c": "a 7z archive", b"BZh": "a bzip2 archive",
          b"\xfd7zXZ": "an xz archive", b"%PDF": "a PDF"}
STORED_OR_DEFLATED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class Stream(Protocol):
    """A file of a submission, opened."""

    def __enter__(self) -> "Stream": ...

    def __exit__(self, kind: Any, error: Any, trace: Any, /) -> None: ...

    def read(self, count: int, /) -> bytes: ...


@dataclass(frozen=True)
class Entry:
    """A file of a submission: its path with slashes, its claimed size, and how to open it for reading."""

    path: str
    size: int
    open: Callable[[], "Stream"]


@contextmanager
def listing(path: Path, limits: Limits) -> Iterator[dict[str, Entry]]:
    """{path: entry} of the files of a zip or folder, valid inside of the block; BadFile for what nobody may hand in."""
    try:
        kind = os.lstat(path).st_mode
    except OSError as error:
        raise BadFile("not-a-run", f"{path.name} cannot be read: {error.strerror}") from None
    if stat.S_ISLNK(kind):
        raise BadFile("symlink", f"{path.name} is a symbolic link; hand in the folder or zip itself")
    if stat.S_ISDIR(kind):
        try:
            entries = _folder(path, limits)
        except OSError as error:
            raise BadFile("bad-file", f"{path.name} cannot be read to its end: {error.strerror}") from None
        yield entries
        return
    if not stat.S_ISREG(kind):
        raise BadFile("special-file", f"{path.name} is neither a folder nor a file")
    if path.stat().st_size > limits.archive_mb << 20:
        raise BadFile("too-large", f"{path.name} has {path.stat().st_size >> 20} MB, more than {limits.archive_mb}")
    with open(path, "rb") as file, archived(file, path.name, path.stat().st_size, limits) as entries:
        yield entries


@contextmanager
def archived(file: BinaryIO, name: str, size: int, limits: Limits) -> Iterator[dict[str, Entry]]:
    """As listing(), of an opened archive: a zip, or a tar with or without gzip; what else it is is named."""
    start = file.read(TAR_AT + 5)
    file.seek(0)
    gzipped = start[:2] == b"\x1f\x8b"
    if gzipped or start[TAR_AT:] == b"ustar":
        with tarred(file, name, limits, gzipped) as entries:
            yield entries
        return
    told = next((said for begin, said in OTHERS.items() if start.startswith(begin)), "")
    suffix = Path(name).suffix.lower()
    if not told and suffix != ".zip" and not start.startswith(b"PK"):
        told = f"a file of the kind {suffix[:20]}" if suffix else "a file of an unknown kind"
    if told:
        raise BadFile("other-format", f"{name} is {told}, which is not read; hand in the zip that "
                                      "`python -m assignments submit` writes of a run")
    try:
        with zipfile.ZipFile(file) as archive:
            yield _zip(archive, name, size, limits)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, UnicodeDecodeError, ValueError) as error:
        found = f": {str(error)[:200]}" if zipfile.is_zipfile(file) else " is no zip file, or only a part of one"
        raise BadFile("damaged-zip", f"{name}{found}") from None


@contextmanager
def tarred(file: BinaryIO, name: str, limits: Limits, gzipped: bool) -> Iterator[dict[str, Entry]]:
    """As listing(), of a tar; one that is gzipped is unpacked into a temporary file first, its bytes counted."""
    try:
        with tempfile.TemporaryFile() as whole:
            if gzipped:
                most = min(FREE_OF_RATIO + limits.ratio * os.fstat(file.fileno()).st_size, limits.disk_mb << 20)
                with gzip.GzipFile(fileobj=file) as packed:
                    _copy(_Counted(packed, name, most), whole)
            with tarfile.open(fileobj=whole if gzipped else file, mode="r:") as archive:
                yield _tar(archive, name, limits)
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, UnicodeDecodeError, ValueError) as error:
        raise BadFile("damaged-zip", f"{name} is no tar file, or only a part of one: {str(error)[:200]}") from None


def _copy(source: "Stream", target: BinaryIO) -> None:
    while chunk := source.read(CHUNK):
        target.write(chunk)
    target.seek(0)


def _tar(archive: tarfile.TarFile, name: str, limits: Limits) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    for count, member in enumerate(archive, 1):
        if count > limits.entries:
            raise BadFile("too-many-files", f"{name} holds more than {limits.entries} files")
        path = check_path(member.name).removeprefix("./")
        if member.issym() or member.islnk():
            raise BadFile("symlink", f"{path[:80]!r} is a link; hand in the files themselves")
        if not (member.isreg() or member.isdir()):
            raise BadFile("special-file", f"{path[:80]!r} is a device, a pipe or the like")
        if path in entries:
            raise BadFile("duplicate", f"{path[:80]!r} stands in {name} twice")
        if member.isreg():
            entries[path] = Entry(path, member.size, partial(_open_tarred, archive, member))
    return entries


def _open_tarred(archive: tarfile.TarFile, member: tarfile.TarInfo) -> "Stream":
    opened = archive.extractfile(member)
    assert opened is not None  # of a regular file
    return opened


def is_archive(path: Path) -> bool:
    """Whether a file begins as an archive that is read."""
    try:
        if path.is_symlink() or not path.is_file():
            return False
        with open(path, "rb") as file:
            start = file.read(TAR_AT + 5)
    except OSError:
        return False
    return start[:2] in (b"PK", b"\x1f\x8b") or start[TAR_AT:] == b"ustar"


@contextmanager
def inner(entries: dict[str, Entry], limits: Limits) -> Iterator[dict[str, Entry]]:
    """The files of the one archive among the entries; the entries themselves where there is none, or more."""
    archives = [entry for name, entry in entries.items() if name.lower().endswith(ARCHIVES)
                and not name.startswith("__MACOSX/") and "/._" not in f"/{name}"]
    if len(archives) != 1:
        yield entries
        return
    with tempfile.TemporaryFile() as file:
        with archives[0].open() as source:
            _copy(_Counted(source, archives[0].path, limits.archive_mb << 20), file)
        with archived(file, archives[0].path, os.fstat(file.fileno()).st_size, limits) as found:
            yield found


def has_small_directory(path: Path) -> bool:
    """Whether the list of files in a zip takes less than LARGEST_DIRECTORY, by its last bytes: opening it is cheap
    then."""
    with open(path, "rb") as stream:
        stream.seek(max(0, path.stat().st_size - TAIL))
        tail = stream.read(TAIL)
    sizes = [int.from_bytes(tail[at.start() + 12:at.start() + 16], "little") for at in re.finditer(b"PK\x05\x06", tail)]
    return b"PK\x06\x07" not in tail and max(sizes, default=0) < LARGEST_DIRECTORY


def take(entry: Entry, to: Path, limit: int) -> None:
    """Copy a file to `to`, which is new, counting its bytes; BadFile("too-large") beyond `limit`."""
    to.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    try:
        source = entry.open()
    except OSError as error:
        raise BadFile("bad-file", f"{entry.path} cannot be read: {error.strerror}") from None
    with source, open(to, "xb") as target:
        while chunk := source.read(CHUNK):
            count += len(chunk)
            if count > limit:
                raise BadFile("too-large", f"{entry.path} has more than the {_size(limit)} allowed")
            target.write(chunk)


def check_path(name: str) -> str:
    """A path as a zip or folder has it, with slashes only; BadFile where it is absolute, climbs out or is over-long."""
    shown, plain = repr(name[:80]), name.replace("\\", "/")
    if plain.startswith("/") or DRIVE.match(plain):
        raise BadFile("absolute-path", f"the path {shown} is absolute; a submission holds paths inside of itself")
    parts = plain.rstrip("/").split("/")
    if ".." in parts:
        raise BadFile("path-escape", f"the path {shown} climbs out of the submission")
    sizes = [len(part.encode("utf-8", "surrogatepass")) for part in parts]
    if max(sizes) > LONGEST_NAME or sum(sizes) + len(sizes) > LONGEST_PATH or len(parts) > DEEPEST:
        raise BadFile("long-name", f"the path {shown}... is longer or deeper than a run folder's")
    if not all(ord(letter) >= 32 and letter != "\x7f" for letter in plain):
        raise BadFile("long-name", f"the path {shown} has control characters")
    return plain


def _zip(archive: zipfile.ZipFile, name: str, size: int, limits: Limits) -> dict[str, Entry]:
    members = archive.infolist()
    if len(members) > limits.entries:
        raise BadFile("too-many-files", f"{name} holds {len(members)} files, more than {limits.entries}")
    if sum(member.compress_size for member in members) > size:
        raise BadFile("zip-bomb", f"{name}: its files overlap, together they are larger than the zip")
    entries: dict[str, Entry] = {}
    for member in members:
        path = check_path(member.orig_filename)
        mode = member.external_attr >> 16
        if stat.S_ISLNK(mode):
            raise BadFile("symlink", f"{path[:80]!r} is a symbolic link; hand in the files themselves")
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise BadFile("special-file", f"{path[:80]!r} is a device, a pipe or the like")
        if member.flag_bits & 0x2041:
            raise BadFile("encrypted", f"{path[:80]!r} is encrypted; hand in a zip without a password")
        if path in entries:
            raise BadFile("duplicate", f"{path[:80]!r} stands in {name} twice")
        if not path.endswith("/"):
            entries[path] = Entry(path, member.file_size, partial(_open_member, archive, member, limits))
    return entries


def _open_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, limits: Limits) -> Stream:
    name = member.orig_filename[:80]
    if member.compress_type not in STORED_OR_DEFLATED:
        raise BadFile("damaged-zip",
                      f"{name!r} is packed by method {member.compress_type}; stored and deflated are read")
    return _Counted(archive.open(member), name, FREE_OF_RATIO + limits.ratio * member.compress_size)


class _Counted:
    """A packed file that ends in BadFile("zip-bomb") when it unpacks to more than `most` bytes."""

    def __init__(self, stream: Stream, name: str, most: int):
        self.stream, self.name, self.left = stream, name, most

    def __enter__(self) -> "_Counted":
        return self

    def __exit__(self, *error: Any) -> None:
        self.stream.__exit__(*error)

    def read(self, count: int) -> bytes:
        chunk = self.stream.read(count)
        self.left -= len(chunk)
        if self.left < 0:
            raise BadFile("zip-bomb", f"{self.name!r} unpacks to far more than it takes in the zip")
        return chunk


def _folder(top: Path, limits: Limits) -> dict[str, Entry]:
    """Links are named and never followed; a pipe or a device is never opened."""
    entries: dict[str, Entry] = {}
    waiting, count = [""], 0
    while waiting:
        prefix = waiting.pop()
        with os.scandir(top / prefix) as found:
            for item in found:
                count += 1
                if count > limits.entries:
                    raise BadFile("too-many-files", f"{top.name} holds more than {limits.entries} files")
                name, about = check_path(prefix + item.name), item.stat(follow_symlinks=False)
                if stat.S_ISLNK(about.st_mode):
                    raise BadFile("symlink", f"{name[:80]!r} is a symbolic link; hand in the files themselves")
                if stat.S_ISDIR(about.st_mode):
                    waiting.append(name + "/")
                elif stat.S_ISREG(about.st_mode):
                    entries[name] = Entry(name, about.st_size, partial(open_plain, top / name, about))
                else:
                    raise BadFile("special-file", f"{name[:80]!r} is a device, a pipe or the like")
    return entries


def open_plain(file: Path, listed: os.stat_result) -> BinaryIO:
    """The file as it was listed; BadFile where somebody has put a link or another file in its place or its folder's
    since."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    stream = os.fdopen(os.open(file, flags), "rb")
    found = os.fstat(stream.fileno())
    if listed.st_ino and (found.st_dev, found.st_ino) != (listed.st_dev, listed.st_ino):  # Windows lists no numbers
        stream.close()
        raise BadFile("bad-file", f"{file.name} was replaced while it was read; hand in a folder that nobody changes")
    return stream


def _size(count: int) -> str:
    return f"{count >> 20} MB" if count >= 1 << 20 else f"{count >> 10} KB"
