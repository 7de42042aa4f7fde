"""The one error a user is meant to read, and texts of strangers that can be read without harm."""

from typing import Any


class KitError(Exception):
    """Bad input or a condition the user can mend: its text names the file, the value and what to do.

    Command lines print the text and exit with status 2; no stack trace is shown.
    """


class BadFile(KitError):
    """A file that is refused; `kind` names the reason in a word or two for machines: "yaml-aliases", "zip-bomb"."""

    def __init__(self, kind: str, text: str):
        super().__init__(text)
        self.kind = kind


def harmless(text: Any, longest: int = 4000) -> str:
    """A text that may come from a stranger's file, for a terminal: what is no letter, sign, space or end of line is
    written as an escape, so that it moves no cursor and hides nothing; cut at `longest`."""
    shown = str(text)
    if len(shown) > longest:
        shown = f"{shown[:longest]} ..."
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in shown)
