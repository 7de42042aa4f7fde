"""Where encoded files come from: a folder, a zip archive, or several of them together, read in place.

Nothing is extracted but archives that lie in archives, whole and into the cache.
"""

import hashlib
import os
import re
import shutil
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO, Any

from data_tools.errors import KitError
from data_tools.files import places
from data_tools.files.atomic import atomic_path
from data_tools.files.places import expand
from data_tools.files.zip_members import first_part, member_names, no_zip, open_member

APART, IN_ONE = "*.zip", "+.zip"  # see JoinedSource
PART_NUMBER = re.compile(r"([-_. ]\d{8}T\d{6}Z)?([-_. ]+(part)?\d{1,3}| ?\(\d+\))*$", re.IGNORECASE)
MAX_BYTES = 64 * 2**20  # no photograph needs more; a larger file is a mistake or a decompression bomb


def _is_hidden(name: str) -> bool:
    """Dot files and the resource forks that macOS puts into archives are no data."""
    return any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))


class FolderSource:
    """Files below one folder. Links are followed, being the owner's own; names with `..` are refused."""

    def __init__(self, path: str | Path):
        self.path = str(expand(path).absolute())
        if not os.path.isdir(self.path):
            raise KitError(f"{self.path} is not a folder; name an existing one")

    def names(self) -> list[str]:
        """Posix paths relative to the folder, sorted; files only, hidden ones left out."""
        found, seen = [], set()
        for folder, subfolders, files in os.walk(self.path, followlinks=True):
            real = os.path.realpath(folder)
            if real in seen:  # a link that leads back up would never end
                subfolders.clear()
                continue
            seen.add(real)
            subfolders[:] = [name for name in subfolders if not _is_hidden(name)]
            prefix = PurePosixPath(Path(folder).relative_to(self.path).as_posix())
            found += [str(prefix / name) for name in files if not _is_hidden(name)]
        return sorted(found)

    def _locate(self, name: str) -> str:
        if name.startswith("/") or ".." in name.split("/"):  # not with pathlib: 200,000 names would take seconds
            raise KitError(f"{name!r} leads outside {self.path}; only files below that folder are read")
        return os.path.join(self.path, name)

    def read(self, name: str, limit: int = MAX_BYTES) -> bytes:
        """Whole content; KitError when it is missing, unreadable or larger than `limit` bytes."""
        content = self.head(name, limit + 1)
        return _within(limit, content, f"{self.path}/{name}")

    def head(self, name: str, count: int) -> bytes:
        """The first `count` bytes."""
        try:
            with open(self._locate(name), "rb") as file:
                return file.read(count)
        except OSError as error:
            raise KitError(f"cannot read {self.path}/{name}: {error.strerror or error}") from error

    def stamp(self, name: str) -> tuple[int, int]:
        """(size, time of change in ns): cheap to take, differs after an edit."""
        try:
            status = os.stat(self._locate(name))
        except OSError as error:
            raise KitError(f"cannot read {self.path}/{name}: {error.strerror or error}") from error
        return status.st_size, status.st_mtime_ns


