"""A command in a terminal of 80 columns: what a person at it sees."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
import unicodedata

WIDTH = 80
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def in_terminal(words: list[str], seconds: float = 800, **settings) -> tuple[int, str]:
    """(status, all that came to the terminal). settings: of Popen."""
    end, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, WIDTH, 0, 0))
    with subprocess.Popen(words, stdin=terminal, stdout=terminal, stderr=terminal, **settings) as process:
        os.close(terminal)
        parts, until = [], time.monotonic() + seconds
        while select.select([end], [], [], max(0, until - time.monotonic()))[0]:
            try:
                part = os.read(end, 1 << 16)
            except OSError:  # the last who had it open has ended
                break
            parts.append(part)
        else:
            process.kill()
        os.close(end)
    return process.returncode, b"".join(parts).decode()


def columns(text: str) -> int:
    """That a text takes: Chinese characters take two, combining ones none."""
    return sum(0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
               for letter in text)


def too_wide(said: str) -> list[str]:
    """Lines over the width, each state of a line that is written again."""
    return [state for line in ESCAPES.sub("", said).splitlines() for state in line.split("\r")
            if columns(state.expandtabs()) > WIDTH]
