"""Every figure and table of the glasses report, redrawn from a run folder; nothing is trained and nothing drawn by
hand.

python assignments/glasses/figures.py [--run DIR] [--experiments DIR] [--label_errors DIR] [--out DIR] [--lang en|zh]
[--only 4 models]
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from assignments.glasses import figures_document as document
from assignments.glasses import figures_experiments as experiments
from assignments.glasses import figures_results as results
from assignments.glasses.figures_experiments import COMMANDS, Experiments, Suspects
from reports import tables
from reports.figures import plots, style
from reports.figures.figure_script import Entry, FigureScript
from reports.figures.style import Labels
from reports.run_reader import Run, latest_beside_runs, peek
from reports.tables import PlainTable

ASSIGNMENT = "glasses"
FULL = 0.995  # training accuracy that is 1.00 in two digits


@dataclass(frozen=True)
class GlassesRun(Run):
    """A run, with the experiments and the suspected labels that stand beside it; None where none have been made yet."""

    experiments: Experiments | None = None
    suspects: Suspects | None = None


def open_run(path: Path, arguments: argparse.Namespace | None = None) -> GlassesRun:
    """The run in `path` with what --experiments and --label_errors name, else the newest ones, those on its kind of
    data first."""
    origin = peek(Path(path) / "result.json", "origin")
    made, doubted = (getattr(arguments, kind, None)
                     or latest_beside_runs(f"{ASSIGNMENT}_{kind}", experiments.FILE, origin=origin)
                     for kind in COMMANDS)
    return GlassesRun(Path(path), ASSIGNMENT, experiments.read_experiments(made) if made else None,
                      experiments.read_suspects(doubted) if doubted else None)


def options(parser: argparse.ArgumentParser) -> None:
    """What this figures.py understands beyond the others."""
    for kind in COMMANDS:
        parser.add_argument(f"--{kind}", type=Path,
                            help=f"folder that {kind}.py wrote (default: the newest on the run's kind of data, else "
                                 f"the newest)")


@dataclass(frozen=True)
class ExperimentEntry(Entry):
    """A figure of one of the experiments; where it was not made, it shows which command makes it."""

    experiment: str = ""

    def make(self, run: GlassesRun, t: Labels):
        """The finished matplotlib Figure."""
        found = run.experiments.of(self.experiment) if run.experiments else {}
        if not found:
            figure = style.page(t, t(self.en, self.zh), 1.2)
            plots.gap(figure.subplots(), t, COMMANDS["experiments"])
            return figure
        notes = (t(self.note_en, self.note_zh),)
        figure = style.page(t, t(self.en, self.zh), self.height, run.experiments.origin == "drawn", notes)
        self.draw(figure, found, t)
        return figure


@dataclass(frozen=True)
class SuspectsEntry(Entry):
    """A figure of the suspected labels; where none were sought, or none found, it says so."""

    def make(self, run: GlassesRun, t: Labels):
        """The finished matplotlib Figure."""
        suspects, title = run.suspects, t(self.en, self.zh)
        if suspects is None:
            figure = style.page(t, title, 1.2)
            plots.gap(figure.subplots(), t, COMMANDS["label_errors"])
            return figure
        if not suspects.found:
            return style.page(t, title, 0.2, suspects.origin == "drawn", (t("No label is suspect.", "没有可疑的标签。"),))
        rows = -(-min(len(suspects.images), 15) // 5)
        figure = style.page(t, title, 1.45 * rows, suspects.origin == "drawn",
                            (t(self.note_en, self.note_zh), _how_many(suspects, t)))
        self.draw(figure, suspects, t)
        return figure


def _how_many(suspects: Suspects, t: Labels) -> str:
    """How many labels are suspect, and how many planted errors that finds."""
    words = t(f"{suspects.found} of {suspects.examined} labels are suspect",
              f"{suspects.examined} 个标签中有 {suspects.found} 个可疑")
    if suspects.precision is None or suspects.recall is None:
        return words + t(".", "。")
    return words + t(f"; of the planted errors, precision {suspects.precision:.2f}, recall {suspects.recall:.2f}.",
                     f"；对预先设置的错误，精确率 {suspects.precision:.2f}，召回率 {suspects.recall:.2f}。")


class FigureNine(Entry):
    """Figure 9, which tells how suspected labels are found where nobody has sought them yet."""

    def make(self, run: GlassesRun, t: Labels):
        """The finished matplotlib Figure."""
        note = t(self.note_en, self.note_zh)
        if run.suspects is None:
            note = t(f"No suspected labels have been sought yet. This command does: {COMMANDS['label_errors']}",
                     f"尚未查找可疑标签，运行：{COMMANDS['label_errors']}")
        figure = style.page(t, t(self.en, self.zh), self.height, run.origin == "drawn", (note,))
        self.draw(figure, run, run.suspects, t)
        return figure


class FigureThirteen(Entry):
    """Figure 13, as high as the run's network is deep."""

    def make(self, run: GlassesRun, t: Labels):
        """The finished matplotlib Figure."""
        return Entry.make(replace(self, height=results.height_of_13(run)), run, t)


