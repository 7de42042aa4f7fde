"""Files that are whole or absent: written under a temporary name, synced and renamed; and their checksums."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from data_tools.errors import KitError


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yields a temporary name beside `path`; what was written there takes its place when the block ends well.

    On any error the temporary file is removed and an older `path` is left as it was. A failed write (a full disk, a
    quota) becomes a KitError that says so.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        _sync(temporary)
        os.replace(temporary, path)
        _sync(path.parent)
    except OSError as error:
        raise KitError(f"cannot write {path}: {error.strerror or error}. What stood there before is intact; make room "
                       f"(df -h {path.parent}) or choose another folder, then run the command again") from error
    finally:
        temporary.unlink(missing_ok=True)


def write_atomically(path: Path, content: bytes) -> None:
    """Replace `path` by `content`, or leave it as it was and raise KitError."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def file_sha256(path: str | Path) -> str:
    """Hex SHA-256 of a file of any size."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
