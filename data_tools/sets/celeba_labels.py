"""CelebA's label files, .txt as published or .csv as on Kaggle, read in blocks by NumPy: 202,599 lines in well under
a second and a few MB. The identity of an image is its number, 1 for 000001.jpg."""

from collections.abc import Mapping
from typing import NoReturn

import numpy as np

from data_tools.errors import KitError

BOM = b"\xef\xbb\xbf"
BLOCK = 2**21  # bytes of a label file that are looked at together
DIGITS = 6  # 000001.jpg


def split_header(content: bytes, file: str, first_column: str) -> tuple[int | None, list[str], bytes, int]:
    """(count the file claims, names of the columns, the rows, number of the first row's line).

    The .txt begins with a count and a line of names, the .csv with `image_id,...`; a file without any header (the .txt
    of the partition) has no names. first_column: what a csv calls its first column.
    """
    # By positions: a copy of 200,000 lines for each step would be the most memory that a start needs.
    start, stop = len(BOM) * content.startswith(BOM), len(content.rstrip())
    claimed, names, line = None, [], 1
    head, following = _line_at(content, start, stop)
    if head.strip().isdigit():
        claimed, start, line = int(head[:20]), following, 2
        head, following = _line_at(content, start, stop)
    first = head.replace(b",", b" ").split()[:1]
    if first and not first[0][:DIGITS].isdigit():
        names = head.decode("utf-8", errors="replace").replace(",", " ").split()
        names, start, line = names[1:] if names[0] == first_column else names, following, line + 1
    rows = content[start:stop]
    if not rows or rows.isspace():
        raise KitError(f"{file} lists no image; fetch it again")
    return claimed, names, rows, line


def _line_at(content: bytes, start: int, stop: int) -> tuple[bytes, int]:
    """The line that begins at `start`, and where the next one does."""
    end = content.find(b"\n", start, stop)
    return (content[start:stop], stop) if end < 0 else (content[start:end], end + 1)


def read_rows(content: bytes, file: str, columns: list[str], values: Mapping[str, int],
              line: int) -> tuple[np.ndarray, np.ndarray]:
    """Image numbers (N,) int32 and values (N, columns) uint8 of rows `000001.jpg value value ...`.

    values: the one- or two-letter words that may stand there, and what they mean. line: number of the first row.
    Spaces, tabs and commas separate. KitError names the first line, image and column that are wrong.
    """
    meaning = np.full(2**16, 255, np.uint8)
    for word, value in values.items():
        meaning[_key(*word.encode().ljust(2, b"\0"))] = value
    numbers, rows = [], []
    for start, stop in _blocks(content):
        block = content[start:stop]
        found = _read_block(block, len(columns), meaning)
        if found is None:
            _name_the_wrong_line(block, file, columns, values, line)
        numbers.append(found[0])
        rows.append(found[1])
        line += len(found[0])
    numbers, rows = np.concatenate(numbers), np.concatenate(rows)
    ordered = np.sort(numbers)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    if len(twice):
        raise KitError(f"{file} lists {len(twice)} images twice, the first is {twice[0]:06}.jpg; keep one line of each")
    return numbers, rows


def _blocks(content: bytes):
    start = 0
    while start < len(content):
        end = content.find(b"\n", start + BLOCK)
        end = len(content) if end < 0 else end + 1
        yield start, end
        start = end


def _key(first, second):
    return first * 256 + second


def _read_block(block: bytes, columns: int, meaning: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Numbers and values of whole lines; None where any line is not as it should be."""
    letters = np.frombuffer(block.rstrip() + b"\n\n\n", np.uint8)
    gap = (letters <= 32) | (letters == ord(","))
    starts = np.flatnonzero(~gap[1:] & gap[:-1]) + 1
    if not gap[0]:
        starts = np.concatenate([[0], starts])
    ends = np.flatnonzero(letters == ord("\n"))[:-2]
    lines = np.searchsorted(starts, ends)  # words up to the end of each line
    if (np.diff(lines, prepend=0) != columns + 1).any():
        return None
    starts = starts.reshape(-1, columns + 1)
    names, words = starts[:, 0], starts[:, 1:]
    if len(letters) < names[-1] + DIGITS + 1:
        return None
    digits = letters[names[:, None] + np.arange(DIGITS)].astype(np.int32) - ord("0")
    if digits.min() < 0 or digits.max() > 9 or (letters[names + DIGITS] != ord(".")).any():
        return None
    first, second = letters[words].astype(np.uint16), letters[words + 1].astype(np.uint16)
    short = gap[words + 1]
    values = meaning[_key(first, np.where(short, 0, second))]
    if (values == 255).any() or not (short | gap[words + 2]).all():
        return None
    return (digits @ 10 ** np.arange(DIGITS - 1, -1, -1)).astype(np.int32), values


def _name_the_wrong_line(block: bytes, file: str, columns: list[str], values: Mapping[str, int], line: int) -> NoReturn:
    for number, text in enumerate(block.decode("utf-8", errors="replace").split("\n"), start=line):
        words = text.replace(",", " ").split()
        wanted = f"`000001.jpg` and {len(columns)} value{'s' * (len(columns) > 1)}"
        if len(words) != len(columns) + 1:
            raise KitError(f"{file}, line {number} has {len(words)} words, wanted are {wanted}; fetch the file again")
        if not (words[0][:DIGITS].isdigit() and words[0][DIGITS:DIGITS + 1] == "."):
            raise KitError(f"{file}, line {number}: {words[0][:40]!r} is no image of CelebA; wanted are {wanted}")
        for column, word in zip(columns, words[1:]):
            if word not in values:
                raise KitError(f"{file}, line {number}: {column} of {words[0]} is {word[:20]!r}; "
                               f"it must be one of {', '.join(values)}")
    raise KitError(f"{file} from line {line} on cannot be read; fetch the file again")
