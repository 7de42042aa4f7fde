"""What is found in a submission, in Chinese: the code writes English sentences, chinese.yaml has their translations."""

from functools import lru_cache
from pathlib import Path

from data_tools.language import Sentences, read_sentences
from reports.grading.source_rules import WORDS

TABLE = Path(__file__).with_name("chinese.yaml")


@lru_cache
def sentences() -> Sentences:
    """All that grading says."""
    more = {f"{{}}.py, line {{}}: it {english}": f"{{}}.py 第 {{}} 行：{translated}"
            for english, translated in WORDS.values()}
    return Sentences(read_sentences(TABLE) | more)


def chinese(text: str) -> str:
    """The Chinese of a sentence; as it is where there is none, which holds of names and of others' messages."""
    return sentences()(text)


def said(text: str, language: str) -> str:
    """A sentence in "en" or "zh"."""
    return chinese(text) if language == "zh" else text
