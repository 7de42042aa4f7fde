"""The page of suspected label errors: pictures with the class given and the one suggested; one file, no network."""

import base64
import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from data_tools.files.atomic import write_atomically

if TYPE_CHECKING:
    import numpy as np

TEMPLATES = Path(__file__).with_name("templates")
MOST, SIDE = 300, 160  # pictures on the page; pixels of each
QUALITY = 80  # of their JPEGs


def write_suspects(file: Path, work: str, table: Sequence[Sequence[str]], pictures: "Sequence[np.ndarray]",
                   language: str, drawn: bool) -> None:
    """`file` in "en" or "zh". table: as suspects.csv, file, given, suggested, margin, the header first; pictures:
    (H, W, 3) uint8 of its first rows."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    words = yaml.safe_load((TEMPLATES / "suspects.yaml").read_text(encoding="utf-8"))
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined,
                              trim_blocks=True, lstrip_blocks=True)
    header, *rows = table
    shown = [{"picture": _data_url(picture), "file": row[0], "given": row[1], "suggested": row[2], "margin": row[3]}
             for row, picture in zip(rows, pictures)]
    page = environment.get_template("suspects.html").render(
        w={key: texts[language] for key, texts in words.items()}, work=work, shown=shown, count=len(rows), drawn=drawn,
        lines=list(map(_csv_line, table)), tag="zh-CN" if language == "zh" else "en", header=header)
    write_atomically(file, page.encode())


def _data_url(picture: "np.ndarray") -> str:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def _csv_line(row: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(row)
    return text.getvalue()
