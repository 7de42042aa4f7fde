"""What every figures.py is checked for: complete entries, legible figures, the same bytes from two processes."""

import os
import re
import subprocess
import sys
import zlib

import pytest

from reports.figures import fonts, style
from reports.figures.words import LANGUAGES
from tests.figure_texts import faults

DESIGNATION = re.compile(r"^(Figure|Table) [\dIV.]+ ")
NUMBER = re.compile(r"\b(\d+|two|three|four|five|six|seven|eight|nine|ten)\b", re.IGNORECASE)
HEAVY = ("matplotlib", "paddle", "cv2", "imgaug", "scipy")


def run_script(script, *words, folder, **variables):
    """A script as a user calls it from `folder`, with these environment variables on top."""
    return subprocess.run([sys.executable, str(script), *map(str, words)], cwd=folder, capture_output=True, text=True,
                          timeout=300, encoding="utf-8", env={**os.environ, "PYTHONIOENCODING": "utf-8", **variables})


def labels_in(language):
    """style.start(language); skips the test where a font is missing."""
    if language == "zh" and fonts.find_cjk_font() is None:
        pytest.skip("no Chinese font is installed")
    return style.start(language)


def check_entries(entries, fixed=()):
    """Each number and file once, texts in both languages, no number of things in a title but in those `fixed`, whose
    figures refuse another number."""
    numbers, files = ([getattr(entry, key) for entry in entries] for key in ("number", "file"))
    assert len(set(numbers)) == len(set(files)) == len(entries)
    assert all(entry.title(language) for entry in entries for language in LANGUAGES)
    assert all(bool(entry.note("en")) == bool(entry.note("zh")) for entry in entries)
    counted = {entry.number for entry in entries if NUMBER.search(DESIGNATION.sub("", entry.title()))}
    assert counted <= set(fixed), "how many a run has is for `counts`, a title is the same for all"


def check_legible(entry, run, t):
    """The drawn figure: no text is cut, touches another or lies on another plot, scales have numbers, no room is
    empty; see figure_texts.py."""
    figure = entry.make(run, t)
    assert not list(faults(figure)), entry.number
    return figure


def check_stand_in(entry, figure):
    """A figure of drawn data says that they are a stand-in where the entry shows data, and nowhere else."""
    assert any("stand-in" in text.get_text() for text in figure.texts) == entry.shows_data, entry.number


def check_same_bytes(script, words, folder, count):
    """Two processes with other hash seeds write the same `count` files, and nothing on standard error."""
    for name in ("a", "b"):
        done = run_script(script, *words, "--out", folder / name, folder=folder, PYTHONHASHSEED=str(ord(name)))
        assert (done.returncode, done.stderr) == (0, "")
    first, second = ({path.name: path.read_bytes() for path in (folder / name).iterdir()} for name in ("a", "b"))
    assert len(first) == count
    assert first == second


def check_help_is_light(script, folder, option):
    """--help names `option` and imports nothing heavy."""
    program = (f"import runpy, sys\nsys.argv = ['{script.name}', '--help']\n"
               f"try:\n    runpy.run_path({str(script)!r}, run_name='__main__')\nexcept SystemExit:\n    pass\n"
               f"print(sorted(set({HEAVY!r}) & set(sys.modules)))")
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True)
    assert done.stdout.endswith("[]\n") and option in done.stdout and done.stderr == ""


ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


def text_of_pdf(pdf):
    """The text that a PDF of Matplotlib's shows, a line for each piece: its CID fonts are encoded by UTF-16, which
    ToUnicode says as well."""
    streams = [zlib.decompress(part) for part in re.findall(
        rb"Decode[^<>]*>>\s*stream\r?\n(.*?)\r?\nendstream", pdf, re.S)]
    pieces = [piece for stream in streams for piece in re.findall(rb"\bBT\b(.*?)\bET\b", stream, re.S)]
    texts = [b"".join(re.findall(rb"\(((?:\\.|[^\\()])*)\)", piece, re.S)) for piece in pieces]
    return "\n".join(re.sub(rb"\\([0-7]{3}|.)", _unescaped, text, flags=re.S).decode("utf-16-be", "replace")
                     for text in texts)


def _unescaped(found):
    return bytes([int(found[1], 8)]) if len(found[1]) == 3 else ESCAPES.get(found[1], found[1])