class ZipSource:
    """Members of one zip archive. May be pickled and forked: each process opens the file for itself.

    Names are as on the disk of whoever unpacks it rightly: `/` between folders where Windows wrote a backslash, text
    where it wrote GBK. path: of a file, or OUTER.zip/INNER.zip for an archive in an archive, which is copied to the
    cache once.
    """

    def __init__(self, path: str | Path):
        self.path = str(expand(path).absolute())
        self._reset()
        self._open()

    def _reset(self) -> None:
        self._archive: zipfile.ZipFile | None = None
        self._members: dict[str, zipfile.ZipInfo] = {}
        self._owner = -1
        self._lock = threading.Lock()

    def __getstate__(self) -> dict:
        return {"path": self.path}

    def __setstate__(self, state: dict) -> None:
        self.path = state["path"]
        self._reset()

    def _open(self) -> zipfile.ZipFile:
        with self._lock:
            if self._archive is None or self._owner != os.getpid():  # a shared file position would be moved by both
                file = self.path if os.path.isfile(self.path) else _unpacked(self.path)
                try:
                    if first_part(file):
                        raise ValueError("a part of it")
                    self._archive = zipfile.ZipFile(file)
                    self._members = member_names(self._archive)
                except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError) as error:
                    raise KitError(no_zip(self.path, file, error)) from error
                self._owner = os.getpid()
            return self._archive

    def names(self) -> list[str]:
        """Member names, sorted; files only, hidden ones left out."""
        self._open()
        return sorted(name for name in self._members if not _is_hidden(name))

    def read(self, name: str, limit: int = MAX_BYTES) -> bytes:
        """Whole content; KitError when it is missing, damaged or unpacks to more than `limit` bytes.

        The limit is measured while unpacking: the size in the archive's directory may lie.
        """
        content = self.head(name, limit + 1)
        return _within(limit, content, f"{name} in {self.path}")

    def head(self, name: str, count: int) -> bytes:
        """The first `count` bytes."""
        with self.open(name) as member:
            return member.read(count)

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """A member to read from; what goes wrong with it inside the block is a KitError."""
        archive = self._open()
        try:
            with open_member(archive, self._member(name)) as member:
                yield member
        except (OSError, EOFError, RuntimeError, ValueError, zipfile.BadZipFile, zlib.error) as error:
            raise KitError(f"cannot read {name} in {self.path}: {error}") from error

    def stamp(self, name: str) -> tuple[int, int]:
        """(size, CRC-32) from the archive's directory."""
        self._open()
        info = self._member(name)
        return info.file_size, info.CRC

    def _member(self, name: str) -> zipfile.ZipInfo:
        if name not in self._members:
            raise KitError(f"{self.path} holds no {name}")
        return self._members[name]


def _unpacked(path: str) -> str:
    """A copy in the cache of the archive at OUTER.zip/INNER.zip, made once; KitError where there is none.

    A copy, since reading here and there in what is deflated would unpack it from its beginning each time.
    """
    outer = next((above for above in Path(path).parents if above.is_file()), None)
    if outer is None:
        raise KitError(f"{path} cannot be opened as a zip archive: there is no such file")
    source = ZipSource(outer)
    inside = Path(path).relative_to(outer).as_posix()
    parents = [inside[:end.start()] for end in re.finditer("/", inside)]
    within = next((name for name in parents if name in source._members), None)
    if within is not None:  # an archive in an archive in an archive
        source, inside = ZipSource(outer / within), inside[len(within) + 1:]
    size, checksum = source.stamp(inside)
    key = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    copy = places.cache("archives") / f"{key}-{checksum:08x}-{size}.zip"
    if not copy.is_file():
        copy.parent.mkdir(parents=True, exist_ok=True)
        if size > shutil.disk_usage(copy.parent).free:
            raise KitError(f"{path} has {size / 1e6:,.1f} MB, more than is free in {copy.parent}; make room there or "
                           "name another folder in KIT_CACHE")
        with atomic_path(copy) as temporary, open(temporary, "wb") as file, source.open(inside) as member:
            left = size
            while block := member.read(min(left + 1, 2**20)):
                left -= len(block)
                if left < 0:
                    raise KitError(f"{path} unpacks to more than the {size:,} bytes that it claims; fetch it again")
                file.write(block)
    return str(copy)


class JoinedSource:
    """A folder or archive with all zip archives in it as one tree, as if each had been unpacked where it lies.

    path: CONTAINER/*.zip, each unpacked into a folder of its own name (a number of part at its end is left out, so that
    the parts of one download come together), or CONTAINER/+.zip, each right there.
    """

    def __init__(self, path: str | Path):
        self.path = str(expand(path).absolute())
        container, self._apart = Path(self.path).parent, Path(self.path).name == APART
        self._parts: list[Source] = [FolderSource(container) if container.is_dir() else ZipSource(container)]
        self._members = {name: (0, name) for name in self._parts[0].names() if not is_archive(name)}
        for archive in archives_in(self._parts[0]):
            self._add(archive)

    def _add(self, archive: str) -> None:
        container = Path(self.path).parent
        source: Source = ZipSource(container / archive)
        if archives_in(source):
            source = JoinedSource(container / archive / Path(self.path).name)
        self._parts.append(source)
        above, stem = archive.rpartition("/")[0], PART_NUMBER.sub("", PurePosixPath(archive).stem)
        folder = PurePosixPath(above, stem) if self._apart else PurePosixPath(above)
        for name in source.names():
            number, other = self._members.setdefault(str(folder / name), (len(self._parts) - 1, name))
            if not self._apart and self._parts[number].stamp(other) != source.stamp(name):
                raise KitError(f"{self._parts[number].path} and {source.path} hold different files called {name}")

    def names(self) -> list[str]:
        """Names in all of them together, sorted; files only, hidden ones and the archives themselves left out."""
        return sorted(self._members)

    def read(self, name: str, limit: int = MAX_BYTES) -> bytes:
        """Whole content; KitError when it is missing, damaged or larger than `limit` bytes."""
        source, inside = self._locate(name)
        return source.read(inside, limit)

    def head(self, name: str, count: int) -> bytes:
        """The first `count` bytes."""
        source, inside = self._locate(name)
        return source.head(inside, count)

    def stamp(self, name: str) -> tuple[int, int]:
        """As the folder or archive has it that holds the file."""
        source, inside = self._locate(name)
        return source.stamp(inside)

    def _locate(self, name: str) -> tuple["Source", str]:
        if name not in self._members:
            raise KitError(f"{self.path} holds no {name}")
        number, inside = self._members[name]
        return self._parts[number], inside


