"""Where encoded files come from: a folder or a zip archive, read in place; nothing is ever extracted."""

import os
import threading
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from data_tools.errors import KitError

MAX_BYTES = 64 * 2**20  # no photograph needs more; a larger file is a mistake or a decompression bomb


def _is_hidden(name: str) -> bool:
    """Dot files and the resource forks that macOS puts into archives are no data."""
    return any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))


class FolderSource:
    """Files below one folder. Links are followed, being the owner's own; names with `..` are refused."""

    def __init__(self, path: str | Path):
        self.path = str(Path(path).expanduser().absolute())
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
    """Members of one zip archive. May be pickled and forked: each process opens the file for itself."""

    def __init__(self, path: str | Path):
        self.path = str(Path(path).expanduser().absolute())
        self._reset()
        self._open()

    def _reset(self) -> None:
        self._archive: zipfile.ZipFile | None = None
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
                try:
                    self._archive = zipfile.ZipFile(self.path)
                except (OSError, zipfile.BadZipFile, NotImplementedError) as error:
                    raise KitError(f"{self.path} cannot be opened as a zip archive ({error}); "
                                   "the download may be cut short: fetch it again") from error
                self._owner = os.getpid()
            return self._archive

    def names(self) -> list[str]:
        """Member names, sorted; files only, hidden ones left out."""
        members = self._open().namelist()
        return sorted({name for name in members if not name.endswith("/") and not _is_hidden(name)})

    def read(self, name: str, limit: int = MAX_BYTES) -> bytes:
        """Whole content; KitError when it is missing, damaged or unpacks to more than `limit` bytes.

        The limit is measured while unpacking: the size in the archive's directory may lie.
        """
        content = self.head(name, limit + 1)
        return _within(limit, content, f"{name} in {self.path}")

    def head(self, name: str, count: int) -> bytes:
        """The first `count` bytes."""
        try:
            with self._open().open(name) as member:
                return member.read(count)
        except KeyError as error:
            raise KitError(f"{self.path} holds no {name}") from error
        except (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
            raise KitError(f"cannot read {name} in {self.path}: {error}") from error

    def stamp(self, name: str) -> tuple[int, int]:
        """(size, CRC-32) from the archive's directory."""
        try:
            info = self._open().getinfo(name)
        except KeyError as error:
            raise KitError(f"{self.path} holds no {name}") from error
        return info.file_size, info.CRC


Source = FolderSource | ZipSource


def _within(limit: int, content: bytes, where: str) -> bytes:
    if len(content) > limit:
        raise KitError(f"{where} is larger than {limit:,} bytes, as no photograph here is; remove it")
    return content


def open_source(path: str | Path) -> Source:
    """FolderSource for a folder, ZipSource for a file."""
    path = Path(path).expanduser()
    if not path.exists():
        raise KitError(f"{path} does not exist; name an existing folder or zip archive")
    return FolderSource(path) if path.is_dir() else ZipSource(path)