# the document's figure 3 is a photograph of Hubel and Wiesel's experiment on a cat, which no program can redraw
FIGURES = [
    Entry("1", document.figure_1, 2.6, "Figure 1  Faces of the data set", "图 1  数据集中的人脸",
          "The document's text calls this figure 2.", "文档正文把本图称作图 2。"),
    Entry("2", document.figure_2, 3.5, "Figure 2  Example of uncertain images", "图 2  不确定图像示例",
          "The unseen images nearest to P = 0.5, the network's probability of glasses. The document's text calls this "
          "figure 3.",
          "未参与训练、网络给出的戴眼镜概率 P 最接近 0.5 的图像。文档正文把本图称作图 3。"),
    Entry("4", document.figure_4, 2.3, "Figure 4  A filter of 5 x 5 detects a vertical line of 3 pixels",
          "图 4  5×5 滤波器检测 3 像素的竖线",
          "Computed: each cell of the map is the filter times the 5 x 5 pixels under it, summed. Orange: where the "
          "line is.",
          "由程序计算：特征图的每格是滤波器与其下 5×5 像素逐元素乘积之和。橙框：竖线所在处。",
          shows_data=False),
    Entry("5", document.figure_5, 1.9, "Figure 5  Sobel's filter for horizontal lines", "图 5  检测水平线的 Sobel 滤波器",
          "The map shows absolute values. Right: what this network's first layer has learned instead.",
          "特征图为绝对值。右：本网络第一层自己学到的滤波器。"),
    Entry("6", document.figure_6, 1.9, "Figure 6  Unit step function", "图 6  单位阶跃函数",
          "Its derivative is 0 wherever it exists: nothing to descend along.", "凡有导数处导数皆为 0，梯度下降无从进行。",
          shows_data=False),
    Entry("7", document.figure_7, 1.9, "Figure 7  Sigmoid function", "图 7  Sigmoid 函数",
          "1 / (1 + exp(-x))", "1 / (1 + exp(-x))", shows_data=False),
    Entry("8", document.figure_8, 2.1, "Figure 8  ReLU function", "图 8  ReLU 函数",
          "max(0, x); the derivative at 0 is taken as 0.",
          "max(0, x)；0 处的导数取 0。", shows_data=False),
    FigureNine("9", results.figure_9, 3.05, "Figure 9  Ten images with their labels", "图 9  十张图像及其标签",
               "At the network's resolution. Orange, dashed: suspect; P: probability of glasses by cross-validation.",
               "以网络的分辨率显示。橙色虚线框：可疑标签；P：交叉验证给出的戴眼镜概率。"),
    Entry("10", results.figure_10, 2.5, "Figure 10  Accuracy over the epochs", "图 10  各轮次的准确率",
          "The document trained its untuned model for 100 epochs: --preset paper --early_stopping.patience 0.",
          "文档将未调参的模型训练 100 轮：--preset paper --early_stopping.patience 0。"),
    ExperimentEntry("11", experiments.figure_11, 2.5, "Figure 11  Accuracy of three models", "图 11  三个模型的准确率",
                    "Means over seeds, up to where the first of them stopped; the band is one standard deviation.",
                    "多个种子的平均，截至最早停止者；阴影为一个标准差。", experiment="models"),
    Entry("12", results.figure_12, 5.1, "Figure 12  Predictions on images of the test set", "图 12  测试集图像的预测",
          "P: probability of glasses; around 0.5 it counts as uncertain. Solid green: right; dashed orange: wrong.",
          "P：戴眼镜的概率，在 0.5 附近视为不确定。绿色实线：正确；橙色虚线：错误。"),
    FigureThirteen("13", results.figure_13, 0, "Figure 13  Feature maps from the first layer to the last",
                   "图 13  自首层至末层的特征图",
          "Up to 16 maps of each layer, dark to bright from the least value of the layer to the greatest.",
          "每层最多 16 张特征图，由暗到亮为该层的最小值到最大值。"),
    ExperimentEntry("file-size", experiments.resolution, 2.6, "Resolution: file size and accuracy", "分辨率：文件大小与准确率",
                    "Hollow: the document's single runs. Filled: means over seeds with one standard deviation.",
                    "空心：文档的单次结果。实心：多个种子的平均与标准差。", experiment="resolution"),
    ExperimentEntry("dropout-curves", experiments.dropout, 2.5, "Dropout on and off", "有无 Dropout",
                    "The document says, without numbers, that validation accuracy gets stuck early without it.",
                    "文档未给数值，只说没有 Dropout 时验证集准确率很快停滞。", experiment="dropout"),
    SuspectsEntry("label-errors", experiments.label_errors, 3.0, "Labels that are probably wrong", "可能有误的标签",
                  "The label, and the probability of glasses from networks that had not seen the image in training.",
                  "所示为标签，以及训练时未见过该图的网络给出的戴眼镜概率。"),
    Entry("calibration", results.calibration, 3.0, "Calibration", "校准曲线",
          "Test images in ten bins; bars: 95 % intervals, wide where a bin has few images. Beyond the document.",
          "测试图像分为十组；竖线为 95 % 区间，图像少的组区间宽。文档之外的图。"),
    Entry("uncertain", results.uncertain_band, 2.5, "The uncertain band", "不确定区间",
          "Left: probabilities of the test images by label. Right: what leaving out the doubtful ones buys. Beyond the "
          "document.",
          "左：测试图像按标签的概率分布。右：舍去不确定图像的得失。文档之外的图。"),
]


