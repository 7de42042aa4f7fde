"""Scratch folders of the grader: gone at the end, and where it was killed, removed by its next call."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from data_tools.files.locks import Busy, locked

HELD = ".held"  # locked as long as the process that made the folder is there


@contextmanager
def scratch_folder(prefix: str = "grading-") -> Iterator[Path]:
    """A new folder among the temporary ones; those of the same prefix whose makers were killed are removed first."""
    sweep(prefix)
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        with locked(folder / HELD):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(prefix: str) -> None:
    """Remove the user's scratch folders that nobody holds."""
    user = os.getuid() if hasattr(os, "getuid") else None
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        with suppress(OSError, Busy):  # another's, or held, or gone meanwhile
            if user in (None, folder.lstat().st_uid) and (folder / HELD).is_file():
                with locked(folder / HELD, wait=False):
                    shutil.rmtree(folder, ignore_errors=True)
