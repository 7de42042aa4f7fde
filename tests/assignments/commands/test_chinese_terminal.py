"""What a student types, in Chinese on a terminal of 80 columns: no English sentence, no line over the width."""

import re
import sys

import pytest

from assignments.__main__ import main
from tests.assignments.glasses.glasses_set import write_set
from tests.reports.make_run import make_run
from tests.terminal import check_chinese, on_terminal, states

TRAINED = ["--preset", "smoke", "--image_size", "16", "--filters", "[4,6]", "--batch_size", "8", "--max_steps", "0",
           "--epochs", "5", "--device", "cpu", "--name", "mine"]


@pytest.fixture(scope="module")
def terminal(tmp_path_factory):
    """A function that gives the lines a command says in Chinese, in a place with two runs of the monkeys and pictures
    of faces."""
    place = tmp_path_factory.mktemp("zh")
    for name in ("20260101-120000-sample", "20260102-120000-first-try"):
        make_run(place / "runs" / "monkey_species" / name)
    write_set(place / "faces")
    own = {"KIT_RUNS": "runs", "KIT_CACHE": "cache", "GLASSES_DATA": "faces"}

    def say(*words: str) -> list[str]:
        return states(on_terminal(80, [sys.executable, "-m", "assignments", *words, "--lang", "zh"], place, **own))

    return say


def test_list_and_runs(terminal):
    check_chinese(terminal("list"), "基于 ResNet 的细粒度猴子分类", "2 个 CPU 核，2 分钟", "我们没有运行过")
    check_chinese(terminal("runs"), "预设", "程序生成", "20260102-120000-first-try", "* 表示")
    check_chinese(terminal("runs", "show", "first-try"), "已完成", "最佳轮次 6，共 8 轮", "接下来")


def test_compare(terminal):
    check_chinese(terminal("compare", "first-try", "20260101-120000-sample"), "程序生成的数据", "指标",
                  "已写入 comparison")


def test_a_run_from_its_first_line_to_its_zip(terminal):
    lines = terminal("run", "glasses", *TRAINED, "--data", "faces")
    check_chinese(lines, "faces（部分真实）", "约 0.0 GB，可用", "轮次 5/5", "评测，批次", "（目前最佳）", "快速层开启",
                  "95 % 区间", "结束原因：5 轮全部完成", "接下来")
    assert any(re.search(r"(kit|assignments) submit \d{8}-\d{6}-mine$", line) for line in lines)
    check_chinese(terminal("submit", "glasses", "-o", "mine.zip"), "已写入 mine.zip（", "得分", "与所称一致")


def test_doctor(terminal):
    check_chinese(terminal("doctor"), "正常     内存", "Paddle 自检      通过", "glasses          faces（部分真实）",
                  "否则由程序生成")


def test_a_mistake_is_told_in_chinese(monkeypatch, capfd):
    monkeypatch.setenv("KIT_LANG", "zh")
    assert main(["run", "glasses", "--preset", "smok"]) == 2
    assert capfd.readouterr().err == "错误：--preset smok：没有这个预设，是否为 smoke？有 smoke, sample, paper, best\n"
