"""Every figure of the facial attribute report, redrawn from a run folder; nothing is trained and nothing drawn by hand.

python assignments/face_attributes/figures.py [--run DIR] [--ablation DIR] [--out DIR] [--lang en|zh] [--only 2 regions]
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assignments.face_attributes import attribute_table, claims
from assignments.face_attributes import figures_ablation as ablations
from assignments.face_attributes import figures_document as document
from assignments.face_attributes import figures_results as results
from assignments.face_attributes.ablation import FILE
from assignments.face_attributes.figures_ablation import Ablation, read_ablation
from reports.figures import style
from reports.figures.figure_script import Entry, FigureScript
from reports.figures.style import Labels
from reports.run_reader import Run, latest_beside_runs, peek

ASSIGNMENT = "face_attributes"


@dataclass(frozen=True)
class FaceRun(Run):
    """A run, and the ablation that stands beside it; None where none has been made yet."""

    ablation: Ablation | None = None


def open_run(path: Path, arguments: argparse.Namespace | None = None) -> FaceRun:
    """The run in `path` with the ablation that --ablation names, else the newest one, those on its kind of data
    first."""
    origin = peek(Path(path) / "result.json", "origin")
    folder = (arguments.ablation if arguments else None) or latest_beside_runs(ASSIGNMENT, FILE, origin=origin)
    return FaceRun(Path(path), ASSIGNMENT, read_ablation(folder) if folder else None)


def options(parser: argparse.ArgumentParser) -> None:
    """What this figures.py understands beyond the others."""
    parser.add_argument("--ablation", type=Path,
                        help="folder that ablation.py wrote (default: the newest on the run's kind of data, else the "
                             "newest)")


@dataclass(frozen=True)
class AblationEntry(Entry):
    """A figure that reads the ablation instead of the run; where there is none, it shows which command makes one."""

    def make(self, run: FaceRun, t: Labels):
        """The finished matplotlib Figure."""
        ablation, title = run.ablation, t(self.en, self.zh)
        if ablation is None:
            figure = style.page(t, title, 1.2)
        else:
            height = 0.19 * (1 + len(ablation.variants)) if self.draw is ablations.ablation else self.height
            figure = style.page(t, title, height, ablation.origin == "drawn", (t(self.note_en, self.note_zh),))
        self.draw(figure, ablation, t)
        return figure


BEYOND = ("Beyond the document, whose section of results is empty.", "文档之外的图：文档的结果一节是空的。")
FIGURES = [
    Entry("1", document.figure_1, 4.5, "Figure 1  Images after preprocessing and augmentation", "图 1  预处理与数据增强后的图像",
          "Middle square of 178 x 178, resized; brightness, contrast, saturation ±0.1, hue ±0.05, mirrored with "
          "probability 0.5.",
          "取中央 178×178 方块并缩放；亮度、对比度、饱和度 ±0.1，色调 ±0.05，以 0.5 的概率水平翻转。"),
    Entry("2", document.figure_2, 4.3, "Figure 2  The seven heads", "图 2  七个头部",
          "The document does not name the layer from the hidden units to a region's attributes; here it is each head's "
          "last.",
          "文档没有写出从最后的隐藏单元到各部位属性的那一层，即图中各头部的最后一层。", shows_data=False),
    Entry("3", document.figure_3, 6.6, "Figure 3  From the data set's label order to the order of the heads",
          "图 3  从数据集标签顺序到头部顺序",
          "The document's text reorders the network's output, its listing the labels; the order is the same.",
          "文档正文说重排网络输出，代码重排的是标签；两者得到的对应关系相同。", shows_data=False),
    Entry("frequencies", document.frequencies, 6.2, "How frequent the attributes are", "各属性的出现频率",
          "Numbers: percent of the training images. Beyond the document.", "数字为占训练图像的百分比。文档之外的图。"),
    Entry("training", results.training, 2.7, "Training", "训练过程",
          "Training loss as the run weighs it, on augmented images; validation loss is plain cross-entropy. Beyond the "
          "document.",
          "训练损失按本次设置加权、在增强后的图上计算；验证损失为普通交叉熵。文档之外的图。"),
    Entry("accuracy", results.attribute_accuracy, 7.6, "Accuracy of each attribute, by region",
          "各属性的准确率（按部位）", *BEYOND),
    Entry("regions", results.region_measures, 2.6, "Regions: what accuracy hides", "各部位：准确率所掩盖的", *BEYOND),
    Entry("predictions", results.some_predictions, 6.6, "Some predictions", "部分预测结果",
          "✓ found and there. ✗ found, but not there. – there, but missed. With the network's probability; random "
          "images.",
          "✓ 判为有且确实有；✗ 判为有但没有；– 有但漏判。右侧为网络给出的概率；图像随机抽取。"),
    AblationEntry("ablation", ablations.ablation, 3.2, "Ablation", "消融实验",
          "Means in percent, ± standard deviation over seeds; each row changes one thing. Weights: (absent / "
          "present)^power.",
          "各属性平均值（百分数），± 为多个种子的标准差；每行只改变一处。正类权重为（无 / 有）的幂。"),
    AblationEntry("latency", ablations.latency, 2.8, "Latency and accuracy of the backbones", "主干网络的延迟与准确率",
          "Eager, one image at a time, median and quartiles; the networks took turns. The exported model is faster.",
          "动态图逐张推理，取中位数与四分位数，各网络轮流计时。导出后的模型更快。"),
]


def values(run: FaceRun) -> dict[str, Any]:
    """What the claims' result keys can name; the ablation only where its data are of the run's kind."""
    return claims.values(run, run.ablation if run.ablation and run.ablation.origin == run.origin else None)


SCRIPT = FigureScript(ASSIGNMENT, __file__, FIGURES, more_tables={"attributes": attribute_table.table}, values=values,
                      options=options, open_run=open_run)
measured, draw, main = SCRIPT.measured, SCRIPT.draw, SCRIPT.command(__doc__)

if __name__ == "__main__":
    sys.exit(main())