Source = FolderSource | ZipSource | JoinedSource


def _within(limit: int, content: bytes, where: str) -> bytes:
    if len(content) > limit:
        raise KitError(f"{where} is larger than {limit:,} bytes, as no photograph here is; remove it")
    return content


def is_archive(name: str) -> bool:
    """By its suffix."""
    return name[-4:].lower() == ".zip"


def archives_in(source: Source) -> list[str]:
    """Names of the zip archives in a folder, up to two below it, or in an archive; sorted."""
    if isinstance(source, FolderSource):
        found = (path for depth in ("", "*/") for path in Path(source.path).glob(f"{depth}*.[zZ][iI][pP]"))
        names = [path.relative_to(source.path).as_posix() for path in found if path.is_file()]
        return sorted(name for name in names if not _is_hidden(name))
    return [name for name in source.names() if is_archive(name)]


def open_source(path: str | Path) -> Source:
    """What has this path: a folder, a zip archive, one in an archive (OUTER.zip/INNER.zip), or several together."""
    path = expand(path)
    if path.exists():
        return FolderSource(path) if path.is_dir() else ZipSource(path)
    if path.name in (APART, IN_ONE) and (path.parent.exists() or _inside_a_file(path.parent)):
        return JoinedSource(path)
    if _inside_a_file(path):
        return ZipSource(path)
    raise KitError(f"{path} does not exist; name an existing folder or zip archive")


def _inside_a_file(path: Path) -> bool:
    return any(above.is_file() for above in path.parents)


def candidates(path: Path, strict: bool, damaged: list[KitError]) -> Iterator[Source]:
    """Where a set may lie at `path`: there, in each zip archive below it, in all together.

    Each is opened when it is asked for; what cannot be goes into `damaged`. Archives in archives, which have to be
    copied, are looked into only where `strict`, that is where a user named the path.
    """
    archives: list[Path] = []
    with _noted(damaged):
        source: Source = FolderSource(path) if path.is_dir() else ZipSource(path)
        archives = [path / name for name in archives_in(source)] if strict or path.is_dir() else []
        yield source
    nested = False
    for archive in archives:
        with _noted(damaged):
            inner = ZipSource(archive)
            nested = nested or bool(archives_in(inner))
            yield inner
            if strict:
                yield from (ZipSource(archive / name) for name in archives_in(inner))
    for together in (APART, IN_ONE) if archives and (strict or not nested) else ():
        with suppress(KitError):  # one of them is damaged, or they do not go together
            yield JoinedSource(path / together)


@contextmanager
def _noted(damaged: list[KitError]) -> Iterator[None]:
    try:
        yield
    except KitError as error:
        damaged.append(error)


def richest(path: Path, worth: Callable[[Source], Any], strict: bool) -> Source | None:
    """Of the candidates at `path` the one with the most of what is wanted, the first of equals; None without any.

    worth: how much a source holds, something to compare; what counts as false is nothing. Where nothing is found and
    `strict`, an archive that is damaged is a KitError.
    """
    damaged: list[KitError] = []
    best, most = None, None
    for source in candidates(path, strict, damaged):
        held = worth(source)
        if held and (best is None or held > most):
            best, most = source, held
    if best is None and strict and damaged:
        raise damaged[0]
    return best
