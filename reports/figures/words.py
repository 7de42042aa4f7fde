"""The words of figures in English and Chinese, read from the words.yaml that stands beside the code that draws them.

    "2.9":                                    # a figure, by its number or name; `shared`: what several figures say
      title: {en: Training, zh: 训练结果}
      best: {en: "best: {share}", zh: "最高 {share}"}      # t("best", share="94 %")

Looked for in the figure's own part, then in `shared` of its file, then in `shared` of reports/figures/words.yaml.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from data_tools.errors import KitError

LANGUAGES = ("en", "zh")
NAME, SHARED = "words.yaml", "shared"
COMMON = Path(__file__).with_name(NAME)
PIECE = re.compile(r"\s*(?:[⺀-鿿][，。；：、）”’！？]*|[^\s⺀-鿿]+)")  # of a text that can stand on a line

Texts = dict[str, dict[str, dict[str, str]]]  # figure: key: language: text


@lru_cache
def read_words(file: Path) -> Texts:
    """A words.yaml; KitError that names file and key where it is not of the form above."""
    import yaml

    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise KitError(f"{file}: the words of figures cannot be read: {' '.join(str(error).split())[:200]}") from None
    if not isinstance(found, dict):
        raise KitError(f"{file}: holds no words of figures")
    for figure, words in found.items():
        if not isinstance(figure, str) or not isinstance(words, dict) or set(map(type, words)) - {str}:
            raise KitError(f"{file}: {figure} must be a figure's name with named words; quote what YAML does not take "
                           "for a text, such as 2.9 or true")
        for key, texts in words.items():
            if not isinstance(texts, dict) or set(texts) != set(LANGUAGES) or set(map(type, texts.values())) != {str}:
                raise KitError(f"{file}: {figure}: {key} must have one text under en and one under zh")
    return found


@dataclass(frozen=True)
class Words:
    """What one figure says, in one language: Words(file, "2.9", "zh")("best", share="94 %")."""

    file: Path
    figure: str
    language: str = "en"

    def __call__(self, key: str, **values: object) -> str:
        """The text under a key, with the values put in where it names them."""
        text = self._texts(key)[self.language]
        try:
            return text.format(**values)
        except (KeyError, IndexError, ValueError) as error:
            raise KitError(f"{self.file}: {self.figure}: {key} ({self.language}): {text!r} does not fit the values "
                           f"{sorted(values)}: {error}") from None

    def has(self, key: str) -> bool:
        """Whether there is such a word."""
        return any(key in part for part in self._parts())

    def _texts(self, key: str) -> dict[str, str]:
        for part in self._parts():
            if key in part:
                return part[key]
        raise KitError(f"{self.file}: {self.figure}: the word {key} is missing; write it there, in en and zh")

    def _parts(self) -> list[dict[str, dict[str, str]]]:
        own = read_words(self.file) if self.file.is_file() else {}
        return [own.get(self.figure, {}), own.get(SHARED, {}), read_words(COMMON)[SHARED]]


def lines_of(text: str, fits: Callable[[str], bool], within: bool = False) -> list[str]:
    """A text in lines that fit, broken at spaces and between Chinese characters, not before their punctuation; within:
    also in a word that is longer than a line."""
    lines = [""]
    for piece in (part for word in PIECE.findall(text) for part in (word if within and not fits(word.strip()) else
                                                                    [word])):
        if lines[-1] and not fits(lines[-1] + piece.rstrip()):
            lines.append("")
        lines[-1] += piece if lines[-1] else piece.lstrip()
    return [line.rstrip() for line in lines]


def words_beside(file: str, figure: str, language: str = "en") -> Words:
    """Words of a figure whose code stands in `file`, a module's __file__."""
    return Words(Path(file).with_name(NAME), figure, language)
