"""Files that are whole or absent: written under a temporary name, synced and renamed; and their checksums."""

import errno
import hashlib
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from data_tools.errors import KitError

AGAIN = "run the command again"
TEMPORARY = re.compile(r"\..+\.\d+\.tmp", re.DOTALL)  # a name of atomic_path()
NO_SYNC = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}  # of fsync: this file system has none
LEFT_OVER = 24 * 3600  # seconds after which a temporary file is one of a killed process
_swept: set[str] = set()  # folders in which this process has looked for such files


@contextmanager
def atomic_path(path: Path, again: str = AGAIN) -> Iterator[Path]:
    """Yields a temporary name beside `path`; what was written there takes its place when the block ends well.

    On any error the temporary file is removed and an older `path` is left as it was. A failed write (a full disk, a
    quota) becomes a KitError that says so, and how to go on: `again`. What a process that was killed left in the folder
    a day ago is removed.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep_once(path.parent)
        yield temporary
        sync(temporary)
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except BrokenPipeError:
        raise  # of something that was printed meanwhile
    except OSError as error:
        raise KitError(f"cannot write {path}: {error.strerror or error}. What stood there before is intact; make room "
                       f"(df -h {path.parent}) or choose another folder, then {again}") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_atomically(path: Path, content: bytes, again: str = AGAIN) -> None:
    """Replace `path` by `content`, or leave it as it was and raise KitError, which says how to go on: `again`."""
    with atomic_path(path, again) as temporary:
        temporary.write_bytes(content)


def _sweep_once(folder: Path) -> None:
    """Remove old leftovers; not again for each of 20,000 files that are written there."""
    if str(folder) in _swept:
        return
    _swept.add(str(folder))
    for file in folder.iterdir():
        if TEMPORARY.fullmatch(file.name) and time.time() - file.stat().st_mtime > LEFT_OVER:
            file.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove what killed processes left in a folder that only the caller writes to now."""
    with suppress(OSError):
        for file in folder.iterdir():
            if TEMPORARY.fullmatch(file.name):
                file.unlink()


def file_sha256(path: str | Path) -> str:
    """Hex SHA-256 of a file of any size."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def sync(file: Path | int) -> None:
    """Bring a file (or an open one's descriptor) to the disk, where the file system can."""
    descriptor = os.open(file, os.O_RDONLY) if isinstance(file, Path) else file
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in NO_SYNC:
            raise
    finally:
        if isinstance(file, Path):
            os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    """A wish: many mounted folders cannot, and the file that was renamed is whole in any case."""
    with suppress(OSError):
        sync(folder)
