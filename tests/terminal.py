"""A command in a terminal, of 80 columns unless told: what a person at it sees."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from pathlib import Path

from data_tools.files.places import PROJECT_ROOT
from data_tools.terminal import display_width

WIDTH = 80
# Three words of a sentence; the command that installs a Chinese font is said where none is there.
ENGLISH = re.compile(r"(?<![A-Za-z])(?!apt install )[A-Za-z]*[a-z] [a-z]+ [a-z]{2,}")
COMMAND = "    "  # begins a line to be copied
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def in_terminal(words: list[str], columns: int = WIDTH, seconds: float = 800, **settings) -> tuple[int, str]:
    """(status, all that came to the terminal). settings: of Popen."""
    end, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
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


def on_terminal(columns: int, words: list[str], folder: Path = PROJECT_ROOT, **environment: str) -> str:
    """What a process that ends well writes to a terminal so wide; folder: where it runs."""
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "JPY_PARENT_PID")}
    status, said = in_terminal(words, columns, 100, cwd=folder, env={
        **kept, "TERM": "xterm", "PYTHONPATH": str(PROJECT_ROOT), **environment})
    assert status == 0, said
    return said


def states(said: str) -> list[str]:
    """Each line that was to be seen, and each state of one that is written again."""
    return [state for state in re.split("[\r\n]+", ESCAPES.sub("", said)) if state.strip()]


def too_wide(said: str) -> list[str]:
    """Of these, those over the width."""
    return [state for state in states(said) if display_width(state.expandtabs()) > WIDTH]


def check_chinese(lines: list[str], *expected: str) -> None:
    """No line is wider than the terminal or English, but for commands, also those in `...`; each of the texts is
    there."""
    assert max(map(display_width, lines)) <= WIDTH
    said = "\n".join(lines)
    spoken = re.sub("`[^`]*`", "`", said).split("\n")
    assert [line for line in spoken if ENGLISH.search(line) and not line.startswith(COMMAND)] == []
    assert [text for text in expected if text not in said] == []
