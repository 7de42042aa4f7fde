"""What a terminal can show: how wide it is, how wide a text is in it, and texts broken or cut so that they fit."""

import os
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from typing import TextIO

USUAL, LEAST = 80, 20  # columns of files and pipes; of the narrowest terminal that is believed
UNBROKEN = 1 << 20
CLOSING, OPENING = "，。；：！？、）》」”", "（《「“"  # of Chinese: never the first, never the last of a line
GAP = "  "  # between the parts of a line


def columns() -> int:
    """Of the terminal that standard output goes to; 80 where it goes elsewhere."""
    try:
        return max(LEAST, os.get_terminal_size(sys.stdout.fileno()).columns or USUAL)
    except (OSError, ValueError, AttributeError):  # a file, a pipe, a notebook's stream
        return USUAL


def usual_width() -> int:
    """Of blocks of text: the terminal's, at most 80."""
    return min(USUAL, columns())


def line_width() -> int:
    """Of single lines: the same on a terminal; in files and pipes a line stays one."""
    try:
        return usual_width() if os.isatty(sys.stdout.fileno()) else UNBROKEN
    except (OSError, ValueError, AttributeError):  # a notebook's stream
        return UNBROKEN


def is_live(stream: TextIO | None = None) -> bool:
    """Whether a line that was written can be written over: on a terminal, but not below a cell of a notebook."""
    stream = stream or sys.stdout
    return stream.isatty() and "JPY_PARENT_PID" not in os.environ and os.environ.get("TERM") != "dumb"


def display_width(text: str) -> int:
    """Columns of a terminal: wide characters count two, combining ones none."""
    return sum(0 if unicodedata.combining(c) else 2 if _wide(c) else 1 for c in text)


def padded(text: str, width: int, left: bool = True) -> str:
    """A text with spaces to its right, or its left, up to a width in columns."""
    space = " " * (width - display_width(text))
    return text + space if left else space + text


def cut(text: str, width: int) -> str:
    """A text of at most so many columns, with … where some of it went."""
    if display_width(text) <= width:
        return text
    while display_width(text) > width - 1:
        text = text[:-1]
    return text + "…"


def fitted(parts: Sequence[str], width: int) -> str:
    """As many of the parts, the first ones, as go into a line."""
    kept = [part for part in parts if part]
    while len(kept) > 1 and display_width(GAP.join(kept)) > width:
        kept.pop()
    return cut(GAP.join(kept), width)


def wrapped(text: str, first: str = "", rest: str = "", width: int | None = None) -> list[str]:
    """Lines of at most `width` columns (default: the terminal's, at most 80), the first one begun with `first`.

    Broken at spaces and between Chinese characters alone: a path that is longer than a line stays whole, to be copied.
    """
    width = usual_width() if width is None else width
    lines: list[str] = []
    line, begun = first, False
    for space, word in _words(text):
        if begun and display_width(line + space + word) > width >= display_width(rest + word):
            lines, line, begun = [*lines, line], rest, False
        line, begun = line + (space if begun else "") + word, True
    return [*lines, line.rstrip()]


def joined(parts: Sequence[str], rest: str = "    ", width: int | None = None) -> str:
    """Parts two spaces apart, in as many lines as they need (default: of line_width()); a part is broken only where it
    is longer than a line."""
    width = line_width() if width is None else width
    lines = [""]
    for part in filter(None, parts):
        if lines[-1].strip() and display_width(lines[-1] + GAP + part) > width:
            lines.append(rest)
        lines[-1] += part if not lines[-1].strip() else GAP + part
    return "\n".join(line for each in lines for line in (
        [each] if display_width(each) <= width else wrapped(each.strip(), each[:len(each) - len(each.lstrip())], rest,
                                                            width)))


def command(words: Sequence[str], indent: str = "    ", width: int | None = None) -> str:
    """A command to copy: on one line, else continued by backslashes before what does not fit."""
    width = usual_width() if width is None else width
    lines = [indent]
    for number, word in enumerate(words):
        more = " \\" if number + 1 < len(words) else ""
        if number and display_width(f"{lines[-1]} {word}{more}") > width:
            lines[-1] += " \\"
            lines.append(indent + "    ")
        lines[-1] += word if not lines[-1].strip() else f" {word}"
    return "\n".join(lines)


def _words(text: str) -> Iterator[tuple[str, str]]:
    """(the space before it, a piece between which a line may be broken) of a text."""
    space = word = ""
    for c in text:
        if c.isspace():
            if word:
                yield space, word
                space = word = ""
            space = " "
        elif word and word[-1] not in OPENING and c not in CLOSING and (_wide(c) or _wide(word[-1])):
            yield space, word
            space, word = "", c
        else:
            word += c
    if word:
        yield space, word


def _wide(c: str) -> bool:
    return unicodedata.east_asian_width(c) in "WF"
