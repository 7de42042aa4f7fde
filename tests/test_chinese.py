"""What is said in Chinese keeps to one word for one thing, and to Chinese punctuation."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SPOKEN = sorted(path for pattern in ("*.zh.md", "docs/*.zh.md", "assignments/*/*.zh.md", "assignments/*/*.yaml",
                                     "assignments/*/notebook.py", "assignments/common/student_*.py",
                                     "reports/**/*.zh.md", "reports/**/*.yaml", "reports/grading/*.py",
                                     "data_tools/*.yaml")
                for path in ROOT.glob(pattern) if path.relative_to(ROOT).parts[:2] != ("reports", "out"))
HAN = "[\u4e00-\u9fff]"
WRONG = {
    "手写(?!数字)": "从零实现: 手写 is for handwritten digits",
    "(?<!正在)绘制的?(数据|图|人脸|样本|示例|替代)|替代数据|样例数据": "程序生成的示例数据: what the kit draws",
    "(?<!卷积)核(被|原样|要旋转|的行|有两条)": "卷积核: a kernel of a convolution",
    rf"{HAN}[,;:!?]|[,;:!?]{HAN}|{HAN}\)|(?<!D)\({HAN}": "punctuation of full width beside Chinese",
}


def spoken(line: str) -> str:
    """A line without what is code: spans, targets of links, addresses."""
    return re.sub(r"`[^`]*`|\]\([^)]*\)|https?://\S+|D\(.*?\)", "x", line)


def test_chinese_is_found():
    assert len(SPOKEN) > 40 and ROOT / "README.zh.md" in SPOKEN


@pytest.mark.parametrize("path", SPOKEN, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_words_and_punctuation(path):
    wrong = [f"line {number}: {why}: {found[0]}" for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
             for pattern, why in WRONG.items() if (found := re.search(pattern, spoken(line)))]
    assert not wrong
