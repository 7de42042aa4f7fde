"""What the commands around a run say, in Chinese on a terminal of 80 columns, called in this process: no English
sentence, no line over the width."""

import sys
import types
import zipfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import paddle
import pytest
from PIL import Image

from assignments.__main__ import main
from assignments.backprop import student
from paddle_models.networks.swift_srgan import SwiftGenerator
from paddle_models.trainer.checkpoint import network_arrays
from paddle_models.weights.files import save_weights
from tests.assignments.glasses.glasses_set import write_set
from tests.data_tools.small_set import encoded
from tests.films import film
from tests.terminal import check_chinese

RUNS = Path(__file__).parents[2] / "data" / "runs-v1"
TINY = ["--image_size", "16", "--filters", "[4,6]", "--epochs", "1", "--max_steps", "1", "--device", "cpu"]


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder with a finished run, pictures, a film and a network that enlarges."""
    folder = tmp_path_factory.mktemp("zh")
    with zipfile.ZipFile(RUNS / "glasses-finished.zip") as archive:
        archive.extractall(folder / "runs" / "glasses" / "20260101-120000-smoke")
    write_set(folder / "faces")
    for name, content in (("cats/1.jpg", encoded(1)), ("cats/2.jpg", encoded(1)), ("dogs/1.png", encoded(3)),
                          ("dogs/damaged.jpg", encoded(4)[:200]), ("dogs/paper.jpg", b"%PDF-1.4 and more")):
        (folder / "pets" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "pets" / name).write_bytes(content)
    Image.fromarray(np.full((8, 8, 3), 90, np.uint8)).save(folder / "grey.png")
    film(folder / "clip.mp4", frames=3)
    paddle.seed(0)
    save_weights(folder / "x4.safetensors", network_arrays(SwiftGenerator(4, residual=True, blocks=1)),
                 {"model": "swift_srgan", "scale": "4", "residual": "true"})
    return folder


@pytest.fixture
def told(place, monkeypatch, capfd):
    """A function that gives the lines a command says, and its status where that is not 0."""
    monkeypatch.chdir(place)
    monkeypatch.setenv("KIT_LANG", "zh")
    monkeypatch.setenv("KIT_RUNS", "runs")
    monkeypatch.setattr("os.isatty", lambda _: True)  # lines are broken

    def say(*words: str, status: int = 0) -> list[str]:
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        assert main(list(words)) == status
        return [line for text in capfd.readouterr() for line in text.splitlines() if line.strip()]

    return say


def test_enlarging(told):
    words = ["predict", "swift_srgan", "--weights", "x4.safetensors", "--engine", "network", "--out", "out"]
    check_chinese(told(*words, "--source", "pets"), "放大 4 倍",
                  "略去：dogs/paper.jpg：是 PDF 文档", "无法解码", "略去 2 张")
    check_chinese(told(*words, "--source", "clip.mp4"), "每帧", "已写入：out/clip.mp4，")


def test_figures_and_report(told):
    check_chinese(told("figures", "glasses", "--list"), "不确定区间")
    check_chinese(told("figures", "glasses", "--only", "10", "--out", "drawn"), "唯一已完成的运行",
                  "插图与表格在 drawn：", "  figure_10.png .svg .pdf .csv", "预设：smoke；数据：程序生成的示例数据")
    assert not list(Path("drawn").glob("*_zh*"))  # what is drawn is English unless --lang says otherwise
    assert told("figures", "glasses", "--lang", "en", "--list")[8].endswith("Accuracy over the epochs")


def test_reproduce(told, monkeypatch):
    monkeypatch.setattr("assignments.commands.reproduce._step", lambda *_: None)  # the run is there
    monkeypatch.setattr("assignments.common.chapters.build_report",
                        lambda languages, **_: [Path(f"pages/report_{languages[0]}.html")])
    check_chinese(told("reproduce", "glasses"), "训练结束时的验证集损失", "已重现 1 份作业",
                  "报告：pages/report_zh.html")


def test_report(told):
    check_chinese(told("report", "--lang", "zh", "--names", "glasses", "--out", "pages"), "正在绘制 glasses（中文）",
                  "已写入 pages/report_zh.html（")


def test_export_and_release(told):
    check_chinese(told("export", "glasses", "-o", "exported"), "相差最大值的", "已写入 exported")
    check_chinese(told("release", "glasses", "-o", "small.safetensors"), "small.safetensors：0.0 MB，767 个数值")


def test_data(told):
    check_chinese(told("data", "audit", "pets"), "合计", "无法解码：2", "无法为训练划分")
    check_chinese(told("data", "pack", "faces", "packed", "--size", "16", "--processes", "1"),
                  "解码原", "已写入 packed")


def test_labels_in_doubt(told):
    check_chinese(told("label_errors", "glasses", "--folds", "2", "--data", "faces", *TINY), "第 2 折，共 2 折",
                  "60 个标签中有", "划去正确的")
    assert 'lang="zh' in next(Path("runs/glasses_label_errors").glob("*/suspects.html")).read_text("utf-8")


def test_a_learning_rate_to_begin_with(told):
    lines = told("run", "glasses", "--find_lr", "--data", "faces", *TINY, "--out", "rates")
    check_chinese(lines, "已写入 rates")
    assert any("时损失最低；建议：" in line or "无法建议学习率" in line for line in lines)


def test_a_work_of_ones_own(told, folder):
    check_chinese(told("new", "mine"), "处待填", "试一试")


def test_what_teachers_and_students_get(told):
    check_chinese(told("gradescope", "backprop", "-o", "grader.zip"), "已写入 grader.zip（")
    with zipfile.ZipFile("grader.zip") as archive:
        assert b"language=zh\n" in archive.read("settings.sh")
    assert student.main(["--out", "exercises"]) == 0 and "填写" in Path("exercises/README.md").read_text("utf-8")


def test_the_page_to_play_with_speaks_the_same_language(told, monkeypatch):
    languages = []

    @contextmanager
    def served(language, *_):
        languages.append(language)
        yield "http://127.0.0.1:7860/"

    monkeypatch.setattr("importlib.util.find_spec", lambda _: True)
    monkeypatch.setitem(sys.modules, "assignments.demo.page", types.SimpleNamespace(served=served))
    monkeypatch.setitem(sys.modules, "assignments.demo.choices", types.SimpleNamespace(named_runs=dict))
    monkeypatch.setattr("signal.sigwaitinfo", lambda _: None)
    monkeypatch.setattr("signal.pthread_sigmask", lambda *_: None)
    check_chinese(told("demo", "--host", "0.0.0.0"), "http://127.0.0.1:7860/（Ctrl-C 结束）", "没有密码")
    assert told("demo", "--lang", "en")[0].endswith("(Ctrl-C ends it)") and languages == ["zh", "en"]


@pytest.mark.parametrize("words, expected", [
    (["predict", "swift_srgan", "--source", "nothing.png"], "没有这个文件或文件夹"),
    (["predict", "face_attributes", "--source", "pets/dogs/paper.jpg"], "是 PDF 文档"),
    (["predict", "swift_srgan", "--source", "grey.png", "--out", "."], "以免覆盖"),
    (["run", "glasses", "--preset", "smoke", "--data", "nothing"], "没有这个文件或文件夹"),
    (["run", "glasses", "--preset", "smoke", "--data", "pets"], "中没有 glasses 数据集"),
    (["run", "glasses", "--batch_size", "0"], "设置 batch_size：0 小于 1"),
    (["run", "glasses", "--filters", "[4,-1]"], "设置 filters：[4, -1] 中的 -1"),
    (["run", "glasses", "--optimizer.lr", "0"], "设置 optimizer.lr：0.0 应大于 0"),
    (["figures", "glasses", "nothing"], "既不是作业"),
    (["figures", "monkey_species"], "没有运行；用此命令得到"),
    (["figures", "glasses", "--only", "10", "--font", "nosuchfont"], "没有安装这种字体"),
    (["export", "backprop"], "没有运行"), (["data", "fetch", "nothing"], "未知的数据集"),
    (["data", "audit", "faces"], "中没有 10 Monkey Species 数据集"), (["export", "backprop/run"], "既不是作业"),
    (["label_errors", "glasses", "--folds", "1"], "至少为 2"), (["data", "sample", "cats", "there"], "没有名为 cats"),
    (["new", "Mine"], "小写字母"), (["release", "glasses", "-o", "here.zip"], ".safetensors；请给出")])
def test_mistakes(told, words, expected):
    lines = told(*words, status=2)
    check_chinese(lines, "错误：", expected)


@pytest.mark.parametrize("words", [
    ["predict", "swift_srgan", "--source", "nothing"], ["predict", "face_attributes", "--source", "nothing"],
    ["export", "nothing"], ["release", "nothing", "-o", "x.safetensors"], ["data", "audit", "nothing"],
    ["figures", "glasses", "nothing"], ["label_errors", "backprop"],
    ["report", "--names", "nothing"]])
def test_the_option_goes_before_the_locale(told, words):
    assert told(*words, "--lang", "en", status=2)[0].startswith("error: ")
