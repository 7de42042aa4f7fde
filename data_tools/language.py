"""The language in which the kit speaks to people: the code writes English sentences, chinese*.yaml have their
Chinese.

    "stopped after step {}": "已在第 {} 步后停止"      # {}: whatever stands there, itself translated where it can be
"""

import importlib.util
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, lru_cache
from pathlib import Path

from data_tools.terminal import display_width, line_width, wrapped

LANGUAGES = ("en", "zh")
VARIABLE = "KIT_LANG"
LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG")  # the first that is set counts
TABLES = sorted(Path(__file__).parent.glob("chinese*.yaml"))
COMMAND = " " * 4
DEEPEST = 3  # sentences within sentences


def language() -> str:
    """"en" or "zh": $KIT_LANG, else by the locale."""
    chosen = os.environ.get(VARIABLE, "")
    if chosen in LANGUAGES:
        return chosen
    locale = next((value for name in LOCALE if (value := os.environ.get(name))), "")
    return "zh" if locale.lower().startswith("zh") else "en"


@contextmanager
def speaking(chosen: str | None) -> Iterator[None]:
    """That language within, also for processes that are started there; without effect for None and others than the
    two."""
    before = os.environ.get(VARIABLE)
    if chosen in LANGUAGES:
        os.environ[VARIABLE] = str(chosen)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(VARIABLE, None)
        else:
            os.environ[VARIABLE] = before


def asked(words: Sequence[str]) -> str | None:
    """What --lang of a command line says, None where it says nothing."""
    pairs = zip(words, (*words[1:], ""))
    said_so = [word.partition("=")[2] or following for word, following in pairs if word.split("=")[0] == "--lang"]
    return said_so[-1] if said_so else None


class Sentences:
    """Called with an English sentence: its Chinese; as it is where there is none, which holds of names and of others'
    messages."""

    def __init__(self, table: Mapping[str, str]):
        self.table = table

    def __call__(self, text: str, depth: int = 0) -> str:
        for pattern, translation in self.patterns if depth < DEEPEST else ():
            found = pattern.fullmatch(text)
            if found:
                return translation.format(*(part if part.isidentifier() else self(part, depth + 1)
                                            for part in found.groups()))  # a word may be a name
        return text

    @cached_property
    def patterns(self) -> list[tuple[re.Pattern[str], str]]:
        """(pattern, translation), those with most text of their own first."""
        order = sorted(self.table, key=lambda sentence: -len(sentence.replace("{}", "")))
        return [(re.compile("(.*?)".join(map(re.escape, sentence.split("{}"))), re.DOTALL), self.table[sentence])
                for sentence in order]


def read_sentences(file: Path) -> dict[str, str]:
    """A chinese.yaml."""
    import yaml

    return yaml.safe_load(file.read_text(encoding="utf-8"))


@lru_cache
def chinese() -> Sentences:
    """What the kit says besides grades; without sentences where this Python cannot read them, which it is told in
    English."""
    readable = TABLES if importlib.util.find_spec("yaml") else ()
    return Sentences({key: text for file in readable for key, text in read_sentences(file).items()})


def said(text: str) -> str:
    """A sentence of the kit in the language in which it speaks."""
    return chinese()(text) if language() == "zh" else text


def lines(text: str, first: str = "", rest: str = "") -> str:
    """The same in lines as wide as the terminal, the first one begun with `first`, others with `rest`."""
    return "\n".join(wrapped(said(text), first, rest))


def show(text: str) -> None:
    """spoken() on standard output."""
    print(spoken(text), flush=True)


def spoken(text: str) -> str:
    """Several lines of the kit, each in the language in which it speaks, and in as many as the terminal needs; an
    indentation stays. A line that is indented by four is a command, to be copied as it is."""
    return "\n".join(_spoken(line) for line in text.split("\n"))


def _spoken(line: str) -> str:
    if line.startswith(COMMAND):
        return line
    body = line.lstrip()
    indent, body = line[:len(line) - len(body)], said(body)
    width = line_width()
    return indent + body if display_width(indent + body) <= width else "\n".join(wrapped(body, indent, indent, width))
