"""Texts of strangers made harmless where people and programs read them; for spreadsheets and Markdown see
reports/tables.py."""

import html
import re
import unicodedata
from typing import Any

LONGEST = 500  # characters of a message
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_SPACES = re.compile(r"\s+")


def plain(text: Any, longest: int = LONGEST, lines: bool = False) -> str:
    """Text without terminal escapes, control, bidirectional and private characters; one line unless `lines`."""
    kept = "".join(letter if letter in "\n\t" or not unicodedata.category(letter).startswith("C") else "\ufffd"
                   for letter in _ESCAPES.sub("", str(text)[:4 * longest]))
    kept = kept if lines else _SPACES.sub(" ", kept).strip()
    return kept if len(kept) <= longest else kept[:longest - 1] + "…"


def for_html(value: Any) -> str:
    """Text for HTML, quotes escaped too."""
    return html.escape(plain(value, 1000, lines=True))
