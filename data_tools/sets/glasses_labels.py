"""The label files of the glasses set: train.csv (id, v1..v512, glasses) and test.csv (id, ...), read without trust."""

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

WHOLE = re.compile(r"(\d{1,9})(\.0*)?")  # 1 and, as pandas writes a column with gaps, 1.0
MOST_NAMED = 5_000  # of one kind of problem: all ids of the set; only a hostile file has more
MOST_COLUMNS = 10_000  # id, 512 latent values and glasses are 514
MOST_LINE = 2**18  # characters
MOST_ROWS = 1_000_000


@dataclass
class LabelFile:
    """What a csv lists: `rows` maps id -> label (-1 in test.csv), in the file's order; `problems` are sentences."""

    file: str
    rows: dict[int, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def read_labels(content: bytes, file: str, labelled: bool) -> LabelFile:
    """Read a csv with a header: UTF-8 or UTF-16, with or without BOM, any line ends; commas, semicolons or tabs.

    labelled: the column glasses is wanted. Everything wrong in it becomes a problem; nothing is raised.
    """
    found = LabelFile(file)
    bom16 = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    text = io.TextIOWrapper(io.BytesIO(content), "utf-16" if bom16 else "utf-8-sig", errors="replace", newline="")
    head = text.readline(MOST_LINE)
    text.seek(0)
    reader = csv.reader(_lines(text), delimiter=max(",;\t", key=head.count))
    try:
        header = [cell.strip().lower() for cell in next(reader, [])]
        wanted = ("id", "glasses") if labelled else ("id",)
        absent = [name for name in wanted if name not in header]
        twice = [name for name in wanted if header.count(name) > 1]
        if absent or twice or len(header) > MOST_COLUMNS:
            columns = f"{', '.join(header[:4])}{', ...' * (len(header) > 4)}" or "nothing"
            found.problems += [f"{file} has no column {', '.join(absent)}; its first line has {columns[:80]}"] * bool(
                absent)
            found.problems += [f"{file} has the column {', '.join(twice)} twice"] * bool(twice)
            found.problems += [f"{file} has {len(header):,} columns"] * (len(header) > MOST_COLUMNS)
        else:
            _read_rows(reader, header, found, labelled)
    except csv.Error as error:
        found.problems.append(f"{file}, line {reader.line_num}: {error}")
    if not found.rows and not found.problems:
        found.problems.append(f"{file} lists no image")
    return found


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    """No line is longer than a row can be: csv would make a list of all of it."""
    for _ in range(MOST_ROWS):
        line = text.readline(MOST_LINE)
        if not line:
            return
        if len(line) == MOST_LINE:
            raise csv.Error(f"the line has more than {MOST_LINE:,} characters")
        yield line
    raise csv.Error(f"there are more than {MOST_ROWS:,} lines")


def _read_rows(reader, header: list[str], found: LabelFile, labelled: bool) -> None:
    id_column, label_column = header.index("id"), header.index("glasses") if labelled else -1
    short: list[str] = []
    no_id: list[str] = []
    no_number: list[str] = []
    wrong: list[str] = []
    lines = defaultdict(list)
    for row in reader:
        if not any(cell.strip() for cell in row):
            continue
        line = reader.line_num
        if len(row) < len(header):
            short.append(f"line {line}")
            continue
        word = row[id_column].strip()
        number = WHOLE.fullmatch(word)
        if number is None:
            (no_number if word else no_id).append(f"line {line}" + (f": {word[:20]!r}" if word else ""))
            continue
        identity, label = int(number[1]), -1
        lines[identity].append(line)
        if labelled:
            word = row[label_column].strip()
            value = WHOLE.fullmatch(word)
            label = int(value[1]) if value else -1
            if label not in (0, 1):
                wrong.append(f"id {identity}: {word[:20]!r}")
        found.rows.setdefault(identity, label)
    twice = [f"{identity} (lines {' and '.join(map(str, where[:3]))})"
             for identity, where in lines.items() if len(where) > 1]
    for what, listed in (("rows with fewer cells than the header", short), ("rows without an id", no_id),
                         ("ids that are no whole number", no_number), ("ids listed more than once", twice),
                         ("labels other than 0 and 1", wrong)):
        if listed:
            found.problems.append(f"{found.file}: {len(listed):,} {what}: {some(listed)}")


def some(listed: Iterable[str]) -> str:
    """The first MOST_NAMED of them, and how many more there are."""
    listed = list(listed)
    more = f" and {len(listed) - MOST_NAMED:,} more" if len(listed) > MOST_NAMED else ""
    return ", ".join(listed[:MOST_NAMED]) + more
