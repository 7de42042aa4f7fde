"""Locks between processes, also on folders whose file system knows none (Samba, some FUSE and NFS)."""

import errno
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from data_tools.errors import KitError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

NO_LOCKS = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOLCK}  # of flock: not here
WRITING = 10  # seconds in which a lock by name may still be empty
PAUSE = 0.1  # seconds between two looks at a lock that another holds


class Busy(KitError):
    """Another process holds the lock."""


@contextmanager
def locked(path: str | Path, wait: bool = True) -> Iterator[None]:
    """Hold the lock file `path`, which is there as long as somebody holds it.

    Where the file system has no locks, the file tells which process of which machine holds it; one of a process that is
    gone counts for nothing. Without `wait`, Busy where another holds it. OSError where the file cannot be made.
    """
    path = Path(path)
    if fcntl is None:
        with _of_windows(path, wait):
            yield
        return
    while (descriptor := _take(path)) is None:
        if not wait:
            raise Busy(f"{path} is held by another process{_holder(path)}")
        time.sleep(PAUSE)
    try:
        yield
    finally:
        for file in (path, _by_name(path)):  # before it is free: who opens it now looks whether it is still there
            with suppress(OSError):
                file.unlink(missing_ok=True)
        os.close(descriptor)


def _take(path: Path) -> int | None:
    """A descriptor that holds the lock; None where another does."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if error.errno in NO_LOCKS:
            return _take_by_name(path)
        if error.errno in (errno.EAGAIN, errno.EACCES):
            return None
        raise
    if _same(descriptor, path):
        return descriptor
    os.close(descriptor)
    return None


def _same(descriptor: int, path: Path) -> bool:
    """Whether the file that was locked still stands there; its last holder may have removed it."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def _by_name(path: Path) -> Path:
    return path.with_name(f"{path.name}.held")


def _take_by_name(path: Path) -> int | None:
    """As _take(), by making a file: whoever makes it holds the lock."""
    file = _by_name(path)
    with suppress(FileNotFoundError):
        if not _is_held(file):
            file.unlink()
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        return None
    os.write(descriptor, json.dumps({"host": socket.gethostname(), "process": os.getpid()}).encode())
    return descriptor


def _is_held(file: Path) -> bool:
    """Whether the file names a process of another machine, or one of this that is there; or is just being written.

    FileNotFoundError where there is none: who then looked away and removed it would remove that of the next.
    """
    content, age = file.read_bytes(), time.time() - file.stat().st_mtime
    if not content:
        return age < WRITING
    try:
        holder = json.loads(content)
        if holder["host"] != socket.gethostname():
            return True
        os.kill(int(holder["process"]), 0)
    except PermissionError:
        return True  # of another user
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return True


def _holder(path: Path) -> str:
    """Which, where the file tells: of a machine that cannot be asked, only a person knows whether it is gone."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        holder = json.loads(_by_name(path).read_bytes())
        return f" ({int(holder['process'])} on {str(holder['host'])[:60]}; where that is gone, remove {_by_name(path)})"
    return ""


@contextmanager
def _of_windows(path: Path, wait: bool) -> Iterator[None]:
    try:
        with FileLock(path, blocking=wait):
            yield
    except Timeout:
        raise Busy(f"{path} is held by another process") from None