def class_shares(run: GlassesRun, language: str = "en") -> PlainTable:
    """Section 5's table of the two classes."""
    return experiments.class_shares_table(run, language, label_shares(run))


def label_shares(run: GlassesRun) -> dict[int, tuple[float, int]]:
    """{label: (share, images)} of the run's images with labels: validation and test."""
    labels = [results.predictions(run, prefix)[1] for prefix in ("", "val_")]
    found = [int((part == 1).sum()) for part in labels]
    whole = sum(map(len, labels))
    return {1: (sum(found) / whole, sum(found)), 0: (1 - sum(found) / whole, whole - sum(found))}


def _of_experiments(make: Callable[..., PlainTable]) -> Callable[[GlassesRun, str], PlainTable]:
    return lambda run, language="en": make(run, run.experiments, language)


TABLES = {"class_shares": class_shares, "resolution": _of_experiments(experiments.resolution_table),
          "batch_size": _of_experiments(experiments.batch_size_table),
          "dropout": _of_experiments(experiments.dropout_table),
          "models": _of_experiments(experiments.models_table)}


def values(run: GlassesRun) -> dict[str, Any]:
    """What the claims' result keys can name: tables.run_values; "derived", what follows from the run's arrays;
    "experiments" by experiment, label (blanks as _) and measure, n = seeds; "label_errors". Both only where their data
    are of the run's kind: numbers from drawn faces do not stand among those from photographs."""
    _, _, probabilities = results.predictions(run)
    share, (low, high) = label_shares(run), document.band_of(run)
    derived: dict[str, Any] = {
        "share_glasses": {"value": share[1][0], "n": share[1][1] + share[0][1]},
        "share_no_glasses": {"value": share[0][0], "n": share[1][1] + share[0][1]},
        "input_nodes": 3 * results.side_of(run)**2, "band_low": low, "band_high": high,
        "nearest_to_half": float(probabilities[abs(probabilities - 0.5).argmin()]),
        "original_width": run.artifact("eyes_image", (None, None, 3), "u").shape[1]}
    for name, key in (("last_train_accuracy", "train/accuracy"), ("last_val_loss", "val/loss")):
        _, series = run.series("epoch", "epoch", key)
        derived[name] = float(series[-1]) if len(series) else None
    epochs, accuracy = run.series("epoch", "epoch", "train/accuracy")
    if (accuracy >= FULL).any():
        derived["epochs_to_full"] = float(epochs[accuracy >= FULL][0]) + 1
    tried, suspects = (found if found and found.origin == run.origin else None
                       for found in (run.experiments, run.suspects))
    made: dict[str, Any] = {}
    for name, choices in (tried.choices if tried else {}).items():
        for choice in choices:
            found = {key: {"value": choice.mean(key), "n": choice.seeds} for key in experiments.MEASURES}
            size = choice.bytes_per_image
            found["chunk_mb"] = None if size is None else size * experiments.CHUNK / 1e6
            made.setdefault(name, {})[choice.label.replace(" ", "_")] = found
    doubted = {"precision": suspects.precision, "recall": suspects.recall, "found": suspects.found,
               "examined": suspects.examined} if suspects else {}
    return {**tables.run_values(run), "derived": derived, "experiments": made, "label_errors": doubted}


SCRIPT = FigureScript(ASSIGNMENT, __file__, FIGURES, more_tables=TABLES, values=values, options=options,
                      open_run=open_run)
measured, draw, main = SCRIPT.measured, SCRIPT.draw, SCRIPT.command(__doc__)

if __name__ == "__main__":
    sys.exit(main())
