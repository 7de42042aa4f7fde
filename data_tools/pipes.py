"""Output that nobody reads any more, as behind `| head`."""

import functools
import os
import select
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO


def ends_with_its_reader(main: Callable[..., int]) -> Callable[..., int]:
    """Decorator of a command line, which returns the exit status: without a reader it ends without a word (141)."""
    @functools.wraps(main)
    def ended(*arguments, **named) -> int:
        try:
            try:
                return main(*arguments, **named)
            finally:
                sys.stdout.flush()
        except BrokenPipeError:
            if not _reader_is_gone(sys.stdout):
                raise
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is flushed at the very end
            return 141

    return ended


def _reader_is_gone(stream: TextIO) -> bool:
    """Whether a stream is a pipe that nobody reads any more."""
    with suppress(OSError, ValueError, AttributeError):  # no pipe; not on Windows
        poll = select.poll()
        poll.register(stream.fileno(), select.POLLOUT)
        return any(event & select.POLLERR for _, event in poll.poll(0))
    return False
