"""The kit's sentences in Chinese: each is one that the code says, and the language is chosen as people expect."""

import ast
import errno
import os
import re

import pytest

from data_tools.files.places import PROJECT_ROOT
from data_tools.language import TABLES, asked, chinese, language, read_sentences, said, speaking, spoken

FOLDERS = ("assignments", "reports", "paddle_models", "data_tools")
KEYS = {key: text for table in TABLES for key, text in read_sentences(table).items()}
# what stands between them is put in by the code, too
PIECES = re.compile(r"\{\}|[,;:.()-]|(?<=the best) by|(?<=the only) |(?<= on) |(?<=drawing) |"
                    r",? data (?:drawn|real|subset)")


@pytest.fixture(scope="module")
def texts() -> str:
    """All literal texts of the code and of the presets, and the system's words for errors, one after the other; {} for
    what is put in."""
    found = [*map(os.strerror, errno.errorcode),
             *((PROJECT_ROOT / file).read_text() for file in PROJECT_ROOT.glob("assignments/*/presets.yaml"))]
    for folder in FOLDERS:
        for file in (PROJECT_ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.append(node.value)
                elif isinstance(node, ast.JoinedStr):
                    found.append("".join(part.value if isinstance(part, ast.Constant) else "{}" for part in
                                         node.values))
    return "\n".join(found)


@pytest.mark.parametrize("key", KEYS)
def test_every_sentence_is_one_that_the_code_says(key, texts):
    longest = max(PIECES.split(key), key=len).strip()
    assert longest in texts


def test_translations_keep_what_changes_from_case_to_case():
    for pattern, translation in chinese().patterns:
        groups = [f"G{number}" for number in range(pattern.groups)]
        assert all(group in translation.format(*groups) for group in groups), translation


@pytest.mark.parametrize("settings, expected", [
    ({}, "en"), ({"LANG": "zh_CN.UTF-8"}, "zh"), ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
    ({"LC_MESSAGES": "zh_TW", "LANG": "de_DE.UTF-8"}, "zh"), ({"LANG": "zh_CN.UTF-8", "KIT_LANG": "en"}, "en"),
    ({"KIT_LANG": "zh"}, "zh"), ({"KIT_LANG": "fr", "LANG": "zh_CN"}, "zh")])
def test_the_language_is_the_wish_else_the_locale(monkeypatch, settings, expected):
    for name in ("KIT_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert language() == expected
    with speaking("zh"):
        assert language() == "zh" and said("stopped after step 7") == "已在第 7 步后停止"
        with speaking("both"):
            assert language() == "zh"
    assert language() == expected


def test_an_option_of_the_command_line_is_seen():
    assert asked(["run", "x", "--lang", "zh"]) == asked(["--lang=zh"]) == "zh" and asked(["--language", "zh"]) is None


def test_sentences_within_sentences_and_others_texts():
    with speaking("zh"):
        assert said("3 stay eager: a sum with something else") == "3 层保持原样：a sum with something else"
        assert spoken("finish it with\n    kit run x \\\n        --resume y\n  cpu, 2 threads") == (
            "继续完成：\n    kit run x \\\n        --resume y\n  CPU，2 个线程")
        assert said("nothing like it") == "nothing like it"
        # names of folders
        assert said("written to data") == "已写入 data" and said("real (drawn)") == "real（程序生成）"


def test_no_sentence_stands_twice():
    keys = [line.partition('": ')[0] for table in TABLES for line in table.read_text("utf-8").splitlines()
            if line.startswith('"')]
    assert len(TABLES) == 3 and len(keys) == len(set(keys)) == len(KEYS)


@pytest.mark.parametrize("english, its_chinese", [
    ("unknown network 'resnett'; did you mean resnet50? There are a, b and c",
     "未知的网络 'resnett'，是否为 resnet50？有 a, b 和 c"),
    ("cannot write a.png: No space left on device. What stood there before is intact; make room (df -h .) or choose "
     "another folder, then run the command again",
     "无法写入 a.png：磁盘空间不足。原有内容未受影响；请腾出空间（df -h .）或另选文件夹，然后重新执行命令"),
    ("clip.mp4 is cut off or damaged: it claims 4.00 s, pictures came until 2.00 s (24 of 48)",
     "clip.mp4 被截断或已损坏：声称 4.00 秒，图像到 2.00 秒为止（48 帧中的 24 帧）"),
    ("x.jpg cannot be decoded (it is a PDF document); replace or remove it",
     "x.jpg 无法解码（它是 PDF 文档）；请替换或删除")])
def test_errors_in_all_their_parts(english, its_chinese):
    with speaking("zh"):
        assert said(english) == its_chinese
