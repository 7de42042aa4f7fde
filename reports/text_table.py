"""Tables for terminals: columns that stand in line, Chinese characters counted as two wide."""

from collections.abc import Sequence
from typing import Any

from data_tools.terminal import columns, display_width, joined, padded

NONE = "-"


def text_table(lines: Sequence[Sequence[str]], aligned: str) -> list[str]:
    """Lines of a table for a terminal, the first of `lines` is its header; Chinese characters count as two wide."""
    lines = [tuple(map(clean, line)) for line in lines]
    widths = [max(display_width(line[column]) for line in lines) for column in range(len(aligned))]
    shown = ["  ".join(padded(cell, width, side == "l") for cell, width, side in zip(line, widths, aligned)).rstrip()
             for line in lines]
    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    return [rule, shown[0], rule, *shown[1:], rule]


def fitted_table(lines: Sequence[Sequence[str]], aligned: str, width: int | None = None) -> list[str]:
    """text_table where it is not wider than the terminal; else each row below its first cell, its other cells behind
    their titles."""
    width, table = width or columns(), text_table(lines, aligned)
    if max(map(display_width, table)) <= width:
        return table
    titles, *rows = (tuple(map(clean, line)) for line in lines)
    found = []
    for first, *rest in rows:
        told = [f"{title} {cell}".strip() for title, cell in zip(titles[1:], rest) if cell not in ("", NONE)]
        found += joined([first, *told], width=width).splitlines()
    return found


def clean(text: Any, longest: int = 200) -> str:
    """One line without control characters (no terminal escapes), cut at `longest`."""
    return "".join(c if c.isprintable() else " " for c in str(text)[:longest])
