"""What is found in a submission, in Chinese: the code writes English sentences, chinese.yaml has their translations."""

import re
from functools import lru_cache
from pathlib import Path

from reports.grading.source_rules import WORDS

TABLE = Path(__file__).with_name("chinese.yaml")
DEEPEST = 3  # sentences within sentences


def chinese(text: str, depth: int = 0) -> str:
    """The Chinese of a sentence; as it is where there is none, which holds of names and of others' messages."""
    for pattern, translation in _sentences() if depth < DEEPEST else ():
        found = pattern.fullmatch(text)
        if found:
            return translation.format(*(chinese(part, depth + 1) for part in found.groups()))
    return text


def said(text: str, language: str) -> str:
    """A sentence in "en" or "zh"."""
    return chinese(text) if language == "zh" else text


@lru_cache
def _sentences() -> list[tuple[re.Pattern[str], str]]:
    """(pattern, translation), those with most text of their own first."""
    import yaml

    table = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    table |= {f"{{}}.py, line {{}}: it {english}": f"{{}}.py 第 {{}} 行：{translated}"
              for english, translated in WORDS.values()}
    order = sorted(table, key=lambda sentence: -len(sentence.replace("{}", "")))
    return [(re.compile("(.*?)".join(map(re.escape, sentence.split("{}"))), re.DOTALL), table[sentence])
            for sentence in order]
